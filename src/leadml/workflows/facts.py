"""The plain figures of a training run that its limits are read from."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from leadml.data.values import MICROSECONDS_A_DAY, NO_TIME
from leadml.evaluation.knowable import DAYS_A_MONTH, knowable
from leadml.model.selection import out_of_time
from leadml.workflows.limits import Facts
from leadml.workflows.run import Run
from leadml.workflows.score import iso

MICROSECONDS_A_MONTH = DAYS_A_MONTH * MICROSECONDS_A_DAY
FEWEST_WINS = 10
"""Wins of a source below which it cannot be judged by itself."""


def facts_of(run: Run, manifest: Mapping[str, Any]) -> Facts:
    """Gather the facts of a run.

    Parameters
    ----------
    run : Run
    manifest : mapping
        What the manifest says of the version so far.
    """
    agreement, mapping = run.settings.definition.agreement, run.material.leads.mapping
    lesson, rows = run.lesson, run.lesson.rows
    _, p = out_of_time(run.selection)
    group = run.threshold
    return Facts(
        leads=len(run.material.leads),
        learnt=len(lesson.y),
        won=int(lesson.y.sum()),
        close_rate=agreement.close_rate,
        confidence=agreement.confidence,
        horizon_days=agreement.horizon_days,
        counts=agreement.counts,
        as_of=_day(manifest["data_window"]["as_of"]),
        newest=_day(iso(int(lesson.as_of.max()))) if (lesson.as_of != NO_TIME).any() else None,
        handoffs_recorded="handed_off_at" in mapping.times,
        follow_ups_recorded="followed_up_at" in mapping.times,
        closing_times_recorded="closed_at" in mapping.times,
        **_handed_off(run),
        chosen=run.selection.chosen,
        basis=group.basis,
        group=group.volume,
        group_won=group.won,
        low=group.low,
        highest=float(p.max()),
        activities=run.material.activities is not None,
        history_fields=_fields(manifest),
        attributes=len(set(lesson.catalogue.features.columns)),
        quarantined=tuple(manifest.get("quarantined", ())),
        suspect=tuple(manifest.get("suspect", ())),
        accounts=_accounts(run),
        margin_recorded=run.material.leads.margin is not None and agreement.min_margin > 0,
        wins_without_margin=_without_margin(run),
        **_money(run),
        level=(manifest.get("level") or {}).get("chosen"),
        lag_days=(manifest.get("level") or {}).get("lag_days"),
        effective_size=_effective(run),
        resolved_early=run.outcomes.resolved_early,
        eventually_days=(manifest.get("eventually") or {}).get("horizon_days"),
        thin=_thin(run, rows),
        knowable=_knowable(run),
    )


def _day(moment: str | None) -> str | None:
    return None if moment is None else moment[:10]


def _handed_off(run: Run) -> dict[str, Any]:
    judged, outcomes = run.judged, run.outcomes
    return {
        "handed_off": outcomes.handed_off - outcomes.not_matured,
        "never_handed_off": int((~judged.handed_off & judged.matured).sum()),
        "never_followed_up": outcomes.never_followed_up or 0,
        "closed_in_bulk": outcomes.closed_in_bulk or 0,
        "not_matured": outcomes.not_matured,
    }


def _knowable(run: Run) -> tuple[str, ...]:
    """Say what the matured outcomes can show of the agreed rate; weights never enter that."""
    agreement = run.settings.definition.agreement
    matured = run.judged.label >= 0
    as_of = run.judged.as_of[matured].astype("datetime64[us]").view("i8")
    dated = as_of[as_of != NO_TIME]
    months = float(np.ptp(dated)) / MICROSECONDS_A_MONTH if len(dated) else 0.0
    now = run.material.now if len(dated) else None
    return knowable(
        won=int((run.judged.label == 1).sum()),
        leads=int(matured.sum()),
        leads_per_month=int(matured.sum()) / months if months > 0 else 0.0,
        agreed=agreement.close_rate,
        confidence=agreement.confidence,
        horizon_days=agreement.horizon_days,
        as_of=None if now is None else now.astype("datetime64[D]").item(),
    ).sentences


def _fields(manifest: Mapping[str, Any]) -> tuple[str, ...] | None:
    history = manifest.get("history")
    return None if history is None else tuple(history["fields"])


def _accounts(run: Run) -> int | None:
    names = run.material.leads.texts("account")
    if names is None:
        return None
    learnt: list[str | None] = names[run.lesson.rows].tolist()
    return len({name for name in learnt if name is not None}) + learnt.count(None)


def _without_margin(run: Run) -> int:
    margin = run.material.leads.margin
    if margin is None or run.settings.definition.agreement.min_margin <= 0:
        return 0
    outcome = run.material.leads.outcome
    return 0 if outcome is None else int((np.isnan(margin) & (outcome == 1)).sum())


def _money(run: Run) -> dict[str, Any]:
    if run.worth is None:
        return {}
    value = run.worth.value
    return {
        "money": None if value.basis is None else value.of,
        "money_mapped": run.worth.money.of is not None,
        "money_known": value.won_with_margin,
        "money_unknown": value.won_without_margin,
    }


def _effective(run: Run) -> float | None:
    outcomes = run.outcomes
    return outcomes.effective_sample_size if outcomes.censoring == "ipcw" else None


def _thin(run: Run, rows: NDArray[np.intp]) -> tuple[tuple[str, int, int], ...]:
    """Return sources with too few wins, the largest first; none where most are so."""
    names = run.material.leads.texts("source")
    if names is None:
        return ()
    counts: dict[str, list[int]] = {}
    for name, won in zip(names[rows], run.lesson.y, strict=True):
        if name is not None:
            seen = counts.setdefault(name, [0, 0])
            seen[0] += 1
            seen[1] += int(won)
    thin = [(name, n, won) for name, (n, won) in counts.items() if won < FEWEST_WINS]
    return tuple(sorted(thin, key=lambda row: (-row[1], row[0])))
