import numpy as np
import pytest

from leadml.evaluation.answers import ModelAnswers, PointsAnswers, Promise, Together
from leadml.evaluation.delong import areas
from leadml.evaluation.fair import Circumstances, FairComparison
from leadml.evaluation.range_restriction import Pool, narrowing, restriction


def test_shares_worked_by_hand() -> None:
    points = np.array([10.0, 20, 30, 40, 50, 60, np.nan])
    found = restriction(Pool(points, np.array([0, 1, 0, 1, 1, 1, 1], bool)), threshold=40)
    assert (found["leads"], found["worked"]) == (6, 4)
    assert (found["worked_share_above"], found["worked_share_below"]) == (1.0, pytest.approx(1 / 3))
    assert found["restricted"] is False  # too few were not worked to say
    assert found["auc"]["value"] is None


def test_how_much_narrower_by_hand() -> None:
    # Of 1 to 4 (variance 1.25) the upper two (variance .25): √.2 = .447; ranks are the points.
    assert narrowing(np.array([1.0, 2, 3, 4]), np.array([0, 0, 1, 1], bool)) == pytest.approx(
        np.sqrt(0.2)
    )
    # Far outliers leave the spread of the points, not that of the ranks.
    points = np.array([0.0, 1, 2, 3, 4, 1000])
    assert narrowing(points, points > 2) == pytest.approx(np.sqrt(8 / 12) / np.sqrt(35 / 12))
    assert narrowing(np.ones(3), np.array([1, 0, 1], bool)) == 1.0


def pool(cut: float, softness: float, leads: int = 3000) -> Pool:
    random = np.random.default_rng(7)
    points = np.round(random.normal(50, 20, leads))
    with np.errstate(over="ignore"):
        chance = 1 / (1 + np.exp(-(points - cut) / softness))
    return Pool(points, random.random(leads) < chance)


@pytest.mark.parametrize(
    ("cut", "softness", "expected"),
    [
        (60, 0.1, True),  # nobody under 60 is worked
        (40, 3.0, True),
        (50, 1e9, False),  # a coin decides
        (20, 20.0, False),  # few are left out, and not by much
    ],
)
def test_what_decided_who_was_worked(cut: float, softness: float, expected: bool) -> None:
    found = restriction(pool(cut, softness), threshold=60)
    assert found["restricted"] is expected
    if expected:
        assert found["why"].startswith("the points decided which leads were worked (")
        assert found["auc"]["low"] > 0.5
        assert found["spread"] < 0.85
    else:
        assert found["why"] == "who was worked depends little on the points"


def test_weights_that_do_not_make_up_for_it_name_nobody() -> None:
    made = pool(60, 0.1)
    random = np.random.default_rng(2)
    worked = made.worked | (~made.worked & (random.random(3000) < 0.1))
    right = Pool(made.points, worked, np.where(made.worked, 1.0, 10.0))
    found = restriction(right, threshold=60)
    assert (found["restricted"], found["weighted"]) == (True, True)
    useless = Pool(made.points, worked, np.ones(3000))
    found = restriction(useless, threshold=60)
    assert (found["restricted"], found["weighted"]) == (True, False)


@pytest.mark.parametrize("chosen", [True, False])
def test_where_the_model_chose_the_points_are_no_winner(chosen: bool) -> None:
    """The mirror image: among leads that the model chose, it is the model that looks worse."""
    random = np.random.default_rng(1)
    truth = random.normal(-1.2, 1.2, 3000)
    won = random.random(3000) < 1 / (1 + np.exp(-truth))
    model, points = truth + random.normal(0, 1.5, 3000), truth + random.normal(0, 0.5, 3000)
    worked = (model > np.quantile(model, 0.3)) if chosen else random.random(3000) < 0.7
    p, given = 1 / (1 + np.exp(-model[worked])), points[worked]
    everyone = np.ones(len(p), bool)
    fair = FairComparison(
        won[worked],
        ModelAnswers(
            probability=p, sales_ready=everyone, band=everyone.astype(object), threshold=0.1
        ),
        PointsAnswers(points=given, ready=given > -9, threshold=-9.0),
        Promise(0.3, 0.95),
        Circumstances(together=Together(0.0, 0.0, 1.0), pool=Pool(points, worked, model=model)),
    )
    for _ in range(100):
        picks = random.integers(0, len(p), len(p))
        fair.watch(np.bincount(picks, minlength=len(p)).astype(float))
    told = fair.to_dict()
    assert told["range_restricted"]["model"]["restricted"] is chosen
    assert told["range_restricted"]["restricted"] is False
    assert told["winner"] == (None if chosen else "points")
    assert ("the model decided which leads were worked" in told["winner_text"]) is chosen


def test_an_export_cut_at_the_threshold_is_restricted() -> None:
    everyone = pool(50, 1e9)
    inside = everyone.points >= 60
    cut = Pool(everyone.points[inside], np.ones(int(inside.sum()), bool))
    found = restriction(cut, threshold=60)
    assert found["restricted"] is True
    assert "just above 60 points and 0 below, so" in found["why"]
    # leads under the threshold that were of no use otherwise show that it was not cut there
    other = Pool(cut.points, cut.worked, export=everyone.points)
    assert restriction(other, threshold=60)["restricted"] is False
    whole = restriction(Pool(everyone.points, np.ones(3000, bool)), threshold=60)
    assert whole["restricted"] is False
    assert whole["why"] == "(almost) every lead of this export was worked, whatever its points"


def two_equals(seed: int, leads: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Outcomes, and two scores that see the same truth through equal noise."""
    random = np.random.default_rng(seed)
    truth = random.normal(-1.2, 1.0, leads)
    won = random.random(leads) < 1 / (1 + np.exp(-truth))
    first, second = (truth + random.normal(0, 0.7, leads) for _ in range(2))
    return won, first, second


def test_points_look_worse_than_they_are_among_the_leads_they_chose() -> None:
    """Naming a winner among leads that the points chose would be wrong: both are equally good."""
    won, model, points = two_equals(0, 200_000)
    worked = points > np.median(points)
    everyone = areas(won, [model, points]).auc
    chosen = areas(won[worked], [model[worked], points[worked]])
    assert abs(everyone[0] - everyone[1]) < 0.003
    gap, p = chosen.difference(0, 1)
    assert gap.low > 0.01
    assert p < 0.001
    # Weighted by the chance of having been worked (5 % of the rest, at random) they are equal.
    random = np.random.default_rng(1)
    explored = ~worked & (random.random(len(won)) < 0.05)
    there = worked | explored
    weight = np.where(worked[there], 1.0, 20.0)
    lean = [np.average(won[there] * s[there], weights=weight) for s in (model, points)]
    full = [np.mean(won * s) for s in (model, points)]
    assert lean == pytest.approx(full, abs=0.02)


def compared(seed: int, *, explore: float) -> dict[str, object]:
    won, model, points = two_equals(seed, 6000)
    random = np.random.default_rng(seed)
    chance = np.where(points > np.quantile(points, 0.7), 1.0, explore)
    worked = random.random(6000) < chance
    p = 1 / (1 + np.exp(-model[worked]))
    given = 50 + 20 * points
    answers = ModelAnswers(
        probability=p, sales_ready=p > 0.3, band=np.full(worked.sum(), "A", object), threshold=0.3
    )
    pointed = PointsAnswers(
        points=given[worked], ready=given[worked] > 40, threshold=float(np.quantile(given, 0.7))
    )
    fair = FairComparison(
        won[worked],
        answers,
        pointed,
        Promise(0.3, 0.95),
        Circumstances(
            pool=Pool(given, worked, 1 / chance if explore else None),
            weight=1 / chance[worked] if explore else None,
        ),
        seed=seed,
    )
    for _ in range(100):
        picks = random.integers(0, worked.sum(), worked.sum())
        fair.watch(np.bincount(picks, minlength=worked.sum()).astype(float))
    return fair.to_dict()


def test_no_winner_is_named_where_the_points_chose() -> None:
    named = [compared(seed, explore=0.0) for seed in range(6)]
    assert [one["winner"] for one in named] == [None] * 6
    assert all(one["range_restricted"]["restricted"] for one in named)
    assert named[0]["winner_text"].startswith("No winner is named: the points decided")
    # Had one been named, it would often have been the model, which is no better.
    unfair = sum(
        pair["better"] == "model"
        for one in named
        for row in one["fair_comparison"]["measures"]
        if row["metric"] == "auc"
        for pair in row["pairs"]
        if pair["second"] == "points" and pair["first"] == "model"
    )
    assert unfair >= 2


def test_exploration_lets_the_two_be_compared() -> None:
    found = compared(3, explore=0.1)
    assert found["range_restricted"]["restricted"] is True
    assert found["range_restricted"]["weighted"] is True
    assert found["winner"] in {"none", "both"}
    weights = found["fair_comparison"]["weights"]
    # 1,800 chosen leads of weight 1 and some 420 of weight 10: (1800 + 4200)² / (1800 + 42000)
    assert weights["effective_leads"] == pytest.approx(6000**2 / 43800, rel=0.1)
    assert weights["largest"] == 10.0
