"""Where a sync stands, kept in a file beside leadml.toml: a killed one goes on from there."""

import hashlib
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from leadml.data.writing import write_text
from leadml.errors import CrmError
from leadml.workflows.crm.connector import Connector


@dataclass(frozen=True, kw_only=True)
class Place:
    """How far a sync has come.

    Attributes
    ----------
    since : datetime or None
        It reads leads changed at this time or later, aware; None: all.
    started : datetime
        When it began, aware: the next one reads from here on, less an overlap.
    after : str or None
        What `Connector.page` is asked for next; None at the beginning.
    finished : bool
        Whether it read all.
    """

    since: datetime | None
    started: datetime
    after: str | None = None
    finished: bool = False

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON-ready form."""
        return {
            "since": None if self.since is None else self.since.isoformat(),
            "started": self.started.isoformat(),
            "after": self.after,
            "finished": self.finished,
        }


def next_place(
    last: Place | None, *, since: datetime | None, now: datetime, overlap: timedelta
) -> Place:
    """Return where a sync begins: at `since`, where a killed one stopped, or where the last began.

    Parameters
    ----------
    last : Place or None
        Where the last sync came to; None: there was none, so all leads are read.
    since : datetime or None
        Asked for by name, aware.
    """
    if since is not None:
        return Place(since=since, started=now)
    if last is None:
        return Place(since=None, started=now)
    if not last.finished:
        return last
    return Place(since=last.started - overlap, started=now)


def covers(place: Place, last: Place | None) -> bool:
    """Tell whether a sync from `place` on reads all that one from the last place on would read.

    If not, its end must not be kept as the place: what changed before it would never be read.
    """
    if last is None or place == last:
        return True
    if last.finished:
        return place.since is None or place.since <= last.started
    return place.since is None or (last.since is not None and place.since <= last.since)


class PlaceFile:
    """The file of one connector and database: ``crm/NAME-HASH.json`` beside leadml.toml."""

    def __init__(self, root: Path, connector: Connector) -> None:
        self._of = connector.of
        part = hashlib.blake2b(connector.of.encode(), digest_size=4).hexdigest()
        self.path = root / "crm" / f"{connector.name}-{part}.json"

    def read(self) -> Place | None:
        """Return the place kept; None where there is none.

        Raises
        ------
        CrmError
            If the file holds something else.
        """
        try:
            held = json.loads(self.path.read_text("utf-8"))
            since = held["since"]
            return Place(
                since=None if since is None else _aware(since),
                started=_aware(held["started"]),
                after=None if held["after"] is None else str(held["after"]),
                finished=bool(held["finished"]),
            )
        except FileNotFoundError:
            return None
        except (OSError, ValueError, KeyError, TypeError) as error:
            msg = (
                f"{self.path} does not say how far the last sync came ({error}): remove it, and "
                "the next sync reads all leads once more"
            )
            raise CrmError(msg) from None

    def write(self, place: Place) -> None:
        """Keep a place: whole, or what stood there before."""
        text = json.dumps({"of": self._of, **place.to_dict()}, ensure_ascii=False, indent=1)
        write_text(self.path, text + "\n")

    @contextmanager
    def held(self) -> Iterator[None]:
        """Keep other syncs of the same CRM out meanwhile, where the system has file locks.

        Raises
        ------
        CrmError
            If one is running.
        """
        try:
            import fcntl
        except ImportError:  # pragma: no cover - Windows
            yield
            return
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self.path.with_suffix(".lock").open("w") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                msg = f"another sync with {self._of} is running: wait for it, or stop it first"
                raise CrmError(msg) from None
            file.write(f"{os.getpid()}\n")
            yield
            with suppress(OSError):
                file.truncate(0)


def _aware(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        msg = f"{text!r} has no offset"
        raise ValueError(msg)
    return moment
