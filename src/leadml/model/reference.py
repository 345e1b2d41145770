"""The reference: how features and scores of the training leads were spread, as counts in bins.

Sealed in the bundle, so that later leads can be compared with those the model learnt from without
keeping any of them.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from leadml.snapshot.features import RARE, Feature, FeatureSet

Numbers = NDArray[np.float64]
Flags = NDArray[np.bool_]

PARTS = 10
"""Bins of numbers and scores, of about equal size over the training leads."""


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
    """

    counts: tuple[int, ...]
    cuts: tuple[float, ...] = ()
    missing: int = 0
    unlisted: int = 0

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
        return cls(
            tuple(values["counts"]), tuple(values["cuts"]), values["missing"], values["unlisted"]
        )


@dataclass(frozen=True)
class Reference:
    """What later leads are compared with.

    Attributes
    ----------
    features : tuple of Spread
        One a feature of the model, in its order, over the training leads.
    scores : Spread
        Calibrated log-odds of the out-of-time predictions.
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
    """The out-of-time predictions: calibrated log-odds, and 1 for won, 0 for not, of each lead."""

    log_odds: Numbers
    y: NDArray[np.int8]
    auc: float


def reference_of(features: FeatureSet, x: Numbers, predicted: OutOfTime) -> Reference:
    """Count the training leads.

    Parameters
    ----------
    x : float array, shape (leads, features)
        The training leads' features.
    predicted : OutOfTime
    """
    spreads = tuple(spread_of(f, x[:, j]) for j, f in enumerate(features.features))
    won = int(predicted.y.sum())
    scores = _binned(predicted.log_odds, quantile_cuts(predicted.log_odds))
    return Reference(spreads, scores, won, len(predicted.y) - won, predicted.auc)


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
    counts = np.bincount(x[known].astype(np.intp), minlength=len(feature.levels))
    listed = np.array([level != RARE for level in feature.levels], bool)
    unlisted = int(counts[~listed].sum() + unseen.sum())
    missing = int((np.isnan(x) & ~unseen).sum())
    return Spread(tuple(counts[listed].tolist()), (), missing, unlisted)
