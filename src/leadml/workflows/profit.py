"""What working the leads in an order would bring in: of a training run, and of leads evaluated."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from leadml.evaluation.profit import Returns, profit_curve, profit_of_group
from leadml.model.selection import out_of_time
from leadml.model.value import Margins
from leadml.workflows.run import Run
from leadml.workflows.value import Money, brought_in

Numbers = NDArray[np.float64]
Flags = NDArray[np.bool_]

NO_MONEY = (
    "no won lead that the model learnt from has a known margin in money: map amount and margin, or "
    "margin_amount"
)


def no_profit(reason: str) -> dict[str, Any]:
    """Return the form of a profit that cannot be told."""
    return {"model": None, "points": None, "reason": reason}


def profit_of_run(run: Run) -> dict[str, Any]:
    """Return the profit curve of a training run's out-of-time predictions, JSON-ready."""
    worth, cost = run.worth, run.settings.definition.handoff.cost
    rows, p = out_of_time(run.selection)
    expected = None if worth is None else worth.expected(p, rows)
    if worth is None or expected is None:
        return no_profit(NO_MONEY)
    brought = brought_in(worth.money.take(rows), worth.given_win[rows])
    return told(expected, brought, worth.money.take(rows), cost=cost)


def told(
    expected: Margins,
    brought: Margins,
    money: Money,
    *,
    cost: float,
    handed_off: Flags | None = None,
    points: Numbers | None = None,
) -> dict[str, Any]:
    """Return the profit curves of model and points on the same leads, JSON-ready.

    Parameters
    ----------
    expected, brought : Margins
        Told beforehand, and what came.
    money : Money
        What is counted.
    cost : float
        Money it costs to work one lead.
    handed_off : bool array, shape (leads,), optional
        What the model would hand off: gives ``at_cut``.
    points : float array, shape (leads,), optional
        The points of each lead; NaN where it has none, which is worked last.
    """
    returns = Returns(expected.value, brought.low, brought.value, brought.high)
    model = profit_curve(expected.value, returns, cost=cost).to_dict()
    if handed_off is not None:
        model["at_cut"] = vars(profit_of_group(handed_off, returns, cost=cost))
    by_points = None
    if points is not None:
        ranked = np.nan_to_num(points, nan=-np.inf)
        by_points = profit_curve(ranked, returns, cost=cost).to_dict()
    return {
        "cost": cost,
        "of": money.of,
        "won_without_margin": int(money.unknown.sum() + money.unsure.sum()),
        "model": model,
        "points": by_points,
    }
