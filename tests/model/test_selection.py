"""The competition: the rule worked by hand, and the right winner where the truth is known."""

from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.metrics import log_loss, roc_auc_score
from threadpoolctl import threadpool_info, threadpool_limits

from leadml.model.calibration import Calibration, calibrate_forward, fit_calibration
from leadml.model.candidates import SIMPLEST_FIRST, base_rate
from leadml.model.scorecard import Levels, Machine, Scorecard, probability
from leadml.model.selection import Selection, choose, compete, finished, fit, out_of_time, to_rows
from leadml.snapshot.split import Folds, stratified_folds


@pytest.fixture(autouse=True, scope="module")
def _one_core() -> Iterator[None]:
    with threadpool_limits(1):
        yield


class TestRule:
    """`choose`: the lowest mean loss, or a simpler candidate that is as good."""

    @staticmethod
    def losses(**means: float) -> dict[str, NDArray[np.float64]]:
        """Return losses of 1,000 leads with these means and the same noise, so no paired error."""
        noise = np.random.default_rng(0).normal(0, 0.1, 1000)
        noise -= noise.mean()
        return {name: mean + noise for name, mean in means.items()}

    def test_the_lowest_wins(self) -> None:
        assert choose(self.losses(base_rate=0.6, logistic=0.5, additive=0.4)) == "additive"

    def test_a_simpler_one_must_be_within_a_standard_error_of_the_pairs(self) -> None:
        # .4004 is worse by .0004 < .2 % of .4 (.0008); the paired difference has standard
        # deviation s, so an error of s / sqrt(1000)
        for spread, winner in ((0.0, "full"), (0.01, "full"), (0.02, "additive")):
            losses = self.losses(additive=0.4004, full=0.4)
            sign = np.where(np.arange(1000) % 2 == 0, 1, -1)
            losses["additive"] = losses["additive"] + spread * sign
            # errors: 0, .00032, .00063: only the last is at least .0004
            assert choose(losses) == winner

    def test_and_within_two_in_a_thousand(self) -> None:
        # The error of the pairs is large (.01), so the relative rule decides: .2 % of .4 is .0008.
        for mean, winner in ((0.4007, "logistic"), (0.4009, "full")):
            losses = self.losses(logistic=mean, full=0.4)
            sign = np.where(np.arange(1000) % 2 == 0, 1, -1)
            losses["logistic"] = losses["logistic"] + 0.32 * sign
            assert choose(losses) == winner

    def test_the_base_rate_needs_to_be_beaten_by_a_standard_error(self) -> None:
        # .41 is 2.5 % worse than .4, the paired error .0098 or .0101
        for spread, winner in ((0.31, "logistic"), (0.32, "base_rate")):
            losses = self.losses(base_rate=0.41, logistic=0.4)
            sign = np.where(np.arange(1000) % 2 == 0, 1, -1)
            losses["base_rate"] = losses["base_rate"] + spread * sign
            assert choose(losses) == winner

    def test_the_simplest_of_several_that_are_as_good(self) -> None:
        same = self.losses(base_rate=0.7, logistic=0.4, additive=0.4, full=0.4)
        assert choose(same) == "logistic"

    def test_a_more_complex_one_never_wins_a_tie(self) -> None:
        assert choose(self.losses(base_rate=0.4, blend=0.4)) == "base_rate"


def rolling(n: int) -> Folds:
    cuts = np.linspace(0.4 * n, n, 6).astype(int)
    pairs = tuple((np.arange(start), np.arange(start, stop)) for start, stop in pairwise(cuts))
    return Folds(pairs, ordered=True, gap_days=0.0)


def truth(kind: str, n: int = 1500, seed: int = 0) -> tuple[NDArray[np.float64], NDArray[np.int8]]:
    random = np.random.default_rng(seed)
    x = random.uniform(-2, 2, (n, 2))
    log_odds = {
        "noise": np.full(n, -1.0),
        "line": 1.5 * x[:, 0] - 0.5,
        "interaction": 3.0 * np.sign(x[:, 0] * x[:, 1]),
    }[kind]
    return x, (random.random(n) < probability(log_odds)).astype(np.int8)


def competed(kind: str, **rest: object) -> tuple[Selection, NDArray[np.float64], NDArray[np.int8]]:
    x, y = truth(kind, **rest)  # type: ignore[arg-type]
    found = compete(x, y, categorical=np.zeros(2, bool), folds=rolling(len(y)), seed=0)
    return found, x, y


@pytest.fixture(scope="module")
def of_a_line() -> tuple[Selection, NDArray[np.float64], NDArray[np.int8]]:
    return competed("line")


def test_candidates_are_measured_on_the_leads_that_theirs_stand_for() -> None:
    x, y = truth("line", n=600)
    own = np.where(x[:, 1] > 1, 5.0, 1.0)
    folds = replace(rolling(600), stands_for=own)
    found = compete(x, y, categorical=np.zeros(2, bool), folds=folds, seed=0)
    best = next(one for one in found.candidates if one.name == found.chosen)
    rows = found.rows
    each = np.logaddexp(0, found.forward[rows]) - y[rows] * found.forward[rows]
    assert best.log_loss == pytest.approx(np.average(each, weights=own[rows]))
    assert best.log_loss != pytest.approx(each.mean(), abs=1e-4)
    areas, pairs = [], []
    for _, test in folds:
        areas.append(roc_auc_score(y[test], found.forward[test], sample_weight=own[test]))
        pairs.append(y[test].sum() * (1 - y[test]).sum())
    assert best.auc == pytest.approx(np.average(areas, weights=pairs))


def test_where_nothing_matters_the_base_rate_wins() -> None:
    assert competed("noise")[0].chosen == "base_rate"


def test_where_features_act_together_only_the_full_model_sees_it() -> None:
    found = competed("interaction")[0]
    auc = {c.name: c.auc for c in found.candidates}
    assert found.chosen in ("full", "blend")
    assert max(auc["logistic"], auc["additive"]) < 0.6 < 0.8 < auc["full"]


def test_every_candidate_is_told_simplest_first(
    of_a_line: tuple[Selection, NDArray[np.float64], NDArray[np.int8]],
) -> None:
    found, _, y = of_a_line
    assert tuple(c.name for c in found.candidates) == SIMPLEST_FIRST
    assert found.chosen != "base_rate"
    assert np.array_equal(found.rows, np.arange(600, 1500))
    rows, p = out_of_time(found)
    mine = next(c for c in found.candidates if c.name == found.chosen)
    assert mine.log_loss == pytest.approx(log_loss(y[rows], p), abs=1e-12)
    folds = np.split(np.arange(900), 5)  # 180 leads each; a mean weighted by won-lost pairs
    pairs = [y[rows][fold].sum() * (180 - y[rows][fold].sum()) for fold in folds]
    inside = [roc_auc_score(y[rows][fold], p[fold]) for fold in folds]
    assert mine.auc == pytest.approx(np.average(inside, weights=pairs), abs=1e-12)
    base = next(c for c in found.candidates if c.name == "base_rate")
    assert base.auc == 0.5  # one probability a fold ranks nobody, whatever the folds' levels
    assert np.isnan(found.log_odds[:600]).all()
    assert np.isnan(found.forward[:600]).all()


def test_predictions_are_of_models_that_never_saw_the_lead(
    of_a_line: tuple[Selection, NDArray[np.float64], NDArray[np.int8]],
) -> None:
    # Fit the winner on the second fold's training part by hand: the same predictions.
    found, x, y = of_a_line
    folds = rolling(1500)
    train, test = folds.pairs[1]
    fitted = fit(
        found.chosen,
        x[train],
        y[train],
        categorical=np.zeros(2, bool),
        newest_last=True,
        seed=0,
        settings=found.settings,
    )
    # The search fits one strength after the other, each to the last digit but five.
    assert found.log_odds[test] == pytest.approx(fitted.machine.raw_log_odds(x[test]), abs=1e-3)
    expected = calibrate_forward(found.log_odds, y, folds)
    assert np.array_equal(found.forward, expected, equal_nan=True)
    periods = np.repeat(np.arange(5), 180)  # the five test blocks
    expected_line = fit_calibration(found.log_odds[found.rows], y[found.rows], periods=periods)
    assert found.calibration == expected_line


def test_the_same_seed_gives_the_same_selection(
    of_a_line: tuple[Selection, NDArray[np.float64], NDArray[np.int8]],
) -> None:
    found, again = of_a_line[0], competed("line")[0]
    assert np.array_equal(found.log_odds, again.log_odds, equal_nan=True)
    assert found.calibration == again.calibration
    assert [(c.log_loss, c.auc) for c in found.candidates] == [
        (c.log_loss, c.auc) for c in again.candidates
    ]


def test_progress_ends_with_the_last_fold() -> None:
    x, y = truth("line", n=300)
    told: list[tuple[str, float]] = []
    folds = stratified_folds(y, groups=None, seed=0, folds=2)
    compete(
        x,
        y,
        categorical=np.zeros(2, bool),
        folds=folds,
        seed=0,
        progress=lambda step, share: told.append((step, share)),
    )
    assert told == [("fold 1 of 2", 0.5), ("fold 2 of 2", 1.0)]


def test_levels_that_come_up_after_training_count_as_missing() -> None:
    # A campaign a month: test blocks are full of campaigns whose codes no training part has seen.
    # The outcome hangs on two other features together, so that the full model wins.
    random = np.random.default_rng(0)
    campaign = np.arange(1200) // 40 + 3 * random.integers(0, 2, 1200)
    x = np.column_stack([campaign, random.integers(0, 2, (1200, 2))]).astype(float)
    high = x[:, 1] == x[:, 2]
    y = (random.random(1200) < np.where(high, 0.85, 0.15)).astype(np.int8)
    text = np.array([True, False, False])
    found = compete(x, y, categorical=text, folds=rolling(1200), seed=0)
    assert found.chosen == "full"
    for train, test in rolling(1200):
        told = x[test].copy()
        new = ~np.isin(told[:, 0], x[train, 0])
        assert new.any()
        told[new, 0] = np.nan
        rest = {"categorical": text, "newest_last": True, "seed": 0, "settings": found.settings}
        fitted = fit("full", x[train], y[train], **rest)  # type: ignore[arg-type]
        expected = fitted.machine.raw_log_odds(told)
        assert found.log_odds[test] == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("name", SIMPLEST_FIRST)
def test_fit_by_name(name: str) -> None:
    x, y = truth("line", n=400)
    fitted = fit(name, x, y, categorical=np.zeros(2, bool), newest_last=True, seed=0)
    assert fitted.machine.additive == (name not in ("full", "blend"))
    assert len(fitted.estimators) == {"base_rate": 0, "blend": 3}.get(name, 1)


def test_a_finished_machine_carries_the_line_and_the_means() -> None:
    card = Scorecard(0.0, (Levels(0, (1.0, 3.0), -1.0),))
    x = np.array([[0.0, 5.0], [1.0, 5.0], [1.0, 5.0], [np.nan, 5.0]])
    machine = finished(Machine(((1.0, card),)), x, Calibration(0.5, -2.0))
    # (1 + 3 + 3 - 1) / 4 = 1.5; the second feature has no term
    assert (machine.slope, machine.intercept, machine.center) == (0.5, -2.0, (1.5, 0.0))
    thinned = finished(Machine(((1.0, card),)), x, Calibration(), most=2)  # leads 0 and 2
    assert thinned.center == (2.0, 0.0)


def test_the_base_rate_alone_has_no_reasons() -> None:
    machine = finished(
        base_rate(np.array([0, 1], np.int8)).machine, np.zeros((2, 3)), Calibration()
    )
    assert machine.effects(np.zeros((1, 3))).tolist() == [[0.0, 0.0, 0.0]]


def test_rows_for_json(
    of_a_line: tuple[Selection, NDArray[np.float64], NDArray[np.int8]],
) -> None:
    rows = to_rows(of_a_line[0].candidates)
    assert [sorted(row) for row in rows] == [["auc", "log_loss", "name", "seconds"]] * 5
    assert rows[0]["name"] == "base_rate"


def test_limits_on_threads_are_given_back() -> None:
    x, y = truth("line", n=300)
    with threadpool_limits(2):
        before = [pool["num_threads"] for pool in threadpool_info()]
        compete(x, y, categorical=np.zeros(2, bool), folds=rolling(300), seed=0)
        assert [pool["num_threads"] for pool in threadpool_info()] == before


@pytest.fixture(scope="module")
def additive_alone() -> tuple[Selection, Selection]:
    """Return the competition on interacting features, of all candidates and of additive ones."""
    x, y = truth("interaction", n=900)
    options = {"categorical": np.zeros(2, bool), "folds": rolling(900), "seed": 0}
    free, alone = (compete(x, y, additive=only, **options) for only in (False, True))  # type: ignore[arg-type]
    return free, alone


class TestAdditiveAlone:
    def test_no_tree_competes_and_the_cost_is_told(
        self, additive_alone: tuple[Selection, Selection]
    ) -> None:
        free, alone = additive_alone
        names = [candidate.name for candidate in alone.candidates]
        assert names == ["base_rate", "logistic", "additive", "blend"]
        assert free.cost is None
        assert alone.cost is not None
        means = {candidate.name: candidate.log_loss for candidate in free.candidates}
        own = {candidate.name: candidate.log_loss for candidate in alone.candidates}
        assert alone.cost.candidate == free.chosen
        assert alone.cost.log_loss == pytest.approx(means[free.chosen], abs=1e-12)
        worse = own[alone.chosen] - means[free.chosen]
        assert alone.cost.difference == pytest.approx(worse, abs=1e-12)
        assert alone.cost.difference > 5 * alone.cost.error > 0  # what interacts is lost

    def test_those_that_compete_did_as_they_do_among_all(
        self, additive_alone: tuple[Selection, Selection]
    ) -> None:
        free, alone = additive_alone
        for ours, theirs in zip(alone.candidates[:3], free.candidates[:3], strict=True):
            assert (ours.name, ours.log_loss, ours.auc) == (
                theirs.name,
                theirs.log_loss,
                theirs.auc,
            )

    def test_the_blend_fits_without_trees(self) -> None:
        x, y = truth("line", n=400)
        settings = {"blend": {"logistic": 0.75, "additive": 0.25}}
        options = {"categorical": np.zeros(2, bool), "newest_last": True, "seed": 0}
        fitted = fit("blend", x, y, settings=settings, **options)  # type: ignore[arg-type]
        assert fitted.machine.additive
        assert [weight for weight, _ in fitted.machine.cards] == [0.75, 0.25]
        line = fit("logistic", x, y, **options).machine.raw_log_odds(x)  # type: ignore[arg-type]
        trees = fit("additive", x, y, **options).machine.raw_log_odds(x)  # type: ignore[arg-type]
        expected = 0.75 * line + 0.25 * trees
        done = finished(fitted.machine, x, Calibration())
        assert done.log_odds(x) == pytest.approx(expected, abs=1e-9)
        assert len(done.cards) == 1


def test_nothing_is_lost_where_nothing_matters() -> None:
    x, y = truth("noise", n=400)
    found = compete(x, y, categorical=np.zeros(2, bool), folds=rolling(400), seed=0, additive=True)
    assert found.cost is not None
    assert found.cost.candidate == found.chosen == "base_rate"
    assert (found.cost.difference, found.cost.error) == (0, 0)
    assert found.settings.keys() == {"base_rate"}
