"""Weights of resolved leads: worked by hand, and unbiased over many drawn samples."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from leadml.data.values import NO_TIME
from leadml.domain.agreement import Agreement
from leadml.snapshot.censoring import effective_size, resolved_leads
from leadml.snapshot.labels import Judged

DAY = 86_400_000_000
NOW = 20_000 * DAY
AGREED = Agreement(horizon_days=30, follow_up_days=10, censoring="ipcw")


def judged(
    age: "list[float] | NDArray[np.float64]",
    days: "list[float | None] | NDArray[np.float64]",
    won: "list[bool] | NDArray[np.bool_]",
    **changes: object,
) -> Judged:
    """Return leads of those ages in days, closed after those days as far as that has come."""
    ages, ends = np.asarray(age, float), np.array(days, float)
    as_of = NOW - np.round(ages * DAY).astype(np.int64)
    over = ends <= ages  # NaN is not
    closed = np.where(over, as_of + np.round(np.nan_to_num(ends) * DAY).astype(np.int64), NO_TIME)
    wins = np.asarray(won, bool) & over
    yes, no = np.ones(len(ages), bool), np.zeros(len(ages), bool)
    matured = ages >= AGREED.horizon_days
    found = Judged(
        as_of=as_of.view("datetime64[us]"),
        handed_off=yes,
        horizon_passed=matured,
        matured=matured,
        in_group=yes,
        followed_up=yes,
        closed_in_bulk=no,
        late=no,
        won=wins & (ends <= AGREED.horizon_days),
        won_ever=wins,
        won_at_any_margin=wins & (ends <= AGREED.horizon_days),
        closed=closed,
        label=no.astype(np.int8),
        why_not=np.where(matured, "", "ROW005").astype(object),
        dated=True,
        follow_up_recorded=True,
    )
    return replace(found, **changes)  # type: ignore[arg-type]


class TestByHand:
    # Five leads, 50, 40, 25, 20 and 15 days old; the horizon is 30, the follow-up time 10 days.
    AGES = (50.0, 40.0, 25.0, 20.0, 15.0)

    def test_every_resolved_lead_weighs_by_how_many_are_as_old_as_it_had_to_be(self) -> None:
        # Won after 5 days; open, so resolved by its 30 days; lost after 22; won after 16; open.
        found = resolved_leads(
            judged([*self.AGES], [5, None, 22, 16, None], [True, False, False, True, False]),
            AGREED,
            at=NOW,
        )
        assert found.rows.tolist() == [0, 1, 2, 3]
        # G(5) = 5/5, G(30) = 2/5, G(22) = 3/5, G(16) = 4/5: the matured ones are weighted too
        assert found.weight == pytest.approx([1, 5 / 2, 5 / 3, 5 / 4])
        assert found.early.tolist() == [False, False, True, True]
        assert found.matured_share == pytest.approx(2 / 5)
        assert found.cohort.tolist() == [0, 1, 2, 3, 4]
        assert found.usable

    def test_a_win_after_the_horizon_is_resolved_by_the_horizon(self) -> None:
        found = resolved_leads(
            judged([*self.AGES], [45, 31, *[None] * 3], [True] * 5), AGREED, at=NOW
        )
        assert found.rows.tolist() == [0, 1]
        assert found.weight == pytest.approx([5 / 2, 5 / 2])

    def test_an_age_of_exactly_the_closing_or_the_horizon_suffices(self) -> None:
        found = resolved_leads(judged([30, 20], [None, 20], [False, True]), AGREED, at=NOW)
        assert found.rows.tolist() == [0, 1]
        assert found.weight == pytest.approx([2, 1])  # G(30) = 1/2, G(20) = 2/2

    def test_oldest_first_whatever_the_order_of_the_export(self) -> None:
        found = resolved_leads(judged([12, 60, 40], [11, 3, 3], [True] * 3), AGREED, at=NOW)
        assert found.rows.tolist() == [1, 2, 0]

    def test_leads_too_young_to_have_been_worked_take_no_part(self) -> None:
        # 9 days old: sales has until the tenth; the age of the other alone makes G
        ages, closings = [9, 10, 40], [2, 4, 4]
        found = resolved_leads(judged(ages, closings, [True] * 3), AGREED, at=NOW)
        assert found.rows.tolist() == [2, 1]
        assert found.cohort.tolist() == [1, 2]
        assert found.weight == pytest.approx([1, 1])
        # where every hand-off counts, there is nothing to wait for
        all_count = replace(AGREED, counts="handed_off")
        assert resolved_leads(
            judged(ages, closings, [True] * 3), all_count, at=NOW
        ).rows.tolist() == [2, 1, 0]
        unrecorded = judged(ages, closings, [True] * 3, follow_up_recorded=False)
        assert len(resolved_leads(unrecorded, AGREED, at=NOW).rows) == 3

    def test_leads_nobody_worked_are_counted_in_neither_ages_nor_outcomes(self) -> None:
        worked = np.array([True, True, False, True, False])
        leads = judged([*self.AGES], [5, None, 22, 16, None], [True] * 5, followed_up=worked)
        found = resolved_leads(leads, AGREED, at=NOW)
        assert found.rows.tolist() == [0, 1, 3]
        assert found.weight == pytest.approx([1, 3 / 2, 1])  # ages 50, 40 and 20
        assert found.cohort.tolist() == [0, 1, 2, 3, 4]  # their age was looked at
        everyone = resolved_leads(leads, replace(AGREED, counts="handed_off"), at=NOW)
        assert everyone.rows.tolist() == [0, 1, 2, 3]

    def test_what_cannot_be_used_or_was_not_handed_off_takes_no_part(self) -> None:
        why = np.array(["ROW004", "", "ROW005", "ROW005", "ROW005"], object)
        inside = np.array([True, True, True, False, True])
        leads = judged([*self.AGES], [5, 5, 5, 5, 5], [True] * 5, why_not=why, in_group=inside)
        assert resolved_leads(leads, AGREED, at=NOW).rows.tolist() == [1, 2, 4]

    def test_as_of_an_earlier_moment_nothing_later_is_known(self) -> None:
        # 12 days earlier the leads were 38, 28, 13, 8 and 3 days old
        leads = judged([*self.AGES], [5, 33, 12.5, 16, None], [True] * 5)
        found = resolved_leads(leads, AGREED, at=NOW - 12 * DAY)
        assert found.rows.tolist() == [0, 2]
        # G(5) = 3/3 and G(12.5) = 3/3 among the three that were ten days old
        assert found.weight == pytest.approx([1, 1])
        assert found.matured_share == pytest.approx(1 / 3)
        assert found.cohort.tolist() == [0, 1, 2]

    def test_leads_without_a_moment_are_left_out(self) -> None:
        leads = judged([40, 40], [5, 5], [True, True])
        leads = replace(leads, as_of=np.array([leads.as_of[0], np.datetime64("NaT")]))
        assert resolved_leads(leads, AGREED, at=NOW).rows.tolist() == [0]

    def test_nobody(self) -> None:
        found = resolved_leads(judged([3], [1], [True]), AGREED, at=NOW)
        assert (len(found.rows), found.matured_share, found.usable) == (0, 0.0, False)

    @pytest.mark.parametrize(("old", "usable"), [(5, True), (4, False)])
    def test_weights_are_bounded_or_not_used(self, old: int, usable: bool) -> None:
        ages = [40.0] * old + [15.0] * (100 - old)
        found = resolved_leads(judged(ages, [None] * 100, [False] * 100), AGREED, at=NOW)
        assert found.usable == usable


@given(
    st.lists(
        st.tuples(st.floats(0, 99), st.one_of(st.none(), st.floats(0, 99)), st.booleans()),
        min_size=1,
        max_size=30,
    )
)
def test_laws_of_weights(leads: list[tuple[float, float | None, bool]]) -> None:
    ages, days, won = (list(column) for column in zip(*leads, strict=True))
    found = resolved_leads(judged(ages, days, won), AGREED, at=NOW)
    assert (found.weight >= 1).all()
    if found.matured_share:
        assert (found.weight <= 1 / found.matured_share * (1 + 1e-12)).all()
    matured = np.flatnonzero(np.array(ages) >= AGREED.horizon_days)
    assert set(matured) <= set(found.rows)
    assert not found.early[np.isin(found.rows, matured)].any()
    assert effective_size(found.weight) <= len(found.rows) * (1 + 1e-12)


def test_effective_size_by_hand() -> None:
    # (1 + 1 + 2)² / (1 + 1 + 4)
    assert effective_size(np.array([1.0, 1.0, 2.0])) == pytest.approx(16 / 6)
    assert effective_size(np.ones(7)) == 7
    assert effective_size(np.empty(0)) == 0


SAMPLES, LEADS, WON = 150, 1500, 0.30


def drawn(win_days: float, loss_days: float, period: float) -> NDArray[np.float64]:
    """Return mean estimates of the share won within 90 days, in points off the truth.

    Leads of the last `period` days; 30 % are won in the end, after log-normal days with medians.
    In order: closed leads alone, open counted as lost, matured, weighted, weighted with matured
    leads of weight 1.
    """
    rng, agreed = np.random.default_rng(5), Agreement(horizon_days=90, counts="handed_off")
    off = np.empty((SAMPLES, 5))
    for row in off:
        age, won = rng.uniform(0, period, LEADS), rng.random(LEADS) < WON
        days = np.where(won, win_days, loss_days) * np.exp(0.5 * rng.standard_normal(LEADS))
        leads = judged(age, days, won)
        known = (age >= days) & won & (days <= 90)
        leads = replace(leads, won=known)
        found = resolved_leads(leads, agreed, at=NOW)
        y = known[found.rows]
        row[:] = [
            known[days <= age].mean(),
            known.mean(),
            known[age >= 90].mean(),
            np.average(y, weights=found.weight),
            np.average(y, weights=np.where(found.early, found.weight, 1.0)),
        ]
        row -= (won & (days <= 90)).mean()
    mean: NDArray[np.float64] = 100 * off.mean(axis=0)
    return mean


@pytest.mark.parametrize(
    ("win_days", "loss_days", "period", "closed", "mixed"),
    [
        (20, 90, 360, +5.9, +3.9),  # wins fast, losses slow
        (60, 15, 200, -3.0, -2.6),  # the reverse
        (30, 45, 360, +1.2, +1.2),
    ],
)
def test_matured_and_weighted_leads_are_right_and_the_shortcuts_are_not(
    win_days: float, loss_days: float, period: float, closed: float, mixed: float
) -> None:
    # The mean of 150 samples has a standard error of about 0.1 points. The biases of the three
    # shortcuts are those of this generator; that there is any is the point.
    off = drawn(win_days, loss_days, period)
    assert off[0] == pytest.approx(closed, abs=0.4)
    assert off[1] < -1.5  # open leads are not lost
    assert abs(off[2]) < 0.3
    assert abs(off[3]) < 0.3
    assert off[4] == pytest.approx(mixed, abs=0.4)
