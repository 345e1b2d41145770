import numpy as np
import pytest

from leadml.evaluation.close_rate import close_rate
from leadml.evaluation.equal_volume import Contenders, equal_volume, volume_of


def contenders(**changes: object) -> Contenders:
    """Twenty leads: the model puts eight wins of ten on top, the points four."""
    won = np.zeros(20, bool)
    won[[0, 1, 2, 3, 4, 5, 6, 7, 12, 13]] = True
    probability = np.linspace(0.9, 0.1, 20)
    # points put leads 4 to 7, 12, 13 and four losers among their best ten
    best = [4, 5, 6, 7, 8, 9, 10, 11, 14, 15]
    points = np.where(np.isin(np.arange(20), best), 50.0, 10.0)
    parts = {"won": won, "probability": probability, "points": points} | changes
    return Contenders(**parts)  # type: ignore[arg-type]


def test_wins_of_either_by_hand() -> None:
    found = equal_volume(contenders(), 10, confidence=0.95)
    assert (found["volume"], found["leads"], found["why_null"]) == (10, 20, None)
    assert found["model"] == {"won": 8.0, "close_rate": close_rate(8, 10, 0.95).to_dict()}
    assert found["points"]["won"] == 4.0
    assert found["difference"]["value"] == pytest.approx(0.4)


def test_ties_at_the_edge_are_broken_fairly() -> None:
    # Ten leads share the most points, four of them won: the best five hold two on average.
    found = equal_volume(contenders(), 5, confidence=0.95)
    assert found["points"]["won"] == 2.0
    assert found["model"]["won"] == 5.0


def test_the_same_ranking_is_never_better() -> None:
    same = contenders(points=np.linspace(90.0, 10.0, 20))
    found = equal_volume(same, 10, confidence=0.95)
    assert found["difference"] == {"value": 0.0, "low": 0.0, "high": 0.0}
    assert found["better"] is None


def test_who_is_better_beyond_chance_is_named() -> None:
    many = 400
    random = np.random.default_rng(0)
    chance = random.uniform(0.02, 0.98, many)
    won = random.random(many) < chance
    points = random.uniform(0, 100, many)
    found = equal_volume(
        Contenders(won=won, probability=chance, points=points), 100, confidence=0.95
    )
    assert found["better"] == "model"
    turned = Contenders(won=won, probability=points / 100, points=chance)
    assert equal_volume(turned, 100, confidence=0.95)["better"] == "points"


def test_few_companies_settle_nothing() -> None:
    # 400 leads of nine companies: resamples of so few are too much alike
    random = np.random.default_rng(0)
    chance = random.uniform(0.02, 0.98, 400)
    won = random.random(400) < chance
    of = Contenders(
        won=won,
        probability=chance,
        points=random.uniform(0, 100, 400),
        accounts=np.arange(400) % 9,
    )
    assert equal_volume(of, 100, confidence=0.95)["better"] is None


def test_weights_count_leads_for_those_they_stand_for() -> None:
    # Lead 0 stands for ten: of the best half of 29 leads (14.5) the model's hold 10 wins of
    # lead 0, 4 of leads 1 to 4, and half of lead 5: 14.5 wins.
    weight = np.where(np.arange(20) == 0, 10.0, 1.0)
    found = equal_volume(contenders(weight=weight), 10, confidence=0.95)
    assert found["model"]["close_rate"]["value"] == pytest.approx(1.0)
    assert found["model"]["close_rate"]["low"] is None
    assert "weighted" in found["model"]["close_rate"]["reason"]


@pytest.mark.parametrize("keep", [slice(0, 8), slice(8, 12)])
def test_too_few_leads_are_not_compared(keep: slice) -> None:
    of = contenders()
    few = Contenders(won=of.won[keep], probability=of.probability[keep], points=of.points[keep])
    found = equal_volume(few, 2, confidence=0.95)
    assert found["model"] is None
    assert f"{len(few.won)} matured leads with a served probability and points" in found["why_null"]


def test_the_volume_is_that_of_the_points_unless_they_choose_nobody_or_all() -> None:
    points = np.array([10.0, 20, 30, 40, 50, 60, 70, 80, 90, 100])
    assert volume_of(points, 80.0) == (3, "as many as reach the agreed points")
    assert volume_of(points, 20.0)[0] == 9  # nine of ten is still a choice
    assert volume_of(points, 10.0) == (
        5,
        "the better half, for nearly all of them reach the agreed points",
    )
    assert volume_of(points, 101.0) == (
        5,
        "the better half, for none of them reaches the agreed points",
    )
    assert volume_of(points, None) == (5, "the better half, for no points threshold is agreed")
