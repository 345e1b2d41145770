"""What sales rejected, back to marketing."""

from typing import Any

import numpy as np

from leadml.data.rejection_words import RejectionWords
from leadml.data.values import NO_TIME
from leadml.evaluation.rejections import Rejected, rejections
from leadml.workflows.report_scope import Flags, Scope, Texts

RIGHT_PERSON = "right_person"
"""Column of the ledger with the person to talk to instead."""


def rejections_of(scope: Scope) -> dict[str, Any]:
    """Return rejections of the counted hand-offs by reason and source, JSON-ready.

    A lead rejected and later accepted counts as accepted. Nulls, with `why_null`, where no
    rejection is recorded at all.
    """
    why = [scope.why_unrecorded(role) for role in ("rejected_at", "rejection_reason")]
    rows = scope.counted
    if all(why):
        empty: dict[str, Any] = {
            "rejected": None,
            "of": int(rows.sum()),
            "share": None,
            "reasons": [],
        }
        empty |= {"by_source": [], "right_people": None, "won_later": None, "to_marketing": []}
        return empty | {"why_null": "; ".join(str(one) for one in why)}
    reason = _reasons(scope)
    source = scope.texts("source")
    nothing = np.full(len(rows), None, object)
    found = Rejected(
        rejected=_rejected(scope)[rows],
        reason=(nothing if reason is None else reason)[rows],
        source=None if source is None else source[rows],
        won=scope.judged.won_ever[rows],
        right_person=_named(scope, rows),
        drawn=None if source is None else scope.one_a_company(rows, by=source)[rows],
    )
    return rejections(found) | {"why_null": None}


def _reasons(scope: Scope) -> Texts | None:
    """Return the reasons, in the words of the closed list where they mean one of it."""
    texts = scope.texts("rejection_reason")
    if texts is None:
        return None
    words = RejectionWords(scope.settings.rejections)
    return np.array([*(words.reason(text) for text in texts.tolist()), None], object)[:-1]


def _rejected(scope: Scope) -> Flags:
    at, accepted = scope.times("rejected_at"), scope.times("accepted_at")
    reason = scope.texts("rejection_reason")
    rejected: Flags = at != NO_TIME
    if reason is not None:
        later = scope.material.leads.times.get("rejected_at")
        untimed = np.ones(len(at), bool) if later is None else np.isnat(later)
        rejected = rejected | (untimed & np.array([text is not None for text in reason.tolist()]))
    accepted_later: Flags = (accepted != NO_TIME) & (at != NO_TIME) & (accepted > at)
    return rejected & ~accepted_later


def _named(scope: Scope, rows: Flags) -> Flags | None:
    leads = scope.material.leads
    if RIGHT_PERSON not in leads.columns:
        return None
    raw = leads.raw(RIGHT_PERSON)
    texts, _ = raw.texts(lambda value: str(value).strip() or None)
    known = np.array([*(text is not None for text in texts), False], bool)
    return np.asarray(known[raw.codes][rows])
