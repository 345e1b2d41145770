"""Leads by buying stage, and what the rules are worth in each."""

import re
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from leadml.data.values import NotUsableError, missing_texts, to_text
from leadml.domain.definition import Definition
from leadml.errors import ConfigError
from leadml.evaluation.points_worth import Firing, Worth, fit_worth
from leadml.workflows.firing import Fired
from leadml.workflows.lesson import FEWEST_OF_EACH
from leadml.workflows.material import columns_of

Floats = NDArray[np.float64]
Rows = NDArray[np.intp]

MOST = 12
"""Most stages that get a table each."""
SPREAD = 0.25
"""Standard deviation, in log-odds of a typical firing, of how far a stage departs from all."""


@dataclass(frozen=True)
class Stages:
    """The stage of every lead.

    Attributes
    ----------
    names : tuple of str
        In alphabetical order.
    number : int array, shape (leads,)
        Position in `names`; -1 without a stage.
    """

    names: tuple[str, ...]
    number: Rows

    def take(self, rows: Rows) -> "Stages":
        """Return the stages of some of the leads."""
        return Stages(self.names, self.number[rows])

    def worths(self, firing: Firing, pooled: Worth) -> list[Worth | None]:
        """Fit each stage's leads, drawn to the fit of all; None where outcomes are too few."""
        return [self._worth(firing, pooled, place) for place in range(len(self.names))]

    def _worth(self, firing: Firing, pooled: Worth, place: int) -> Worth | None:
        own = firing.take(self.number == place)
        won = int(own.won.sum())
        if min(won, len(own.won) - won) < FEWEST_OF_EACH or not own.fitted.any():
            return None
        worth = fit_worth(own, towards=known(pooled.log_odds), spread=SPREAD, unit=pooled.unit)
        told = np.where(np.isnan(worth.log_odds), pooled.log_odds, worth.log_odds)
        return replace(worth, log_odds=told)

    def log_odds(self, worths: list[Worth | None], pooled: Worth, unit: Floats) -> Floats:
        """Return the log-odds of leads of these stages, shape (leads,)."""
        told = pooled.line.intercept + unit @ known(pooled.log_odds)
        for place, worth in enumerate(worths):
            if worth is not None:
                own = self.number == place
                told[own] = worth.line.intercept + unit[own] @ known(worth.log_odds)
        return told


def known(log_odds: Floats) -> Floats:
    """Return log-odds with 0 for rules that were not fitted."""
    return np.nan_to_num(log_odds, nan=0.0)


def stages_of(fired: Fired, definition: Definition, column: str) -> Stages:
    """Read the stage of every lead off a column, as it stood when the lead was judged.

    Raises
    ------
    ConfigError
        If there is no such column, it is the outcome, or it holds too many values.
    """
    leads = fired.material.leads
    if column not in leads.columns:
        msg = f"--by {column}: {leads.source} has no such column; it has {', '.join(leads.columns)}"
        raise ConfigError(msg)
    if column == definition.leads.outcome:
        msg = (
            f"--by {column}: that is the outcome, which nobody knew when the lead was judged; name "
            "a column that held the stage by then"
        )
        raise ConfigError(msg)
    raw = columns_of(fired.material, fired.rows, fired.moments)[column]
    missing = missing_texts(definition.leads.missing)
    texts = [_text(value, missing) for value in raw.values]
    there = {texts[code] for code in np.unique(raw.codes).tolist() if code >= 0}
    names = tuple(sorted(there - {""}))
    if not 1 < len(names) <= MOST:
        msg = (
            f"--by {column}: it holds {len(names)} different values where 2 to {MOST} stages are "
            "expected; name the column of the buying stage, or group its values first"
        )
        raise ConfigError(msg)
    place = np.array([*(names.index(t) if t in names else -1 for t in texts), -1], np.intp)
    return Stages(names, place[raw.codes])


def _text(value: object, missing: frozenset[str]) -> str:
    try:
        return (to_text(value, missing) or "").strip()
    except NotUsableError:
        return ""


def file_words(names: tuple[str, ...]) -> tuple[str, ...]:
    """Return each stage as it stands in a file name, all different.

    Examples
    --------
    >>> file_words(("Early / new", "early new", "Décision"))
    ('early-new', 'early-new-2', 'décision')
    """
    taken: list[str] = []
    for name in names:
        word = re.sub(r"\W+", "-", name).strip("-_").casefold() or "stage"
        same = sum(other == word or other.startswith(f"{word}-") for other in taken)
        taken.append(f"{word}-{same + 1}" if word in taken else word)
    return tuple(taken)
