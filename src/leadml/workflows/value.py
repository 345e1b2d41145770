"""What a training run learns of margins, and what it expected of leads it had not learnt from."""

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from leadml.domain.agreement import Agreement
from leadml.model.scorecard import Machine, probability
from leadml.model.value import Margins, Ranks, Unknown, Value
from leadml.model.value_fit import FittedMargins, fit_margins
from leadml.settings import Settings
from leadml.snapshot.labels import Judged, judge
from leadml.snapshot.split import Folds
from leadml.workflows.lesson import Lesson
from leadml.workflows.material import Material

Numbers = NDArray[np.float64]
Flags = NDArray[np.bool_]
Rows = NDArray[np.intp]

PLAUSIBLE = 0.1, 0.9
"""Quantiles of the known margins, relative to what was expected of them, at which the unknown ones
are placed for the bounds."""


@dataclass(frozen=True)
class Money:
    """What became of some leads in money; arrays of shape (leads,).

    Attributes
    ----------
    known : float array
        Margin of sales-ready wins; NaN where the lead is none or its margin is not known.
    unknown : bool array
        Sales-ready wins without a known margin.
    unsure : bool array
        Wins that are not sales-ready only because their margin is not known.
    solid : float
        Share of the wins with a known margin that are solid, in [0, 1].
    of : {"margin", "amount"} or None
        What is counted; None where no money is mapped.
    """

    known: Numbers
    unknown: Flags
    unsure: Flags
    solid: float
    of: Literal["margin", "amount"] | None

    def take(self, rows: Rows) -> "Money":
        """Return what became of some of the leads."""
        return replace(
            self, known=self.known[rows], unknown=self.unknown[rows], unsure=self.unsure[rows]
        )


def money_of(material: Material, judged: Judged, agreement: Agreement, rows: Rows) -> Money:
    """Return what the labelled leads at `rows` brought in."""
    leads, label = material.leads, judged.label[rows]
    money = leads.profit if leads.profit is not None else leads.amount
    of: Literal["margin", "amount"] | None = None
    if money is None:
        return Money(np.full(len(rows), np.nan), label == 1, np.zeros(len(rows), bool), 1.0, of)
    of = "amount" if leads.profit is None else "margin"
    known = np.where(label == 1, money[rows], np.nan)
    unsure, solid = _unsure(material, agreement, rows, label)
    return Money(known, (label == 1) & np.isnan(known), unsure, solid, of)


def _unsure(
    material: Material, agreement: Agreement, rows: Rows, label: NDArray[np.int8]
) -> tuple[Flags, float]:
    """Return the wins whose margin nobody knows to be solid, and the solid share of the others."""
    margin = material.leads.margin
    if margin is None or agreement.min_margin <= 0:
        return np.zeros(len(rows), bool), 1.0
    any_margin = judge(material.leads, replace(agreement, min_margin=0.0), now=material.now)
    won, told = any_margin.label[rows] == 1, ~np.isnan(margin[rows])
    share = float((label[won & told] == 1).mean()) if (won & told).any() else 1.0
    return won & ~told, share


@dataclass(frozen=True)
class Worth:
    """What a training run knows of margins.

    Attributes
    ----------
    value : Value
        What serves.
    money : Money
        What the leads of the lesson brought in.
    given_win : float array, shape (leads,)
        Margin expected of each tested lead of the lesson if it is won, by a model of older leads
        alone; NaN elsewhere and where no margin is known.
    """

    value: Value
    money: Money
    given_win: Numbers

    def expected(self, p: Numbers, rows: Rows) -> Margins | None:
        """Return what was expected out of time of leads of the lesson, in money.

        None where no margin is known.

        Parameters
        ----------
        p : float array, shape (leads,)
            Their out-of-time probabilities.
        rows : int array, shape (leads,)
            Their positions in the lesson, among those of `Selection.rows`.
        """
        if self.value.basis is None:
            return None
        return self.value.unknown.of(p * self.given_win[rows])


def worth_of(
    lesson: Lesson,
    folds: Folds,
    material: Material,
    judged: Judged,
    settings: Settings,
    machine: Machine,
) -> Worth:
    """Learn margins from the won leads of the lesson whose margin is known."""
    money = money_of(material, judged, settings.definition.agreement, lesson.rows)
    p = probability(machine.log_odds(lesson.x, lesson.as_of))
    if money.of is None or np.isnan(money.known).all():
        none = int(money.unknown.sum() + money.unsure.sum())
        value = Value(ranks=Ranks.among(p), won_without_margin=none)
        return Worth(value, money, np.full(len(p), np.nan))
    fitted = fit_margins(lesson.x, money.known, categorical=lesson.categorical, folds=folds)
    value = _value(fitted, money, lesson.x)
    expected = value.expected(p, lesson.x)
    value = replace(value, ranks=Ranks.among(p if expected is None else expected.value))
    return Worth(value, money, fitted.forward)


def _value(fitted: FittedMargins, money: Money, x: Numbers) -> Value:
    value = Value(
        ranks=Ranks((0.0,), (0.5,), 1.0),
        basis=fitted.basis,
        of=money.of or "margin",
        card=fitted.card,
        won_with_margin=int((~np.isnan(money.known)).sum()),
        won_without_margin=int(money.unknown.sum() + money.unsure.sum()),
        mean=fitted.mean,
        out_of_time=fitted.out_of_time,
    )
    return replace(value, unknown=unknown_of(money, value.given_win(x)))


def unknown_of(money: Money, given_win: Numbers) -> Unknown:
    """Return what wins without a known margin add, as factors of what the others teach.

    Of N sales-ready wins K have a known margin and U have none; V more are not sales-ready only
    because their margin is unknown, and a share s of wins is solid. With the known margins' 10th
    and 90th percentile relative to what was expected of them, a and b (at most and at least 1):
    ``factor = 1 + s V / N``, ``low = (K + a U) / N`` (none of V solid) and
    ``high = (K + b (U + V)) / N``. Where only amounts are mapped no margin is known: ``low = 0``.
    """
    wins = int((~np.isnan(money.known)).sum())
    missing, unsure = int(money.unknown.sum()), int(money.unsure.sum())
    everyone = wins + missing
    least, most = _plausible(money, given_win)
    return Unknown(
        factor=1 + money.solid * unsure / everyone,
        low=0.0 if money.of == "amount" else (wins + least * missing) / everyone,
        high=(wins + most * (missing + unsure)) / everyone,
    )


def _plausible(money: Money, given_win: Numbers) -> tuple[float, float]:
    """Return where unknown margins may lie, relative to what is expected of their leads."""
    known = np.flatnonzero(~np.isnan(money.known) & (given_win != 0))
    if not len(known):  # nothing is known, or all that is expected is nothing
        return 1.0, 1.0
    least, most = np.quantile(money.known[known] / given_win[known], PLAUSIBLE)
    return min(float(least), 1.0), max(float(most), 1.0)


def brought_in(money: Money, given_win: Numbers) -> Margins:
    """Return what each lead brought in, 0 without a win, with bounds where that is not known.

    An unknown margin is what was expected of such a win, and lies between the 10th and the 90th
    percentile of what known margins made of their expectation. A win that may not be solid counts
    by the share that is, and brings nothing in at worst.

    Parameters
    ----------
    money : Money
        What became of the leads.
    given_win : float array, shape (leads,)
        Margin expected of each if it is won.
    """
    least, most = _plausible(money, given_win)
    sure = np.nan_to_num(money.known)
    missing = np.where(money.unknown, given_win, 0.0)
    unsure = np.where(money.unsure, given_win, 0.0)
    low = np.zeros(len(sure)) if money.of == "amount" else sure + least * missing
    value = sure + missing + money.solid * unsure
    high = sure + most * (missing + unsure)
    return Margins(value, np.minimum(low, value), np.maximum(high, value))
