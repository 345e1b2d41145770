"""Drift of what is scored: the numbers of `leadml drift`, from counts that workers add up."""

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from leadml.api.serving.drift_window import (
    FEWEST,
    MOST_ACTIVITIES,
    DriftWindow,
    Sample,
    Scored,
    drift_of,
)
from leadml.evaluation.stability import stability
from leadml.model.reference import Reference, Spread
from leadml.workflows.score import Scorer

REFERENCE = Reference(
    features=(
        Spread(counts=(40, 40), cuts=(1000.0,), missing=20),
        Spread(counts=(60, 30), unlisted=10),
        Spread(counts=(50, 50), cuts=(2.0,)),
    ),
    scores=Spread(counts=(50, 50), cuts=(-1.0,)),
    won=30,
    lost=70,
    auc=0.7,
)


@pytest.fixture
def scorer(tmp_path: Path, make_version: Any) -> Scorer:
    return Scorer.load(make_version(tmp_path / "models", reference=REFERENCE))


def lead(number: int, **fields: object) -> Scored:
    return Scored({"lead_id": number} | fields, [], None, "2026-03-01T00:00:00+00:00")


def test_leads_are_counted_as_the_reference_counts_them(scorer: Scorer) -> None:
    window = DriftWindow(scorer)
    window.count([lead(1, budget=500, source="Ads"), lead(2, budget=1000, source="Fair")])
    window.count([lead(3, source="Web"), lead(4, budget="a lot", source="Web")])
    # budget: 500 and 1000 lie up to the cut; one is missing; the lead whose budget cannot be read
    # is missing too. source: Ads, Web twice, Fair in no bin. page views: four times none.
    # Scores: three, the fourth lead has none.
    assert window.leads == 3
    counts = window.counts()
    assert counts[:4] == [2, 0, 2, 0]
    assert counts[4:8] == [1, 2, 0, 1]
    assert counts[8:12] == [4, 0, 0, 0]
    assert sum(counts[12:14]) == 3


def test_drift_is_told_of_the_counts_of_all_workers(scorer: Scorer) -> None:
    one, other = DriftWindow(scorer), DriftWindow(scorer)
    one.count([lead(n, budget=500, source="Ads") for n in range(150)])
    other.count([lead(n, budget=5000, source="Web") for n in range(50)])
    assert one.leads == 150 < FEWEST
    assert drift_of(scorer, [one.counts()]) is None
    found = drift_of(scorer, [one.counts(), other.counts(), []])
    assert found is not None
    assert found.leads == 200
    budget = stability([40, 40], [150, 50], apart=((0, 20), (0, 0)))
    source = stability([60, 30], [150, 50], apart=((10, 0), (0, 0)), ordered=False)
    assert found.features["budget"] == budget
    assert found.features["source"] == source
    # page views: none of 200 above the cut, half of them in training
    assert found.features["page_view, 7 days"].psi > 1
    # scores: -1 + 0 + .5 of 150 and -1 + 1 - .5 of 50, all -0.5 and above the cut of -1
    assert found.scores == stability([50, 50], [0, 200])


def test_the_window_forgets_the_oldest(scorer: Scorer) -> None:
    window = DriftWindow(scorer, size=40)
    for number in range(20):
        window.count([lead(number, budget=500)] * 3)
    window.count([lead(1, budget=5000)] * 3)
    assert 40 <= window.leads <= 45
    for number in range(16):
        window.count([lead(number, budget=5000)] * 3)
    assert window.counts()[:4] == [0, window.leads, 0, 0]


def test_a_version_without_a_reference_has_no_drift(tmp_path: Path, make_version: Any) -> None:
    old = Scorer.load(make_version(tmp_path / "models"))
    window = DriftWindow(old)
    window.count([lead(1)])
    assert window.counts() == []
    assert drift_of(old, [[1, 2, 3]]) is None


def test_counts_of_another_reference_are_left_out(scorer: Scorer) -> None:
    window = DriftWindow(scorer)
    window.count([lead(n) for n in range(FEWEST)])
    found = drift_of(scorer, [window.counts(), [10_000] * 3])
    assert found is not None
    assert found.leads == FEWEST


class TestSample:
    def test_every_lead_has_the_same_chance(self) -> None:
        kept: Counter[Any] = Counter()
        for _ in range(2000):
            sample = Sample(lambda scored: scored, room=5)
            for number in range(20):
                sample.take(lead(number))
            kept.update(one.lead["lead_id"] for one in sample.empty())
        # each is kept in 5 of 20 draws: 500 of 2,000, standard deviation 19
        assert sum(kept.values()) == 10_000
        assert all(abs(count - 500) < 100 for count in kept.values())

    def test_activities_that_wait_are_bounded(self) -> None:
        sample = Sample(lambda scored: scored, room=5)
        heavy = Scored({}, [{}] * (MOST_ACTIVITIES // 2), [{}], None)
        for _ in range(5):
            sample.take(heavy)
        sample.take(lead(1))
        assert [one.size for one in sample.empty()] == [MOST_ACTIVITIES // 2 + 1, 0]
        sample.take(heavy)
        assert len(sample.empty()) == 1

    def test_no_more_is_held_than_asked_for(self) -> None:
        sample = Sample(lambda one: None if one.as_of is None else one._replace(lead={}), room=2)
        for scored in (Scored({"x": 1}, [], None, None), lead(1), lead(2), lead(3)):
            sample.take(scored)
        assert [one.lead for one in sample.empty()] == [{}, {}]


def test_the_fixture_is_as_the_tests_say(scorer: Scorer) -> None:
    x = np.array([[500.0, 0.0, 0.0], [5000.0, 1.0, 0.0]])
    assert scorer.bundle.machine.log_odds(x).tolist() == [-0.5, -0.5]
