"""Monthly targets: hand-offs, wins and margin, and how far each month has come."""

from typing import Any

import numpy as np

from leadml.data.values import NO_TIME
from leadml.evaluation.progress import Month, progress
from leadml.workflows.months import month_starts
from leadml.workflows.report_scope import Moments, Scope

MOST_MONTHS = 24
"""Most months shown, the newest."""


def targets_of(scope: Scope) -> list[dict[str, Any]]:
    """Hold the months of the report against ``[targets]``, JSON-ready; empty where none is set.

    From the month of the first hand-off on. Every hand-off counts in its month, explored ones too;
    wins at a solid margin and their money in the month of the close (of the hand-off, where that is
    unknown), however late, also of leads handed off before the agreement. The present month is
    judged pro rata.
    """
    targets = scope.settings.targets.set()
    if not targets or not scope.every.any():
        return []
    first = int(scope.handed_off_at[scope.every].min())
    starts = month_starts(first, _ends(scope), scope.timezone)
    bounds = [start for _, start in starts]
    counted = {name: _per_month(scope, name, bounds) for name in targets}
    months = [
        Month(
            name, _elapsed(scope, bounds[n], bounds[n + 1]), {k: v[n] for k, v in counted.items()}
        )
        for n, (name, _) in enumerate(starts[:-1])
    ]
    return progress(months[-MOST_MONTHS:], targets, _why(scope))


def _ends(scope: Scope) -> int:
    until = scope.span.until
    return max(0, (scope.now if until is None else min(scope.now, until)) - 1)


def _elapsed(scope: Scope, start: int, end: int) -> float:
    return float(np.clip((scope.now - start) / (end - start), 0.0, 1.0))


def _per_month(scope: Scope, name: str, bounds: list[int]) -> list[float | None]:
    """Return what each month brought; bounds are the months' starts and the end of the last."""
    profit = scope.material.leads.profit
    if name == "margin" and profit is None:
        return [None] * (len(bounds) - 1)
    at: Moments = scope.handed_off_at
    everyone = scope.usable & scope.judged.handed_off
    rows, weight = everyone, np.ones(len(at))
    if name != "handoffs":
        at = np.where(scope.judged.closed == NO_TIME, scope.handed_off_at, scope.judged.closed)
        rows = everyone & scope.judged.won_ever
    if name == "margin" and profit is not None:
        weight = np.nan_to_num(profit)
    rows = rows & (at < bounds[-1])  # a histogram's last bin holds its end, a month does not
    sums = np.histogram(at[rows], bins=np.array(bounds), weights=weight[rows])[0]
    return [float(value) for value in sums]


def _why(scope: Scope) -> dict[str, str]:
    if scope.material.leads.profit is not None:
        return {}
    return {"margin": "no margin and amount, or margin_amount, is mapped"}
