"""What a yearly number of units can prove of the agreed rate, and by when."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import binom

from leadml.evaluation.confidence_sequence import wins_to_meet
from leadml.evaluation.knowable import LOOSER
from leadml.evaluation.promise import percent

Numbers = NDArray[np.float64]
Counts = NDArray[np.int64]

YEARS = (1, 2, 3)
LONGEST = 10
"""Years beyond which no median time is told."""
LOOKS_A_YEAR = 52
TRUE_RATES = 4
NEGLIGIBLE = 1e-12


@dataclass(frozen=True)
class Certified:
    """How soon a true rate is shown to meet the agreed one.

    Attributes
    ----------
    true_rate : float
    median_years : float or None
        Since the sequence started, waiting for the first units included; None where more than half
        of all companies with that rate would wait for longer than ten years.
    decided : dict
        Years -> share of such companies for which it has been shown by then.
    """

    true_rate: float
    median_years: float | None
    decided: dict[int, float]

    def to_dict(self) -> dict[str, Any]:
        """Return JSON-ready values."""
        shares = {str(years): share for years, share in self.decided.items()}
        return vars(self) | {"decided": shares}


def certify(
    units_a_year: float, *, rate: float, confidence: float, waiting_days: float
) -> list[dict[str, Any]]:
    """Return what so many units a year prove at the agreed confidence, and at 80 %.

    Parameters
    ----------
    units_a_year : float
        Units that enter, > 0.
    waiting_days : float
        From a hand-off until it enters.

    Returns
    -------
    list of dict
        ``confidence``, ``units_a_year``, ``needed`` (the observed rate that meets the agreed one
        after one, two and three years) and ``rates`` (see `Certified`), looked at every week.
    """
    levels = sorted({confidence, LOOSER}, reverse=True)
    return [_level(round(units_a_year, 6), rate, level, waiting_days) for level in levels]


def told(levels: Sequence[Mapping[str, Any]], rate: float, *, unit: str) -> str:
    """Say what the volume can show and when, a sentence for each confidence; empty without levels.

    Parameters
    ----------
    levels : sequence of mapping
        As `certify` returns them.
    unit : {"lead", "account"}
    """
    if not levels:
        return ""
    many = round(levels[0]["units_a_year"])
    units = {
        "lead": ("lead enters", "leads enter"),
        "account": ("company enters", "companies enter"),
    }
    pace = f"At the present pace about {many:,} {units[unit][many != 1]} a year."
    return " ".join([pace, *(_level_told(level, percent(rate)) for level in levels)])


def _level_told(level: Mapping[str, Any], rate: str) -> str:
    times = " and ".join(
        f"{_within(one['median_years'])} with a true {percent(one['true_rate'])}"
        for one in level["rates"][:2]
    )
    first = level["needed"][0]["rate"]
    enough = "no observed rate" if first is None else f"an observed {percent(first)}"
    return (
        f"At {percent(level['confidence'])} confidence, showing that {rate} is met takes half of "
        f"all companies {times}; after the first year {enough} is enough."
    )


def _within(years: float | None) -> str:
    if years is None:
        return f"more than {LONGEST} years"
    months = max(1, math.ceil(12 * years - 0.01))
    return f"up to {months} months" if months < 24 else f"up to {years:.1f} years"


def true_rates(rate: float) -> list[float]:
    """Return better true rates to try: five points apart, closer where the agreed one leaves less.

    Examples
    --------
    >>> true_rates(0.3), true_rates(0.9)
    ([0.35, 0.4, 0.45, 0.5], [0.92, 0.94, 0.96, 0.98])
    """
    step = min(0.05, rate / 6, (1 - rate) / (TRUE_RATES + 1))
    return [round(rate + step * k, 6) for k in range(1, TRUE_RATES + 1)]


def shares_met(units: Counts, needed: Counts, true_rate: float, *, until: float = 1.0) -> Numbers:
    """Return for each look the chance that the rate has been shown by then: exact, no simulation.

    The wins of what is still undecided are carried from look to look.

    Parameters
    ----------
    units, needed : int array, shape (looks,)
        Units entered by each look, ascending, and the fewest wins that show it.
    until : float
        Looks after this share has been reached are not worked out, and get the last share.
    """
    met = np.zeros(len(units))
    undecided, least, done, entered = np.ones(1), 0, 0.0, 0
    for look, (n, enough) in enumerate(zip(units.tolist(), needed.tolist(), strict=True)):
        if n > entered:
            pmf, lowest = _binomial(n - entered, true_rate)
            undecided, least, entered = np.convolve(undecided, pmf), least + lowest, n
            cut = max(0, min(enough - least, len(undecided)))
            done += float(undecided[cut:].sum())
            undecided = undecided[:cut]
            skip = int(np.searchsorted(np.cumsum(undecided), NEGLIGIBLE))
            undecided, least = undecided[skip:], least + skip
        met[look] = done
        if done >= until or not len(undecided):
            met[look:] = done
            break
    return met


@lru_cache(maxsize=256)
def _binomial(units: int, rate: float) -> tuple[Numbers, int]:
    low, high = (int(binom.ppf(q, units, rate)) for q in (NEGLIGIBLE, 1 - NEGLIGIBLE))
    return binom.pmf(np.arange(low, high + 1), units, rate), low


@lru_cache(maxsize=256)
def _level(units_a_year: float, rate: float, confidence: float, waiting: float) -> dict[str, Any]:
    years = np.arange(1, LONGEST * LOOKS_A_YEAR + 1) / LOOKS_A_YEAR
    units = (np.maximum(0.0, years - waiting / 365) * units_a_year).astype(np.int64)
    needed = wins_to_meet(units, rate=rate, confidence=confidence)
    ends = [
        (year, units[year * LOOKS_A_YEAR - 1], needed[year * LOOKS_A_YEAR - 1]) for year in YEARS
    ]
    return {
        "confidence": confidence,
        "units_a_year": units_a_year,
        "needed": [
            {"years": year, "units": int(n), "rate": float(wins / n) if wins <= n else None}
            for year, n, wins in ends
        ],
        "rates": [_certified(true, units, needed).to_dict() for true in true_rates(rate)],
    }


def _certified(true: float, units: Counts, needed: Counts) -> Certified:
    """Follow a true rate over three years, and on until half of the companies have shown it."""
    soon = YEARS[-1] * LOOKS_A_YEAR
    met = shares_met(units[:soon], needed[:soon], true)
    decided = {year: float(met[year * LOOKS_A_YEAR - 1]) for year in YEARS}
    if met[-1] < 1 / 2:
        met = shares_met(units, needed, true, until=1 / 2)
    half = int(np.searchsorted(met, 1 / 2))
    return Certified(true, (half + 1) / LOOKS_A_YEAR if half < len(met) else None, decided)
