"""What a new score changes, case by case."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from leadml.domain.crossing import crossings, latest_score
from leadml.domain.event import Event, Stored

NOW = datetime(2026, 3, 10, 12, tzinfo=UTC)


def score(
    hours_ago: float, band: str | None = "B", ready: bool | None = None, **more: Any
) -> Stored:
    """Return a score given some hours ago."""
    detail = {"band": band, "sales_ready": ready, **more.pop("detail", {})}
    moment = NOW - timedelta(hours=hours_ago)
    event = Event(
        event="scored",
        lead="L",
        happened_at=moment,
        idempotency_key=more.get("key", ""),
        detail=detail,
    )
    return Stored(id=more.get("id", 5), recorded_at=moment, event=event)


BAND, READY, FOLLOW = "band_changed", "sales_ready_crossed", "must_follow_up"


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        (("B", False), ("B", False), []),
        (("B", False), ("A", False), [BAND]),
        (("A", True), ("B", True), [BAND]),
        (("B", False), ("B", True), [READY]),
        (("B", True), ("B", False), [READY]),
        (("B", False), ("A", True), [BAND, READY]),
        (("A", True), ("D", False), [BAND, READY]),
        ((None, False), ("A", False), []),  # it had no band to leave
        (("A", False), (None, False), []),
        (("A", None), ("A", True), [READY]),
        (("A", None), ("A", False), []),
        (("A", True), ("A", None), []),  # nothing is said of it
    ],
)
def test_a_change_is_told_once_for_each_kind(before: Any, after: Any, told: list[str]) -> None:
    known, new = score(2, *before), score(1, *after)
    found = crossings(known, [new], now=NOW)
    assert [crossing.kind for crossing in found] == told
    assert all((each.before, each.after) == (known, new) for each in found)


def test_a_first_score_crosses_where_it_is_ready_for_sales() -> None:
    (found,) = crossings(None, [score(1, "A", True)], now=NOW)
    assert (found.kind, found.before) == (READY, None)
    assert crossings(None, [score(1, "A", False)], now=NOW) == []
    assert crossings(None, [score(1, "A", None)], now=NOW) == []


@pytest.mark.parametrize(
    ("before", "explored", "told"),
    [
        (None, True, [FOLLOW]),  # the first score
        (None, False, []),
        ({"hand_off": False, "explored": False}, True, [FOLLOW]),
        ({"explored": True}, True, []),  # told before
        ({"hand_off": True}, True, []),  # sales has it already
        ({"explored": True}, False, []),
    ],
)
def test_a_lead_handed_off_at_random_has_to_be_followed_up(
    before: dict[str, bool] | None, explored: bool, told: list[str]
) -> None:
    known = None if before is None else score(2, "D", False, detail=before)
    new = score(1, "D", False, detail={"hand_off": explored, "explored": explored})
    assert [crossing.kind for crossing in crossings(known, [new], now=NOW)] == told


def test_a_ready_lead_that_falls_below_the_cut_stays_with_sales() -> None:
    new = score(1, "B", False, detail={"explored": True})
    (found,) = crossings(score(2, "B", True), [new], now=NOW)
    assert found.kind == READY


def test_a_late_score_changes_nothing() -> None:
    known = score(2, "B", False)
    assert crossings(known, [score(3, "A", True)], now=NOW) == []
    assert crossings(known, [score(2, "A", True, id=4)], now=NOW) == []
    # of the same second, and recorded after the one that is known
    assert len(crossings(known, [score(2, "A", True, id=6)], now=NOW)) == 2


def test_scores_of_one_group_are_told_in_the_order_in_which_they_were_given() -> None:
    new = [score(1, "B"), score(3, "A"), score(2, "C")]
    found = crossings(score(4, "B"), new, now=NOW)
    moves = [
        (c.before.event.detail["band"], c.after.event.detail["band"]) for c in found if c.before
    ]
    assert moves == [("B", "A"), ("A", "C"), ("C", "B")]


def test_past_scores_are_told_to_nobody_and_still_known() -> None:
    # a day is 24 hours: the first is past, the second is of the present to the second
    assert crossings(None, [score(24.001, "A", True)], now=NOW) == []
    assert len(crossings(None, [score(24, "A", True)], now=NOW)) == 1
    found = crossings(score(90, "B"), [score(48, "C"), score(1, "C")], now=NOW)
    assert found == []  # from C to C: the past score was known


def test_a_score_judged_as_of_a_past_time_is_past() -> None:
    judged = {"as_of": "2026-03-01T00:00:00+01:00"}
    assert crossings(None, [score(1, "A", True, detail=judged)], now=NOW) == []
    today = {"as_of": "2026-03-10T11:00:00+00:00"}
    assert len(crossings(None, [score(1, "A", True, detail=today)], now=NOW)) == 1


def test_scores_in_the_shadow_are_told_to_nobody_and_not_known() -> None:
    shadow = score(1, "A", True, detail={"shadow": True})
    assert crossings(score(2, "B", False), [shadow], now=NOW) == []
    found = crossings(
        score(3, "B"), [score(2, "A", detail={"shadow": True}), score(1, "B")], now=NOW
    )
    assert found == []
    assert latest_score([score(2, "B"), shadow]) == score(2, "B")


def test_the_latest_score_is_the_one_that_stands() -> None:
    old, new = score(3, "B", key="old"), score(2, "A", key="new")
    assert latest_score([new, old]) == new
    moment = NOW - timedelta(hours=1)
    void = Event(
        event="corrected", lead="L", happened_at=moment, detail={"corrects": "new", "void": True}
    )
    assert latest_score([new, old, Stored(id=3, recorded_at=moment, event=void)]) == old
    assert latest_score([]) is None
