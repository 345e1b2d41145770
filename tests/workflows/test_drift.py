"""New leads held against a bundle whose training leads are known, one thing changed at a time."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner

import leadml
from leadml.cli.main import main
from leadml.data.values import missing_texts
from leadml.errors import DataError, ModelError
from leadml.evaluation.metrics import auc
from leadml.evaluation.tally import Ranked
from leadml.model.bundle import write_alias, write_bundle
from leadml.model.reference import OutOfTime, reference_of
from leadml.model.scorecard import Levels, Line, Machine, Scorecard, probability
from leadml.model.trend import Trend
from leadml.settings import load_settings
from leadml.snapshot.features import RARE, Feature, FeatureSet

TOML = """\
[leads]
id = "id"
outcome = "stage"
won = ["won"]
lost = ["lost"]
created_at = "created"
handed_off_at = "handed"
followed_up_at = "worked"
closed_at = "closed"
source = "channel"

[sales_ready]
close_rate = 0.30
horizon_days = 30
"""
CHANNELS = ("fair", "mail", "web")
EFFECTS = (0.8, 0.0, -0.4)
FEATURES = FeatureSet(
    (
        Feature(name="x", kind="number", column="x"),
        Feature(name="channel", kind="text", column="channel", levels=(*CHANNELS, RARE)),
    ),
    missing_texts(()),
)
CARD = Scorecard(
    -0.2, (Line(0, (-9.0, 9.0), (-9.0, 9.0), -1.0), Levels(1, (*EFFECTS, 0.0), missing=0.0))
)
NOW = "2026-06-01"


def truth(x: np.ndarray, codes: np.ndarray) -> np.ndarray:
    """Return the log-odds the bundle gives: what is true where nothing has drifted."""
    return -0.2 + x + np.array([*EFFECTS, 0.0])[codes.astype(int)]


def draw(leads: int, seed: int, *, middle: float = -1.0) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    x = np.round(random.normal(middle, 1.0, leads), 3)
    return x, random.choice(3, size=leads, p=[0.2, 0.3, 0.5]).astype(float)


def new_leads(
    leads: int = 600, seed: int = 1, *, middle: float = -1.0, slope: float = 1.0, shift: float = 0.0
) -> pd.DataFrame:
    """Return leads of spring 2026, all matured at `NOW`; slope and shift change what is true."""
    x, codes = draw(leads, seed, middle=middle)
    random = np.random.default_rng(seed + 1000)
    won = random.random(leads) < probability(slope * truth(x, codes) + shift)
    handed = pd.Timestamp("2026-02-01") + pd.to_timedelta(np.linspace(0, 80, leads), unit="D")
    return pd.DataFrame(
        {
            "id": [f"N{number}" for number in range(leads)],
            "created": handed - pd.Timedelta(days=1),
            "handed": handed,
            "worked": handed + pd.Timedelta(days=1),
            "closed": handed + pd.Timedelta(days=10),
            "stage": np.where(won, "won", "lost"),
            "channel": np.array(CHANNELS)[codes.astype(int)],
            "x": x,
        }
    )


def install(
    folder: Path, *, reference: bool = True, toml: str = TOML, trend: Trend | None = None
) -> Path:
    config = folder / "leadml.toml"
    config.write_text(toml)
    definition = load_settings(config).definition
    x, codes = draw(3000, 99)
    z = truth(x, codes)
    y = (np.random.default_rng(98).random(3000) < probability(z)).astype(np.int8)
    wins = int(y.sum())
    ranked = OutOfTime(auc(Ranked(y == 1, z).tally()), wins, 3000 - wins)
    version = folder / "models" / "versions" / "1"
    version.mkdir(parents=True)
    write_bundle(
        version,
        manifest={
            "agreement_hash": definition.agreement.hash(),
            "threshold": {"probability": 0.25, "basis": "guaranteed"},
            "bands": {"A": 0.3, "B": 0.15, "C": 0.075},
            "columns": list(new_leads(20).columns),
            "chosen": "logistic",
            "data_window": {"from": None, "to": None, "as_of": None},
        },
        definition=definition,
        features=FEATURES,
        machine=Machine(cards=((1.0, CARD),), center=(0.0, 0.0), trend=trend),
        trained_on=[f"T{number}" for number in range(3000)],
        reference=reference_of(FEATURES, np.stack([x, codes], axis=1), z, ranked)
        if reference
        else None,
    )
    write_alias(folder / "models", "champion", "1")
    return config


def run(folder: Path, frame: pd.DataFrame, **options: Any) -> dict[str, Any]:
    frame.to_csv(folder / "new.csv", index=False)
    config = folder / "leadml.toml"
    found = leadml.drift(folder / "new.csv", config=config, as_of=NOW, **options).to_dict()
    json.dumps(found, allow_nan=False)
    return found


def codes(found: dict[str, Any]) -> list[str]:
    return [finding["code"] for finding in found["findings"]]


def test_leads_of_the_same_kind_ask_for_nothing(tmp_path: Path) -> None:
    install(tmp_path)
    frame = new_leads()
    found = run(tmp_path, frame)
    assert (found["asks_for"], found["findings"], found["leads"]) == ("nothing", [], 600)
    assert found["model_version"] == "1"
    assert [row["feature"] for row in found["features"]] == ["x", "channel"]
    assert [row["asks_for"] for row in found["features"]] == ["nothing", "nothing"]
    # Ten bins and, for text, three: (bins - 1) (1/600 + 1/3000).
    assert found["features"][0]["expected_psi"] == pytest.approx(9 * (1 / 600 + 1 / 3000))
    assert found["features"][1]["expected_psi"] == pytest.approx(2 * (1 / 600 + 1 / 3000))
    level = found["calibration"]
    assert (level["leads"], level["won"]) == (600, (frame["stage"] == "won").sum())
    said = probability(truth(frame["x"].to_numpy(), frame["channel"].map(CHANNELS.index)))
    assert level["expected"] == pytest.approx(said.mean())
    assert level["low"] < level["difference"] < level["high"]
    assert level["slope"] == pytest.approx(1.0, abs=0.3)


def test_a_level_that_fell_asks_to_recalibrate(tmp_path: Path) -> None:
    install(tmp_path)
    found = run(tmp_path, new_leads(shift=-0.9))
    assert codes(found) == ["DRIFT009"]
    assert found["asks_for"] == found["findings"][0]["asks_for"] == "recalibrate"
    assert found["calibration"]["high"] < 0


def test_a_trend_of_the_models_own_is_no_drift_of_its_scores(tmp_path: Path) -> None:
    # Everything is .9 lower than in the training leads, as the model's own trend has it.
    then = int(pd.Timestamp("2025-11-01").value // 1000)
    install(tmp_path, trend=Trend(-0.9 / 90, then, then, then + 90 * 86_400_000_000))
    found = run(tmp_path, new_leads(shift=-0.9))
    assert (codes(found), found["asks_for"]) == ([], "nothing")
    assert abs(found["calibration"]["difference"]) < 0.03


def test_a_ranking_that_is_gone_asks_to_retrain(tmp_path: Path) -> None:
    install(tmp_path)
    found = run(tmp_path, new_leads(1500, slope=0.15, shift=-0.8))
    assert {"DRIFT010", "DRIFT011"} <= set(codes(found))
    assert found["asks_for"] == "retrain"


def test_other_leads_ask_to_retrain(tmp_path: Path) -> None:
    install(tmp_path)
    found = run(tmp_path, new_leads(middle=-0.3))
    assert codes(found) == ["DRIFT007", "DRIFT008"]
    assert [row["asks_for"] for row in found["features"]] == ["retrain", "nothing"]
    assert found["scores"]["psi"] > found["scores"]["expected_psi"] + 0.1
    assert found["scores"]["p"] < 0.001


def test_a_column_that_went_missing_comes_first(tmp_path: Path) -> None:
    install(tmp_path)
    found = run(tmp_path, new_leads(shift=-0.9).drop(columns="x"))
    assert codes(found)[0] == "DRIFT001"
    assert found["findings"][0]["column"] == "x"
    assert found["features"][0]["missing"] == 1.0
    assert found["features"][0]["asks_for"] == found["asks_for"] == "look at the source"


def test_unseen_values_and_gaps_are_counted_apart(tmp_path: Path) -> None:
    install(tmp_path)
    frame = new_leads()
    frame.loc[:119, "channel"] = "podcast"
    frame.loc[120:239, "channel"] = None
    found = run(tmp_path, frame)
    row = found["features"][1]
    assert (row["unseen"], row["missing"], row["missing_reference"]) == (0.2, 0.2, 0.0)
    assert codes(found)[:2] == ["DRIFT002", "DRIFT003"]
    assert row["asks_for"] == "look at the source"


def test_a_source_that_exploded(tmp_path: Path) -> None:
    install(tmp_path)
    frame = new_leads()
    frame.loc[frame.index[::2], "channel"] = "fair"
    found = run(tmp_path, frame)
    assert "DRIFT004" in codes(found)
    assert found["asks_for"] == "look at the source"


def test_new_columns_are_named_and_ask_for_nothing(tmp_path: Path) -> None:
    install(tmp_path)
    found = run(tmp_path, new_leads().assign(region="north"))
    assert codes(found) == ["DRIFT006"]
    assert found["findings"][0]["examples"] == ["region"]
    assert found["asks_for"] == "nothing"


@pytest.mark.parametrize("blank", [True, False])
def test_without_outcomes_features_are_compared_all_the_same(tmp_path: Path, blank: bool) -> None:
    install(tmp_path)
    frame = new_leads().drop(columns="closed")
    frame = frame.assign(stage="") if blank else frame.drop(columns="stage")
    found = run(tmp_path, frame)
    assert found["calibration"] is None
    assert codes(found) == ["DRIFT012"]
    assert found["leads"] == 600


def test_like_is_compared_with_like(tmp_path: Path) -> None:
    """Leads not handed off, not worked or learnt from are others than the model learnt from."""
    install(tmp_path)
    frame = new_leads(700)
    frame.loc[:49, "id"] = [f"T{number}" for number in range(50)]
    frame.loc[50:69, ["handed", "worked", "closed"]] = None
    frame.loc[50:69, "stage"] = ""
    frame.loc[70:99, ["worked", "closed"]] = None
    frame.loc[70:99, "stage"] = "lost"
    frame.loc[:99, "x"] = 5.0
    found = run(tmp_path, frame)
    assert found["leads"] == 600
    left = {row["code"]: row["count"] for row in found["excluded_rows"]}
    assert left == {"ROW009": 50, "ROW006": 20, "ROW007": 30}
    assert found["findings"] == []


def test_leads_not_matured_are_compared_but_have_no_outcome(tmp_path: Path) -> None:
    install(tmp_path)
    frame = new_leads()
    frame.to_csv(tmp_path / "new.csv", index=False)
    found = leadml.drift(
        tmp_path / "new.csv", config=tmp_path / "leadml.toml", as_of="2026-04-12"
    ).to_dict()
    # Half of the 80 days from 1 February have passed a horizon of 30 by 12 April (day 70).
    assert found["leads"] == pytest.approx(600 * 69 / 80, abs=8)  # worked one day later
    assert found["calibration"]["leads"] == pytest.approx(600 * 40 / 80, abs=2)


def test_texts_among_numbers_are_missing_and_not_scored(tmp_path: Path) -> None:
    install(tmp_path)
    frame = new_leads()
    frame["x"] = frame["x"].astype(object)
    frame.loc[:199, "x"] = "soon"
    found = run(tmp_path, frame)
    assert found["features"][0]["missing"] == pytest.approx(1 / 3)
    assert "DRIFT002" in codes(found)
    assert {"ROW010"} == {row["code"] for row in found["excluded_rows"]}


def test_a_version_without_a_reference_says_what_to_do(tmp_path: Path) -> None:
    install(tmp_path, reference=False)
    with pytest.raises(ModelError, match=r"version 1 was sealed by an earlier leadml.*train again"):
        run(tmp_path, new_leads())


def test_too_few_leads_are_refused_with_what_was_left_out(tmp_path: Path) -> None:
    install(tmp_path)
    frame = new_leads(40)
    frame.loc[:29, "id"] = [f"T{number}" for number in range(30)]
    with pytest.raises(DataError, match=r"10 of 40 are new.*at least 20.*30: learnt from"):
        run(tmp_path, frame)


def test_the_command_prints_the_same(tmp_path: Path) -> None:
    config = install(tmp_path)
    new_leads(shift=-0.9).to_csv(tmp_path / "new.csv", index=False)
    arguments = ["drift", str(tmp_path / "new.csv"), "--config", str(config), "--as-of", NOW]
    shown = CliRunner().invoke(main, arguments)
    assert shown.exit_code == 0, shown.output
    assert "What to do: recalibrate." in shown.output
    assert "DRIFT009, asks for: recalibrate" in shown.output
    printed = CliRunner().invoke(main, [*arguments, "--json"])
    assert json.loads(printed.stdout)["asks_for"] == "recalibrate"
