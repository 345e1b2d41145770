"""Peers: of the leads like a lead in one feature, how many closed.

Counted once, over the training leads (matured and labelled), and sealed in the bundle. Reading and
looking up need numpy alone.
"""

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from leadml.model.ranges import FEWEST, MOST_CUTS, edges_of, missing_words, range_words
from leadml.model.scorecard import Levels, Machine, Term
from leadml.snapshot.feature import RARE, Feature
from leadml.snapshot.features import FeatureSet

Numbers = NDArray[np.float64]
Outcomes = NDArray[np.int8]

MOST_EXPLAINED = 200
"""Training leads, evenly spaced, whose effects are taken where trees make each one costly."""
MOST_ADDED_UP = 50_000
"""The same where effects are the terms of a sum."""


@dataclass(frozen=True)
class Group:
    """Leads alike in one feature.

    Attributes
    ----------
    range : str
        Which values, in words.
    leads, won : int
        Training leads with such a value, and sales-ready ones among them.
    effect : float or None
        What the value adds to their log-odds, on average; None where no lead was looked at.
    """

    range: str
    leads: int
    won: int
    effect: float | None = None

    @property
    def close_rate(self) -> float | None:
        """Wins by leads; None without leads."""
        return self.won / self.leads if self.leads else None

    def told(self) -> dict[str, Any]:
        """Return what a reason says of it."""
        return {
            "range": self.range,
            "leads": self.leads,
            "won": self.won,
            "close_rate": self.close_rate,
        }


@dataclass(frozen=True)
class FeaturePeers:
    """The training leads by their value of one feature.

    Attributes
    ----------
    groups : tuple of Group
        The last are leads whose value is not known.
    edges : tuple of float
        Of a number: between the groups, ascending; a group holds its lower edge.
    group_of : tuple of int
        Of a text: the group of each level's code.
    importance : float
        Mean absolute effect over the training leads, in log-odds.
    pieces : tuple of (leads, won)
        In each piece of the scorecard's term, the last without a value; empty without a term.
    whole : bool
        Whether all values of a number were whole.
    """

    groups: tuple[Group, ...]
    edges: tuple[float, ...] = ()
    group_of: tuple[int, ...] = ()
    importance: float = 0.0
    pieces: tuple[tuple[int, int], ...] = ()
    whole: bool = False

    def group(self, number: float) -> int:
        """Return the position of a value's group."""
        if number != number:
            return len(self.groups) - 1
        if self.group_of:
            return self.group_of[min(int(number), len(self.group_of) - 1)]
        return bisect_right(self.edges, number)

    @property
    def direction(self) -> str | None:
        """Return where the log-odds go as a number rises; None for a text, or without effect.

        ``up`` and ``down`` where (nearly) every step goes that way, else ``both``. None too where
        the ranges hardly differ: what matters is then whether there is a value.
        """
        if self.group_of or len(self.groups) < 3 or not self.importance:
            return None
        told = [group.effect for group in self.groups[:-1] if group.effect is not None]
        effects = np.array(told or [0.0])
        if np.ptp(effects) < self.importance / 2:
            return None
        steps = np.diff(effects)
        rise, fall = steps[steps > 0].sum(), -steps[steps < 0].sum()
        if min(rise, fall) > 0.2 * max(rise, fall):
            return "both"
        return "up" if rise > fall else "down"

    def scaled(self, slope: float) -> "FeaturePeers":
        """Return the same leads with effects times a slope."""
        groups = tuple(
            group if group.effect is None else replace(group, effect=slope * group.effect)
            for group in self.groups
        )
        return replace(self, groups=groups, importance=slope * self.importance)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "FeaturePeers":
        """Read what `Peers.to_dict` holds of a feature."""
        return cls(
            groups=tuple(Group(**group) for group in values["groups"]),
            edges=tuple(values["edges"]),
            group_of=tuple(values["group_of"]),
            importance=values["importance"],
            pieces=tuple((leads, won) for leads, won in values["pieces"]),
            whole=values["whole"],
        )


@dataclass(frozen=True)
class Peers:
    """The training leads by each feature.

    Attributes
    ----------
    leads, won : int
        Training leads, and sales-ready ones among them.
    features : tuple of FeaturePeers
        In the model's order.
    """

    leads: int
    won: int
    features: tuple[FeaturePeers, ...]

    def scaled(self, slope: float) -> "Peers":
        """Return the peers for a model whose log-odds got a further line."""
        return replace(self, features=tuple(own.scaled(slope) for own in self.features))

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON-ready form."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "Peers":
        """Read `to_dict`'s form."""
        features = tuple(FeaturePeers.from_dict(own) for own in values["features"])
        return cls(values["leads"], values["won"], features)

    def looks_at(self, names: Sequence[str], *, exact: bool) -> dict[str, Any]:
        """Return what the model looks at, JSON-ready.

        Parameters
        ----------
        names : sequence of str
            Of the features.
        exact : bool
            Whether effects are the terms of a sum (`Machine.additive`).

        Returns
        -------
        dict
            ``kind`` (see `leadml.model.reasons`) and ``features``: those that matter, weightiest
            first, each with ``importance``, ``direction`` and its ``ranges`` that hold leads.
        """
        weights = np.array([own.importance for own in self.features])
        order = [place for place in np.argsort(-weights, kind="stable") if weights[place] > 0]
        rows = [_row(names[place], self.features[place]) for place in order]
        return {"kind": "exact" if exact else "if_missing", "features": rows}


def _row(name: str, own: FeaturePeers) -> dict[str, Any]:
    ranges = [group.told() | {"effect": group.effect} for group in own.groups if group.leads]
    weight, way = own.importance, own.direction
    return {"feature": name, "importance": weight, "direction": way, "ranges": ranges}


def peers_of(features: FeatureSet, x: Numbers, y: Outcomes, machine: Machine) -> Peers:
    """Count the training leads by every feature.

    Parameters
    ----------
    x : float array, shape (leads, features)
    y : int8 array, shape (leads,)
        1 for a sales-ready outcome.
    machine : Machine
        The finished model: its cut points are edges, its effects tell which ranges differ.
    """
    step = -(-len(x) // (MOST_ADDED_UP if machine.additive else MOST_EXPLAINED)) or 1
    sample = x[::step]
    effects = machine.effects(sample)
    terms = {t.feature: t for t in machine.cards[0][1].terms} if machine.cards else {}
    found = []
    for place, feature in enumerate(features.features):
        seen = _Seen(x[:, place], y, sample[:, place], effects[:, place], machine.additive)
        found.append(_counted(feature, seen, terms.get(place)))
    return Peers(len(y), int(y.sum()), tuple(found))


@dataclass(frozen=True)
class _Seen:
    """One feature of all training leads, and its effects on a sample of them."""

    x: Numbers
    y: Outcomes
    sample: Numbers
    effects: Numbers
    exact: bool


def _counted(feature: Feature, seen: _Seen, term: Term | None) -> FeaturePeers:
    edges: list[float] = []
    group_of: NDArray[np.intp] = np.zeros(0, np.intp)
    if feature.categorical:
        group_of, words = _levels(feature, seen.x)
    elif feature.kind == "word":
        edges, words = [0.5], ["no", "yes"]
    else:
        edges, words = _numbers(feature, seen, term)
    groups = _groups(
        _which(seen.x, edges, group_of, len(words)), seen, [*words, missing_words(feature)]
    )
    sampled = _which(seen.sample, edges, group_of, len(words))
    looked = np.bincount(sampled, minlength=len(groups))
    total = np.bincount(sampled, seen.effects, len(groups))
    mean = [e / n if n else None for e, n in zip(total.tolist(), looked.tolist(), strict=True)]
    return FeaturePeers(
        groups=tuple(replace(g, effect=e) for g, e in zip(groups, mean, strict=True)),
        edges=tuple(edges),
        group_of=tuple(group_of.tolist()),
        importance=float(np.abs(seen.effects).mean()) if len(seen.effects) else 0.0,
        pieces=_pieces(term, seen) if seen.exact and term is not None else (),
        whole=_whole(seen.x[~np.isnan(seen.x)]),
    )


def _numbers(feature: Feature, seen: _Seen, term: Term | None) -> tuple[list[float], list[str]]:
    present = seen.x[~np.isnan(seen.x)]
    own: Sequence[float] = ()
    if term is not None and not isinstance(term, Levels):
        own = _strongest_cuts(term)
    step = -(-len(present) // MOST_ADDED_UP) or 1
    effects = None
    if seen.exact and term is not None:
        effects = term.of(present[::step])
    edges = edges_of(present[::step], own, effects)
    least = float(present.min()) if len(present) else None
    return edges, range_words(feature, edges, whole=_whole(present), least=least)


def _whole(present: Numbers) -> bool:
    return bool((present == np.floor(present)).all())


def _strongest_cuts(term: Term) -> list[float]:
    """Return the cut points with the highest steps."""
    if isinstance(term, Levels):
        return []
    values = np.array(term.values)
    steps = np.abs(np.diff(values))[: len(term.cuts)]
    strongest = np.argsort(-steps, kind="stable")[:MOST_CUTS]
    return sorted(term.cuts[place] for place in strongest.tolist())


def _levels(feature: Feature, x: Numbers) -> tuple[NDArray[np.intp], list[str]]:
    """Return each level's group, and the groups' names: few leads and `RARE` are one group."""
    codes = x[~np.isnan(x)].astype(np.intp)
    counts = np.bincount(codes, minlength=len(feature.levels))
    few = [c for c, name in enumerate(feature.levels) if name == RARE or counts[c] < FEWEST]
    alone = len(few) == 1
    own = [c for c in range(len(feature.levels)) if alone or c not in few]
    group_of = np.full(len(feature.levels), len(own), np.intp)
    group_of[own] = np.arange(len(own))
    words = [_level_words(feature.levels[code]) for code in own]
    return group_of, words if alone or not few else [*words, _rarer(feature, few)]


def _level_words(level: str) -> str:
    return "one of the rare values" if level == RARE else level


def _rarer(feature: Feature, few: list[int]) -> str:
    named = sum(feature.levels[code] != RARE for code in few)
    more = " or more" if len(few) > named else ""
    return f"one of {named}{more} rare values"


def _which(x: Numbers, edges: list[float], group_of: NDArray[np.intp], n: int) -> NDArray[np.intp]:
    """Return each lead's group, n where its value is not known."""
    missing = np.isnan(x)
    if len(group_of):
        codes = np.where(missing, 0, x).astype(np.intp)
        return np.where(missing, n, group_of[np.fmin(codes, len(group_of) - 1)])
    return np.where(missing, n, np.searchsorted(np.array(edges), x, side="right"))


def _groups(which: NDArray[np.intp], seen: _Seen, words: list[str]) -> list[Group]:
    leads = np.bincount(which, minlength=len(words))
    won = np.bincount(which, seen.y, len(words))
    return [Group(w, int(n), int(k)) for w, n, k in zip(words, leads, won, strict=True)]


def _pieces(term: Term, seen: _Seen) -> tuple[tuple[int, int], ...]:
    """Count leads and wins in every piece of a term; the last are without a value."""
    known = np.isnan(seen.x)
    if isinstance(term, Levels):
        last = len(term.values)
        piece = np.where(known, last, np.fmin(np.nan_to_num(seen.x), last)).astype(np.intp)
    else:
        last = len(term.cuts) + 1
        piece = np.where(known, last, np.searchsorted(np.array(term.cuts), seen.x, side="left"))
    leads = np.bincount(piece, minlength=last + 1).tolist()
    won = np.bincount(piece, seen.y, last + 1).astype(int).tolist()
    return tuple(zip(leads, won, strict=True))
