"""The reference: how features and scores of the training leads were spread, as counts in bins.

Sealed in the bundle, so that later leads can be compared with those the model learnt from without
keeping any of them.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from leadml.snapshot.features import RARE, Feature, FeatureSet

Numbers = NDArray[np.float64]
Flags = NDArray[np.bool_]

PARTS = 10
"""Bins of numbers and scores, of about equal size over the training leads."""
NEWEST = 0.2
"""Share of newest training leads whose texts are held against the levels of the older ones."""
TURNOVER = 0.05
"""Rise of the share without a level from which a text's values come and go."""


@dataclass(frozen=True)
class Spread:
    """Leads counted in bins.

    Attributes
    ----------
    counts : tuple of int
        Leads in each bin: of numbers, ``cuts[i-1] < x <= cuts[i]``; of texts, one a level.
    cuts : tuple of float
        Inner edges of the bins of numbers, ascending; empty for texts.
    missing : int
        Leads without a value.
    unlisted : int
        Leads with a text that is none of the levels: rare in training or unseen there.
    passing : bool
        Whether values come and go (companies, campaigns): levels made from the older training
        leads fit clearly fewer of the newest, so later leads hold new values by nature.
    """

    counts: tuple[int, ...]
    cuts: tuple[float, ...] = ()
    missing: int = 0
    unlisted: int = 0
    passing: bool = False

    @property
    def leads(self) -> int:
        """Number of leads counted."""
        return sum(self.counts) + self.missing + self.unlisted

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON-ready form."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "Spread":
        """Read `to_dict`'s form."""
        plain: dict[str, Any] = {
            k: tuple(v) if isinstance(v, list) else v for k, v in values.items()
        }
        return cls(**plain)


@dataclass(frozen=True)
class Reference:
    """What later leads are compared with.

    Attributes
    ----------
    features : tuple of Spread
        One a feature of the model, in its order, over the training leads.
    scores : Spread
        Calibrated log-odds of the training leads.
    won, lost : int
        Leads predicted out of time, by outcome.
    auc : float
        Of those predictions.
    """

    features: tuple[Spread, ...]
    scores: Spread
    won: int
    lost: int
    auc: float

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON-ready form."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "Reference":
        """Read `to_dict`'s form."""
        spreads = tuple(Spread.from_dict(spread) for spread in values["features"])
        scores = Spread.from_dict(values["scores"])
        return cls(spreads, scores, values["won"], values["lost"], values["auc"])


@dataclass(frozen=True)
class OutOfTime:
    """How well the out-of-time predictions ranked: their AUC, from how many wins and losses."""

    auc: float
    won: int
    lost: int


def reference_of(
    features: FeatureSet,
    x: Numbers,
    log_odds: Numbers,
    ranked: OutOfTime,
    *,
    fewest_of_level: int = 1,
) -> Reference:
    """Count the training leads.

    Parameters
    ----------
    x : float array, shape (leads, features)
        The training leads' features, oldest lead first where dated.
    log_odds : float array, shape (leads,)
        What the finished model says of the same leads. Not the out-of-time predictions: those of
        models that saw less lie closer together, so that every later lead would seem to differ.
    ranked : OutOfTime
    fewest_of_level : int
        Training leads that a text needed to become a level.
    """
    spreads = tuple(_learnt(f, x[:, j], fewest_of_level) for j, f in enumerate(features.features))
    scores = _binned(log_odds, quantile_cuts(log_odds))
    return Reference(spreads, scores, ranked.won, ranked.lost, ranked.auc)


def _learnt(feature: Feature, x: Numbers, fewest: int) -> Spread:
    """Count a feature of the training leads, and tell whether its values come and go."""
    whole = spread_of(feature, x)
    if not feature.categorical:
        return whole
    first = int(len(x) * (1 - NEWEST))
    newest = x[first:]
    fewest = min([fewest, *(count for count in whole.counts if count)])
    support = np.array([*_support(feature, x[:first]), 0])  # the last for missing
    codes = np.where(np.isnan(newest), len(support) - 1, newest).astype(np.intp)
    unseen = ~np.isnan(newest) & (support[codes] < fewest)
    later = spread_of(feature, newest, unseen=unseen)
    grown = later.unlisted / max(later.leads, 1) - whole.unlisted / max(whole.leads, 1)
    return replace(whole, passing=grown >= TURNOVER)


def _support(feature: Feature, x: Numbers) -> NDArray[np.int64]:
    codes = x[~np.isnan(x)].astype(np.intp)
    return np.bincount(codes, minlength=len(feature.levels))


def spread_of(
    feature: Feature, x: Numbers, *, like: Spread | None = None, unseen: Flags | None = None
) -> Spread:
    """Count one feature's values.

    Parameters
    ----------
    x : float array, shape (leads,)
        As the model reads them.
    like : Spread, optional
        Whose bins to use; else numbers get bins of their own.
    unseen : bool array, shape (leads,), optional
        Leads with a text that training never saw, which the model may read as missing.
    """
    if feature.categorical:
        return _levels(feature, x, np.zeros(len(x), bool) if unseen is None else unseen)
    return _binned(x, quantile_cuts(x) if like is None else like.cuts)


def score_spread(log_odds: Numbers, like: Spread) -> Spread:
    """Count calibrated log-odds in the bins of the reference."""
    return _binned(log_odds, like.cuts)


def quantile_cuts(x: Numbers) -> tuple[float, ...]:
    """Return the inner edges of up to `PARTS` bins of about equal size; ties stay together."""
    present = x[~np.isnan(x)]
    if len(present) == 0:
        return ()
    shares = np.arange(1, PARTS) / PARTS
    cuts = np.unique(np.quantile(present, shares, method="inverted_cdf"))
    return tuple(float(cut) for cut in cuts[cuts < present.max()])


def _binned(x: Numbers, cuts: tuple[float, ...]) -> Spread:
    present = x[~np.isnan(x)]
    bins = np.searchsorted(np.array(cuts), present, side="left")
    counts = np.bincount(bins, minlength=len(cuts) + 1)
    return Spread(tuple(counts.tolist()), cuts, len(x) - len(present))


def _levels(feature: Feature, x: Numbers, unseen: Flags) -> Spread:
    known = ~np.isnan(x) & ~unseen
    counts = _support(feature, x[known])
    listed = np.array([level != RARE for level in feature.levels], bool)
    unlisted = int(counts[~listed].sum() + unseen.sum())
    missing = int((np.isnan(x) & ~unseen).sum())
    return Spread(tuple(counts[listed].tolist()), (), missing, unlisted)
