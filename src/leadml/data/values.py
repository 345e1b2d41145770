"""One reading of every raw value, whether it came from a CSV cell, a Parquet column or JSON.

Training, batch scoring and the service all read values here: the same cell can never mean two
things. Nothing in this module needs pandas.
"""

import math
import re
from collections.abc import Callable
from datetime import UTC, date, datetime, tzinfo
from decimal import Decimal
from numbers import Integral, Real
from uuid import UUID

NUMBER_GAPS = frozenset({"nan", "na", "n/a", "#n/a", "null", "none", "<na>", "nat", "-"})
_PLAIN = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?", re.IGNORECASE | re.ASCII)
_THOUSANDS = re.compile(r"[+-]?[1-9]\d{0,2}(,\d{3})+(\.\d+)?", re.ASCII)
_EUROPEAN = re.compile(r"[+-]?([1-9]\d{0,2}(\.\d{3})+|\d+),\d+", re.ASCII)
_COMMA = re.compile(
    r"[+-]?(([1-9]\d{0,2}(\.\d{3})+|\d+)(,\d*)?|,\d+)(e[+-]?\d+)?", re.IGNORECASE | re.ASCII
)
_UNCLEAR = re.compile(r"[+-]?[1-9]\d{0,2}[.,]\d{3}", re.ASCII)
_WHOLE = re.compile(r"([+-]?\d+)\.0+", re.ASCII)
_SPACED_OFFSET = re.compile(r" ?(?:UTC|GMT)$| ([+-]\d\d(?::?\d\d)?)$", re.IGNORECASE | re.ASCII)
_CODE = re.compile(r"0\d+", re.ASCII)
_FLAGS = frozenset({"true", "false"})
_CURRENCY = " \u00a0$€£¥"

Reader = Callable[[object], object]


class NotUsableError(ValueError):
    """A value that is present but cannot be read as what its column holds."""


def missing_texts(texts: tuple[str, ...]) -> frozenset[str]:
    """Return the texts that mean missing, ready for `is_missing`."""
    return frozenset(text.strip().casefold() for text in texts)


def is_missing(value: object, missing: frozenset[str]) -> bool:
    """Tell whether a raw value means *nothing recorded*: None, NaN, empty, or a configured text."""
    if value is None:
        return True
    if isinstance(value, str):
        text = value.strip()
        return not text or text.casefold() in missing
    if type(value) is float:
        return value != value
    return isinstance(value, (Real, Decimal)) and value != value  # NaN alone differs from itself


def is_flag(value: object) -> bool:
    """Tell whether a raw value is true or false, as such or spelt out."""
    if isinstance(value, str):
        return value.strip().casefold() in _FLAGS
    return isinstance(value, bool) or type(value).__name__ in ("bool", "bool_")


def is_code(value: object) -> bool:
    """Tell whether a raw value is written like a code: digits with a leading zero (``0713``)."""
    return isinstance(value, str) and bool(_CODE.fullmatch(value.strip()))


def to_number(value: object, missing: frozenset[str] = frozenset(), *, decimal: str = ".") -> float:
    """Read a number; NaN where missing.

    Thousands separators, currency signs and a percent sign (``45 %`` is 0.45) are understood;
    booleans are 1 and 0. With ``decimal="."`` a comma that groups no thousands is a decimal comma
    (``12,5``); with ``decimal=","`` a point only groups thousands (``2.835`` is 2835).

    Raises
    ------
    NotUsableError
        If the value is present but not a finite number.
    """
    if type(value) is float and value - value == 0:
        return value
    if is_missing(value, missing):
        return math.nan
    if isinstance(value, str):
        return _number_from_text(value, decimal)
    if isinstance(value, (Real, Decimal)):
        try:
            return _finite(float(value), value)
        except OverflowError:  # a whole number beyond any float
            return _finite(math.inf, value)
    msg = f"expected a number, found {_shown(value)}"
    raise NotUsableError(msg)


def _number_from_text(value: str, decimal: str) -> float:
    text = value.strip()
    if text.casefold() in NUMBER_GAPS:
        return math.nan
    if decimal == "." and _PLAIN.fullmatch(text):
        return _finite(float(text), value)
    if text.casefold() in _FLAGS:
        return float(text.casefold() == "true")
    scale = 0.01 if text.endswith("%") else 1.0
    text = text.strip(_CURRENCY + "%")
    plain = _with_point(text, decimal)
    if not _PLAIN.fullmatch(plain):
        expected = "a finite number" if "inf" in text.casefold() else "a number"
        msg = f"expected {expected}, found {_shown(value)}"
        raise NotUsableError(msg)
    return _finite(float(plain) * scale, value)


def _with_point(text: str, decimal: str) -> str:
    """Spell a number without thousands separators; the empty text for none in that convention."""
    if decimal == ",":
        return text.replace(".", "").replace(",", ".") if _COMMA.fullmatch(text) else ""
    if _THOUSANDS.fullmatch(text):
        return text.replace(",", "")
    return text.replace(".", "").replace(",", ".") if _EUROPEAN.fullmatch(text) else text


def decimal_sign(value: object) -> str | None:
    """Return which decimal sign a number written as text must have been written with.

    Returns
    -------
    sign : str or None
        ``"."`` or ``","``; ``"?"`` where either gives a number, and not the same one (``2.835``,
        ``2,835``); None where there is nothing to tell by (``12``, no number, or no text).
    """
    if not isinstance(value, str):
        return None
    text = value.strip().strip(_CURRENCY + "%")
    if "," not in text and "." not in text:
        return None
    if _UNCLEAR.fullmatch(text):
        return "?"
    if _COMMA.fullmatch(text):
        return ","
    return "." if _PLAIN.fullmatch(text) or _THOUSANDS.fullmatch(text) else None


def _finite(number: float, value: object) -> float:
    if math.isinf(number):
        msg = f"expected a finite number, found {_shown(value)}"
        raise NotUsableError(msg)
    return number


def to_text(value: object, missing: frozenset[str] = frozenset()) -> str | None:
    """Read a text in one canonical spelling; None where missing.

    ``5``, ``5.0`` and ``"5.0"`` are all ``"5"``; ``true``, ``"True"`` and ``"TRUE"`` are all
    ``"true"``.

    Raises
    ------
    NotUsableError
        If the value is a list or an object.
    """
    if isinstance(value, str):
        text = value.strip()
        folded = text.casefold()
        if not text or folded in missing:
            return None
        if folded in _FLAGS:
            return folded
        whole = _WHOLE.fullmatch(text) if text[-1] == "0" else None
        return whole[1] if whole else text
    if is_missing(value, missing):
        return None
    if isinstance(value, (date, datetime)):
        return value.isoformat()
    if isinstance(value, UUID):
        return str(value)
    if hasattr(value, "item"):
        value = value.item()
    return _scalar_text(value)


def _scalar_text(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Integral):
        return str(int(value))
    if isinstance(value, (Real, Decimal)):
        number = float(value)
        return str(int(number)) if number.is_integer() else repr(number)
    msg = f"expected a text, found {_shown(value)}"
    raise NotUsableError(msg)


def time_reader(zone: tzinfo, date_format: str | None) -> Callable[[object], datetime]:
    """Return a function that reads one present time value as aware UTC.

    ISO 8601 with ``T`` or a space, any fraction, and an offset (a space before it is allowed) or a
    last word ``UTC``; or `date_format` (``strptime``). Naive times are read in `zone`; a date alone
    means 00:00 in `zone`.
    """

    def read(value: object) -> datetime:
        return in_utc(read_moment(value, date_format), zone)

    return read


def in_utc(moment: datetime, zone: tzinfo) -> datetime:
    """Return a moment as aware UTC, read in `zone` where it is naive."""
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=zone)
    try:
        return moment.astimezone(UTC)
    except OverflowError:
        msg = f"expected a time between the years 1 and 9999, found {_shown(str(moment))}"
        raise NotUsableError(msg) from None


def read_moment(value: object, date_format: str | None) -> datetime:
    """Read one present time value, naive or aware as it is written.

    Raises
    ------
    NotUsableError
        If it is not a time of the expected form.
    """
    if isinstance(value, datetime):
        return value
    if isinstance(value, date):
        return datetime(value.year, value.month, value.day)  # noqa: DTZ001 - made aware by the caller
    expected = f"a time like {date_format}" if date_format else "an ISO 8601 time"
    if isinstance(value, str):
        text = value.strip()
        try:
            if date_format:
                return datetime.strptime(text, date_format)  # noqa: DTZ007 - made aware by the caller
            return _from_iso(text)
        except ValueError:
            pass  # told below
    msg = f"expected {expected}, found {_shown(value)}"
    raise NotUsableError(msg)


def _from_iso(text: str) -> datetime:
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return datetime.fromisoformat(_SPACED_OFFSET.sub(_plain_offset, text))


def _plain_offset(match: re.Match[str]) -> str:
    return match[1] or "+00:00"


EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECONDS_A_DAY = 86_400_000_000
NO_TIME = -(2**63)  # numpy's NaT, so that int64 microseconds and datetime64[us] are one thing


def microseconds(moment: datetime) -> int:
    """Return whole microseconds since 1970-01-01 UTC, exactly."""
    delta = moment - EPOCH
    return delta.days * MICROSECONDS_A_DAY + delta.seconds * 1_000_000 + delta.microseconds


def _shown(value: object, width: int = 40) -> str:
    text = repr(value)
    return text if len(text) <= width else text[: width - 1] + "…"
