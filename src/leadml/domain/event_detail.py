"""What each kind of event may say besides who and when: closed names, each with its own range."""

import unicodedata
from collections.abc import Callable, Mapping
from datetime import MAXYEAR, MINYEAR, datetime
from math import isfinite
from typing import Any

MOST_TEXT = 500
MOST_REASONS = 50

Check = Callable[[Any], str]
"""Returns what was expected of a value, or the empty text where it is as expected."""


def flag(value: object) -> str:
    """Expect true or false."""
    return "" if isinstance(value, bool) else "true or false"


def number(value: object) -> str:
    """Expect a finite number."""
    return "" if _is_number(value) else "a finite number"


def share(value: Any) -> str:
    """Expect a probability."""
    return "" if _is_number(value) and 0 <= value <= 1 else "a number from 0 to 1"


def text(value: object) -> str:
    """Expect a text of bounded length."""
    good = isinstance(value, str) and len(value.strip()) > 0 and len(value) <= MOST_TEXT
    good = good and not any(_is_control(each) for each in str(value))
    return "" if good else f"a text of 1 to {MOST_TEXT} characters without control characters"


def _is_control(sign: str) -> bool:
    """Tell whether a sign prints nothing: it would garble a page or a spreadsheet."""
    return unicodedata.category(sign) in {"Cc", "Cs"} and sign not in "\t\n\r"


def time(value: object) -> str:
    """Expect an ISO 8601 time with its offset, of a year that has a next one in any zone."""
    try:
        moment = datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        moment = None
    good = moment is not None and moment.tzinfo is not None and MINYEAR < moment.year < MAXYEAR
    return "" if good else "an ISO 8601 time with its offset, such as 2026-03-02T09:30:00Z"


def word(value: object) -> str:
    """Expect a text or a number: what a CRM's cell holds."""
    return "" if _is_number(value) or not text(value) else f"a number or {text(0)}"


def reasons(value: object) -> str:
    """Expect the reasons of a score, as they were answered."""
    good = isinstance(value, (list, tuple)) and len(value) <= MOST_REASONS
    good = good and all(isinstance(each, Mapping) for each in value)  # type: ignore[attr-defined]
    return "" if good else f"a list of up to {MOST_REASONS} objects"


def attributes(value: object) -> str:
    """Expect the lead's attributes."""
    if not isinstance(value, Mapping):
        return "an object"
    for name, each in value.items():
        if name not in ATTRIBUTES:
            return f"an object of {', '.join(ATTRIBUTES)}, without {name!r}"
        if each is not None and ATTRIBUTES[name](each):
            return f"an object whose {name} is {ATTRIBUTES[name](each)}"
    return ""


def _is_number(value: object) -> bool:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return False
    return abs(value) < 10**300 if isinstance(value, int) else isfinite(value)


ATTRIBUTES: dict[str, Check] = {
    "source": text,
    "industry": text,
    "segment": text,
    "account_size": word,
    "created_at": time,
    "qualified_at": time,
}
"""What is told of a lead beside its history: the latest value counts."""

_ABOUT: dict[str, Check] = {"attributes": attributes}
_HANDOFF: dict[str, Check] = {"explored": flag, "handoff_probability": share, **_ABOUT}

NAMES: dict[str, dict[str, Check]] = {
    "scored": {
        "probability": share,
        "points": number,
        "sales_ready": flag,
        "hand_off": flag,
        "cut": share,
        "band": text,
        "priority": number,
        "expected_margin": number,
        "reasons": reasons,
        "points_bucket": text,
        "grade": text,
        "as_of": time,
        "shadow": flag,
        **_HANDOFF,
    },
    "handed_off": _HANDOFF,
    "accepted": _ABOUT,
    "rejected": {"reason": text, "text": text, "right_person": text, **_ABOUT},
    "followed_up": _ABOUT,
    "won": {"amount": number, "margin_amount": number, "recorded_at": time, **_ABOUT},
    "lost": {"recorded_at": time, **_ABOUT},
    "reopened": {},
    "corrected": {
        "corrects": text,
        "void": flag,
        "happened_at": time,
        "event": text,
        "owner": text,
        "account": text,
        "detail": lambda value: "" if isinstance(value, Mapping) else "an object",
    },
}
"""By kind of event, the names its detail may have and what their values must be; null is always
allowed and says nothing."""
