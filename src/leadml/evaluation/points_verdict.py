"""What to call a points rule, given what the data support."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from leadml.evaluation.points_evidence import ALIKE, Bounds, Evidence
from leadml.evaluation.points_worth import Firing

Floats = NDArray[np.float64]

SMALL_SHARE, SMALL_POINTS = 0.2, 0.1
"""A departure is small below this share of the rule's points, or of the median rule's."""


@dataclass(frozen=True, kw_only=True)
class RuleVerdict:
    """What the data say of one rule.

    Attributes
    ----------
    rule : str
    points : float
        Today's.
    fires, fired_won : int
        Leads it fires for, and wins among them.
    close_rate : float or None
        Of those leads; None where it never fires.
    supported, low, high : float or None
        Points that the data support, with simultaneous bounds; None where nothing tells.
    verdict : str
        ``about right``, ``too high``, ``too low``, ``wrong sign``, ``never fires``,
        ``double-counts with X`` or ``too few to say``.
    partner : str or None
        The X of ``double-counts with X``.
    """

    rule: str
    points: float
    fires: int
    fired_won: int
    close_rate: float | None
    supported: float | None
    low: float | None
    high: float | None
    verdict: str
    partner: str | None


def verdicts(firing: Firing, evidence: Evidence | None) -> list[RuleVerdict]:
    """Judge every rule, in the order of the table; without evidence none but by its firing.

    A rule is *too high* (*too low*) where its points lie above (below) the whole interval and
    differ from what is supported by more than `SMALL_SHARE` of them, *wrong sign* where the
    interval lies on the other side of 0, and *about right* where neither. *Too few to say*: it
    fires, or does not fire, for too few, or the interval holds 0 and reaches further than the
    rule's own points. Rules that fire for much the same leads *double-count* where together they
    earn less than they give, no more than one of them gives, and the rule shows no effect of its
    own beside the others.
    """
    return [_rule(firing, evidence, place) for place in range(len(firing.points))]


def _rule(firing: Firing, evidence: Evidence | None, place: int) -> RuleVerdict:
    fired = firing.unit[:, place] != 0
    fires, won = int(fired.sum()), int(firing.won[fired].sum())
    verdict, partner, bounds = "too few to say", None, (np.nan, np.nan, np.nan)
    if not fires:
        verdict = "never fires"
    elif evidence is not None and evidence.judged[place]:
        verdict = _verdict(firing, evidence, place)
    if evidence is not None:
        own = evidence.rules
        bounds = (own.value[place], own.low[place], own.high[place])
        if verdict == "double-counts":
            partner = firing.names[int(evidence.partner[place])]
            verdict = f"double-counts with {partner}"
    return RuleVerdict(
        rule=firing.names[place],
        points=float(firing.points[place]),
        fires=fires,
        fired_won=won,
        close_rate=won / fires if fires else None,
        supported=_number(bounds[0]),
        low=_number(bounds[1]),
        high=_number(bounds[2]),
        verdict=verdict,
        partner=partner,
    )


def _number(value: float) -> float | None:
    return None if np.isnan(value) else float(value)


def _verdict(firing: Firing, evidence: Evidence, place: int) -> str:
    points, typical = float(firing.points[place]), firing.typical_points
    bounds = Span(*(float(part[place]) for part in _parts(evidence.rules)))
    together = _together(firing, evidence, place)
    alike = evidence.overlap[place] >= ALIKE
    if together and (alike or not _beyond_zero(points, bounds)):
        return together
    own = side(points, bounds, typical)
    if own in {"too high", "too low"} and not evidence.refuted[place]:
        return "too few to say"
    if own != "about right" or together:
        return own
    unclear = bounds.low <= 0 <= bounds.high and bounds.width / 2 > (abs(points) or typical)
    return "too few to say" if unclear else own


class Span(NamedTuple):
    """Points supported, and their closed bounds."""

    value: float
    low: float
    high: float

    @property
    def width(self) -> float:
        """How many points lie between the bounds."""
        return self.high - self.low


def _parts(bounds: Bounds) -> tuple[Floats, Floats, Floats]:
    return bounds.value, bounds.low, bounds.high


def side(points: float, bounds: Span, typical: float) -> str:
    """Return on which side of what the data support some points lie.

    Examples
    --------
    >>> side(25, Span(11, 8, 14), 15), side(25, Span(24, 18, 31), 15)
    ('too high', 'about right')
    >>> side(25, Span(-12, -20, -4), 15), side(25, Span(22, 21, 23), 15)
    ('wrong sign', 'about right')
    """
    small = max(SMALL_SHARE * abs(points), SMALL_POINTS * typical)
    if _reversed(points, bounds):
        return "wrong sign"
    if abs(points - bounds.value) <= small or bounds.low <= points <= bounds.high:
        return "about right"
    return "too high" if points > bounds.high else "too low"


def _reversed(points: float, bounds: Span) -> bool:
    return (points > 0 and bounds.high < 0) or (points < 0 and bounds.low > 0)


def _beyond_zero(points: float, bounds: Span) -> bool:
    """Tell whether a rule shows an effect on its points' side of 0."""
    return bounds.low > 0 if points > 0 else bounds.high < 0


def _together(firing: Firing, evidence: Evidence, place: int) -> str | None:
    """Return what a rule is called for its set's sake; None where the set is in order."""
    number = next((n for n, own in enumerate(evidence.sets) if place in own), None)
    if number is None:
        return None
    members = list(evidence.sets[number])
    each = np.abs(firing.points[members] * firing.size[members])
    bounds = Span(*(float(part[number]) for part in _parts(evidence.together)))
    today = float(evidence.today[number])
    if not evidence.refuted[len(firing.points) + number]:
        return None
    inner, outer = (bounds.low, bounds.high) if today > 0 else (-bounds.high, -bounds.low)
    small = SMALL_SHARE * float(each.max())
    alone = inner <= each.max() + small and outer >= each.min() - small
    if outer < abs(today) and alone:
        return "double-counts"
    verdict = side(today, bounds, float(each.min()))
    return None if verdict == "about right" else verdict
