"""`leadml ledger import`: what is new in a CRM's export, or in a file of events, as events."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sqlalchemy import Connection
from sqlalchemy.engine import make_url

from leadml.data.leads import Leads, read_leads
from leadml.data.rejection_words import RejectionWords
from leadml.domain.crm_word import PREFIX, news
from leadml.domain.event import KINDS, Event, Receipt, iso
from leadml.domain.finding import Finding
from leadml.errors import ConfigError
from leadml.settings import Settings, load_settings
from leadml.store.faults import shown_url
from leadml.store.ledger import Ledger
from leadml.store.recording import forgotten_among, histories, record_in, said_after
from leadml.workflows.export_words import ExportWords
from leadml.workflows.reading import read_source

if TYPE_CHECKING:
    from leadml.workflows.material import Source

T = TypeVar("T")
Progress = Callable[[str, float], None]

LEADS_AT_ONCE = 10_000
"""Leads recorded in one transaction: all of them or none."""
UNUSABLE, REPEATED, REFUSED, FORGOTTEN = "ROW001", "DATA011", "LEDG003", "LEDG004"
SHOWN = 20
MANY = 20
"""Events of an earlier import after an export's end from which it is taken for an older one."""
_NEEDED = {
    "id": "the ledger knows leads by their ids",
    "outcome": "it says who was won and who lost",
    "handed_off_at": "the report judges hand-offs",
}


@dataclass(frozen=True)
class Refusal:
    """A row of which something could not be used.

    Attributes
    ----------
    place : str
        Such as ``line 7``.
    code : str
        See docs/codes.md.
    problem : str
        What was expected and found.
    """

    place: str
    code: str
    problem: str


@dataclass
class Imported:
    """What an import came to.

    Attributes
    ----------
    source : str
        What was read.
    database : str
        The ledger, without its password.
    dry_run : bool
        Whether nothing was kept.
    rows : int
        Read: leads of an export, or events of a file of events. Each counts once in `changed`,
        `unchanged`, `not_begun` and `refused`.
    changed : int
        Of which something new was recorded.
    unchanged : int
        Of which the ledger knew everything.
    not_begun : int
        Leads of which nothing has happened yet, so that there is no event to record.
    refused : int
        Of which something could not be used; what could be is recorded.
    by_event : dict of str to int
        Events recorded by kind.
    refusals : list of Refusal
        The first `SHOWN`.
    refused_by_code : dict of str to int
    other_reasons : dict of str to int
        Rejection reasons on no list -> leads; kept under ``other`` with their text.
    notes : list of dict
        What was odd about reading the export.
    """

    source: str
    database: str
    dry_run: bool
    rows: int = 0
    changed: int = 0
    unchanged: int = 0
    not_begun: int = 0
    refused: int = 0
    by_event: dict[str, int] = field(default_factory=lambda: dict.fromkeys(KINDS, 0))
    refusals: list[Refusal] = field(default_factory=list)
    refused_by_code: dict[str, int] = field(default_factory=dict)
    other_reasons: dict[str, int] = field(default_factory=dict)
    notes: list[dict[str, Any]] = field(default_factory=list)

    @property
    def corrected(self) -> int:
        """Corrections recorded: what an earlier import said otherwise."""
        return self.by_event["corrected"]

    @property
    def recorded(self) -> int:
        """Events recorded that are no corrections."""
        return sum(self.by_event.values()) - self.corrected

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON-ready form."""
        numbers = ("rows", "recorded", "unchanged", "corrected", "refused", "changed", "not_begun")
        return {
            **{name: getattr(self, name) for name in numbers},
            "by_event": dict(self.by_event),
            "refused_by_code": dict(self.refused_by_code),
            "refusals": [vars(refusal) for refusal in self.refusals],
            "other_reasons": dict(self.other_reasons),
            "notes": list(self.notes),
            "source": self.source,
            "database": self.database,
            "dry_run": self.dry_run,
        }

    def refuse(self, place: str, code: str, problem: str) -> None:
        """Count a row of which something could not be used."""
        self.refused += 1
        self.refused_by_code[code] = self.refused_by_code.get(code, 0) + 1
        if len(self.refusals) < SHOWN:
            self.refusals.append(Refusal(place, code, problem))


def import_export(
    source: "Source",
    *,
    config: Path | str | Settings | None = None,
    table: str | None = None,
    dry_run: bool = False,
    now: datetime | None = None,
    progress: Progress = lambda _step, _share: None,
) -> Imported:
    """Record what is new in a CRM's export.

    Importing the same export twice adds nothing; a later one adds what has changed since. Some
    thousand leads at a time are recorded whole or not at all, so an import that was cut short is
    simply made again.

    Parameters
    ----------
    source : str, Path or DataFrame
        Export: file, SQL URL (with `table`) or frame, read by the mapping of the configuration.
    config : path or Settings, optional
        Default ``./leadml.toml``.
    dry_run : bool
        Only tell what would be recorded.
    now : datetime, optional
        When the export is read, aware; default the present.

    Raises
    ------
    LeadmlError
        If the export or the ledger cannot be used, or the mapping lacks what the ledger needs.
    """
    settings = load_settings(config)
    _refuse_incomplete(settings)
    progress("reading", 0.0)
    mapping = settings.definition.leads
    read = read_source(source, table=table, config_root=settings.root)
    leads = read_leads(read, mapping, required={*mapping.named_columns, "outcome"})
    with opened(settings, dry_run=dry_run) as ledger:
        done = Imported(leads.source, shown(settings), dry_run, rows=len(leads))
        return _ExportImport(leads, ledger, done, now or datetime.now(UTC)).whole(progress)


def record_leads(
    leads: Leads, ledger: Ledger, done: Imported, *, now: datetime
) -> dict[int, tuple[str, str]]:
    """Record what is new in some leads as their CRM has them at this moment.

    Unlike an export these tell nothing up to when they tell of others: what is no longer there is
    taken back as of now.

    Parameters
    ----------
    leads : Leads
    done : Imported
        What was done is added to it.
    now : datetime
        When the CRM was asked, aware.

    Returns
    -------
    problems : dict of int to (str, str)
        Position of a lead of which something could not be used -> code, and what was wrong.
    """
    work = _ExportImport(leads, ledger, done, now)
    work.latest = now
    work.import_rows(lambda _step, _share: None)
    return work.problems


@contextmanager
def opened(settings: Settings, *, dry_run: bool) -> Iterator[Ledger]:
    """Open the ledger; a trial where there is no file yet gets one that is gone afterwards."""
    url = make_url(settings.store_url)
    absent = url.get_backend_name() == "sqlite" and not Path(str(url.database)).exists()
    with TemporaryDirectory() as folder:
        place = settings.store_url
        if dry_run and absent:
            place = f"sqlite:///{Path(folder) / 'trial.db'}"
        with Ledger.open(place, reasons=settings.rejections) as ledger:
            yield ledger


def shown(settings: Settings) -> str:
    """Return where the ledger lies, without a password."""
    return shown_url(make_url(settings.store_url))


def _refuse_incomplete(settings: Settings) -> None:
    mapping = settings.definition.leads
    for key, why in _NEEDED.items():
        if getattr(mapping, key) is None:
            msg = f"[leads].{key} is not set in {settings.path or 'the settings'}: {why}"
            raise ConfigError(msg)
    if not mapping.won:
        msg = "[leads].won is not set in leadml.toml: list the outcome's values that mean won"
        raise ConfigError(msg)


def in_transaction(ledger: Ledger, work: Callable[[Connection], T], *, dry_run: bool) -> T:
    """Do work in one transaction; take it back where it is only tried."""
    if not dry_run:
        return ledger.database.written(work)
    with ledger.writing() as connection:
        done = work(connection)
        connection.rollback()
    return done


@dataclass(frozen=True)
class _Recorded:
    """What became of some leads.

    Attributes
    ----------
    events : list of Event
        What was new.
    of : list of int
        Place of the lead of each.
    receipts : list of Receipt
        Of each.
    known, forgotten : sets of int
        Places of leads that the ledger knew before, and of those erased on request.
    """

    events: list[Event]
    of: list[int]
    receipts: list[Receipt]
    known: set[int]
    forgotten: set[int]


class _ExportImport:
    """One export on its way into the ledger."""

    def __init__(self, leads: Leads, ledger: Ledger, done: Imported, now: datetime) -> None:
        self.leads, self.ledger, self.done, self.now = leads, ledger, done, now
        self.words = ExportWords(leads, RejectionWords(ledger.reasons))
        self.slack = self.words.slack()
        self.latest = aware(leads.latest_time()) or now
        self.is_older = False
        self.problems: dict[int, tuple[str, str]] = {}

    def whole(self, progress: Progress) -> Imported:
        """Import an export."""
        self.done.notes = [finding.to_dict() for finding in self.leads.findings]
        self.is_older = self._is_older()
        self.import_rows(progress)
        self.done.other_reasons = dict(
            sorted(self.words.reasons.unknown.items(), key=lambda item: -item[1])
        )
        progress("done", 1.0)
        return self.done

    def import_rows(self, progress: Progress) -> None:
        """Import all leads, some at a time."""
        rows = self._usable()
        for start in range(0, len(rows), LEADS_AT_ONCE):
            progress("recording", 0.3 + 0.7 * start / len(rows))
            self._some(rows[start : start + LEADS_AT_ONCE])

    def _refuse(self, row: int, code: str, problem: str) -> None:
        self.problems[row] = (code, problem)
        self.done.refuse(self.leads.places.name(row), code, problem)

    def _is_older(self) -> bool:
        """Tell whether an export of later days was imported before this one, and say so."""
        with self.ledger.database.reading() as connection:
            later = said_after(connection, PREFIX, self.latest, most=MANY)
        if later < MANY:
            return False
        text = (
            f"an earlier import told of {MANY} or more events after {iso(self.latest)}, where this "
            "export ends: it seems to be an older one, so nothing after that is taken back"
        )
        self.done.notes.append(Finding("LEDG005", "warning", None, later, text).to_dict())
        return True

    def _usable(self) -> NDArray[np.intp]:
        """Return the rows that stand for one lead each; the others are refused or repeats."""
        left = np.ones(len(self.leads), bool)
        for row, why in sorted(self.leads.errors.items()):
            left[row] = False
            self._refuse(row, UNUSABLE, why)
        rows = np.flatnonzero(left)
        shared = pd.Series(self.leads.lead_id[rows]).duplicated(keep=False).to_numpy()
        if not shared.any():
            return rows
        return np.sort(np.concatenate([rows[~shared], self._one_each(rows[shared])]))

    def _one_each(self, rows: NDArray[np.intp]) -> NDArray[np.intp]:
        """Return the first of rows that repeat a lead exactly; refuse those that differ."""
        columns = [self.leads.raw(c).codes[rows] for c in self.leads.mapping.named_columns.values()]
        content = pd.DataFrame(dict(enumerate(columns)))
        content["lead"] = self.leads.lead_id[rows]
        repeats = content.duplicated().to_numpy()
        differ = content[~repeats]["lead"].duplicated(keep=False)
        wrong = content["lead"].isin(content["lead"][~repeats][differ.to_numpy()]).to_numpy()
        for row in rows[wrong].tolist():
            why = "several rows of one lead that differ: each lead must have one row"
            self._refuse(row, REPEATED, why)
        self.done.unchanged += int((repeats & ~wrong).sum())
        return rows[~repeats & ~wrong]

    def _some(self, rows: NDArray[np.intp]) -> None:
        found = in_transaction(
            self.ledger,
            lambda connection: self._recorded(connection, rows),
            dry_run=self.done.dry_run,
        )
        problems = self._problems(rows, found)
        new = self._new(found)
        begun = found.known | set(found.of)
        for place, row in enumerate(rows.tolist()):
            if place in problems:
                self._refuse(row, *problems[place])
            elif place in new:
                self.done.changed += 1
            elif place in begun:
                self.done.unchanged += 1
            else:
                self.done.not_begun += 1

    def _recorded(self, connection: Connection, rows: NDArray[np.intp]) -> _Recorded:
        words = self.words.read(rows)
        names = [word.lead for word in words]
        erased = forgotten_among(connection, names)
        history = histories(connection, names)
        events: list[Event] = []
        of: list[int] = []
        for place, word in enumerate(words):
            known = history.get(word.lead, ())
            if word.lead in erased:
                continue
            new = news(
                word,
                known,
                now=self.now,
                latest=self.latest,
                is_older=self.is_older,
                slack=self.slack,
            )
            events += new
            of += [place] * len(new)
        now = self.ledger.now()
        receipts = record_in(connection, events, reasons=self.ledger.reasons, now=now)
        return _Recorded(
            events,
            of,
            receipts,
            known={place for place, name in enumerate(names) if name in history},
            forgotten={place for place, name in enumerate(names) if name in erased},
        )

    def _problems(self, rows: NDArray[np.intp], found: _Recorded) -> dict[int, tuple[str, str]]:
        known = self.words.problems
        problems = {i: known[row] for i, row in enumerate(rows.tolist()) if row in known}
        for event, place, receipt in zip(found.events, found.of, found.receipts, strict=True):
            if receipt.status == "refused":
                problems.setdefault(place, (REFUSED, f"{event.event}: {receipt.problem}"))
        return problems | dict.fromkeys(found.forgotten, (FORGOTTEN, _FORGOTTEN))

    def _new(self, found: _Recorded) -> set[int]:
        new = set()
        for event, place, receipt in zip(found.events, found.of, found.receipts, strict=True):
            if receipt.status == "recorded":
                new.add(place)
                self.done.by_event[event.event] += 1
        return new


_FORGOTTEN = "this lead was forgotten on request: nothing more is kept of it"


def aware(moment: np.datetime64 | None) -> datetime | None:
    """Return a time in UTC as Python knows it; None for None."""
    if moment is None:
        return None
    naive: datetime = moment.astype("datetime64[us]").item()
    return naive.replace(tzinfo=UTC)
