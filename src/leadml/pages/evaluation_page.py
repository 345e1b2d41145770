"""The page of an evaluation: model and points on the same leads."""

from collections.abc import Mapping
from typing import Any

from markupsafe import Markup

from leadml.pages.charts import (
    gains_chart,
    profit_of,
    rates_chart,
    reliability_chart,
)
from leadml.pages.drawing import MODEL, POINTS
from leadml.pages.fair_section import fair_section, flagged, slice_tables
from leadml.pages.html import render, share
from leadml.pages.summary import (
    METRIC_MEANINGS,
    METRIC_NAMES,
    evaluation_headline,
    footer,
)

Payload = Mapping[str, Any]


def evaluation_page(payload: Payload, navigation: Markup | None = None) -> str:
    """Draw the page of an evaluation from its JSON values alone.

    `navigation` is the bar of links of a served page; a file has none.
    """
    agreed = payload["agreement"]
    content = {
        "title": "leadml: evaluation",
        "kicker": f"leadml evaluation · model version {payload['model']['version']}",
        "headline": evaluation_headline(payload),
        "verdict": payload["verdict"],
        "footer": footer(payload),
        "navigation": navigation,
        "e": payload,
        "rows": _measures(payload),
        "absent": "; ".join(_reasons(payload)),
        "sure": share(agreed["confidence"]),
        "level": share(payload["intervals"]["scores"]),
        "charts": _evaluation_charts(payload),
        "fair": fair_section(payload),
        "sliced": slice_tables(payload),
        "standing_out": flagged(payload),
    }
    return render("evaluation.html", content)


def _measures(payload: Payload) -> list[dict[str, Any]]:
    compared = {row["metric"]: row for row in payload["comparison"]}
    nothing = {"difference": None, "low": None, "high": None, "better": None}
    rows = []
    for metric, name in METRIC_NAMES.items():
        row = compared.get(metric, nothing)
        absent = row["difference"] is None
        rows.append(
            {
                "name": name,
                "meaning": METRIC_MEANINGS[metric],
                "model": payload["scores"]["model"][metric],
                "points": payload["scores"]["points"][metric],
                "difference": {"value": row["difference"], "low": row["low"], "high": row["high"]},
                "better": "–" if absent else row["better"] or "undecided",
            }
        )
    return rows


def _reasons(payload: Payload) -> list[str]:
    found = [
        f"{who}: {interval['reason']}"
        for who, scores in payload["scores"].items()
        for interval in scores.values()
        if "reason" in interval
    ]
    return list(dict.fromkeys(found))


def _evaluation_charts(payload: Payload) -> dict[str, Any]:
    target = payload["agreement"]["close_rate"]
    charts: dict[str, Any] = {"gains": None, "points": None}
    for name, diagram in payload["reliability"].items():
        if diagram:
            key = f"reliability_{name}"
            charts[key] = reliability_chart(key, name, diagram["curve"], diagram["bins"])
    charts["profit"] = profit_of(payload)
    curves = {name: rows for name, rows in payload["gains"].items() if rows}
    if curves:
        charts["gains"] = gains_chart("gains", curves)
    bands = [(group["band"], group["close_rate"]) for group in payload["by_band"]]
    charts["bands"] = rates_chart("bands", "Close rate by band", bands, target=target, colour=MODEL)
    buckets = [(group["bucket"], group["close_rate"]) for group in payload["by_points"]]
    if buckets:
        title = "Close rate by points"
        charts["points"] = rates_chart("points", title, buckets, target=target, colour=POINTS)
    return charts
