"""Where predictions differ: close rates against predictions, and model against points, by slice."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import binom, false_discovery_control, norm

from leadml.evaluation.close_rate import close_rate, lower_bound, upper_bound
from leadml.evaluation.delong import FEWEST_OF_EACH, areas, evidence
from leadml.evaluation.interval import Interval
from leadml.evaluation.tally import Floats

Bools = NDArray[np.bool_]
MOST = 30
"""Most slices of one key; the leads of all others are one slice."""
FEWEST = 20
"""Fewest leads of a slice that is judged."""
LEVEL = 0.95
FALSE_SHARE = 0.05
"""Largest expected share of flags that are false (Benjamini and Hochberg)."""


@dataclass(frozen=True, kw_only=True)
class Answers:
    """What was said of the leads and what came; arrays of shape (leads,).

    Attributes
    ----------
    won : bool array
    probability : float array
        The model's.
    points : float array or None
        NaN where a lead has none.
    ready : bool array
        Whom the model hands off.
    accounts : int array or None
        Leads with the same number belong to one account.
    """

    won: Bools
    probability: Floats
    points: Floats | None
    ready: Bools
    accounts: NDArray[np.intp] | None = None

    def take(self, rows: Bools) -> "Answers":
        """Return those of the leads in `rows`."""
        return Answers(
            won=self.won[rows],
            probability=self.probability[rows],
            points=None if self.points is None else self.points[rows],
            ready=self.ready[rows],
            accounts=None if self.accounts is None else self.accounts[rows],
        )


@dataclass
class _Judged:
    """One slice, JSON-ready, with the p-values that are to be adjusted."""

    values: dict[str, Any]
    chances: dict[str, float] = field(default_factory=dict)


def slices(
    answers: Answers,
    names: Mapping[str, NDArray[np.object_]],
    *,
    confidence: float,
    compare: bool = True,
) -> list[dict[str, Any]]:
    """Judge every slice of every key, flags adjusted for their number.

    Parameters
    ----------
    answers : Answers
    names : mapping of str to object array, shape (leads,)
        Key (``source``, ``owner`` ...) -> slice of each lead; None where not recorded.
    confidence : float
        Of each one-sided bound of a hand-off group's close rate.
    compare : bool
        Whether points may be called better than the model; not where their range is restricted.

    Returns
    -------
    list of dict
        JSON-ready: ``key, name, rest, leads, won, close_rate, expected, ratio, auc, handoff, p,
        flags, verdict``; most leads first within a key, months in order.

    Notes
    -----
    Two tests a slice: are as many won as predicted (exact binomial; with accounts the larger p of
    it and a test whose error counts accounts), and do points rank its leads better than the model
    (DeLong, or Obuchowski's with accounts; 10 won and 10 lost needed, of as many accounts). Flags
    are those of Benjamini and Hochberg (1995, doi:10.1111/j.2517-6161.1995.tb02031.x) over all
    tests of all keys: on average at most 5 % of them are false.
    """
    judged = [
        _judge(answers.take(rows), key, name, rest=rest, confidence=confidence, compare=compare)
        for key, each in names.items()
        for name, rest, rows in _parts(each, by_name=key == "month")
    ]
    tests = [(one, what) for one in judged for what in one.chances]
    if tests:
        adjusted = false_discovery_control([one.chances[what] for one, what in tests])
        for (one, what), p in zip(tests, np.atleast_1d(adjusted).tolist(), strict=True):
            one.values["p"][what] = p
            if p <= FALSE_SHARE:
                one.values["flags"].append(what)
    return [one.values | {"verdict": _verdict(one.values)} for one in judged]


def _parts(names: NDArray[np.object_], *, by_name: bool) -> list[tuple[str | None, bool, Bools]]:
    """Return name, whether it is the rest of them, and leads of each slice; the biggest are kept.

    Months are cut off from the oldest.
    """
    texts = names.tolist()
    counts: dict[object, int] = {}
    for text in texts:
        counts[text] = counts.get(text, 0) + 1
    if by_name:
        order = sorted(counts, key=lambda name: (name is not None, str(name)), reverse=True)
    else:
        order = sorted(counts, key=lambda name: (-counts[name], name is None, str(name)))
    kept = order[: MOST - 1] if len(order) > MOST else order
    number = {name: place for place, name in enumerate(kept)}
    place = np.array([number.get(text, len(kept)) for text in texts], int)
    parts: list[tuple[str | None, bool, Bools]] = [
        (None if name is None else str(name), False, place == n) for name, n in number.items()
    ]
    parts = parts[::-1] if by_name else parts
    if len(kept) < len(order):
        rest: tuple[str | None, bool, Bools] = ("other", True, place == len(kept))
        parts = [rest, *parts] if by_name else [*parts, rest]
    return parts


def _judge(
    of: Answers, key: str, name: str | None, *, rest: bool, confidence: float, compare: bool
) -> _Judged:
    leads, won = len(of.won), int(of.won.sum())
    expected = float(of.probability.sum())
    handed, closed = int(of.ready.sum()), int(of.won[of.ready].sum())
    one = _Judged(
        {
            "key": key,
            "name": name,
            "rest": rest,
            "leads": leads,
            "won": won,
            "close_rate": won / leads,
            "expected": expected,
            "ratio": ratio(won, leads, expected).to_dict(),
            "auc": {"model": None, "points": None},
            "handoff": {"leads": handed, "won": closed}
            | close_rate(closed, handed, confidence).to_dict(),
            "p": {"prediction": None, "points": None},
            "flags": [],
        }
    )
    if leads >= FEWEST:
        one.chances["prediction"] = _off(of)
    _rank(of, one, compare=compare)
    return one


def ratio(won: int, leads: int, expected: float) -> Interval:
    """Return wins ÷ predicted wins with its two-sided 95 % interval; 1 is right.

    The exact binomial interval of the close rate, divided by the mean probability. Leads of unlike
    probability vary less than a binomial, so that it holds the truth at least as often as it says.
    """
    if not expected > 0:
        return Interval.absent("no win was predicted")
    side = (1 + LEVEL) / 2
    low, high = (bound(won, leads, side) * leads / expected for bound in (lower_bound, upper_bound))
    return Interval.around(won / expected, low, high)


def _off(of: Answers) -> float:
    """Return the p-value of *the predictions are right*: twice the smaller exact tail."""
    leads, won, mean = len(of.won), int(of.won.sum()), float(of.probability.mean())
    tails = binom.cdf(won, leads, mean), binom.sf(won - 1, leads, mean)
    p = min(1.0, 2 * float(min(tails)))
    if of.accounts is None:
        return p
    off = np.bincount(np.unique(of.accounts, return_inverse=True)[1], of.won - of.probability)
    error = float(np.sqrt((off**2).sum()))
    return max(p, 2 * float(norm.sf(abs(off.sum()) / error))) if error > 0 else p


def _rank(of: Answers, one: _Judged, *, compare: bool) -> None:
    """Compare the rankings where there are enough outcomes of either kind."""
    if of.points is None:
        known, scores = np.ones(len(of.won), bool), [of.probability]
    else:
        known = np.isfinite(of.points)
        scores = [of.probability[known], of.points[known]]
    won = of.won[known]
    if min(won.sum(), len(won) - won.sum()) < FEWEST_OF_EACH:
        return
    accounts = None if of.accounts is None else of.accounts[known]
    if accounts is not None:
        accounts = np.unique(accounts, return_inverse=True)[1].reshape(-1)
    found = areas(won, scores, accounts=accounts)
    one.values["auc"] = {"model": float(found.auc[0]), "points": None}
    if of.points is None:
        return
    one.values["auc"]["points"] = float(found.auc[1])
    if compare and evidence(won, accounts) >= FEWEST_OF_EACH:
        gap, p = found.difference(1, 0)
        one.chances["points"] = p / 2 if (gap.value or 0) > 0 else 1 - p / 2


def _verdict(values: Mapping[str, Any]) -> str:
    if values["leads"] < FEWEST:
        return "too few to say"
    words = []
    if "prediction" in values["flags"]:
        more = values["ratio"]["value"] is None or values["ratio"]["value"] > 1
        words.append(f"{'more' if more else 'fewer'} wins than predicted")
    if "points" in values["flags"]:
        words.append("points rank better")
    return ", ".join(words) or "nothing unusual"
