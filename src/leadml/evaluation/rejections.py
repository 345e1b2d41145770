"""What sales rejected and why: counts, and what marketing is told."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from leadml.evaluation.drift import holm, rise
from leadml.evaluation.promise import percent

Bools = NDArray[np.bool_]
Texts = NDArray[np.object_]

LEVEL = 0.05
"""Largest chance that any source is called rejected more often than the others by luck alone."""
MOST_TOLD = 3
"""Most reasons told of one source."""


@dataclass(frozen=True, kw_only=True)
class Rejected:
    """Hand-offs and which of them sales sent back; arrays of shape (hand-offs,).

    Attributes
    ----------
    rejected : bool array
    reason : object array of str or None
        None where no reason is recorded.
    source : object array of str or None, or None
        None where no source is mapped.
    won : bool array
        Won in the end, although rejected.
    right_person : bool array or None
        Whether sales named the right person; None where that is not recorded.
    drawn : bool array or None
        Hand-offs by which sources are compared, such as one of each company; None for all.
    """

    rejected: Bools
    reason: Texts
    source: Texts | None
    won: Bools
    right_person: Bools | None
    drawn: Bools | None = None


def rejections(of: Rejected) -> dict[str, Any]:
    """Count rejections by reason and by source, and say in sentences what they tell marketing.

    Returns
    -------
    dict
        JSON-ready: ``rejected, of, share, reasons, by_source, right_people, won_later,
        to_marketing``. A source is called rejected more often than the others where a one-sided
        exact test of Fisher (1935) says so after Holm's (1979) adjustment for their number.
    """
    rejected, leads = int(of.rejected.sum()), len(of.rejected)
    by_source = [] if of.source is None else _by_source(of, of.source)
    reasons = _reasons(of.reason[of.rejected].tolist())
    people = None if of.right_person is None else int((of.right_person & of.rejected).sum())
    counts = {
        "rejected": rejected,
        "of": leads,
        "share": rejected / leads if leads else None,
        "reasons": reasons,
        "by_source": by_source,
        "right_people": people,
        "won_later": int((of.rejected & of.won).sum()),
    }
    return counts | {"to_marketing": _to_marketing(counts)}


def _reasons(reason: Sequence[str | None]) -> list[dict[str, Any]]:
    """Return reasons and their counts, the most frequent first, those not recorded last."""
    counts = Counter(reason)
    order = sorted(counts, key=lambda name: (name is None, -counts[name], str(name)))
    return [
        {"reason": name, "leads": counts[name], "share": counts[name] / len(reason)}
        for name in order
    ]


def _by_source(of: Rejected, source: Texts) -> list[dict[str, Any]]:
    leads, given = Counter(source.tolist()), defaultdict(list)
    for name, reason in zip(source[of.rejected], of.reason[of.rejected], strict=True):
        given[name].append(reason)
    rejected = Counter({name: len(why) for name, why in given.items()})
    reasons = {name: _reasons(why) for name, why in given.items()}
    names = sorted(leads, key=lambda name: (-rejected[name], -leads[name], str(name)))
    return [
        {
            "source": name,
            "rejected": rejected[name],
            "of": leads[name],
            "share": rejected[name] / leads[name],
            "top_reason": reasons[name][0]["reason"] if name in reasons else None,
            "reasons": reasons.get(name, []),
            "more_often": p <= LEVEL,
            "p": p,
        }
        for name, p in zip(names, holm(_chances(of, source, names)), strict=True)
    ]


def _chances(of: Rejected, source: Texts, names: Sequence[str | None]) -> list[float]:
    """Return the chance of so many rejections of each source where it is like the others."""
    drawn = np.ones(len(source), bool) if of.drawn is None else of.drawn
    rejected, total = Counter(source[of.rejected & drawn].tolist()), Counter(source[drawn].tolist())
    all_rejected, leads = rejected.total(), total.total()
    return [
        rise((all_rejected - rejected[name], leads - total[name]), (rejected[name], total[name]))
        for name in names
    ]


def _to_marketing(counts: dict[str, Any]) -> list[str]:
    if not counts["rejected"]:
        return [f"Sales rejected none of {counts['of']:,} hand-offs."] if counts["of"] else []
    told = [
        f"Sales rejected {counts['rejected']:,} of {counts['of']:,} hand-offs "
        f"({percent(counts['share'])}): {_listed(counts['reasons'])}."
    ]
    told += [
        f"Leads from {row['source'] or 'an unrecorded source'} are rejected more often than the "
        f"others: {row['rejected']:,} of {row['of']:,} ({percent(row['share'])}), "
        f"{_listed(row['reasons'])}."
        for row in counts["by_source"]
        if row["more_often"]
    ]
    if counts["right_people"]:
        one = counts["right_people"] == 1
        told.append(
            f"For {counts['right_people']:,} of them sales named the right person: "
            f"{'a lead' if one else 'leads'} to take up again."
        )
    if counts["won_later"]:
        told.append(f"{counts['won_later']:,} of the rejected leads were won all the same.")
    return told


def _listed(reasons: list[dict[str, Any]]) -> str:
    named = [f"{_words(row['reason'])} {row['leads']:,}" for row in reasons[:MOST_TOLD]]
    more = sum(row["leads"] for row in reasons[MOST_TOLD:])
    return ", ".join([*named, *([f"other reasons {more:,}"] if more else [])])


def _words(reason: str | None) -> str:
    return "no reason given" if reason is None else reason.replace("_", " ")
