"""`leadml doctor`: a line for each check, and the exit code of the worst."""

import json
from pathlib import Path

from click.testing import CliRunner

from leadml.cli.main import main


def test_a_folder_without_a_model(tmp_path: Path) -> None:
    (tmp_path / "leadml.toml").write_text('[leads]\ntimezone = "Europe/Berlin"\n')
    words = ["doctor", "--config", str(tmp_path / "leadml.toml")]
    done = CliRunner().invoke(main, words)
    assert done.exit_code == 1
    assert "problem champion       no model in" in done.stdout
    assert "[DOC005]" in done.stdout
    assert done.stdout.endswith("1 problem, 1 warning.\n")
    told = json.loads(CliRunner().invoke(main, [*words, "--json"]).stdout)
    assert (told["problems"], told["warnings"]) == (1, 1)
    assert {tuple(check) for check in told["checks"]} == {
        ("name", "status", "found", "advice", "code")
    }
