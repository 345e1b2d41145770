"""What `leadml crm tryton sync` prints: the rest is tested with the CRM itself."""

import io
import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from click.testing import CliRunner
from rich.console import Console

from leadml.cli.crm import _show
from leadml.cli.main import main
from leadml.workflows.crm.synced import Synced


@pytest.fixture
def done() -> Synced:
    return Synced(
        crm="tryton",
        of="https://tryton.example.com/crm",
        version="3",
        since=datetime(2026, 3, 2, 9, tzinfo=UTC),
        resumed=False,
        dry_run=False,
        read=1_208,
        closed=3,
        unchanged=1_200,
        scored=5,
        written=2,
        moved=1,
        refused=2,
    )


@pytest.fixture
def shown(done: Synced) -> Callable[[], list[str]]:
    def show() -> list[str]:
        out = io.StringIO()
        _show(done, Console(file=out, width=100))
        return [line.rstrip() for line in out.getvalue().splitlines()]

    return show


def test_every_lead_read_is_accounted_for(done: Synced, shown: Callable[[], list[str]]) -> None:
    done.by_event |= {"won": 2, "lost": 1}
    done.fail("17", "CRM002", "You are not [bold]allowed[/bold].")
    done.fail("19", "CRM001", "size: expected a number, found 'very'")
    assert shown() == [
        "https://tryton.example.com/crm: leads changed since 2026-03-02T09:00:00+00:00; version 3",
        "leads",
        "read                            1,208",
        "closed, or no longer scored         3",
        "unchanged since their score     1,200",
        "scored                              5",
        "  written                           2",
        "  changed meanwhile, next time      1",
        "  refused by the CRM                2",
        "Events added: won 2, lost 1.",
        "Not in order: 2",
        "lead  code    what is wrong",
        "17    CRM002  You are not [bold]allowed[/bold].",
        "19    CRM001  size: expected a number, found 'very'",
    ]


def test_a_dry_run_that_goes_on_says_so(done: Synced, shown: Callable[[], list[str]]) -> None:
    done.since, done.resumed, done.dry_run = None, True, True
    lines = shown()
    assert lines[0].endswith("/crm: all leads, from where the last sync was stopped; version 3")
    assert lines[1] == "A dry run: nothing was written."
    assert lines[-1] == "Events to add: none."


def test_many_problems_are_cut(done: Synced, shown: Callable[[], list[str]]) -> None:
    for number in range(1_005):
        done.fail(str(number), "CRM002", "no")
    assert shown()[-2:] == ["19    CRM002  no", "and 985 more"]
    assert (done.failed, len(done.problems)) == (1_005, 1_000)


def test_the_json_holds_what_the_table_shows(done: Synced) -> None:
    done.by_event |= {"won": 2, "lost": 1}
    done.fail("17", "CRM002", "no")
    found = json.loads(json.dumps(done.to_dict()))
    assert found["since"] == "2026-03-02T09:00:00+00:00"
    assert (found["read"], found["outcomes"], found["failed"]) == (1_208, 3, 1)
    assert found["problems"] == [{"lead": "17", "code": "CRM002", "problem": "no"}]


@pytest.mark.parametrize("words", [["crm"], ["crm", "tryton"]])
def test_a_group_alone_shows_its_help(words: list[str]) -> None:
    assert "leadml crm tryton sync" in CliRunner().invoke(main, words).output


def test_without_its_section_it_refuses_on_one_line(tmp_path: Path) -> None:
    config = tmp_path / "leadml.toml"
    config.write_text("[leads]\nid = 'id'\n")
    done = CliRunner().invoke(main, ["crm", "tryton", "sync", "--config", str(config)])
    assert done.exit_code == 1
    assert done.stderr == (
        f"leadml: {config} has no [crm.tryton]: say where Tryton is and which field holds what\n"
    )
