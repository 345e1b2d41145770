"""Reasons: the features that moved a lead's score most, each with how leads like it closed.

What a reason says of a range is written once, when a version is loaded. Numpy only.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from leadml.model.peers import FeaturePeers, Group, Peers
from leadml.model.ranges import FEWEST, NONE_OR_NOT_KNOWN, NOT_KNOWN, missing_words, number_words
from leadml.model.scorecard import Explained
from leadml.snapshot.feature import Feature
from leadml.snapshot.features import FeatureSet, shown_value

Numbers = NDArray[np.float64]
Reason = dict[str, Any]
Teller = Callable[[float, float], Reason]

MOST_REASONS = 5
EACH_WAY = 2
"""Reasons up, and reasons down, that are told at least where there are that many."""
SMALLEST_EFFECT = 1e-9
"""Log-odds below which a feature is no reason."""

EXACT = (
    "log-odds: base (the average lead) + shown (the effects listed) + rest (all other features) "
    "= total"
)
IF_MISSING = (
    "log-odds: each effect is the change against the same lead with that feature missing; these "
    "need not sum"
)


class Reasons:
    """Picks and words the reasons of scored leads.

    Parameters
    ----------
    features : FeatureSet
    peers : Peers or None
        None in versions that do not hold them: reasons then tell values alone.
    exact : bool
        Whether effects are the terms of a sum (`Machine.additive`).
    """

    def __init__(self, features: FeatureSet, peers: Peers | None, *, exact: bool) -> None:
        own = [None] * len(features.features) if peers is None else peers.features
        self._told = [
            _teller(feature, known, peers, exact=exact)
            for feature, known in zip(features.features, own, strict=True)
        ]

    def of(self, x: Numbers, explained: Explained) -> tuple[list[list[Reason]], list[Reason]]:
        """Return every lead's reasons, strongest first, and what they sum to.

        Parameters
        ----------
        x : float array, shape (leads, features)
        explained : Explained
            Of the same leads.
        """
        n = len(x)
        start = [None] * n if explained.start is None else explained.start.tolist()
        rows = zip(
            x.tolist(), explained.log_odds.tolist(), explained.effects.tolist(), start, strict=True
        )
        told = [self.at(*row) for row in rows]
        return [reasons for reasons, _ in told], [of_what for _, of_what in told]

    def at(
        self,
        values: Sequence[float],
        log_odds: float,
        effects: Sequence[float],
        start: float | None,
    ) -> tuple[list[Reason], Reason]:
        """Return one lead's reasons, strongest first, and what they sum to.

        Parameters
        ----------
        values, effects : sequence of float, shape (features,)
        start : float or None
            As in `Explained`.
        """
        told, reasons, shown = self._told, [], 0.0
        for feature in strongest(effects):
            effect = effects[feature]
            shown += effect
            reasons.append(told[feature](values[feature], effect))
        if start is None:
            return reasons, _sum("if_missing", None, shown, None, log_odds, IF_MISSING)
        rest = log_odds - start - shown
        return reasons, _sum("exact", start, shown, rest, log_odds, EXACT)


def _sum(
    kind: str, base: float | None, shown: float, rest: float | None, total: float, note: str
) -> Reason:
    return {
        "kind": kind,
        "base": base,
        "shown": shown,
        "rest": rest,
        "total": total,
        "note": note,
    }


def strongest(effects: Sequence[float]) -> list[int]:
    """Return which features are told, at most `MOST_REASONS`, the strongest first.

    The strongest of all, among them the `EACH_WAY` strongest up and down where there are as many;
    none whose effect is `SMALLEST_EFFECT` or less. Of two as strong the first comes first.
    """
    strength = list(map(abs, effects))
    order = sorted(range(len(effects)), key=strength.__getitem__, reverse=True)
    top = order[:MOST_REASONS]
    ups = len([feature for feature in top if effects[feature] > 0])
    if len(order) > MOST_REASONS and not EACH_WAY <= ups <= MOST_REASONS - EACH_WAY:
        top = _each_way(effects, order)
    if top and strength[top[-1]] > SMALLEST_EFFECT:
        return top
    return [feature for feature in top if strength[feature] > SMALLEST_EFFECT]


def _each_way(effects: Sequence[float], order: list[int]) -> list[int]:
    """Return the features told, in order, where most of the strongest go one way."""
    up = [feature for feature in order if effects[feature] > SMALLEST_EFFECT]
    down = [feature for feature in order if effects[feature] < -SMALLEST_EFFECT]
    told = {*up[:EACH_WAY], *down[:EACH_WAY]}
    others = [feature for feature in order if feature not in told]
    told.update(others[: MOST_REASONS - len(told)])
    return [feature for feature in order if feature in told]


def _teller(
    feature: Feature, known: FeaturePeers | None, peers: Peers | None, *, exact: bool
) -> Teller:
    """Return what makes one feature's reason of a value and its effect.

    For each group of leads there is one text up and one down, made once; without `known` the text
    is made of the value.
    """
    name, as_it_is = feature.name, not feature.categorical and feature.kind != "word"
    groups = () if known is None or peers is None else known.groups
    alike = [group.told() for group in groups]
    texts_up, texts_down = (
        [_text(feature, group, peers, up=up, exact=exact) for group in groups if peers]
        for up in (True, False)
    )
    group_of = None if known is None else known.group

    def reason(value: float, effect: float) -> Reason:
        shown = value if as_it_is and value == value else shown_value(feature, value)
        up = effect > 0
        if group_of is None:
            text, own = value_words(feature, shown), None
        else:
            group = group_of(value)
            text, own = (texts_up if up else texts_down)[group], alike[group].copy()
        return {
            "feature": name,
            "value": shown,
            "effect": effect,
            "direction": "up" if up else "down",
            "text": text,
            "peers": own,
        }

    return reason


def _text(feature: Feature, group: Group, peers: Peers, *, up: bool, exact: bool) -> str:
    text = f"{range_phrase(feature, group.range)}: {rate_words(group)}"
    rate = group.close_rate
    if rate is None or group.leads < FEWEST:
        return text
    overall = peers.won / peers.leads
    text += f", {percent_words(overall)} of all"
    if (rate - overall) * (1 if up else -1) >= 0:
        return text
    if exact:
        return f"{text}; given its other traits it speaks {'for' if up else 'against'} this lead"
    return f"{text}; were it not known, this lead would score {'lower' if up else 'higher'}"


def rate_words(group: Group) -> str:
    """Say how many leads of a group closed; a share only where they are enough for one."""
    rate = group.close_rate
    if rate is None:
        return "no such lead was learnt from"
    if group.leads < FEWEST:
        return f"{group.won} of {group.leads} such leads closed, too few for a rate"
    return f"{percent_words(rate)} of {group.leads:,} such leads closed"


def percent_words(share: float) -> str:
    """Write a share for people: one decimal below 10 %."""
    digits = 1 if 0 < share < 0.0995 else 0
    return f"{100 * share:.{digits}f} %"


def range_phrase(feature: Feature, words: str) -> str:
    """Say that a feature lies in a range, in the words it is displayed in."""
    name = feature.name
    if words in (NOT_KNOWN, NONE_OR_NOT_KNOWN):
        return f"{name}: {words}" if "," in words else f"{name} {words}"
    if feature.kind == "word":
        return _mention(name, words)
    if feature.categorical:
        return f"{name} is {words}"
    head, sign, tail = name.rpartition(": times ")
    if feature.kind == "count" and sign:
        return f"{head}: {words.removeprefix('= ')} times {tail}"
    return f"{name} {words}"


def _mention(name: str, words: str) -> str:
    if words == "yes":
        return name
    return name.replace(" mentions ", " does not mention ", 1)


def value_words(feature: Feature, shown: str | float | None) -> str:
    """Say what a feature's value is, where nothing is known of its peers."""
    if shown is None:
        return range_phrase(feature, missing_words(feature))
    if isinstance(shown, float):
        return range_phrase(feature, f"= {number_words(shown)}")
    return range_phrase(feature, shown)
