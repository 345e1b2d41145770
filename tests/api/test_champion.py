"""The champion that serves can be exchanged while requests run."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from leadml.api.champion import Champion
from leadml.model.scorecard import Machine


def test_loading_again_takes_the_version_named_now(tmp_path: Any, make_version: Any) -> None:
    champion = Champion(tmp_path)
    assert (champion.scorer, champion.problem) == (None, "no model was loaded yet")
    champion.load()
    assert champion.scorer is None
    assert "no model in" in champion.problem
    make_version(tmp_path, "1")
    champion.load()
    assert champion.problem == ""
    assert champion.scorer is not None
    first = champion.scorer
    assert first.version == "1"
    make_version(tmp_path, "2")
    champion.load()
    assert champion.scorer.version == "2"
    assert first.version == "1"


def test_a_version_that_cannot_be_read_does_not_unseat_the_one_that_serves(
    tmp_path: Any, make_version: Any
) -> None:
    make_version(tmp_path, "1")
    champion = Champion(tmp_path)
    champion.load()
    (make_version(tmp_path, "2") / "manifest.json").unlink()
    champion.load()
    assert champion.scorer is not None
    assert champion.scorer.version == "1"
    assert "manifest.json is missing" in champion.problem


def test_a_champion_has_scored_before_it_serves(
    tmp_path: Path, make_version: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_version(tmp_path, "1")
    seen = []
    score = Machine.log_odds

    def watched(machine: Machine, x: Any) -> Any:
        seen.append(x)
        return score(machine, x)

    monkeypatch.setattr(Machine, "log_odds", watched)
    Champion(tmp_path).load()
    (row,) = seen
    assert row.shape == (1, 3)
    assert np.isnan(row).all()
