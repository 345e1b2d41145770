"""What `leadml evaluate` prints of slices that differ."""

import io
from pathlib import Path

import numpy as np
import pandas as pd
from click.testing import CliRunner
from rich.console import Console

import leadml
from leadml.cli.evaluate import MOST_LINES, accounts_table, contest_table, profit_table
from leadml.cli.main import main
from leadml.data.values import missing_texts
from leadml.model.bundle import write_alias, write_bundle
from leadml.model.scorecard import Line, Machine, Scorecard
from leadml.settings import load_settings
from leadml.snapshot.features import Feature, FeatureSet

TOML = """\
[leads]
id = "id"
outcome = "stage"
won = ["won"]
lost = ["lost"]
source = "source"
"""


def install(folder: Path) -> None:
    """Write a version whose probability is the sigmoid of the column x."""
    (folder / "leadml.toml").write_text(TOML)
    definition = load_settings(folder / "leadml.toml").definition
    version = folder / "models" / "versions" / "1"
    version.mkdir(parents=True)
    manifest = {
        "agreement_hash": definition.agreement.hash(),
        "threshold": {"probability": 0.4, "basis": "estimated"},
        "bands": {"A": 0.3, "B": 0.15, "C": 0.075},
        "columns": ["id", "stage", "source", "x"],
        "chosen": "logistic",
        "data_window": {"from": None, "to": None, "as_of": None},
        "points_calibration": None,
    }
    write_bundle(
        version,
        manifest=manifest,
        definition=definition,
        features=FeatureSet(
            (Feature(name="x", kind="number", column="x"),), missing_texts(definition.leads.missing)
        ),
        machine=Machine(
            cards=((1.0, Scorecard(0.0, (Line(0, (-9.0, 9.0), (-9.0, 9.0), 0.0),))),),
            center=(0.0,),
        ),
        trained_on=[],
    )
    write_alias(folder / "models", "champion", "1")


def test_the_terminal_names_a_few_slices_and_counts_the_rest(tmp_path: Path) -> None:
    install(tmp_path)
    # Ten sources of 60 leads, all of probability one half: none is won of seven of them.
    source = np.repeat([f"s{n}" for n in range(10)], 60)
    won = (np.arange(600) % 2 == 0) & np.isin(source, ["s7", "s8", "s9"])
    frame = pd.DataFrame(
        {
            "id": [f"L{n}" for n in range(600)],
            "stage": np.where(won, "won", "lost"),
            "source": source,
            "x": np.where(np.arange(600) % 3 == 0, 1e-3, 0.0),
        }
    )
    frame.to_csv(tmp_path / "leads.csv", index=False)
    config = str(tmp_path / "leadml.toml")
    done = CliRunner().invoke(
        main, ["evaluate", str(tmp_path / "leads.csv"), "--config", config], env={"COLUMNS": "120"}
    )
    assert done.exit_code == 0, done.output
    lines = [line for line in done.output.splitlines() if line.startswith("differs: ")]
    assert lines[0] == (
        "differs: source s0: fewer wins than predicted (0 of 60 won, 30.0 predicted)"
    )
    assert len(lines) == MOST_LINES + 1
    assert lines[-1] == "differs: 2 more slices, see the page"
    assert "There is nothing to compare the model with: there is no points score" in done.output
    values = leadml.evaluate(tmp_path / "leads.csv", config=config).to_dict()
    assert (values["winner"], values["fair_comparison"]) == (None, None)
    assert sum(bool(row["flags"]) for row in values["slices"]) == 7


def shown(table: object) -> str:
    console = Console(width=200, record=True, file=io.StringIO())
    console.print(table)
    return console.export_text().replace("\u202f", " ")


def test_accounts_by_size() -> None:
    rate = {"value": 0.3, "low": 0.2, "high": 0.41}
    row = {"size": "3–5", "accounts": 1200, "won": 360, "predicted": 0.31, "product": 0.4}
    told = shown(accounts_table({"basis": "calibrated", "by_size": [row | {"observed": rate}]}))
    assert "accounts (calibrated): at least one sales-ready lead" in told
    cells = " ".join(told.splitlines()[-1].split())
    assert cells == "3–5 1,200 360 31.0 % 40.0 % 30.0 % 20.0 % to 41.0 %"


def test_profit_of_model_and_points() -> None:
    point = {"leads": 0.25, "volume": 50.0, "expected": 9000.0, "observed": 8000.0}
    point |= {"observed_low": -100.0, "observed_high": 8500.0}
    told = {
        "cost": 150.0,
        "of": "margin",
        "model": {"best": point, "at_cut": point | {"volume": 40.0}},
        "points": {"hindsight": point | {"volume": 60.0}},
    }
    text = shown(profit_table(told))
    assert "profit: margin of the won less 150 a lead worked" in text
    lines = [" ".join(line.split()) for line in text.splitlines()]
    figures = "25.0 % 9,000 8,000 \u2212100 to 8,500"
    assert f"model, best as expected 50 {figures}" in lines
    assert f"model, its cut 40 {figures}" in lines
    assert f"points, best in hindsight 60 {figures}" in lines
    assert "hindsight" not in shown(profit_table(told | {"points": None}))


def test_no_profit_says_why() -> None:
    assert profit_table({"model": None, "reason": "no money"}) == "profit: not known, no money."


def test_a_table_weighted_by_explored_leads_says_why_it_differs_from_the_others() -> None:
    value = {name: {"value": 0.5} for name in ("model", "points", "both")}
    pair = {"first": "both", "difference": -0.01, "low": -0.02, "high": 0.0, "better": None}
    rows = [{"metric": metric, "pairs": [pair]} | value for metric in ("log_loss_equal", "", "auc")]
    fair = {"measures": rows, "weights": None}
    assert shown(contest_table(fair)).splitlines()[0].strip() == "model, points, or both"
    fair["weights"] = {"effective_leads": 90.0, "largest": 4.0}
    assert "here explored leads stand for those like them" in shown(contest_table(fair))
