"""Work in a process of its own: what it gives back, and what becomes of failures."""

from pathlib import Path

import pytest

from leadml.errors import ApartError
from leadml.workflows.apart import EVALUATION, apart, child_environment
from leadml.workflows.evaluate import FOLDER


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "leadml.toml"
    path.write_text("")
    return path


def test_what_is_refused_is_told_in_the_words_of_the_refusal(config: Path) -> None:
    with pytest.raises(ApartError, match=r"^no model in .*: train one with `leadml train LEADS`$"):
        apart("promote", config, seconds=60, version="3")


def test_a_configuration_is_read_anew(config: Path) -> None:
    config.write_text("[leads")
    with pytest.raises(ApartError, match=r"leadml\.toml is not valid TOML"):
        apart("promote", config, seconds=60, version="3")


def test_a_crash_is_told_by_its_kind_and_never_by_what_it_read(config: Path) -> None:
    written = config.parent / EVALUATION
    written.parent.mkdir()
    written.write_text('{"jane": ')
    expected = r"^making the evaluation failed \(json\.decoder\.JSONDecodeError, exit code 1\)$"
    with pytest.raises(ApartError, match=expected):
        apart("evaluation", config, seconds=60, navigation="")


def test_what_takes_too_long_is_given_up(config: Path) -> None:
    with pytest.raises(ApartError, match=r"^this took longer than 0\.01 seconds and was given up$"):
        apart("promote", config, seconds=0.01, version="3")


def test_the_evaluation_is_where_it_is_written_to() -> None:
    assert str(EVALUATION) == f"{FOLDER}/evaluation.json"


def test_a_child_gets_to_know_no_key_and_no_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    secret = {
        "LEADML_API_KEYS",
        "LEADML_ADMIN_KEYS",
        "LEADML_HUBSPOT_SECRET",
        "LEADML_HUBSPOT_SECRET_FILE",
        "LEADML_WEBHOOK_SECRET_CRM",
        "LEADML_TRYTON_PASSWORD",
    }
    for name in secret:
        monkeypatch.setenv(name, "a")
    monkeypatch.setenv("LANG", "C.UTF-8")
    kept = child_environment()
    assert not secret & kept.keys()
    assert (kept["LANG"], kept["OMP_NUM_THREADS"]) == ("C.UTF-8", "1")
