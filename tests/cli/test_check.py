import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from leadml.cli.main import main

LEADS = "id,stage,note\nA,Won,[x]\nB,Lost,\n"


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("leadml.toml").write_text('[leads]\nid = "id"\noutcome = "stage"\nwon = ["Won"]\n')
    Path("leads.csv").write_text(LEADS)


def check(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["check", "leads.csv", *arguments], catch_exceptions=False)


def test_warnings_are_listed_and_do_not_stop() -> None:
    result = check()
    assert result.exit_code == 0
    assert "leads.csv: 2 leads, 3 columns" in result.stdout
    assert "DATA024" in result.stdout
    assert "No errors: the export can be used as it is." in result.stdout
    assert result.stderr == ""


def test_errors_exit_with_one_and_name_examples_as_they_are() -> None:
    Path("leads.csv").write_text(LEADS + "[b]A[/b],Won,x\n[b]A[/b],Won,y\n")
    result = check()
    assert result.exit_code == 1
    assert "[b]A[/b]: line 4, line 5" in " ".join(result.stdout.split())
    assert "1 error: correct the export, then check again." in result.stdout


def test_nothing_found() -> None:
    rows = [f"W{n},Won,{n % 3}\nL{n},Lost,{n % 5}\n" for n in range(20)]
    Path("leads.csv").write_text("id,stage,note\n" + "".join(rows))
    Path("touches.csv").write_text("lead_id,timestamp,event,url\nW1,2024-01-01T00Z,call,/x\n")
    result = check("--activities", "touches.csv")
    assert "leads.csv: 40 leads, 3 columns, 1 usable activities" in result.stdout
    assert "Nothing found: the export is ready." in result.stdout


def test_json_is_one_object_with_the_promised_keys() -> None:
    result = check("--json", "--as-of", "2024-01-01")
    answer = json.loads(result.stdout)
    assert answer["rows"] == 2
    assert set(answer["findings"][0]) == {
        "code",
        "severity",
        "column",
        "count",
        "message",
        "examples",
    }


def test_help_has_examples() -> None:
    help_text = check("--help").stdout
    assert "Examples:" in help_text
    assert "leadml check leads.csv --activities" in help_text
