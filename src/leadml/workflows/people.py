"""Representatives of a training run or an evaluation, and the cuts that are their own."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from leadml.domain.definition import Definition
from leadml.domain.handoff import HandoffPolicy
from leadml.evaluation.people import people_of
from leadml.evaluation.rep_cuts import NOBODY, rep_cuts
from leadml.evaluation.threshold import Threshold
from leadml.snapshot.owner_copies import same_as_owner
from leadml.workflows.material import Material

Numbers = NDArray[np.float64]
Rows = NDArray[np.intp]
BY_GROUP = ("group", "each", "profit")
"""Policies under which representatives have cuts of their own: capacity is no matter of rates."""


def people_in(
    material: Material,
    rows: Rows,
    log_odds: Numbers,
    won: NDArray[np.bool_],
    *,
    definition: Definition,
    columns: Sequence[str],
    threshold: Threshold | None = None,
) -> dict[str, Any] | None:
    """Compare the owners of leads, JSON-ready; None where no owner is mapped.

    Parameters
    ----------
    material : Material
    rows : int array, shape (leads,)
        Positions in the export.
    log_odds : float array, shape (leads,)
        Of each, out of time.
    won : bool array, shape (leads,)
    definition : Definition
        Agreement and hand-off policy.
    columns : sequence of str
        Columns that the log-odds come from.
    threshold : Threshold, optional
        The team's; with it (and ``per_rep = true``) representatives get cuts of their own.
    """
    owner = material.leads.texts("owner")
    if owner is None:
        return None
    agreement, policy = definition.agreement, definition.handoff
    team_cut = None if threshold is None else threshold.probability
    found = people_of(log_odds, won, owner[rows], confidence=agreement.confidence)
    given = () if threshold is None else threshold.reps  # by their capacity
    own = {str(rep["owner"]): float(rep["probability"]) for rep in given}
    if policy.per_rep and team_cut is not None and policy.policy in BY_GROUP:
        floor = policy.floor_under(agreement)
        rate = agreement.close_rate
        alone = policy.policy != "group"
        own = rep_cuts(log_odds, found, team_cut=team_cut, rate=rate, floor=floor, alone=alone)
    told = found.to_dict()
    reps = [rep | {"cut": own.get(rep["owner"], team_cut)} for rep in told["reps"]]
    same = same_as_owner(material.leads, rows, columns)
    told["sentences"] += [*_same_words(same), *_cut_words(own, team_cut)]
    return told | {"reps": reps, "same_as_owner": same, "per_rep": policy.per_rep}


def own_cuts(threshold: Threshold, people: dict[str, Any] | None) -> dict[str, float]:
    """Return the cuts of representatives that are stricter than the team's, by name.

    Parameters
    ----------
    people : dict or None
        As `people_in` returns them.
    """
    team = threshold.probability
    if people is None or not people["per_rep"] or team is None or threshold.reps:
        return {}
    return {rep["owner"]: rep["cut"] for rep in people["reps"] if rep["cut"] > team}


def carried(
    threshold: Threshold, before: Mapping[str, Any], policy: HandoffPolicy
) -> dict[str, float]:
    """Return the cuts that representatives had, where still stricter than a refreshed team's.

    A line moves the level of all: who closes fewer of the same leads still does.

    Parameters
    ----------
    before : mapping
        The ``threshold`` of the version that is refreshed.
    """
    team = threshold.probability
    if not policy.per_rep or team is None or threshold.reps:
        return {}
    reps = before.get("reps", ())
    return {rep["owner"]: rep["probability"] for rep in reps if rep["probability"] > team}


def _same_words(columns: list[str]) -> list[str]:
    return [
        f"{column} holds one value for each of them, and the model reads it: what is theirs and "
        f"what is {column}'s cannot be told apart, so differences look smaller than they are."
        for column in columns
    ]


def _cut_words(own: dict[str, float], team_cut: float | None) -> list[str]:
    return [
        f"No group of leads would close at the agreed rate with {owner}: none is handed to them."
        if cut >= NOBODY
        else f"{owner} gets leads from {100 * cut:.1f} % instead of {100 * team_cut:.1f} %."
        for owner, cut in sorted(own.items())
        if team_cut is not None and cut > team_cut
    ]
