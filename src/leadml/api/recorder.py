"""Scores on their way to the ledger: queued by the answer, written behind it, many at a time.

An answer must not wait for a disk. The one writer thread gathers what was answered within a fifth
of a second and commits it in one transaction, so a score is durable well within a second of its
answer. Where the ledger takes nothing, or the queue is full, the answer says so.
"""

import logging
import threading
import time
from collections import deque
from collections.abc import Iterable
from typing import Protocol

from leadml.domain.event import Event, Receipt
from leadml.errors import StoreError
from leadml.store.ledger import Ledger
from leadml.workflows.scored_event import ScoredEvent

ROOM = 5_000
"""Scores that may wait; a batch request brings up to 1,000."""
AT_ONCE = 1_000
"""Scores in one transaction."""
GATHER_SECONDS = 0.2
PAUSES = (0.5, 1.0, 2.0, 5.0)
"""Seconds before the ledger is tried again, growing to the last."""
STALLED_SECONDS = 0.5
"""A transaction that takes longer shows that no further score would be written in time."""
LAST_SECONDS = 5.0
"""How long closing keeps trying to write what was answered as recorded."""
MOST_REFUSED = 10_000
"""Leads remembered that the ledger refuses."""

log = logging.getLogger("leadml.api")


class Source(Protocol):
    """Gives the open ledger."""

    def open(self) -> Ledger:
        """Return it, or raise StoreError."""


class Recorder:
    """Takes scores without waiting, and writes them from a thread of its own.

    Parameters
    ----------
    source : Source
        Gives the ledger.
    room : int
        How many scores may wait.
    trouble : bool
        Whether the ledger takes nothing at first.

    Attributes
    ----------
    trouble : bool
        Whether the ledger took nothing when last asked. Scores answered as recorded before that
        still wait, and are tried again; no further ones are taken.
    """

    def __init__(self, source: Source, *, room: int = ROOM, trouble: bool = False) -> None:
        self._source = source
        self._room = room
        self._waiting: deque[ScoredEvent] = deque()
        self._batch: list[ScoredEvent] = []
        self._refused: dict[str, None] = {}
        self._wake = threading.Event()
        self._hurry = threading.Event()
        self._written_any = threading.Condition()
        self._done = 0
        self._closing = threading.Event()
        self._closing.set()  # nothing is taken before it is started
        self._pace = threading.Event()  # never set: waiting for it is waiting
        self._begun_at = float("inf")
        self._thread: threading.Thread | None = None
        self._turned_away = 0
        self.trouble = trouble

    @property
    def waiting(self) -> int:
        """Scores answered as recorded that are not yet in the ledger."""
        return len(self._waiting) + len(self._batch)

    @property
    def full(self) -> bool:
        """Whether no further score would be taken although the ledger takes them."""
        return not self.trouble and self.waiting >= self._room

    @property
    def _stalled(self) -> bool:
        return time.monotonic() - self._begun_at > STALLED_SECONDS

    def start(self) -> None:
        """Start writing."""
        self._closing.clear()
        self._thread = threading.Thread(target=self._run, name="leadml recorder", daemon=True)
        self._thread.start()

    def offer(self, scored: ScoredEvent | None) -> bool:
        """Take a score to be written; return False where it will not be, without waiting."""
        if scored is None or scored.event.lead in self._refused:
            return False
        if self.trouble or self._closing.is_set() or self._stalled or self.waiting >= self._room:
            self._turned_away += 1
            return False
        self._waiting.append(scored)
        if not self._wake.is_set():
            self._wake.set()
        return True

    def flush(self, seconds: float = 1.0) -> bool:
        """Wait until what was offered by now is in the ledger; return whether it is in time."""
        if not self.waiting:
            return True
        with self._written_any:
            target = self._done + self.waiting
            self._hurry.set()
            self._wake.set()
            return self._written_any.wait_for(lambda: self._done >= target, seconds)

    def close(self) -> None:
        """Write what waits, for a few seconds at most, and stop; say so where that failed."""
        self._closing.set()
        self._hurry.set()
        self._wake.set()
        if self._thread is not None:
            self._thread.join()
            self._thread = None

    def _run(self) -> None:
        failures = 0
        while not self._closing.is_set():
            self._wake.wait(_pause(failures) if self.trouble else None)
            self._hurry.wait(GATHER_SECONDS)
            self._hurry.clear()
            self._wake.clear()
            failures = 0 if self._written() else failures + 1
        self._finish()

    def _finish(self) -> None:
        deadline = time.monotonic() + LAST_SECONDS
        while not self._written() and self.waiting and time.monotonic() < deadline:
            self._pace.wait(PAUSES[0])
        if self.waiting:
            log.error("scores answered as recorded, and lost: %d", self.waiting)

    def _written(self) -> bool:
        """Write all that waits; return whether the ledger took it."""
        try:
            if self.trouble:
                self._source.open()
            while self._batch or self._waiting:
                self._fill_batch()
                self._write(self._batch)
                self._note_done()
        except StoreError as error:
            self._tell_trouble(error)
            return False
        self._tell_end_of_trouble()
        return True

    def _note_done(self) -> None:
        with self._written_any:
            self._done += len(self._batch)
            self._batch = []
            self._written_any.notify_all()

    def _fill_batch(self) -> None:
        """Add the oldest that wait; none is missing from both lists at any moment."""
        for _ in range(min(AT_ONCE - len(self._batch), len(self._waiting))):
            self._batch.append(self._waiting[0])
            self._waiting.popleft()

    def _write(self, batch: list[ScoredEvent]) -> None:
        """Write scores in one transaction, or one by one where one of them is beyond it."""
        try:
            self._record(batch)
        except StoreError:
            raise
        except Exception as fault:  # one score must not keep the others from the ledger
            if len(batch) == 1:
                log.error("a score was not written: %s", type(fault).__name__)  # noqa: TRY400
                return
            for scored in batch:
                self._write([scored])

    def _record(self, batch: list[ScoredEvent]) -> None:
        self._begun_at = time.monotonic()
        try:
            self._record_in(self._source.open(), batch)
        finally:
            self._begun_at = float("inf")

    def _record_in(self, ledger: Ledger, batch: list[ScoredEvent]) -> None:
        known = set(ledger.find({key for scored in batch for key in scored.keys}))
        fresh: list[Event] = []
        for scored in batch:
            if known.isdisjoint(scored.keys):
                fresh.append(scored.event)
                known.add(scored.event.idempotency_key)
        self._note_refused(fresh, ledger.record(fresh) if fresh else ())

    def _note_refused(self, events: Iterable[Event], receipts: Iterable[Receipt]) -> None:
        """Remember leads whose scores the ledger refuses: the next answers say so."""
        pairs = zip(events, receipts, strict=True)
        refused = [event.lead for event, receipt in pairs if receipt.status == "refused"]
        if refused:
            log.warning("scores that the ledger refused, of forgotten leads say: %d", len(refused))
        self._refused.update(dict.fromkeys(refused))
        for lead in list(self._refused)[: max(0, len(self._refused) - MOST_REFUSED)]:
            del self._refused[lead]

    def _tell_trouble(self, error: StoreError) -> None:
        if not self.trouble:
            log.error("scores are answered without being recorded: %s", error)
        self.trouble = True

    def _tell_end_of_trouble(self) -> None:
        missed, self._turned_away = self._turned_away, 0
        if missed:
            log.warning('scores answered with "recorded": false: %d', missed)
        if self.trouble:
            log.warning("the ledger takes scores again")
        self.trouble = False


def _pause(failures: int) -> float:
    return PAUSES[min(failures, len(PAUSES)) - 1] if failures else PAUSES[0]
