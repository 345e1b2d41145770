"""The page of the report: handed-off leads held against the agreement."""

from collections.abc import Mapping
from typing import Any

from markupsafe import Markup

from leadml.pages.charts import rates_chart
from leadml.pages.html import render, share
from leadml.pages.summary import footer, report_headline

Payload = Mapping[str, Any]

MOST_DRAWN = 40
"""Most groups drawn in one chart; the table has all."""


def report_page(payload: Payload, navigation: Markup | None = None) -> str:
    """Draw the page of the report from its JSON values alone.

    `navigation` is the bar of links of a served page; a file has none.
    """
    content = {
        "title": "leadml: report on hand-offs",
        "kicker": f"leadml report · agreement version {payload['agreement']['version']}",
        "headline": report_headline(payload),
        "verdict": payload["verdict"],
        "footer": footer(payload),
        "r": payload,
        "sure": share(payload["confidence"]),
        "navigation": navigation,
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
