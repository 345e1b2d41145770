"""What is held of leads that wait."""

from pathlib import Path
from typing import Any

import pytest

from leadml.api.serving.lean import MOST_TEXT, lean
from leadml.workflows.score import Scorer


@pytest.fixture
def scorer(tmp_path: Path, make_version: Any) -> Scorer:
    return Scorer.load(make_version(tmp_path / "models"))


def test_nothing_that_the_version_does_not_read(scorer: Scorer) -> None:
    lead = {"lead_id": "1", "budget": 5, "x": [{"a": 1}] * 1000}
    touch = {"timestamp": "2026-03-01", "event": "page_view", "url": "/", "x": {"a": [1]}}
    told = lean(scorer, lead, [touch], [touch | {"lead_id": "2"}])
    assert told is not None
    assert told.lead == {"lead_id": "1", "budget": 5}
    read = {"timestamp": "2026-03-01", "event": "page_view", "url": "/"}
    assert told.activities == [read]
    assert told.account_activities == [read | {"lead_id": "2"}]


def test_unknown_activities_stay_unknown(scorer: Scorer) -> None:
    assert lean(scorer, {}, None, []) == ({}, None, [])


def test_the_score_is_the_same(scorer: Scorer) -> None:
    lead = {"lead_id": "1", "budget": 5000, "source": "Ads", "x": [1]}
    touch = {"timestamp": "2026-03-01", "event": "page_view", "y": 1}
    told = lean(scorer, lead, [touch], None)
    assert told is not None
    (whole,) = scorer.score_records([lead], activities=[[touch]])
    (held,) = scorer.score_records([told.lead], activities=[told.activities])
    assert (held.probability, held.points) == (whole.probability, whole.points)


@pytest.mark.parametrize(("more", "is_held"), [(0, True), (1, False)])
def test_texts_beyond_measure_are_not_held(scorer: Scorer, more: int, *, is_held: bool) -> None:
    half = MOST_TEXT // 2
    touch = {"event": "e" * (half + more)}
    told = lean(scorer, {"source": "s" * half}, [touch], None)
    assert (told is not None) == is_held
