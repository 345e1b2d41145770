"""Attributes of simulated leads that are edited later, most often after a win."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from leadml.data.simulated_fates import Fates
from leadml.data.simulated_people import INDUSTRIES, JOB_TITLES, People
from leadml.data.simulated_touches import DAY, Seconds
from leadml.data.simulated_world import Pipeline, World

EDITED = ("budget", "job_title", "company_size", "industry")
SHARE_OF_FIELDS = 0.5  # of a lead's attributes, where it is edited at all
AFTER_A_WIN = 3.0  # how much likelier than of other leads
DAYS_AFTER_CLOSE, DAYS_AFTER_HANDOFF = 5.0, 40.0
COLUMNS = ("lead_id", "field", "old_value", "new_value", "changed_at")


@dataclass(frozen=True)
class Edits:
    """Changes of attributes as parallel arrays, in time order.

    Attributes
    ----------
    lead : int array
        Position of the lead.
    at : int64 array
        Seconds since 1970 UTC; after the hand-off (or the decision against one).
    field, old, new : object arrays
        Column, and its value before and after as the CRM's history shows it; None where empty.
    """

    lead: NDArray[np.intp]
    at: Seconds
    field: NDArray[np.object_]
    old: NDArray[np.object_]
    new: NDArray[np.object_]

    def until(self, end: int) -> "Edits":
        """Return only the changes strictly before `end`."""
        return self._taken(self.at < end)

    def in_order(self) -> "Edits":
        """Return the changes in time order."""
        return self._taken(np.argsort(self.at, kind="stable"))

    def _taken(self, rows: NDArray[np.bool_] | NDArray[np.intp]) -> "Edits":
        return Edits(
            self.lead[rows], self.at[rows], self.field[rows], self.old[rows], self.new[rows]
        )


def draw_edits(
    rng: np.random.Generator, world: World, people: People, leads: Pipeline, fates: Fates
) -> Edits:
    """Draw who is edited when, and what the fields hold from then on."""
    n = len(people.budget)
    weight = np.where(fates.won, AFTER_A_WIN, 1.0)
    edited = rng.random(n) < world.attribute_changes * weight / weight.mean()
    chosen = rng.random((n, len(EDITED))) < SHARE_OF_FIELDS
    chosen[np.arange(n), rng.integers(len(EDITED), size=n)] = True
    days = rng.exponential(np.where(fates.won, DAYS_AFTER_CLOSE, DAYS_AFTER_HANDOFF))
    at = np.where(fates.won, fates.closed, leads.ready) + (days * DAY).astype(np.int64) + 1
    values = _new_values(rng, people, fates)
    parts = []
    for column, name in enumerate(EDITED):
        old, new = _texts(getattr(people, name)), values[name]
        rows = np.flatnonzero(edited & chosen[:, column] & (old != new))
        parts.append((rows, at[rows], np.full(len(rows), name, object), old[rows], new[rows]))
    joined = [np.concatenate(part) for part in zip(*parts, strict=True)]
    return Edits(*joined).in_order()


def applied(edits: Edits, attributes: pd.DataFrame) -> pd.DataFrame:
    """Return the attributes as they stand after all the changes."""
    now = attributes.copy()
    for name in EDITED:
        rows = edits.field == name
        values = edits.new[rows]
        numeric = pd.api.types.is_numeric_dtype(now[name])
        column = now[name].to_numpy(copy=True)
        column[edits.lead[rows]] = values.astype(column.dtype) if numeric else values
        now[name] = column
    return now


def _new_values(
    rng: np.random.Generator, people: People, fates: Fates
) -> dict[str, NDArray[np.object_]]:
    """Make up what an edit enters: the true budget once it is sold, a better guess else."""
    n = len(people.budget)
    guess = np.where(np.isnan(people.budget), 12_000.0, people.budget) * rng.uniform(0.7, 1.3, n)
    budget = np.round(np.where(fates.won, fates.amount, guess) / 500) * 500
    size = np.maximum(people.company_size * rng.uniform(0.8, 1.5, n), 1.0).astype(np.int64)
    return {
        "budget": _texts(np.maximum(budget, 500.0)),
        "job_title": rng.choice(np.array(list(JOB_TITLES), object), n),
        "company_size": _texts(size),
        "industry": rng.choice(np.array(list(INDUSTRIES), object), n),
    }


def _texts(values: NDArray[Any]) -> NDArray[np.object_]:
    if values.dtype == object:
        return values
    return np.array([None if np.isnan(value) else str(int(value)) for value in values], object)
