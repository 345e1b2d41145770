from datetime import date

from leadml.domain.agreement import Agreement
from leadml.evaluation.agreement_text import agreement_text


def test_the_default_agreement_reads_as_whole_sentences() -> None:
    agreement = Agreement()
    assert agreement_text(agreement, timezone="UTC") == [
        "A lead is sales-ready when sales follows it up within 14 days of the hand-off and wins it "
        "within 90 days of the hand-off; the margin is not checked.",
        "Of the leads that sales follows up in time at least 30 % are to be sales-ready; whether "
        "they are is said with 95 % confidence or not at all.",
        "It is judged only while sales follows up at least 80 % of the leads it is handed in time.",
        "Every lead counts once, when 90 days have passed since the hand-off, however early it "
        "closed.",
        "Version 1, without a date, so in force from the first hand-off on, signed by nobody yet.",
        f"Its sha256 is {agreement.hash()}: two agreements with one hash are the same.",
    ]


def test_every_clause_that_was_agreed_is_there() -> None:
    agreement = Agreement(
        version="2026-1",
        effective_from=date(2026, 1, 1),
        signed_by=("Marketing", "Sales", "Finance"),
        counts="handed_off",
        min_margin=0.15,
        unit="account",
        grace_days=1,
        horizon_days=1,
    )
    text = agreement_text(agreement, timezone="Europe/Berlin")
    assert text[0].endswith(
        "within 1 day of the hand-off, at a margin of at least 15 % of the amount."
    )
    assert text[1].startswith("Of the leads handed off, whether sales works them or not, at least")
    assert text[3] == (
        "Every company counts once, when 1 day and 1 day for wins to be recorded have passed since "
        "the hand-off, however early it closed."
    )
    assert text[4] == (
        "Version 2026-1, in force since 2026-01-01, 00:00 in Europe/Berlin, signed by Marketing, "
        "Sales and Finance."
    )
