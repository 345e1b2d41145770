"""`leadml ledger status` and `migrate`, as they are typed."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from leadml.cli.main import main
from leadml.domain.event import Event
from leadml.workflows.ledger import open_ledger

THEN = datetime(2026, 3, 1, 9, tzinfo=UTC)


@pytest.fixture
def config(tmp_path: Path, ledger_url: str) -> Path:
    path = tmp_path / "leadml.toml"
    path.write_text(f'[store]\nurl = "{ledger_url}"\n')
    return path


def run(config: Path, *words: str) -> Result:
    return CliRunner().invoke(main, ["ledger", *words, "--config", str(config)])


def fill(config: Path) -> None:
    with open_ledger(config) as ledger:
        ledger.record([Event(event=k, lead="L1", happened_at=THEN) for k in ("handed_off", "won")])


def test_status_says_what_is_kept(config: Path) -> None:
    fill(config)
    shown = run(config, "status").stdout
    assert "tables of revision 0003" in shown
    assert "handed_off      1" in shown
    assert "all             2" in shown
    assert "1 leads, from 2026-03-01T09:00:00+00:00 to 2026-03-01T09:00:00+00:00" in shown
    told = json.loads(run(config, "status", "--json").stdout)
    assert (told["events"], told["leads"], told["by_kind"]["won"]) == (2, 1, 1)
    assert told["revision"] == "0003"
    assert told["database"].startswith(("sqlite:///", "postgresql+psycopg://postgres:***@"))


def test_status_of_no_ledger_is_one_line(config: Path) -> None:
    done = run(config, "status")
    assert done.exit_code == 1
    assert done.stderr.startswith("leadml: there is no ledger in ")
    assert done.stderr.count("\n") == 1


def test_migrating_down_and_up(config: Path) -> None:
    fill(config)
    down = run(config, "migrate", "--to", "0001").stdout
    assert "down 0002: Erasure" in down
    assert "Revision was 0003, is 0001 (the newest is 0003)." in down
    refused = run(config, "status")
    assert (refused.exit_code, "`leadml ledger migrate`" in refused.stderr) == (1, True)
    up = json.loads(run(config, "migrate", "--json").stdout)
    assert (up["before"], up["after"], len(up["steps"])) == ("0001", "0003", 2)
    assert "Revision is 0003 already." in run(config, "migrate").stdout
    assert json.loads(run(config, "status", "--json").stdout)["events"] == 2


def test_going_down_asks_for_yes(config: Path) -> None:
    fill(config)
    refused = run(config, "migrate", "--to", "base")
    assert refused.exit_code == 1
    assert "loses every event of the ledger (2)" in refused.stderr
    assert run(config, "migrate", "--to", "base", "--yes").exit_code == 0
    assert run(config, "status").exit_code == 1
