"""The agreement as both departments read it, with the points table that it replaces or keeps."""

from collections.abc import Mapping
from typing import Any

from leadml.domain.definition import Definition
from leadml.domain.points_table import Rule
from leadml.pages.html import days, share
from leadml.pages.site import Frame, framed
from leadml.pages.summary import Headline

_POLICIES = {
    "group": "As many leads as possible, while the group still closes at the agreed rate.",
    "each": "Every lead whose own probability reaches the agreed rate.",
    "capacity": "The best leads that sales has time for.",
    "profit": "Every lead whose expected margin exceeds the cost of working it.",
}
_COLUMN_TESTS = {
    "equals": "is {}",
    "at_least": "is at least {}",
    "at_most": "is at most {}",
    "contains": "contains “{}”",
    "matches": "matches {}",
}


def agreement_page(definition: Definition, frame: Frame, *, champion_hash: str | None) -> str:
    """Draw the agreement as it is configured; `champion_hash` is of the one that serves."""
    agreed = definition.agreement.to_dict()
    content = {
        "a": agreed,
        "hash": definition.agreement.hash(),
        "champion_hash": champion_hash,
        "policy": _POLICIES[definition.handoff.policy],
        "points": definition.points if definition.has_points else None,
        "rules": [(rule, rule_words(rule)) for rule in definition.points.rules],
        "points_column": definition.leads.points,
    }
    signed = ", ".join(definition.agreement.signed_by)
    support = [f"Signed by {signed}." if signed else "Nobody has signed it yet."]
    return framed(
        "agreement.html",
        frame,
        title="Agreement",
        kicker=f"Agreement, version {agreed['version']}",
        headline=Headline(promise(agreed), support),
        content=content,
    )


def promise(agreed: Mapping[str, Any]) -> str:
    """Say in a sentence what was agreed."""
    whose = {"lead": "leads", "account": "accounts"}[agreed.get("unit", "lead")]
    worked = agreed["counts"] == "followed_up"
    follow_up = f" and sales follows up within {days(agreed['follow_up_days'])}" if worked else ""
    margin = agreed["min_margin"]
    solid = f", at a margin of at least {share(margin)}" if margin > 0 else ""
    return (
        f"Of the {whose} that marketing hands off{follow_up}, at least "
        f"{share(agreed['close_rate'])} are won within {days(agreed['horizon_days'])}{solid}."
    )


def rule_words(rule: Rule) -> str:
    """Say when a rule of the points table gives its points."""
    return _column_words(rule) if rule.column is not None else _activity_words(rule)


def _column_words(rule: Rule) -> str:
    if rule.one_of is not None:
        test = f"is one of {', '.join(map(str, rule.one_of))}"
    elif rule.between is not None:
        test = f"is from {_plain(rule.between[0])} to {_plain(rule.between[1])}"
    elif rule.present is not None:
        test = "is filled in" if rule.present else "is empty"
    else:
        given = {name: getattr(rule, name) for name in _COLUMN_TESTS}
        tests = [_COLUMN_TESTS[n].format(_plain(v)) for n, v in given.items() if v is not None]
        test = " and ".join(tests)
    return f"{rule.column} {test}"


def _activity_words(rule: Rule) -> str:
    least = "" if rule.at_least is None else f"at least {rule.at_least:g} × "
    words = f"{'each ' if rule.per == 'each' else ''}{least}{rule.activity}"
    words += "" if rule.detail is None else f" {rule.detail}"
    if rule.within_days is not None:
        words += f" within {days(rule.within_days)}"
    if rule.max_points is not None:
        words += f", at most {rule.max_points:g} points"
    if rule.half_life_days is not None:
        words += f", half as much every {days(rule.half_life_days)}"
    return words


def _plain(value: object) -> str:
    return f"{value:,.10g}" if isinstance(value, float) else str(value)
