"""Pages that need charts, made in a process of their own: once for all who ask, anew on change."""

import asyncio
import hashlib
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from http import HTTPStatus
from pathlib import Path
from typing import Any, Literal, TypeVar, cast
from zoneinfo import ZoneInfo

from anyio import CapacityLimiter, to_thread
from fastapi import HTTPException

from leadml.errors import ApartError, ConfigError, LeadmlError
from leadml.workflows.apart import EVALUATION, apart

LONGEST = 300.0
"""Seconds after which making a page is given up."""
PATIENCE = 20.0
"""Seconds that a visitor waits for a page; then another says that it is being made."""
SHARE = 4.0
"""A page rests for this many times as long as it took: a busy ledger changes all the time."""
LONGEST_REST = 60.0
NAVIGATION = "leadml-navigation-goes-here"
"""Stands in a page where the bar of links goes."""

Key = tuple[object, ...]
T = TypeVar("T")


@dataclass(frozen=True)
class Made:
    """One page.

    Attributes
    ----------
    key : tuple
        What it was made from; only the first part may differ while it rests.
    values : dict
        The numbers of the page.
    page : str
        With `NAVIGATION` in place of the bar of links.
    at : datetime
        When it was finished, UTC.
    until : float
        Monotonic seconds up to which it rests: it is shown even when the ledger has grown.
    """

    key: Key
    values: dict[str, Any]
    page: str
    at: datetime
    until: float


class Press:
    """Makes one page, one at a time, and keeps the newest.

    Parameters
    ----------
    config : Path or None
        The configuration file; without one nothing can be made.
    key : callable
        Takes its path and returns what the page is made from; may block.
    make : callable
        Takes its path and returns the page's ``values`` and ``page``; blocks.
    threads : CapacityLimiter, optional
        Those that `key` may wait in.
    """

    def __init__(
        self,
        config: Path | None,
        key: Callable[[Path], Key],
        make: Callable[[Path], Mapping[str, Any]],
        threads: CapacityLimiter | None = None,
    ) -> None:
        self._config, self._key, self._work, self._threads = config, key, make, threads
        self._made: Made | None = None
        self._making: asyncio.Task[Made] | None = None
        self._refused: tuple[Key, ApartError, float] | None = None

    @property
    def last(self) -> Made | None:
        """The page that was made last, if any."""
        return self._made

    async def newest(self, patience: float | None = None) -> Made | None:
        """Return the page as of now, or nearly; None while the first one is being made.

        `patience` is how many seconds to wait for it, by default `PATIENCE`.

        Raises
        ------
        LeadmlError
            If it cannot be made.
        """
        path = self._written
        key = await to_thread.run_sync(self._key, path, limiter=self._threads)
        if self._made and (self._made.key == key or self._rests(key)):
            return self._made
        self._raise_refusal(key)
        if self._making is None or self._making.done():
            self._making = asyncio.create_task(self._make(path, key))
            self._making.add_done_callback(_told_later)
        await asyncio.wait({self._making}, timeout=PATIENCE if patience is None else patience)
        return self._making.result() if self._making.done() else self._made

    @property
    def _written(self) -> Path:
        if self._config is None:
            msg = "the service runs without a configuration file: start it with one (--config)"
            raise ConfigError(msg)
        return self._config

    def _rests(self, key: Key) -> bool:
        """Tell whether the last page is new enough though events have come since."""
        made = self._made
        return made is not None and made.key[1:] == key[1:] and time.monotonic() < made.until

    def _raise_refusal(self, key: Key) -> None:
        if self._refused is not None:
            refused, error, until = self._refused
            if refused == key and time.monotonic() < until:
                raise error

    async def _make(self, path: Path, key: Key) -> Made:
        start = time.monotonic()
        try:
            made = await _aside(partial(self._work, path))
        except LeadmlError as error:
            refusal = ApartError(str(error))
            self._refused = (key, refusal, _rest(start))
            raise refusal from None
        self._made = Made(key, made["values"], made["page"], datetime.now(UTC), _rest(start))
        return self._made


def made_apart(task: Literal["report", "evaluation"]) -> Callable[[Path], Mapping[str, Any]]:
    """Return what makes a page in a process of its own, with `NAVIGATION` above it."""
    return partial(apart, task, seconds=LONGEST, navigation=NAVIGATION)


def report_key(zone: ZoneInfo, mark: Callable[[], int]) -> Callable[[Path], Key]:
    """Return what tells whether a report still holds: ledger, configuration and date in a zone.

    `mark` returns the ledger's mark, which rises with every change.
    """

    def key(path: Path) -> Key:
        try:
            written = hashlib.sha256(path.read_bytes()).hexdigest()
        except OSError as error:
            msg = f"{path.name} cannot be read: {error.strerror}; restore it"
            raise ConfigError(msg) from None
        return mark(), written, datetime.now(zone).date()

    return key


def evaluation_key(path: Path) -> Key:
    """Return what tells whether the page of the evaluation beside a configuration still holds."""
    try:
        written = (path.parent / EVALUATION).stat()
    except OSError:
        msg = "there is no evaluation beside the configuration: write one with `leadml evaluate`"
        raise HTTPException(HTTPStatus.NOT_FOUND, msg) from None
    return 0, written.st_mtime_ns, written.st_size


async def _aside(work: Callable[[], T]) -> T:
    """Do blocking work in a thread that a service which stops does not wait for."""
    loop = asyncio.get_running_loop()
    done: asyncio.Future[T] = loop.create_future()

    def tell(result: T | None, error: Exception | None) -> None:
        if done.cancelled():
            return
        if error is not None:
            done.set_exception(error)
        else:
            done.set_result(cast("T", result))

    def run() -> None:
        result, error = None, None
        try:
            result = work()
        except Exception as raised:  # whoever waits is told
            error = raised
        with suppress(RuntimeError):  # the loop is closed: nobody waits any more
            loop.call_soon_threadsafe(tell, result, error)

    threading.Thread(target=run, name="leadml press", daemon=True).start()
    return await done


def _told_later(making: "asyncio.Task[Made]") -> None:
    """Take note of a failure that nobody waits for any more: the next visitor is told."""
    if not making.cancelled():
        making.exception()


def _rest(start: float) -> float:
    """Return until when what began at `start` and ends now is not done again."""
    now = time.monotonic()
    return now + min(LONGEST_REST, SHARE * (now - start))
