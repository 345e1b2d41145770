"""Tables of TOML, read into the domain's frozen values; whatever is off is told with its place."""

import difflib
import re
import tomllib
from collections.abc import Mapping
from dataclasses import MISSING, fields
from fractions import Fraction
from pathlib import Path
from typing import Any, TypeVar, get_type_hints

from pydantic import ConfigDict, TypeAdapter, ValidationError

from leadml.errors import ConfigError

T = TypeVar("T")


def read_toml(path: Path) -> dict[str, Any]:
    """Return the content of a file of TOML.

    Raises
    ------
    ConfigError
        If it is missing, is no UTF-8 text or no TOML.
    """
    try:
        return tomllib.loads(path.read_text("utf-8-sig"))
    except FileNotFoundError:
        msg = (
            f"no configuration at {path}: write one with `leadml init EXPORT.csv`, "
            "or name it with --config"
        )
        raise ConfigError(msg) from None
    except (OSError, UnicodeDecodeError) as error:
        msg = f"{path} cannot be read as UTF-8 text: {error}"
        raise ConfigError(msg) from None
    except tomllib.TOMLDecodeError as error:
        msg = f"{path} is not valid TOML: {error}"
        raise ConfigError(msg) from None


def refuse_unknown(table: Mapping[str, Any], names: tuple[str, ...], where: str, what: str) -> None:
    """Refuse the first name that is not known, with the nearest that is."""
    for name in table:
        if name not in names:
            near = difflib.get_close_matches(name, names, 1, 0.5)
            hint = f"did you mean {near[0]}?" if near else f"known: {', '.join(names)}"
            msg = f"{where}: {name} is not a {what} leadml knows; {hint}"
            raise ConfigError(msg)


def as_table(value: object, name: str, where: str) -> dict[str, Any]:
    """Return a value that has to be a table."""
    if not isinstance(value, dict):
        msg = f"{where}: [{name}] must be a table of settings, found {value!r}"
        raise ConfigError(msg)
    return value


def read_section(
    kind: type[T], table: Mapping[str, Any], section: str, where: str, **ready: object
) -> T:
    """Validate one table into one of the domain's frozen values; `ready` values are taken as is."""
    place = f"{where} [{section}]"
    names = {f.name: f for f in fields(kind)}  # type: ignore[arg-type]
    refuse_unknown(table, tuple(names), place, "setting")
    hints = get_type_hints(kind)
    values = {key: _value(value, hints[key], f"{place}: {key}") for key, value in table.items()}
    for name, of in names.items():
        if name not in values | ready and of.default is MISSING and of.default_factory is MISSING:
            msg = f"{place}: {name} is missing; give it {_kind_words(hints[name])}"
            raise ConfigError(msg)
    try:
        return kind(**values, **ready)
    except ValueError as error:
        msg = f"{place}: {error}"
        raise ConfigError(msg) from None


def _value(value: object, hint: Any, place: str) -> object:
    plain = tuple(value) if isinstance(value, list) else value
    if place.endswith("_days") and isinstance(value, str) and _FRACTION.fullmatch(value):
        plain = float(Fraction(value.replace(" ", "")))
    try:
        return TypeAdapter(hint, config=_STRICT).validate_python(plain)
    except ValidationError:
        msg = f"{place} must be {_kind_words(hint)}, found {value!r}"
        raise ConfigError(msg) from None


_FRACTION = re.compile(r"\d{1,6} ?/ ?[1-9]\d{0,5}")  # "1/24": an hour, as a share of a day
_STRICT = ConfigDict(strict=True, allow_inf_nan=False)


def _kind_words(hint: object) -> str:
    text = getattr(hint, "__name__", str(hint)) if isinstance(hint, type) else str(hint)
    if "tuple" in text:
        return "a list" if "..." in text else "a list of two numbers"
    if "Literal" in text:
        return "one of " + text[text.index("[") + 1 : text.index("]")]
    for sign, words in _KIND_WORDS.items():
        if sign in text:
            return words
    return text


_KIND_WORDS = {
    "Mapping[str, str]": 'a table of name = "text"',
    "dict": "a table of name = number",
    "date": "a date like 2026-01-31 (no quotes)",
    "float": "a number",
    "bool": "true or false",
    "str": "a text in quotes",
    "int": "a whole number",
}
