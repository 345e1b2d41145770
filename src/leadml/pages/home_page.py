"""The page that `leadml serve` begins with: what serves, and how the ledger stands."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from leadml.pages.site import Frame, framed
from leadml.pages.summary import Headline

KIND_WORDS = {
    "scored": "scores given",
    "handed_off": "hand-offs",
    "accepted": "acceptances",
    "rejected": "rejections",
    "followed_up": "follow-ups",
    "won": "wins",
    "lost": "losses",
    "reopened": "reopened",
    "corrected": "corrections",
}


@dataclass(frozen=True)
class Standing:
    """What the page shows.

    Attributes
    ----------
    serving : str or None
        The version that serves.
    trained_at : str or None
        ISO 8601.
    problem : str
        Why the champion could not be loaded.
    counts : mapping or None
        `Ledger.counts`; None where the ledger cannot be read.
    ledger_problem : str
    verdict : mapping or None
        ``{"text", "verdict", "at"}`` of the report made last.
    """

    serving: str | None
    trained_at: str | None
    problem: str
    counts: Mapping[str, Any] | None
    ledger_problem: str
    verdict: Mapping[str, Any] | None


def home_page(standing: Standing, frame: Frame) -> str:
    """Draw the overview."""
    serves = f"Version {standing.serving} scores leads." if standing.serving else "No model serves."
    support = [text for text in (standing.problem, standing.ledger_problem) if text]
    return framed(
        "home.html",
        frame,
        title="Overview",
        kicker="Lead scores, hand-offs and what came of them",
        headline=Headline(serves, support),
        content={"s": standing, "kinds": KIND_WORDS},
    )
