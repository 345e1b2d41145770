"""The service's way to the ledger: opened at start, and again where that failed."""

import threading
import time
from collections.abc import Collection, Mapping, Sequence

from anyio import CapacityLimiter

from leadml.domain.event import REJECTIONS
from leadml.errors import AwayError, StoreError
from leadml.store.ledger import Ledger

RETRY_SECONDS = 5
"""How long a ledger that could not be opened is left alone; what callers are told to wait."""

MOST_THREADS = 8
"""Requests that use the ledger at once."""

_NO_URL = "no ledger is configured: set [store] url"


class LedgerLink:
    """Opens the ledger, and keeps trying while it cannot be opened.

    Parameters
    ----------
    url : str
        SQLAlchemy URL; empty means that there is no ledger.
    reasons : sequence of str
        Why sales may reject a lead.
    webhooks : mapping, optional
        Endpoint -> what it is told of when a score is recorded.

    Attributes
    ----------
    threads : CapacityLimiter
        What requests that use the ledger share: one that waits must not hold up scoring.
    problem : str
        Why the ledger could not be opened, without any password; empty where it is open.
    """

    def __init__(
        self,
        url: str,
        *,
        reasons: Sequence[str] = REJECTIONS,
        webhooks: Mapping[str, Collection[str]] | None = None,
    ) -> None:
        self._url = url
        self._reasons = reasons
        self._webhooks = webhooks
        self.threads = CapacityLimiter(MOST_THREADS)
        self._lock = threading.Lock()
        self._ledger: Ledger | None = None
        self._tried_at = float("-inf")
        self._away = False
        self.problem = "it was not opened yet"

    @property
    def told(self) -> str:
        """Say where scores and events go, or why they go nowhere; without any password."""
        if self._ledger is None:
            scores = "wait in the journal" if self._away else "are not recorded"
            return f"scores {scores}, and events are not taken: {self.problem}"
        return f"scores and events are recorded in {self._ledger.database.shown}"

    def look(self) -> bool:
        """Tell whether the ledger is open now; `problem` says why it is not."""
        try:
            self.open()
        except StoreError:
            return False
        return True

    def open(self) -> Ledger:
        """Return the open ledger.

        Raises
        ------
        AwayError
            If it cannot be opened now, or could not be within the last seconds.
        StoreError
            If the same holds, and somebody has to mend it.
        """
        if self._ledger is None and self._lock.acquire(timeout=1):
            try:
                self._try()
            finally:
                self._lock.release()
        if self._ledger is None:
            raise (AwayError if self._away else StoreError)(self.problem)
        return self._ledger

    def close(self) -> None:
        """Close the ledger; it may be opened again."""
        with self._lock:
            if self._ledger is not None:
                self._ledger.close()
            self._ledger, self._tried_at = None, float("-inf")

    def _try(self) -> None:
        if self._ledger is not None:
            return
        if not self._url:
            self.problem = _NO_URL
        elif time.monotonic() - self._tried_at >= RETRY_SECONDS:
            try:
                self._ledger = Ledger.open(
                    self._url, reasons=self._reasons, webhooks=self._webhooks
                )
            except StoreError as error:
                self.problem, self._away = str(error), isinstance(error, AwayError)
            else:
                self.problem, self._away = "", False
            self._tried_at = time.monotonic()
