"""The signed agreement as a text that both departments can read aloud."""

from leadml.domain.agreement import Agreement
from leadml.evaluation.promise import percent


def agreement_text(agreement: Agreement, *, timezone: str) -> list[str]:
    """Return the agreement in whole sentences, its version, signatures and hash last.

    Parameters
    ----------
    agreement : Agreement
    timezone : str
        IANA zone in which it takes effect at 00:00.

    Examples
    --------
    >>> agreement_text(Agreement(), timezone="UTC")[2]
    'It is judged only while sales follows up at least 80 % of the leads it is handed in time.'
    """
    return [
        _sales_ready(agreement),
        _promised(agreement),
        f"It is judged only while sales follows up at least {percent(agreement.min_follow_up)} of "
        "the leads it is handed in time.",
        _enters(agreement),
        _signed(agreement, timezone),
        f"Its sha256 is {agreement.hash()}: two agreements with one hash are the same.",
    ]


def _sales_ready(agreement: Agreement) -> str:
    least = agreement.min_margin
    margin = (
        f", at a margin of at least {percent(least)} of the amount"
        if least > 0
        else "; the margin is not checked"
    )
    return (
        f"A lead is sales-ready when sales follows it up within {days(agreement.follow_up_days)} "
        f"of the hand-off and wins it within {days(agreement.horizon_days)} of the hand-off"
        f"{margin}."
    )


def _promised(agreement: Agreement) -> str:
    of = (
        "leads that sales follows up in time"
        if agreement.counts == "followed_up"
        else "leads handed off, whether sales works them or not,"
    )
    return (
        f"Of the {of} at least {percent(agreement.close_rate)} are to be sales-ready; whether they "
        f"are is said with {percent(agreement.confidence)} confidence or not at all."
    )


def _enters(agreement: Agreement) -> str:
    grace = agreement.grace_days
    more = f" and {days(grace)} for wins to be recorded" if grace else ""
    what = "Every company counts once" if agreement.unit == "account" else "Every lead counts once"
    have = "have" if more or agreement.horizon_days != 1 else "has"
    return (
        f"{what}, when {days(agreement.horizon_days)}{more} {have} passed since the hand-off, "
        "however early it closed."
    )


def _signed(agreement: Agreement, timezone: str) -> str:
    since = (
        f"in force since {agreement.effective_from.isoformat()}, 00:00 in {timezone}"
        if agreement.effective_from
        else "without a date, so in force from the first hand-off on"
    )
    by = agreement.signed_by
    signed = f"signed by {_and(by)}" if by else "signed by nobody yet"
    return f"Version {agreement.version}, {since}, {signed}."


def _and(names: tuple[str, ...]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def days(number: float) -> str:
    """Write a number of days.

    Examples
    --------
    >>> days(1.0), days(90.0), days(0.5)
    ('1 day', '90 days', '0.5 days')
    """
    return "1 day" if number == 1 else f"{number:g} days"
