"""What `leadml report` prints."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from leadml.cli.main import main
from leadml.domain.event import Event
from leadml.store.ledger import Ledger

TOML = "[sales_ready]\nhorizon_days = 30\nfollow_up_days = 7\n[targets]\nhandoffs = 20\n"
START = datetime(2026, 1, 5, 9, tzinfo=UTC)


def lead(number: int) -> list[Event]:
    """Return one hand-off a day: every seventh rejected, every third of the others won."""
    at, name = START + timedelta(days=number), f"L{number:02d}"
    told = {"source": ("web", "fair [2026]")[number % 2], "account_size": "40"}
    handed = Event(
        event="handed_off", lead=name, happened_at=at, owner="Kim", detail={"attributes": told}
    )
    if number % 7 == 0:
        later, why = at + timedelta(hours=5), {"reason": "wrong_person", "right_person": "Ms Right"}
        return [handed, Event(event="rejected", lead=name, happened_at=later, detail=why)]
    ended = "lost" if number % 3 else "won"
    return [
        handed,
        Event(event="followed_up", lead=name, happened_at=at + timedelta(hours=number)),
        Event(event=ended, lead=name, happened_at=at + timedelta(days=10)),
    ]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "leadml.toml").write_text(TOML)
    with Ledger.open(f"sqlite:///{tmp_path / 'leadml.db'}") as ledger:
        ledger.record([event for number in range(60) for event in lead(number)])
    return tmp_path


def call(folder: Path, *arguments: str) -> Result:
    config = ["--config", str(folder / "leadml.toml")]
    return CliRunner().invoke(main, ["report", *arguments, *config], env={"COLUMNS": "120"})


def test_a_person_reads_verdict_funnel_slices_and_advice(folder: Path) -> None:
    done = call(folder)
    assert done.exit_code == 0, done.output
    lines = done.stdout.splitlines()
    assert lines[0].startswith("Not enough evidence yet on whether hand-offs meet the agreed")
    titles = ("funnel", "by source", "by owner", "by account size", "by month", "targets")
    assert [line for line in lines if line in {*titles, "rejected by sales"}] == [
        "funnel",
        "by source",
        "by owner",
        "by account size",
        "by month",
        "rejected by sales",
        "targets",
    ]
    # the last was closed on 15 March: those up to 13 February have matured, 40 of the 60
    (funnel,) = [line.split() for line in lines if line.startswith("handed off ")]
    assert funnel[2:] == ["40", "–", "–", "60"]
    assert "fair [2026]" in done.stdout  # square brackets are no markup
    assert "qualified not known: the ledger has no qualified_at of any lead" in done.stdout
    assert "Never followed up: 9 of 60 hand-offs whose follow-up was due (15.0" in done.stdout
    assert "Sales rejected 9 of 60 hand-offs (15 %): wrong person 9." in lines
    assert "No cut is recommended: no served probability is recorded" in done.stdout
    assert "valid for one look" in done.stdout
    assert lines[-1] == f"page: {folder / 'report' / 'report.html'}"


def test_json_is_what_the_file_holds(folder: Path) -> None:
    done = call(folder, "--json", "--since", "2026-01-10", "--until", "2026-02-01")
    values = json.loads(done.stdout)
    assert values == json.loads((folder / "report" / "report.json").read_text("utf-8"))
    assert values["verdict"] is None
    assert values["handed_off"] == 22
    assert values["from"] == "ledger"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--since", "soon"), "--since: "),
        (("--since", "2026-02-01", "--until", "2026-01-01"), "does not lie before --until"),
        (("nowhere.csv",), "[leads].handed_off_at is not set"),
    ],
)
def test_refusals_are_one_line(folder: Path, arguments: tuple[str, ...], said: str) -> None:
    done = call(folder, *arguments)
    assert done.exit_code == 1
    (line,) = done.stderr.splitlines()
    assert line.startswith("leadml: ")
    assert said in line


def test_without_a_ledger_it_says_what_to_do(folder: Path) -> None:
    (folder / "leadml.toml").write_text(TOML + '[store]\nurl = "sqlite:///other.db"\n')
    done = call(folder)
    assert done.exit_code == 1
    assert "there is no ledger in" in done.stderr
    assert "`leadml ledger import EXPORT`" in done.stderr
    assert not (folder / "other.db").exists()


def test_an_empty_ledger_says_what_to_do(folder: Path) -> None:
    (folder / "leadml.toml").write_text(TOML + '[store]\nurl = "sqlite:///empty.db"\n')
    Ledger.open(f"sqlite:///{folder / 'empty.db'}").close()
    done = call(folder)
    assert done.exit_code == 1
    assert "holds no lead yet" in done.stderr
    assert "`leadml report EXPORT`" in done.stderr
