"""`leadml ledger forget` and `prune`: a person erased, and what is too old taken out."""

import re
from collections.abc import Callable, Collection, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np

from leadml.data.values import NO_TIME, missing_texts, to_text
from leadml.domain.event import Stored, iso
from leadml.domain.lead_state import LeadState, state_of
from leadml.errors import ConfigError
from leadml.settings import Settings, load_settings
from leadml.store.erasure import forget, remove
from leadml.store.event_columns import event_columns
from leadml.store.ledger import Ledger
from leadml.workflows.intake import sweep_journal
from leadml.workflows.lead_table import lead_table
from leadml.workflows.ledger import open_ledger
from leadml.workflows.material import read_as_of

Progress = Callable[[str, float], None]

LEFT_ON_POSTGRESQL = (
    "PostgreSQL keeps the bytes of the old rows until VACUUM has gone over the table, and backups "
    "and archived WAL keep them for as long as they are kept: run VACUUM FULL ledger_events (it "
    "locks the table meanwhile), and let old backups expire"
)
LEFT_IN_JOURNAL = (
    "a running service has not emptied its journal yet, and may hold what was scored of the lead: "
    "run the same command again in a minute"
)
PACE_DAYS = 400.0
"""Days before the ledger's latest event whose hand-offs stay: the report tells a year's pace."""
MOST_TRIED = 50
"""Most scores of a lead that are tried one by one where they cannot go together."""
_UNITS = {
    "d": 1.0, "day": 1.0, "days": 1.0, "w": 7.0, "week": 7.0, "weeks": 7.0, "month": 30.4375,
    "months": 30.4375, "y": 365.25, "year": 365.25, "years": 365.25,
}  # fmt: skip
_AGE = re.compile(r"(\d{1,6}) ?([a-z]*)", re.ASCII | re.IGNORECASE)


@dataclass(frozen=True)
class ForgetRun:
    """What erasing a person came to.

    Attributes
    ----------
    events : int
        Kept on under a pseudonym.
    was_forgotten : bool
        Whether the lead had been erased before.
    file_rewritten : bool
        Whether nothing of it is left in the database's file (SQLite).
    note : str
        What remains to be done, if anything.
    database : str
        Without its password.
    """

    events: int
    was_forgotten: bool
    file_rewritten: bool
    note: str
    database: str

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON-ready form."""
        return asdict(self)


@dataclass(frozen=True)
class PruneRun:
    """What pruning came to.

    Attributes
    ----------
    older_than : str
        The moment, ISO 8601 in UTC, before which events may go.
    leads : int
        Done before that and counted by nothing in the present report; all their events go.
    scores : int
        Superseded scores of other leads.
    events : int
        All events taken out.
    kept : str
        What was not looked at, and why.
    dry_run : bool
        Whether nothing was taken out.
    database : str
        Without its password.
    """

    older_than: str
    leads: int
    scores: int
    events: int
    kept: str
    dry_run: bool
    database: str

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON-ready form."""
        return asdict(self)


def forget_lead(
    lead: str,
    *,
    config: Path | str | Settings | None = None,
    progress: Progress = lambda _step, _share: None,
) -> ForgetRun:
    """Erase a person from the ledger; counts, rates and sequences stay as they are.

    Raises
    ------
    StoreError
        If there is no ledger, or its file cannot be rewritten because another program reads it;
        if the journal of scores on their way cannot be written.
    """
    settings = load_settings(config)
    with open_ledger(settings, create=False) as ledger:
        progress("erasing", 0.0)
        done = forget(ledger, _spelt(lead, ledger, settings))
        progress("emptying the journal", 0.2)
        left = sweep_journal(settings, ledger)
        progress("writing the file anew", 0.3)
        rewritten = ledger.database.rewrite()
        notes = [] if ledger.database.is_sqlite else [LEFT_ON_POSTGRESQL]
        notes += [LEFT_IN_JOURNAL] if left else []
        shown = ledger.database.shown
        return ForgetRun(done.events, done.was_forgotten, rewritten, "; ".join(notes), shown)


def known_events(lead: str, *, config: Path | str | Settings | None = None) -> int:
    """Return how many events the ledger holds of a lead."""
    settings = load_settings(config)
    with open_ledger(settings, create=False) as ledger:
        return len(ledger.history(_spelt(lead, ledger, settings)))


def _spelt(lead: str, ledger: Ledger, settings: Settings) -> str:
    """Return an id as the ledger keeps it: 7 and "7.0" are one lead, as everywhere."""
    if ledger.history(lead):
        return lead
    mapping = settings.definition.leads
    return to_text(lead, missing_texts(mapping.missing)) or lead


def prune(
    older_than: str,
    *,
    config: Path | str | Settings | None = None,
    dry_run: bool = False,
    progress: Progress = lambda _step, _share: None,
) -> PruneRun:
    """Take out what is older than an age and counted by nothing in the present report.

    These go: scores that a later one has superseded, and leads whose last event is older and that
    were handed off before the agreement took effect. Without ``effective_from`` every hand-off
    counts, so only scores go.

    Parameters
    ----------
    older_than : str
        An age (``730d``, ``24 months``, ``2y``) or an ISO date (00:00 in the configured zone).
    dry_run : bool
        Only tell what would go.

    Raises
    ------
    LeadmlError
        If the age cannot be read, or there is no ledger.
    """
    settings = load_settings(config)
    with open_ledger(settings, create=False) as ledger:
        before = moment_of_age(older_than, ledger.now(), settings.definition.leads.timezone)
        progress("reading the ledger", 0.0)
        mark = ledger.mark()
        found = _prunable(ledger, settings, before)
        events = sum(map(len, found.ids.values()))
        if not dry_run and found.ids:
            progress("taking out", 0.7)
            events = remove(ledger, found.ids, mark=mark)
            ledger.database.rewrite()
        progress("done", 1.0)
        return PruneRun(
            older_than=iso(before),
            leads=found.leads,
            scores=found.scores,
            events=events,
            kept=_kept(settings),
            dry_run=dry_run,
            database=ledger.database.shown,
        )


def moment_of_age(text: str, now: datetime, timezone: str) -> datetime:
    """Return the moment an age ago, or at a date.

    Examples
    --------
    >>> moment_of_age("2 weeks", datetime(2026, 3, 15, tzinfo=UTC), "UTC").date().isoformat()
    '2026-03-01'

    Raises
    ------
    ConfigError
        If the text is neither an age nor a date, or lies in the future.
    """
    words = text.strip()
    if "-" in words:
        moment = read_as_of(words, timezone, "--older-than")
        assert moment is not None  # noqa: S101 - there is a text  # nosec B101
        if moment > now:
            msg = f"--older-than {words} lies in the future: everything would be older than that"
            raise ConfigError(msg)
        return moment
    age = _AGE.fullmatch(words)
    days = _UNITS.get(age[2].casefold()) if age else None
    if age is None or days is None:
        msg = (
            f"--older-than: expected an age such as 730d, 24 months or 2y (d, weeks, months, "
            f"years), or a date such as 2024-01-31, found {text!r}"
        )
        raise ConfigError(msg)
    return now - min(timedelta(days=int(age[1]) * days), timedelta(days=365.25 * 1000))


@dataclass
class _Found:
    ids: dict[str, list[int]]
    leads: int = 0
    scores: int = 0


def _prunable(ledger: Ledger, settings: Settings, before: datetime) -> _Found:
    start = _counted_from(ledger, settings)
    wait = _longest_wait(ledger) if start else timedelta()
    found = _Found({})
    for history in ledger.leads():
        if min(stored.event.happened_at for stored in history) >= before:
            continue
        state = state_of(history)
        if start and _is_done(history, state, before, start, wait):
            found.ids[state.lead] = [stored.id for stored in history]
            found.leads += 1
            continue
        scores = _superseded(history, state, before)
        if scores:
            found.ids[state.lead] = scores
            found.scores += len(scores)
    return found


def _counted_from(ledger: Ledger, settings: Settings) -> datetime | None:
    """Return from when on the present report counts hand-offs; None where it counts all."""
    since = settings.definition.agreement.effective_from
    last = ledger.counts()["last_happened_at"]
    if since is None or last is None:
        return None
    zone = ZoneInfo(settings.definition.leads.timezone)
    start = datetime.combine(since, time(), zone).astimezone(UTC)
    return min(start, datetime.fromisoformat(last) - timedelta(days=PACE_DAYS))


def _longest_wait(ledger: Ledger) -> timedelta:
    """Return the longest a lead waited for its hand-off: the funnel dates others by the mean."""
    longest = timedelta()
    for columns in event_columns(ledger):
        table = lead_table(columns)
        came, handed = (table[name].to_numpy(np.int64) for name in ("created_at", "handed_off_at"))
        known = (came != NO_TIME) & (handed != NO_TIME)
        if known.any():
            wait = int((handed[known] - came[known]).max())
            longest = max(longest, timedelta(microseconds=wait))
    return longest


def _is_done(
    history: Sequence[Stored],
    state: LeadState,
    before: datetime,
    start: datetime,
    wait: timedelta,
) -> bool:
    last = max(stored.event.happened_at for stored in history)
    if last >= before:
        return False
    if state.handed_off_at is not None:
        return state.outcome is not None and state.handed_off_at < start
    came = state.created_at
    return came is not None and came + wait < start and last < start


def _superseded(history: Sequence[Stored], state: LeadState, before: datetime) -> list[int]:
    """Return the old scores without which the lead's state is the same."""
    scores = [s for s in history if s.event.event == "scored" and s.event.happened_at < before]
    old = {stored.id for stored in scores if not _counts(stored, state)}
    if not old or _same(_without(history, old), state):
        return sorted(old)
    taken: set[int] = set()
    for number in sorted(old)[:MOST_TRIED]:
        if _same(_without(history, taken | {number}), state):
            taken.add(number)
    return sorted(taken)


def _counts(stored: Stored, state: LeadState) -> bool:
    return state.score is not None and stored.event.happened_at == state.score.scored_at


def _without(history: Sequence[Stored], numbers: Collection[int]) -> LeadState:
    return state_of([stored for stored in history if stored.id not in numbers])


def _same(one: LeadState, other: LeadState) -> bool:
    return {**one.to_dict(), "events": 0} == {**other.to_dict(), "events": 0}


def _kept(settings: Settings) -> str:
    if settings.definition.agreement.effective_from is None:
        return (
            "[sales_ready] effective_from is not set, so the verdict counts every hand-off: no "
            "lead goes, only superseded scores"
        )
    return (
        "every lead handed off since the agreement took effect or within the last 400 days of the "
        "ledger, every lead still open, and of each lead the score that counts"
    )
