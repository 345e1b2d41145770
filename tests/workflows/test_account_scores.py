"""`leadml score --by account`: one row an account, from the very scores of its leads."""

import csv
import json
import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from pyarrow import parquet

from leadml.cli.main import main
from leadml.domain.definition import Definition
from leadml.errors import ConfigError, DataError, RowError
from leadml.model.scorecard import Levels, Machine, Scorecard, Steps
from leadml.model.value import Ranks, Unknown, Value
from leadml.settings import Settings
from leadml.workflows.account_scores import score_accounts
from leadml.workflows.score import load_scorer

Make = Callable[..., Settings]

# log-odds: 0 for a source of Ads, log(1/4) for Web; 1.2 more above a size of 1000
CARD = Scorecard(
    0.0, (Levels(1, (0.0, math.log(0.25), -1.0), -1.0), Steps(0, (1e3,), (0.0, 1.2), 0.0))
)
ACCOUNTS = {
    "basis": "calibrated",
    "line": {"intercept": 0.1, "slope": 0.9, "contacts": -0.2},
    "by_size": [{"size": "2"}],
}
LEADS = """\
id,company,source,size
a,Acme ,Web,10
b,ACME,Ads,10
c,,Ads,10
d,Bolt,Web,10
e,Bolt,Web,huge
f,Crux,Web,huge
b,Acme,Ads,10
"""


@pytest.fixture
def settings(make_model: Make, handmade: Definition) -> Settings:
    leads = replace(handmade.leads, account="company", created_at=None, handed_off_at=None)
    return make_model(
        definition=replace(handmade, leads=leads),
        machine=Machine(((1.0, CARD),), center=(0.0,) * 6),
        value=Value(
            ranks=Ranks((1.0, 9.0), (0.3, 0.7), 1.0),
            basis="mean",
            unknown=Unknown(1.0, 0.5, 2.0),
            mean=1000.0,
        ),
        accounts=ACCOUNTS,
        bands={"A": 0.4, "B": 0.19, "C": 0.1},
    )


@pytest.fixture
def leads(tmp_path: Path) -> Path:
    path = tmp_path / "leads.csv"
    path.write_text(LEADS)
    return path


def test_accounts_worked_by_hand(settings: Settings, leads: Path) -> None:
    done = score_accounts(leads, config=settings)
    acme, alone, bolt, crux = done.rows
    # Acme: .5 and .2 (b counts once): 1 - .5 * .8 = .6; .1 + .9 * log 1.5 - .2 * log 2
    z = 0.1 + 0.9 * math.log(1.5) - 0.2 * math.log(2)
    assert acme["probability"] == pytest.approx(1 / (1 + math.exp(-z)))
    assert (acme["account"], acme["grade"], acme["leads"], acme["errors"]) == ("Acme", "A", 3, 0)
    assert [(p["lead_id"], p["probability"]) for p in acme["people"]] == [
        ("b", pytest.approx(0.5)),
        ("a", pytest.approx(0.2)),
    ]
    assert acme["sales_ready"] is True  # b reaches .5
    assert acme["expected_margin"] == pytest.approx(700.0)
    assert acme["expected_margin_low"] == pytest.approx(350.0)
    assert acme["expected_margin_high"] == pytest.approx(1400.0)
    # a lead without a company stands for itself, with its own probability
    assert (alone["account"], alone["probability"], alone["leads"]) == (None, pytest.approx(0.5), 1)
    # one lead of Bolt could be scored: its own .2, grade B from .19
    assert (bolt["account"], bolt["leads"], bolt["errors"]) == ("Bolt", 2, 1)
    assert bolt["probability"] == pytest.approx(0.2)
    assert (bolt["grade"], bolt["sales_ready"]) == ("B", False)
    # none of Crux could
    assert (crux["account"], crux["errors"], crux["people"], crux["reasons"]) == ("Crux", 1, [], [])
    assert [crux[key] for key in ("probability", "grade", "sales_ready", "expected_margin")] == (
        [None] * 4
    )


def test_the_summary(settings: Settings, leads: Path) -> None:
    done = score_accounts(leads, config=settings)
    assert (done.accounts, done.leads, done.errors, done.without_account) == (4, 7, 2, 1)
    assert done.grades == {"A": 2, "B": 1, "C": 0, "D": 0}
    assert (done.sales_ready, done.basis, done.by_size) == (2, "calibrated", [{"size": "2"}])
    assert done.warnings == ("columns absent, read as missing: seen",) or done.warnings
    told = json.loads(json.dumps(done.to_dict(), allow_nan=False))
    assert told["rows"] == done.rows
    assert told["output"] is None


def test_the_reasons_are_the_strongest_of_its_best_leads(
    settings: Settings, tmp_path: Path
) -> None:
    text = "id,company,source,size\na,Acme,Web,2000\nb,Acme,Ads,2000\nc,Acme,Web,1\nd,Acme,Web,2\n"
    (tmp_path / "four.csv").write_text(text)
    (row,) = score_accounts(tmp_path / "four.csv", config=settings).rows
    answers = load_scorer(config=settings).score_records(
        [
            dict(zip(("id", "company", "source", "size"), line.split(","), strict=True))
            for line in text.splitlines()[1:]
        ]
    )
    own = {answer.lead_id: answer for answer in answers}
    assert [p["lead_id"] for p in row["people"]] == ["b", "a", "c", "d"]
    for person in row["people"]:
        assert person["probability"] == own[person["lead_id"]].probability
    # log(1/4) of a's source is stronger than 1.2 of b's size; each feature once, the best lead's
    assert [(r["lead_id"], r["feature"]) for r in row["reasons"]] == [
        ("a", "source"),
        ("b", "size"),
    ]
    assert {k: v for k, v in row["reasons"][1].items() if k != "lead_id"} in own["b"].reasons


@pytest.mark.parametrize("suffix", [".csv", ".parquet", ".jsonl"])
def test_files_hold_the_rows(settings: Settings, leads: Path, tmp_path: Path, suffix: str) -> None:
    done = score_accounts(leads, tmp_path / f"out{suffix}", config=settings)
    path = done.output
    assert path is not None
    assert "rows" not in done.to_dict()
    if suffix == ".jsonl":
        found = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
        assert found == done.rows
        return
    if suffix == ".parquet":
        raw: list[dict[str, Any]] = parquet.read_table(path).to_pylist()
    else:
        with path.open(encoding="utf-8", newline="") as file:
            raw = list(csv.DictReader(file))
    for row, expected in zip(raw, done.rows, strict=True):
        assert json.loads(row["people"]) == expected["people"]
        assert json.loads(row["reasons"]) == expected["reasons"]
        assert (row["account"] or None) == expected["account"]
        probability = float(row["probability"]) if row["probability"] not in ("", None) else None
        assert probability == expected["probability"]


def test_a_version_without_accounts_multiplies_and_says_so(
    make_model: Make, handmade: Definition, leads: Path
) -> None:
    mapping = replace(handmade.leads, account="company", created_at=None, handed_off_at=None)
    settings = make_model(
        definition=replace(handmade, leads=mapping),
        machine=Machine(((1.0, CARD),), center=(0.0,) * 6),
    )
    done = score_accounts(leads, config=settings)
    assert done.rows[0]["probability"] == pytest.approx(0.6)
    assert done.rows[0]["expected_margin"] is None
    assert done.basis == "product"
    assert any("the plain product over their leads" in text for text in done.warnings)


class TestRefusals:
    def test_no_account_mapped(self, make_model: Make, leads: Path) -> None:
        with pytest.raises(ConfigError, match="map account under"):
            score_accounts(leads, config=make_model())

    def test_no_such_column(self, settings: Settings, tmp_path: Path) -> None:
        (tmp_path / "bare.csv").write_text("id,size\na,1\n")
        with pytest.raises(DataError, match="has no column 'company'"):
            score_accounts(tmp_path / "bare.csv", config=settings)

    def test_strict_stops_at_the_first_bad_row(self, settings: Settings, leads: Path) -> None:
        with pytest.raises(RowError, match="line 6: size: expected a number, found 'huge'"):
            score_accounts(leads, leads.with_name("o.csv"), config=settings, strict=True)
        assert not leads.with_name("o.csv").exists()

    def test_an_output_of_another_kind(self, settings: Settings, leads: Path) -> None:
        with pytest.raises(ConfigError, match=r"ending in .csv, .parquet or .jsonl"):
            score_accounts(leads, "out.xlsx", config=settings)


class TestCommand:
    def run(self, *words: str) -> Any:
        return CliRunner().invoke(main, ["score", *words])

    def test_by_lead_asks_for_an_output(self, leads: Path) -> None:
        done = self.run(str(leads))
        assert done.exit_code == 2
        assert "Missing option '--output'" in done.stderr

    def test_by_account_in_the_terminal_and_as_json(self, company: Any, tmp_path: Path) -> None:
        path = tmp_path / "crm.csv"
        company.crm.leads.head(200).to_csv(path, index=False)
        config = str(company.settings.root / "leadml.toml")
        shown = self.run(str(path), "--by", "account", "--config", config)
        assert shown.exit_code == 0, shown.output
        assert "most promising accounts" in shown.stdout
        assert "Grades: A " in shown.stdout
        told = self.run(str(path), "--by", "account", "--config", config, "--json")
        values = json.loads(told.stdout)
        assert values["accounts"] == len(values["rows"])
        assert sum(row["leads"] for row in values["rows"]) == values["leads"] == 200
        ordered = [row["probability"] for row in values["rows"]]
        assert ordered == sorted(ordered, reverse=True)
        out = str(tmp_path / "a.jsonl")
        done = self.run(str(path), "--by", "account", "--config", config, "--output", out)
        assert f"Wrote {out}" in done.stdout
