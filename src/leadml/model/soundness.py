"""Whether a model as it was read can score: shapes that fit, indices in range, finite numbers.

A seal tells that a bundle is as it was written; it does not tell that what was written makes sense,
and whoever may write a folder may seal it anew.
"""

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import get_args

from leadml.model.eventually import Eventually, Form
from leadml.model.peers import FeaturePeers, Peers
from leadml.model.scorecard import Levels, Line, Machine, Pieces, Scorecard, Term
from leadml.model.tree_bytes import problem_of_trees
from leadml.model.trees import Trees
from leadml.model.trend import Trend
from leadml.model.value import Value
from leadml.snapshot.feature import ACTIVITY, ATTRIBUTES, LIFE, Feature

_MOST_MICROSECONDS = 2**62


class UnsoundError(ValueError):
    """What is wrong with a model, in words."""


def check_features(features: Sequence[Feature]) -> None:
    """Raise UnsoundError where a feature is none that can be computed."""
    for feature in features:
        texts = (feature.name, *feature.levels, *feature.gaps, feature.column or "")
        _expect("features with texts for names", all(isinstance(each, str) for each in texts))
        _expect("known kinds of features", feature.kind in (*ATTRIBUTES, *LIFE, *ACTIVITY))
        _expect("a column for attributes", feature.kind not in ATTRIBUTES or bool(feature.column))
        _expect("windows of days", feature.window is None or _all_finite([feature.window]))


def check_machine(machine: Machine, features: int) -> None:
    """Raise UnsoundError where a machine cannot score leads of so many features."""
    for weight, card in machine.cards:
        _expect("finite weights", _all_finite([weight]))
        check_card(card, features)
    for weight, trees in machine.trees:
        _expect("finite weights", _all_finite([weight]))
        _check_trees(trees, features)
    _expect("a finite line", _all_finite([machine.slope, machine.intercept]))
    _expect("a centre for each feature", len(machine.center) in (0, features))
    _expect("a finite centre", _all_finite(machine.center))
    if machine.trend is not None:
        _check_trend(machine.trend)


def check_card(card: Scorecard, features: int) -> None:
    """Raise UnsoundError where a scorecard cannot score leads of so many features."""
    _expect("a finite constant", _all_finite([card.constant]))
    for term in card.terms:
        _expect("terms of the features", _all_places([term.feature], features))
        _expect("finite terms", _all_finite([*term.values, term.missing]))
        if not isinstance(term, Levels):
            _check_cuts(term)


def check_eventually(eventually: Eventually, features: int) -> None:
    """Raise UnsoundError where the chance of a late win cannot be computed."""
    numbers = [eventually.horizon_days, eventually.slope, eventually.intercept]
    _expect("a finite line", _all_finite(numbers))
    _expect("a known form", eventually.form in get_args(Form))
    if eventually.card is not None:
        check_card(eventually.card, features)


def check_value(value: Value, features: int) -> None:
    """Raise UnsoundError where expected margin and priority cannot be computed."""
    ranks, unknown = value.ranks, value.unknown
    _expect("as many shares as worths", 0 < len(ranks.values) == len(ranks.shares))
    _expect("rising worths", _all_finite(ranks.values) and _is_rising(ranks.values))
    _expect("shares from 0 to 1", _all_finite(ranks.shares) and _within(ranks.shares))
    _expect("a scale above 0", _all_finite([ranks.scale]) and ranks.scale > 0)
    _expect("finite factors", _all_finite([unknown.factor, unknown.low, unknown.high]))
    _expect("a finite mean", value.mean is None or _all_finite([value.mean]))
    _expect("a known basis", value.basis in (None, "model", "mean"))
    if value.card is not None:
        check_card(value.card, features)


def check_peers(peers: Peers, features: int) -> None:
    """Raise UnsoundError where the leads like a lead cannot be looked up."""
    _expect("leads", _are_counts([peers.leads, peers.won]) and 0 < peers.leads >= peers.won)
    _expect("peers for each feature", len(peers.features) == features)
    for own in peers.features:
        _check_groups(own)


def _check_groups(own: FeaturePeers) -> None:
    groups = own.groups
    _expect("groups", len(groups) > len(own.edges) and bool(groups))
    _expect("groups of the levels", _all_places(own.group_of, len(groups)))
    _expect("rising edges", _all_finite(own.edges) and _is_rising(own.edges))
    for group in groups:
        counts = _are_counts([group.leads, group.won]) and group.won <= group.leads
        _expect("leads and wins of a group", counts and isinstance(group.range, str))
        _expect("finite effects", group.effect is None or _all_finite([group.effect]))
    _expect("a finite importance", _all_finite([own.importance]))


def _check_cuts(term: Term) -> None:
    if isinstance(term, Levels):
        return
    cuts, values = len(term.cuts), len(term.values)
    _expect("rising cuts", _all_finite(term.cuts) and _is_rising(term.cuts))
    fits = values == cuts > 0 if isinstance(term, Line) else values == cuts + 1
    _expect("a value for each cut", fits)
    if isinstance(term, Pieces):
        _expect("a start for each value", cuts > 0 and len(term.starts) == values)
        _expect("pieces of some width", all(a < b for a, b in pairwise(term.cuts)))
        _expect("finite starts", _all_finite(term.starts))


def _check_trees(trees: Trees, features: int) -> None:
    _expect("inputs among the features", _all_places(trees.inputs, features))
    _expect("splits among the features", _all_places(trees.features, features))
    problem = problem_of_trees(trees.content, len(trees.inputs))
    if problem:
        msg = f"the trees cannot be read: {problem}"
        raise UnsoundError(msg)


def _check_trend(trend: Trend) -> None:
    moments = (trend.zero, trend.first, trend.last)
    whole = all(isinstance(moment, int) for moment in moments)
    _expect("moments", whole and max(map(abs, moments)) <= _MOST_MICROSECONDS)
    _expect("a finite trend", _all_finite([trend.rate]))


def _expect(what: str, holds: bool) -> None:
    if not holds:
        msg = f"expected {what}, which it does not hold"
        raise UnsoundError(msg)


def _all_finite(numbers: Sequence[object]) -> bool:
    return all(
        isinstance(number, (int, float))
        and not isinstance(number, bool)
        and abs(number) < 1e300
        and math.isfinite(number)
        for number in numbers
    )


def _all_places(numbers: Sequence[object], end: int) -> bool:
    return _are_counts(numbers) and all(number < end for number in numbers)  # type: ignore[operator]


def _are_counts(numbers: Sequence[object]) -> bool:
    return all(
        isinstance(number, int) and not isinstance(number, bool) and number >= 0
        for number in numbers
    )


def _is_rising(numbers: Sequence[float]) -> bool:
    return all(a <= b for a, b in pairwise(numbers))


def _within(shares: Sequence[float]) -> bool:
    return all(0 <= share <= 1 for share in shares)
