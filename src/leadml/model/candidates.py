"""The learners that compete: base rate, logistic regression, additive and full boosting, a blend.

Each is fitted with scikit-learn and compiles to a `Machine`: what serves is data, not a pickle.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression

from leadml.model.scorecard import Levels, Line, Machine, Scorecard, Steps, Term
from leadml.model.trees import Trees

Numbers = NDArray[np.float64]
Outcomes = NDArray[np.int8]
Flags = NDArray[np.bool_]
Signs = NDArray[np.int8]

SIMPLEST_FIRST = ("base_rate", "logistic", "additive", "full", "blend")
MOST_CELLS = 20_000_000
"""Largest design matrix of the logistic regression; more leads are thinned evenly to fit it."""
KNOTS = (0.01, 0.25, 0.5, 0.75, 0.99)
STRENGTH = 0.1
"""Inverse of the logistic regression's L2 penalty, unless a setting says otherwise."""
RATE = 0.05
"""Learning rate of boosting."""
ROUNDS = 400
PATIENCE = 25
HOLDOUT = 0.2
"""Share of newest training leads that decide when boosting stops."""


@dataclass(frozen=True)
class Fitted:
    """One fitted candidate.

    Attributes
    ----------
    machine : Machine
        The compiled, uncalibrated model.
    estimators : dict
        The fitted scikit-learn objects, for analysts.
    rounds : dict
        Boosting rounds used, by form.
    """

    machine: Machine
    estimators: Mapping[str, Any]
    rounds: Mapping[str, int]


def base_rate(y: Outcomes, *, weight: Numbers | None = None) -> Fitted:
    """Fit the share of wins: what every other candidate has to beat."""
    w = np.ones(len(y)) if weight is None else weight * (len(y) / weight.sum())
    share = (w @ y + 0.5) / (len(y) + 1)
    return Fitted(Machine(((1.0, Scorecard(float(np.log(share / (1 - share))))),)), {}, {})


def logistic(
    x: Numbers,
    y: Outcomes,
    *,
    categorical: Flags,
    strength: float = STRENGTH,
    bend: float = 1.0,
    weight: Numbers | None = None,
    monotone: Signs | None = None,
) -> Fitted:
    """Fit a logistic regression on levels and piecewise linear functions of numbers.

    Weights are scaled to a mean of 1, so that the penalty keeps its meaning. Where a feature must
    rise or fall (`monotone`) its function is replaced by the nearest one that does.

    Parameters
    ----------
    strength : float
        Inverse of the L2 penalty.
    bend : float
        Above 0, at most 1: how freely functions of numbers bend. Below 1 they are drawn to a ramp
        that rises alike from each knot to the next; at 1 to no effect alone.
    """
    (fitted,) = logistics(
        x,
        y,
        categorical=categorical,
        strengths=(strength,),
        bend=bend,
        weight=weight,
        monotone=monotone,
    )
    return fitted


def logistics(
    x: Numbers,
    y: Outcomes,
    *,
    categorical: Flags,
    strengths: Sequence[float],
    bend: float = 1.0,
    weight: Numbers | None = None,
    monotone: Signs | None = None,
) -> tuple[Fitted, ...]:
    """Fit `logistic` at several strengths, weakest first: each begins where the last one ended."""
    shapes = [shape_of(x[:, j], is_text, bend) for j, is_text in enumerate(categorical)]
    if not shapes:
        return (base_rate(y, weight=weight),) * len(strengths)
    width = sum(shape.width for shape in shapes)
    step = -(-len(y) * max(width, 1) // MOST_CELLS)
    columns = [shape.columns(x[::step, j]) for j, shape in enumerate(shapes)]
    design = np.concatenate(columns, axis=1)
    solver = "newton-cholesky" if width <= 1500 else "lbfgs"
    model = LogisticRegression(max_iter=300, tol=1e-5, solver=solver, warm_start=True)
    found = []
    for strength in strengths:
        model.set_params(C=strength)
        model.fit(design, y[::step], sample_weight=_thinned(weight, step))
        card = _lines(model, shapes, monotone)
        found.append(Fitted(Machine(((1.0, card),)), {"logistic": deepcopy(model)}, {}))
    return tuple(found)


def _lines(
    model: LogisticRegression,
    shapes: Sequence["Shape"],
    monotone: Signs | None,
) -> Scorecard:
    weights = model.coef_[0]
    terms: list[Term] = []
    for j, shape in enumerate(shapes):
        own, weights = weights[: shape.width], weights[shape.width :]
        if monotone is not None and monotone[j]:
            terms.append(_kept_to(shape.term(j, own), rising=bool(monotone[j] > 0)))
        else:
            terms.append(shape.term(j, own))
    return Scorecard(float(model.intercept_[0]), tuple(terms))


def _kept_to(term: Term, *, rising: bool) -> Term:
    """Return the term with the nearest values that rise (fall) throughout: isotonic regression."""
    from sklearn.isotonic import isotonic_regression

    nearest = isotonic_regression(np.array(term.values), increasing=rising)
    return replace(term, values=tuple(float(value) for value in nearest))


def _thinned(weight: Numbers | None, step: int) -> Numbers | None:
    if weight is None:
        return None
    kept: Numbers = weight[::step] / weight[::step].mean()
    return kept


@dataclass(frozen=True)
class LevelShape:
    """A column for each level of a text, and one for missing."""

    levels: int

    @property
    def width(self) -> int:
        """Number of columns."""
        return self.levels + 1

    def columns(self, x: Numbers) -> Numbers:
        """Return the columns of a feature's values, shape (leads, width)."""
        codes = np.where(np.isnan(x), self.levels, x).astype(np.intp)
        return np.eye(self.width)[codes]

    def term(self, feature: int, weights: Numbers) -> Term:
        """Return the term that the columns' weights make, shape (width,)."""
        values = tuple(map(float, weights))
        return Levels(feature, values[:-1], values[-1])


@dataclass(frozen=True)
class LineShape:
    """A column for each knot of a piecewise linear function, and one for missing."""

    knots: tuple[float, ...]
    bend: float

    @property
    def width(self) -> int:
        """Number of columns."""
        return len(self._basis) + 1

    @property
    def _basis(self) -> Numbers:
        """Values at the knots of each function added up: a hat at every knot, and the ramp."""
        hats: Numbers = self.bend * np.eye(len(self.knots))
        if self.bend == 1:
            return hats
        return np.vstack([hats, np.linspace(-0.5, 0.5, len(self.knots))])

    def columns(self, x: Numbers) -> Numbers:
        """Return the columns of a feature's values, shape (leads, width)."""
        present = ~np.isnan(x)
        functions = [np.interp(x, self.knots, values) * present for values in self._basis]
        columns: Numbers = np.nan_to_num(np.stack([*functions, ~present], axis=1))
        return columns

    def term(self, feature: int, weights: Numbers) -> Term:
        """Return the term that the columns' weights make, shape (width,)."""
        values = tuple(map(float, weights[:-1] @ self._basis))
        return Line(feature, self.knots, values, float(weights[-1]))


Shape = LevelShape | LineShape


def shape_of(x: Numbers, is_text: bool, bend: float = 1.0) -> Shape:
    """Return how one feature enters a linear model: a column a level, or one a knot."""
    present = x[~np.isnan(x)]
    if is_text:
        return LevelShape(int(present.max()) + 1 if len(present) else 0)
    if len(present) == 0:
        return LineShape((0.0,), bend)
    few = np.unique(present)
    knots = few if len(few) <= len(KNOTS) else np.unique(np.quantile(present, KNOTS))
    return LineShape(tuple(map(float, knots)), bend)


def boosted(
    x: Numbers,
    y: Outcomes,
    *,
    categorical: Flags,
    additive: bool,
    newest_last: bool,
    seed: int,
    rounds: int | None = None,
    weight: Numbers | None = None,
    monotone: Signs | None = None,
    leaves: int = 8,
    shrinkage: float = 5.0,
    share: float = 1.0,
) -> Fitted:
    """Fit boosted trees, additive (one feature a tree) or full.

    Without `rounds` they are found by early stopping on a held-out part (the newest leads where
    the rows are in time order, else drawn by `seed`), and the model is refitted on all leads.

    Parameters
    ----------
    monotone : int array, shape (features,), optional
        1 where the log-odds must not fall as a feature rises, -1 where they must not rise, else 0.
    leaves : int
        Most leaves of a tree.
    shrinkage : float
        L2 penalty of leaf values.
    share : float
        Share of the features that each split may choose among.
    """
    usable = ~np.isnan(x).all(axis=0)
    if not usable.any():
        return base_rate(y, weight=weight)
    scaled = _thinned(weight, 1)
    signs = np.zeros(x.shape[1], np.int8) if monotone is None else monotone
    form = _Form(categorical, signs, additive, seed, leaves, shrinkage, share)
    form = form.of(usable)
    if rounds is None:
        rounds = _rounds(x[:, usable], y, scaled, form, newest_last)
    model = form.booster(len(y), rounds)
    model.fit(x[:, usable], y, sample_weight=scaled)
    name = "additive" if additive else "full"
    positions = np.flatnonzero(usable)
    imported = _imported(model)
    if additive:
        levels = _level_counts(x)
        machine = Machine(((1.0, _card(model, imported, positions, categorical, levels)),))
    else:
        machine = Machine((), ((1.0, _trees(imported, positions)),))
    return Fitted(machine, {name: model}, {name: rounds})


@dataclass(frozen=True)
class _Form:
    """What a booster is made with, whatever leads it is fitted on."""

    categorical: Flags
    signs: Signs
    additive: bool
    seed: int
    leaves: int
    shrinkage: float
    share: float

    def of(self, features: "Flags | np.bool_") -> "_Form":
        return replace(self, categorical=self.categorical[features], signs=self.signs[features])

    def booster(
        self, leads: int, rounds: int, **stopping: object
    ) -> HistGradientBoostingClassifier:
        return HistGradientBoostingClassifier(
            learning_rate=RATE,
            max_iter=rounds,
            max_leaf_nodes=self.leaves,
            min_samples_leaf=int(np.clip(leads // 100, 5, 40)),
            l2_regularization=self.shrinkage,
            max_features=self.share,
            interaction_cst="no_interactions" if self.additive else None,
            categorical_features=self.categorical,
            monotonic_cst=self.signs if self.signs.any() else None,
            early_stopping=bool(stopping),
            random_state=self.seed,
            **stopping,
        )


def _rounds(x: Numbers, y: Outcomes, weight: Numbers | None, form: _Form, newest_last: bool) -> int:
    random = np.random.default_rng(form.seed)
    order = np.arange(len(y)) if newest_last else random.permutation(len(y))
    cut = len(y) - max(1, int(len(y) * HOLDOUT))
    fit, held = order[:cut], order[cut:]
    if min(y[fit].sum(), (1 - y[fit]).sum(), y[held].sum(), (1 - y[held]).sum()) < 1:
        return PATIENCE
    kept = ~np.isnan(x[fit]).all(axis=0)
    if not kept.any():
        return PATIENCE
    stopping = {"n_iter_no_change": PATIENCE, "tol": 1e-6}
    model = form.of(kept).booster(len(fit), ROUNDS, **stopping)
    own, other = (None, None) if weight is None else (weight[fit], weight[held])
    model.fit(
        x[np.ix_(fit, kept)],
        y[fit],
        sample_weight=own,
        X_val=x[np.ix_(held, kept)],
        y_val=y[held],
        sample_weight_val=other,
    )
    best = int(np.argmax(model.validation_score_))
    return max(1, best)


def _imported(model: HistGradientBoostingClassifier) -> Any:
    import treelite

    with np.errstate(invalid="ignore"):  # treelite casts NaN in unused slots
        return treelite.sklearn.import_model(model)


def _level_counts(x: Numbers) -> NDArray[np.intp]:
    counts: NDArray[np.intp] = (np.where(np.isnan(x), -1, x).max(axis=0) + 1).astype(np.intp)
    return counts


def _trees(imported: Any, positions: NDArray[np.intp]) -> Trees:
    used = sorted({feature for feature, _ in _splits(imported)})
    inputs = tuple(int(p) for p in positions)
    return Trees(imported.serialize_bytes(), inputs, tuple(inputs[feature] for feature in used))


def _splits(imported: Any) -> Iterator[tuple[int, float | None]]:
    """Yield each split's feature and its cut; None for a split by level or by missing alone."""
    for number in range(imported.num_tree):
        tree = imported.get_tree_accessor(number)
        kinds, features, cuts = (
            tree.get_field(name).tolist() for name in ("node_type", "split_index", "threshold")
        )
        for kind, feature, cut in zip(kinds, features, cuts, strict=True):
            if kind != _LEAF:
                yield feature, cut if kind == _NUMBER and math.isfinite(cut) else None


_LEAF, _NUMBER = 0, 1  # treelite's node types; 2 is a split by level


def _card(
    model: HistGradientBoostingClassifier,
    imported: Any,
    positions: NDArray[np.intp],
    categorical: Flags,
    levels: NDArray[np.intp],
) -> Scorecard:
    """Read an additive model off as tables: its value at one point of every step, others missing.

    No tree uses two features, so the model is a constant (all missing) plus one function a
    feature; between two neighbouring cuts that function is level, and a cut belongs to its left.
    """
    cuts: dict[int, set[float]] = {}
    for feature, threshold in _splits(imported):
        cuts.setdefault(feature, set())
        if threshold is not None:
            cuts[feature].add(threshold)
    nothing = np.full((1, len(positions)), np.nan)
    constant = float(model.decision_function(nothing)[0])
    terms: list[Term] = []
    for feature in sorted(cuts):
        edges = tuple(sorted(cuts[feature]))
        position = int(positions[feature])
        is_text = bool(categorical[position])
        points = np.arange(levels[position], dtype=float) if is_text else np.array([*edges, np.inf])
        probes = np.repeat(nothing, len(points), axis=0)
        probes[:, feature] = points
        values = tuple(float(v) for v in model.decision_function(probes) - constant)
        terms.append(
            Levels(position, values, 0.0) if is_text else Steps(position, edges, values, 0.0)
        )
    return Scorecard(constant, tuple(terms))


def blend(parts: tuple[Fitted, ...], shares: Sequence[float] | None = None) -> Fitted:
    """Average the log-odds of fitted candidates; the average compiles like its parts.

    `shares` are theirs, summing to 1; default equal.
    """
    shares = [1 / len(parts)] * len(parts) if shares is None else shares
    shared = [(share, part.machine) for share, part in zip(shares, parts, strict=True)]
    cards = tuple((share * w, card) for share, m in shared for w, card in m.cards)
    trees = tuple((share * w, tree) for share, m in shared for w, tree in m.trees)
    estimators = {name: e for part in parts for name, e in part.estimators.items()}
    rounds = {name: r for part in parts for name, r in part.rounds.items()}
    return Fitted(Machine(cards, trees), estimators, rounds)
