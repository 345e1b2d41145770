"""The page of a scorecard: points to add up by hand, with how leads in each range closed."""

from collections.abc import Mapping
from typing import Any

from leadml.pages.html import count, days, percent, points, render
from leadml.pages.summary import Headline

Payload = Mapping[str, Any]

LEAST_SHOWN = 0.5
"""Points (either way) under which a feature is named and its rows are left to the CSV file."""


def scorecard_page(payload: Payload) -> str:
    """Draw a scorecard from its JSON values alone."""
    told = [own for own in payload["features"] if _most(own) >= LEAST_SHOWN]
    content = {
        "title": f"leadml: scorecard of version {payload['version']}",
        "kicker": f"leadml scorecard · version {payload['version']}",
        "headline": scorecard_headline(payload),
        "verdict": "undecided",
        "footer": f"leadml {payload['leadml']} · {payload['unit']:g} points double the odds.",
        "c": payload,
        "told": told,
        "silent": [own["feature"] for own in payload["features"] if own not in told],
        "totals": _columns(payload["probabilities"]),
    }
    return render("scorecard.html", content)


def scorecard_headline(payload: Payload) -> Headline:
    """Say how the card is used, and what it promises."""
    cut, support = payload["cut"], []
    text = "What a lead is worth, in points that add up."
    if cut is not None:
        text = f"Hand off from {points(cut['points'])} points."
        support.append(
            f"That is a probability of {percent(cut['probability'])} ({cut['basis']}) of a "
            f"sales-ready outcome within {days(payload['horizon_days'])}."
        )
    support.append(
        "Start with the base, add the points of one row of each feature, and look the total up."
    )
    if payload["leads"]:
        support.append(
            f"Of the {count(payload['leads'])} leads learnt from {count(payload['won'])} closed."
        )
    return Headline(text, support)


def _most(own: Mapping[str, Any]) -> float:
    ends: list[float] = [row[key] for row in own["shown"] for key in ("points", "points_to")]
    return max(abs(end) for end in ends)


def _columns(rows: list[Any], tables: int = 3) -> list[list[Any]]:
    """Cut a long list into a few of about equal length, read one after the other."""
    length = -(-len(rows) // tables)
    return [rows[start : start + length] for start in range(0, len(rows), length or 1)]
