"""Drawings small enough for a cell of a table: what they show is the row's numbers.

Lengths are percentages of the cell, so that they fit a phone, a screen and paper alike. They are
hidden from screen readers, which read the numbers.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from markupsafe import Markup

Rate = Mapping[str, Any]

_SVG = Markup('<svg class="strip" width="100%" height="16" aria-hidden="true">{}</svg>')
_BAR = Markup('<rect class="{}" x="0" y="3" width="{}%" height="10"/>')
_LINE = Markup('<line class="{}" x1="{}%" x2="{}%" y1="{}" y2="{}"/>')
_DOT = Markup('<circle class="{}" cx="{}%" cy="8" r="4"/>')


def bar(value: float | None, most: float = 1.0, agreed: float | None = None) -> Markup:
    """Draw a share of `most` as a bar; at `agreed` stands a line."""
    if value is None or most <= 0:
        return Markup("")
    drawn = _BAR.format("bar", _place(value, most))
    if agreed is not None:
        drawn += _upright(agreed, most)
    return _SVG.format(drawn)


def whisker(rate: Rate, top: float, agreed: float | None = None) -> Markup:
    """Draw ``{value, low, high}`` as a dot on the line of its bounds, from 0 to `top`."""
    drawn = _upright(agreed, top) if agreed is not None else Markup("")
    if rate["low"] is not None and rate["high"] is not None:
        ends = (_place(rate["low"], top), _place(rate["high"], top))
        drawn += _LINE.format("arms", *ends, 8, 8)
    if rate["value"] is not None:
        drawn += _DOT.format("dot", _place(rate["value"], top))
    return _SVG.format(drawn) if drawn else Markup("")


def top_of(rates: Iterable[Rate], agreed: float) -> float:
    """Return where a scale for such rates ends: all values and most bounds find room, at most 1.

    A group of three leads is no reason to press all others into a corner: bounds beyond the scale
    run off its end.
    """
    rates = list(rates)
    known = [float(rate["value"]) for rate in rates if rate["value"] is not None]
    highs = sorted(float(rate["high"]) for rate in rates if rate["high"] is not None)
    usual = highs[(len(highs) * 3) // 4] if highs else 0.0
    most = max([agreed * 1.25, usual, *(value * 1.05 for value in known)])
    return min(1.0, (int(most * 20) + 1) / 20)


def _upright(at: float, top: float) -> Markup:
    x = _place(at, top)
    return _LINE.format("agreed", x, x, 0, 16)


def _place(value: float, top: float) -> str:
    return f"{100 * min(max(value / top, 0.0), 1.0):.2f}"
