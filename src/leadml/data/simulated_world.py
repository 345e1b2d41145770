"""The switches of a simulated CRM, and every lead's way up to its hand-off."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from leadml.data.simulated_people import People
from leadml.data.simulated_touches import DAY, Counts, Seconds, count_of

Flags = NDArray[np.bool_]
Delay = Literal["usual", "slow_wins", "fast_wins"]
NeglectBy = Literal["score", "unseen"]

NEVER = np.iinfo(np.int64).max // 2  # seconds; later than the end of any period
YEAR = 365.25 * DAY
HANDED_OFF_SHARE = 0.85
UNSEEN_SD = 0.5  # log-odds of a win that no export explains


@dataclass(frozen=True)
class Pace:
    """How long wins and losses take.

    Attributes
    ----------
    win, loss : float
        Median days from the hand-off, as a multiple of the world's `delay_days`.
    win_spread : float
        Sd of the log of the days to a win.
    """

    win: float
    loss: float
    win_spread: float


PACES: dict[Delay, Pace] = {
    "usual": Pace(1.0, 1.3, 0.55),
    "slow_wins": Pace(2.5, 0.2, 0.15),
    "fast_wins": Pace(0.5, 2.5, 0.55),
}


@dataclass(frozen=True, kw_only=True)
class World:
    """The switches of one simulation, times in seconds since 1970 UTC; see `simulate`."""

    start: int
    end: int
    base_rate: float
    signal: float
    delay_days: float
    delay: Delay
    neglect: float
    neglect_by: NeglectBy
    bulk_closing: float
    drift: float
    account_effect: float
    rep_skill: float
    attribute_changes: float
    leaks: bool
    explore: float = 0.0
    feedback: bool = False

    @property
    def pace(self) -> Pace:
        """How long wins and losses take."""
        return PACES[self.delay]

    @property
    def unseen_sd(self) -> float:
        """Sd of all that the lead's own record does not tell, its company's effect included."""
        return float(np.hypot(UNSEEN_SD, self.account_effect))


@dataclass(frozen=True)
class Pipeline:
    """Every lead up to its hand-off; arrays of shape (leads,).

    Attributes
    ----------
    created, ready : int64 arrays
        Creation, and when marketing decides whether to hand off.
    counts : int array, shape (leads, kinds of touch)
        What the lead did in between.
    score : int array
        The CRM's own rule of thumb at `ready`.
    handed_off : bool array
        Whether marketing hands it off.
    owner : int array
        The rep who gets it.
    """

    created: Seconds
    ready: Seconds
    counts: Counts
    score: NDArray[np.int64]
    handed_off: Flags
    owner: NDArray[np.int64]


def crm_score(people: People, counts: Counts) -> NDArray[np.int64]:
    """Return the rule of thumb that the CRM has always used: busy people in big companies."""
    senior = np.isin(people.job_title.astype(str), ["CEO", "VP Operations", "Head of IT"])
    score = (
        20 * senior
        + 10 * (people.company_size >= 200)
        + 4 * np.minimum(count_of(counts, "email_open"), 5)
        + 2 * np.minimum(count_of(counts, "page_view"), 10)
        + 15 * (count_of(counts, "form_submit") > 0)
        + 25 * (count_of(counts, "demo_request") > 0)
    )
    return np.asarray(score, np.int64)


def select(rng: np.random.Generator, score: NDArray[np.int64]) -> Flags:
    """Return which leads marketing hands off: the better scores, roughly."""
    judged = score + rng.normal(0.0, 10.0, len(score))
    chosen: Flags = judged >= np.quantile(judged, 1 - HANDED_OFF_SHARE)
    return chosen


def iso_texts(seconds: Seconds) -> NDArray[np.object_]:
    """Write times as ISO 8601 with a Z; None for `NEVER`."""
    known = seconds != NEVER
    moments = np.where(known, seconds, 0).astype("datetime64[s]")
    texts = np.datetime_as_string(moments, unit="s", timezone="UTC").astype(object)
    texts[~known] = None
    return texts
