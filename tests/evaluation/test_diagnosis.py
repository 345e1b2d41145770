"""What drift asks for, on counts drawn from known truth, and how often it cries wolf."""

from dataclasses import replace

import numpy as np
import pytest

from leadml.evaluation.diagnosis import (
    ASKS,
    NOTHING,
    RECALIBRATE,
    RETRAIN,
    SOURCE,
    Counted,
    FeatureDiagnosis,
    Ranking,
    diagnose_features,
    diagnose_outcomes,
    most_urgent,
)
from leadml.evaluation.drift import Movement, fallen, in_the_large, movement
from leadml.evaluation.metrics import auc
from leadml.evaluation.tally import Ranked

STILL = Movement(0.0, 0.01, 1.0, 10)
SHARE = np.full(10, 0.1)
LEVELS = np.array([0.4, 0.3, 0.2, 0.1])


def number(name: str = "size", **changes: object) -> Counted:
    same = Counted(feature=name, column=name, reference=(100,) * 10, new=(30,) * 10, missing=(0, 0))
    return replace(same, **changes)  # type: ignore[arg-type]


def text(name: str = "channel", **changes: object) -> Counted:
    same = Counted(
        feature=name,
        column=name,
        reference=(400, 300, 200, 100),
        new=(120, 90, 60, 30),
        missing=(0, 0),
        ordered=False,
    )
    return replace(same, **changes)  # type: ignore[arg-type]


def only(diagnosis: FeatureDiagnosis) -> tuple[str, str]:
    (finding,) = diagnosis.findings
    return finding.code, finding.message


def test_leads_like_the_training_leads_ask_for_nothing() -> None:
    found = diagnose_features([number(), text(sources=("a", "b", "c", "d"))])
    assert found.findings == []
    assert [row.asks_for for row in found.features] == [NOTHING, NOTHING]
    assert [row.p for row in found.features] == [1.0, 1.0]


def test_a_feature_that_moved_asks_for_training() -> None:
    moved = number(new=(10, 10, 10, 20, 20, 30, 40, 50, 50, 60))
    found = diagnose_features([number("other"), moved])
    assert only(found)[0] == "DRIFT007"
    assert [row.asks_for for row in found.features] == [NOTHING, RETRAIN]
    assert found.features[1].p < 0.05


def test_a_small_movement_among_very_many_leads_is_not_material() -> None:
    moved = number(reference=(100_000,) * 10, new=(9_000,) * 5 + (11_000,) * 5)
    found = diagnose_features([moved])
    assert found.features[0].p < 1e-9
    assert found.findings == []


def test_a_great_movement_among_very_few_leads_may_be_chance() -> None:
    found = diagnose_features([number(new=(3, 0, 4, 1, 2, 0, 3, 4, 1, 2))])
    assert found.features[0].moved.psi > 0.03
    assert found.findings == []


def test_missing_values_ask_to_look_at_the_source_and_not_to_train() -> None:
    found = diagnose_features([number(new=(20,) * 10, missing=(0, 100))])
    code, message = only(found)
    assert code == "DRIFT002"
    assert "missing in 33% of the new leads, in 0% of the training leads" in message
    row = found.features[0].to_dict()
    assert (row["missing"], row["missing_reference"]) == (pytest.approx(1 / 3), 0.0)
    assert row["asks_for"] == SOURCE


@pytest.mark.parametrize(("unseen", "expected"), [(30, "DRIFT003"), (10, None)])
def test_values_never_seen_ask_to_look_at_the_source(unseen: int, expected: str | None) -> None:
    found = diagnose_features([text(unlisted=(0, unseen))])
    assert [f.code for f in found.findings] == ([expected] if expected else [])
    assert found.features[0].to_dict()["unseen"] == pytest.approx(unseen / (300 + unseen))


def test_values_that_come_and_go_are_no_drift_but_missing_ones_are() -> None:
    company = text(new=(20, 20, 10, 10), unlisted=(0, 240), passing=True)
    found = diagnose_features([company])
    assert found.findings == []
    assert found.features[0].p is None
    gaps = diagnose_features([replace(company, unlisted=(0, 140), missing=(0, 100))])
    assert only(gaps)[0] == "DRIFT002"


def test_a_source_whose_volume_exploded() -> None:
    sources = ("mail", "web", "fair", "partner")
    grown = text(new=(100, 70, 50, 120), sources=sources)
    code, message = only(diagnose_features([grown]))
    assert code == "DRIFT004"
    assert "'partner' gives 35% of the new leads, 10% of the training leads" in message
    # The same counts of a text that is no source have moved.
    assert only(diagnose_features([replace(grown, sources=())]))[0] == "DRIFT007"


def test_an_absent_column_asks_for_its_source_with_no_further_finding() -> None:
    found = diagnose_features([number(new=(0,) * 10, missing=(0, 300), absent=True)])
    assert found.findings == []  # the caller tells the column once, however many features read it
    assert found.features[0].asks_for == SOURCE


def outcomes(slope: float, shift: float, leads: int = 4000, seed: int = 1) -> list[str]:
    random = np.random.default_rng(seed)
    z = random.normal(-1, 1.2, leads)
    won = random.random(leads) < 1 / (1 + np.exp(-(slope * z + shift)))
    before, now = 0.78, auc(Ranked(won, z).tally())
    wins = int(won.sum())
    p = fallen((before, 500, 1500), (now, wins, leads - wins))
    found, _ = diagnose_outcomes(STILL, leads, in_the_large(won, z), Ranking(before, now, p))
    return [finding.code for finding in found]


def test_level_slope_and_ranking_are_told_apart() -> None:
    assert outcomes(1.0, 0.0) == []
    assert outcomes(1.0, -0.4) == ["DRIFT009"]
    assert outcomes(1.6, 0.4) == ["DRIFT010"]
    assert "DRIFT011" in outcomes(0.2, 0.0)


def test_scores_that_moved_ask_for_training_whatever_outcomes_are_known() -> None:
    moved = movement((100,) * 10, (5, 5, 5, 10, 10, 20, 30, 40, 50, 60))
    found, p = diagnose_outcomes(moved, 235, None, None)
    assert [finding.code for finding in found] == ["DRIFT008"]
    assert p == pytest.approx(2 * moved.p)
    assert diagnose_outcomes(STILL, 235, None, None) == ([], 1.0)


def test_what_is_broken_is_mended_first() -> None:
    assert most_urgent([]) == NOTHING
    assert most_urgent([RECALIBRATE, NOTHING]) == RECALIBRATE
    assert most_urgent([RECALIBRATE, RETRAIN]) == RETRAIN
    assert most_urgent([SOURCE, RETRAIN]) == SOURCE
    assert set(ASKS.values()) == {NOTHING, RECALIBRATE, RETRAIN, SOURCE}


@pytest.mark.parametrize("leads", [25, 60, 200, 1000])
def test_at_most_five_reports_in_a_hundred_cry_wolf(leads: int) -> None:
    """Thirty features, a source, missing values and outcomes: nothing has changed."""
    random = np.random.default_rng(leads)
    alarms = 0
    for _ in range(150):
        features = [_drawn_number(random, f"n{i}", leads) for i in range(24)]
        features += [_drawn_text(random, f"t{i}", leads) for i in range(6)]
        z = random.normal(-1, 1.2, leads)
        won = random.random(leads) < 1 / (1 + np.exp(-z))
        scores = movement(random.multinomial(2000, SHARE), random.multinomial(leads, SHARE))
        found = diagnose_features(features).findings
        found = found + diagnose_outcomes(scores, leads, in_the_large(won, z), None)[0]
        alarms += bool(found)
    assert alarms <= 0.05 * 150


def _drawn_number(random: np.random.Generator, name: str, leads: int) -> Counted:
    missing = (int(random.binomial(2000, 0.1)), int(random.binomial(leads, 0.1)))
    reference = random.multinomial(2000 - missing[0], SHARE)
    new = random.multinomial(leads - missing[1], SHARE)
    return number(name, reference=tuple(reference), new=tuple(new), missing=missing)


def _drawn_text(random: np.random.Generator, name: str, leads: int) -> Counted:
    unlisted = (int(random.binomial(2000, 0.03)), int(random.binomial(leads, 0.03)))
    return text(
        name,
        reference=tuple(random.multinomial(2000 - unlisted[0], LEVELS)),
        new=tuple(random.multinomial(leads - unlisted[1], LEVELS)),
        unlisted=unlisted,
        sources=("a", "b", "c", "d"),
    )
