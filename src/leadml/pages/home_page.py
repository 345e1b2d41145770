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
    recorded : bool
        False where scores are answered without being recorded although they should be.
    dead_letters : int
        Messages to webhooks that were given up.
    """

    serving: str | None
    trained_at: str | None
    problem: str
    counts: Mapping[str, Any] | None
    ledger_problem: str
    verdict: Mapping[str, Any] | None
    recorded: bool = True
    dead_letters: int = 0


def home_page(standing: Standing, frame: Frame) -> str:
    """Draw the overview."""
    serves = f"Version {standing.serving} scores leads." if standing.serving else "No model serves."
    support = [text for text in (standing.problem, standing.ledger_problem) if text]
    support += _to_act_on(standing)
    return framed(
        "home.html",
        frame,
        title="Overview",
        kicker="Lead scores, hand-offs and what came of them",
        headline=Headline(serves, support),
        content={"s": standing, "kinds": KIND_WORDS},
    )


def _to_act_on(standing: Standing) -> list[str]:
    told = [] if standing.recorded else ["Scores are not recorded; the service’s log says why."]
    if standing.dead_letters:
        some = "message" if standing.dead_letters == 1 else "messages"
        told.append(f"{standing.dead_letters:,} {some} to webhooks could not be delivered.")
    return told
