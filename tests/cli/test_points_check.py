"""`leadml points check` as it is typed."""

import json
from pathlib import Path

from click.testing import CliRunner

from leadml.cli.main import main


def typed(folder: Path, *words: str) -> object:
    arguments = ["points", "check", str(folder / "leads.csv")]
    arguments += ["--config", str(folder / "leadml.toml")]
    return CliRunner().invoke(main, [*arguments, *words])


def test_the_table_says_first_what_matters(points_folder: Path) -> None:
    shown = typed(points_folder, "--activities", str(points_folder / "activities.csv"))
    assert shown.exit_code == 0, shown.output
    lines = shown.stdout.splitlines()
    assert lines[0].startswith("Of 7 rules, 1 gives more points than the data support")
    assert "matured leads" in lines[1]
    wrong = next(line for line in lines if line.startswith("free mail"))
    assert wrong.split()[2] == "15"
    assert wrong.rstrip().endswith("wrong sign")
    assert "association, not a cause" in shown.stdout
    assert "POINT005" in shown.stderr


def test_json_is_the_whole_answer(points_folder: Path) -> None:
    shown = typed(points_folder, "--json")
    values = json.loads(shown.stdout)
    assert {"leads", "won", "unit", "rules", "findings"} <= set(values)
    assert len(values["rules"]) == 7
    assert {"code", "severity"} <= set(values["findings"][0])


def test_a_refusal_is_one_line(points_folder: Path, tmp_path: Path) -> None:
    text = (points_folder / "leadml.toml").read_text().split("# Agreed")[0]
    (tmp_path / "leadml.toml").write_text(text)
    (tmp_path / "leads.csv").write_bytes((points_folder / "leads.csv").read_bytes())
    shown = typed(tmp_path)
    assert shown.exit_code == 1
    assert shown.stderr.startswith("leadml: no rules to check")
