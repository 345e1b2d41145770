"""The pages of the versions: which there are, which serves, and what is asked before a change."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from leadml.pages.site import Frame, framed
from leadml.pages.summary import Headline

Version = Mapping[str, Any]


@dataclass(frozen=True)
class Versions:
    """What the page of the versions shows.

    Attributes
    ----------
    versions : sequence of mapping
        As `leadml models --json` lists them, newest first.
    serving : str or None
        The version that the service holds.
    problem : str
        Why the champion could not be loaded; empty where it could.
    previous : str or None
        The champion before the present one.
    agreement_hash : str
        Of the agreement as it is configured today.
    may_change : bool
        Whether whoever looks may change what serves.
    shadow : float
        Share of the leads that a challenger is to score in the shadow; 0 where none is.
    challenger : str or None
        The version that does.
    challenger_problem : str
        Why the one that is named does not.
    """

    versions: Sequence[Version]
    serving: str | None
    problem: str
    previous: str | None
    agreement_hash: str
    may_change: bool
    shadow: float = 0.0
    challenger: str | None = None
    challenger_problem: str = ""


def models_page(shown: Versions, frame: Frame) -> str:
    """Draw the list of versions."""
    known = {version["version"] for version in shown.versions if not version["problem"]}
    content = {
        "versions": [_told(version, shown.agreement_hash) for version in shown.versions],
        "previous": shown.previous if shown.previous in known else None,
        "may_change": shown.may_change,
    }
    support = [text for text in (shown.problem, _waiting(shown), _in_the_shadow(shown)) if text]
    headline = Headline(_serving(shown), support)
    return framed(
        "models.html", frame, title="Models", kicker="Models", headline=headline, content=content
    )


def promotion_page(shown: Versions, wanted: Version, frame: Frame, *, token: str) -> str:
    """Ask whether a version is to become champion; `token` is the form's."""
    champion = _champion(shown)
    number = wanted["version"]
    back = number == shown.previous
    action = f"Roll back to version {number}" if back else f"Make version {number} champion"
    content = {
        "present": champion and _told(champion, shown.agreement_hash),
        "wanted": _told(wanted, shown.agreement_hash),
        "action": action,
        "token": token,
    }
    support = (
        "The service scores with it at once, and MLflow is told. Requests under way end first."
    )
    return framed(
        "promotion.html",
        frame,
        title=action,
        kicker="Models",
        headline=Headline(f"{action}?", [support]),
        content=content,
    )


def _champion(shown: Versions) -> Version | None:
    return next((v for v in shown.versions if v["alias"] == "champion"), None)


def _waiting(shown: Versions) -> str:
    """Say so where the champion was named elsewhere and does not serve yet."""
    champion = _champion(shown)
    if champion is None or shown.problem or champion["version"] == shown.serving:
        return ""
    number = champion["version"]
    return f"Version {number} is champion: the service takes it up within about a second."


def _in_the_shadow(shown: Versions) -> str:
    """Say which version scores in the shadow, or why none does although one is to."""
    if shown.challenger is not None:
        share = percent_words(shown.shadow)
        return (
            f"Version {shown.challenger} scores {share} of the leads in the shadow; the command "
            "leadml shadow compares it with the champion."
        )
    if shown.challenger_problem:
        return f"No version scores in the shadow: {shown.challenger_problem}"
    return ""


def percent_words(share: float) -> str:
    """Write a share in percent, with as many digits as it needs.

    Examples
    --------
    >>> [percent_words(share) for share in (1.0, 0.1, 0.025)]
    ['100 %', '10 %', '2.5 %']
    """
    return f"{100 * share:.3g} %"


def _serving(shown: Versions) -> str:
    if shown.serving is not None:
        return f"Version {shown.serving} serves."
    return "No version serves." if shown.versions else "There is no version yet."


def _told(version: Version, agreement_hash: str) -> dict[str, Any]:
    """Arrange a version for the tables; a damaged one has only its problem."""
    measured = version["out_of_time"] or {}
    threshold, trained = version["threshold"], version["trained_at"]
    signed = version["agreement_hash"]
    return {
        **version,
        "log_loss": measured.get("log_loss"),
        "auc": measured.get("auc"),
        "trained": None if trained is None else trained[:10],
        "cut": threshold and {"probability": threshold["probability"], "basis": threshold["basis"]},
        "agreement": signed and {"hash": signed, "same": signed == agreement_hash},
    }
