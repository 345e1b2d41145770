"""The champion that serves can be exchanged while requests run."""

from typing import Any

from leadml.api.champion import Champion


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
