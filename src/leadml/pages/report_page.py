"""The page of the report, which marketing and sales meet over: drawn from report.json alone.

Every number and every text from the data stands in the JSON file, and says where (`marks`).
"""

from collections.abc import Iterable, Mapping
from typing import Any

from markupsafe import Markup

from leadml.pages.html import render
from leadml.pages.marks import traced
from leadml.pages.report_charts import sequence_chart, served_chart
from leadml.pages.report_rows import (
    month_ends,
    not_sliced,
    shifted,
    slice_groups,
    standing_rows,
    target_table,
)
from leadml.pages.strips import top_of

Payload = Mapping[str, Any]

TITLES = {
    "standing": "Where the agreement stands",
    "funnel": "From lead to win",
    "time": "Close rate over time",
    "slices": "Where it differs",
    "equal": "Model and points, as many hand-offs each",
    "reliability": "Did the served probabilities hold?",
    "rejections": "What sales rejected, and why",
    "scale": "For scale: what others report",
    "action": "What to do now",
    "method": "The agreement, the data and the method",
}
STAGE_NAMES = {
    "leads": "Leads",
    "qualified": "Qualified",
    "handed_off": "Handed off",
    "accepted": "Accepted by sales",
    "followed_up": "Followed up in time",
    "won": "Won",
    "won_with_margin": "Won at the agreed margin",
}
TARGET_NAMES = {"handoffs": "hand-offs", "wins": "wins", "margin": "margin"}


def report_page(payload: Payload, navigation: Markup | None = None) -> str:
    """Draw the page of the report from its JSON values alone.

    `navigation` is the bar of links of a served page; a file has none.
    """
    r = traced(dict(payload))
    unit = r["sequence"]["unit"] if r["sequence"] else "lead"
    content = {
        "title": "leadml: report on hand-offs",
        "navigation": navigation,
        "verdict": payload["verdict"],
        "r": r,
        "titles": TITLES,
        "contents": list(TITLES.items()),
        "stage_names": STAGE_NAMES,
        "target_names": TARGET_NAMES,
        "unit": unit,
        "units": "leads" if unit == "lead" else "companies",
    }
    return render("report.html", content | _parts(r) | _scales(r) | {"charts": _charts(r, unit)})


def _parts(r: Payload) -> dict[str, Any]:
    """Return the rows of tables that are put together from several places of the JSON."""
    standing, sliced = standing_rows(r), slice_groups(r)
    return {
        "standing": standing,
        "top": top_of((row["rate"] for row in standing), r["target"]),
        "sliced": sliced,
        "not_sliced": not_sliced(sliced),
        "month_ends": month_ends(r["over_time"]["path"]),
        "targets": target_table(r["targets"]),
    }


def _scales(r: Payload) -> dict[str, Any]:
    """Return where the drawings within tables end."""
    funnel, equal, told = r["funnel"], r["equal_volume"], r["rejections"]
    effect = r["recommendation"] and r["recommendation"]["would_have"]
    speeds = [row["close_rate"] for row in funnel["by_speed"]]
    volumes = [equal[who]["close_rate"] for who in ("model", "points") if equal[who]]
    return {
        "speed_top": top_of(speeds, r["target"]),
        "month_top": top_of(r["over_time"]["months"], r["target"]),
        "volume_top": top_of(volumes, r["target"]),
        "most_leads": _most(row["leads"] for row in funnel["stages"]),
        "cut_top": top_of([effect["close_rate"]] if effect else [], r["target"]),
        "most_rejected": _most(row["share"] for row in told["reasons"]),
    }


def _most(values: Iterable[float | None]) -> float:
    return max((value for value in values if value is not None), default=0.0)


def _charts(r: Payload, unit: str) -> dict[str, Markup | None]:
    path, held, agreed = r["over_time"]["path"], r["reliability"], r["agreement"]
    months = shifted(r["over_time"]["months"], agreed["horizon_days"] + agreed["grace_days"])
    return {
        "sequence": sequence_chart("sequence", path, months, target=r["target"], unit=unit)
        if path
        else None,
        "served": served_chart("served", held["bins"]) if held else None,
    }
