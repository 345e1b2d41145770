"""Folds that respect time and keep groups whole."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from leadml.snapshot.split import Folds, origins, rolling_folds, stratified_folds

DAY = 86_400_000_000


def days(values: NDArray[np.float64] | list[float]) -> NDArray[np.int64]:
    return np.round(np.asarray(values, float) * DAY).astype(np.int64)


def half(n: int) -> NDArray[np.int8]:
    return (np.arange(n) % 2).astype(np.int8)


def test_values_counted_by_what_leads_stand_for() -> None:
    # Weights 1, 3 and 2 of the leads asked about: mean 2.
    pairs = ((np.arange(2), np.arange(2, 5)),)
    folds = Folds(pairs, True, 0.0, stands_for=np.array([9.0, 9.0, 1.0, 3.0, 2.0]))
    counted = folds.counted(np.array([10.0, 20.0, 30.0]), np.array([2, 3, 4]))
    assert counted.tolist() == [5.0, 30.0, 30.0]
    assert folds.counted(np.empty(0), np.empty(0, np.intp)).tolist() == []
    alike = Folds(pairs, True, 0.0).counted(np.array([10.0, 20.0]), np.array([2, 3]))
    assert alike.tolist() == [10.0, 20.0]


def test_five_blocks_over_the_newest_three_fifths() -> None:
    # 1,000 leads, one a day: blocks of 120 from day 400; training ends 90 days before each.
    folds = rolling_folds(days(np.arange(1000)), half(1000), gap_days=90)
    assert [(test[0], test[-1]) for _, test in folds] == [
        (400, 519),
        (520, 639),
        (640, 759),
        (760, 879),
        (880, 999),
    ]
    assert [(train[0], train[-1]) for train, _ in folds] == [
        (0, 310),
        (0, 430),
        (0, 550),
        (0, 670),
        (0, 790),
    ]
    assert (folds.ordered, folds.gap_days, folds.notes) == (True, 90, ())


def test_rows_are_positions_whatever_their_order() -> None:
    order = np.random.default_rng(0).permutation(1000)
    folds = rolling_folds(days(order), half(1000), gap_days=90)
    for train, test in folds:
        assert order[train].max() + 90 <= order[test].min()
    assert sorted(order[np.concatenate([test for _, test in folds])]) == list(range(400, 1000))


@settings(max_examples=60)
@given(
    st.integers(0, 10_000),
    st.sampled_from([0.0, 0.5, 30.0, 90.0]),
    st.integers(40, 400),
    st.sampled_from([3, 30, 700]),
)
def test_every_training_label_is_known_before_its_test_block(
    seed: int, gap: float, leads: int, span: int
) -> None:
    random = np.random.default_rng(seed)
    at = days(random.integers(0, span, leads))
    y = (random.random(leads) < 0.4).astype(np.int8)
    if min(y.sum(), leads - y.sum()) < 20:
        return
    folds = rolling_folds(at, y, gap_days=gap)
    if not folds.ordered:
        return
    previous = -1
    for train, test in folds:
        # a label is known once the horizon has passed: at the test block's start at the latest
        assert at[train].max() + round(folds.gap_days * DAY) <= at[test].min()
        if folds.gap_days == 0:
            assert at[train].max() < at[test].min()  # equal times stay together
        assert at[test].min() > previous  # blocks follow each other and share no moment
        previous = at[test].max()
        assert min(y[train].sum(), (1 - y[train]).sum()) >= 10
        assert len(np.intersect1d(train, test)) == 0
    assert (folds.gap_days == gap and len(folds) == 5) == (folds.notes == ())


def test_equal_times_at_a_boundary_stay_together() -> None:
    # The cut falls at lead 400, inside a tie of leads 390..410: the block starts at 390.
    at = np.arange(1000.0)
    at[390:411] = 390
    folds = rolling_folds(days(at), half(1000), gap_days=0)
    train, test = folds.pairs[0]
    assert (train[-1], test[0]) == (389, 390)


def test_a_lead_exactly_one_horizon_older_is_known() -> None:
    folds = rolling_folds(days(np.arange(1000)), half(1000), gap_days=90)
    train, test = folds.pairs[0]
    assert test[0] - train[-1] == 90


@pytest.mark.parametrize(
    ("span", "gap", "folds"),
    [
        # 1,000 leads in `span` days, horizon 90, at least a fifth of the leads to train on.
        # 300 days: block one starts at day 120 (30 days to train on: 100 leads, too few); three
        # blocks over the newest half start at day 150 (60 days: 200 leads): enough.
        (300, 90, 3),
        # 240 days: half starts at day 120 (30 days, 125 leads): no; two over .4 start at day 144
        # (54 days, 225 leads): yes
        (240, 90, 2),
        # 180 days: .3 starts at day 126 (36 days, 200 leads)
        (180, 90, 1),
        # 150 days: .3 starts at day 105 (15 days): no, so half the gap: five blocks from day 60
        # (15 days): no; three from day 75 (30 days, 200 leads)
        (150, 45, 3),
        # 60 days: a quarter of the gap and two blocks, from day 36 (13.5 days, 225 leads)
        (60, 22.5, 2),
        # 40 days: one block from day 28 would leave 5.5 days (137 leads): no gap at all
        (40, 0, 5),
    ],
)
def test_a_short_history_uses_fewer_folds_then_a_shorter_gap_and_says_so(
    span: float, gap: float, folds: int
) -> None:
    at = np.linspace(0, span, 1001)[:-1]
    found = rolling_folds(days(at), half(1000), gap_days=90)
    assert (len(found), found.gap_days, found.ordered) == (folds, gap, True)
    (note,) = found.notes
    assert (note.code, note.severity, note.count) == ("TIME015", "warning", folds)
    assert f"{folds} used, {gap} days apart" in note.message
    assert ("optimistic" in note.message) == (gap < 90)


def test_no_order_at_all_draws_folds_at_random_and_says_so() -> None:
    found = rolling_folds(np.zeros(200, np.int64), half(200), gap_days=90)
    assert (found.ordered, found.gap_days, len(found)) == (False, 0.0, 5)
    assert [note.code for note in found.notes] == ["TIME016"]


def test_training_parts_hold_ten_of_each_outcome() -> None:
    # The first win comes at lead 500: folds whose training part has under 10 wins do not exist.
    y = half(1000)
    y[:500] = 0
    found = rolling_folds(days(np.arange(1000)), y, gap_days=0)
    assert len(found) < 5
    assert all(y[train].sum() >= 10 for train, _ in found)


@pytest.mark.parametrize("rare", [0, 1])
def test_ten_of_either_are_enough_and_nine_are_not(rare: int) -> None:
    # The first block starts at lead 400: ten of the rarer outcome before it, or nine.
    for few, folds in ((10, 5), (9, 3)):
        y = np.full(1000, 1 - rare, np.int8)
        y[:few] = rare
        y[400:] = half(600)
        found = rolling_folds(days(np.arange(1000)), y, gap_days=0)
        assert len(found) == folds


def test_a_fifth_of_the_leads_is_enough_to_train_on() -> None:
    # The first block starts on day 400: 201 days before it lie the oldest 200 of 1,000 leads.
    for gap, folds in ((201, 5), (202, 3)):
        found = rolling_folds(days(np.arange(1000)), half(1000), gap_days=gap)
        assert (len(found), found.gap_days) == (folds, gap)


def covers(folds: Folds, n: int) -> bool:
    tested = np.concatenate([test for _, test in folds])
    whole = all(
        np.array_equal(np.union1d(train, test), np.arange(n))
        and not np.intersect1d(train, test).size
        for train, test in folds
    )
    return whole and np.array_equal(np.sort(tested), np.arange(n))


@given(st.integers(0, 1000), st.integers(10, 80), st.integers(10, 80))
def test_stratified_folds_have_the_same_share_of_wins(seed: int, wins: int, losses: int) -> None:
    y = np.array([1] * wins + [0] * losses, np.int8)
    folds = stratified_folds(y, groups=None, seed=seed)
    assert covers(folds, len(y))
    assert len(folds) == 5
    for _, test in folds:
        assert abs(int(y[test].sum()) - wins / 5) < 1
    assert (folds.ordered, folds.gap_days, folds.notes) == (False, 0.0, ())


@settings(max_examples=40)
@given(st.integers(0, 1000), st.integers(12, 100))
def test_a_group_is_never_torn_apart(seed: int, groups: int) -> None:
    random = np.random.default_rng(seed)
    group = random.integers(0, groups, 300)
    y = (random.random(300) < 0.4).astype(np.int8)
    folds = stratified_folds(y, groups=group, seed=seed)
    assert covers(folds, 300)
    assert folds.notes == ()
    for train, test in folds:
        assert not np.intersect1d(group[train], group[test]).size


def test_groups_of_one_are_no_groups() -> None:
    y = half(100)
    alone = stratified_folds(y, groups=np.arange(100), seed=3)
    none = stratified_folds(y, groups=None, seed=3)
    for (train, _), (other, _) in zip(alone, none, strict=True):
        assert np.array_equal(train, other)


@pytest.mark.parametrize("groups", [1, 2, 9])
def test_too_few_groups_are_torn_apart_and_that_is_said(groups: int) -> None:
    y = half(200)
    folds = stratified_folds(y, groups=np.arange(200) % groups, seed=0)
    assert covers(folds, 200)
    (note,) = folds.notes
    assert (note.code, note.severity) == ("TIME017", "warning")


def test_one_group_with_every_win_is_torn_apart() -> None:
    y = np.array([1] * 50 + [0] * 150, np.int8)
    group = np.where(y == 1, 0, np.arange(200))
    folds = stratified_folds(y, groups=group, seed=0)
    assert [note.code for note in folds.notes] == ["TIME017"]
    assert all(y[train].sum() == 40 for train, _ in folds)


def test_the_seed_decides() -> None:
    y = half(100)
    first, again, other = (stratified_folds(y, groups=None, seed=s).pairs[0][1] for s in (1, 1, 2))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_few_outcomes_make_few_folds() -> None:
    y = np.array([1] * 3 + [0] * 50, np.int8)
    assert len(stratified_folds(y, groups=None, seed=0)) == 3


class TestKnown:
    """Which outcomes of other folds were known when a fold's test began."""

    TESTS = (np.arange(0, 100), np.arange(100, 200), np.arange(200, 300))

    def folds(self, **rest: Any) -> Folds:
        pairs = tuple((np.empty(0, np.intp), test) for test in self.TESTS)
        usual = {"ordered": True, "gap_days": 0.0, "at": days(np.arange(300))}
        return Folds(**{"pairs": pairs, **usual, **rest})

    def test_without_a_gap_all_earlier_folds(self) -> None:
        assert self.folds().known(0).tolist() == []
        assert self.folds().known(2).tolist() == list(range(200))

    def test_with_a_gap_those_judged_so_long_before(self) -> None:
        # the third test begins on day 200; 130 days before is day 70, that lead included
        folds = self.folds(gap_days=130.0)
        assert folds.limit(2) == days(np.array([70]))[0]
        assert folds.known(2).tolist() == list(range(71))
        assert folds.known(1).tolist() == []

    def test_the_start_is_the_earliest_test_lead(self) -> None:
        pairs = tuple((np.empty(0, np.intp), test[::-1]) for test in self.TESTS)
        assert self.folds(pairs=pairs, gap_days=130.0).limit(2) == days(np.array([70]))[0]

    def test_without_an_order_all_others(self) -> None:
        known = self.folds(ordered=False).known(1).tolist()
        assert known == [*range(100), *range(200, 300)]

    def test_without_times_all_earlier(self) -> None:
        assert self.folds(at=None, gap_days=130.0).known(2).tolist() == list(range(200))


class TestOrigins:
    def test_a_thousand_days(self) -> None:
        # A lead a day: the first training part ends with lead 200 (a fifth), the first test is 90
        # days later, on day 290; the other 710 leads make 7 blocks of 101 or 102.
        at = days(np.arange(1000))
        folds = origins(at, half(1000), gap_days=90)
        assert folds.ordered
        assert (folds.gap_days, len(folds)) == (90, 7)
        assert folds.at is at
        train, test = folds.pairs[0]
        assert (train[0], train[-1], test[0]) == (0, 200, 290)
        assert [train[-1] for train, _ in folds] == [test[0] - 90 for _, test in folds]
        assert np.concatenate([test for _, test in folds]).tolist() == list(range(290, 1000))
        assert {len(test) for _, test in folds} <= {101, 102}

    def test_eight_blocks_at_most(self) -> None:
        folds = origins(days(np.arange(5000)), half(5000), gap_days=0)
        assert [len(test) for _, test in folds] == [500, 500, 500, 499, 500, 500, 500, 500]
        train, test = folds.pairs[0]
        assert (train[-1], test[0]) == (1000, 1001)

    def test_enough_of_either_outcome_first(self) -> None:
        # won is every fiftieth lead: the tenth is lead 450
        y = (np.arange(2000) % 50 == 0).astype(np.int8)
        assert origins(days(np.arange(2000)), y, gap_days=0).pairs[0][0][-1] == 450
        lost = origins(days(np.arange(2000)), (1 - y).astype(np.int8), gap_days=0)
        assert lost.pairs[0][0][-1] == 450

    def test_leads_of_one_moment_stay_together(self) -> None:
        # 100 leads a month, judged at its first day: blocks are whole months
        at = days(np.repeat(np.arange(10) * 30, 100))
        folds = origins(at, half(1000), gap_days=0)
        assert [test[0] for _, test in folds] == [300, 400, 500, 600, 700, 800, 900]
        assert [train[-1] for train, _ in folds] == [299, 399, 499, 599, 699, 799, 899]
        late = origins(at, half(1000), gap_days=60)
        assert [(train[-1], test[0]) for train, test in late][:2] == [(299, 400), (399, 500)]

    @pytest.mark.parametrize(("leads", "gap"), [(150, 90), (60, 0), (10, 0), (0, 0)])
    def test_too_short_a_history_gives_none(self, leads: int, gap: float) -> None:
        folds = origins(days(np.arange(leads)), half(leads), gap_days=gap)
        assert len(folds) == 0
        assert folds.gap_days == gap


def test_rolling_folds_carry_their_moments() -> None:
    at = days(np.arange(1000))
    assert rolling_folds(at, half(1000), gap_days=90).at is at
    assert stratified_folds(half(100), groups=None, seed=0).at is None


def test_groups_of_mostly_single_leads_stay_whole_and_alike() -> None:
    random = np.random.default_rng(0)
    groups = np.concatenate([np.arange(1900), np.repeat(np.arange(1900, 1920), 5)]).astype(np.intp)
    y = (random.random(len(groups)) < 0.3).astype(np.int8)
    folds = stratified_folds(y, groups=groups, seed=1)
    tested = np.sort(np.concatenate([test for _, test in folds]))
    assert tested.tolist() == list(range(2000))
    for train, test in folds:
        assert not set(groups[train]) & set(groups[test])
        assert len(train) + len(test) == 2000
        assert abs(y[test].mean() - y.mean()) < 0.02
        assert 370 <= len(test) <= 430
