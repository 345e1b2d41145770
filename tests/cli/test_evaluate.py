"""What `leadml evaluate` prints of slices that differ."""

from pathlib import Path

import numpy as np
import pandas as pd
from click.testing import CliRunner

import leadml
from leadml.cli.evaluate import MOST_LINES
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
