"""What all charts share: the frame, the colours and the one accessible SVG element."""

import io
import re
import warnings
from collections.abc import Mapping, Sequence
from typing import Any

from markupsafe import Markup, escape
from matplotlib.axes import Axes
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, PercentFormatter

MODEL, POINTS, BOTH, INK, FAINT = "#0072B2", "#D55E00", "#007A5A", "#222222", "#8a8f98"
GRID, BAND = "#e3e5e8", "#d9dce1"
SETTINGS: Any = {
    "svg.fonttype": "none",
    "svg.hashsalt": "leadml",
    "text.parse_math": False,
    "font.family": "sans-serif",
    "font.size": 10,
    "axes.edgecolor": FAINT,
    "axes.labelcolor": INK,
    "text.color": INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "xtick.color": INK,
    "ytick.color": INK,
    "axes.axisbelow": True,
    "grid.color": GRID,
    "lines.linewidth": 1.8,
}

_THEMED = {
    MODEL.lower(): "model",
    POINTS.lower(): "points",
    BOTH.lower(): "both",
    INK: "ink",
    FAINT: "faint",
    GRID: "grid",
    BAND: "band",
}
"""What the page's style sheet calls the colours, to choose others on a dark screen."""
_FOREIGN = (
    re.compile(r"\s*<metadata>.*?</metadata>", re.DOTALL),
    re.compile(r"\s*<defs>\s*<style.*?</style>\s*</defs>", re.DOTALL),  # the page's has it
    re.compile(r"font-family: [^;\"]*; "),  # the page's font
)
_TAG = re.compile(r"<[^>]+>")
_COLOUR = re.compile(r"\b(fill|stroke): (#[0-9a-f]{6})\b")
_UNDRAWABLE = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")

Row = Mapping[str, Any]


def frame(width: float, height: float) -> tuple[Figure, Axes]:
    """Return an empty drawing of so many inches, its grid behind what will be drawn."""
    figure = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasSVG(figure)
    axes = figure.add_subplot()
    axes.grid(visible=True)
    axes.tick_params(length=0, pad=6)
    return figure, axes


def arms_of(rates: Sequence[Row]) -> list[list[float]]:
    """Return how far the bounds of ``{value, low, high}`` lie below and above the values."""
    below = [rate["value"] - rate["low"] for rate in rates]
    return [below, [rate["high"] - rate["value"] for rate in rates]]


def percent_axis(axes: Axes, which: str) -> None:
    """Label the axes named in `which` (``"x"``, ``"y"``, ``"xy"``) in whole percent."""
    for letter in which:
        axis = axes.xaxis if letter == "x" else axes.yaxis
        axis.set_major_locator(MaxNLocator(5, steps=[1, 2, 5, 10]))
        axis.set_major_formatter(PercentFormatter(1.0, decimals=0, symbol=" %"))


def round_up(share: float) -> float:
    """Return the end of an axis: the next tenth above, at most 1."""
    return min(1.0, (int(share * 10) + 1) / 10)


def short(label: str, width: int = 24) -> str:
    """Return a label on one line, cut where it is long."""
    label = drawable(label)
    return label if len(label) <= width else label[: width - 1] + "…"


def drawable(text: str) -> str:
    """Return the text on one line, without characters that XML cannot hold."""
    return _UNDRAWABLE.sub("", " ".join(text.split()))


def svg_of(figure: Figure, name: str, title: str, description: str) -> Markup:
    """Return the drawing as an SVG element named and described for those who do not see it.

    `name` is unique within the page and prefixes every id.
    """
    buffer = io.StringIO()
    nothing = dict.fromkeys(("Date", "Creator", "Format", "Type"))
    with warnings.catch_warnings():
        # Letters that matplotlib's font lacks stay text in the SVG: the browser has a font.
        warnings.filterwarnings("ignore", r"Glyph |Matplotlib currently does not support")
        figure.savefig(buffer, format="svg", transparent=True, metadata=nothing)
    drawing = buffer.getvalue()
    drawing = drawing[drawing.index("<svg") :]
    for foreign in _FOREIGN:
        drawing = foreign.sub("", drawing)
    drawing = _TAG.sub(lambda tag: _own(tag[0], name), drawing)
    start = drawing.index(">") + 1
    box = re.search(r'viewBox="[^"]*"', drawing[:start])
    head = (
        f'<svg class="chart" xmlns="http://www.w3.org/2000/svg" '
        f'xmlns:xlink="http://www.w3.org/1999/xlink" {box[0] if box else ""} role="img" '
        f'aria-labelledby="{name}-title {name}-desc">'
        f'<title id="{name}-title">{escape(drawable(title))}</title>'
        f'<desc id="{name}-desc">{escape(description)}</desc>'
    )
    return Markup(head + drawing[start:])  # noqa: S704 - matplotlib escapes the texts it draws  # nosec B704


def _own(tag: str, name: str) -> str:
    """Make ids and references of a tag the chart's own, and its colours the page's."""
    tag = re.sub(r'\bid="', f'id="{name}-', tag)
    tag = tag.replace('href="#', f'href="#{name}-').replace("url(#", f"url(#{name}-")
    return _COLOUR.sub(_themed, tag)


def _themed(found: re.Match[str]) -> str:
    word = _THEMED.get(found[2])
    return f"{found[1]}: var(--{word}, {found[2]})" if word else found[0]
