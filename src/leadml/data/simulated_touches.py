"""What the simulated leads do: before the hand-off, which counts, and after it, which leaks."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

DAY = 86_400  # seconds

Floats = NDArray[np.float64]
Seconds = NDArray[np.int64]
Counts = NDArray[np.int64]


@dataclass(frozen=True)
class Touch:
    """One kind of activity, and how often leads of average interest do it.

    Attributes
    ----------
    kind, detail : str
        As the activity file shows them.
    rate : float
        Mean count at average intent.
    slope : float
        Change of the log mean per unit of intent, or per won lead after the hand-off.
    """

    kind: str
    detail: str
    rate: float
    slope: float


BEFORE = (
    Touch("page_view", "/", 1.6, 0.15),
    Touch("page_view", "/blog/best-practices", 1.3, 0.05),
    Touch("page_view", "/product", 1.2, 0.35),
    Touch("page_view", "/pricing", 0.7, 0.65),
    Touch("page_view", "/pricing/enterprise", 0.15, 0.7),
    Touch("page_view", "/customers", 0.4, 0.4),
    Touch("page_view", "/docs/integration", 0.5, 0.4),
    Touch("page_view", "/careers", 0.12, -0.3),
    Touch("email_open", "newsletter", 2.0, 0.1),
    Touch("email_click", "newsletter", 0.6, 0.45),
    Touch("form_submit", "contact", 0.35, 0.4),
    Touch("form_submit", "whitepaper", 0.5, 0.1),
    Touch("webinar", "attended", 0.18, 0.5),
    Touch("demo_request", "website", 0.16, 0.9),
)
AFTER = (
    Touch("page_view", "/pricing", 0.5, 0.8),
    Touch("page_view", "/docs/integration", 0.6, 0.9),
    Touch("page_view", "/product", 0.5, 0.3),
    Touch("email_open", "newsletter", 1.2, 0.1),
    Touch("call", "outbound", 1.4, 0.4),
    Touch("meeting", "online", 0.5, 0.9),
)
SALES_KINDS = frozenset({"call", "meeting"})
COMPANY_PULL = 0.6  # log of the mean count after the hand-off, per log-odds of the company
ONBOARDING = Touch("page_view", "/onboarding", 3.0, 0.0)


@dataclass(frozen=True)
class Touches:
    """Activities as parallel arrays: lead position, seconds since 1970 UTC, kind, detail."""

    lead: NDArray[np.int64]
    at: Seconds
    kind: NDArray[np.object_]
    detail: NDArray[np.object_]


def draw_before(
    rng: np.random.Generator, intent: Floats, created: Seconds, handed_off: Seconds
) -> tuple[Counts, Touches]:
    """Draw all that happens from creation up to strictly before the hand-off.

    Returns
    -------
    counts : int array, shape (leads, len(BEFORE))
        How often each lead did what; the outcome depends on nothing else a lead does.
    touches : Touches
        The same as single activities.
    """
    means = np.array([touch.rate for touch in BEFORE])
    slopes = np.array([touch.slope for touch in BEFORE])
    counts = rng.poisson(means * np.exp(np.outer(intent, slopes))).astype(np.int64)
    lead, column = _unfold(counts)
    share = rng.beta(1.3, 1.0, len(lead))
    at = created[lead] + (share * (handed_off - created - 1)[lead]).astype(np.int64)
    return counts, _touches(lead, at, BEFORE, column)


def draw_after(
    rng: np.random.Generator,
    *,
    start: Seconds,
    stop: Seconds,
    won: NDArray[np.bool_],
    worked: NDArray[np.bool_],
    company: Floats,
) -> Touches:
    """Draw what happens between `start` (the first touch) and `stop` (the close, or the end).

    Won leads are busier: read without regard to time, these activities give the outcome away.
    Leads of a company that buys readily (`company`, its own log-odds) are busier too: what they do
    while they are worked tells of the colleagues who come after them.
    """
    means = np.array([touch.rate for touch in AFTER])
    slopes = np.array([touch.slope for touch in AFTER])
    mean = means * np.exp(np.outer(won, slopes))
    by_sales = np.array([touch.kind in SALES_KINDS for touch in AFTER])
    mean *= np.where(by_sales, worked[:, None], 1.0)
    mean *= ((stop > start) * np.exp(COMPANY_PULL * company))[:, None]
    lead, column = _unfold(rng.poisson(mean).astype(np.int64))
    at = start[lead] + (rng.random(len(lead)) * (stop - start)[lead]).astype(np.int64)
    settling_in = rng.poisson(ONBOARDING.rate, len(won)) * won
    newcomer = np.repeat(np.arange(len(won)), settling_in)
    later = stop[newcomer] + (rng.random(len(newcomer)) * 30 * DAY).astype(np.int64)
    return join(
        _touches(lead, at, AFTER, column),
        _touches(newcomer, later, (ONBOARDING,), np.zeros(len(newcomer), np.intp)),
    )


def join(*parts: Touches) -> Touches:
    """Put activities together in time order (ties keep the order of the parts)."""
    lead, at, kind, detail = (
        np.concatenate([getattr(part, name) for part in parts])
        for name in ("lead", "at", "kind", "detail")
    )
    order = np.argsort(at, kind="stable")
    return Touches(lead[order], at[order], kind[order], detail[order])


def until(touches: Touches, end: int) -> Touches:
    """Return only the activities strictly before `end`."""
    seen = touches.at < end
    return Touches(touches.lead[seen], touches.at[seen], touches.kind[seen], touches.detail[seen])


def count_of(counts: Counts, kind: str, detail: str = "") -> Counts:
    """Return how often each lead did `kind` with a detail starting so; shape (leads,)."""
    columns = [
        column
        for column, touch in enumerate(BEFORE)
        if touch.kind == kind and touch.detail.startswith(detail)
    ]
    total: Counts = counts[:, columns].sum(axis=1)
    return total


def behaviour_effect(counts: Counts) -> Floats:
    """Return the log-odds of a win that the activities before the hand-off add up to."""
    effect: Floats = (
        1.0 * (count_of(counts, "demo_request") > 0)
        + 0.45 * np.log1p(count_of(counts, "page_view", "/pricing"))
        + 0.25 * np.log1p(count_of(counts, "page_view", "/customers"))
        + 0.25 * np.log1p(count_of(counts, "email_click"))
        + 0.45 * (count_of(counts, "webinar") > 0)
        + 0.35 * (count_of(counts, "form_submit", "contact") > 0)
        - 1.0 * (count_of(counts, "page_view", "/careers") > 0)
    )
    return effect


def _unfold(counts: Counts) -> tuple[NDArray[np.int64], NDArray[np.intp]]:
    leads, columns = counts.shape
    cell = np.repeat(np.arange(leads * columns), counts.ravel())
    return cell // columns, cell % columns


def _touches(
    lead: NDArray[np.int64], at: Seconds, table: tuple[Touch, ...], column: NDArray[np.intp]
) -> Touches:
    kinds = np.array([touch.kind for touch in table], object)
    details = np.array([touch.detail for touch in table], object)
    return Touches(lead, at, kinds[column], details[column])
