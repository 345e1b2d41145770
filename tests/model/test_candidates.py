"""The candidates against scikit-learn itself, and against truths they must recover."""

from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from sklearn.ensemble import HistGradientBoostingClassifier
from threadpoolctl import threadpool_limits

from leadml.model.candidates import Fitted, base_rate, blend, boosted, logistic
from leadml.model.scorecard import Levels, Line, Machine, Steps, probability

Numbers = NDArray[np.float64]
CATEGORICAL = np.array([False, True, False, True])


@pytest.fixture(autouse=True, scope="module")
def _one_core() -> Iterator[None]:
    """Fit on one core, as training does: threads that wait for each other cost seconds."""
    with threadpool_limits(1):
        yield


def leads(n: int = 600, seed: int = 0, missing: float = 0.2) -> tuple[Numbers, NDArray[np.int8]]:
    """Return a number, a text of 6 levels, an all-missing column and a text of 3 levels."""
    random = np.random.default_rng(seed)
    x = np.column_stack(
        [
            random.normal(size=n),
            random.integers(0, 6, n),
            np.full(n, np.nan),
            random.integers(0, 3, n),
        ]
    ).astype(float)
    for column in (0, 1):
        x[random.random(n) < missing, column] = np.nan
    truth = 1.5 * np.nan_to_num(x[:, 0], nan=1.0) + (x[:, 1] == 5) - np.isnan(x[:, 1]) - 0.5
    y = (random.random(n) < probability(truth)).astype(np.int8)
    return x, y


def boost(x: Numbers, y: NDArray[np.int8], *, additive: bool, seed: int = 0) -> Fitted:
    return boosted(
        x, y, categorical=CATEGORICAL, additive=additive, newest_last=True, seed=seed, rounds=40
    )


def differs(fitted: Fitted, x: Numbers, columns: list[int]) -> float:
    """Return the largest difference between the machine and scikit-learn's own log-odds."""
    (model,) = fitted.estimators.values()
    return float(
        np.abs(model.decision_function(x[:, columns]) - fitted.machine.raw_log_odds(x)).max()
    )


def anything(seed: int) -> Numbers:
    """Return leads unlike those trained on: any number, gaps everywhere, every known level."""
    random = np.random.default_rng(seed)
    x = np.column_stack(
        [
            random.normal(0, 5, 300),
            random.integers(0, 6, 300),
            random.normal(size=300),
            random.integers(0, 3, 300),
        ]
    ).astype(float)
    x[random.random(x.shape) < 0.3] = np.nan
    return x


@pytest.mark.parametrize("additive", [True, False])
@settings(max_examples=8, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_a_compiled_machine_says_what_scikit_learn_says(additive: bool, seed: int) -> None:
    x, y = leads(seed=seed)
    fitted = boost(x, y, additive=additive, seed=seed)
    assert differs(fitted, x, [0, 1, 3]) < 1e-12
    assert differs(fitted, anything(seed), [0, 1, 3]) < 1e-12


@pytest.mark.parametrize("additive", [True, False])
def test_cuts_belong_to_their_left(additive: bool) -> None:
    # Whole numbers lie exactly on cuts as soon as a cut is one of them.
    random = np.random.default_rng(3)
    x = random.integers(0, 4, (400, 1)).astype(float)
    y = (random.random(400) < 0.2 + 0.2 * x[:, 0]).astype(np.int8)
    fitted = boosted(
        x,
        y,
        categorical=np.array([False]),
        additive=additive,
        newest_last=True,
        seed=0,
        rounds=30,
    )
    (model,) = fitted.estimators.values()
    cuts = np.unique(np.concatenate([t[0].nodes["num_threshold"] for t in model._predictors]))
    probes = np.concatenate([cuts, np.nextafter(cuts, -np.inf), np.nextafter(cuts, np.inf)])[
        :, None
    ]
    assert differs(fitted, probes, [0]) < 1e-12


@pytest.mark.parametrize("additive", [True, False])
def test_a_gap_that_tells_compiles(additive: bool) -> None:
    # scikit-learn splits "missing" from "known" at an infinite cut.
    random = np.random.default_rng(1)
    x = np.where(random.random((400, 1)) < 0.5, 3.0, np.nan)
    y = (random.random(400) < np.where(np.isnan(x[:, 0]), 0.1, 0.7)).astype(np.int8)
    fitted = boosted(
        x, y, categorical=np.array([False]), additive=additive, newest_last=True, seed=0, rounds=100
    )
    (model,) = fitted.estimators.values()
    assert any(np.isinf(tree[0].nodes["num_threshold"]).any() for tree in model._predictors)
    assert differs(fitted, x, [0]) < 1e-12
    p = probability(fitted.machine.raw_log_odds(np.array([[np.nan], [3.0]])))
    assert p == pytest.approx([0.1, 0.7], abs=0.12)
    if additive:
        ((_, card),) = fitted.machine.cards
        assert all(np.isfinite(term.cuts).all() for term in card.terms if isinstance(term, Steps))


def test_levels_with_gaps_in_their_codes_compile() -> None:
    x, y = leads(seed=5)
    x[x[:, 1] == 2, 1] = np.nan
    for additive in (True, False):
        assert differs(boost(x, y, additive=additive), x, [0, 1, 3]) < 1e-12


def test_254_levels_compile() -> None:
    random = np.random.default_rng(2)
    x = random.permutation(np.arange(5080) % 254).astype(float)[:, None]
    y = (random.random(5080) < 0.2 + 0.6 * (x[:, 0] % 2)).astype(np.int8)
    for additive in (True, False):
        fitted = boosted(
            x,
            y,
            categorical=np.array([True]),
            additive=additive,
            newest_last=False,
            seed=0,
            rounds=20,
        )
        assert differs(fitted, x, [0]) < 1e-12


def test_no_usable_column_is_the_base_rate() -> None:
    x, y = np.full((50, 1), np.nan), np.arange(50, dtype=np.int8) % 2
    fitted = boosted(x, y, categorical=np.array([False]), additive=True, newest_last=True, seed=0)
    assert fitted.machine == base_rate(y).machine


def test_base_rate() -> None:
    # (3 + .5) / (10 + 1) = 3.5 / 11; log-odds log(3.5 / 7.5)
    fitted = base_rate(np.array([1] * 3 + [0] * 7, np.int8))
    log_odds = fitted.machine.raw_log_odds(np.zeros((2, 5)))
    assert log_odds == pytest.approx([np.log(3.5 / 7.5)] * 2)


def test_logistic_compiles_exactly() -> None:
    # Rebuild the design by hand: hats at the knots for the number, one column a level.
    random = np.random.default_rng(7)
    x = np.column_stack([random.integers(0, 3, 400), random.integers(0, 2, 400)]).astype(float)
    x[::7, 0] = np.nan
    x[::5, 1] = np.nan
    y = (random.random(400) < 0.3 + 0.2 * (x[:, 1] == 1)).astype(np.int8)
    fitted = logistic(x, y, categorical=np.array([False, True]))
    number = np.stack([x[:, 0] == 0, x[:, 0] == 1, x[:, 0] == 2, np.isnan(x[:, 0])], axis=1)
    level = np.stack([x[:, 1] == 0, x[:, 1] == 1, np.isnan(x[:, 1])], axis=1)
    design = np.concatenate([number, level], axis=1).astype(float)
    model = fitted.estimators["logistic"]
    own = fitted.machine.raw_log_odds(x)
    assert np.abs(model.decision_function(design) - own).max() < 1e-12
    ((_, card),) = fitted.machine.cards
    assert isinstance(card.terms[0], Line)
    assert card.terms[0].cuts == (0.0, 1.0, 2.0)
    assert isinstance(card.terms[1], Levels)


def test_logistic_recovers_a_known_slope() -> None:
    # log-odds = 1.2 x - .5 on 20,000 leads: a slope's standard error is about .02.
    random = np.random.default_rng(0)
    x = random.uniform(-2, 2, (20_000, 1))
    y = (random.random(20_000) < probability(1.2 * x[:, 0] - 0.5)).astype(np.int8)
    machine = logistic(x, y, categorical=np.array([False])).machine
    at = machine.raw_log_odds(np.array([[-1.0], [0.0], [1.0]]))
    assert at == pytest.approx([-1.7, -0.5, 0.7], abs=0.12)


@pytest.mark.parametrize("codes", [[4.0], [4.0, 5.0]])
def test_a_level_never_seen_counts_as_missing(codes: list[float]) -> None:
    x, y = leads(800, seed=11)
    seen = ~np.isin(x[:, 1], [4.0, 5.0])
    for fitted in (
        logistic(x[seen], y[seen], categorical=CATEGORICAL),
        boost(x[seen], y[seen], additive=True),
    ):
        new = np.array([[0.5, code, np.nan, 1.0] for code in codes])
        gap = np.array([[0.5, np.nan, np.nan, 1.0]])
        same = fitted.machine.raw_log_odds(new) - fitted.machine.raw_log_odds(gap)
        assert same == pytest.approx([0.0] * len(codes), abs=1e-12)


def test_boosting_stops_early_and_refits_on_all_leads() -> None:
    x, y = leads(1500, seed=4)
    kept = {"categorical": CATEGORICAL, "additive": True, "newest_last": True, "seed": 0}
    fitted = boosted(x, y, **kept)  # type: ignore[arg-type]
    rounds = fitted.rounds["additive"]
    assert 5 < rounds < 400
    again = boosted(x, y, **kept, rounds=rounds)  # type: ignore[arg-type]
    assert (again.machine.raw_log_odds(x) == fitted.machine.raw_log_odds(x)).all()
    assert fitted.estimators["additive"].n_iter_ == rounds


def test_early_stopping_looks_at_the_newest_leads() -> None:
    # The oldest four fifths teach a rule that the newest fifth breaks: with the newest held out
    # boosting stops at once, with leads drawn at random it goes on.
    random = np.random.default_rng(0)
    x = random.integers(0, 2, (1000, 1)).astype(float)
    follows = np.arange(1000) < 800
    y = np.where(follows, x[:, 0], 1 - x[:, 0]).astype(np.int8)
    y ^= (random.random(1000) < 0.1).astype(np.int8)
    rounds = {
        newest_last: boosted(
            x,
            y,
            categorical=np.array([False]),
            additive=True,
            newest_last=newest_last,
            seed=0,
        ).rounds["additive"]
        for newest_last in (True, False)
    }
    assert rounds[True] == 1
    assert rounds[False] > 5


def test_a_holdout_of_one_outcome_only_falls_back_to_the_patience() -> None:
    x, y = leads(100, seed=9)
    y[:] = np.arange(100) < 60  # the newest fifth is all lost
    fitted = boosted(x, y, categorical=CATEGORICAL, additive=True, newest_last=True, seed=0)
    assert fitted.rounds == {"additive": 25}


def test_a_column_known_in_the_holdout_only_is_no_obstacle() -> None:
    x, y = leads(500, seed=6)
    x[400:, 2] = 1.0  # recorded in the newest fifth only
    fitted = boosted(x, y, categorical=CATEGORICAL, additive=False, newest_last=True, seed=0)
    assert differs(fitted, x, [0, 1, 2, 3]) < 1e-12


def test_the_same_seed_gives_the_same_machine() -> None:
    x, y = leads(seed=8)
    kept = {"categorical": CATEGORICAL, "additive": False, "newest_last": False}
    first, again, other = (boosted(x, y, **kept, seed=s).machine for s in (1, 1, 2))  # type: ignore[arg-type]
    assert first == again
    assert first != other


def test_a_blend_is_the_mean_of_its_parts() -> None:
    x, y = leads(seed=12)
    parts = (
        logistic(x, y, categorical=CATEGORICAL),
        boost(x, y, additive=True),
        boost(x, y, additive=False),
    )
    blended = blend(parts)
    mean = np.mean([part.machine.raw_log_odds(x) for part in parts], axis=0)
    assert np.abs(blended.machine.raw_log_odds(x) - mean).max() < 1e-12
    assert set(blended.estimators) == {"logistic", "additive", "full"}
    assert blended.rounds == {"additive": 40, "full": 40}
    assert not blended.machine.additive


def test_additive_boosting_uses_one_feature_a_tree() -> None:
    x, y = leads(seed=13)
    fitted = boost(x, y, additive=True)
    model = fitted.estimators["additive"]
    assert isinstance(model, HistGradientBoostingClassifier)
    for (tree,) in model._predictors:
        inner = tree.nodes[tree.nodes["is_leaf"] == 0]
        assert len(np.unique(inner["feature_idx"])) <= 1
    assert isinstance(fitted.machine, Machine)
    assert fitted.machine.additive


def test_trees_name_the_features_their_splits_use() -> None:
    random = np.random.default_rng(0)
    x = np.column_stack([np.zeros(400), np.full(400, np.nan), random.normal(size=400)])
    y = (random.random(400) < probability(2 * x[:, 2])).astype(np.int8)
    fitted = boosted(
        x,
        y,
        categorical=np.zeros(3, bool),
        additive=False,
        newest_last=False,
        seed=0,
        rounds=10,
    )
    ((weight, trees),) = fitted.machine.trees
    assert (weight, trees.inputs, trees.features) == (1.0, (0, 2), (2,))


@pytest.mark.parametrize("additive", [True, False])
def test_no_features_at_all_are_the_base_rate(additive: bool) -> None:
    y = np.array([1] * 10 + [0] * 30, np.int8)
    nothing, no_kind = np.empty((40, 0)), np.empty(0, bool)
    boosted_ = boosted(nothing, y, categorical=no_kind, additive=additive, newest_last=True, seed=0)
    assert boosted_.machine == base_rate(y).machine
    assert logistic(nothing, y, categorical=no_kind).machine == base_rate(y).machine


@pytest.mark.parametrize("additive", [True, False])
def test_a_weight_of_two_counts_a_lead_twice(additive: bool) -> None:
    rng = np.random.default_rng(3)
    x = rng.normal(size=(300, 2))
    y = (rng.random(300) < 1 / (1 + np.exp(-x[:, 0]))).astype(np.int8)
    weight = np.where(y == 1, 2.0, 1.0)
    twice = np.repeat(np.arange(300), weight.astype(int))
    none = np.zeros(2, bool)
    kept = {"categorical": none, "additive": additive, "newest_last": True, "seed": 0}
    weighted = boosted(x, y, **kept, weight=weight, rounds=1)  # type: ignore[arg-type]
    doubled = boosted(x[twice], y[twice], **kept, rounds=1)  # type: ignore[arg-type]
    plain = boosted(x, y, **kept, rounds=1)  # type: ignore[arg-type]
    # One round: the constant is the log-odds of the weighted share of wins.
    means = [m.machine.raw_log_odds(x).mean() for m in (weighted, doubled, plain)]
    assert means[0] == pytest.approx(means[1], abs=0.02)
    assert abs(means[0] - means[2]) > 0.2
    same = [
        logistic(a, b, categorical=none, weight=w).machine.raw_log_odds(x)
        for a, b, w in ((x, y, weight), (x, y, 7 * weight), (x, y, np.ones(300)), (x, y, None))
    ]
    np.testing.assert_allclose(same[0], same[1], atol=1e-9)  # only ratios of weights matter
    np.testing.assert_allclose(same[2], same[3], atol=1e-9)
    assert np.abs(same[0] - same[2]).max() > 0.02


def test_the_base_rate_weighs_its_leads() -> None:
    # Weights 3 and 1, scaled to a mean of 1: 1.5 and 0.5; share (1.5 + 0.5) / (2 + 1) = 2/3.
    fitted = base_rate(np.array([1, 0], np.int8), weight=np.array([3.0, 1.0]))
    assert fitted.machine.cards[0][1].constant == pytest.approx(np.log(2))


def test_functions_of_numbers_bend_less_where_told() -> None:
    # 60 leads of pure noise: free functions follow it, ramps hardly can.
    random = np.random.default_rng(4)
    x = random.normal(size=(60, 1))
    y = (random.random(60) < 0.5).astype(np.int8)
    plain = {"categorical": np.array([False]), "strength": 10.0}
    wild, calm = (logistic(x, y, bend=bend, **plain) for bend in (1.0, 0.05))  # type: ignore[arg-type]

    def bent(fitted: Fitted) -> float:
        ((_, card),) = fitted.machine.cards
        (term,) = card.terms
        return float(np.abs(np.diff(term.values, 2)).max())

    assert bent(calm) < 0.2 * bent(wild)


def test_a_ramp_is_found_whatever_the_bend() -> None:
    x, y = leads(n=4000, missing=0.1)
    number = {"categorical": np.array([False])}
    for bend in (0.3, 1.0):
        fitted = logistic(x[:, :1], y, bend=bend, strength=1.0, **number)  # type: ignore[arg-type]
        ((_, card),) = fitted.machine.cards
        (term,) = card.terms
        assert isinstance(term, Line)
        assert len(term.values) == len(term.cuts) == 5
        assert (np.diff(term.values) > 0).all()
        (model,) = fitted.estimators.values()
        assert model.coef_.shape == (1, 6 if bend == 1 else 7)
