"""`leadml points fit` as it is typed."""

import json
from pathlib import Path

from click.testing import CliRunner, Result

from leadml.cli.main import main


def typed(folder: Path, output: Path, *words: str) -> Result:
    arguments = ["points", "fit", str(folder / "leads.csv"), "-o", str(output), "--no-model"]
    arguments += ["--activities", str(folder / "activities.csv")]
    arguments += ["--config", str(folder / "leadml.toml")]
    return CliRunner().invoke(main, [*arguments, *words])


def test_the_verdict_comes_first(points_folder: Path, tmp_path: Path) -> None:
    shown = typed(points_folder, tmp_path / "new.toml", "--by", "stage_of_buying")
    assert shown.exit_code == 0, shown.output
    lines = shown.stdout.splitlines()
    assert lines[0].startswith("The new table ranks better than today's table: on ")
    assert any(line.startswith("Threshold: ") for line in lines)
    assert any(line.startswith("Stage early: ") for line in lines)
    industry = next(line for line in lines if line.startswith("target industry"))
    assert industry.split()[2] == "60"
    assert industry.rstrip().endswith("too high")
    assert any(line.startswith("today's table  0.") for line in lines)
    assert f"written: {tmp_path / 'new-late.toml'}" in lines


def test_json_is_the_whole_answer(points_folder: Path, tmp_path: Path) -> None:
    shown = typed(points_folder, tmp_path / "new.toml", "--json")
    values = json.loads(shown.stdout)
    assert {"leads", "won", "unit", "rules", "threshold", "comparison", "findings"} <= set(values)
    assert values["output"] == str(tmp_path / "new.toml")


def test_a_file_that_is_there_is_kept(points_folder: Path, tmp_path: Path) -> None:
    (tmp_path / "new.toml").write_text("mine")
    shown = typed(points_folder, tmp_path / "new.toml")
    assert shown.exit_code == 1
    assert "is there already" in shown.stderr
