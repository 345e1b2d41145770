"""The scorecard as files: from the CSV alone every lead's probability and reasons come out."""

import csv
import io
import json
import math
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

from leadml.cli.main import main
from leadml.data.values import microseconds
from leadml.errors import ConfigError, ModelError
from leadml.model.candidates import boosted
from leadml.model.peers import peers_of
from leadml.model.scorecard import Machine, Scorecard
from leadml.model.trend import Trend
from leadml.settings import Settings
from leadml.workflows.records import RecordReader, features_of
from leadml.workflows.score import Scorer, load_scorer
from leadml.workflows.scorecard import COLUMNS, scorecard

Make = Callable[..., Settings]
DAY = 86_400_000_000
FIRST = int(datetime(2024, 1, 1, tzinfo=UTC).timestamp()) * 10**6
NOW = datetime(2024, 6, 1, 12, tzinfo=UTC)


class Paper:
    """Somebody with the CSV file and a pencil: nothing of leadml in here."""

    def __init__(self, path: Path) -> None:
        with path.open(encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file))
        assert list(rows[0]) == list(COLUMNS)
        self.rows: dict[str, list[dict[str, str]]] = {}
        for row in rows:
            self.rows.setdefault(row["feature"], []).append(row)

    def effect(self, feature: str, value: object) -> float:
        rows = self.rows.get(feature, [])
        if value is None or not rows:
            return float(rows[-1]["log_odds"]) if rows else 0.0
        if isinstance(value, str):
            (row,) = [row for row in rows if row["level"] == value]
            return float(row["log_odds"])
        assert isinstance(value, float)
        found = (self._inside(row, value) for row in rows[:-1])
        return next(effect for effect in found if effect is not None)

    def _inside(self, row: dict[str, str], value: float) -> float | None:
        low, high = float(row["from"] or "-inf"), float(row["to"] or "inf")
        if not low < value <= high:
            return None
        start, end = float(row["log_odds"]), float(row["log_odds_to"])
        return start if start == end else start + (end - start) * (value - low) / (high - low)

    def level(self, moment: datetime) -> float:
        if "(time)" not in self.rows:
            return 0.0
        (row,) = self.rows["(time)"]
        first, last = datetime.fromisoformat(row["from"]), datetime.fromisoformat(row["to"])
        share = min(1.0, max(0.0, (moment - first) / (last - first)))
        start, end = float(row["log_odds"]), float(row["log_odds_to"])
        return start + share * (end - start)

    def probability(self, values: dict[str, Any], moment: datetime) -> float:
        (base,) = self.rows["(base)"]
        total = float(base["log_odds"]) + self.level(moment)
        total += sum(self.effect(name, value) for name, value in values.items())
        return 1 / (1 + math.exp(-total))


def values_of(scorer: Scorer, x: Any) -> dict[str, Any]:
    features = scorer.bundle.features
    return {name: features.shown(f, float(x[f])) for f, name in enumerate(features.names)}


LEADS: list[dict[str, Any]] = [
    {"id": "a", "created": "2024-05-22T12:00Z", "size": 2000, "source": "Web"},
    {"id": "b", "created": "2024-03-22", "size": 1000, "source": "Ads", "seen": "2024-05-27"},
    {"id": "c", "created": "2024-05-30", "size": None, "source": "Fair"},
    {"id": "d"},
    {"id": "e", "created": "2024-02-01", "handed": "2024-02-05", "size": -5, "source": "select"},
]
VISITS = [
    [{"timestamp": f"2024-05-{day}T12:00Z", "event": "visit"} for day in days]
    for days in ((26, 31), (27, 28, 29, 30, 31), (), (31,), ())
]


@pytest.mark.parametrize("trend", [None, Trend(0.002, FIRST, FIRST, FIRST + 120 * DAY)])
def test_the_csv_alone_gives_every_probability_and_every_reason(
    make_model: Make, trend: Trend | None
) -> None:
    settings = make_model()
    machine = load_scorer(config=settings).bundle.machine
    machine = replace(
        machine, slope=0.8, intercept=-0.3, center=(0.5, 0.1, 0.2, -0.3, 0.05, 0.0), trend=trend
    )
    scorer = load_scorer("4", config=make_model(version="4", machine=machine))
    paper = Paper(_written(settings, "card.csv", model="4"))
    answers = scorer.score_records(LEADS, VISITS, now=NOW)
    for lead, touches, answer in zip(LEADS, VISITS, answers, strict=True):
        x = _encoded(scorer, lead, touches)
        values, moment = values_of(scorer, x), datetime.fromisoformat(str(answer.as_of))
        assert paper.probability(values, moment) == pytest.approx(answer.probability, abs=1e-9)
        for reason in answer.reasons:
            found = paper.effect(reason["feature"], reason["value"])
            assert found == pytest.approx(reason["effect"], abs=1e-9)


def _encoded(scorer: Scorer, lead: dict[str, Any], touches: list[dict[str, str]]) -> Any:
    reader = RecordReader(scorer.definition, scorer.known_columns)
    record = reader.read(lead, touches, None, None, microseconds(NOW))
    return np.array(features_of([record], scorer.bundle.features, reader)[0])


def _written(settings: Settings, name: str, **options: Any) -> Path:
    path = settings.root / name
    assert scorecard(config=settings, output=path, **options).output == path
    return path


def test_a_trained_version_by_its_csv(company: Any, tmp_path: Path) -> None:
    # the simulated company's own leads, with every kind of feature and gaps
    scorer = load_scorer(config=company.settings)
    if not scorer.bundle.machine.additive:
        pytest.skip("the champion has trees")
    path = tmp_path / "card.csv"
    scorecard(config=company.settings, output=path)
    paper, features = Paper(path), scorer.bundle.features
    random = np.random.default_rng(0)
    x = np.full((40, len(features.features)), math.nan)
    for place, feature in enumerate(features.features):
        drawn = random.integers(0, len(feature.levels), 40) if feature.levels else None
        x[:, place] = random.exponential(5, 40) if drawn is None else drawn
        if feature.kind == "word":
            x[:, place] = random.integers(0, 2, 40)
        x[random.random(40) < 0.2, place] = math.nan
    as_of = np.full(40, FIRST)
    found = scorer.bundle.machine.explained(x, as_of)
    moment = datetime.fromtimestamp(FIRST / 1e6, UTC)
    for row in range(40):
        values = values_of(scorer, x[row])
        effects = [paper.effect(name, value) for name, value in values.items()]
        assert effects == pytest.approx(found.effects[row].tolist(), abs=1e-9)
        p = 1 / (1 + math.exp(-found.log_odds[row]))
        assert paper.probability(values, moment) == pytest.approx(p, abs=1e-9)


def counted(make_model: Make, **changes: Any) -> Settings:
    """Return the handmade model with a few leads counted."""
    settings = make_model()
    bundle = load_scorer(config=settings).bundle
    random = np.random.default_rng(0)
    x = np.column_stack([random.integers(0, 3, 200) for _ in bundle.features.features])
    y = random.integers(0, 2, 200).astype(np.int8)
    peers = peers_of(bundle.features, x.astype(float), y, bundle.machine)
    return make_model(version="5", peers=peers, threshold=CUT | changes)


CUT = {"probability": 2 / 3, "basis": "estimated"}


def test_the_values(make_model: Make) -> None:
    card = scorecard(config=counted(make_model)).to_dict()
    assert json.loads(json.dumps(card, allow_nan=False)) == card
    assert (card["version"], card["unit"], card["output"]) == ("5", 20.0, None)
    assert card["base"]["points"] == pytest.approx(-20 / math.log(2))  # log-odds -1
    assert card["cut"] == {"points": pytest.approx(20), "probability": 2 / 3, "basis": "estimated"}
    by_points = {round(row["points"], 9): row["probability"] for row in card["probabilities"]}
    assert by_points[0.0] == 0.5
    assert by_points[20.0] == pytest.approx(2 / 3)
    assert by_points[-40.0] == pytest.approx(1 / 5)
    assert card["time"] is None
    (size,) = [own for own in card["features"] if own["feature"] == "size"]
    a_log_odds = 20 / math.log(2)
    points = [row["points"] for row in size["rows"]]
    assert points == pytest.approx([0, a_log_odds, -a_log_odds / 2])
    assert sum(row["leads"] for row in size["rows"]) == 200
    weights = [own["importance"] for own in card["features"]]
    assert weights == sorted(weights, reverse=True)


def test_a_unit_of_its_own_changes_points_alone(make_model: Make) -> None:
    settings = counted(make_model)
    one, ten = (scorecard(config=settings, unit=unit).to_dict() for unit in (1.0, 10.0))
    assert ten["base"]["points"] == pytest.approx(10 * one["base"]["points"])
    assert ten["base"]["log_odds"] == one["base"]["log_odds"]
    assert ten["cut"]["points"] == pytest.approx(10)


def test_markdown(make_model: Make) -> None:
    lines = _written(counted(make_model), "card.md").read_text("utf-8").splitlines()
    assert lines[0] == "# Scorecard of version 5"
    assert "Hand off from +20 points (estimated)." in lines
    assert "| base | the average lead, today | −29 |  |  |" in lines
    assert "| 0 | 50.0 % |" in lines
    (first,) = [line for line in lines if line.startswith("| source |")]
    assert first.split(" | ")[1:3] == ["Ads", "+14"]  # .5 * 20 / ln 2
    assert all(line.count("|") in (0, 3, 6) for line in lines)


def test_bars_in_names_do_not_break_markdown(make_model: Make) -> None:
    scorer = load_scorer(config=make_model())
    named = replace(scorer.bundle.features.features[0], name="size|of\ncompany")
    features = (named, *scorer.bundle.features.features[1:])
    settings = make_model(version="6", features=features)
    text = _written(settings, "card.md").read_text("utf-8")
    assert "| size\\|of company |" in text
    assert "not known: this version was trained before" in text


def test_the_page(make_model: Make) -> None:
    page = _written(counted(make_model), "card.html").read_text("utf-8")
    assert "<title>leadml: scorecard of version 5</title>" in page
    assert "visit: times in 7 days" in page
    assert "<script" not in page
    assert "http" not in page.replace("http-equiv", "")


class TestRefusals:
    def test_trees(self, make_model: Make) -> None:
        x = np.random.default_rng(0).normal(size=(200, 6))
        y = (x[:, 0] * x[:, 3] > 0).astype(np.int8)
        full = boosted(
            x, y, categorical=np.zeros(6, bool), additive=False, newest_last=False, seed=0, rounds=5
        ).machine
        make_model(version="3")
        settings = make_model(version="4", machine=full, chosen="full")
        with pytest.raises(ModelError) as refused:
            scorecard(config=settings)
        assert str(refused.value) == (
            "version 4 (full) has trees with interactions, and no table of points adds up to them: "
            'set form = "additive" under [model] in leadml.toml and train again; that says what it '
            "costs, or name one that is: --model 3"
        )

    @pytest.mark.parametrize("name", ["card.pdf", "card"])
    def test_another_ending(self, make_model: Make, name: str) -> None:
        with pytest.raises(ConfigError, match=r"expected a name ending in \.csv, \.md or \.html"):
            scorecard(config=make_model(), output=name)

    @pytest.mark.parametrize("unit", [0.0, -20.0, math.inf, math.nan])
    def test_a_unit_that_is_none(self, make_model: Make, unit: float) -> None:
        with pytest.raises(ConfigError, match=r"expected a number above 0"):
            scorecard(config=make_model(), unit=unit)


def test_no_features_at_all(make_model: Make) -> None:
    machine = Machine(((1.0, Scorecard(-2.0)),))
    card = scorecard(config=make_model(machine=machine)).to_dict()
    assert card["features"] == []
    assert card["base"]["log_odds"] == -2.0
    assert [row["probability"] for row in card["probabilities"]]


def test_names_in_brackets_are_no_markup(make_model: Make) -> None:
    scorer = load_scorer(config=make_model())
    named = replace(scorer.bundle.features.features[0], name="[bold]size")
    settings = make_model(version="7", features=(named, *scorer.bundle.features.features[1:]))
    (settings.root / "leadml.toml").write_text("[leads]\n" + LEADS_TOML)
    done = CliRunner().invoke(main, ["scorecard", "--config", str(settings.root / "leadml.toml")])
    assert "[bold]size" in done.output


LEADS_TOML = 'id = "id"\noutcome = "stage"\nwon = ["Won"]\ncreated_at = "created"\n'


def test_the_command(make_model: Make) -> None:
    settings = counted(make_model)
    (settings.root / "leadml.toml").write_text("[leads]\n" + LEADS_TOML)
    config = ["--config", str(settings.root / "leadml.toml")]
    done = CliRunner().invoke(main, ["scorecard", *config], catch_exceptions=False)
    assert done.exit_code == 0
    assert "20 points double the odds; 0 points are a probability of 50 %." in done.output
    assert "Hand-off from 20 points, probability 0.667 (estimated)." in done.output
    told = CliRunner().invoke(main, ["scorecard", "--json", "--unit", "10", *config])
    assert json.loads(told.output)["unit"] == 10
    with_file = ["scorecard", "--output", str(settings.root / "c.csv"), *config]
    written = CliRunner().invoke(main, with_file).output
    assert written.rstrip().endswith("c.csv")
    assert "of leads" in done.output
    assert "of leads" not in written  # the table is in the file
    rows = list(csv.reader(io.StringIO((settings.root / "c.csv").read_text("utf-8"))))
    assert rows[1][0] == "(base)"
