"""What a training run makes of a past in which the base rate moves."""

import numpy as np
import pytest

from leadml.model.calibration import Calibration
from leadml.model.level import Level, choose_level
from leadml.model.rehearsal import rehearse
from leadml.model.scorecard import probability
from leadml.snapshot.catalogue import Catalogue
from leadml.snapshot.features import Feature, FeatureSet
from leadml.snapshot.split import Folds, origins, rolling_folds, stratified_folds
from leadml.workflows.adaptation import Adaptation, adapt, slope_findings
from leadml.workflows.lesson import Lesson

DAY = 86_400_000_000


def lesson(leads: int = 6000, a_year: float = 1.0) -> Lesson:
    random = np.random.default_rng(0)
    x = random.normal(size=(leads, 1))
    days = np.sort(random.uniform(0, 730, leads))
    log_odds = x[:, 0] - 1 + a_year * (days - 365) / 365
    y = (random.random(leads) < probability(log_odds)).astype(np.int8)
    features = FeatureSet((Feature(name="x", kind="number", column="x"),), frozenset())
    at = (days * DAY).round().astype(np.int64)
    return Lesson(np.arange(leads), x, y, at, Catalogue(features, ()), None)


@pytest.fixture(scope="module")
def adapted() -> tuple[Lesson, Folds, Adaptation]:
    learnt = lesson()
    folds = rolling_folds(learnt.as_of, learnt.y, gap_days=90)
    return learnt, folds, adapt(learnt, folds)


def test_the_past_is_rehearsed_at_the_lag_of_the_folds(
    adapted: tuple[Lesson, Folds, Adaptation],
) -> None:
    learnt, folds, found = adapted
    past = origins(learnt.as_of, learnt.y, gap_days=90)
    rehearsal = rehearse(learnt.x, learnt.y, categorical=np.zeros(1, bool), folds=past)
    assert found.level == choose_level(rehearsal)
    assert found.level.chosen == "trend"
    assert found.level.lag_days == 90
    added = found.forward(folds)
    assert added is not None
    assert added.tolist() == rehearsal.forward("trend", folds).tolist()
    assert (added[folds.pairs[-1][1]] > 0.3).all()


def test_many_leads_are_thinned_evenly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("leadml.workflows.adaptation.MOST_TO_REHEARSE", 2000)
    learnt = lesson()
    folds = rolling_folds(learnt.as_of, learnt.y, gap_days=90)
    found = adapt(learnt, folds)
    assert found.rehearsal is not None
    assert found.rehearsal.at.tolist() == learnt.as_of[::3].tolist()
    added = found.forward(folds)
    assert added is not None
    assert added.shape == (6000,)


def test_leads_without_an_order_have_no_past() -> None:
    learnt = lesson(400)
    folds = stratified_folds(learnt.y, groups=None, seed=0)
    found = adapt(learnt, folds)
    assert found == Adaptation(Level())
    assert found.forward(folds) is None


def test_a_slope_that_fell_back_is_told() -> None:
    assert slope_findings(Calibration(0.4), 100) == []
    (finding,) = slope_findings(Calibration(fell_back=True), 100)
    assert (finding.code, finding.severity, finding.count) == ("DRIFT014", "warning", 100)
    assert "left at 1" in finding.message
