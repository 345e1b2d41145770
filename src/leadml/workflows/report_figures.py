"""Every number of the report, put together from its parts."""

from typing import Any

import numpy as np

from leadml import __version__
from leadml.domain.finding import ExcludedRows, Finding
from leadml.evaluation.agreement_text import agreement_text
from leadml.evaluation.baselines import baselines
from leadml.evaluation.follow_up import follow_up
from leadml.evaluation.verdict_text import support, verdict_text
from leadml.snapshot.labels import UNUSABLE, WHY_NOT
from leadml.workflows.report_funnel import funnel_of
from leadml.workflows.report_rejections import rejections_of
from leadml.workflows.report_scope import FOREVER, Flags, Scope
from leadml.workflows.report_served import equal_volume_of, recommendation_of, reliability_of
from leadml.workflows.report_slices import TOLD, months_told, slices_of
from leadml.workflows.report_targets import targets_of
from leadml.workflows.report_words import method_of, uncertain_of
from leadml.workflows.score import iso
from leadml.workflows.standing import standing_of

BEFORE_AGREEMENT = "ROW011"
EXPLORED = "ROW015"
OUTSIDE_WINDOW = "ROW016"
NO_OUTCOME = "DATA020"


def figures_of(scope: Scope) -> dict[str, Any]:
    """Return what report.json holds."""
    agreement = scope.agreement
    values = _counts(scope) | {
        "target": agreement.close_rate,
        "confidence": agreement.confidence,
        "window": None if scope.window is None else scope.window.to_dict(),
        "from": scope.origin,
        "explored": _apart(scope, scope.every & scope.explored),
        "before_agreement": None if scope.window is not None else _apart(scope, scope.outside),
        "agreement": agreement.to_dict() | {"hash": agreement.hash()},
        "agreement_text": agreement_text(agreement, timezone=scope.timezone),
        "as_of": None if scope.now == FOREVER else iso(scope.now),
        "leadml": __version__,
    }
    values["sequence"] = _sequence(scope)
    values["verdict"] = None if values["sequence"] is None else values["sequence"]["verdict"]
    values |= _parts(scope, [] if values["sequence"] is None else values["sequence"]["path"])
    values["baselines"] = _beside(values)
    return values | {
        "verdict_text": verdict_text(values),
        "headline": support(values),
        "method": method_of(scope),
        "uncertain": uncertain_of(scope, values),
    }


def _sequence(scope: Scope) -> dict[str, Any] | None:
    """Return where the promise stands; None for a window, which carries no verdict."""
    if scope.window is not None:
        return None
    since = scope.effective_from
    return standing_of(
        scope.material,
        scope.judged,
        scope.agreement,
        counted=scope.counted,
        ever=scope.usable & scope.judged.handed_off & ~scope.explored,
        since=None if since is None else np.datetime64(since, "us"),
    )


def _counts(scope: Scope) -> dict[str, Any]:
    agreement, leads = scope.agreement, scope.material.leads
    counted = follow_up(scope.handoffs(scope.counted), confidence=agreement.confidence)
    return counted.to_dict() | {
        "closed_in_bulk": int((scope.matured & scope.judged.closed_in_bulk).sum()),
        "follow_up_recorded": scope.judged.follow_up_recorded,
        "margin_checked": leads.margin is not None and agreement.min_margin > 0,
        "excluded_rows": [vars(row) for row in _excluded(scope)],
        "notes": [note.to_dict() for note in _notes(scope)],
        "data": _data(scope),
    }


def _notes(scope: Scope) -> list[Finding]:
    """Return what was odd about reading the leads; open leads are nothing odd in a ledger."""
    notes = (*scope.material.leads.findings, *scope.judged.notes)
    return [note for note in notes if scope.origin == "export" or note.code != NO_OUTCOME]


def _parts(scope: Scope, path: list[dict[str, Any]]) -> dict[str, Any]:
    by = slices_of(scope)
    reliability, unreliable = reliability_of(scope)
    recommendation, none = recommendation_of(scope)
    return {
        "funnel": funnel_of(scope),
        "by": by,
        "slices_told": TOLD,
        "over_time": {"path": path, "months": months_told(scope, by["month"])},
        "equal_volume": equal_volume_of(scope),
        "reliability": reliability,
        "reliability_why_null": unreliable,
        "rejections": rejections_of(scope),
        "recommendation": recommendation,
        "recommendation_why_null": none,
        "targets": targets_of(scope),
    }


def _apart(scope: Scope, rows: Flags) -> dict[str, Any] | None:
    """Return what became of leads that count in no verdict; None without any."""
    if not rows.any():
        return None
    return follow_up(scope.handoffs(rows), confidence=scope.agreement.confidence).to_dict()


def _beside(values: dict[str, Any]) -> list[dict[str, Any]]:
    stages = {row["stage"]: row for row in values["funnel"]["stages"]}
    won = stages["won_with_margin"]
    won = stages["won"] if won["leads"] is None else won
    return baselines(
        won_of_handed_off=values["close_rate"]["handed_off"]["value"],
        won_of_leads=won["share_of_leads"],
        qualified=stages["qualified"]["share_of_leads"],
    )


def _data(scope: Scope) -> dict[str, Any]:
    moments = scope.handed_off_at[scope.every]
    return {
        "from": iso(int(moments.min())) if len(moments) else None,
        "to": iso(int(moments.max())) if len(moments) else None,
        "leads": len(scope.usable),
        "source": scope.material.leads.source if scope.origin == "export" else "ledger",
    }


def _excluded(scope: Scope) -> list[ExcludedRows]:
    judged = scope.judged
    unusable = np.where(np.isin(judged.why_not.astype(str), UNUSABLE), judged.why_not, "")
    reasons = {code: unusable == code for code in UNUSABLE}
    reasons["ROW006"] = scope.usable & ~judged.handed_off
    reasons[BEFORE_AGREEMENT if scope.window is None else OUTSIDE_WINDOW] = scope.outside
    reasons[EXPLORED] = scope.every & scope.explored
    reasons["ROW005"] = scope.counted & ~scope.matured_any
    words = WHY_NOT | {
        BEFORE_AGREEMENT: "handed off before the agreement took effect",
        EXPLORED: "handed off at random to learn from: no promise is judged by them, shown apart",
        OUTSIDE_WINDOW: "handed off before --since, or at or after --until",
    }
    return [
        ExcludedRows(code, int(rows.sum()), words[code])
        for code, rows in reasons.items()
        if rows.any()
    ]
