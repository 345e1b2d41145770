"""`leadml keys`, as it is typed."""

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from leadml.cli.main import main


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "leadml.toml"
    path.write_text('[leads]\ntimezone = "Europe/Berlin"\n')
    return path


def run(config: Path, *words: str) -> Result:
    return CliRunner().invoke(main, ["keys", *words, "--config", str(config)])


def told(config: Path, *words: str) -> Any:
    done = run(config, *words, "--json")
    assert done.exit_code == 0, done.stderr
    return json.loads(done.stdout)


def test_the_key_is_all_that_is_printed_and_it_is_printed_once(config: Path) -> None:
    done = run(config, "add", "crm", "--scopes", "score,events", "--limit", "50/s")
    key = done.stdout.strip()
    assert key.startswith("leadml_")
    assert " " not in key
    assert "This is shown once" in done.stderr
    assert "crm may: events, score." in done.stderr
    for words in (("list",), ("list", "--json")):
        assert key.rpartition("_")[2] not in run(config, *words).output


def test_the_list_says_who_may_what(config: Path) -> None:
    assert "No keys in" in run(config, "list").stdout
    run(config, "add", "crm", "--scopes", "score, events", "--expires", "2100-07-01")
    run(config, "add", "ada", "--scopes", "read", "--limit", "3000/m")
    run(config, "rotate", "ada", "--overlap", "7d")
    shown = run(config, "list").stdout
    head, crm, ada, note = shown.splitlines()
    assert head.split() == ["name", "id", "may", "limit", "created", "expires", "rotated"]
    assert crm.split()[0] == "crm"
    # 2100-07-01 begins at 22:00 UTC of the day before in Berlin.
    assert crm.split()[2:5] == ["events,", "score", "–"]
    assert crm.split()[-2:] == ["2100-06-30", "–"]
    assert ada.split()[2:4] == ["read", "3000/m"]
    assert note.startswith("ada: the key before works until ")
    listed = told(config, "list")
    assert listed["file"] == str(config.parent / "keys.json")
    assert [key["name"] for key in listed["keys"]] == ["crm", "ada"]
    assert listed["keys"][0]["expires_at"] == "2100-06-30T22:00:00+00:00"


def test_exchanged_it_says_until_when_the_old_one_works(config: Path) -> None:
    before = told(config, "add", "crm", "--scopes", "score")
    after = told(config, "rotate", "crm")
    assert before["key"] != after["key"]
    assert (before["old_key_until"], after["rotated_at"] is None) == (None, False)
    shown = run(config, "rotate", "crm", "--overlap", "0")
    assert "keeps working" not in shown.stderr
    again = run(config, "rotate", "crm", "--overlap", "30m")
    assert "The key before keeps working until " in again.stderr


def test_revoked_it_is_gone(config: Path) -> None:
    told(config, "add", "crm", "--scopes", "score")
    assert told(config, "revoke", "crm")["revoked"]["name"] == "crm"
    assert told(config, "list")["keys"] == []
    told(config, "add", "crm", "--scopes", "score")
    assert run(config, "revoke", "crm").stdout == "Revoked crm.\n"
    done = run(config, "revoke", "crm")
    assert (done.exit_code, done.stderr) == (
        1,
        "leadml: there is no key 'crm'; the keys are: none\n",
    )


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (("add", "crm"), "Missing option '--scopes'"),
        (("add", "crm", "--scopes", "write"), "found 'write'"),
        (("add", "CRM", "--scopes", "score"), "a key's name is"),
        (("add", "crm", "--scopes", "score", "--limit", "50"), "such as 50/s or 3000/m"),
        (("add", "crm", "--scopes", "score", "--expires", "soon"), "--expires: expected"),
        (("rotate", "crm", "--overlap", "1w"), "expected 0, or minutes"),
        (("rotate", "crm", "--overlap", "91d"), "90d at most"),
    ],
)
def test_what_cannot_be_meant_is_a_wrong_usage(
    config: Path, words: tuple[str, ...], why: str
) -> None:
    done = run(config, *words)
    assert done.exit_code == 2
    assert why in done.stderr
    assert not (config.parent / "keys.json").exists()
