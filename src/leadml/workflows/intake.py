"""From the journal to the ledger: what every process that serves does all the time."""

import logging
import time
from collections.abc import Sequence

from leadml.errors import StoreError
from leadml.settings import Settings
from leadml.store.database import identity
from leadml.store.intake import Forgotten, Score
from leadml.store.journal import Group, Journal
from leadml.store.ledger import Ledger
from leadml.store.parts import in_parts
from leadml.workflows.scored_event import score_of

AT_ONCE = 50
"""Entries read without letting other threads run."""
SWEEP_SECONDS = 10.0

log = logging.getLogger("leadml.api")


def journal_of(settings: Settings) -> Journal | None:
    """Return the journal of a configuration; None where it names no ledger that could be used."""
    try:
        ledger = identity(settings.store_url) if settings.store_url else ""
    except StoreError:
        return None
    return Journal(settings.root / settings.journal, ledger) if ledger else None


class Intake:
    """Takes what a journal holds to the ledger, and remembers which leads it refuses.

    Parameters
    ----------
    journal : Journal
        Of this process.

    Attributes
    ----------
    forgotten : Forgotten
        The leads erased on request, as the ledger knew them last.
    """

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self.forgotten = Forgotten()

    def look(self, ledger: Ledger) -> None:
        """Learn which leads are forgotten by now."""
        self.forgotten = ledger.forgotten(self.forgotten)

    def take(self, ledger: Ledger) -> int:
        """Take all that waits to the ledger; return how many scores were recorded.

        Raises
        ------
        StoreError
            If the ledger cannot be written: what was not taken waits on.
        """
        recorded = 0
        for group in self._journal.groups():
            if group.damaged:
                log.error("the journal has damaged entries, passed over: %d", group.damaged)
            recorded += self._group(ledger, group)
            self._journal.done(group)
        return recorded

    def take_others(self, ledger: Ledger) -> int:
        """Take what waits in other processes' files, too; they find it recorded.

        Raises
        ------
        StoreError
            If the ledger cannot be written.
        """
        return sum(self._group(ledger, group) for group in self._journal.others())

    def _group(self, ledger: Ledger, group: Group) -> int:
        scores: list[Score] = []
        for some in in_parts(group.payloads, AT_ONCE):
            scores += [score for payload in some if (score := _read(payload))]
            time.sleep(0)  # requests go first: they share the interpreter
        return self._recorded(ledger, scores) if scores else 0

    def _recorded(self, ledger: Ledger, scores: Sequence[Score]) -> int:
        """Record scores in one transaction, or in parts where one of them is beyond the ledger."""
        try:
            recorded, self.forgotten = ledger.take(scores, self.forgotten)
        except StoreError:
            raise
        except Exception as fault:  # one score must not keep the others from the ledger
            if len(scores) == 1:
                log.error("a score was not recorded: %s", type(fault).__name__)  # noqa: TRY400
                return 0
            half = len(scores) // 2
            return self._recorded(ledger, scores[:half]) + self._recorded(ledger, scores[half:])
        return recorded


def sweep_journal(settings: Settings, ledger: Ledger, *, seconds: float | None = None) -> int:
    """Have all that waits now go to the ledger, and the files that held it be deleted.

    Running services do so with their own files, and learn which leads are forgotten.

    Parameters
    ----------
    ledger : Ledger
        Of the configuration.
    seconds : float
        How long to wait for the services; `SWEEP_SECONDS` if not said.

    Returns
    -------
    left : int
        Files that are still there.

    Raises
    ------
    StoreError
        If the ledger or the journal cannot be written.
    """
    journal = journal_of(settings)
    if journal is None or not journal.folder.is_dir():
        return 0
    files = journal.held()
    journal.sweep()
    journal.adopt()
    Intake(journal).take(ledger)
    deadline = time.monotonic() + (SWEEP_SECONDS if seconds is None else seconds)
    while files & journal.held() and time.monotonic() < deadline:
        time.sleep(0.05)
    return len(files & journal.held())


def _read(payload: bytes) -> Score | None:
    try:
        return score_of(payload)
    except (ValueError, LookupError, TypeError) as fault:
        log.error("an entry of the journal is no score: %s", type(fault).__name__)  # noqa: TRY400
        return None
