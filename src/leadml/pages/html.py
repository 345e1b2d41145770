"""From plain data to one self-contained page: no network, no script, nothing to install."""

import json
import math
import os
import re
import tempfile
from collections.abc import Callable, Mapping
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from leadml.errors import DataError
from leadml.pages.marks import where
from leadml.pages.strips import bar, whisker

LONG = 40
"""Letters from which a name may not find room."""
NARROW = "\u202f"


def percent(value: float) -> str:
    """Write a share as a percentage with one decimal."""
    return f"{100 * value:.1f}{NARROW}%"


def share(value: float) -> str:
    """Write an agreed share as shortly as it was agreed."""
    return f"{100 * value:g}{NARROW}%"


def days(value: float) -> str:
    """Write a number of days."""
    return "1 day" if value == 1 else f"{value:g} days"


def moment(value: str | None) -> str:
    """Write an ISO moment in UTC to the minute; a date alone at midnight."""
    if value is None:
        return "the end of the export"
    day, clock = value[:10], value[11:16]
    return day if clock in {"", "00:00"} else f"{day} {clock} UTC"


def count(value: float) -> str:
    """Write a count; an average over ties keeps one decimal."""
    return f"{value:,.0f}" if float(value).is_integer() else f"{value:,.1f}"


def money(value: float) -> str:
    """Write an amount of money to the whole unit, in the export's currency."""
    return f"{value:,.0f}".replace("-", "\u2212")


def decimal(value: float) -> str:
    """Write a measure with four decimals."""
    return f"{value:.4f}"


def coded(text: str) -> Markup:
    """Show what stands between backticks as code; everything else is escaped as it is."""
    parts = _CODE.split(text)
    return Markup("").join(_FORMS[n % 2].format(part) for n, part in enumerate(parts))


_CODE = re.compile(r"`([^`]+)`")
_FORMS = (Markup("{}"), Markup("<code>{}</code>"))


def signed(value: float) -> str:
    """Write a difference with its sign."""
    return f"{value:+.4f}".replace("-", "\u2212")


def points_of_percent(value: float) -> str:
    """Write a difference of shares in percentage points, with its sign."""
    return f"{100 * value:+.1f}".replace("-", "\u2212")


def whole(value: float) -> str:
    """Write money or an average count without decimals."""
    return f"{round(value):,}".replace("-", "\u2212")


def signed_whole(value: float) -> str:
    """Write a difference of such with its sign."""
    return f"{round(value):+,}".replace("-", "\u2212")


def odds(log_odds: float) -> str:
    """Write an effect in log-odds, at most 20 either way, as what the odds are multiplied by."""
    return f"×{NARROW}{math.exp(min(20.0, max(-20.0, log_odds))):.2f}"


def points(value: float) -> str:
    """Write points rounded, with their sign."""
    whole = round(value)
    return f"{whole:+d}".replace("-", "\u2212") if whole else "0"


def years(value: float) -> str:
    """Write a number of years; whole ones are counted."""
    if float(value).is_integer():
        return "1 year" if value == 1 else f"{value:.0f} years"
    return f"{value:.1f} years"


def likely(value: float) -> str:
    """Write a chance that is never said to be certain: a 1 is one that rounding made."""
    if value < 0.0005:
        return f"below 0.1{NARROW}%"
    return f"above 99.9{NARROW}%" if value > 0.9995 else percent(value)


def hundredths(value: float) -> str:
    """Write a slope or ratio with two decimals."""
    return f"{value:.2f}".replace("-", "\u2212")


def hours(value: float) -> str:
    """Write a number of hours in minutes, hours or days, whichever reads best."""
    for size, word in ((24.0, "days"), (1.0, "hours")):
        if value >= 2 * size:
            return f"{value / size:.1f} {word}"
    return f"{60 * value:.0f} minutes"


def marked(value: float | None, way: str) -> Markup:
    """Write a number in one of the ways below, with its value and its place in the JSON file."""
    if value is None:
        return Markup('<span class="none">–</span>')
    shown = Markup('<data value="{}"{}>{}</data>')
    return shown.format(value, where(value), WAYS[way](value))


def told(text: str, *, whole_words: bool = False) -> Markup:
    """Write a text of the JSON file, with its place in it; between backticks it is code.

    With `whole_words`, as in large letters, no line ends at a hyphen.
    """
    shown = text.replace(" %", f"{NARROW}%")
    shown = shown.replace("-", "\u2011") if whole_words else shown
    return Markup("<span{}>{}</span>").format(where(text), coded(shown))


def named(text: str | None) -> Markup:
    """Write a name from the export; its letters may run in either direction.

    The page shows the beginning of a long one, and all of it to a pointer that rests there.
    """
    if text is None:
        return Markup('<span class="none">not recorded</span>')
    whole = Markup(' title="{}"').format(text) if len(text) > LONG else ""
    return Markup('<bdi class="name"{}{}>{}</bdi>').format(where(text), whole, text)


def spoken(word: str) -> Markup:
    """Write a key such as ``wrong_person`` as words."""
    return Markup("<bdi{}>{}</bdi>").format(where(word), word.replace("_", " "))


def dated(value: str | None) -> Markup:
    """Write a moment as `moment` does, with its place in the JSON file."""
    if value is None:
        return Markup('<span class="none">not known</span>')
    shown = Markup('<time datetime="{}"{}>{}</time>')
    return shown.format(value, where(value), moment(value))


WAYS: dict[str, Callable[[float], str]] = {
    "percent": percent,
    "share": share,
    "count": count,
    "decimal": decimal,
    "signed": signed,
    "pp": points_of_percent,
    "money": money,
    "whole": whole,
    "signed_whole": signed_whole,
    "hours": hours,
    "days": days,
    "years": years,
    "hundredths": hundredths,
    "likely": likely,
}


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("leadml.pages"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(percent=percent, share=share, days=days, moment=moment)
    environment.filters.update(
        money=money, coded=coded, count=count, decimal=decimal, signed=signed
    )
    environment.filters.update(whole=whole, signed_whole=signed_whole, pp=points_of_percent)
    environment.filters.update(odds=odds, points=points)
    environment.filters.update(
        marked=marked, told=told, named=named, dated=dated, spoken=spoken, years=years
    )
    environment.filters.update(bar=bar, whisker=whisker)
    return environment


def render(template: str, content: Mapping[str, Any]) -> str:
    """Fill a template; every text is escaped unless it is Markup."""
    css = Markup(style_sheet())  # noqa: S704 - our own style sheet  # nosec B704
    return _environment().get_template(template).render(css=css, **content)


@cache
def style_sheet() -> str:
    """Return the style sheet that every page holds."""
    return files("leadml.pages").joinpath("templates/page.css").read_text("utf-8")


def part(template: str, content: Mapping[str, Any]) -> Markup:
    """Fill a template that is a part of a page; every text is escaped unless it is Markup."""
    drawn = _environment().get_template(template).render(content)
    return Markup(drawn)  # noqa: S704 - the template escapes  # nosec B704


def write_pages(
    folder: Path, name: str, payload: Mapping[str, Any], page: str
) -> tuple[Path, Path]:
    """Write ``name.json`` and ``name.html`` into the folder, each in one step.

    Returns
    -------
    tuple of Path
        The page and the JSON file.

    Raises
    ------
    DataError
        If the folder cannot be made or written to.
    """
    data = json.dumps(payload, allow_nan=False, ensure_ascii=False, indent=1)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        _write(folder / f"{name}.json", data + "\n")
        _write(folder / f"{name}.html", page)
    except OSError as error:
        msg = f"{folder} cannot be written to: {error.strerror or error}; choose another --output"
        raise DataError(msg) from None
    return folder / f"{name}.html", folder / f"{name}.json"


def _write(path: Path, text: str) -> None:
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
        Path(name).chmod(0o644)
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
