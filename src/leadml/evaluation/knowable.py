"""What outcomes as few as these can show, and by when more of them will show it."""

import math
from dataclasses import asdict, dataclass
from datetime import date, timedelta
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from scipy.stats import binom, norm

from leadml.evaluation.close_rate import Verdict, close_rate, verdict

Shown = Literal["meets", "falls_short"]

POWER = 0.8
LOOSER = 0.8
"""Confidence beside the agreed one for which the leads needed are told too."""
MOST_LEADS = 50_000
"""More leads than this are not asked for: the rates are too near to be told apart."""
DAYS_A_MONTH = 365.25 / 12
TYPICAL_AUC = 0.7
EFFECTIVE_PARAMETERS = 15
"""What the learners spend of the data on a CRM's columns, as unpenalised coefficients."""


@dataclass(frozen=True)
class Needed:
    """How many outcomes settle on which side of the agreed rate a true close rate lies.

    Attributes
    ----------
    confidence : float
        Of the one-sided exact bound that must clear the agreed rate.
    true_rate : float
        Supposed.
    shows : {"meets", "falls_short"} or None
        Which side that is; None where the two rates are too near to be told apart.
    leads, more : int or None
        Matured followed-up hand-offs in all, and beyond today's.
    by : date or None
        When the present pace will have brought them; None also without a pace.
    """

    confidence: float
    true_rate: float
    shows: Shown | None
    leads: int | None
    more: int | None
    by: date | None


@dataclass(frozen=True)
class Knowable:
    """What is known today, and what will be.

    Attributes
    ----------
    leads, won : int
        Matured followed-up hand-offs, and sales-ready ones among them.
    rate, low, high : float or None
        Close rate and its one-sided exact bounds, each at the agreed confidence; None without a
        lead.
    half_width : float or None
        Half the distance of the bounds.
    today : {"meets", "falls_short", "undecided"}
        What the bounds show of the agreed rate.
    needed : tuple of Needed
        At the agreed confidence and at `LOOSER`.
    wins_for_a_model : int
        Wins from which a model of typical strength beats quoting the close rate, roughly.
    sentences : tuple of str
        The same in words.
    """

    leads: int
    won: int
    rate: float | None
    low: float | None
    high: float | None
    half_width: float | None
    today: Verdict
    needed: tuple[Needed, ...]
    wins_for_a_model: int
    sentences: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return JSON-ready values."""
        needed = [
            asdict(item) | {"by": item.by.isoformat() if item.by else None} for item in self.needed
        ]
        return asdict(self) | {"needed": needed, "sentences": list(self.sentences)}


def knowable(
    *,
    won: int,
    leads: int,
    leads_per_month: float,
    agreed: float,
    confidence: float,
    horizon_days: float,
    as_of: date | None,
    true_rate: float | None = None,
) -> Knowable:
    """Tell what outcomes can show of the agreed close rate, and by when.

    Parameters
    ----------
    won, leads : int
        Among the matured followed-up hand-offs so far.
    leads_per_month : float
        Pace at which followed-up hand-offs come in, >= 0.
    agreed, confidence : float
        Close rate and confidence of the agreement, in (0, 1).
    horizon_days : float
        A group without a matured lead yet also waits for it.
    as_of : date or None
        Today; None where the leads have no dates.
    true_rate : float, optional
        Supposed true close rate; default the observed one, or 0.05 above the agreed rate where
        there is none or it is too near the agreed one.

    Raises
    ------
    ValueError
        If a number is outside its range.
    """
    if not 0 <= won <= leads or leads_per_month < 0:
        msg = "won must be from 0 to leads, and leads_per_month 0 or more"
        raise ValueError(msg)
    if not (0 < agreed < 1 and 0 < confidence < 1):
        msg = "agreed and confidence must lie between 0 and 1"
        raise ValueError(msg)
    measured = close_rate(won, leads, confidence)
    supposed = true_rate if true_rate is not None else _supposed(measured.value, agreed, confidence)
    levels = sorted({confidence, LOOSER}, reverse=True)
    wait = timedelta(days=0 if leads else horizon_days)
    needed = tuple(
        _needed(leads, leads_per_month, agreed, level, supposed, as_of and as_of + wait)
        for level in levels
    )
    known = Knowable(
        leads=leads,
        won=won,
        rate=measured.value,
        low=measured.low,
        high=measured.high,
        half_width=_half(measured.low, measured.high),
        today=verdict(measured.low, measured.high, agreed),
        needed=needed,
        wins_for_a_model=wins_to_beat_base_rate(won / leads if 0 < won < leads else agreed),
        sentences=(),
    )
    return Knowable(**vars(known) | {"sentences": _sentences(known, agreed, confidence)})


def _supposed(observed: float | None, agreed: float, confidence: float) -> float:
    if observed is not None and leads_needed(observed, agreed, confidence) is not None:
        return observed
    return min(agreed + 0.05, 0.99)


def _half(low: float | None, high: float | None) -> float | None:
    return None if low is None or high is None else (high - low) / 2


def leads_needed(
    true_rate: float, agreed: float, confidence: float, *, power: float = POWER
) -> int | None:
    """Return how many leads settle on which side of the agreed rate the true rate lies.

    The fewest from which on, for every larger number too, the exact one-sided binomial test (that
    of `verdict`) clears the agreed rate with at least this power; power rises in saw teeth, so
    single smaller numbers may do. Looked at once: whoever looks every week and stops at the first
    success needs a confidence sequence instead. None above `MOST_LEADS`.

    Parameters
    ----------
    true_rate, agreed, confidence, power : float
        In [0, 1] and, but for `true_rate`, not at its ends.
    """
    if abs(true_rate - agreed) < 1e-9:
        return None
    rough = roughly_needed(true_rate, agreed, confidence, power)
    if rough > MOST_LEADS:
        return None
    n = np.arange(1, int(1.5 * rough) + 200)
    enough = _power(n, true_rate, agreed, confidence) >= power
    short = np.flatnonzero(~enough)
    return 1 if not len(short) else int(n[short[-1]]) + 1


def roughly_needed(true_rate: float, agreed: float, confidence: float, power: float) -> float:
    """Return the normal approximation of `leads_needed`, however many these are."""
    spread = norm.ppf(confidence) * math.sqrt(agreed * (1 - agreed))
    spread += norm.ppf(power) * math.sqrt(true_rate * (1 - true_rate))
    return float((spread / (true_rate - agreed)) ** 2)


def _power(
    n: NDArray[np.int64], true_rate: float, agreed: float, confidence: float
) -> NDArray[np.float64]:
    if true_rate > agreed:
        fewest = binom.isf(1 - confidence, n, agreed) + 1  # wins whose chance is at most 1 - c
        chance: NDArray[np.float64] = binom.sf(fewest - 1, n, true_rate)
        return chance
    most = binom.ppf(1 - confidence, n, agreed)
    most -= binom.cdf(most, n, agreed) > 1 - confidence
    below: NDArray[np.float64] = binom.cdf(most, n, true_rate)
    return below


def _needed(
    leads: int,
    pace: float,
    agreed: float,
    confidence: float,
    true_rate: float,
    start: date | None,
) -> Needed:
    total = leads_needed(true_rate, agreed, confidence)
    if total is None:
        return Needed(confidence, true_rate, None, None, None, None)
    shows: Shown = "meets" if true_rate > agreed else "falls_short"
    more, by = max(0, total - leads), None
    if start is not None and pace > 0 and more / pace < 12 * 100:
        by = start + timedelta(days=math.ceil(more / pace * DAYS_A_MONTH))
    return Needed(confidence, true_rate, shows, total, more, by)


def wins_to_beat_base_rate(
    rate: float, *, auc: float = TYPICAL_AUC, parameters: int = EFFECTIVE_PARAMETERS
) -> int:
    """Return the wins from which a model is expected to beat quoting the close rate; a rough guide.

    A model that spends `parameters` coefficients gains on new leads once its expected shrinkage
    exceeds one half (van Houwelingen and le Cessie 1990, doi:10.1002/sim.4780091109). The leads
    for that follow from the Cox-Snell R-squared (Riley et al. 2019, doi:10.1002/sim.7992), here of
    normal scores with this AUC.

    Parameters
    ----------
    rate : float
        Close rate, in (0, 1).
    auc : float
        Of a perfect model for what the columns tell, in (0.5, 1).
    parameters : int
        >= 1.
    """
    explained = 1 - math.exp(-2 * _gain(rate, auc))
    return math.ceil(rate * parameters / (-0.5 * math.log1p(-explained / 0.5)))


def _gain(rate: float, auc: float) -> float:
    """Return the nats a lead by which normal scores of this AUC beat the close rate."""
    apart = math.sqrt(2) * float(norm.ppf(auc))
    nodes, weights = np.polynomial.hermite_e.hermegauss(61)
    prior = math.log(rate / (1 - rate))

    def mean_loss(sign: float) -> float:
        log_odds = prior + apart * nodes + sign * apart**2 / 2
        losses = np.logaddexp(0, -sign * log_odds)
        return float(losses @ weights / weights.sum())

    quoted = -(rate * math.log(rate) + (1 - rate) * math.log1p(-rate))
    return quoted - rate * mean_loss(1.0) - (1 - rate) * mean_loss(-1.0)


def _sentences(known: Knowable, agreed: float, confidence: float) -> tuple[str, ...]:
    told = [_today(known, agreed, confidence)]
    if known.today == "undecided":
        told.append(_by_when(known, agreed))
    return (*told, _model_sentence(known))


def _today(known: Knowable, agreed: float, confidence: float) -> str:
    sure, target = f"{100 * confidence:g} %", _percent(agreed)
    if known.low is None or known.high is None or known.half_width is None:
        return f"No followed-up hand-off has matured: nothing is known of the agreed {target} yet"
    what = {
        "meets": f"that shows the agreed {target} is reached",
        "falls_short": f"that shows the agreed {target} is not reached",
        "undecided": f"that shows neither that the agreed {target} is reached nor that it is not",
    }[known.today]
    return (
        f"{known.won:,} of {known.leads:,} matured, followed-up hand-offs were sales-ready: "
        f"{_percent(known.rate or 0.0)}. The true rate may lie about "
        f"{100 * known.half_width:.1f} points to either side ({_percent(known.low)} to "
        f"{_percent(known.high)}, each bound with {sure} confidence); {what}"
    )


def _by_when(known: Knowable, agreed: float) -> str:
    supposed, target = _percent(known.needed[0].true_rate), _percent(agreed)
    shows = next((item.shows for item in known.needed if item.shows), None)
    if shows is None:
        return (
            f"A true rate of {supposed} is too near the agreed {target} to be told from it by any "
            "realistic number of leads"
        )
    what = "reaches" if shows == "meets" else "falls short of"
    return (
        f"If the true rate is {supposed}, showing that it {what} the agreed {target} takes "
        f"{', or '.join(_one(item) for item in known.needed)}. That succeeds four times in five, "
        "looked at once"
    )


def _one(item: Needed) -> str:
    sure = f"at {100 * item.confidence:g} % confidence"
    if item.leads is None or item.more is None:
        return f"more than {MOST_LEADS:,} leads {sure}"
    if item.more == 0:
        return f"{item.leads:,} leads {sure} (they are there)"
    when = "" if item.by is None else f", at the present pace by {item.by:%B %Y}"
    return f"{item.leads:,} leads {sure} ({item.more:,} more than today{when})"


def _model_sentence(known: Knowable) -> str:
    enough = known.won >= known.wins_for_a_model
    have = f"there are {known.won:,}, {'enough by this rule' if enough else 'too few'}"
    return (
        f"A model needs roughly {known.wins_for_a_model:,} wins to beat quoting the close rate to "
        f"everyone, many more where columns say little; {have}"
    )


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %" if round(1000 * share) % 10 else f"{100 * share:.0f} %"
