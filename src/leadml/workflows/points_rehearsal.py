"""Today's table, the fitted one and the model on leads that came later than those fitted on."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from leadml.domain.points_table import PointsTable
from leadml.evaluation.close_rate import expected_wins
from leadml.evaluation.interval import p_words
from leadml.evaluation.paired import HeldOut, compare_auc, compare_losses
from leadml.evaluation.points_worth import Firing, fit_worth
from leadml.model.points import reached
from leadml.snapshot.split import Folds
from leadml.workflows.fitted_table import Plan, totals
from leadml.workflows.stages import Stages

Floats = NDArray[np.float64]
Rows = NDArray[np.intp]

CONTESTANTS = {
    "today": "today's table",
    "new": "the new table",
    "stages": "the tables by stage",
    "model": "the model",
}


@dataclass(frozen=True)
class Rehearsed:
    """What each contestant said of leads it was not fitted on.

    Attributes
    ----------
    tested : HeldOut
        The leads, in the order of their blocks.
    scores : dict
        Contestant -> float array, shape (leads,).
    today_ready : bool array, shape (leads,)
        Whether today's table hands off.
    above : float array, shape (leads,)
        Points of the new table above its own threshold.
    ordered : bool
        Whether the leads tested came later than those fitted on.
    """

    tested: HeldOut
    scores: Mapping[str, Floats]
    today_ready: NDArray[np.bool_]
    above: Floats
    ordered: bool


def rehearse_tables(
    firing: Firing,
    table: PointsTable,
    folds: Folds,
    *,
    stages: Stages | None = None,
    model: Floats | None = None,
) -> Rehearsed:
    """Fit tables on the leads known by then and apply them to those that came next.

    Parameters
    ----------
    firing : Firing
        What each rule gave, leads in the order that the folds count.
    table : PointsTable
        Today's.
    folds : Folds
    stages : Stages, optional
        Tables of their own for them.
    model : float array, shape (leads,), optional
        The model's out-of-time log-odds.
    """
    scores: dict[str, list[Floats]] = {"today": [], "new": []}
    above, periods = [], []
    today = totals(table, firing)
    for number, (train, test) in enumerate(folds):
        known, later = firing.take(train), firing.take(test)
        worth = fit_worth(known)
        new = Plan(table, known).table_of(worth)
        total = totals(new, later)
        scores["today"].append(today[test])
        scores["new"].append(total)
        above.append(total - new.threshold)
        periods.append(np.full(len(test), number))
        if stages is not None:
            own = stages.take(train).worths(known, worth)
            told = stages.take(test).log_odds(own, worth, later.unit)
            scores.setdefault("stages", []).append(told)
    rows = np.concatenate([test for _, test in folds])
    whole = {name: np.concatenate(parts) for name, parts in scores.items()}
    if model is not None:
        whole["model"] = model[rows]
    tested = HeldOut(
        won=firing.won[rows], periods=np.concatenate(periods), accounts=firing.accounts[rows]
    )
    ready = reached(whole["today"], table.threshold)
    return Rehearsed(tested, whole, ready, np.concatenate(above), folds.ordered)


def comparison_of(rehearsed: Rehearsed, confidence: float) -> dict[str, Any]:
    """Return the contestants' measures, their paired differences and a verdict, JSON-ready."""
    tested = rehearsed.tested
    rivals = [name for name in rehearsed.scores if name != "today"]
    pairs = [("new", "today")] + [(name, "new") for name in rivals if name != "new"]
    differences = [_difference(rehearsed, *pair, confidence) for pair in pairs]
    return {
        "leads": len(tested.won),
        "won": int(tested.won.sum()),
        "later": rehearsed.ordered,
        "handed_off": int(rehearsed.today_ready.sum()),
        "contestants": [_measured(rehearsed, name, confidence) for name in rehearsed.scores],
        "differences": differences,
        "share_of_model_gain": _share(rehearsed, confidence),
        "verdict": differences[0]["better"] or "not settled",
        "text": [_words(row, rehearsed) for row in differences],
    }


def _difference(rehearsed: Rehearsed, first: str, second: str, confidence: float) -> dict[str, Any]:
    scores, tested = rehearsed.scores, rehearsed.tested
    auc = compare_auc(tested, scores[first], scores[second], confidence)
    loss = compare_losses(tested, scores[first], scores[second], confidence)
    agreed = auc.difference * loss.difference < 0  # more AUC is good, more log loss is not
    settled = min(auc.chance, loss.chance) <= (1 - confidence) / 2  # two looks share the risk
    better = (first if auc.difference > 0 else second) if agreed and settled else None
    return {
        "first": first,
        "second": second,
        "auc": auc.to_dict(),
        "log_loss": loss.to_dict(),
        "better": better,
    }


def _measured(rehearsed: Rehearsed, name: str, confidence: float) -> dict[str, Any]:
    tested, score = rehearsed.tested, rehearsed.scores[name]
    volume, wins = 0, 0.0
    for block in np.unique(tested.periods):
        own = tested.periods == block
        handed = int(rehearsed.today_ready[own].sum())
        volume += handed
        wins += expected_wins(tested.won[own], score[own], handed)
    return {
        "name": name,
        "auc": compare_auc(tested, score, score, confidence).first,
        "log_loss": compare_losses(tested, score, score, confidence).first,
        "won_of_handed_off": wins,
        "close_rate": wins / volume if volume else None,
    }


def _share(rehearsed: Rehearsed, confidence: float) -> float | None:
    """Return which share of the model's gain in log loss over today's table the new one has."""
    if "model" not in rehearsed.scores:
        return None
    loss = {
        name: compare_losses(rehearsed.tested, score, score, confidence).first
        for name, score in rehearsed.scores.items()
    }
    gain = loss["today"] - loss["model"]
    return float((loss["today"] - loss["new"]) / gain) if gain > 0 else None


def _words(row: dict[str, Any], rehearsed: Rehearsed) -> str:
    when = "that came later" if rehearsed.ordered else "held out at random"
    leads = f"on {len(rehearsed.tested.won):,} leads {when}"
    turned = row["better"] == row["second"]
    sides = ("second", "first") if turned else ("first", "second")
    names = [CONTESTANTS[row[side]] for side in sides]
    auc, loss = (
        f"{what} {row[key][sides[0]]:.{digits}f} against {row[key][sides[1]]:.{digits}f} "
        f"({p_words(row[key]['chance'])})"
        for what, key, digits in (("AUC", "auc", 3), ("log loss", "log_loss", 4))
    )
    if row["better"] is None:
        return f"Between {names[0]} and {names[1]} it is not settled: {leads}, {auc}, {loss}."
    ranks = "rank" if row["better"] == "stages" else "ranks"
    winner = names[0][0].upper() + names[0][1:]
    return f"{winner} {ranks} better than {names[1]}: {leads}, {auc}, {loss}."


def keeps_close_rate(rehearsed: Rehearsed) -> float | None:
    """Return points above the new threshold from which a group closes like today's hand-offs.

    The loosest cut, on the leads tested, whose group closes at least as often as the leads that
    today's table hands off there; None where it hands off none or none closes.
    """
    won, ready = rehearsed.tested.won, rehearsed.today_ready
    if not ready.any() or not won[ready].any():
        return None
    rate = won[ready].mean()
    order = np.argsort(-rehearsed.above, kind="stable")
    above = rehearsed.above[order]
    last = np.append(above[1:] < above[:-1], True)  # a cut falls between different points only
    good = last & (np.cumsum(won[order]) >= rate * np.arange(1, len(won) + 1) - 1e-9)
    return float(above[np.flatnonzero(good)[-1]]) if good.any() else None
