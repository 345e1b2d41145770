"""The funnel: how many leads reach each stage, and what share of one stage reaches the next."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Bools = NDArray[np.bool_]


@dataclass(frozen=True)
class Stage:
    """One stage of the funnel.

    Attributes
    ----------
    name : str
    reached : bool array, shape (leads,), or None
        Which leads got there; None where that is not recorded.
    why_null : str or None
        Why it is not recorded.
    """

    name: str
    reached: Bools | None
    why_null: str | None = None


def funnel(stages: Sequence[Stage], cohort: Bools) -> list[dict[str, Any]]:
    """Count the leads of one cohort at every stage.

    Parameters
    ----------
    stages : sequence of Stage
        First to last.
    cohort : bool array, shape (leads,)
        Leads that have had the time to pass every stage: a lead of yesterday, which nobody could
        have won yet, would make the last stages look bad.

    Returns
    -------
    list of dict
        JSON-ready: ``stage``; ``leads`` of the cohort that reached it; ``skipped``, those of them
        that did not come through the last recorded stage before; ``share_of_previous``, of the
        leads at that stage, those that reached this one too (never above 1, for the skipping ones
        do not count); ``share_of_leads``, ``leads`` ÷ those of the first stage; ``so_far``, the
        leads that reached it however young; ``why_null``.
    """
    rows: list[dict[str, Any]] = []
    first = previous = None
    for number, stage in enumerate(stages):
        if stage.reached is None:
            rows.append(_row(stage.name, why_null=stage.why_null))
            continue
        here = stage.reached & cohort
        first = here if number == 0 else first
        so_far = int(stage.reached.sum())
        rows.append(_row(stage.name, so_far=so_far, **_counted(here, previous, first)))
        previous = here
    return rows


def _counted(here: Bools, previous: Bools | None, first: Bools | None) -> dict[str, Any]:
    leads = int(here.sum())
    row: dict[str, Any] = {"leads": leads}
    if previous is not None:
        through = int((here & previous).sum())
        row["skipped"] = leads - through
        row["share_of_previous"] = _share(through, int(previous.sum()))
    if first is not None:
        row["share_of_leads"] = _share(leads, int(first.sum()))
    if previous is not None and not previous.any():
        row["why_null"] = "no lead reached the stage before"
    return row


def _row(stage: str, **known: object) -> dict[str, Any]:
    empty = dict.fromkeys(
        ("leads", "skipped", "share_of_previous", "share_of_leads", "so_far", "why_null")
    )
    return {"stage": stage} | empty | known


def _share(part: int, whole: int) -> float | None:
    return part / whole if whole else None
