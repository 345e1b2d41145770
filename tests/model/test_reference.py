"""Training leads as counts, by hand, and back from JSON."""

import json

import numpy as np
import pytest

from leadml.model.reference import (
    OutOfTime,
    Reference,
    Spread,
    quantile_cuts,
    reference_of,
    score_spread,
    spread_of,
)
from leadml.snapshot.features import RARE, Feature, FeatureSet

NUMBER = Feature(name="size", kind="number", column="size")
TEXT = Feature(name="channel", kind="text", column="channel", levels=("a", "b", RARE))
NAN = float("nan")


def test_numbers_are_cut_into_tenths() -> None:
    x = np.array([*range(1, 21), NAN], float)
    spread = spread_of(NUMBER, x)
    assert spread.cuts == (2, 4, 6, 8, 10, 12, 14, 16, 18)
    assert spread.counts == (2,) * 10
    assert (spread.missing, spread.unlisted, spread.leads) == (1, 0, 21)


def test_later_numbers_fall_into_the_same_bins_each_with_its_upper_edge() -> None:
    like = Spread((5, 5, 5), cuts=(1.0, 2.0))
    spread = spread_of(NUMBER, np.array([-9.0, 1.0, 1.5, 2.0, 2.1, 99.0, NAN]), like=like)
    assert (spread.counts, spread.cuts, spread.missing) == ((2, 2, 2), (1.0, 2.0), 1)
    assert score_spread(np.array([0.0, 3.0]), like).counts == (1, 0, 1)


@pytest.mark.parametrize(
    ("x", "cuts"),
    [([], ()), ([NAN], ()), ([3.0] * 9, ()), ([0.0] * 95 + [1.0] * 5, (0.0,)), ([0, 1], (0.0,))],
)
def test_ties_stay_together(x: list[float], cuts: tuple[float, ...]) -> None:
    assert quantile_cuts(np.array(x, float)) == cuts


def test_texts_are_counted_by_level_unlisted_and_missing() -> None:
    x = np.array([0, 0, 1, 2, 2, NAN, NAN, 2])
    assert spread_of(TEXT, x) == Spread((2, 1), (), 2, 3)
    # Where no level is for rare texts, an unseen one is read as missing: it is counted apart.
    plain = Feature(name="channel", kind="text", column="channel", levels=("a", "b"))
    unseen = np.array([False, False, True, False])
    assert spread_of(plain, np.array([0, 1, NAN, NAN]), unseen=unseen) == Spread((1, 1), (), 1, 1)


def of_text(codes: list[float], fewest: int = 1) -> Spread:
    features = FeatureSet((TEXT,), frozenset())
    x = np.array(codes, float)[:, None]
    ranked = OutOfTime(0.5, 1, 1)
    made = reference_of(features, x, np.zeros(len(x)), ranked, fewest_of_level=fewest)
    return made.features[0]


def test_a_text_whose_values_stay_does_not_pass() -> None:
    assert of_text([0, 1] * 50) == Spread((50, 50), (), 0, 0, passing=False)


def test_values_that_the_newest_leads_bring_make_a_text_pass() -> None:
    # Of 100 leads the newest 20 hold b for the first time: 5 of 20 are 25 points more than none.
    newcomers = [0.0] * 80 + [0.0] * 13 + [1.0] * 5 + [NAN] * 2
    assert of_text(newcomers) == Spread((93, 5), (), 2, 0, passing=True)
    # With 4 of them among the older, b is a level from 4 leads on, and no level from 5 on.
    before = [1.0] * 4 + newcomers[4:]
    assert not of_text(before, fewest=4).passing
    assert of_text(before, fewest=5).passing


def test_rare_values_as_many_among_the_newest_do_not_make_a_text_pass() -> None:
    assert not of_text([0, 0, 0, 2] * 25).passing


def test_a_reference_comes_back_from_json() -> None:
    features = FeatureSet((NUMBER, TEXT), frozenset())
    x = np.array([[1.0, 0.0], [2.0, 1.0], [NAN, 2.0]])
    reference = reference_of(features, x, np.array([-1.0, 0.0, 1.0]), OutOfTime(0.7, 12, 34))
    assert (reference.won, reference.lost, reference.auc) == (12, 34, 0.7)
    assert reference.scores.counts == (1, 1, 1)
    assert Reference.from_dict(json.loads(json.dumps(reference.to_dict()))) == reference
