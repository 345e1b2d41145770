"""What a fit becomes as a table of points."""

from dataclasses import replace

import numpy as np
import pytest

from leadml.domain.points_table import PointsTable, Rule
from leadml.evaluation.points_worth import Firing, fit_worth
from leadml.model.points import reached
from leadml.workflows.fitted_table import Plan, fitted_rules, same_volume, step_of, totals
from leadml.workflows.stages import Stages


def rule(name: str, points: float, **more: object) -> Rule:
    return Rule(name=name, points=points, column=name, equals=1, **more)  # type: ignore[arg-type]


TABLE = PointsTable(
    threshold=30,
    rules=(
        rule("a", 20),
        rule("b", 60),
        rule("c", -10),
        Rule(name="d", points=5, group="page", activity="view", per="each", max_points=15),
        rule("e", 10),
    ),
    caps={"page": 10, "total": 70},
    buckets={"hot": 60, "warm": 30},
)


def firing(leads: int = 6_000, seed: int = 0) -> Firing:
    """True points: a 20, b 20 (the table says 60), c 10 (says -10), d 5 each, e never fires."""
    random = np.random.default_rng(seed)
    unit = (random.random((leads, 5)) < [0.4, 0.4, 0.3, 0, 0]).astype(float)
    unit[:, 3] = np.minimum(random.poisson(1.0, leads), 3)
    won = random.random(leads) < 1 / (1 + np.exp(-(0.05 * unit @ [20, 20, 10, 5, 0] - 2)))
    return Firing(
        names=list("abcde"),
        points=np.array([r.points for r in TABLE.rules]),
        unit=unit,
        won=won,
        accounts=np.arange(leads),
    )


def test_totals_are_those_of_the_table_with_its_caps() -> None:
    own = firing(4)
    some = replace(own)
    some.unit[:] = [[1, 0, 0, 3, 0], [1, 1, 0, 1, 0], [0, 0, 1, 2, 0], [0, 0, 0, 0, 0]]
    # 20 + 15 capped to 10; 20 + 60 + 5 capped to 70; -10 + 10; 0
    assert totals(TABLE, some).tolist() == [30, 70, 0, 0]


def test_wrong_points_are_put_right_and_the_volume_stays() -> None:
    own = firing()
    plan = Plan(TABLE, own)
    new = plan.table_of(fit_worth(own))
    points = {r.name: r.points for r in new.rules}
    assert points["a"] == pytest.approx(20, abs=4)
    assert points["b"] == pytest.approx(20, abs=4)
    assert points["c"] == pytest.approx(10, abs=4)
    assert points["d"] == pytest.approx(5, abs=1.5)
    assert points["e"] == 10  # never fires: kept
    assert all(value == round(value) for value in points.values())
    # three firings at most, as before
    assert new.rules[3].max_points == pytest.approx(3 * points["d"])
    for old_mark, new_mark in ((30, new.threshold), (60, new.buckets["hot"])):
        before = int(reached(plan.totals(TABLE), old_mark).sum())
        after = int(reached(plan.totals(new), new_mark).sum())
        assert after == pytest.approx(before, rel=0.25)  # few distinct totals: ties decide
    assert list(new.caps) == ["page", "total"]


def test_caps_that_cost_nothing_stay_and_others_follow_the_fit() -> None:
    own = firing()
    wide = replace(TABLE, caps={"page": 40, "total": 500})
    new = Plan(wide, own).table_of(fit_worth(own))
    assert new.caps == {"page": 40, "total": 500}
    assert Plan(replace(TABLE, caps={}), own).table_of(fit_worth(own)).caps == {}
    # outcomes are additive, so no lead is to lose points to a cap
    new = Plan(TABLE, own).table_of(fit_worth(own))
    bare = replace(new, caps={})
    np.testing.assert_array_equal(totals(new, own), totals(bare, own))


def test_a_cap_is_kept_where_leads_do_not_earn_beyond_it() -> None:
    own = firing(8_000)
    either = np.maximum(own.unit[:, 0], own.unit[:, 1])  # one of them says it all
    random = np.random.default_rng(2)
    own = replace(own, won=random.random(8_000) < 1 / (1 + np.exp(-(1.5 * either - 2))))
    table = replace(TABLE, caps={"fit": 60})
    new = Plan(table, own).table_of(fit_worth(own))
    capped, bare = totals(new, own), totals(replace(new, caps={}), own)
    both = (own.unit[:, 0] > 0) & (own.unit[:, 1] > 0)
    assert (capped[both] < bare[both]).mean() > 0.5
    np.testing.assert_array_less(capped, bare + 1e-9)


def test_rules_seen_too_little_keep_their_points() -> None:
    own = firing()
    own.unit[:, 4] = 0
    own.unit[:9, 4] = 1
    worth = fit_worth(own)
    assert fitted_rules(TABLE, own, worth)[4].points == 10
    own.unit[9, 4] = 1
    own.won[:10] = True
    assert fitted_rules(TABLE, own, fit_worth(own))[4].points > 10


def test_a_rule_worth_nothing_gives_nothing_at_all() -> None:
    own = firing()
    worth = fit_worth(own)
    told = replace(worth, log_odds=np.array([1.0, 0.0, 0.5, 0.0, np.nan]))
    rules = fitted_rules(TABLE, own, told)
    assert (rules[3].points, rules[3].max_points) == (0, None)
    assert str(rules[1].points) == "0.0"  # not -0.0


@pytest.mark.parametrize(
    ("points", "step"), [([10, 15, 30], 1), ([1, 2, 3], 0.1), ([4, 5, 6], 0.5), ([100, 90], 10)]
)
def test_points_are_rounded_to_the_tables_own_fineness(points: list[float], step: float) -> None:
    own = firing(3)
    some = replace(own, points=np.array(points, float), names=points)  # type: ignore[arg-type]
    assert step_of(some) == step


@pytest.mark.parametrize(
    ("total", "volume", "mark"),
    [
        ([10, 20, 30, 40], 2, 30),
        ([1.5, 12.3, 27.8, 40], 2, 20),  # between 12.3 and 27.8 lies 20
        ([12.31, 12.34, 12.36], 2, 12.34),  # nothing rounder lies above 12.31 and up to it
        ([5, 5, 5, 9], 2, 9),  # 1 or 4 leads: 1 is nearer
        ([5, 9], 2, 0),
        ([5, 9], 0, 10),
    ],
)
def test_a_mark_hands_off_as_many(total: list[float], volume: int, mark: float) -> None:
    assert same_volume(np.array(total, float), volume) == mark


def test_a_round_number_may_cost_a_hundredth_of_the_volume() -> None:
    total = np.arange(1_000) / 10.0 + 0.05  # 0.05 to 99.95
    # the 500 best start at 50.05; 50 takes in no more of them
    assert same_volume(total, 500) == 50
    # the 497 best start at 50.35; 50 would take 3 more, less than 4.97
    assert same_volume(total, 497) == 50


def test_every_stage_gets_a_table_with_one_cut_for_all() -> None:
    own = firing(9_000, seed=3)
    late = np.arange(9_000) % 3 == 0
    random = np.random.default_rng(5)
    # late leads close more often, and rule a is worth nothing to them
    log_odds = 0.05 * own.unit @ [20, 20, 10, 5, 0] - 2 + late * (1.0 - own.unit[:, 0])
    own = replace(own, won=random.random(9_000) < 1 / (1 + np.exp(-log_odds)))
    stages = Stages(("early", "late"), late.astype(np.intp))
    plan = Plan(TABLE, own)
    early_table, late_table = plan.by_stage(stages, fit_worth(own))
    assert (early_table.stage, early_table.leads, late_table.leads) == ("early", 6_000, 3_000)
    assert early_table.own
    assert early_table.table.rules[0].points > late_table.table.rules[0].points + 8
    assert late_table.table.threshold < early_table.table.threshold
    handed = [
        int(reached(totals(t.table, own.take(stages.number == n)), t.table.threshold).sum())
        for n, t in enumerate((early_table, late_table))
    ]
    today = int(reached(plan.totals(TABLE), TABLE.threshold).sum())
    assert sum(handed) == pytest.approx(today, rel=0.1)
    assert handed[1] / 3_000 > handed[0] / 6_000


def test_a_stage_of_few_outcomes_keeps_the_points_of_all() -> None:
    own = firing()
    number = np.where(np.arange(6_000) < 30, 1, 0)
    pooled = fit_worth(own)
    stages = Stages(("most", "few"), number)
    assert [worth is None for worth in stages.worths(own, pooled)] == [False, True]
    tables = Plan(TABLE, own).by_stage(stages, pooled)
    assert not tables[1].own
    assert tables[1].table.rules == fitted_rules(TABLE, own, pooled)
    told = stages.log_odds([None, None], pooled, own.unit)
    np.testing.assert_allclose(told, pooled.line.log_odds(own.unit[:, own.fitted]))
