"""The champion that serves can be exchanged while requests run."""

import logging
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import treelite
from sklearn.ensemble import HistGradientBoostingClassifier

from leadml.api.serving.champion import Champion, Loading
from leadml.model.scorecard import Machine, Scorecard
from leadml.model.trees import Trees


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


def test_what_came_of_loading(tmp_path: Path, make_version: Any) -> None:
    make_version(tmp_path, "1")
    failures: list[int] = []
    champion = Champion(tmp_path, failed=lambda: failures.append(1))
    assert champion.load() == Loading("1", None, "", changed=True)
    first = champion.scorer
    assert champion.load() == Loading("1", "1", "", changed=False)
    assert champion.scorer is first  # the same model is not exchanged for itself
    make_version(tmp_path, "2")
    assert champion.load() == Loading("2", "1", "", changed=True)
    (tmp_path / "versions" / "2" / "model.json").write_text("{}")
    assert champion.refused == ""
    done = champion.load()
    assert (done.version, done.previous, done.changed) == ("2", "2", False)
    assert "model.json was changed since the bundle was sealed" in done.problem
    assert champion.refused == done.problem
    assert champion.notice.startswith(f"{tmp_path.name}/versions/2/model.json was changed")
    assert failures == [1]


def test_a_version_made_anew_under_the_same_number_is_taken_up(
    tmp_path: Path, make_version: Any
) -> None:
    champion = Champion(tmp_path)
    folder = make_version(tmp_path, "1")
    champion.load()
    shutil.rmtree(folder)
    make_version(tmp_path, "1", Machine(cards=((1.0, Scorecard(2.0)),), center=(0.0, 0.0, 0.0)))
    assert champion.load() == Loading("1", "1", "", changed=True)
    assert champion.scorer is not None
    assert champion.scorer.bundle.machine.cards[0][1].constant == 2.0


def test_a_version_that_cannot_score_is_refused(tmp_path: Path, make_version: Any) -> None:
    make_version(tmp_path, "1")
    champion = Champion(tmp_path)
    champion.load()
    make_version(tmp_path, "2", Machine(cards=((1.0, Scorecard(2.0)),)))  # without a centre
    champion.load()
    assert champion.scorer is not None
    assert champion.scorer.version == "1"
    assert "the version cannot serve: ValueError on a trial lead" in champion.refused


def test_the_log_tells_each_change_once(
    tmp_path: Path, make_version: Any, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "leadml.api")
    champion = Champion(tmp_path)
    make_version(tmp_path, "1")
    champion.load()
    manifest = make_version(tmp_path, "2") / "manifest.json"
    whole = manifest.read_bytes()
    manifest.unlink()
    for _ in range(3):
        champion.load()
    manifest.write_bytes(whole)
    for _ in range(2):
        champion.load()
    manifest.unlink()
    champion.load()
    manifest.write_bytes(whole)
    champion.load()
    told = [record.getMessage().partition(": /")[0] for record in caplog.records]
    assert told == [
        "version 1 serves",
        "version 1 goes on serving, the champion is refused",
        "version 2 serves instead of 1",
        "version 2 goes on serving, the champion is refused",
        "the champion is sound again: version 2 serves",
    ]


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
    assert "_forest" in vars(trees)  # cached: no request pays for it
