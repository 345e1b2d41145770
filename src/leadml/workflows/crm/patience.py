"""Waiting for a CRM: not more requests than it takes, and again where it was busy."""

import time
from collections.abc import Callable
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from itertools import count
from typing import TypeVar

from leadml.errors import CrmBusy

T = TypeVar("T")
Sleep = Callable[[float], object]

TRIES = 6
LONGEST_SECONDS = 300.0
"""A CRM that asks for a longer rest is left alone, and the sync run again later."""
_MOST_GROWN = 60.0


class Pace:
    """Lets so many requests a second pass, evenly.

    Parameters
    ----------
    per_second : float
        > 0.
    clock, sleep : callable
        Seconds that only grow; waits so many seconds.
    """

    def __init__(
        self,
        per_second: float,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Sleep = time.sleep,
    ) -> None:
        self._gap, self._clock, self._sleep = 1.0 / per_second, clock, sleep
        self._next = clock()

    def wait(self) -> None:
        """Return when the next request may be sent."""
        rest = self._next - self._clock()
        if rest > 0:
            self._sleep(rest)
        self._next = max(self._next, self._clock()) + self._gap


class Patience:
    """Makes a call again where the CRM was busy or away.

    Parameters
    ----------
    tries : int
        Calls in all.
    sleep : callable
        Waits so many seconds.
    """

    def __init__(self, *, tries: int = TRIES, sleep: Sleep = time.sleep) -> None:
        self._tries, self._sleep = tries, sleep

    def ask(self, call: Callable[[], T]) -> T:
        """Make a call until it is answered.

        Between two tries lie the seconds that the CRM asks for, or else 1, 2, 4 … up to 60.

        Raises
        ------
        CrmBusy
            If it was busy every time, or asks to wait longer than `LONGEST_SECONDS`.
        """
        for number in count(1):
            try:
                return call()
            except CrmBusy as busy:
                asked = busy.retry_after
                rest = min(2.0 ** (number - 1), _MOST_GROWN) if asked is None else asked
                if number >= self._tries or rest > LONGEST_SECONDS:
                    raise CrmBusy(_given_up(busy, number, rest), retry_after=asked) from None
            self._sleep(rest)
        raise AssertionError  # pragma: no cover - count never ends


def _given_up(busy: CrmBusy, number: int, rest: float) -> str:
    tried = "" if number == 1 else f" ({number} times in a row)"
    when = f"in {rest:.0f} seconds" if rest > LONGEST_SECONDS else "later"
    return f"{busy}{tried}: what was done so far is kept; run the command again {when}"


def retry_after(header: str | None, now: datetime | None = None) -> float | None:
    """Read a ``Retry-After`` header (RFC 9110, 10.2.3): seconds, or a date; None where it is none.

    Examples
    --------
    >>> retry_after("120")
    120.0
    >>> retry_after("Sun, 22 Nov 2026 10:00:30 GMT", datetime(2026, 11, 22, 10, tzinfo=UTC))
    30.0
    """
    text = (header or "").strip()
    if text.isascii() and text.isdecimal():
        return float(text[:9])
    try:
        moment = parsedate_to_datetime(text)
    except ValueError:
        return None
    if moment.tzinfo is None:
        return None
    return max(0.0, (moment - (now or datetime.now(UTC))).total_seconds())
