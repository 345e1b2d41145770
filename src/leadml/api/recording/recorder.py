"""Scores on their way to the ledger: in the journal before they are answered, recorded behind it.

An answer must not wait for a database. It waits for the operating system to take a few lines into
a file, which survive the process however it ends. One thread has the disk take them within half a
second, another moves them to the ledger many at a time and keeps trying while it is away.
"""

import logging
import threading
import time
from collections.abc import Sequence
from typing import Protocol

from leadml.errors import AwayError, StoreError
from leadml.store.journal import Journal
from leadml.store.ledger import Ledger
from leadml.workflows.intake import Intake
from leadml.workflows.scored_event import ScoredEvent

GATHER_SECONDS = 0.5
"""How long scores gather before they go to the ledger together."""
SYNC_SECONDS = 0.4
"""How long after it was answered the disk is told to take a score."""
LOOK_SECONDS = 1.0
"""How often the folder is looked at for files whose process is no more."""
PAUSES = (0.25, 0.5, 1.0)
"""Seconds before the ledger is tried again, growing to the last."""
LAST_SECONDS = 5.0
"""How long closing keeps trying to take what waits to the ledger."""

log = logging.getLogger("leadml.api")


class Source(Protocol):
    """Gives the open ledger."""

    def open(self) -> Ledger:
        """Return it; raise AwayError where it may be usable later, else StoreError."""


class Recorder:
    """Takes scores without waiting for the ledger, and brings them there from threads of its own.

    Parameters
    ----------
    source : Source
        Gives the ledger.
    journal : Journal or None
        Where scores wait; None where there is no ledger, so that none is taken.

    Attributes
    ----------
    trouble : bool
        Whether the ledger took nothing when last asked: scores wait in the journal meanwhile. Only
        where it could not be used from the start, and somebody has to mend it, none is taken.
    unrecorded : int
        Scores that the journal did not take, answered with ``"recorded": false``.
    """

    def __init__(self, source: Source, journal: Journal | None) -> None:
        self._source = source
        self._journal = journal
        self._intake = Intake(journal) if journal else None
        self._wake = threading.Event()
        self._hurry = threading.Event()
        self._closing = threading.Event()
        self._closing.set()  # nothing is taken before it is started
        self._rest = threading.Event()  # never set: waiting for it is waiting
        self._threads: list[threading.Thread] = []
        self._turns = threading.Condition()
        self._begun = self._ended = 0
        self._for_all = False
        self._since: float | None = None
        self._tended_at = float("-inf")
        self._taking = False
        self._refusing = False
        self._unwritten = False
        self._missed = 0
        self.trouble = False
        self.unrecorded = 0

    @property
    def waiting(self) -> int:
        """Scores of this process answered as recorded that are not yet in the ledger."""
        return self._journal.waiting if self._journal else 0

    @property
    def full(self) -> bool:
        """Whether no further score would be taken although the ledger takes them."""
        return self._journal is not None and self._journal.is_full and not self.trouble

    @property
    def recording(self) -> bool:
        """Whether a score that is asked for now would be recorded, as far as that is known."""
        journal = self._journal
        return journal is not None and self._taking and not (self._unwritten or journal.is_full)

    @property
    def lag_seconds(self) -> float:
        """Age in seconds of the oldest score that is not yet in the ledger, at most; 0 if none."""
        since = self._since
        return time.monotonic() - since if since is not None and self.waiting else 0.0

    def start(self) -> None:
        """Begin to take scores, first of all those that a former process left."""
        self._closing.clear()
        if self._journal is not None:
            self._tended_at = float("-inf")
            self._taking = self._is_usable(self._journal)
            self._tell_strangers(self._journal)
            self._threads = [
                threading.Thread(target=work, args=(self._journal, self._intake), name=name)
                for work, name in ((self._run, "leadml recorder"), (self._sync, "leadml journal"))
            ]
            for thread in self._threads:
                thread.daemon = True
                thread.start()

    def offer(self, scored: ScoredEvent | None) -> bool:
        """Take a score; return whether it will be in the ledger, whatever happens to this process.

        Waits for nothing but the operating system's taking it.
        """
        return scored is not None and self._fits(scored) and self._appended([scored.entry])

    def offer_all(self, scored: Sequence[ScoredEvent | None]) -> list[bool]:
        """Take several scores at once; return of each what `offer` does."""
        fits = [each is not None and self._fits(each) for each in scored]
        entries = [each.entry for each, fit in zip(scored, fits, strict=True) if fit and each]
        taken = bool(entries) and self._appended(entries)
        return [fit and taken for fit in fits]

    def flush(self, seconds: float = 1.0) -> bool:
        """Wait until what any process took by now is in the ledger; return whether it is."""
        if self._journal is None or not (self._journal.waiting or not self._journal.is_alone):
            return True
        with self._turns:
            target = self._begun + 1
            self._for_all = True
            self._hurry.set()
            self._wake.set()
            return self._turns.wait_for(lambda: self._ended >= target, seconds)

    def close(self) -> None:
        """Take no more, bring what waits to the ledger for a few seconds, leave the rest for later.

        What is left stays in the journal, and goes to the ledger when a service starts again.
        """
        self._closing.set()
        self._taking = False
        self._hurry.set()
        self._wake.set()
        for thread in self._threads:
            thread.join()
        self._threads = []

    def _is_usable(self, journal: Journal) -> bool:
        """Open journal and ledger; tell whether the ledger is there, or may be soon."""
        try:
            journal.open()
            self._source.open()
        except AwayError:
            return True
        except StoreError as error:
            self._tell_missed(0, error)
            return not journal.is_open
        return True

    def _fits(self, scored: ScoredEvent) -> bool:
        return self._intake is not None and scored.lead not in self._intake.forgotten

    def _appended(self, entries: list[bytes]) -> bool:
        journal = self._journal
        if journal is None or not self._taking or journal.is_full:
            self._missed += len(entries)
            self.unrecorded += len(entries)
            return False
        try:
            journal.append(entries)
        except OSError as error:
            self._unwritten = True
            self._tell_missed(len(entries), error)
            return False
        self._unwritten = False
        if self._refusing:
            self._tell_end_of_missed()
        if not self._wake.is_set():
            self._wake.set()
        return True

    def _sync(self, journal: Journal, intake: Intake) -> None:
        """Have the disk take what was answered, however long the ledger takes."""
        while not self._closing.wait(SYNC_SECONDS):
            try:
                journal.sync()
            except (OSError, StoreError) as error:
                log.error("the disk does not take the journal: %s", error)  # noqa: TRY400

    def _run(self, journal: Journal, intake: Intake) -> None:
        failures = 0
        is_due = False
        while not self._closing.is_set():
            if self._tended(journal, intake) or is_due or self.trouble:
                failures = 0 if self._turned(journal, intake) else failures + 1
            is_due = self._paused(failures)
        self._finish(journal, intake)

    def _paused(self, failures: int) -> bool:
        """Wait until some scores have gathered, after a failure for the next try; or for nothing.

        Returns
        -------
        is_due : bool
            Whether there is something to bring to the ledger.
        """
        if failures:
            is_due = True
            self._hurry.wait(PAUSES[min(failures, len(PAUSES)) - 1])
        else:
            is_due = self._wake.wait(LOOK_SECONDS)
            if is_due:
                self._hurry.wait(GATHER_SECONDS)
        self._hurry.clear()
        self._wake.clear()
        return is_due

    def _tended(self, journal: Journal, intake: Intake) -> bool:
        """Now and then look after the journal; return whether there are files to be done with."""
        since = time.monotonic() - self._tended_at
        if since >= LOOK_SECONDS:
            self._tended_at = time.monotonic()
            if self._swept(journal) or since == float("inf"):
                self._look(intake)
        return journal.is_behind

    def _swept(self, journal: Journal) -> bool:
        """Adopt what dead processes left, begin a new file where due; tell if it was asked for.

        Where the disk has no room for a new file the one at hand may do.
        """
        journal.adopt()
        try:
            journal.open()
            return journal.tidy()
        except StoreError as error:
            if not journal.is_open:
                self._tell_missed(0, error)
        return False

    def _look(self, intake: Intake) -> None:
        try:
            intake.look(self._source.open())
        except StoreError as error:
            self._tell_trouble(error)

    def _turned(self, journal: Journal, intake: Intake) -> bool:
        """Bring all that waits to the ledger; return whether it took it."""
        with self._turns:
            self._begun += 1
            number, for_all, self._for_all = self._begun, self._for_all, False
        began = time.monotonic()
        self._since = self._since or began
        try:
            ledger = self._source.open()
            if self.trouble:
                intake.look(ledger)
            intake.take(ledger)
            if for_all:
                intake.take_others(ledger)
        except (StoreError, OSError) as error:
            self._tell_trouble(error)
            return False
        except Exception as fault:  # whatever it is must not end the thread
            self._tell_trouble(type(fault).__name__)
            return False
        self._since = began if journal.waiting else None
        self._taking = not self._closing.is_set()
        self._tell_end_of_trouble()
        with self._turns:
            self._ended = number
            self._turns.notify_all()
        return True

    def _finish(self, journal: Journal, intake: Intake) -> None:
        deadline = time.monotonic() + LAST_SECONDS
        while journal.waiting and time.monotonic() < deadline:
            if not self._turned(journal, intake):
                self._rest.wait(PAUSES[0])
        left = journal.waiting
        try:
            journal.close()
        except OSError as error:
            log.error("the disk does not take the journal: %s", error)  # noqa: TRY400
        if left:
            log.warning(
                "scores that wait in the journal until a service starts again: %d (%s)",
                left,
                journal.folder,
            )

    def _tell_strangers(self, journal: Journal) -> None:
        strangers = journal.strangers()
        if strangers:
            log.warning(
                "files of the journal that hold scores for another ledger: %d (%s); they go there "
                "when a service runs with its [store] url",
                strangers,
                journal.folder,
            )

    def _tell_missed(self, count: int, error: Exception) -> None:
        if not self._refusing:
            log.error("scores are answered without being recorded: %s", error)
        self._refusing = True
        self._missed += count
        self.unrecorded += count

    def _tell_end_of_missed(self) -> None:
        missed, self._missed, self._refusing = self._missed, 0, False
        log.warning(
            'scores are recorded again; answered with "recorded": false by this process: %d', missed
        )

    def _tell_trouble(self, error: object) -> None:
        if self._taking and not self.trouble:
            log.error("the ledger takes no scores, they wait in the journal: %s", error)
        self.trouble = True

    def _tell_end_of_trouble(self) -> None:
        if self.trouble:
            log.warning("the ledger takes scores again")
        self.trouble = False
