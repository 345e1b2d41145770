"""`leadml crm … sync`: leads of a CRM scored back into it, what became of them into the ledger."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from leadml.domain.mapping import LeadMapping
from leadml.errors import ConfigError, CrmError
from leadml.settings import Settings, load_settings
from leadml.store.intake import Forgotten, Score
from leadml.store.ledger import Ledger
from leadml.workflows.crm.connector import Connector, CrmLead, CrmScore, Page
from leadml.workflows.crm.patience import Patience
from leadml.workflows.crm.place import Place, PlaceFile, covers, next_place
from leadml.workflows.crm.synced import Synced
from leadml.workflows.crm.told import Told, record_told
from leadml.workflows.crm.wording import mark_of, score_text
from leadml.workflows.ledger import open_ledger
from leadml.workflows.ledger_import import opened
from leadml.workflows.material import read_as_of
from leadml.workflows.score import Answer, Scorer, load_scorer
from leadml.workflows.scored_event import score_of, telling_of

Progress = Callable[[str, float], None]
WRITTEN_AT_ONCE = 50
"""Scores given to the connector in one call, which is made again as a whole where it fails."""
CODES = {"score": "CRM001", "write": "CRM002"}
_GAP = (
    "--since lies after the last sync: leads changed between the two are not read now, but by the "
    "next sync without --since"
)


def sync(
    connector: Connector,
    *,
    config: Path | str | Settings | None = None,
    since: str | datetime | None = None,
    again: bool = False,
    dry_run: bool = False,
    patience: Patience | None = None,
    now: Callable[[], datetime] = lambda: datetime.now(UTC),
    progress: Progress = lambda _step, _share: None,
) -> Synced:
    """Read what has changed in a CRM, score it there, and record what became of it.

    A page of leads at a time: what happened to them goes into the ledger, then the scores of those
    that are open and new or changed, then the scores go to the CRM, then the place is kept. Killed
    at any point, the next sync reads that page again, and does what is not done yet.

    Parameters
    ----------
    connector : Connector
        The CRM.
    config : path or Settings, optional
        Default ``./leadml.toml``; the champion beside it scores.
    since : str or datetime, optional
        Read leads changed then or later; default where the last sync began, or went on to.
    again : bool
        Score also leads of which nothing has changed since their last score.
    dry_run : bool
        Read and score, but write neither to the CRM nor to the ledger, and keep no place.
    patience : Patience, optional
        How often and how long to wait for a CRM that is busy.
    now : callable
        Returns the present, aware.

    Returns
    -------
    done : Synced
        What went wrong with single leads is in it, and cost the others nothing.

    Raises
    ------
    LeadmlError
        If the configuration, the CRM or the ledger cannot be used. What was done is kept.
    """
    settings = load_settings(config)
    _refuse_incomplete(settings.definition.leads, settings.path)
    start = read_as_of(since, settings.definition.leads.timezone, "--since")
    file = PlaceFile(settings.root, connector)
    scorer = load_scorer(config=settings)
    with nullcontext() if dry_run else file.held():
        last = file.read()
        place = next_place(last, since=start, now=now(), overlap=connector.overlap)
        keeps = covers(place, last)
        done = Synced(
            crm=connector.name,
            of=connector.of,
            version=scorer.version,
            since=place.since,
            resumed=place == last,
            dry_run=dry_run,
            warnings=_warnings(settings, scorer),
        )
        if not keeps:
            done.warnings.append(_GAP)
        with _ledger(settings, dry_run=dry_run) as ledger:
            work = _Sync(connector, settings, scorer, ledger, done, again=again, now=now)
            work.patience = patience or Patience()
            for reached in work.places(place, progress):
                if keeps and not dry_run:
                    file.write(reached)
    return done


def _ledger(settings: Settings, *, dry_run: bool) -> AbstractContextManager[Ledger]:
    return opened(settings, dry_run=True) if dry_run else open_ledger(settings)


def _refuse_incomplete(mapping: LeadMapping, path: Path | None) -> None:
    why = {
        "id": "the ledger knows leads by their ids",
        "outcome": "it says who was won and who lost",
        "won": "list the outcome's values that mean won",
        "lost": "list the outcome's values that mean lost; a page of open leads tells no *other*",
    }
    for key, reason in why.items():
        if not getattr(mapping, key):
            msg = f"[leads].{key} is not set in {path or 'the settings'}: {reason}"
            raise ConfigError(msg)


def _warnings(settings: Settings, scorer: Scorer) -> list[str]:
    warnings = [] if scorer.not_exploring is None else [scorer.not_exploring]
    if scorer.definition != settings.definition:
        warnings.append(
            f"leadml.toml differs from what version {scorer.version} was trained under: scoring "
            "uses the version's; train again to use the new"
        )
    return warnings


class _Sync:
    """One sync on its way through the pages."""

    patience: Patience

    def __init__(
        self,
        connector: Connector,
        settings: Settings,
        scorer: Scorer,
        ledger: Ledger,
        done: Synced,
        *,
        again: bool,
        now: Callable[[], datetime],
    ) -> None:
        self.connector, self.settings, self.scorer = connector, settings, scorer
        self.ledger, self.done, self.again, self.now = ledger, done, again, now
        self._forgotten = Forgotten()

    def places(self, place: Place, progress: Progress) -> Iterator[Place]:
        """Work through the pages; yield the place reached after each."""
        while not place.finished:
            page = self._read(place)
            self._work(page)
            read, whole = self.done.read, self.done.read + (page.left or 0)
            progress(f"{read:,} leads read, {self.done.written:,} written", read / max(1, whole))
            place = replace(place, after=page.after, finished=page.after is None)
            yield place

    def _read(self, place: Place) -> Page:
        page = self.patience.ask(lambda: self.connector.page(place.since, place.after))
        if page.after is not None and page.after == place.after:
            msg = f"{self.done.of} does not go on after {place.after}: its connector is wrong"
            raise CrmError(msg)
        if not self.done.pages and page.leads:
            self._look_at_columns({name for lead in page.leads for name in lead.columns})
        self.done.pages += 1
        self.done.read += len(page.leads)
        return page

    def _look_at_columns(self, columns: set[str]) -> None:
        mapping = self.settings.definition.leads
        for key in ("id", "outcome"):
            if getattr(mapping, key) not in columns:
                msg = (
                    f"{self.done.of} gives no column {getattr(mapping, key)!r}, which "
                    f"[leads].{key} names: it gives {', '.join(sorted(columns))}"
                )
                raise ConfigError(msg)
        features = self.scorer.bundle.features.features
        used = {feature.column for feature in features if feature.column is not None}
        if lacking := sorted(used - columns):
            self.done.warnings.append(
                f"version {self.done.version} reads columns that {self.done.crm} does not give: "
                f"{', '.join(lacking)}; they count as missing in every lead"
            )

    def _work(self, page: Page) -> None:
        """Do with one page of leads all there is to do."""
        if not page.leads:
            return
        told = record_told(
            page.leads, self.settings, self.ledger, now=self.now(), dry_run=self.done.dry_run
        )
        self._count(told, page.leads)
        due = self._due(page.leads, told)
        scores, events = self._scores(due)
        self._record(events)
        if not self.done.dry_run:
            for start in range(0, len(scores), WRITTEN_AT_ONCE):
                self._write(scores[start : start + WRITTEN_AT_ONCE])

    def _count(self, told: Told, leads: Sequence[CrmLead]) -> None:
        for kind, number in told.by_event.items():
            self.done.by_event[kind] += number
        for row, (code, why) in told.problems.items():
            if row not in told.forgotten:
                self.done.fail(leads[row].key, code, why)
        self.done.forgotten += len(told.forgotten)
        self.done.unusable += len(told.unusable)

    def _due(self, leads: Sequence[CrmLead], told: Told) -> list[tuple[CrmLead, str]]:
        """Return the leads that want a score, each with the mark of what it stands on."""
        due = []
        for row, lead in enumerate(leads):
            if row in told.forgotten or row in told.unusable:
                continue
            mark = mark_of(self.scorer.version, lead.columns, lead.activities)
            if row in told.closed or not lead.wants_score:
                self.done.closed += 1
            elif mark == lead.mark and not self.again:
                self.done.unchanged += 1
            else:
                due.append((lead, mark))
        return due

    def _scores(self, due: Sequence[tuple[CrmLead, str]]) -> tuple[list[CrmScore], list[Score]]:
        if not due:
            return [], []
        leads = [lead for lead, _ in due]
        answers = self.scorer.score_records(
            [lead.columns for lead in leads],
            activities=[lead.activities for lead in leads],
            now=self.now(),
        )
        scores: list[CrmScore] = []
        events: list[Score] = []
        for (lead, mark), answer in zip(due, answers, strict=True):
            if answer.errors:
                self._unusable(lead, answer)
                continue
            told = answer.to_dict()
            sent = _plain(lead.columns)
            event = telling_of(self.scorer).event(told, sent, [sent, lead.activities, None])
            events += [] if event is None else [score_of(event.entry)]
            scores.append(CrmScore(lead=lead, answer=told, text=score_text(told), mark=mark))
        self.done.scored += len(scores)
        return scores, events

    def _unusable(self, lead: CrmLead, answer: Answer) -> None:
        self.done.unusable += 1
        why = "; ".join(f"{error['loc'][0]}: {error['msg']}" for error in answer.errors)
        self.done.fail(lead.key, CODES["score"], why)

    def _record(self, given: Sequence[Score]) -> None:
        """Record scores that the ledger does not have under any of their keys."""
        if self.done.dry_run:
            known = self.ledger.find({key for score in given for key in score.keys})
            self.done.recorded += sum(known.keys().isdisjoint(score.keys) for score in given)
        elif given:
            self.done.recorded += self._taken(given)

    def _taken(self, given: Sequence[Score]) -> int:
        """Record scores; one that is beyond the database costs the others nothing."""
        try:
            number, self._forgotten = self.ledger.take(given, self._forgotten)
        except ValueError:
            half = len(given) // 2
            return self._taken(given[:half]) + self._taken(given[half:]) if half else 0
        return number

    def _write(self, scores: Sequence[CrmScore]) -> None:
        results = self.patience.ask(lambda: self.connector.write(scores))
        for score, result in zip(scores, results, strict=True):
            self.done.written += result.state == "written"
            self.done.moved += result.state == "moved"
            if result.state == "refused":
                self.done.refused += 1
                self.done.fail(score.lead.key, CODES["write"], result.problem)


def _plain(columns: Mapping[str, Any]) -> dict[str, Any]:
    """Return columns as they would stand in a request's JSON."""
    return {
        name: value.isoformat() if hasattr(value, "isoformat") else value
        for name, value in columns.items()
    }
