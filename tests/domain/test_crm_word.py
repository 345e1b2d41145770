"""What an export says of a lead against what the ledger knows: only what is new."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leadml.domain.crm_word import PREFIX, CrmWord, export_key, news
from leadml.domain.event import Event, Stored
from leadml.domain.lead_state import state_of

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
LATEST = datetime(2026, 5, 31, tzinfo=UTC)


def day(number: int, hour: int = 0) -> datetime:
    return datetime(2026, 3, number, hour, tzinfo=UTC)


WORD = CrmWord(
    lead="L1",
    account="Acme",
    owner="Ann",
    attributes={"source": "Web", "created_at": "2026-02-01T00:00:00+00:00"},
    times={
        "handed_off": day(1),
        "accepted": day(2),
        "rejected": None,
        "followed_up": day(3),
    },
    outcome="won",
    closed_at=day(20),
    closing={"amount": 100.0, "margin_amount": 30.0},
)


class Ledger:
    """Keeps what is told, as the ledger does: each key once."""

    def __init__(self, *events: Event) -> None:
        self.history: list[Stored] = []
        self.now = NOW
        self.keep(events)

    def keep(self, events: Sequence[Event]) -> list[str]:
        known = {stored.event.idempotency_key for stored in self.history}
        assert known.isdisjoint(event.idempotency_key for event in events)
        for event in events:
            self.history.append(Stored(id=len(self.history) + 1, recorded_at=self.now, event=event))
        return [event.event for event in events]

    def told(self, word: CrmWord, **options: Any) -> list[str]:
        """Keep what is new, an hour after the time before; return its kinds."""
        self.now += timedelta(hours=1)
        new = news(word, self.history, now=self.now, latest=LATEST, **options)
        return self.keep(new)

    @property
    def state(self) -> Any:
        return state_of(self.history)


def theirs(kind: str, moment: datetime, **more: Any) -> Event:
    return Event(
        event=kind, lead="L1", happened_at=moment, idempotency_key=f"crm-{kind}-{moment}", **more
    )


def test_a_new_lead_becomes_one_event_a_step() -> None:
    events = news(WORD, (), now=NOW, latest=LATEST)
    assert [(e.event, e.happened_at, e.account, e.owner, dict(e.detail)) for e in events] == [
        ("handed_off", day(1), "Acme", "Ann", {"attributes": WORD.attributes}),
        ("accepted", day(2), None, None, {}),
        ("followed_up", day(3), None, None, {}),
        ("won", day(20), None, None, {"amount": 100.0, "margin_amount": 30.0}),
    ]
    assert [e.idempotency_key for e in events] == [export_key("L1", e.event, 0) for e in events]
    assert all(e.idempotency_key.startswith(PREFIX) and e.lead == "L1" for e in events)


def test_keys_follow_their_leads_and_are_never_too_long() -> None:
    assert export_key("L1", "won", 0) == "export-won-0-L1"
    keys = [export_key("x" * 200, kind, n) for kind in ("won", "lost") for n in (0, 1)]
    assert len({*keys, export_key("x" * 199 + "y", "won", 0)}) == 5
    assert all(key.startswith(PREFIX) and len(key) <= 200 for key in keys)
    assert len(export_key("x" * 187, "won", 0)) == 200


def test_the_same_word_twice_says_nothing_new() -> None:
    ledger = Ledger()
    assert ledger.told(WORD) == ["handed_off", "accepted", "followed_up", "won"]
    assert ledger.told(WORD) == []


def test_a_changed_time_is_a_correction_and_is_kept_once() -> None:
    ledger = Ledger()
    ledger.told(WORD)
    later = replace(WORD, times={**WORD.times, "handed_off": day(1, 9)}, closed_at=day(21))
    assert ledger.told(later) == ["corrected", "corrected"]
    assert ledger.told(later) == []
    assert (ledger.state.handed_off_at, ledger.state.closed_at) == (day(1, 9), day(21))
    assert ledger.told(WORD) == ["corrected", "corrected"]  # and back again
    assert (ledger.state.handed_off_at, ledger.state.closed_at) == (day(1), day(20))


def test_won_that_becomes_lost_is_a_correction() -> None:
    ledger = Ledger()
    ledger.told(WORD)
    assert ledger.told(replace(WORD, outcome="lost")) == ["corrected"]
    assert (ledger.state.outcome, ledger.state.amount) == ("lost", None)
    assert ledger.told(replace(WORD, outcome="lost")) == []
    assert ledger.told(WORD) == ["corrected"]
    assert (ledger.state.outcome, ledger.state.amount) == ("won", 100.0)


def test_an_outcome_that_is_gone_is_a_reopening() -> None:
    ledger = Ledger()
    ledger.told(WORD)
    still_open = replace(WORD, outcome=None, closed_at=None)
    assert ledger.told(still_open) == ["reopened"]
    assert ledger.history[-1].event.happened_at == LATEST
    assert (ledger.state.outcome, ledger.state.state) == (None, "open")
    assert ledger.told(still_open) == []
    assert ledger.told(replace(WORD, closed_at=NOW)) == ["won"]
    assert (ledger.state.outcome, ledger.state.closed_at) == ("won", NOW)


def test_a_reopening_that_cannot_have_been_is_taken_back() -> None:
    ledger = Ledger()
    ledger.told(WORD)
    ledger.told(replace(WORD, outcome=None))  # dated in May, where the export ends
    assert ledger.told(WORD) == ["corrected"]  # won on 20 March after all
    assert (ledger.state.outcome, ledger.state.closed_at) == ("won", day(20))
    assert ledger.told(WORD) == []
    ledger.told(replace(WORD, outcome=None))
    assert ledger.told(replace(WORD, outcome="lost", closed_at=day(25))) == ["corrected"] * 2
    assert (ledger.state.outcome, ledger.state.closed_at) == ("lost", day(25))


def test_a_reopening_is_never_before_the_close_nor_in_the_future() -> None:
    ledger = Ledger()
    ledger.told(replace(WORD, closed_at=NOW))
    ledger.told(replace(WORD, outcome=None))
    assert ledger.history[-1].event.happened_at == NOW
    assert ledger.state.outcome is None


def test_a_time_that_is_gone_is_taken_back() -> None:
    ledger = Ledger()
    ledger.told(WORD)
    assert ledger.told(replace(WORD, times={**WORD.times, "accepted": None})) == ["corrected"]
    assert dict(ledger.history[-1].event.detail) == {
        "corrects": export_key("L1", "accepted", 0),
        "void": True,
    }
    assert ledger.state.accepted_at is None
    assert ledger.told(WORD) == ["accepted"]
    assert ledger.history[-1].event.idempotency_key == export_key("L1", "accepted", 1)
    assert ledger.state.accepted_at == day(2)


def test_a_kind_that_is_not_exported_is_not_taken_back() -> None:
    ledger = Ledger()
    ledger.told(WORD)
    assert ledger.told(replace(WORD, times={"handed_off": day(1)})) == []


def test_an_older_export_takes_nothing_back_that_it_cannot_know() -> None:
    ledger = Ledger()
    ledger.told(replace(WORD, closed_at=NOW))
    unknown = replace(WORD, outcome=None, times={**WORD.times, "accepted": None})
    assert ledger.told(unknown, is_older=True) == ["corrected"]  # accepted in March, known since
    assert ledger.state.outcome == "won"
    assert ledger.told(unknown) == ["reopened"]


def test_who_has_the_lead_and_what_it_is_are_corrected_but_never_emptied() -> None:
    ledger = Ledger()
    ledger.told(WORD)
    other = replace(WORD, owner="Bob", attributes={"source": "Fair", "segment": "SMB"})
    assert ledger.told(other) == ["corrected"]
    assert (ledger.state.owner, ledger.state.account) == ("Bob", "Acme")
    assert dict(ledger.state.attributes) == {"source": "Fair", "segment": "SMB"}
    assert ledger.state.created_at == datetime(2026, 2, 1, tzinfo=UTC)
    assert ledger.told(replace(other, owner=None, account=None, attributes={}, closing={})) == []


def test_a_rejection_is_corrected_with_its_reason() -> None:
    ledger = Ledger()
    other = {"reason": "other", "text": "Timing"}
    word = CrmWord(lead="L1", times={"handed_off": day(1), "rejected": day(2)}, rejection=other)
    assert ledger.told(word) == ["handed_off", "rejected"]
    assert ledger.told(replace(word, rejection={"reason": "no_budget"})) == ["corrected"]
    assert ledger.state.rejection_reason == "no_budget"
    assert ledger.state.rejection_text is None
    assert ledger.told(replace(word, rejection={"reason": "no_budget"})) == []


@pytest.mark.parametrize(
    ("kept", "expected"),
    [
        (day(1), []),
        (day(1, 23), []),  # a date without a time of day stands for the whole day
        (day(2), ["corrected"]),
        (day(1) - timedelta(seconds=1), ["corrected"]),
    ],
)
def test_a_date_stands_for_any_moment_of_its_day(kept: datetime, expected: list[str]) -> None:
    word = CrmWord(lead="L1", times={"handed_off": day(1)})
    ledger = Ledger(*news(replace(word, times={"handed_off": kept}), (), now=NOW, latest=LATEST))
    slack = {"handed_off": timedelta(days=1, microseconds=-1)}
    assert ledger.told(word, slack=slack) == expected


class TestOthersEvents:
    """What did not come from an export stands as it is."""

    def test_the_same_event_is_not_said_twice(self) -> None:
        ledger = Ledger(
            theirs("handed_off", day(1), account="Acme", owner="Ann"), theirs("won", day(20))
        )
        word = replace(WORD, attributes={}, times={"handed_off": day(1)})
        assert ledger.told(word) == []

    def test_another_moment_makes_an_event_of_its_own(self) -> None:
        ledger = Ledger(theirs("followed_up", day(3, 8)), theirs("won", day(19)))
        word = CrmWord(lead="L1", times={"followed_up": day(3)}, outcome="won", closed_at=day(20))
        assert ledger.told(word) == ["followed_up", "won"]
        assert ledger.told(word) == []
        assert (ledger.state.followed_up_at, ledger.state.closed_at) == (day(3), day(20))

    def test_what_the_export_lacks_is_not_taken_back(self) -> None:
        ledger = Ledger(theirs("handed_off", day(1)), theirs("won", day(20)))
        assert ledger.told(CrmWord(lead="L1", times={"handed_off": None})) == []

    def test_a_hand_off_gets_what_nobody_said(self) -> None:
        ledger = Ledger(
            theirs("handed_off", day(1), owner="Bob", detail={"attributes": {"source": "Fair"}})
        )
        word = replace(WORD, times={"handed_off": day(1)}, outcome=None)
        assert ledger.told(word) == ["corrected"]
        assert (ledger.state.owner, ledger.state.account) == ("Bob", "Acme")
        assert dict(ledger.state.attributes) == {"source": "Fair"}
        assert ledger.state.created_at == datetime(2026, 2, 1, tzinfo=UTC)
        assert ledger.told(word) == []

    def test_an_outcome_after_another_reopening_is_new(self) -> None:
        ledger = Ledger(theirs("won", day(20)), theirs("reopened", day(21)))
        word = CrmWord(lead="L1", outcome="won", closed_at=day(20))
        assert ledger.told(word) == ["won"]
        assert ledger.told(word) == []


class TestScores:
    """A score that the CRM holds."""

    WORD = CrmWord(
        lead="L1",
        account="Acme",
        attributes={"source": "Web"},
        times={"handed_off": None},
        score={"probability": 0.2, "points": 40.0},
        scored_at=day(1),
    )

    def test_it_carries_the_lead_where_nothing_else_does(self) -> None:
        (event,) = news(self.WORD, (), now=NOW, latest=LATEST)
        assert (event.event, event.happened_at, event.account) == ("scored", day(1), "Acme")
        assert dict(event.detail) == {
            "probability": 0.2,
            "points": 40.0,
            "attributes": {"source": "Web"},
        }

    def test_it_is_said_anew_only_where_it_changed_before_the_hand_off(self) -> None:
        ledger = Ledger()
        ledger.told(self.WORD)
        changed = replace(self.WORD, score={"points": 60.0})
        assert ledger.told(changed) == []  # not handed off: the first stands
        handed = replace(changed, times={"handed_off": day(5)}, scored_at=day(5))
        assert ledger.told(handed) == ["handed_off", "scored"]
        assert (ledger.state.score.points, ledger.state.score.scored_at) == (60.0, day(5))
        assert ledger.told(replace(handed, score={"points": 90.0})) == []
        same = replace(self.WORD, times={"handed_off": day(5)}, scored_at=day(5))
        other = Ledger()
        other.told(self.WORD)
        assert other.told(same) == ["handed_off"]

    def test_the_services_own_score_stands(self) -> None:
        served = theirs("scored", day(1), model_version="3", detail={"probability": 0.3})
        ledger = Ledger(served)
        word = replace(self.WORD, times={"handed_off": day(2)}, scored_at=day(2))
        assert ledger.told(word) == ["handed_off"]
        assert ledger.state.score.probability == 0.3


def test_a_lead_of_which_nothing_happened_says_nothing() -> None:
    word = CrmWord(lead="L1", attributes={"source": "Web"}, times={"handed_off": None})
    assert news(word, (), now=NOW, latest=LATEST) == []


def test_a_loss_without_a_hand_off_carries_what_the_lead_is() -> None:
    word = CrmWord(
        lead="L1", owner="Ann", attributes={"source": "Web"}, outcome="lost", closed_at=day(2)
    )
    ledger = Ledger()
    assert ledger.told(word) == ["lost"]
    assert (ledger.state.owner, dict(ledger.state.attributes)) == ("Ann", {"source": "Web"})
    assert ledger.told(word) == []


def moments() -> st.SearchStrategy[datetime | None]:
    return st.none() | st.integers(1, 28).map(day)


@st.composite
def words(draw: st.DrawFn) -> CrmWord:
    """Draw what an export may say, times in any order."""
    outcome = draw(st.sampled_from([None, "won", "lost"]))
    reasons = [{"reason": "no_budget"}, {"reason": "other", "text": "Timing"}]
    return CrmWord(
        lead="L1",
        owner=draw(st.sampled_from(["Ann", "Bob"])),
        attributes={"source": draw(st.sampled_from(["Web", "Fair"]))},
        times={
            kind: draw(moments()) for kind in ("handed_off", "accepted", "rejected", "followed_up")
        },
        rejection=draw(st.sampled_from(reasons)),
        outcome=outcome,
        closed_at=draw(st.integers(1, 28).map(day)) if outcome else None,
        closing={"amount": float(draw(st.integers(1, 3)))},
    )


@given(st.lists(words(), min_size=1, max_size=5))
def test_whatever_was_said_before_the_last_word_counts(said: list[CrmWord]) -> None:
    ledger, fresh = Ledger(), Ledger()
    for word in said:
        ledger.told(word)
        assert ledger.told(word) == []
    fresh.told(said[-1])
    if not fresh.history:
        return
    for name in (
        "handed_off_at", "accepted_at", "rejected_at", "rejection_reason", "rejection_text",
        "followed_up_at", "outcome", "closed_at", "amount", "owner", "attributes",
    ):  # fmt: skip
        assert getattr(ledger.state, name) == getattr(fresh.state, name), name
