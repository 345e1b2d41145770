"""The state of a lead: a pure fold of its events, whatever the order in which they arrived."""

from collections.abc import Container, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from typing import Any

from leadml.domain.correction import as_utc, corrected
from leadml.domain.event import KINDS, Stored, iso

OPEN = "open"


@dataclass(frozen=True, kw_only=True)
class Score:
    """One score that was given for a lead.

    Attributes
    ----------
    scored_at : datetime
        When.
    probability, handoff_probability : float or None
        In [0, 1].
    points : float or None
        The points score.
    band : str or None
        A to D.
    sales_ready, explored : bool or None
        Whether it reached the cut; whether it is handed off at random to learn from.
    model_version, agreement_hash : str or None
        What scored, under which agreement.
    """

    scored_at: datetime
    probability: float | None = None
    points: float | None = None
    band: str | None = None
    sales_ready: bool | None = None
    explored: bool | None = None
    handoff_probability: float | None = None
    model_version: str | None = None
    agreement_hash: str | None = None


@dataclass(frozen=True, kw_only=True)
class LeadState:
    """What is known of a lead.

    Attributes
    ----------
    lead : str
        Its id.
    state : str
        ``won`` or ``lost`` once closed, else the latest of ``handed_off``, ``accepted``,
        ``rejected``, ``followed_up`` and ``open`` (reopened), else ``scored``; ``open`` where no
        event stands.
    account, owner : str or None
        The latest told.
    attributes : mapping
        The latest told of each, without the times, which are fields of their own.
    created_at, qualified_at : datetime or None
        When it came in and when marketing found it qualified.
    handed_off_at : datetime or None
        Its first hand-off: the clock of follow-up and horizon.
    handed_off_recorded_at : datetime or None
        When the ledger was told of that hand-off, or last told another time for it.
    handed_off_moved : bool or None
        Whether the hand-off that was recorded first told another time.
    accepted_at : datetime or None
        When sales first accepted it.
    rejected_at, rejection_reason, rejection_text, right_person
        The last rejection, unless sales accepted the lead later; else None.
    followed_up_at : datetime or None
        The first follow-up at or after the hand-off, or else the last before it, as an export
        would tell; of a lead never handed off, the first.
    outcome : {"won", "lost"} or None
        How it closed last; None while open or reopened. Within a horizon: see `state_of`.
    closed_at, amount, margin_amount, outcome_recorded_at
        Of that outcome: when, for how much (currency), and when it was written down: where the
        sender says, in the CRM it came from (``recorded_at`` of its detail), else in the ledger.
    outcome_known_at : datetime or None
        When the ledger was told of that outcome.
    explored : bool or None
        Whether it was handed off at random to learn from, by the hand-off or else the score.
    handoff_probability : float or None
        With which probability, by the same.
    model_version, agreement_hash : str or None
        Of the first hand-off, or else of the score.
    score : Score or None
        The last one at or before the hand-off; of a lead never handed off, the last.
    events : int
        How many events stand, scores made in the shadow aside.
    """

    lead: str
    state: str = OPEN
    account: str | None = None
    owner: str | None = None
    attributes: Mapping[str, Any] = field(default_factory=dict)
    created_at: datetime | None = None
    qualified_at: datetime | None = None
    handed_off_at: datetime | None = None
    handed_off_recorded_at: datetime | None = None
    handed_off_moved: bool | None = None
    accepted_at: datetime | None = None
    rejected_at: datetime | None = None
    rejection_reason: str | None = None
    rejection_text: str | None = None
    right_person: str | None = None
    followed_up_at: datetime | None = None
    outcome: str | None = None
    closed_at: datetime | None = None
    amount: float | None = None
    margin_amount: float | None = None
    outcome_recorded_at: datetime | None = None
    outcome_known_at: datetime | None = None
    explored: bool | None = None
    handoff_probability: float | None = None
    model_version: str | None = None
    agreement_hash: str | None = None
    score: Score | None = None
    events: int = 0

    def to_dict(self) -> dict[str, Any]:
        """Return the state as JSON-ready values, times as ISO 8601 in UTC."""
        plain = {name: _plain(value) for name, value in asdict(self).items()}
        if self.score is not None:
            plain["score"] = {n: _plain(value) for n, value in asdict(self.score).items()}
        return plain


_RANK = {kind: rank for rank, kind in enumerate(KINDS)}
_STAGES = {
    "handed_off": "handed_off",
    "accepted": "accepted",
    "rejected": "rejected",
    "followed_up": "followed_up",
    "reopened": OPEN,
}
_TIMES = ("created_at", "qualified_at")


def state_of(events: Sequence[Stored], *, horizon: timedelta | None = None) -> LeadState:
    """Fold one lead's events into its state.

    Events count in the order in which they happened; of the same moment, in the order of a lead's
    life (handed off, accepted, rejected, followed up, won, lost, reopened), then by key. So the
    state does not depend on the order of arrival. Scores made in the shadow (`Event.shadow`) count
    for nothing: nobody was given them.

    Parameters
    ----------
    events : sequence of Stored
        All events of one lead, at least one, in any order.
    horizon : timedelta, optional
        A lead that stands as won at the end of the horizon since its hand-off has that win as its
        outcome, whatever happens later: what was won in time does not come undone when the deal is
        reopened for a renewal. Only a correction takes it back. `state` stays that of today.
    """
    standing = sorted((s for s in corrected(events) if not s.event.shadow), key=_order)
    by_kind: dict[str, list[Stored]] = {}
    for stored in standing:
        by_kind.setdefault(stored.event.event, []).append(stored)
    handoff = next(iter(by_kind.get("handed_off", ())), None)
    score = _score(by_kind.get("scored", ()), handoff)
    return LeadState(
        lead=events[0].event.lead,
        state=_state(standing),
        account=_latest(standing, "account"),
        owner=_latest(standing, "owner"),
        handed_off_at=handoff.event.happened_at if handoff else None,
        accepted_at=_first(by_kind.get("accepted", ())),
        followed_up_at=_followed_up(by_kind.get("followed_up", ()), handoff),
        score=score,
        events=len(standing),
        **_recording(events, handoff),
        **_attributes(standing),
        **_rejection(standing),
        **_outcome(_closing(standing, handoff, horizon)),
        **_handing(handoff, score),
    )


def _order(stored: Stored) -> tuple[datetime, int, str]:
    event = stored.event
    return event.happened_at, _RANK[event.event], event.idempotency_key


def _last(standing: Sequence[Stored], kinds: Container[str]) -> Stored | None:
    return next((stored for stored in reversed(standing) if stored.event.event in kinds), None)


def _state(standing: Sequence[Stored]) -> str:
    closing = _last(standing, _CLOSING)
    if closing and closing.event.event != "reopened":
        return closing.event.event
    stage = _last(standing, _STAGES)
    if stage:
        return _STAGES[stage.event.event]
    return "scored" if standing else OPEN


_CLOSING = ("won", "lost", "reopened")


def _latest(standing: Sequence[Stored], name: str) -> str | None:
    told = (getattr(stored.event, name) for stored in reversed(standing))
    return next((value for value in told if value is not None), None)


def _first(of_kind: Sequence[Stored]) -> datetime | None:
    return of_kind[0].event.happened_at if of_kind else None


def _recording(events: Sequence[Stored], handoff: Stored | None) -> dict[str, Any]:
    """Return when the ledger was told of the hand-off as it stands, and whether it once was not."""
    if handoff is None:
        return {}
    told = [stored for stored in events if stored.event.event == "handed_off"]
    first = min(told, key=lambda s: (s.recorded_at, s.event.happened_at), default=handoff)
    moved = first.event.happened_at != handoff.event.happened_at
    known = [handoff.recorded_at]
    if moved:
        known += _mended_at(events, {s.event.idempotency_key for s in (*told, handoff)})
    return {"handed_off_recorded_at": max(known), "handed_off_moved": moved}


def _mended_at(events: Sequence[Stored], keys: set[str]) -> list[datetime]:
    """Return when corrections of the events with these keys, and of such corrections, came in."""
    found = []
    for stored in sorted(events, key=_order):
        if stored.event.event == "corrected" and stored.event.detail.get("corrects") in keys:
            keys.add(stored.event.idempotency_key)
            found.append(stored.recorded_at)
    return found


def _followed_up(of_kind: Sequence[Stored], handoff: Stored | None) -> datetime | None:
    since = handoff.event.happened_at if handoff else None
    moments = [stored.event.happened_at for stored in of_kind]
    later = (moment for moment in moments if since is None or moment >= since)
    return next(later, moments[-1] if moments else None)


def _score(scores: Sequence[Stored], handoff: Stored | None) -> Score | None:
    until = handoff.event.happened_at if handoff else None
    given = [s for s in scores if until is None or s.event.happened_at <= until]
    if not given:
        return None
    event = given[-1].event
    return Score(
        scored_at=event.happened_at,
        model_version=event.model_version,
        agreement_hash=event.agreement_hash,
        **{name: event.detail.get(name) for name in _SCORED},
    )


_SCORED = (
    "probability", "points", "band", "sales_ready", "explored", "handoff_probability",
)  # fmt: skip


def _handing(handoff: Stored | None, score: Score | None) -> dict[str, Any]:
    """Tell how the lead was handed off, from the hand-off itself or else from its score."""
    event = handoff.event if handoff else None
    detail = event.detail if event else {}
    told = {name: detail.get(name) for name in ("explored", "handoff_probability")}
    told |= {name: getattr(event, name, None) for name in ("model_version", "agreement_hash")}
    return {
        name: getattr(score, name, None) if value is None else value for name, value in told.items()
    }


def _attributes(standing: Sequence[Stored]) -> dict[str, Any]:
    told: dict[str, Any] = {}
    for stored in standing:
        given = stored.event.detail.get("attributes")
        if given:
            told |= {name: value for name, value in given.items() if value is not None}
    times = {name: as_utc(told.pop(name)) for name in _TIMES if name in told}
    return {"attributes": told, **times}


def _rejection(standing: Sequence[Stored]) -> dict[str, Any]:
    last = _last(standing, ("accepted", "rejected"))
    if last is None or last.event.event == "accepted":
        return {}
    detail = last.event.detail
    reason = detail.get("reason")
    return {
        "rejected_at": last.event.happened_at,
        "rejection_reason": reason,
        "rejection_text": detail.get("text"),
        "right_person": detail.get("right_person") if reason == "wrong_person" else None,
    }


def _closing(
    standing: Sequence[Stored], handoff: Stored | None, horizon: timedelta | None
) -> Stored | None:
    """Return what closed or reopened the lead last; a win standing at the horizon's end instead."""
    if handoff and horizon is not None:
        end = handoff.event.happened_at + horizon
        in_time = [stored for stored in standing if stored.event.happened_at <= end]
        closing = _last(in_time, _CLOSING)
        if closing and closing.event.event == "won":
            return closing
    return _last(standing, _CLOSING)


def _outcome(closing: Stored | None) -> dict[str, Any]:
    if closing is None or closing.event.event == "reopened":
        return {}
    event = closing.event
    written = event.detail.get("recorded_at")
    return {
        "outcome": event.event,
        "closed_at": event.happened_at,
        "amount": event.detail.get("amount"),
        "margin_amount": event.detail.get("margin_amount"),
        "outcome_recorded_at": as_utc(written) if written else closing.recorded_at,
        "outcome_known_at": closing.recorded_at,
    }


def _plain(value: Any) -> Any:
    return iso(value) if isinstance(value, datetime) else value
