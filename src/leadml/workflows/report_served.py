"""What the served probabilities say: model and points at equal volume, reliability, the cut."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from leadml.errors import LeadmlError
from leadml.evaluation.advice import advice_words, advised, periods_by_time, would_have
from leadml.evaluation.equal_volume import Contenders, equal_volume, volume_of
from leadml.evaluation.pool import Pool
from leadml.evaluation.range_restriction import Pool as Workable
from leadml.evaluation.range_restriction import decided
from leadml.evaluation.served import served
from leadml.evaluation.threshold import Threshold
from leadml.snapshot.exploration import propensity_of
from leadml.workflows.promise import written_out
from leadml.workflows.report_scope import Flags, Scope
from leadml.workflows.report_slices import served_log_odds
from leadml.workflows.score import load_scorer

Floats = NDArray[np.float64]
Rows = NDArray[np.intp]

NOT_SERVED = "no served probability is recorded ([leads].probability, or scores in the ledger)"
NO_POINTS = "no points are recorded ([leads].points, or scores in the ledger)"
NONE_MATURED = "no lead with a served probability has matured"


def _known(values: Floats | None, size: int) -> Flags:
    return np.zeros(size, bool) if values is None else np.isfinite(values)


def with_outcome(scope: Scope) -> Flags:
    """Leads of the span whose outcome counts, explored ones among them: their scores count too."""
    return scope.every & scope.matured_any & scope.working


def companies(scope: Scope, rows: Rows) -> Rows | None:
    """Return the number of each lead's account in the order they appear; None without accounts."""
    if scope.accounts is None:
        return None
    _, first, number = np.unique(scope.accounts[rows], return_index=True, return_inverse=True)
    return np.argsort(np.argsort(first))[number.reshape(-1)]


def equal_volume_of(scope: Scope) -> dict[str, Any]:
    """Compare model and points among matured leads that have both, at equal volume, JSON-ready."""
    leads = scope.material.leads
    known = _known(leads.probability, len(leads)), _known(leads.points, len(leads))
    rows = scope.in_order(with_outcome(scope) & known[0] & known[1])
    if leads.probability is None or leads.points is None or not len(rows):
        why = (
            NOT_SERVED if not known[0].any() else NO_POINTS if not known[1].any() else NONE_MATURED
        )
        empty = dict.fromkeys(("volume", "model", "points", "difference", "better"))
        return {**empty, "leads": 0, "why_null": why, "explored": 0, "restricted": None, "told": []}
    table = scope.settings.definition.points
    agreed_points = bool(table.rules or leads.mapping.points)
    weights = propensity_of(leads)
    drawn = None if weights is None else weights.weights(rows)
    weight = drawn.weight if drawn is not None and drawn.any else None
    threshold = table.threshold if agreed_points else None
    volume = volume_of(leads.points[rows], threshold, weight)
    found = equal_volume(
        Contenders(
            won=scope.judged.won[rows],
            probability=leads.probability[rows],
            points=leads.points[rows],
            weight=weight,
            accounts=companies(scope, rows),
        ),
        volume,
        confidence=scope.agreement.confidence,
    )
    restricted = _restricted(scope)
    if found["better"] is not None and restricted[_other(found["better"])]:
        found["better"] = None
    explored = 0 if drawn is None else int(drawn.explored.sum())
    return found | {
        "volume_is": volume.why,
        "explored": explored,
        "restricted": restricted,
        "told": _told(restricted),
    }


def _restricted(scope: Scope) -> dict[str, bool]:
    """Tell whether points or model decided who was handed off, so that they look worse."""
    rows, points = scope.usable, scope.material.leads.points
    worked = scope.judged.handed_off[rows]
    scores = {
        "model": served_log_odds(scope, rows),
        "points": None if points is None else points[rows],
    }
    return {
        name: score is not None and bool(decided(Workable(score, worked), score)["restricted"])
        for name, score in scores.items()
    }


def _told(restricted: dict[str, bool]) -> list[str]:
    told = [
        "Only leads that were handed off have an outcome, so whichever score chose them looks "
        "worse here than it is."
    ]
    chose = [name for name, is_so in restricted.items() if is_so]
    if chose:
        who = " and ".join({"model": "the model", "points": "the points"}[name] for name in chose)
        told.append(
            f"Here {who} decided who was handed off (range restriction): what did is not named the "
            "loser."
        )
    return told


def _other(name: str) -> str:
    return "points" if name == "model" else "model"


def reliability_of(scope: Scope) -> tuple[dict[str, Any] | None, str | None]:
    """Return served probabilities against what came since, or why there is nothing to show."""
    leads = scope.material.leads
    if leads.probability is None or not np.isfinite(leads.probability).any():
        return None, NOT_SERVED
    judged = with_outcome(scope) & np.isfinite(leads.probability)
    rows = scope.in_order(judged)
    if not len(rows):
        return None, NONE_MATURED
    found = served(
        scope.judged.won[rows],
        leads.probability[rows],
        confidence=scope.agreement.confidence,
        accounts=companies(scope, rows),
        drawn=scope.one_a_company(judged)[rows],
    )
    return found | {"explored": int(scope.explored[rows].sum())}, None


def recommendation_of(scope: Scope) -> tuple[dict[str, Any] | None, str | None]:
    """Return the cut to use now and what it would have done, or why none is recommended."""
    pool = _pool(scope)
    if pool is None:
        return None, NOT_SERVED
    if not len(pool):
        return None, NONE_MATURED
    definition = scope.settings.definition
    found, why = advised(
        pool,
        agreement=definition.agreement,
        policy=definition.handoff,
        follow_ups=scope.judged.follow_up_recorded,
    )
    if found is None:
        return None, why
    effect = would_have(pool, found)
    cut_now, version = _at_present(scope)
    return _recommended(scope, found, effect, cut_now, float(pool.p.min())) | {
        "cut_now": cut_now,
        "model_version": version,
    }, None


def _recommended(
    scope: Scope, found: Threshold, effect: dict[str, Any], cut_now: float | None, lowest: float
) -> dict[str, Any]:
    words = written_out(found, scope.settings, served=True)
    told = list(words.told)
    if found.probability is not None:
        told.append(_SAME_LEADS)
    return {
        "cut": found.probability,
        "basis": found.basis,
        "policy": found.policy,
        "text": advice_words(
            found, effect, cut_now=cut_now, lowest=lowest, below=_explored_below(scope, found)
        ),
        "told": told,
        "would_have": effect,
        "reps": [dict(rep) for rep in found.reps],
    }


_SAME_LEADS = (
    "The cut was read from these same leads, which flatters what it would have done: expect "
    "somewhat less of the next ones."
)


def _explored_below(scope: Scope, found: Threshold) -> tuple[int, int]:
    """Count explored leads below the cut, and wins of them; above it none is explored."""
    probability = scope.material.leads.probability
    if found.probability is None or probability is None:
        return 0, 0
    rows = with_outcome(scope) & scope.explored & (probability < found.probability)
    return int(rows.sum()), int((rows & scope.judged.won).sum())


def _pool(scope: Scope) -> Pool | None:
    """Return matured hand-offs with what was served before their outcome, oldest first."""
    leads, judged = scope.material.leads, scope.judged
    if leads.probability is None or not np.isfinite(leads.probability).any():
        return None
    rows = scope.in_order(scope.matured & np.isfinite(leads.probability))
    at, owners = scope.handed_off_at[rows], scope.texts("owner")
    return Pool(
        p=leads.probability[rows],
        y=judged.won[rows].astype(np.int8),
        worked=scope.working[rows],
        period=periods_by_time(at),
        at=at,
        account=companies(scope, rows),
        lot=None if scope.accounts is None else scope.lots[rows],
        points_ready=_points_ready(scope, rows),
        owner=None if owners is None else owners[rows],
    )


def _points_ready(scope: Scope, rows: Rows) -> Flags | None:
    points, table = scope.material.leads.points, scope.settings.definition.points
    if points is None or not np.isfinite(points[rows]).any():
        return None
    return np.asarray(points[rows] >= table.threshold)


def _at_present(scope: Scope) -> tuple[float | None, str | None]:
    """Return cut and version of the champion; None where there is none to read."""
    try:
        scorer = load_scorer(config=scope.settings)
    except LeadmlError:
        return None, None
    if scorer.basis in {"points", "none"}:
        return None, scorer.version
    return scorer.manifest["threshold"]["probability"], scorer.version
