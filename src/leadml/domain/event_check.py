"""Whether an event may enter the ledger, and if not, why."""

import unicodedata
from collections.abc import Collection, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from leadml.domain.correction import as_utc
from leadml.domain.event import KINDS, Event, packed
from leadml.domain.event_detail import NAMES

MOST_CHARACTERS = 200
MOST_DETAIL = 32_768
FIRST_YEAR = 1970
CLOCK_TOLERANCE = timedelta(minutes=5)
"""How far ahead of the ledger's clock a sender's clock may be."""


def problem_of(event: Event, *, reasons: Collection[str], now: datetime) -> str:
    """Tell what is wrong with an event.

    Parameters
    ----------
    event : Event
        As it came, nothing taken for granted.
    reasons : collection of str
        Why sales may reject a lead.
    now : datetime
        The ledger's clock; aware.

    Returns
    -------
    problem : str
        What was expected and what was found; empty where nothing is wrong.
    """
    return (
        _kind(event)
        or _names(event)
        or _moment("happened_at", event.happened_at, now)
        or _detail(event.event, event.detail)
        or _BY_KIND.get(event.event, _nothing)(event, reasons, now)
    )


def _kind(event: Event) -> str:
    if event.event in KINDS:
        return ""
    return f"event must be one of {', '.join(KINDS)}, found {_shown(event.event)}"


def _names(event: Event) -> str:
    for name in ("lead", "account", "owner", "model_version", "agreement_hash", "idempotency_key"):
        value = getattr(event, name)
        if value is None and name != "lead":
            continue
        if value == "" and name == "idempotency_key":
            continue
        if not is_name(value):
            return (
                f"{name} must be a text of 1 to {MOST_CHARACTERS} characters without control "
                f"characters or blanks at its ends, found {_shown(value)}"
            )
    return ""


def is_name(value: object) -> bool:
    """Tell whether a value can be a lead's id, an owner, a key and the like.

    Examples
    --------
    >>> [is_name(value) for value in ("L 1", "", " L1", 7)]
    [True, False, False, False]
    """
    if not isinstance(value, str) or not 0 < len(value) <= MOST_CHARACTERS:
        return False
    return value == value.strip() and (value.isprintable() or _has_no_control(value))


def _has_no_control(value: str) -> bool:
    """Tell whether nothing in it is a control character, half a surrogate pair or unassigned."""
    return not any(unicodedata.category(each) in {"Cc", "Cs"} for each in value)


def _moment(name: str, moment: object, now: datetime) -> str:
    if not isinstance(moment, datetime) or moment.utcoffset() is None:
        return f"{name} must be a time with its offset, found {_shown(moment)}"
    if moment > now + CLOCK_TOLERANCE:
        minutes = CLOCK_TOLERANCE.seconds // 60
        return (
            f"{name} {moment.isoformat()} lies more than {minutes} minutes in the future "
            f"(now {_iso(now)}): check the date and its time zone"
        )
    if moment.year < FIRST_YEAR:
        return f"{name} {moment.isoformat()} lies before {FIRST_YEAR}: check the year"
    return ""


def _detail(kind: str, detail: object) -> str:
    if not isinstance(detail, Mapping):
        return f"detail must be an object, found {_shown(detail)}"
    known = NAMES[kind]
    for name, value in detail.items():
        if name not in known:
            allowed = ", ".join(known) or "nothing"
            return f"detail of {kind} may hold {allowed}, found {_shown(name)}"
        expected = known[name](value) if value is not None else ""
        if expected:
            return f"detail.{name} must be {expected}, found {_shown(value)}"
    return _size(detail) if detail else ""


def _size(detail: Mapping[str, Any]) -> str:
    try:
        text = packed(detail) or ""
        text.encode()
    except (TypeError, ValueError, RecursionError):
        return "detail must hold plain JSON values with finite numbers and whole characters"
    if len(text) > MOST_DETAIL:
        return f"detail may be {MOST_DETAIL:,} characters of JSON long, found {len(text):,}"
    return ""


def _nothing(event: Event, reasons: Collection[str], now: datetime) -> str:
    return ""


def _closed(event: Event, reasons: Collection[str], now: datetime) -> str:
    written = event.detail.get("recorded_at")
    return "" if written is None else _moment("detail.recorded_at", as_utc(written), now)


def _rejected(event: Event, reasons: Collection[str], now: datetime) -> str:
    return _rejection(event.detail, reasons)


def _rejection(detail: Mapping[str, Any], reasons: Collection[str]) -> str:
    if detail.get("reason") is None:
        return f"a rejection needs detail.reason, one of {', '.join(reasons)}"
    return _reason(detail, reasons)


def _reason(detail: Mapping[str, Any], reasons: Collection[str]) -> str:
    reason = detail.get("reason")
    if reason is not None and reason not in reasons:
        return f"detail.reason must be one of {', '.join(reasons)}, found {_shown(reason)}"
    if reason == "other" and not detail.get("text"):
        return "a rejection for the reason other needs detail.text: say why in a few words"
    if reason is not None and reason != "wrong_person" and detail.get("right_person") is not None:
        return f"detail.right_person goes with the reason wrong_person only, found {reason}"
    return ""


def _corrected(event: Event, reasons: Collection[str], now: datetime) -> str:
    detail = event.detail
    given = {name for name, value in detail.items() if value is not None}
    if "corrects" not in given:
        return "a correction needs detail.corrects: the idempotency key of the event it corrects"
    if detail["corrects"] == event.idempotency_key:
        return "a correction cannot correct itself: detail.corrects names its own key"
    changes = given - {"corrects"}
    if "void" in changes and (detail["void"] is not True or len(changes) > 1):
        return "detail.void of a correction is true and stands alone: it takes the event back"
    if not changes:
        return (
            "a correction needs detail.void or what replaces the earlier values: happened_at, "
            "event, owner, account, detail"
        )
    return _replacements(detail, reasons, now)


def _replacements(detail: Mapping[str, Any], reasons: Collection[str], now: datetime) -> str:
    kind, moment = detail.get("event"), detail.get("happened_at")
    if kind is not None and kind not in _MENDABLE:
        return f"detail.event must be one of {', '.join(_MENDABLE)}, found {_shown(kind)}"
    if moment is not None:
        problem = _moment("detail.happened_at", as_utc(moment), now)
        if problem:
            return problem
    for name in ("owner", "account"):
        if detail.get(name) is not None and not is_name(detail[name]):
            return f"detail.{name} must be a text of 1 to {MOST_CHARACTERS} characters"
    return _replaced_detail(kind, detail.get("detail") or {}, reasons)


def _replaced_detail(
    kind: str | None, replaced: Mapping[str, Any], reasons: Collection[str]
) -> str:
    """Check what replaces an event's detail: names of its kind, or of any where none is told."""
    if kind == "rejected":
        return _detail(kind, replaced) or _rejection(replaced, reasons)
    if kind is not None:
        return _detail(kind, replaced)
    problems = [_detail(each, replaced) for each in _MENDABLE]
    if all(problems):
        return min(problems, key=lambda p: p.startswith("detail of"))
    return _reason(replaced, reasons)


_MENDABLE = tuple(kind for kind in KINDS if kind != "corrected")
_BY_KIND = {"won": _closed, "lost": _closed, "rejected": _rejected, "corrected": _corrected}


def _iso(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="seconds")


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."
