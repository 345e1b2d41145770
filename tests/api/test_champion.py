"""The champion that serves can be exchanged while requests run."""

from pathlib import Path
from typing import Any

import numpy as np
import treelite
from sklearn.ensemble import HistGradientBoostingClassifier

from leadml.api.champion import Champion
from leadml.model.scorecard import Machine, Trees


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


def test_trees_are_read_before_the_first_request(tmp_path: Path, make_version: Any) -> None:
    x = np.arange(60.0).reshape(20, 3)
    fitted = HistGradientBoostingClassifier(max_iter=2, min_samples_leaf=2).fit(x, x[:, 0] > 25)
    with np.errstate(invalid="ignore"):
        content = treelite.sklearn.import_model(fitted).serialize_bytes()
    machine = Machine(cards=(), trees=((1.0, Trees(content, (0, 1, 2), (0,))),))
    make_version(tmp_path, "1", machine)
    champion = Champion(tmp_path)
    champion.load()
    assert champion.scorer is not None
    ((_, trees),) = champion.scorer.bundle.machine.trees
    assert "_model" in vars(trees)  # cached: no request pays for it
