"""`leadml shadow`: champion and challenger on the same leads, as of the same moments."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from leadml.domain.correction import corrected
from leadml.domain.event import Stored, iso
from leadml.domain.lead_state import state_of
from leadml.errors import LeadmlError
from leadml.evaluation.paired import HeldOut, Watched, compare_as_served
from leadml.evaluation.range_restriction import Pool, decided
from leadml.evaluation.winner import SMALLEST
from leadml.model.bundle import read_aliases
from leadml.settings import Settings, load_settings
from leadml.snapshot.exploration import explored_in, propensity_of
from leadml.workflows.ledger import open_ledger
from leadml.workflows.report import ledger_scope
from leadml.workflows.report_scope import Scope
from leadml.workflows.report_served import companies, with_outcome

Progress = Callable[[str, float], None]
Rows = NDArray[np.intp]

FEWEST_OF_EACH = 20
"""Fewest won leads, and fewest not won, by which one is called better; where some were handed off
at random as many among these, for they stand for all others."""
LEVEL = 0.95
"""That nobody is named falsely, in all looks together."""
CHAMPION, CHALLENGER = "champion", "challenger"

CHOSEN = (
    "Only leads that were handed off have an outcome, and the champion had a say in which: neither "
    "version looks here as it would on all leads. Exploration ([handoff] explore) makes it fair."
)
WEIGHTED = (
    "Only leads that were handed off have an outcome; those handed off at random stand for the "
    "others by the inverse of their chance, which is not cut off."
)


@dataclass(frozen=True)
class _Pair:
    """What both versions said of one lead at one moment; `late` is after its hand-off."""

    lead: str
    at: str
    champion: str
    challenger: str
    p: tuple[float, float]
    ready: tuple[bool | None, bool | None]
    late: bool


@dataclass(frozen=True)
class Shadowed:
    """What came of scoring in the shadow.

    Attributes
    ----------
    values : dict
        ``{"share", "challenger", "leads", "comparisons", "told"}``, JSON-ready; a comparison for
        each two versions that have scored the same leads, the latest first.
    """

    values: dict[str, Any]

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON-ready form."""
        return self.values


def shadow(
    *,
    config: Path | str | Settings | None = None,
    progress: Progress = lambda _step, _share: None,
) -> Shadowed:
    """Compare each challenger with the champion it was in the shadow of.

    Of each lead the last scores at or before its hand-off count; scores after it are held against
    each other where there are no others, and against no outcome.

    Raises
    ------
    LeadmlError
        If there is no ledger, or its leads cannot be judged.
    """
    settings = load_settings(config)
    progress("reading the ledger", 0.0)
    with open_ledger(settings, create=False) as ledger:
        pairs = [pair for of_lead in ledger.leads(in_the_shadow=True) for pair in _pairs(of_lead)]
    progress("judging", 0.5)
    scope = _judged(settings) if pairs else "no lead was scored by both"
    by_version: dict[tuple[str, str], list[_Pair]] = {}
    for pair in pairs:
        by_version.setdefault((pair.champion, pair.challenger), []).append(pair)
    latest_first = sorted(by_version.values(), key=lambda own: max(p.at for p in own), reverse=True)
    found = [_compared(own, scope) for own in latest_first]
    progress("done", 1.0)
    named = read_aliases(settings.models).get(CHALLENGER, {}).get("version")
    values = {
        "share": settings.serve.shadow,
        "challenger": named,
        "leads": len({pair.lead for pair in pairs}),
        "comparisons": found,
        "told": _told(settings, named, found),
    }
    return Shadowed(values)


def _told(settings: Settings, named: str | None, found: Sequence[Any]) -> list[str]:
    """Say why there is nothing to compare, or nothing more."""
    told = []
    if not settings.serve.shadow:
        told.append("No lead is scored in the shadow: set [serve] shadow to a share, 0.1 say.")
    elif named is None:
        told.append("No version is challenger: training names one that does not beat the champion.")
    elif not found:
        told.append(f"Version {named} has scored no lead beside the champion yet.")
    return told


def _judged(settings: Settings) -> Scope | str:
    """Return the ledger's leads as they turned out, or why that cannot be told."""
    try:
        return ledger_scope(settings)
    except LeadmlError as error:
        return str(error)


def _pairs(events: list[Stored]) -> Iterator[_Pair]:
    """Yield of one lead the scores that count, one for each two versions."""
    standing = [stored for stored in corrected(events) if stored.event.event == "scored"]
    given = {_moment(s): s for s in standing if not s.event.shadow}
    handed_off = state_of(events).handed_off_at
    last: dict[tuple[str, str], _Pair] = {}
    for made in sorted(standing, key=lambda s: (s.event.happened_at, s.event.idempotency_key)):
        beside = given.get(_moment(made)) if made.event.shadow else None
        late = handed_off is not None and made.event.happened_at > handed_off
        pair = None if beside is None else _pair(beside, made, late=late)
        if pair is not None and (not late or (pair.champion, pair.challenger) not in last):
            last[pair.champion, pair.challenger] = pair
    yield from last.values()


def _moment(stored: Stored) -> tuple[object, object]:
    """Return when a score was made, and as of when: those of one request are the same."""
    return stored.event.happened_at, stored.event.detail.get("as_of")


def _pair(given: Stored, made: Stored, *, late: bool) -> _Pair | None:
    one, other = given.event, made.event
    p = one.detail.get("probability"), other.detail.get("probability")
    if None in (*p, one.model_version, other.model_version):
        return None
    return _Pair(
        one.lead,
        iso(other.happened_at),
        str(one.model_version),
        str(other.model_version),
        (float(p[0]), float(p[1])),  # type: ignore[arg-type]
        (one.detail.get("sales_ready"), other.detail.get("sales_ready")),
        late,
    )


def _compared(pairs: Sequence[_Pair], scope: Scope | str) -> dict[str, Any]:
    p = np.array([pair.p for pair in pairs])
    gaps = np.abs(p[:, 1] - p[:, 0])
    return {
        CHAMPION: pairs[0].champion,
        CHALLENGER: pairs[0].challenger,
        "leads": len(pairs),
        "from": min(pair.at for pair in pairs),
        "to": max(pair.at for pair in pairs),
        "decision": _decisions([pair.ready for pair in pairs]),
        "probability": {
            CHAMPION: float(p[:, 0].mean()),
            CHALLENGER: float(p[:, 1].mean()),
            "mean_difference": float(gaps.mean()),
            "largest_difference": float(gaps.max()),
        },
        "outcomes": _outcomes(pairs, p, scope),
    }


def _decisions(ready: Sequence[tuple[bool | None, bool | None]]) -> dict[str, Any]:
    """Count for how many leads the two differ in who is ready for sales."""
    known = [pair for pair in ready if None not in pair]
    only = {
        CHAMPION: sum(bool(one and not other) for one, other in known),
        CHALLENGER: sum(bool(other and not one) for one, other in known),
    }
    differ = sum(only.values())
    share = differ / len(known) if known else None
    return {"leads": len(known), "differ": differ, "share": share, "ready_only": only}


def _outcomes(pairs: Sequence[_Pair], p: Any, scope: Scope | str) -> dict[str, Any]:
    """Hold both against what became of the leads that have matured."""
    empty: dict[str, Any] = {"leads": 0, "won": 0, "explored": 0, "looks": "any"}
    empty |= {"log_loss": None, "better": None}
    if isinstance(scope, str):
        return empty | {"verdict": f"Outcomes cannot be told: {scope}", "told": []}
    ids = pd.Index(scope.material.leads.lead_id)
    place = ids.get_indexer(pd.Index([pair.lead for pair in pairs], dtype=object))
    in_time = np.array([not pair.late for pair in pairs])
    own = np.flatnonzero((place >= 0) & in_time & with_outcome(scope)[place])
    if not len(own):
        return empty | {"verdict": "No lead that both scored has matured yet.", "told": []}
    rows: Rows = place[own].astype(np.intp)
    won = scope.judged.won[rows]
    weight = _weight(scope, rows)
    groups = companies(scope, rows)
    accounts = np.arange(len(rows)) if groups is None else groups
    tested = HeldOut(won=won, periods=np.zeros(len(rows), np.intp), accounts=accounts)
    found = compare_as_served(tested, p[own, 0], p[own, 1], LEVEL, weight=weight)
    worked = (place >= 0) & scope.judged.handed_off[place]
    chosen = weight is None and _is_chosen(p[:, 0], worked)
    few = _few(won, None if weight is None else explored_in(scope.material.leads)[rows])
    better, verdict = (None, few) if few else _verdict(found, chosen=chosen)
    return {
        "leads": len(rows),
        "won": int(won.sum()),
        "explored": int(scope.explored[rows].sum()),
        "looks": "any",
        "log_loss": {
            CHAMPION: found.first,
            CHALLENGER: found.second,
            "difference": found.difference,
            "low": found.low,
            "high": found.high,
        },
        "better": better,
        "verdict": verdict,
        "told": [CHOSEN if weight is None else WEIGHTED],
    }


def _weight(scope: Scope, rows: Rows) -> NDArray[np.float64] | None:
    """Return how many leads each stands for; None where none was handed off at random.

    Not cut off, as weights for learning are: that favours who is right about leads above the cut.
    """
    known = propensity_of(scope.material.leads)
    if known is None or not known.explored[rows].any():
        return None
    return known.inverse[rows]


def _is_chosen(p: NDArray[np.float64], worked: NDArray[np.bool_]) -> bool:
    """Tell whether the champion decided who was handed off, so that it looks worse than it is."""
    inside = np.clip(p, 1e-9, 1 - 1e-9)
    log_odds = np.log(inside / (1 - inside))
    return bool(decided(Pool(log_odds, worked), log_odds)["restricted"])


def _few(won: NDArray[np.bool_], drawn: NDArray[np.bool_] | None) -> str:
    """Say which leads are too few for a name; empty where they are enough."""
    groups = [(won, "")]
    if drawn is not None:
        groups.append((won[drawn], " among those handed off at random"))
    for group, words in groups:
        own, lost = int(group.sum()), int((~group).sum())
        if min(own, lost) < FEWEST_OF_EACH:
            few = f"{own:,} won and {lost:,} not won{words}, {FEWEST_OF_EACH} of each are needed"
            return f"No difference can be shown yet: {few}."
    return ""


def _verdict(found: Watched, *, chosen: bool) -> tuple[str | None, str]:
    """Name who is better, where the interval, and not the choice of leads, says so."""
    figures = f"log loss {found.second:.4f} against the champion's {found.first:.4f}"
    least = SMALLEST * min(found.first, found.second)
    if found.chance >= 1 - LEVEL or abs(found.difference) < least:
        return None, f"No difference shown: {figures}."
    better = CHALLENGER if found.difference > 0 else CHAMPION
    if better == CHALLENGER and chosen:
        return None, f"No winner is named, for the champion chose these leads: {figures}."
    return better, f"The {better} is better: {figures}."
