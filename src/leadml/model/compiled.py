"""Several scorecards as one: one term a feature, whose cut points are those of all. Numpy only."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from leadml.model.scorecard import Levels, Machine, Pieces, Scorecard, Steps, Term

Numbers = NDArray[np.float64]
Weighted = Sequence[tuple[float, Term]]


def compiled(machine: Machine) -> Machine:
    """Return the same machine with its scorecards added up to one, to rounding.

    That one card is what scores, what reasons are the terms of, and what `leadml scorecard` writes.
    """
    if len(machine.cards) < 2:
        return machine
    terms: dict[int, list[tuple[float, Term]]] = {}
    for weight, card in machine.cards:
        for term in card.terms:
            terms.setdefault(term.feature, []).append((weight, term))
    constant = sum(weight * card.constant for weight, card in machine.cards)
    summed = tuple(_sum(feature, terms[feature]) for feature in sorted(terms))
    return replace(machine, cards=((1.0, Scorecard(constant, summed)),))


def _sum(feature: int, parts: Weighted) -> Term:
    missing = float(sum(weight * term.missing for weight, term in parts))
    if any(isinstance(term, Levels) for _, term in parts):
        return Levels(feature, _levels(parts), missing)
    cuts = sorted({cut for _, term in parts for cut in _cuts(term)})
    starts, values = np.zeros(len(cuts) + 1), np.zeros(len(cuts) + 1)
    for weight, term in parts:
        own_starts, own_values = ends(term, cuts)
        starts += weight * own_starts
        values += weight * own_values
    if all(isinstance(term, Steps) for _, term in parts):
        return Steps(feature, tuple(cuts), tuple(values.tolist()), missing)
    return Pieces(feature, tuple(cuts), tuple(starts.tolist()), tuple(values.tolist()), missing)


def _levels(parts: Weighted) -> tuple[float, ...]:
    codes = np.arange(max(len(term.values) for _, term in parts), dtype=float)
    return tuple(np.sum([weight * term.of(codes) for weight, term in parts], axis=0).tolist())


def _cuts(term: Term) -> tuple[float, ...]:
    return () if isinstance(term, Levels) else term.cuts


def ends(term: Term, cuts: Sequence[float]) -> tuple[Numbers, Numbers]:
    """Return a number's term at both ends of every piece between cuts.

    Parameters
    ----------
    term : Term
        Of a number.
    cuts : sequence of float
        Ascending; the term's own among them.

    Returns
    -------
    starts, values : float arrays, shape (cuts + 1,)
        Log-odds just above each piece's lower cut, and at its upper cut; the first and the last
        piece, which have one cut only, are level.
    """
    inside = np.array([*cuts, np.inf])
    values = term.of(inside)
    if isinstance(term, Steps) or not len(cuts):
        return values, values
    return _starts(term, np.array(cuts), values), values


def _starts(term: Term, cuts: Numbers, values: Numbers) -> Numbers:
    starts: Numbers
    if isinstance(term, Pieces):
        piece = np.searchsorted(np.array(term.cuts), [*cuts, np.inf], side="left")
        lower = np.array([term.cuts[0], *term.cuts])[piece]
        whole = np.array([*term.cuts, term.cuts[-1]])[piece] - lower
        rise = (np.array(term.values) - np.array(term.starts))[piece]
        share = (np.array([cuts[0], *cuts]) - lower) / np.where(whole > 0, whole, np.inf)
        starts = np.array(term.starts)[piece] + rise * share
    else:
        starts = term.of(np.array([cuts[0], *cuts]))
    starts[0] = values[0]
    return starts
