"""The fair comparison: model, points, and both together, on the same leads by the same rules."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from leadml.evaluation.answers import Bools, ModelAnswers, PointsAnswers, Promise, Together
from leadml.evaluation.challenge import FEWEST_ACCOUNTS
from leadml.evaluation.close_rate import close_rate
from leadml.evaluation.contest import PAIRS, Contest, Entrant, Row, Stakes, pair_row
from leadml.evaluation.delong import FEWEST_OF_EACH as FEWEST_FOR_AREAS
from leadml.evaluation.delong import Areas, areas, evidence
from leadml.evaluation.interval import Interval
from leadml.evaluation.range_restriction import Pool, restriction
from leadml.evaluation.sigmoid import FEWEST_OF_EACH, PARTS, cross_fitted, fold_of, normal_scores
from leadml.evaluation.tally import Floats
from leadml.evaluation.winner import (
    CHOSEN_BY_MODEL,
    PRIMARY,
    Winner,
    restricted_words,
    winner_of,
)

SHARES = (0.05, 0.1, 0.2, 0.3)
"""Volumes, as shares of the leads, besides those that model and points hand off."""
NAMES = ("model", "points", "both")

GOOD: Mapping[str, Literal["higher", "lower"]] = {
    "log_loss_equal": "lower",
    "brier_equal": "lower",
    "auc": "higher",
    "log_loss": "lower",
    "brier": "lower",
}


@dataclass(frozen=True, kw_only=True)
class Circumstances:
    """What else is known of the leads.

    Attributes
    ----------
    together : Together or None
        Model and points as one score, as fitted in training; None fits it on the leads themselves.
    margin : float array, shape (leads,), or None
        Money each lead brought if won; NaN where unknown; None where no margins are mapped.
    cost : float
        Money it costs to work one lead.
    weight : float array, shape (leads,), or None
        How many leads each stands for: above 1 where few like it were handed off, with a known
        probability; None where each stands for itself.
    pool : Pool or None
        All leads that could have been worked.
    slices : mapping of str to object array, shape (leads,)
        Key -> slice of each lead.
    explored : bool array, shape (leads,), or None
        Leads handed off at random to learn from: no promise is judged by them.
    """

    together: Together | None = None
    margin: Floats | None = None
    cost: float = 0.0
    weight: Floats | None = None
    pool: Pool | None = None
    slices: Mapping[str, NDArray[np.object_]] = field(default_factory=dict)
    explored: Bools | None = None


NOTHING_ELSE = Circumstances()


class FairComparison:
    """Model, points and both on the leads that have points; `watch` takes each resample.

    Parameters
    ----------
    won : bool array, shape (leads,)
    model, points
        Their answers on those leads; at least one lead has points.
    promise : Promise
    circumstances : Circumstances
    accounts : int array, shape (leads,), or None
    seed : int
        Of the folds.
    """

    def __init__(
        self,
        won: Bools,
        model: ModelAnswers,
        points: PointsAnswers,
        promise: Promise,
        circumstances: Circumstances,
        *,
        accounts: NDArray[np.intp] | None = None,
        seed: int = 0,
    ) -> None:
        self.rows = points.known
        self._model, self._points, self._promise = model, points, promise
        self._around = circumstances
        self._won = won[self.rows]
        self._accounts = None if accounts is None else _numbered(accounts[self.rows])
        weight = circumstances.weight
        self._weight = None if weight is None else weight[self.rows] / weight[self.rows].mean()
        among = np.arange(len(self._won)) if self._accounts is None else self._accounts
        self._evidence = evidence(self._won, self._accounts)
        enough = self._evidence >= FEWEST_OF_EACH
        self._fold = fold_of(among, self._won, seed=seed) if enough else None
        self._both = self._together()
        self.contest = Contest(self._won, self._entrants(), self._stakes(won))

    def watch(self, weight: Floats) -> None:
        """Measure one resample, in which each lead counts `weight` times."""
        own = weight[self.rows]
        if own.sum() > 0:
            self.contest.watch(own)

    @property
    def ranking_of_both(self) -> Floats | None:
        """Both together on all leads: the model alone where a lead has no points."""
        if self._both is None:
            return None
        ranking = self._model.log_odds.copy()
        ranking[self.rows] = self._both
        return ranking

    def _together(self) -> Floats | None:
        """Return both as one score; without a fit of training, by other folds of these leads."""
        model, given = self._model.log_odds[self.rows], self._points.points[self.rows]
        if self._around.together is not None:
            return self._around.together.log_odds(model, given)
        if self._fold is None:
            return None
        columns = np.column_stack([normal_scores(model), normal_scores(given)])
        return cross_fitted(columns, self._won, self._fold, weight=self._weight)

    def _entrants(self) -> dict[str, Entrant]:
        scored, rows = self._points.scored(), self.rows
        model = self._model.log_odds[rows]
        by_points = None
        if scored.probability is not None:
            p = np.clip(scored.probability[rows], 1e-15, 1 - 1e-15)
            by_points = np.log(p / (1 - p))
        entrants = {
            "model": Entrant(model, self._alike(model), model, self._model.sales_ready[rows]),
            "points": Entrant(
                scored.ranking[rows],
                self._alike(scored.ranking[rows]),
                by_points,
                self._points.ready[rows],
            ),
        }
        if self._both is not None:
            if self._around.together is not None:
                entrants["both"] = Entrant(self._both, self._alike(self._both), self._both)
            else:  # calibrated already: fitted on the same folds in the same way
                entrants["both"] = Entrant(self._both, self._both)
        return entrants

    def _alike(self, score: Floats) -> Floats | None:
        """Recalibrate as all others are: a sigmoid of the ranks' normal scores."""
        if self._fold is None:
            return None
        column = normal_scores(score)[:, None]
        return cross_fitted(column, self._won, self._fold, weight=self._weight, rising=True)

    def _stakes(self, won: Bools) -> Stakes:
        """Return at what all are measured; hand-offs count by what leads stand for."""
        leads = len(self._won)
        own = np.ones(leads) if self._weight is None else self._weight
        shares: dict[str, float] = {}
        for of, answers in (("points", self._points.ready), ("model", self._model.sales_ready)):
            share = float(own @ answers[self.rows] / own.sum())
            if share and share not in shares.values():
                shares[of] = share
        for share in SHARES:
            if round(share * leads):
                shares[f"{share:g}"] = round(share * leads) / leads
        return Stakes(
            rate=self._promise.close_rate,
            shares=shares,
            margin=self._money(),
            cost=self._around.cost,
            weight=self._weight,
            settles=self._accounts is None or int(self._accounts.max()) + 1 >= FEWEST_ACCOUNTS,
        )

    def _money(self) -> Floats | None:
        """Return the margin of each won lead; the mean of the known ones where it is unknown."""
        if self._around.margin is None:
            return None
        margin = self._around.margin[self.rows]
        known = self._won & np.isfinite(margin)
        if not known.any():
            return None
        return np.where(known, np.nan_to_num(margin), np.where(self._won, margin[known].mean(), 0))

    def to_dict(self) -> dict[str, Any]:
        """Return the comparison and its verdict, JSON-ready: ``winner, winner_text, ...``."""
        limits = self._restriction()
        verdict = winner_of(self.contest)
        if limits["restricted"] and not limits["weighted"]:
            verdict = Winner(None, restricted_words(limits), verdict.p_all_equal)
        elif verdict.name == "points" and limits["model"]["restricted"]:
            verdict = Winner(None, CHOSEN_BY_MODEL, verdict.p_all_equal)
        return {
            "winner": verdict.name,
            "winner_text": verdict.text,
            "range_restricted": limits,
            "fair_comparison": self._described()
            | {
                "p_all_equal": verdict.p_all_equal,
                "measures": self._measures(),
                "same_volume": self._volumes(),
                "same_close_rate": self._rates(),
                "profit": self._profit(),
            },
        }

    def _restriction(self) -> dict[str, Any]:
        pool = self._around.pool
        if pool is None:
            pool = Pool(self._points.points, np.ones(len(self._points.points), bool))
        return restriction(pool, threshold=self._points.threshold)

    def _described(self) -> dict[str, Any]:
        together, both = self._around.together, None
        if together is not None:
            both = {"fitted_on": "training"} | vars(together)
        elif self._both is not None:
            both = {"fitted_on": "evaluation"}
        return {
            "primary": PRIMARY[0],
            "leads": len(self._won),
            "won": int(self._won.sum()),
            "both": both,
            "calibration": None
            if self._fold is None
            else {
                "method": "sigmoid of normal scores",
                "folds": PARTS,
                "by": "lead" if self._accounts is None else "account",
            },
            "weights": None if self._weight is None else _weights(self._weight),
        }

    def _measures(self) -> list[dict[str, Any]]:
        rows = []
        for metric, good in GOOD.items():
            if metric == "auc" and self._weight is None:
                rows.append(self._areas())
                continue
            row: Row = (metric, "")
            rows.append(
                {"metric": metric, "better": good, "method": "bootstrap"}
                | {name: self.contest.interval(row, name).to_dict() for name in NAMES}
                | {"pairs": self.contest.pairs(row, good=good)}
            )
        return rows

    def _areas(self) -> dict[str, Any]:
        """Areas under the ROC curves, by DeLong or, with accounts, by Obuchowski."""
        names = [name for name in NAMES if name in self.contest.entrants]
        told: dict[str, Any] = {"metric": "auc", "better": "higher", "method": "delong"}
        if self._accounts is not None:
            told["method"] = "obuchowski"
        if self._evidence < FEWEST_FOR_AREAS:
            reason = f"needs {FEWEST_FOR_AREAS} won and {FEWEST_FOR_AREAS} lost leads"
            reason += "" if self._accounts is None else ", of as many accounts each"
            return told | dict.fromkeys(NAMES, Interval.absent(reason).to_dict()) | {"pairs": []}
        scores = [self.contest.entrants[name].ranking for name in names]
        found = areas(self._won, scores, accounts=self._accounts)
        absent = Interval.absent("there is no such figure").to_dict()
        told |= dict.fromkeys(NAMES, absent)
        told |= {name: found.interval(n).to_dict() for n, name in enumerate(names)}
        return told | {"pairs": _area_pairs(found, names)}

    def _volumes(self) -> list[dict[str, Any]]:
        rows = []
        for key, share in self.contest.stakes.shares.items():
            row: Row = ("close_rate", key)
            volume = round(share * len(self._won))
            told: dict[str, Any] = {"of": key, "volume": volume, "share": share}
            for name, rate in self.contest.measured[row].items():
                shown = self._rate(row, name, rate * volume, volume).to_dict()
                told[name] = {"won": rate * volume} | shown
            rows.append(told | {"pairs": self.contest.pairs(row, good="higher")})
        return rows

    def _rate(self, row: Row, name: str, won: float, volume: int) -> Interval:
        """Return a close rate with its exact bounds; with weights, those of the resamples.

        With accounts the wider of both: exact ones take the leads of an account as independent.
        """
        drawn = self.contest.interval(row, name)
        if self._weight is not None:
            return drawn
        exact = close_rate(round(won, 9), volume, self._promise.confidence)
        known = None not in (exact.low, exact.high, drawn.low, drawn.high)
        if self._accounts is None or not known:
            return exact
        low, high = np.array([exact.low, drawn.low]).min(), np.array([exact.high, drawn.high]).max()
        return Interval(exact.value, float(low), float(high))

    def _rates(self) -> list[dict[str, Any]]:
        rows = []
        for of in ("agreement", *NAMES):
            row: Row = ("volume", of)
            if row not in self.contest.measured:
                continue
            told: dict[str, Any] = {"of": of, "rate": self.contest.measured["rate", of]["rate"]}
            for name in self.contest.measured[row]:
                told[name] = self.contest.interval(row, name).to_dict()
            rows.append(told | {"pairs": self.contest.pairs(row, good="higher")})
        return rows

    def _profit(self) -> list[dict[str, Any]] | None:
        """Margin won less cost at each volume; None where no margins are known."""
        if self.contest.stakes.margin is None or self._around.margin is None:
            return None
        unknown = int((self._won & ~np.isfinite(self._around.margin[self.rows])).sum())
        rows = []
        for key, share in self.contest.stakes.shares.items():
            row: Row = ("profit", key)
            volume = round(share * len(self._won))
            told: dict[str, Any] = {"of": key, "volume": volume, "unknown_margins": unknown}
            for name in self.contest.measured[row]:
                told[name] = self.contest.interval(row, name).to_dict()
            rows.append(told | {"pairs": self.contest.pairs(row, good="higher")})
        return rows


def _area_pairs(found: Areas, names: list[str]) -> list[dict[str, Any]]:
    rows = []
    for first, second in PAIRS:
        if first in names and second in names:
            gap, p = found.difference(names.index(first), names.index(second))
            rows.append(pair_row(first, second, gap, good="higher") | {"p": p})
    return rows


def _weights(weight: Floats) -> dict[str, float]:
    """Say how many equally weighted leads the weighted ones are worth (Kish 1965)."""
    effective = float(weight.sum() ** 2 / (weight**2).sum())
    return {"effective_leads": effective, "largest": float(weight.max() / weight.min())}


def _numbered(accounts: NDArray[np.intp]) -> NDArray[np.intp]:
    return np.asarray(np.unique(accounts, return_inverse=True)[1].reshape(-1), np.intp)
