"""Charts: plain data in, one accessible SVG element out.

Every chart repeats what a table beside it says; colours are told apart by the colour-blind
(Okabe and Ito) and backed by different marks.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib as mpl
from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, MaxNLocator

from leadml.pages.drawing import (
    BAND,
    BOTH,
    FAINT,
    INK,
    MODEL,
    POINTS,
    SETTINGS,
    arms_of,
    frame,
    percent_axis,
    round_up,
    short,
    svg_of,
)

STYLES: dict[str, dict[str, Any]] = {
    "model": {"color": MODEL, "linestyle": "-", "marker": "o"},
    "points": {"color": POINTS, "linestyle": "--", "marker": "s"},
}
Curve = Mapping[str, Sequence[float]]
Row = Mapping[str, Any]


def reliability_chart(name: str, contestant: str, curve: Curve, bins: Sequence[Row]) -> Markup:
    """Draw probabilities said against close rates that came.

    Parameters
    ----------
    name : str
        Unique within the page; prefixes every id of the SVG.
    contestant : {"model", "points"}
        Chooses the colour and mark.
    curve : mapping
        ``probability, close_rate, low, high``: the curve and its consistency band.
    bins : sequence of mapping
        ``probability`` and ``close_rate`` as ``{value, low, high}``.
    """
    with mpl.rc_context(SETTINGS):
        figure, axes = frame(4.4, 3.6)
        highest = [part["close_rate"]["high"] for part in bins]
        top = round_up(max(*curve["probability"], *curve["close_rate"], *highest))
        said = curve["probability"]
        axes.fill_between(said, curve["low"], curve["high"], color=BAND, linewidth=0)
        axes.plot([0, 1], [0, 1], color=FAINT, linewidth=1, linestyle=":")
        style = STYLES[contestant]
        axes.plot(said, curve["close_rate"], color=style["color"])
        _whiskers(axes, bins, style)
        axes.set(xlim=(0, top), ylim=(0, top), xlabel="probability said", ylabel="share won")
        percent_axis(axes, "xy")
        text = (
            "Observed close rate against stated probability, with the diagonal of perfect "
            "agreement and the band in which right probabilities would lie. Values in the table."
        )
        return svg_of(figure, name, f"Reliability of the {contestant}", text)


def _whiskers(axes: Axes, bins: Sequence[Row], style: Mapping[str, Any]) -> None:
    said = [part["probability"] for part in bins]
    axes.errorbar(
        said,
        [part["close_rate"]["value"] for part in bins],
        yerr=arms_of([part["close_rate"] for part in bins]),
        fmt=style["marker"],
        color=style["color"],
        markersize=4,
        linewidth=1,
    )


def gains_chart(name: str, curves: Mapping[str, Sequence[Row]]) -> Markup:
    """Draw the share of wins found against the share of leads taken from the top.

    `curves` maps ``model`` and ``points`` to rows of ``leads`` and ``won`` (shares).
    """
    with mpl.rc_context(SETTINGS):
        figure, axes = frame(4.4, 3.6)
        axes.plot([0, 1], [0, 1], color=FAINT, linewidth=1, linestyle=":", label="at random")
        for contestant, rows in curves.items():
            style = STYLES[contestant]
            axes.plot(
                [row["leads"] for row in rows],
                [row["won"] for row in rows],
                color=style["color"],
                linestyle=style["linestyle"],
                label=contestant,
            )
        axes.set(xlim=(0, 1), ylim=(0, 1.01), xlabel="leads taken, best first", ylabel="wins found")
        percent_axis(axes, "xy")
        axes.legend(loc="lower right", frameon=False)
        text = "Share of all wins found, working from the best lead down. Values in the table."
        return svg_of(figure, name, "Gains curve", text)


def profit_of(payload: Mapping[str, Any]) -> Markup | None:
    """Draw the profit curve of a page's values, where they tell one."""
    told = payload.get("profit")
    return profit_chart("profit", told) if told and told["model"] else None


def profit_chart(name: str, profit: Mapping[str, Any]) -> Markup:
    """Draw the profit observed and expected against the share of leads worked, best first.

    `profit` maps ``model`` and ``points`` (or None) to ``curve`` and ``best``.
    """
    with mpl.rc_context(SETTINGS):
        figure, axes = frame(4.4, 3.6)
        axes.axhline(0, color=FAINT, linewidth=1)
        for contestant in ("model", "points"):
            if profit[contestant]:
                _profit_lines(axes, contestant, profit[contestant])
        axes.set(xlim=(0, 1), xlabel="leads worked, best first", ylabel="margin less cost of work")
        percent_axis(axes, "x")
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: short_money(value)))
        axes.legend(loc="best", frameon=False, fontsize=9)
        text = "Cumulative margin less the cost of work, working from the best lead down."
        return svg_of(figure, name, "Profit curve", f"{text} Values in the table.")


def _profit_lines(axes: Axes, contestant: str, told: Mapping[str, Any]) -> None:
    style, curve = STYLES[contestant], told["curve"]
    leads = [row["leads"] for row in curve]
    low, high = ([row[f"observed_{end}"] for row in curve] for end in ("low", "high"))
    if low != high and contestant == "model":
        axes.fill_between(leads, low, high, color=style["color"], alpha=0.15, linewidth=0)
    axes.plot(
        leads,
        [row["observed"] for row in curve],
        color=style["color"],
        linestyle=style["linestyle"],
        label=f"{contestant}: as it came",
    )
    if contestant == "model":
        expected = [row["expected"] for row in curve]
        axes.plot(leads, expected, color=INK, linewidth=1.2, linestyle=":", label="as expected")
        best = told["best"]
        axes.plot([best["leads"]], [best["expected"]], marker="o", color=INK, markersize=5)


def short_money(value: float) -> str:
    """Write an amount of money shortly: in thousands or millions where it is large.

    Examples
    --------
    >>> short_money(950), short_money(-12_500), short_money(3_000_000)
    ('950', '−12.5k', '3M')
    """
    for size, letter in ((1e6, "M"), (1e3, "k")):
        if abs(value) >= size:
            return f"{value / size:g}{letter}".replace("-", "\u2212")
    return f"{value:g}".replace("-", "\u2212")


def rates_chart(
    name: str, title: str, rows: Sequence[tuple[str, Row]], *, target: float, colour: str = MODEL
) -> Markup:
    """Draw one close rate with its bounds per named group, against the agreed rate.

    `rows` are pairs of a group's name and ``{value, low, high}``; groups without a value are left
    out of the drawing (the table has them).
    """
    drawn = [(label, rate) for label, rate in rows if rate["value"] is not None]
    with mpl.rc_context(SETTINGS):
        figure, axes = frame(4.4, 1.0 + 0.32 * max(len(drawn), 1))
        heights = range(len(drawn), 0, -1)
        rates = [rate for _, rate in drawn]
        axes.errorbar(
            [rate["value"] for rate in rates],
            list(heights),
            xerr=arms_of(rates),
            fmt="o",
            color=colour,
            markersize=6,
            linewidth=1.6,
        )
        axes.axvline(target, color=INK, linewidth=1, linestyle="--")
        axes.annotate(
            "agreed",
            (target, 1),
            (3, 2),
            xycoords=("data", "axes fraction"),
            textcoords="offset points",
            fontsize=9,
            color=INK,
        )
        axes.set_yticks(list(heights), [short(label) for label, _ in drawn])
        top = round_up(max([target, *(rate["high"] for rate in rates)]))
        axes.set(xlim=(0, top), ylim=(0.4, len(drawn) + 0.6), xlabel="share won")
        axes.grid(axis="y", visible=False)
        percent_axis(axes, "x")
        text = "Close rate of each group with its bounds, and the agreed rate as a dashed line."
        return svg_of(figure, name, title, f"{text} Values in the table.")


def forest_chart(name: str, pairs: Sequence[Row]) -> Markup:
    """Draw differences in log loss two by two with their intervals, against no difference.

    `pairs` hold ``first, second, difference, low, high, better``; left of 0 the first is better.
    """
    colours = {"model": MODEL, "points": POINTS, "both": BOTH, None: FAINT}
    with mpl.rc_context(SETTINGS):
        figure, axes = frame(4.8, 1.2 + 0.36 * len(pairs))
        heights = list(range(len(pairs), 0, -1))
        for height, pair in zip(heights, pairs, strict=True):
            arms = [[pair["difference"] - pair["low"]], [pair["high"] - pair["difference"]]]
            axes.errorbar(
                [pair["difference"]],
                [height],
                xerr=arms,
                fmt="o",
                color=colours[pair["better"]],
                markersize=6,
                linewidth=1.6,
            )
        axes.axvline(0, color=INK, linewidth=1, linestyle="--")
        axes.set_yticks(heights, [f"{pair['first']} − {pair['second']}" for pair in pairs])
        axes.set(ylim=(0.4, len(pairs) + 0.6), xlabel="difference in log loss (left: first better)")
        axes.grid(axis="y", visible=False)
        axes.xaxis.set_major_locator(MaxNLocator(5))
        text = (
            "Differences in log loss after equal calibration with their intervals; the dashed line "
            "is no difference. Values in the table."
        )
        return svg_of(figure, name, "Model, points and both, two by two", text)
