"""Which way each feature may move the score, as the points rules have it.

A rule "at least 20 pages: +25 points" says that more pages never make a lead worse. Where training
is told to keep to that, no noise in the data can turn such a feature round.
"""

from collections.abc import Iterable, Iterator, Sequence
from fnmatch import fnmatchcase

import numpy as np
from numpy.typing import NDArray

from leadml.domain.finding import Finding
from leadml.domain.points_table import Rule
from leadml.snapshot.feature import Feature

Signs = NDArray[np.int8]

RISING = ("count", "days")
FALLING = ("recency",)
"""Kinds of activity features that grow, and shrink, as a lead does more."""


def signs_of(features: Sequence[Feature], rules: Iterable[Rule]) -> tuple[Signs, list[Finding]]:
    """Return which way each feature may move the score, and the rules that say nothing of any.

    Rules with a threshold have a direction: ``at_least`` alone and ``at_most`` alone on a column of
    numbers, and every rule on activities. Two rules that contradict each other leave their feature
    free.

    Returns
    -------
    signs : int array, shape (features,)
        1 where the log-odds must not fall as the feature rises, -1 where they must not rise, 0
        where they may do either.
    findings : list of Finding
        ``POINT002``: rules without a feature to constrain; ``POINT003``: features with rules in
        both directions.
    """
    wanted: list[set[int]] = [set() for _ in features]
    idle = []
    for rule in rules:
        touched = [*_directions(rule, features)]
        for place, sign in touched:
            wanted[place].add(sign)
        if _direction(rule) and not touched:
            idle.append(rule.name)
    signs = np.array([next(iter(own)) if len(own) == 1 else 0 for own in wanted], np.int8)
    torn = [f.name for f, own in zip(features, wanted, strict=True) if len(own) > 1]
    return signs, [*_idle(idle), *_torn(torn)]


def _direction(rule: Rule) -> int:
    """Return 1 where more means more points, -1 where it means fewer, 0 where neither."""
    sign = int(np.sign(rule.points))
    if rule.activity is not None:
        return sign
    low, high = rule.at_least is not None, rule.at_most is not None
    return sign * (low - high)


def _directions(rule: Rule, features: Sequence[Feature]) -> Iterator[tuple[int, int]]:
    sign = _direction(rule)
    if not sign:
        return
    for place, feature in enumerate(features):
        if rule.activity is None:
            if feature.kind == "number" and feature.column == rule.column:
                yield place, sign
        elif feature.kind in (*RISING, *FALLING) and _speaks_of(rule, feature):
            yield place, sign if feature.kind in RISING else -sign


def _speaks_of(rule: Rule, feature: Feature) -> bool:
    """Tell whether a feature counts the very activities of a rule, of the lead itself."""
    kind, group = feature.activity or "", feature.group
    if feature.scope != "lead" or kind.casefold() != str(rule.activity).casefold():
        return False
    if rule.detail is None or group is None:
        return rule.detail is None and group is None
    return fnmatchcase(group.casefold(), rule.detail.casefold())


def _idle(names: list[str]) -> Iterator[Finding]:
    if names:
        text = "points rules that constrain nothing: the model has no feature that they speak of"
        yield Finding("POINT002", "info", None, len(names), text, tuple(names[:5]))


def _torn(names: list[str]) -> Iterator[Finding]:
    if names:
        text = "features that points rules reward and punish for the same: left unconstrained"
        yield Finding("POINT003", "info", None, len(names), text, tuple(names[:5]))
