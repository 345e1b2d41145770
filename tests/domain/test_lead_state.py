"""The state of a lead: worked by hand for each rule, and the same for any order of arrival."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leadml.domain.event import Event, Stored
from leadml.domain.lead_state import LeadState, state_of

DAY0 = datetime(2026, 3, 1, tzinfo=UTC)


def day(number: float) -> datetime:
    return DAY0 + timedelta(days=number)


def stored(*told: tuple[Any, ...]) -> list[Stored]:
    """Number events ``(kind, day, detail or None, other fields)`` in the order of arrival."""
    events = []
    for number, (kind, when, *rest) in enumerate(told, 1):
        detail, fields = [*rest, None, None][:2]
        named = {"idempotency_key": f"{kind}{number}", "detail": detail or {}, **(fields or {})}
        event = Event(event=kind, lead="L1", happened_at=day(when), **named)
        events.append(Stored(id=number, recorded_at=day(100 + number), event=event))
    return events


def state(*told: tuple[Any, ...]) -> LeadState:
    return state_of(stored(*told))


def test_a_whole_life() -> None:
    found = state(
        ("scored", 0, {"probability": 0.4, "points": 50, "band": "A", "sales_ready": True,
                       "attributes": {"source": "web", "segment": "smb",
                                      "created_at": "2026-02-28T00:00:00Z"}},
         {"account": "Acme", "model_version": "3", "agreement_hash": "h"}),
        ("handed_off", 1, {"explored": False, "handoff_probability": 1,
                           "attributes": {"segment": "mid",
                                          "qualified_at": "2026-03-01T12:00:00+02:00"}}),
        ("accepted", 2, None, {"owner": "ann"}),
        ("followed_up", 3),
        ("followed_up", 4),
        ("won", 9, {"amount": 100, "margin_amount": 20}, {"owner": "bo"}),
    )  # fmt: skip
    assert found.state == "won"
    assert (found.account, found.owner) == ("Acme", "bo")
    assert found.attributes == {"source": "web", "segment": "mid"}
    assert found.created_at == datetime(2026, 2, 28, tzinfo=UTC)
    assert found.qualified_at == datetime(2026, 3, 1, 10, tzinfo=UTC)
    assert (found.handed_off_at, found.accepted_at, found.followed_up_at) == (
        day(1),
        day(2),
        day(3),
    )
    assert (found.outcome, found.closed_at, found.outcome_recorded_at) == ("won", day(9), day(106))
    assert (found.amount, found.margin_amount) == (100, 20)
    assert (found.explored, found.handoff_probability) == (False, 1)
    assert (found.model_version, found.agreement_hash) == ("3", "h")
    assert found.score is not None
    assert (found.score.scored_at, found.score.probability, found.score.band) == (day(0), 0.4, "A")
    assert found.events == 6


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        ([("scored", 0)], "scored"),
        ([("handed_off", 0)], "handed_off"),
        ([("handed_off", 0), ("scored", 5)], "handed_off"),
        ([("handed_off", 0), ("accepted", 1)], "accepted"),
        ([("handed_off", 0), ("rejected", 1)], "rejected"),
        ([("handed_off", 0), ("rejected", 1), ("followed_up", 2)], "followed_up"),
        ([("handed_off", 0), ("rejected", 1), ("handed_off", 2)], "handed_off"),
        ([("lost", 1)], "lost"),
        ([("lost", 1), ("followed_up", 2)], "lost"),
        ([("lost", 1), ("reopened", 2)], "open"),
        ([("lost", 1), ("reopened", 2), ("followed_up", 3)], "followed_up"),
        ([("lost", 1), ("reopened", 2), ("won", 3)], "won"),
        ([("won", 1), ("lost", 2)], "lost"),
        ([("reopened", 1)], "open"),
        ([("won", 1), ("reopened", 1)], "open"),  # of the same moment: reopened is the later
        ([("won", 1), ("lost", 1)], "lost"),  # in doubt, not a win
        ([("followed_up", 1), ("handed_off", 1)], "followed_up"),
    ],
)
def test_which_state(told: list[tuple[Any, ...]], expected: str) -> None:
    assert state(*told).state == expected
    assert state(*reversed(told)).state == expected


def test_reopening_takes_the_outcome_back() -> None:
    found = state(("won", 1, {"amount": 9}), ("reopened", 2))
    assert (found.outcome, found.closed_at, found.amount) == (None, None, None)
    assert found.outcome_recorded_at is None


def test_the_first_hand_off_starts_the_clock() -> None:
    found = state(
        ("handed_off", 5, {"explored": False}),
        ("handed_off", 3, {"explored": True, "handoff_probability": 0.02}),
        ("followed_up", 2),
        ("followed_up", 6),
        ("followed_up", 3),
    )
    assert (found.handed_off_at, found.followed_up_at) == (day(3), day(3))
    assert (found.explored, found.handoff_probability) == (True, 0.02)


def test_a_follow_up_before_the_hand_off_counts_where_none_came_later_as_in_an_export() -> None:
    # a date is midnight, before the hand-off of the same day
    before = [("followed_up", 4), ("followed_up", 3)]
    assert state(("handed_off", 5), *before).followed_up_at == day(4)
    assert state(("handed_off", 5), *before, ("followed_up", 6)).followed_up_at == day(6)
    assert state(("followed_up", 4)).followed_up_at == day(4)


def test_what_was_won_within_the_horizon_stays_won() -> None:
    life = stored(("handed_off", 1), ("lost", 5), ("won", 20), ("reopened", 100), ("lost", 110))
    within = state_of(life, horizon=timedelta(days=90))
    assert (within.outcome, within.closed_at, within.state) == ("won", day(20), "lost")
    assert state_of(life).outcome == "lost"
    # reopened within the horizon it is not won at its end; nor is a win that a correction voids
    assert state_of(life, horizon=timedelta(days=99)).outcome == "lost"
    assert state_of(life, horizon=timedelta(days=18)).outcome == "lost"
    voided = stored(
        ("handed_off", 1), ("won", 20), ("corrected", 30, {"corrects": "won2", "void": True})
    )
    assert state_of(voided, horizon=timedelta(days=90)).outcome is None
    # on the last moment of the horizon is within it, and a lead never handed off has none
    assert state_of(life, horizon=timedelta(days=19)).outcome == "won"
    assert state_of(stored(("won", 1), ("lost", 2)), horizon=timedelta(days=1)).outcome == "lost"


def test_the_score_is_the_last_at_or_before_the_hand_off() -> None:
    scores = [("scored", when, {"probability": when / 10}) for when in (4, 1, 3)]
    assert getattr(state(*scores).score, "probability", None) == 0.4
    handed = state(*scores, ("handed_off", 3))
    assert getattr(handed.score, "probability", None) == 0.3
    assert state(*scores, ("handed_off", 0.5)).score is None


def test_how_a_lead_was_handed_off_is_the_hand_off_s_word_then_the_score_s() -> None:
    scored = ("scored", 1, {"explored": False, "handoff_probability": 1},
              {"model_version": "3", "agreement_hash": "h"})  # fmt: skip
    silent = state(scored, ("handed_off", 2))
    assert (silent.explored, silent.handoff_probability) == (False, 1)
    assert (silent.model_version, silent.agreement_hash) == ("3", "h")
    told = state(scored, ("handed_off", 2, {"explored": True}, {"agreement_hash": "g"}))
    assert (told.explored, told.handoff_probability) == (True, 1)
    assert (told.model_version, told.agreement_hash) == ("3", "g")


def test_rejections_stand_until_sales_accepts() -> None:
    wrong = {"reason": "wrong_person", "right_person": "Bo", "text": "left"}
    found = state(("rejected", 2, wrong), ("rejected", 1, {"reason": "no_need"}))
    assert (found.rejected_at, found.rejection_reason) == (day(2), "wrong_person")
    assert (found.right_person, found.rejection_text) == ("Bo", "left")
    again = state(("rejected", 2, wrong), ("accepted", 3))
    assert (again.rejected_at, again.rejection_reason, again.right_person) == (None, None, None)
    assert again.accepted_at == day(3)
    assert state(("accepted", 1), ("rejected", 1)).rejected_at == day(1)


def test_when_an_outcome_was_written_down() -> None:
    told = {"recorded_at": "2026-03-05T00:00:00Z"}
    assert state(("lost", 1, told)).outcome_recorded_at == day(4)
    assert state(("lost", 1)).outcome_recorded_at == day(101)


def correction(when: float, of: str, key: str = "c", **changes: Any) -> tuple[Any, ...]:
    return ("corrected", when, {"corrects": of, **changes}, {"idempotency_key": key})


WON = ("won", 5, {"amount": 10, "margin_amount": 4}, {"idempotency_key": "w", "owner": "ann"})


def test_a_correction_replaces_what_it_names_and_keeps_the_rest() -> None:
    found = state(
        correction(9, "w", happened_at="2026-03-03T00:00:00Z", owner="bo", detail={"amount": 12}),
        WON,
    )
    assert (found.closed_at, found.owner) == (day(2), "bo")
    assert (found.amount, found.margin_amount) == (12, 4)
    assert found.outcome_recorded_at == day(102)  # when the win was told, not when it was mended
    moved = state(WON, correction(9, "w", account="Acme"))
    assert (moved.account, moved.amount) == ("Acme", 10)
    assert (
        state(
            ("won", 5, None, {"idempotency_key": "w", "account": "A"}),
            correction(9, "w", owner="bo"),
        ).account
        == "A"
    )
    dropped = state(WON, correction(9, "w", detail={"margin_amount": None}))
    assert (dropped.amount, dropped.margin_amount) == (10, None)


def test_a_void_takes_the_event_back() -> None:
    found = state(("handed_off", 1), WON, correction(9, "w", void=True))
    assert (found.state, found.outcome, found.owner) == ("handed_off", None, None)
    assert found.events == 1
    nothing = state(WON, correction(9, "w", void=True))
    assert (nothing.state, nothing.events) == ("open", 0)


def test_the_first_hand_off_that_stands_starts_the_clock() -> None:
    handed = [("handed_off", 1, None, {"idempotency_key": "h"}), ("handed_off", 4)]
    assert state(*handed, correction(9, "h", void=True)).handed_off_at == day(4)
    later = correction(9, "h", happened_at="2026-03-03T00:00:00Z")
    assert state(*handed, later).handed_off_at == day(2)


@pytest.mark.parametrize(
    ("told", "recorded", "moved"),
    [
        ([], 101, False),
        ([("won", 5)], 101, False),
        ([("handed_off", 4)], 101, False),  # later: history
        ([("handed_off", 0.5)], 102, True),  # recorded later, and happened before
        ([correction(9, "h", happened_at="2026-03-03T00:00:00Z")], 102, True),
        ([correction(9, "h", owner="bo")], 101, False),
        ([("handed_off", 4), correction(9, "h", void=True)], 103, True),
        (
            [
                correction(9, "h", happened_at="2026-03-03T00:00:00Z"),
                correction(10, "c", "d", happened_at="2026-03-04T00:00:00Z"),
                correction(11, "x", "e", happened_at="2026-03-05T00:00:00Z"),  # of nothing
            ],
            103,
            True,
        ),
    ],
)
def test_when_the_ledger_was_told_of_the_hand_off(told: Any, recorded: float, moved: bool) -> None:
    found = state(("handed_off", 1, None, {"idempotency_key": "h"}), *told)
    assert (found.handed_off_recorded_at, found.handed_off_moved) == (day(recorded), moved)


def test_nobody_told_of_a_hand_off() -> None:
    found = state(("scored", 1))
    assert (found.handed_off_recorded_at, found.handed_off_moved) == (None, None)
    mistaken = state(("accepted", 1, None, {"idempotency_key": "h"}), WON)
    assert mistaken.handed_off_moved is None
    made = [("accepted", 1, None, {"idempotency_key": "h"}), correction(2, "h", event="handed_off")]
    assert state(*made).handed_off_recorded_at == day(102)


def test_when_the_ledger_was_told_of_the_outcome() -> None:
    told = {"recorded_at": "2026-03-05T00:00:00Z"}
    assert state(("lost", 1, told)).outcome_known_at == day(101)
    assert state(("lost", 1)).outcome_known_at == day(101)
    assert state(("handed_off", 1)).outcome_known_at is None


def test_a_correction_of_the_kind_is_told_when_it_was_recorded() -> None:
    found = state(WON, correction(9, "w", event="lost"))
    assert (found.state, found.amount, found.closed_at) == ("lost", None, day(5))
    assert found.outcome_recorded_at == day(102)


def test_later_corrections_go_over_earlier_ones() -> None:
    first = correction(8, "w", key="c1", detail={"amount": 11, "margin_amount": 5})
    second = correction(9, "w", key="c2", detail={"amount": 12})
    for told in ([WON, first, second], [second, first, WON]):
        found = state(*told)
        assert (found.amount, found.margin_amount) == (12, 5)


def test_a_correction_can_be_corrected_and_taken_back() -> None:
    first = correction(8, "w", key="c1", detail={"amount": 11})
    mended = state(WON, first, correction(9, "c1", key="c2", detail={"amount": 13}))
    assert (mended.amount, mended.margin_amount) == (13, 4)
    added = correction(9, "c1", key="c2", detail={"margin_amount": 6})
    both = state(WON, first, added)
    assert (both.amount, both.margin_amount) == (11, 6)
    owned = state(WON, correction(8, "w", key="c1", owner="bo"), added)
    assert (owned.owner, owned.amount, owned.margin_amount) == ("bo", 10, 6)
    assert state(WON, first, correction(9, "c1", key="c2", void=True)).amount == 10
    void = correction(8, "w", key="c1", void=True)
    assert state(WON, void).outcome is None
    assert state(WON, void, correction(9, "c1", key="c2", void=True)).outcome == "won"
    third = correction(10, "c2", key="c3", void=True)  # takes back the taking back
    assert state(WON, void, correction(9, "c1", key="c2", void=True), third).outcome is None


def test_corrections_of_nothing_mend_nothing() -> None:
    circle = [correction(8, "c2", key="c1", void=True), correction(9, "c1", key="c2", void=True)]
    assert state(WON, *circle, correction(9, "unknown", key="c3", void=True)).amount == 10


def test_a_reason_mended_away_from_the_wrong_person_names_none() -> None:
    wrong = (
        "rejected",
        2,
        {"reason": "wrong_person", "right_person": "Bo"},
        {"idempotency_key": "r"},
    )
    found = state(wrong, correction(3, "r", detail={"reason": "no_need"}))
    assert (found.rejection_reason, found.right_person) == ("no_need", None)


def test_as_json() -> None:
    plain = state(("scored", 0, {"probability": 0.5})).to_dict()
    assert plain["score"]["scored_at"] == "2026-03-01T00:00:00+00:00"
    assert plain["handed_off_at"] is None
    assert plain["state"] == "scored"


KINDS = ["scored", "handed_off", "accepted", "rejected", "followed_up", "won", "lost", "reopened"]
REASONS = st.sampled_from(["no_need", "wrong_person"])


@st.composite
def lives(draw: st.DrawFn) -> list[Stored]:
    """Events on few moments, so that many fall together, and corrections of any of them."""
    events: list[Event] = []
    for number in range(draw(st.integers(1, 9))):
        kind = draw(st.sampled_from([*KINDS, "corrected", "corrected"]))
        detail: dict[str, Any] = {}
        if kind == "corrected":
            changes = st.sampled_from(
                [
                    {"void": True},
                    {"event": draw(st.sampled_from(KINDS))},
                    {"happened_at": day(draw(st.integers(0, 3))).isoformat()},
                    {"detail": {"amount": draw(st.integers(0, 3))}, "owner": "zoe"},
                ]
            )
            detail = {"corrects": f"k{draw(st.integers(0, 8))}", **draw(changes)}
        elif kind == "won":
            detail = {"amount": draw(st.integers(0, 3))}
        elif kind == "rejected":
            detail = {"reason": draw(REASONS)}
        events.append(
            Event(
                event=kind,
                lead="L1",
                happened_at=day(draw(st.integers(0, 3))),
                owner=draw(st.sampled_from([None, "ann", "bo"])),
                idempotency_key=f"k{number}",
                detail=detail,
            )
        )
    return [Stored(id=n, recorded_at=DAY0, event=event) for n, event in enumerate(events, 1)]


@given(life=lives(), data=st.data())
def test_the_order_of_arrival_never_matters(life: list[Stored], data: st.DataObject) -> None:
    shuffled = data.draw(st.permutations(life))
    renumbered = [replace(each, id=number) for number, each in enumerate(shuffled, 1)]
    assert state_of(renumbered) == state_of(life)


@given(life=lives())
def test_what_always_holds(life: list[Stored]) -> None:
    found = state_of(life)
    assert (found.state in {"won", "lost"}) == (found.outcome is not None)
    assert (found.closed_at is None) == (found.outcome is None)
    assert found.amount is None or found.outcome == "won"
    assert (found.rejected_at is None) == (found.rejection_reason is None) or has_kind_change(life)
    if not any(each.event.event == "followed_up" for each in life) and not has_kind_change(life):
        assert found.followed_up_at is None


def has_kind_change(life: Sequence[Stored]) -> bool:
    return any("event" in each.event.detail for each in life)


@given(life=lives())
def test_voiding_everything_leaves_nothing(life: list[Stored]) -> None:
    plain = [each for each in life if each.event.event != "corrected"]
    voids = [
        Stored(
            id=100 + n,
            recorded_at=DAY0,
            event=Event(
                event="corrected",
                lead="L1",
                happened_at=day(9),
                idempotency_key=f"v{n}",
                detail={"corrects": each.event.idempotency_key, "void": True},
            ),
        )
        for n, each in enumerate(plain)
    ]
    if voids:
        assert state_of([*plain, *voids]) == LeadState(lead="L1")


def test_scores_in_the_shadow_count_for_nothing() -> None:
    made = {"probability": 0.9, "band": "A", "shadow": True, "attributes": {"source": "x"}}
    given = ("scored", 1, {"probability": 0.4, "band": "C"}, {"model_version": "1"})
    life = [given, ("handed_off", 3), ("won", 5)]
    shadowed = [
        ("scored", 1, made, {"model_version": "2", "owner": "eve"}),
        ("scored", 2, made, {"model_version": "2", "idempotency_key": "zz"}),
        ("scored", 9, made, {"model_version": "2"}),
    ]
    plain = state(*life)
    both = state_of(stored(*life, *shadowed))
    assert both == plain
    assert both.events == 3
    assert both.score is not None
    assert both.score.probability == 0.4
    assert state(*shadowed) == LeadState(lead="L1")


def test_a_correction_may_take_the_mark_of_the_shadow_away() -> None:
    made = ("scored", 1, {"probability": 0.9, "shadow": True}, {"idempotency_key": "k"})
    mended = ("corrected", 2, {"corrects": "k", "detail": {"shadow": False}})
    found = state(made, mended)
    assert found.score is not None
    assert found.score.probability == 0.9
