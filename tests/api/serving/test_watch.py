"""The versions that are named are watched, whatever happens to the files that name them."""

import json
import os
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from leadml.api.serving.watch import SETTLED_SECONDS, Watch
from leadml.model.bundle import ALIASES, write_alias


@pytest.fixture
def acts() -> list[float]:
    return []


def watch_of(models: Path, acts: list[float]) -> Watch:
    watch = Watch(models, lambda: acts.append(1))
    watch._settled = False  # nothing that a test made is old enough to count as settled
    return watch


def test_nothing_is_done_about_nothing(
    tmp_path: Path, acts: list[float], make_version: Any
) -> None:
    make_version(tmp_path, "1")
    watch = watch_of(tmp_path, acts)
    assert [watch.look() for _ in range(3)] == [False] * 3
    assert acts == []


def test_a_models_folder_that_comes_later(
    tmp_path: Path, acts: list[float], make_version: Any
) -> None:
    models = tmp_path / "models"
    watch = Watch(models, lambda: acts.append(1))
    assert not watch.look()
    make_version(models, "1")
    assert watch.look()
    assert not watch.look()


def test_every_kind_of_change_is_seen_once(
    tmp_path: Path, acts: list[float], make_version: Any
) -> None:
    make_version(tmp_path, "1")
    folder = make_version(tmp_path, "2")
    names = tmp_path / ALIASES
    watch = watch_of(tmp_path, acts)
    whole = names.read_text()
    stamp = names.stat()

    def again(change: Any) -> bool:
        change()
        return watch.look() and not watch.look()

    assert again(lambda: write_alias(tmp_path, "champion", "1"))  # replaced in one step
    assert again(lambda: names.write_text(whole[:20]))  # half written
    assert again(lambda: names.write_text(whole))
    assert again(names.unlink)
    assert again(lambda: names.write_text(whole))
    other = whole.replace('"2"', '"1"')  # as long as before
    assert again(lambda: names.write_text(other))
    os.utime(names, ns=(stamp.st_atime_ns, stamp.st_mtime_ns))
    assert again(lambda: names.write_text(whole))
    os.utime(names, ns=(stamp.st_atime_ns, stamp.st_mtime_ns))
    manifest = folder / "manifest.json"
    content = manifest.read_text()
    assert again(lambda: manifest.write_text(content[:-1]))
    assert again(lambda: manifest.write_text(content))
    assert again((folder / "value.json").unlink)


def test_a_version_that_nobody_names_is_not_watched(
    tmp_path: Path, acts: list[float], make_version: Any
) -> None:
    make_version(tmp_path, "1")
    make_version(tmp_path, "2")
    watch = watch_of(tmp_path, acts)
    (tmp_path / "versions" / "1" / "model.json").write_text("{}")
    assert not watch.look()


def test_a_challenger_is_watched_too(tmp_path: Path, acts: list[float], make_version: Any) -> None:
    make_version(tmp_path, "1")
    make_version(tmp_path, "2")
    write_alias(tmp_path, "challenger", "1")
    watch = watch_of(tmp_path, acts)
    (tmp_path / "versions" / "1" / "model.json").write_text("{}")
    assert watch.look()


def test_what_changed_a_moment_ago_is_looked_at_again_when_it_has_settled(
    tmp_path: Path, acts: list[float], make_version: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_version(tmp_path, "1")
    watch = Watch(tmp_path, lambda: acts.append(1))
    assert not watch.look()
    later = time.time() + SETTLED_SECONDS + 1
    monkeypatch.setattr("leadml.api.serving.watch.time.time", lambda: later)
    assert [watch.look(), watch.look()] == [True, False]  # a change behind the same time is found
    # the clock jumps back
    monkeypatch.setattr("leadml.api.serving.watch.time.time", lambda: later - 3600)
    assert not watch.look()


def test_a_pipe_in_place_of_the_names_is_not_waited_for(
    tmp_path: Path, acts: list[float], make_version: Any
) -> None:
    make_version(tmp_path, "1")
    watch = watch_of(tmp_path, acts)
    (tmp_path / ALIASES).unlink()
    os.mkfifo(tmp_path / ALIASES)
    assert watch.look()


def test_names_of_something_else_are_no_versions(
    tmp_path: Path, acts: list[float], make_version: Any
) -> None:
    make_version(tmp_path, "1")
    watch = watch_of(tmp_path, acts)
    for names in ({"champion": {"version": "9", "bundle": "versions/9"}}, [], {"champion": 1}):
        (tmp_path / ALIASES).write_text(json.dumps(names))
        assert watch.look()


def test_a_fault_of_one_look_does_not_end_the_watch(
    tmp_path: Path, make_version: Any, caplog: pytest.LogCaptureFixture
) -> None:
    acted, faults = threading.Event(), [OSError("disk"), None]

    def act() -> None:
        fault = faults.pop(0)
        if fault:
            raise fault
        acted.set()

    watch = Watch(tmp_path, act, seconds=0.01)
    watch.start()
    try:
        make_version(tmp_path, "1")
        deadline = time.monotonic() + 20
        while len(faults) == 2 and time.monotonic() < deadline:
            acted.wait(0.01)
        make_version(tmp_path, "2")
        assert acted.wait(20)
    finally:
        watch.close()
    assert "looking for another champion failed: OSError" in caplog.text
