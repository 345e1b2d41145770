"""`leadml scorecard`: an additive version as a table of points, to read and to add up by hand."""

import csv
import io
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from leadml.data.values import microseconds
from leadml.data.writing import write_whole
from leadml.errors import ConfigError, ModelError
from leadml.model.bundle import Bundle, champion_bundle, read_bundle, versions
from leadml.model.score_table import OTHERS, UNIT, ScoreTable, points_of, score_table
from leadml.model.scorecard import log_odds_of
from leadml.model.trend import Trend
from leadml.pages.html import points as points_text
from leadml.pages.scorecard_page import scorecard_page
from leadml.settings import Settings, load_settings
from leadml.workflows.score import iso

COLUMNS = (
    "feature", "range", "from", "to", "level", "points", "points_to", "log_odds", "log_odds_to",
    "leads", "won", "close_rate",
)  # fmt: skip
BASE, TIME = "(base)", "(time)"
"""Names of the rows that are no feature's."""
FARTHEST = 5.0
"""Log-odds to which totals are listed: 0.7 % and 99.3 %."""
FORMATS = (".csv", ".md", ".html")


@dataclass(frozen=True)
class Card:
    """A version's scorecard.

    Attributes
    ----------
    values : dict
        Everything in it, JSON-ready: ``version, chosen, unit, base, time, cut, features,
        probabilities, notes`` …
    output : Path or None
        The file written.
    """

    values: Mapping[str, Any]
    output: Path | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON-ready form."""
        return {**self.values, "output": None if self.output is None else str(self.output)}


def scorecard(
    model: str = "champion",
    *,
    output: Path | str | None = None,
    unit: float = UNIT,
    config: Path | str | Settings | None = None,
) -> Card:
    """Return an additive version as a table of points, and write it where asked.

    Parameters
    ----------
    model : str
        ``champion``, ``challenger`` or a version number.
    output : path, optional
        ``.csv`` (every piece in full precision), ``.md`` or ``.html`` (for people, rounded).
    unit : float
        Points that double the odds, above 0.

    Raises
    ------
    ModelError
        If there is no such version, or it has trees with interactions.
    ConfigError
        If the output cannot be told by its name, or the unit is not above 0.
    """
    settings = load_settings(config)
    target = None if output is None else Path(output)
    _refuse_output(target, unit)
    bundle = read_bundle(champion_bundle(settings.models, model))
    if not bundle.machine.additive:
        raise ModelError(_why_not(bundle, settings))
    table = score_table(bundle.features, bundle.machine, bundle.peers)
    values = card_values(bundle, table, unit)
    if target is not None:
        text = {".csv": csv_text, ".md": markdown_text, ".html": scorecard_page}[target.suffix]
        content = text(values)
        write_whole(target, lambda part: part.write_text(content, "utf-8", newline=""))
    return Card(values, target)


def _refuse_output(target: Path | None, unit: float) -> None:
    if target is not None and target.suffix not in FORMATS:
        msg = f"--output {target}: expected a name ending in .csv, .md or .html"
        raise ConfigError(msg)
    if not (math.isfinite(unit) and unit > 0):
        msg = f"--unit {unit:g}: expected a number above 0, the points that double the odds"
        raise ConfigError(msg)


def _why_not(bundle: Bundle, settings: Settings) -> str:
    additive = [name for name in versions(settings.models) if _is_additive(settings, name)]
    other = f", or name one that is: --model {additive[-1]}" if additive else ""
    chosen = bundle.manifest.get("chosen", "a full model")
    return (
        f"version {bundle.version} ({chosen}) has trees with interactions, and no table of points "
        'adds up to them: set form = "additive" under [model] in leadml.toml and train again; that '
        f"says what it costs{other}"
    )


def _is_additive(settings: Settings, name: str) -> bool:
    try:
        return read_bundle(champion_bundle(settings.models, name)).machine.additive
    except ModelError:
        return False


def card_values(bundle: Bundle, table: ScoreTable, unit: float) -> dict[str, Any]:
    """Return everything a scorecard says, JSON-ready."""
    manifest, machine = bundle.manifest, bundle.machine
    features = [
        {
            "feature": own.feature.name,
            "importance": own.importance,
            "rows": [row.to_dict(unit) for row in own.rows],
            "shown": [row.to_dict(unit) for row in own.shown(unit)],
        }
        for own in table.features
    ]
    now = microseconds(datetime.now(UTC))
    today = table.base + float(machine.trend_of(np.array([now]))[0])
    return {
        "version": bundle.version,
        "chosen": manifest.get("chosen"),
        "trained_at": manifest.get("trained_at"),
        "leads": None if bundle.peers is None else bundle.peers.leads,
        "won": None if bundle.peers is None else bundle.peers.won,
        "horizon_days": bundle.definition.agreement.horizon_days,
        "unit": unit,
        "base": {
            "points": points_of(table.base, unit),
            "log_odds": table.base,
            "points_today": points_of(today, unit),
        },
        "time": None if machine.trend is None else _time(machine.trend, unit),
        "calibration": {"slope": machine.slope, "intercept": machine.intercept},
        "cut": _cut(manifest, unit),
        "features": features,
        "probabilities": _probabilities(table, today, unit),
        "notes": [*_notes(bundle, table, features)],
        "leadml": version("leadml"),
    }


def _time(trend: Trend, unit: float) -> dict[str, Any]:
    """Return the trend as one row: straight between two moments, still before and after."""
    ends = trend.of(np.array([trend.first, trend.last])).tolist()
    return {
        "range": "the moment the lead is judged",
        "from": iso(trend.first),
        "to": iso(trend.last),
        "points": points_of(ends[0], unit),
        "points_to": points_of(ends[1], unit),
        "log_odds": ends[0],
        "log_odds_to": ends[1],
        "points_a_year": points_of(365 * trend.rate, unit),
    }


def _cut(manifest: Mapping[str, Any], unit: float) -> dict[str, Any] | None:
    cut = manifest["threshold"]
    if cut["probability"] is None:
        return None
    (log_odds,) = log_odds_of(np.array([float(cut["probability"])])).tolist()
    points = points_of(log_odds, unit)
    return {"points": points, "probability": cut["probability"], "basis": cut["basis"]}


def _probabilities(table: ScoreTable, base: float, unit: float) -> list[dict[str, float]]:
    """Return the probability of every total that a lead can have, a quarter of the unit apart."""
    ends = [[e for r in own.rows for e in (r.log_odds, r.log_odds_to)] for own in table.features]
    step = math.log(2) / 4
    low = max(-FARTHEST, base + sum(min(own) for own in ends))
    high = min(FARTHEST, base + sum(max(own) for own in ends))
    first, last = math.floor(low / step), math.ceil(high / step)
    return [
        {"points": points_of(n * step, unit), "probability": 1 / (1 + math.exp(-n * step))}
        for n in range(first, last + 1)
    ]


def _notes(
    bundle: Bundle, table: ScoreTable, features: Sequence[Mapping[str, Any]]
) -> Iterator[str]:
    yield (
        "Start with the base, the points of the average lead, and add one row of each feature: "
        "points above 0 speak for a win. The total tells the probability."
    )
    yield (
        "Where a row has two figures the points go evenly from the first, at its lower end, to the "
        "second, at its upper end. A range holds its upper end."
    )
    yield "The slope and the intercept of the calibration are in the points and in the base."
    if bundle.machine.trend is not None:
        yield (
            f"The level moves with time: the row {TIME} adds the points of the moment the lead is "
            "judged, evenly between two moments, the same before and after."
        )
    if any(row["range"].endswith(OTHERS) for own in features for row in own["shown"]):
        yield (
            f"“{OTHERS.strip()}” are those that few leads have: their points lie between the two "
            "figures, and the CSV file has each."
        )
    if not any(own.importance for own in table.features):
        yield "Close rates are not known: this version was trained before leads were counted."


def csv_text(values: Mapping[str, Any]) -> str:
    """Return the exact table as CSV: the base, the time, then every piece of every feature.

    Log-odds of a lead are the base's, the time's and one row's of each feature: ``from < x <= to``
    (open where empty), straight from ``log_odds`` at `from` to ``log_odds_to`` at `to`.
    """
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS, restval="", extrasaction="ignore", lineterminator="\n")
    writer.writeheader()
    base = values["base"]
    words = "the average lead" + ("" if values["time"] is None else ", before the time's row")
    ends = {"points_to": base["points"], "log_odds_to": base["log_odds"]}
    writer.writerow({"feature": BASE, "range": words, **base, **ends})
    if values["time"] is not None:
        writer.writerow({"feature": TIME, **values["time"]})
    for own in values["features"]:
        for row in own["rows"]:
            known = {key: "" if value is None else value for key, value in row.items()}
            writer.writerow({"feature": own["feature"], **known})
    return text.getvalue()


def markdown_text(values: Mapping[str, Any]) -> str:
    """Return the table for people as Markdown."""
    return "\n".join(_markdown(values)) + "\n"


def _markdown(values: Mapping[str, Any]) -> Iterator[str]:
    yield f"# Scorecard of version {values['version']}"
    yield ""
    yield f"{values['unit']:g} points double the odds."
    for note in values["notes"]:
        yield f"{note}"
    if values["cut"] is not None:
        cut = values["cut"]
        yield f"Hand off from {points_text(cut['points'])} points ({cut['basis']})."
    yield ""
    yield from _lines(("feature", "range", "points", "closed", "of leads"), shown_rows(values))
    yield ""
    yield from _lines(
        ("total", "probability"),
        [
            (points_text(row["points"]), f"{100 * row['probability']:.1f} %")
            for row in values["probabilities"]
        ],
    )


def shown_rows(values: Mapping[str, Any]) -> Iterator[Sequence[str]]:
    """Yield the table for people: feature, range, points, close rate, leads."""
    yield "base", "the average lead, today", points_text(values["base"]["points_today"]), "", ""
    for own in values["features"]:
        for place, row in enumerate(own["shown"]):
            rate = "" if row["close_rate"] is None else f"{100 * row['close_rate']:.0f} %"
            leads = "" if row["leads"] is None else f"{row['leads']:,}"
            name = "" if place else own["feature"]
            yield name, row["range"], points_words(row), rate, leads


def _lines(
    head: Sequence[str], rows: "Iterator[Sequence[str]] | list[tuple[str, str]]"
) -> Iterator[str]:
    yield f"| {' | '.join(head)} |"
    yield f"|{'|'.join(' --- ' for _ in head)}|"
    for row in rows:
        yield f"| {' | '.join(_cell(text) for text in row)} |"


def _cell(text: str) -> str:
    return " ".join(text.replace("|", "\\|").split())


def points_words(row: Mapping[str, Any]) -> str:
    """Write a row's points, or those of its two ends."""
    start, end = points_text(row["points"]), points_text(row["points_to"])
    return start if start == end else f"{start} to {end}"
