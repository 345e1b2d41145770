"""What a CRM's export says of a lead, and which events tell the ledger what is new in it.

An export is a picture of today; the ledger is a record of what happened. `news` compares the two
and returns the events that lead from one to the other: none where nothing is new, a first event of
a kind, a correction of what an earlier export said, or a reopening where an outcome is gone.
"""

import hashlib
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from leadml.domain.correction import corrected
from leadml.domain.crossing import is_served_score
from leadml.domain.event import Event, Stored, iso

PREFIX = "export-"
"""Keys of the events that came from exports begin so; only they are ever corrected."""
MOST_CHARACTERS = 200
"""Length of a key in the ledger."""
SCORE = ("probability", "points", "band")
_CLOSING = ("won", "lost", "reopened")
_NONE: Mapping[str, Any] = {}


@dataclass(frozen=True, kw_only=True, slots=True)
class CrmWord:
    """One lead as an export shows it.

    Attributes
    ----------
    lead : str
        Its id.
    account, owner : str or None
        None says nothing.
    attributes : mapping
        Source, industry, segment, account size, creation, qualification; what is known of them.
    times : mapping of str to datetime or None
        Kind of event (``handed_off``, ``accepted``, ``rejected``, ``followed_up``) -> when, None
        where it has not happened; kinds the export does not tell of are left out.
    exploration : mapping
        ``explored`` and ``handoff_probability``, where known.
    rejection : mapping
        ``reason`` and ``text`` of the rejection.
    outcome : {"won", "lost"} or None
        None while open.
    closed_at : datetime or None
        When it closed.
    closing : mapping
        ``amount``, ``margin_amount`` and ``recorded_at`` of the outcome, where known.
    score : mapping
        ``probability``, ``points`` and ``band`` that the CRM holds, where known.
    scored_at : datetime or None
        What such a score is dated: the hand-off, or else the lead's creation.
    """

    lead: str
    account: str | None = None
    owner: str | None = None
    attributes: Mapping[str, Any] = field(default_factory=dict)
    times: Mapping[str, datetime | None] = field(default_factory=dict)
    exploration: Mapping[str, Any] = field(default_factory=dict)
    rejection: Mapping[str, Any] = field(default_factory=dict)
    outcome: str | None = None
    closed_at: datetime | None = None
    closing: Mapping[str, Any] = field(default_factory=dict)
    score: Mapping[str, Any] = field(default_factory=dict)
    scored_at: datetime | None = None


def news(
    word: CrmWord,
    history: Sequence[Stored],
    *,
    now: datetime,
    latest: datetime,
    is_older: bool = False,
    slack: Mapping[str, timedelta] = _NONE,
) -> list[Event]:
    """Return the events that the ledger lacks for it to say what the export says.

    What the CRM no longer says of a lead is taken back, of events that came from exports; an
    outcome that is gone is a reopening. Events of other senders stand as they are: at most a
    missing account, owner or attribute is added to their hand-off.

    Parameters
    ----------
    word : CrmWord
        The lead in the export.
    history : sequence of Stored
        All of its events in the ledger.
    now : datetime
        When the export is read, aware: when what was said earlier is corrected.
    latest : datetime
        The latest time in the export, aware: when a lead whose outcome is gone was open again.
    is_older : bool
        Whether an earlier import knew more: what happened after `latest` is then not taken back,
        for this export cannot know of it.
    slack : mapping of str to timedelta, optional
        Kind of event -> how much later than the export says it may have happened and still be the
        same: a day less a moment where the export has dates without a time of day.
    """
    if not history:
        return _first_news(word)
    until = latest if is_older else now
    return _Comparison(word, history, now=now, latest=latest, until=until, slack=slack).events()


def _first_news(word: CrmWord) -> list[Event]:
    carrier = _carrier(word)
    events = []
    if word.score and word.scored_at:
        events.append(_event(word, "scored", word.scored_at, carrier, 0))
    for kind, moment in word.times.items():
        if moment is not None:
            events.append(_event(word, kind, moment, carrier, 0))
    if word.outcome and word.closed_at:
        events.append(_event(word, word.outcome, word.closed_at, carrier, 0))
    return events


def _carrier(word: CrmWord) -> str:
    """Return the kind of event that carries account, owner and attributes: mostly the hand-off."""
    if word.times.get("handed_off") is not None:
        return "handed_off"
    if word.score and word.scored_at:
        return "scored"
    happened = (kind for kind, moment in word.times.items() if moment is not None)
    return next(happened, word.outcome or "")


def _event(word: CrmWord, kind: str, moment: datetime, carrier: str, number: int) -> Event:
    carries = kind == carrier
    return Event(
        event=kind,
        lead=word.lead,
        happened_at=moment,
        account=word.account if carries else None,
        owner=word.owner if carries else None,
        idempotency_key=export_key(word.lead, kind, number),
        detail=_detail(word, kind, carrier),
    )


def export_key(lead: str, kind: str, number: int) -> str:
    """Return the key of the `number`-th event of its kind that exports say of a lead.

    Two programs that read one export at once make the same events, which are then kept once. The
    keys of leads that follow one another do so, too, which databases write quickest; of a lead
    whose key would be too long it is a hash.
    """
    key = f"{PREFIX}{kind}-{number}-{lead}"
    if len(key) <= MOST_CHARACTERS:
        return key
    return PREFIX + hashlib.blake2b(key.encode(), digest_size=16).hexdigest()


def _detail(word: CrmWord, kind: str, carrier: str) -> Mapping[str, Any]:
    own = _OF_KIND.get(kind, _nothing)(word)
    if kind != carrier or not word.attributes:
        return own
    return {**own, "attributes": word.attributes}


def _nothing(word: CrmWord) -> Mapping[str, Any]:
    return _NONE


def _of_loss(word: CrmWord) -> Mapping[str, Any]:
    return {name: value for name, value in word.closing.items() if name == "recorded_at"}


_OF_KIND: dict[str, Callable[[CrmWord], Mapping[str, Any]]] = {
    "scored": lambda word: word.score,
    "handed_off": lambda word: word.exploration,
    "rejected": lambda word: word.rejection,
    "won": lambda word: word.closing,
    "lost": _of_loss,
}


class _Comparison:
    """One lead's word held against its history."""

    def __init__(
        self,
        word: CrmWord,
        history: Sequence[Stored],
        *,
        now: datetime,
        latest: datetime,
        until: datetime,
        slack: Mapping[str, timedelta],
    ) -> None:
        self.word, self.history, self.now = word, history, now
        self.latest, self.until, self.slack = latest, until, slack
        self.standing = sorted(corrected(history), key=lambda s: (s.event.happened_at, s.id))
        self.carrier = _carrier(word)
        self.added: list[Event] = []
        self.looked_at: set[int] = set()

    def events(self) -> list[Event]:
        """Return what is new."""
        for kind, moment in self.word.times.items():
            self._step(kind, moment)
        self._outcome()
        self._score()
        for stored in self.standing:
            if _is_mine(stored) and stored.id not in self.looked_at:
                self._patch(stored, {}, {}, carries=stored.event.event == self.carrier)
        return self.added

    def _step(self, kind: str, moment: datetime | None) -> None:
        mine = self._mine((kind,))
        if moment is None:
            if mine and mine.event.happened_at <= self.until:
                self._void(mine)
        elif mine:
            self._mend(mine, kind, moment)
        else:
            others = [s for s in self.standing if s.event.event == kind]
            same = [s for s in others if self._same(kind, s.event.happened_at, moment)]
            if same:
                self._complete(same[0])
            else:
                self._add(kind, moment)

    def _outcome(self) -> None:
        word, mine = self.word, self._last_closing()
        if mine is None or mine.event.event == "reopened":
            self._close()
        elif word.outcome is None and mine.event.happened_at > self.until:
            return
        elif word.outcome is None:
            moment = max(self.latest, mine.event.happened_at)
            self._add("reopened", min(moment, self.now))
        elif word.closed_at is not None:
            self._mend(mine, word.outcome, word.closed_at)

    def _last_closing(self) -> Stored | None:
        """Return what exports said last of the outcome.

        When a lead was reopened no export says. If it turns out to have closed before the moment
        that was taken for it, it was not open again then, and the reopening is taken back.
        """
        mine, closed_at = self._mine(_CLOSING), self.word.closed_at
        if mine is None or mine.event.event != "reopened" or self.word.outcome is None:
            return mine
        if closed_at is None or closed_at > mine.event.happened_at:
            return mine
        self._void(mine)
        self.standing.remove(mine)
        return self._mine(_CLOSING)

    def _close(self) -> None:
        word = self.word
        if word.outcome is None or word.closed_at is None:
            return
        ends = [s for s in self.standing if s.event.event in _CLOSING]
        last = ends[-1].event if ends else None
        if (
            last is None
            or last.event != word.outcome
            or not self._same(word.outcome, last.happened_at, word.closed_at)
        ):
            self._add(word.outcome, word.closed_at)

    def _score(self) -> None:
        """Add the score that the CRM holds, unless the ledger has one of the same moment.

        A score that the service gave is the truth; what the CRM changed after the hand-off is not
        what was known then.
        """
        word = self.word
        if not word.score or word.scored_at is None:
            return
        handed_off = word.times.get("handed_off")
        scores = [s.event for s in self.standing if is_served_score(s)]
        known = [e for e in scores if handed_off is None or e.happened_at <= handed_off]
        if known and (
            handed_off is None
            or known[-1].model_version is not None
            or known[-1].happened_at == handed_off
            or all(known[-1].detail.get(name) == word.score.get(name) for name in SCORE)
        ):
            return
        self._add("scored", word.scored_at)

    def _mend(self, mine: Stored, kind: str, moment: datetime) -> None:
        event, patch = mine.event, dict[str, Any]()
        if kind != event.event:
            patch["event"] = kind
        if not self._same(kind, event.happened_at, moment):
            patch["happened_at"] = iso(moment)
        changed = _changed(event.detail, _OF_KIND.get(kind, _nothing)(self.word))
        self._patch(mine, patch, changed, carries=kind == self.carrier)

    def _patch(
        self, mine: Stored, patch: dict[str, Any], changed: dict[str, Any], *, carries: bool
    ) -> None:
        """Correct an event, with what it says of the lead itself where that has changed.

        The carrier is told all; another event, the carrier of an earlier export perhaps, only what
        it says already.
        """
        self.looked_at.add(mine.id)
        for name in ("account", "owner"):
            told, kept = getattr(self.word, name), getattr(mine.event, name)
            if told is not None and told != kept and (carries or kept is not None):
                patch[name] = told
        kept = mine.event.detail.get("attributes") or {}
        told = {n: v for n, v in self.word.attributes.items() if carries or n in kept}
        if {**kept, **told} != kept:
            changed["attributes"] = {**kept, **told}
        if changed:
            patch["detail"] = changed
        if patch:
            self._correct(mine, patch)

    def _complete(self, theirs: Stored) -> None:
        """Add what another sender's hand-off does not say of the lead; change nothing of it."""
        if theirs.event.event != "handed_off":
            return
        patch = dict[str, Any]()
        for name in ("account", "owner"):
            told = getattr(self.word, name)
            if told is not None and not any(getattr(s.event, name) for s in self.standing):
                patch[name] = told
        known = dict[str, Any]()
        for stored in self.standing:
            known |= stored.event.detail.get("attributes") or {}
        more = {n: v for n, v in self.word.attributes.items() if known.get(n) is None}
        if more:
            earlier = theirs.event.detail.get("attributes") or {}
            patch["detail"] = {"attributes": {**earlier, **more}}
        if patch:
            self._correct(theirs, patch)

    def _mine(self, kinds: Collection[str]) -> Stored | None:
        found = [s for s in self.standing if s.event.event in kinds and _is_mine(s)]
        return found[-1] if found else None

    def _same(self, kind: str, kept: datetime, told: datetime) -> bool:
        return told <= kept <= told + self.slack.get(kind, timedelta())

    def _count(self, kind: str) -> int:
        return sum(s.event.event == kind and _is_mine(s) for s in self.history)

    def _add(self, kind: str, moment: datetime) -> None:
        self.added.append(_event(self.word, kind, moment, self.carrier, self._count(kind)))

    def _void(self, mine: Stored) -> None:
        self.looked_at.add(mine.id)
        self._correct(mine, {"void": True})

    def _correct(self, stored: Stored, patch: Mapping[str, Any]) -> None:
        number = self._count("corrected") + sum(e.event == "corrected" for e in self.added)
        self.added.append(
            Event(
                event="corrected",
                lead=self.word.lead,
                happened_at=self.now,
                idempotency_key=export_key(self.word.lead, "corrected", number),
                detail={"corrects": stored.event.idempotency_key, **patch},
            )
        )


def _is_mine(stored: Stored) -> bool:
    return stored.event.idempotency_key.startswith(PREFIX)


def _changed(kept: Mapping[str, Any], told: Mapping[str, Any]) -> dict[str, Any]:
    """Return what an export says otherwise; what it leaves empty says nothing.

    A reason that no longer needs its text loses it.
    """
    changed = {name: value for name, value in told.items() if kept.get(name) != value}
    if "reason" in changed:
        changed |= {name: None for name in ("text", "right_person") if name not in told}
    return changed
