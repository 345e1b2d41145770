"""The report by source, owner, segment, band, account size and month."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from leadml.data.values import missing_texts, to_number
from leadml.evaluation.close_rate import close_rate
from leadml.evaluation.follow_up import by_slice
from leadml.evaluation.owners import shrunken
from leadml.evaluation.size_ranges import MOSTLY, by_first_number, range_names, size_ranges
from leadml.workflows.months import months_of
from leadml.workflows.report_scope import Scope, Texts

SLICED_BY = ("source", "owner", "segment", "band")
TOLD = (
    "Slices carry no verdict: with many of them, some look good or bad by chance. Bounds are those "
    "of each slice alone, valid for one look."
)


def slices_of(scope: Scope) -> dict[str, list[dict[str, Any]]]:
    """Return the counted hand-offs by each key, JSON-ready; empty lists where not recorded."""
    found: dict[str, list[dict[str, Any]]] = {}
    for key in SLICED_BY:
        names = scope.texts(key)
        order = (
            sorted({one for one in names.tolist() if one})
            if key == "band" and names is not None
            else None
        )
        found[key] = [] if names is None else _by(scope, names, key, order)
    _add_shrunken(scope, found["owner"])
    sizes, ranges = _sizes(scope)
    found["account_size"] = [] if sizes is None else _by(scope, sizes, "account_size", ranges)
    found["month"] = by_slice(
        scope.handoffs(scope.counted),
        _months(scope),
        key="month",
        confidence=scope.agreement.confidence,
        by_name=True,
    )
    return found


def months_told(scope: Scope, months: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the agreed close rate of each month of hand-offs that has matured leads."""
    counts, confidence = scope.agreement.counts, scope.agreement.confidence
    told = []
    for row in months:
        worked = counts == "followed_up"
        leads = row["followed_up"] if worked else row["matured"]
        won = row["won"] if worked else row["won"] + row["won_after_late_follow_up"]
        rate = close_rate(won, leads, confidence).to_dict()
        told.append({"month": row["month"], "leads": leads, "won": won} | rate)
    return told


def _by(
    scope: Scope, names: Texts, key: str, order: list[str] | None = None
) -> list[dict[str, Any]]:
    return by_slice(
        scope.handoffs(scope.counted),
        names,
        key=key,
        confidence=scope.agreement.confidence,
        order=order,
    )


def _months(scope: Scope) -> Texts:
    moments: NDArray[np.datetime64] = scope.handed_off_at.view("datetime64[us]")
    return months_of(moments, scope.timezone)


def _sizes(scope: Scope) -> tuple[Texts | None, list[str] | None]:
    """Return the size of each lead's account as a range, or as the text it is recorded as."""
    texts = scope.texts("account_size")
    if texts is None:
        return None, None
    mapping = scope.material.leads.mapping
    missing = missing_texts(mapping.missing)
    numbers, _ = scope.material.leads.raw(str(mapping.account_size)).numbers(
        lambda value: to_number(value, missing, decimal=mapping.decimal)
    )
    known = sum(text is not None for text in texts.tolist())
    if np.isfinite(numbers).sum() < MOSTLY * known:
        return texts, by_first_number({text for text in texts.tolist() if text is not None})
    return size_ranges(numbers), range_names()


def _add_shrunken(scope: Scope, rows: list[dict[str, Any]]) -> None:
    names = scope.texts("owner")
    if names is None:
        return
    drawn = scope.one_a_company(scope.agreed, by=names)
    agreed = scope.in_order(drawn)
    rates, words = shrunken(
        scope.judged.won[agreed],
        names[agreed],
        served_log_odds(scope, agreed),
        confidence=scope.agreement.confidence,
    )
    if rates and drawn.sum() < scope.agreed.sum():
        words += (
            "; of a company's leads with one representative one is drawn, for they share a fate"
        )
    for row in rows:
        found = rates.get(row["owner"])
        row["shrunken"] = None if found is None else {k: found[k] for k in ("value", "low", "high")}
        row["told"] = words if found is None else found["told"]
        row["shrunken_by"] = words


def served_log_odds(
    scope: Scope, rows: NDArray[np.bool_] | NDArray[np.intp]
) -> NDArray[np.float64] | None:
    """Return the log-odds of the served probabilities of some leads; NaN where there is none."""
    served = scope.material.leads.probability
    if served is None:
        return None
    p = np.clip(served[rows], 1e-9, 1 - 1e-9)
    return np.asarray(np.log(p / (1 - p)))
