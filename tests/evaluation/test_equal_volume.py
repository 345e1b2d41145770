from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from leadml.evaluation.close_rate import close_rate
from leadml.evaluation.equal_volume import Contenders, Volume, equal_volume, volume_of


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


def compare(of: Contenders, leads: int) -> dict[str, Any]:
    return equal_volume(of, Volume(leads, leads / len(of.won), "so many"), confidence=0.95)


def test_wins_of_either_by_hand() -> None:
    found = compare(contenders(), 10)
    assert (found["volume"], found["leads"], found["why_null"]) == (10, 20, None)
    assert found["model"] == {"won": 8.0, "close_rate": close_rate(8, 10, 0.95).to_dict()}
    assert found["points"]["won"] == 4.0
    assert found["difference"]["value"] == pytest.approx(0.4)


def test_ties_at_the_edge_are_broken_fairly() -> None:
    # Ten leads share the most points, four of them won: the best five hold two on average.
    found = compare(contenders(), 5)
    assert found["points"]["won"] == 2.0
    assert found["model"]["won"] == 5.0


def test_the_same_ranking_is_never_better() -> None:
    same = contenders(points=np.linspace(90.0, 10.0, 20))
    found = compare(same, 10)
    assert found["difference"] == {"value": 0.0, "low": 0.0, "high": 0.0}
    assert found["better"] is None


@pytest.fixture
def many() -> Contenders:
    """Return 400 leads whose chances the model knows and the points do not."""
    random = np.random.default_rng(0)
    chance = random.uniform(0.02, 0.98, 400)
    won = random.random(400) < chance
    return Contenders(won=won, probability=chance, points=random.uniform(0, 100, 400))


def test_who_is_better_beyond_chance_is_named(many: Contenders) -> None:
    assert compare(many, 100)["better"] == "model"
    turned = replace(many, probability=many.points / 100, points=many.probability)
    assert compare(turned, 100)["better"] == "points"


def test_the_interval_is_that_of_leads_drawn_anew(many: Contenders) -> None:
    random, gaps = np.random.default_rng(0), []
    for _ in range(1000):
        drawn = random.integers(0, 400, 400)
        won = many.won[drawn]
        best = [np.argsort(-score[drawn])[:100] for score in (many.probability, many.points)]
        gaps.append(won[best[0]].mean() - won[best[1]].mean())
    found = compare(many, 100)["difference"]
    assert (found["low"], found["high"]) == pytest.approx(np.quantile(gaps, [0.025, 0.975]))


@pytest.mark.parametrize(("companies", "better"), [(9, None), (10, "model")])
def test_few_companies_settle_nothing(many: Contenders, companies: int, better: str | None) -> None:
    # resamples of so few companies are too much alike
    of = replace(many, accounts=np.arange(400) % companies)
    assert compare(of, 100)["better"] == better


def test_weights_count_leads_for_those_they_stand_for() -> None:
    # Lead 0 stands for ten: of the best half of 29 leads (14.5) the model's hold 10 wins of
    # lead 0, 4 of leads 1 to 4, and half of lead 5: 14.5 wins.
    weight = np.where(np.arange(20) == 0, 10.0, 1.0)
    found = compare(contenders(weight=weight), 10)
    assert found["model"]["close_rate"]["value"] == pytest.approx(1.0)
    assert found["model"]["close_rate"]["low"] is None
    assert "weighted" in found["model"]["close_rate"]["reason"]


@pytest.mark.parametrize(
    ("leads", "won", "volume", "compared"),
    [(20, 2, 5, True), (20, 18, 5, True), (20, 1, 5, False), (20, 19, 5, False), (19, 9, 5, False),
     (20, 9, 0, False)],
)  # fmt: skip
def test_too_few_leads_are_not_compared(leads: int, won: int, volume: int, compared: bool) -> None:
    score = np.linspace(0.9, 0.1, leads)
    of = Contenders(won=np.arange(leads) < won, probability=score, points=score)
    found = compare(of, volume)
    assert (found["model"] is not None) is compared
    why = f"{leads} matured leads with a served probability and points, {won} of them won"
    assert compared or found["why_null"].startswith(why)


@pytest.mark.parametrize(
    ("threshold", "expected"),
    [
        (80.0, Volume(3, 0.3, "as many as reach the agreed points")),
        (20.0, Volume(9, 0.9, "as many as reach the agreed points")),  # still a choice
        (10.0, Volume(5, 0.5, "the better half, for nearly all of them reach the agreed points")),
        (101.0, Volume(5, 0.5, "the better half, for none of them reaches the agreed points")),
        (None, Volume(5, 0.5, "the better half, for no points threshold is agreed")),
    ],
)
def test_the_volume_is_that_of_the_points_unless_they_choose_nobody_or_all(
    threshold: float | None, expected: Volume
) -> None:
    assert volume_of(np.arange(10.0, 101, 10), threshold) == expected


def test_weighted_points_close_at_the_rate_of_those_who_reach_them() -> None:
    # Ten leads reach 80 points and stand for themselves, six of them won; ten below, two of them
    # won, stand for nine each: a tenth of all that the twenty stand for reaches the points.
    points = np.repeat([90.0, 20.0], 10)
    won = np.concatenate([np.arange(10) < 6, np.arange(10) < 2])
    weight = np.repeat([1.0, 9.0], 10)
    volume = volume_of(points, 80.0, weight)
    assert (volume.leads, volume.share) == (10, 0.1)
    of = Contenders(won=won, probability=points / 100, points=points, weight=weight)
    found = equal_volume(of, volume, confidence=0.95)
    assert found["points"]["close_rate"]["value"] == pytest.approx(0.6)
    assert found["points"]["won"] == pytest.approx(6.0)
