"""What the evaluation's page says of model, points and both together, and of slices."""

from collections.abc import Mapping
from itertools import groupby
from typing import Any

from leadml.pages.charts import forest_chart
from leadml.pages.html import share

Payload = Mapping[str, Any]

MEASURE_NAMES = {
    "log_loss_equal": "log loss, all calibrated alike",
    "brier_equal": "Brier score, all calibrated alike",
    "auc": "AUC",
    "log_loss": "log loss, as stated",
    "brier": "Brier score, as stated",
}
MEASURE_MEANINGS = {
    "log_loss_equal": "decides; lower is better",
    "brier_equal": "squared error; lower is better",
    "auc": "chance that a won lead ranks above a lost one; higher is better",
    "log_loss": "each by its own probabilities; lower is better",
    "brier": "each by its own probabilities; lower is better",
}
SHOWN = ("model", "points", "both")
MOST_SLICES = 8
"""Slices of a key shown at once; those that follow without a flag are folded away."""
KEY_NAMES = {"source": "Source", "industry": "Industry", "owner": "Owner", "month": "Month"}


def fair_section(payload: Payload) -> dict[str, Any] | None:
    """Arrange the fair comparison for its section; None where there were no points."""
    fair = payload["fair_comparison"]
    if fair is None:
        return None
    primary = next(row for row in fair["measures"] if row["metric"] == fair["primary"])
    return {
        "text": payload["winner_text"],
        "chart": forest_chart("forest", primary["pairs"]) if primary["pairs"] else None,
        "measures": [_measure(row) for row in fair["measures"]],
        "volumes": [_row(row, _volume_name(row)) for row in fair["same_volume"]],
        "rates": [_row(row, _rate_name(row)) for row in fair["same_close_rate"]],
        "profit": [_row(row, _volume_name(row)) for row in fair["profit"] or ()],
        "names": [name for name in SHOWN if name in fair["same_volume"][0]],
    }


def _measure(row: Payload) -> dict[str, Any]:
    named = {"name": MEASURE_NAMES[row["metric"]], "meaning": MEASURE_MEANINGS[row["metric"]]}
    return _row(row, named["name"]) | named


def _row(row: Payload, name: str) -> dict[str, Any]:
    """Put the pairs of a row under the names of its two."""
    nothing = {"difference": None, "low": None, "high": None, "better": None}
    pairs = {f"{pair['first']}_{pair['second']}": pair for pair in row["pairs"]}
    wanted = {key: pairs.get(key, nothing) for key in ("model_points", "both_model")}
    return {**row, **wanted, "label": name}


def _volume_name(row: Payload) -> str:
    return {
        "points": "as many as the points hand off",
        "model": "as many as the model hands off",
    }.get(row["of"]) or f"{share(float(row['of']))} of the leads"


def _rate_name(row: Payload) -> str:
    return {
        "agreement": "the agreed close rate",
        "points": "what the points’ hand-offs close at",
        "model": "what the model’s hand-offs close at",
    }[row["of"]]


def slice_tables(payload: Payload) -> list[dict[str, Any]]:
    """Group the slices by key: those to be seen at once, and the rest.

    Flagged slices are always seen.
    """
    tables = []
    for key, rows in groupby(payload["slices"], key=lambda row: row["key"]):
        every = [row | {"label": slice_name(row)} for row in rows]
        seen = {n for n, row in enumerate(every) if row["flags"]}
        first = range(len(every))[-MOST_SLICES:] if key == "month" else range(MOST_SLICES)
        seen |= set(first)
        tables.append(
            {
                "title": KEY_NAMES[key],
                "key": key,
                "shown": [row for n, row in enumerate(every) if n in seen],
                "folded": [row for n, row in enumerate(every) if n not in seen],
            }
        )
    return tables


def slice_name(row: Payload) -> str:
    """Return what a slice is called: its value, or what it stands for."""
    if row["rest"]:
        return "all others"
    return "not recorded" if row["name"] is None else str(row["name"])


def flagged(payload: Payload) -> list[str]:
    """Return one short line for every flagged slice."""
    return [
        f"{row['key']} {slice_name(row)}: {row['verdict']} ({row['won']:,} of {row['leads']:,} "
        f"won, {row['expected']:,.1f} predicted)"
        for row in payload["slices"]
        if row["flags"]
    ]
