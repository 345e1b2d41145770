"""`leadml init` as people type it."""

import json
import os
import pty
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
from click.testing import CliRunner, Result

from leadml.cli.main import main
from leadml.settings import load_settings


def run(*arguments: object) -> Result:
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


@pytest.fixture
def export(tmp_path: Path) -> Path:
    rows = {
        "Record ID": range(40),
        "Deal Name": [f"Deal {i}" for i in range(40)],
        "Deal Stage": ["Closed Won", "Closed Lost"] * 20,
        "Create Date": ["2026-01-31"] * 40,
    }
    pd.DataFrame(rows).to_csv(tmp_path / "deals.csv", index=False)
    return tmp_path / "deals.csv"


def test_the_guesses_are_told_with_their_grounds(export: Path, tmp_path: Path) -> None:
    done = run("init", export, "-o", tmp_path / "agreed.toml")
    assert done.exit_code == 0, done.stderr
    lines = done.stdout.splitlines()
    assert lines[0] == "The export looks like one of HubSpot deals."
    assert "id = Record ID: header as in HubSpot deals; 40 values, all different" in lines
    assert "won = Closed Won: read as won" in lines
    assert "timezone is yours to say: times without a zone are read in this one" in lines
    assert "horizon: not guessed; the default, for the export lacks outcomes, starts or closes" in (
        lines
    )
    assert lines[-1] == f"Written to {tmp_path / 'agreed.toml'}: read it before anyone signs it."


def test_json_is_all_that_stands_on_stdout(export: Path, tmp_path: Path) -> None:
    done = run("init", export, "-o", tmp_path / "agreed.toml", "--json")
    assert json.loads(done.stdout)["preset"] == "HubSpot deals"
    assert done.stderr == ""


def test_a_file_that_is_there_is_not_written_over(export: Path, tmp_path: Path) -> None:
    place = tmp_path / "agreed.toml"
    place.write_text("mine")
    refused = run("init", export, "-o", place)
    assert (refused.exit_code, refused.stdout) == (1, "")
    assert refused.stderr.startswith(f"leadml: {place} is there already: use --force")
    assert place.read_text() == "mine"
    forced = run("init", export, "-o", place, "--force")
    assert forced.exit_code == 0, forced.stderr
    assert place.read_text() != "mine"


@pytest.mark.parametrize(("answer", "margin"), [("0.2\n", 0.2), ("\n", 0.0), ("7\n0.1\n", 0.1)])
def test_on_a_terminal_it_asks_for_the_margin(
    answer: str, margin: float, export: Path, tmp_path: Path
) -> None:
    terminal, stdin = pty.openpty()
    os.write(terminal, answer.encode())
    arguments = [sys.executable, "-m", "leadml", "init", str(export), "-o", "agreed.toml"]
    done = subprocess.run(
        arguments, cwd=tmp_path, stdin=stdin, capture_output=True, text=True, check=False
    )
    os.close(stdin)
    os.close(terminal)
    assert done.returncode == 0, done.stderr
    assert "Smallest margin of a solid win, as a fraction of the amount (0: not ch" in done.stderr
    settings = load_settings(tmp_path / "agreed.toml")
    assert settings.definition.agreement.min_margin == margin
    assert "QUESTION" not in (tmp_path / "agreed.toml").read_text()
