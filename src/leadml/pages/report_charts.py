"""The report's two charts: the close rate over time, and served probabilities against outcomes."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from itertools import takewhile
from typing import Any

import matplotlib as mpl
from markupsafe import Markup
from matplotlib.axes import Axes

from leadml.pages.drawing import (
    BAND,
    FAINT,
    INK,
    MODEL,
    SETTINGS,
    arms_of,
    frame,
    percent_axis,
    round_up,
    svg_of,
)

Row = Mapping[str, Any]

SETTLED = 20
"""Units from which a bound may set the height of the chart; the first ones are all 0 to 100 %."""


def sequence_chart(
    name: str, path: Sequence[Row], months: Sequence[Row], *, target: float, unit: str
) -> Markup:
    """Draw the running close rate with its confidence sequence, and the agreed rate.

    Parameters
    ----------
    name : str
        Unique within the page.
    path : sequence of mapping
        ``at`` (ISO time), ``units, value, low, high``, oldest first.
    months : sequence of mapping
        ``at`` (ISO time) and ``value``: single months, drawn as small circles.
    target : float
        The agreed rate.
    unit : {"lead", "account"}
        What is counted.
    """
    with mpl.rc_context(SETTINGS):
        figure, axes = frame(5.0, 2.8)
        top = _top(path, months, target)
        _months(axes, months, path)
        _running(axes, path)
        axes.axhline(target, color=INK, linewidth=1.2, linestyle="--")
        _dates(axes)
        axes.set(ylim=(0, top), ylabel="close rate")
        axes.annotate(
            "agreed",
            (1, target),
            (-2, 3),
            xycoords=("axes fraction", "data"),
            textcoords="offset points",
            ha="right",
            fontsize=9,
        )
        percent_axis(axes, "y")
        text = (
            f"Running share of {unit}s won with the bounds that hold at every look, the single "
            "months as circles, and the agreed rate as a dashed line. Values in the tables."
        )
        return svg_of(figure, name, "Close rate over time", text)


def _running(axes: Axes, path: Sequence[Row]) -> None:
    known = [row for row in path if row["value"] is not None]
    if not known:
        return
    at = [_day(row["at"]) for row in known]
    low, high, value = ([float(row[key]) for row in known] for key in ("low", "high", "value"))
    axes.fill_between(at, low, high, color=BAND, linewidth=0, step="post")
    for edge in (low, high):
        axes.step(at, edge, where="post", color=FAINT, linewidth=0.9)
    axes.step(at, value, where="post", color=MODEL, linewidth=2.2)
    axes.plot(at[-1:], value[-1:], "o", color=MODEL, markersize=5)


def _months(axes: Axes, months: Sequence[Row], path: Sequence[Row]) -> None:
    """Draw the months that matured while the path runs: the newest say nothing yet."""
    first, last = _day(path[0]["at"]), _day(path[-1]["at"])
    drawn = [row for row in months if row["value"] is not None and first <= _day(row["at"]) <= last]
    axes.plot(
        [_day(row["at"]) for row in drawn],
        [float(row["value"]) for row in drawn],
        "o",
        markersize=4.5,
        markerfacecolor="none",
        markeredgecolor=FAINT,
        markeredgewidth=1.1,
    )


def _top(path: Sequence[Row], months: Sequence[Row], target: float) -> float:
    highs = [row["high"] for row in path if row["units"] >= SETTLED and row["high"] is not None]
    values = [row["value"] for row in (*path[-1:], *months) if row["value"] is not None]
    return round_up(max([target * 1.3, *highs[-len(highs) * 3 // 4 :], *values[-24:]]))


def _dates(axes: Axes) -> None:
    axes.margins(x=0.02)
    first, last = axes.get_xlim()
    months = _month_starts(first, last)
    if len(months) > 2:
        every = next((n for n in (1, 2, 3, 6, 12, 24) if len(months) <= 5 * n), 60)
        kept = [day for day in months if _month(day) % every == 0]
        axes.set_xticks(kept, [f"{_date(day):%b %Y}" for day in kept])
        return
    days = [first + (last - first) * part / 4 for part in (0.5, 1.5, 2.5, 3.5)]
    axes.set_xticks(days, [f"{_date(day).day} {_date(day):%b}" for day in days])


def _month_starts(first: float, last: float) -> list[float]:
    """Return the first of every month between two days, at most a century of them."""
    begin = _date(first)
    numbers = range(begin.year * 12 + begin.month, begin.year * 12 + begin.month + 1200)
    starts = (_day(f"{n // 12:04}-{n % 12 + 1:02}-01T00:00:00+00:00") for n in numbers)
    return list(takewhile(lambda day: day <= last, starts))


def _month(day: float) -> int:
    return _date(day).year * 12 + _date(day).month - 1


def _date(day: float) -> datetime:
    return datetime.fromtimestamp(day * 86_400, UTC)


def _day(moment: str) -> float:
    """Return days since 1970, matplotlib's measure of time."""
    return datetime.fromisoformat(moment).timestamp() / 86_400


def served_chart(name: str, bins: Sequence[Row]) -> Markup:
    """Draw what was said when the leads were served against what came of them since.

    `bins` hold ``predicted`` (mean probability said), ``leads`` and ``observed`` as
    ``{value, low, high}``; on the dotted line the two agree.
    """
    with mpl.rc_context(SETTINGS):
        figure, axes = frame(4.4, 3.6)
        drawn = [part for part in bins if part["observed"]["value"] is not None]
        said = [float(part["predicted"]) for part in drawn]
        came = [part["observed"] for part in drawn]
        top = round_up(max([0.1, *said, *(float(rate["high"]) for rate in came)]))
        axes.plot([0, 1], [0, 1], color=FAINT, linewidth=1.2, linestyle=":")
        axes.errorbar(
            said,
            [float(rate["value"]) for rate in came],
            yerr=arms_of(came),
            fmt="o",
            color=MODEL,
            markersize=6,
            linewidth=1.4,
        )
        axes.set(xlim=(0, top), ylim=(0, top), xlabel="probability served", ylabel="share won")
        percent_axis(axes, "xy")
        text = (
            "Share won against the probability served, with bounds, for groups of leads that have "
            "since matured; on the dotted line the two agree. Values in the table."
        )
        return svg_of(figure, name, "Served probabilities against outcomes", text)
