"""A bundle whose level and slope are wrong by known amounts is brought back; a right one stays."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner

import leadml
from leadml import tracking
from leadml.cli.main import main
from leadml.data.values import missing_texts
from leadml.errors import DataError, ModelError, TooFewOutcomes
from leadml.evaluation.pool import Pool
from leadml.evaluation.threshold import choose_threshold
from leadml.model.bundle import read_aliases, read_bundle, versions, write_alias, write_bundle
from leadml.model.calibration import Calibration
from leadml.model.peers import FeaturePeers, Group, Peers
from leadml.model.recalibration import Refresh, refresh
from leadml.model.reference import OutOfTime, reference_of
from leadml.model.scorecard import Line, Machine, Scorecard, probability
from leadml.model.trend import Trend
from leadml.settings import load_settings
from leadml.snapshot.features import Feature, FeatureSet
from leadml.workflows.recalibrate import Check, Lag, _plainly_off, check_line
from leadml.workflows.recalibrated import on_top

TOML = """\
[leads]
id = "id"
outcome = "stage"
won = ["won"]
lost = ["lost"]
{times}

[sales_ready]
close_rate = {rate}
horizon_days = 30
"""
TIMES = 'created_at = "created"\nclosed_at = "closed"'
FEATURES = FeatureSet(
    (
        Feature(name="x", kind="number", column="x"),
        Feature(name="y", kind="number", column="y"),
    ),
    missing_texts(()),
)
CARD = Scorecard(
    0.0, (Line(0, (-9.0, 9.0), (-9.0, 9.0), 0.0), Line(1, (-9.0, 9.0), (-4.5, 4.5), 0.0))
)
CENTER = (-1.0, 0.0)
NOW = "2026-06-01"
OLD = "7"
"""The version made by hand; the registry, empty before, calls the next one 1."""
NEXT = "1"


PEERS = Peers(500, 150, (FeaturePeers((Group("any value", 500, 150, 0.5),), importance=0.75),) * 2)


def new_leads(leads: int, *, slope: float = 1.0, shift: float = 0.0, seed: int = 1) -> pd.DataFrame:
    """Return matured leads whose true log-odds are slope * (x + y / 2) + shift."""
    random = np.random.default_rng(seed)
    x, y = random.normal(-1.0, 1.1, leads).round(3), random.normal(0.0, 1.0, leads).round(3)
    won = random.random(leads) < probability(slope * (x + y / 2) + shift)
    created = pd.Timestamp("2026-01-01") + pd.to_timedelta(np.linspace(0, 90, leads), unit="D")
    return pd.DataFrame(
        {
            "id": [f"N{number}" for number in range(leads)],
            "created": created,
            "closed": created + pd.Timedelta(days=10),
            "stage": np.where(won, "won", "lost"),
            "x": x,
            "y": y,
        }
    )


def install(
    folder: Path, *, alias: str = "champion", rate: float = 0.3, times: str = TIMES, **changes: Any
) -> Path:
    config = folder / "leadml.toml"
    config.write_text(TOML.format(rate=rate, times=times))
    definition = load_settings(config).definition
    random = np.random.default_rng(9)
    x = random.normal(-1.0, 1.0, (500, 2))
    z = x[:, 0] + x[:, 1] / 2
    version = folder / "models" / "versions" / OLD
    version.mkdir(parents=True)
    manifest = {
        "agreement_hash": definition.agreement.hash(),
        "threshold": {"probability": 0.2, "basis": "guaranteed"},
        "bands": {"A": 0.3, "B": 0.15, "C": 0.075},
        "columns": ["id", "created", "closed", "stage", "x", "y"],
        "chosen": "logistic",
        "trained_at": "2025-12-01T00:00:00+00:00",
        "out_of_time": {"log_loss": 0.5, "auc": 0.78},
        "data_window": {"from": None, "to": None, "as_of": None},
    }
    write_bundle(
        version,
        manifest=manifest | changes,
        definition=definition,
        features=FEATURES,
        machine=Machine(cards=((1.0, CARD),), center=CENTER),
        trained_on=["T1", "T2"],
        reference=reference_of(FEATURES, x, z, OutOfTime(0.78, 150, 350)),
        peers=PEERS,
    )
    (version / "pipeline.joblib").write_bytes(b"for analysts")
    write_alias(folder / "models", alias, OLD)
    return config


def run(folder: Path, frame: pd.DataFrame, **options: Any) -> dict[str, Any]:
    frame.to_csv(folder / "new.csv", index=False)
    found = leadml.recalibrate(
        folder / "new.csv", config=folder / "leadml.toml", **{"as_of": NOW} | options
    ).to_dict()
    json.dumps(found, allow_nan=False)
    return found


@pytest.fixture(scope="module")
def lowered(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    """Return a folder whose champion is 0.8 log-odds too high, recalibrated on 2,000 new leads."""
    folder = tmp_path_factory.mktemp("lowered")
    install(folder, together={"intercept": -0.5, "model": 0.8, "points": 0.02, "leads": 9})
    return folder, run(folder, new_leads(2000, shift=-0.8))


def test_model_and_points_together_move_with_the_model(
    lowered: tuple[Path, dict[str, Any]],
) -> None:
    folder, found = lowered
    slope, shift = found["line"]["slope"], found["line"]["intercept"]
    together = read_bundle(folder / "models" / "versions" / NEXT).manifest["together"]
    # a lead of log-odds 0.7 and 50 points: -0.5 + 0.8 * 0.7 + 0.02 * 50 = 1.06 before
    after = together["model"] * (slope * 0.7 + shift) + together["points"] * 50
    assert together["intercept"] + after == pytest.approx(slope * 1.06 + shift)
    assert together["leads"] == 9


def test_a_known_level_is_brought_back(lowered: tuple[Path, dict[str, Any]]) -> None:
    folder, found = lowered
    assert found["shift"] == pytest.approx(-0.8, abs=0.15)
    assert found["line"]["slope"] == pytest.approx(1.0, abs=0.12)
    assert found["check"]["gain"] > found["check"]["error"]
    assert found["check"]["leads"] == 1000
    fresh = new_leads(20_000, shift=-0.8, seed=7)
    scorer = leadml.load_scorer(NEXT, config=folder / "leadml.toml")
    records = fresh[["id", "x", "y"]].head(3000).to_dict("records")
    said = np.array([answer.probability for answer in scorer.score_records(records)])
    real = probability((fresh["x"] + fresh["y"] / 2 - 0.8).to_numpy()[:3000])
    assert said.mean() == pytest.approx(real.mean(), abs=0.015)
    assert np.abs(said - real).max() < 0.05


def test_the_new_version_serves_and_is_registered(lowered: tuple[Path, dict[str, Any]]) -> None:
    folder, found = lowered
    assert (found["recalibrated_from"], found["version"], found["alias"]) == (OLD, NEXT, "champion")
    assert "version 7 served and is beaten" in found["why"]
    assert read_aliases(folder / "models")["champion"]["version"] == NEXT
    settings = load_settings(folder / "leadml.toml")
    by_version = {entry.version: entry for entry in tracking.registered(settings.tracking_uri)}
    assert by_version[NEXT].aliases == ("champion",)


def test_the_bundle_is_the_same_model_behind_another_line(
    lowered: tuple[Path, dict[str, Any]],
) -> None:
    folder, found = lowered
    old, new = (read_bundle(folder / "models" / "versions" / name) for name in (OLD, NEXT))
    assert new.machine.cards == old.machine.cards
    assert new.features == old.features
    assert new.definition == old.definition
    line = found["line"]
    assert (new.machine.slope, new.machine.intercept) == (line["slope"], line["intercept"])
    assert new.manifest["recalibrated"]["from"] == OLD
    assert new.manifest["recalibrated"]["leads"] == 2000
    assert new.manifest["trained_at"] == old.manifest["trained_at"]
    assert new.trained_on(["T1", "N0", "N1999", "X"]).tolist() == [True, True, True, False]
    assert (new.path / "pipeline.joblib").read_bytes() == b"for analysts"
    assert old.reference is not None
    assert new.reference is not None
    cuts = np.array(old.reference.scores.cuts) * line["slope"] + line["intercept"]
    assert new.reference.scores.cuts == pytest.approx(tuple(cuts))
    assert new.reference.scores.counts == old.reference.scores.counts


def test_a_line_on_top_stretches_the_trend_too() -> None:
    # .5 (2 z + .4 + t) - .1 = z + .1 + .5 t
    machine = Machine(((1.0, CARD),), slope=2.0, intercept=0.4, trend=Trend(0.02, 0, 0, 10**15))
    found = on_top(machine, Calibration(0.5, -0.1))
    assert (found.slope, found.intercept) == pytest.approx((1.0, 0.1))
    assert found.trend == Trend(0.01, 0, 0, 10**15)
    assert on_top(replace(machine, trend=None), Calibration()).trend is None


def test_leads_like_a_lead_are_those_of_the_first_training(
    lowered: tuple[Path, dict[str, Any]],
) -> None:
    bundle = read_bundle(lowered[0] / "models" / "versions" / NEXT)
    assert bundle.peers == PEERS.scaled(lowered[1]["line"]["slope"])
    assert bundle.peers is not None
    assert bundle.peers.features[0].groups[0].won == 150


def test_reasons_still_sum(lowered: tuple[Path, dict[str, Any]]) -> None:
    machine = read_bundle(lowered[0] / "models" / "versions" / NEXT).machine
    x = np.array([[0.5, -1.0], [-2.0, 3.0]])
    mean = machine.slope * sum(CENTER) + machine.intercept  # at the mean of every term
    assert mean + machine.effects(x).sum(axis=1) == pytest.approx(machine.log_odds(x))


def test_the_threshold_is_chosen_anew_on_enough_leads(
    lowered: tuple[Path, dict[str, Any]],
) -> None:
    folder, found = lowered
    frame = new_leads(2000, shift=-0.8)
    machine = read_bundle(folder / "models" / "versions" / NEXT).machine
    p = probability(machine.log_odds(frame[["x", "y"]].to_numpy()))
    agreement = load_settings(folder / "leadml.toml").definition.agreement
    pool = Pool.of(p, (frame["stage"] == "won").to_numpy().astype(np.int8))
    expected, chosen = choose_threshold(pool, agreement=agreement).to_dict(), found["threshold"]
    same = ("probability", "basis", "expected_close_rate", "low", "high", "volume", "won", "share")
    assert {key: chosen[key] for key in same} == {key: expected[key] for key in same}
    assert chosen["basis"] == "guaranteed"
    # all new leads are one period: 2,000 hourly ones
    assert (chosen["pool"]["leads"], chosen["pool"]["folds"]) == (2000, 1)
    assert chosen["handoffs_a_month"] > 0


def test_again_on_the_same_leads_there_is_nothing_new(
    lowered: tuple[Path, dict[str, Any]],
) -> None:
    with pytest.raises(TooFewOutcomes, match=r"version 1: 0 sales-ready.*2000: learnt from"):
        run(lowered[0], new_leads(2000, shift=-0.8))


def test_a_right_line_stands_and_nothing_is_registered(tmp_path: Path) -> None:
    install(tmp_path)
    found = run(tmp_path, new_leads(1500, seed=3))
    assert (found["version"], found["alias"], found["bundle"]) == (None, None, None)
    assert "the present line of version 7 stands" in found["why"]
    assert found["threshold"] is None
    assert versions(tmp_path / "models") == [OLD]
    assert read_aliases(tmp_path / "models")["champion"]["version"] == OLD


@pytest.mark.parametrize(
    ("shift", "least", "most"), [(0.0, 0.0, 0.15), (-0.4, 0.45, 1.0), (-0.8, 0.9, 1.0)]
)
def test_how_often_a_line_is_replaced(shift: float, least: float, most: float) -> None:
    """Of 600 new leads: a right line in about one case of ten, one far off nearly always."""
    random = np.random.default_rng(0)
    replaced = []
    for _ in range(200):
        z = random.normal(-1.0, 1.2, 600)
        won = (random.random(600) < probability(z + shift)).astype(np.int8)
        replaced.append(check_line(z, won).won_by_refreshed)
    assert least <= np.mean(replaced) <= most


def test_few_new_leads_keep_the_cut_as_a_probability(tmp_path: Path) -> None:
    install(tmp_path, alias="challenger")
    found = run(tmp_path, new_leads(250, shift=1.5), model="challenger")
    assert found["threshold"]["probability"] == 0.2
    assert found["threshold"]["basis"] == "estimated"
    assert found["alias"] == "challenger"
    assert "which does not serve" in found["why"]
    assert "champion" not in read_aliases(tmp_path / "models")


def test_a_ranking_upside_down_gets_its_level_only(tmp_path: Path) -> None:
    install(tmp_path)
    found = run(tmp_path, new_leads(2000, slope=-1.0, shift=1.0))
    assert found["level_only"]
    assert found["line"]["slope"] == pytest.approx(1.0)
    assert found["shift"] > 1.0


class TestCheck:
    """What of the older half is used, and how certain the gain is."""

    at = np.arange(400) * 86_400_000_000

    @staticmethod
    def leads(seed: int = 0) -> tuple[Any, Any]:
        random = np.random.default_rng(seed)
        z = random.normal(-1, 1, 400)
        return z, (random.random(400) < probability(z - 0.6)).astype(np.int8)

    def test_only_outcomes_known_when_the_newer_half_began(self) -> None:
        # A lead a day, a horizon of 50 days: the newer half begins on day 200, day 150 was known.
        z, y = self.leads()
        found = check_line(z, y, Lag(self.at, 50.0))
        line = refresh(z[:151], y[:151]).line
        after = np.logaddexp(0, line.apply(z[200:])) - y[200:] * line.apply(z[200:])
        assert found.refreshed == pytest.approx(after.mean())
        assert (found.gap_days, found.leads, found.won) == (50.0, 200, int(y[200:].sum()))

    def test_a_gap_that_leaves_too_few_is_halved(self) -> None:
        # won: one of five, so the tenth is among the first 50 leads; a gap of 190 days leaves
        # 11 leads, of 95 days 106
        z = np.zeros(400)
        y = (np.arange(400) % 5 == 0).astype(np.int8)
        assert check_line(z, y, Lag(self.at, 190.0)).gap_days == 95.0
        assert check_line(z, y, Lag(self.at, 380.0)).gap_days == 95.0
        assert check_line(z, y, Lag(self.at, 4000.0)).gap_days == 0.0
        assert check_line(z, y, Lag(self.at, 0.0)) == check_line(z, y)
        lost = (1 - y).astype(np.int8)
        assert check_line(z, lost, Lag(self.at, 190.0)).gap_days == 95.0

    def test_without_a_lag_all_of_the_older_half(self) -> None:
        z, y = self.leads()
        found = check_line(z, y)
        line = refresh(z[:200], y[:200]).line
        after = np.logaddexp(0, line.apply(z[200:])) - y[200:] * line.apply(z[200:])
        before = np.logaddexp(0, z[200:]) - y[200:] * z[200:]
        assert found.refreshed == pytest.approx(after.mean())
        gain = before - after
        assert found.error == pytest.approx(gain.std(ddof=1) / np.sqrt(200))

    def test_leads_of_one_account_count_as_one(self) -> None:
        # Every lead of the newer half four times, as four leads of one account: the error of the
        # mean is that of the accounts' means.
        z, y = self.leads()
        z, y = (np.concatenate([v[:200], np.repeat(v[200:250], 4)]) for v in (z, y))
        accounts = np.concatenate([np.arange(200), 200 + np.repeat(np.arange(50), 4)])
        found = check_line(z, y, Lag(None, 0.0, accounts))
        line = refresh(z[:200], y[:200]).line.apply(z[200::4])
        own, other = (np.logaddexp(0, v) - y[200::4] * v for v in (z[200::4], line))
        assert found.error == pytest.approx((own - other).std(ddof=1) / np.sqrt(50))
        alone = check_line(z, y, Lag(None, 0.0, np.arange(400)))
        assert alone.error == pytest.approx(check_line(z, y).error)


def test_the_horizon_and_the_accounts_come_from_the_export(tmp_path: Path) -> None:
    install(tmp_path, times=TIMES + '\naccount = "firm"')
    frame = new_leads(800)  # nothing has changed: the present line stands
    frame["firm"] = [f"F{number // 2}" for number in range(800)]
    found = run(tmp_path, frame)
    # 800 leads in 90 days, a horizon of 30: leads of the first 15 days are known on day 45
    assert found["check"]["gap_days"] == 30.0
    other = tmp_path / "other"
    other.mkdir()
    install(other)
    assert found["check"]["error"] != run(other, frame)["check"]["error"]


def test_leads_without_dates_are_halved_at_random(tmp_path: Path) -> None:
    install(tmp_path, times="")
    frame = new_leads(800, shift=-1.2).drop(columns=["created", "closed"])
    found = run(tmp_path, frame.sort_values("stage"), as_of=None)  # all lost before all won
    assert found["version"] == NEXT
    assert found["shift"] == pytest.approx(-1.2, abs=0.25)


@pytest.mark.parametrize(
    ("frame", "message"),
    [
        (new_leads(40), r"\d+ sales-ready and \d+ not; at least 20 of each are needed, 10 of each"),
        (new_leads(200).assign(stage=["won"] + ["lost"] * 199), "1 sales-ready and 199 not"),
        (new_leads(200).assign(stage=["won"] * 100 + ["lost"] * 100), "100 sales-ready and 100"),
    ],
)
def test_too_few_outcomes_say_what_is_needed(
    tmp_path: Path, frame: pd.DataFrame, message: str
) -> None:
    install(tmp_path)
    with pytest.raises(TooFewOutcomes, match=message):
        run(tmp_path, frame)


def test_another_agreement_asks_for_training(tmp_path: Path) -> None:
    install(tmp_path)
    (tmp_path / "leadml.toml").write_text(TOML.format(rate=0.4, times=TIMES))
    with pytest.raises(ModelError, match="is not the one version 7 was trained under"):
        run(tmp_path, new_leads(300))


def test_an_export_without_what_the_model_reads_is_refused(tmp_path: Path) -> None:
    install(tmp_path)
    with pytest.raises(DataError, match="expected the columns the model reads, found no y"):
        run(tmp_path, new_leads(300).drop(columns="y"))


def test_the_command_says_that_nothing_was_registered(tmp_path: Path) -> None:
    config = install(tmp_path)
    new_leads(1500, seed=3).to_csv(tmp_path / "new.csv", index=False)
    arguments = ["recalibrate", str(tmp_path / "new.csv"), "--config", str(config), "--as-of", NOW]
    shown = CliRunner().invoke(main, arguments)
    assert shown.exit_code == 0, shown.output
    assert "Nothing registered: the present line of version 7 stands" in shown.output
    printed = CliRunner().invoke(main, [*arguments, "--json"])
    assert json.loads(printed.stdout)["version"] is None


@pytest.mark.parametrize(
    ("shift", "gain", "refreshes"),
    [
        (-0.31, 0.0, True),  # three standard errors, and the check is silent
        (0.31, -0.009, True),
        (-0.29, 0.0, False),
        (-0.31, -0.01, False),  # the check speaks against it
    ],
)
def test_a_level_off_beyond_doubt_needs_no_win(shift: float, gain: float, refreshes: bool) -> None:
    line = Refresh(Calibration(), shift, shift, 0.1, level_only=False)
    check = Check(200, 50, present=0.5, refreshed=0.5 - gain, error=0.01, gap_days=90.0)
    assert _plainly_off(line, check) == refreshes
