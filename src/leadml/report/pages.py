"""The two pages: the evaluation of a model, and the report on hand-offs."""

from collections.abc import Mapping
from typing import Any

from leadml.report.charts import (
    MODEL,
    POINTS,
    gains_chart,
    rates_chart,
    reliability_chart,
)
from leadml.report.html import moment, render, share
from leadml.report.summary import (
    METRIC_MEANINGS,
    METRIC_NAMES,
    evaluation_headline,
    report_headline,
)

Payload = Mapping[str, Any]

MOST_DRAWN = 40
"""Most groups drawn in one chart; the table has all."""


def evaluation_page(payload: Payload) -> str:
    """Draw the page of an evaluation from its JSON values alone."""
    agreed = payload["agreement"]
    content = {
        "title": "leadml: evaluation",
        "kicker": f"leadml evaluation · model version {payload['model']['version']}",
        "headline": evaluation_headline(payload),
        "verdict": payload["verdict"],
        "footer": _footer(payload),
        "e": payload,
        "rows": _measures(payload),
        "absent": "; ".join(_reasons(payload)),
        "sure": share(agreed["confidence"]),
        "level": share(payload["intervals"]["scores"]),
        "charts": _evaluation_charts(payload),
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


def report_page(payload: Payload) -> str:
    """Draw the page of the report from its JSON values alone."""
    content = {
        "title": "leadml: report on hand-offs",
        "kicker": f"leadml report · agreement version {payload['agreement']['version']}",
        "headline": report_headline(payload),
        "verdict": payload["verdict"],
        "footer": _footer(payload),
        "r": payload,
        "sure": share(payload["confidence"]),
        "charts": _report_charts(payload),
    }
    return render("report.html", content)


def _report_charts(payload: Payload) -> dict[str, Any]:
    target, counts = payload["target"], payload["agreement"]["counts"]
    rates = [
        ("followed up in time", payload["close_rate"]["followed_up"]),
        ("all handed off", payload["close_rate"]["handed_off"]),
    ]
    charts: dict[str, Any] = {"rates": rates_chart("rates", "Close rate", rates, target=target)}
    for key, rows in payload["by"].items():
        slices = [(str(row[key] or "not recorded"), row["close_rate"][counts]) for row in rows]
        title = f"Close rate by {key}"
        drawable = 1 < len(slices) <= MOST_DRAWN
        charts[key] = rates_chart(key, title, slices, target=target) if drawable else None
    return charts


def _footer(payload: Payload) -> str:
    agreed = payload["agreement"]
    signed = ", ".join(agreed["signed_by"]) or "nobody yet"
    return (
        f"leadml {payload['leadml']} · agreement version {agreed['version']}, signed by {signed} · "
        f"as of {moment(payload['as_of'])} · the JSON file beside this page holds the same numbers."
    )
