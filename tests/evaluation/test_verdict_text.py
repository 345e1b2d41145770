from typing import Any

import pytest

from leadml.evaluation.verdict_text import support, verdict_text

SEQUENCE: dict[str, Any] = {
    "unit": "lead",
    "follow_up_share": 0.9,
    "matured": 100,
    "followed_up": 90,
    "won": 36,
    "won_after_late_follow_up": 2,
    "value": 0.4,
    "low": 0.31,
    "high": 0.49,
    "won_without_follow_up": 0,
    "recorded_only": {"units": 90, "won": 36, "value": 0.4, "low": 0.31, "high": 0.49},
    "more_needed_matured": None,
    "more_needed_why": None,
    "if_unworked_were_lost": {"value": 0.36, "low": 0.27, "high": 0.45},
    "last_12_months": {"units": 50, "won": 21, "value": 0.42},
    "maturing": {"handed_off": 0, "won_so_far": 0, "projected": None},
    "certify_text": "At the present pace about 90 leads enter a year.",
}


OTHERWISE = {"units": 80, "won": 30, "value": 0.375, "low": 0.304, "high": 0.46}


def values(**changes: Any) -> dict[str, Any]:
    known: dict[str, Any] = {
        "verdict": "meets",
        "target": 0.3,
        "confidence": 0.95,
        "window": None,
        "agreement": {"counts": "followed_up", "min_follow_up": 0.8},
        "matured": 100,
        "followed_up": 90,
        "won": 36,
        "won_after_late_follow_up": 0,
        "follow_up_share": 0.9,
        "follow_up_recorded": True,
        "close_rate": {
            "followed_up": {"value": 0.4, "low": 0.32, "high": 0.48},
            "handed_off": {"value": 0.38, "low": 0.3, "high": 0.46},
        },
        "explored": None,
        "before_agreement": None,
        "sequence": SEQUENCE,
    }
    return known | changes


def sequence(**changes: Any) -> dict[str, Any]:
    return SEQUENCE | changes


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        (
            {},
            "Hand-offs meet the agreed close rate of 30 %: with 95 % confidence it is at least "
            "31 %, however often one looks.",
        ),
        (
            {"verdict": "falls_short", "sequence": sequence(high=0.284, recorded_only=None)},
            "Hand-offs fall short of the agreed close rate of 30 %: with 95 % confidence it is at "
            "most 28.4 %, however often one looks.",
        ),
        (
            {"verdict": "undecided", "sequence": sequence(more_needed_matured=1200)},
            "Not enough evidence yet on whether hand-offs meet the agreed close rate of 30 % "
            "(about 1,200 more matured leads at the present rate).",
        ),
        (
            {"verdict": "undecided", "sequence": sequence(more_needed_matured=1, unit="account")},
            "Not enough evidence yet on whether hand-offs meet the agreed close rate of 30 % "
            "(about 1 more matured company at the present rate).",
        ),
        (
            {"verdict": "undecided", "sequence": sequence(more_needed_why="no unit has entered")},
            "Not enough evidence yet on whether hand-offs meet the agreed close rate of 30 % (no "
            "unit has entered).",
        ),
        (
            {"verdict": "not_judgeable", "sequence": sequence(follow_up_share=0.41)},
            "Not judgeable: sales worked 41 % of the leads it was handed, and the agreement asks "
            "for 80 % before it judges them.",
        ),
        (
            {"verdict": "not_judgeable", "sequence": sequence(unit="account")},
            "Not judgeable: sales worked 90 % of the companies it was handed, and the agreement "
            "asks for 80 % before it judges them.",
        ),
        (
            {"sequence": sequence(recorded_only=OTHERWISE)},
            "Hand-offs meet the agreed close rate of 30 %: with 95 % confidence it is at least "
            "30.4 %, however often one looks.",
        ),
        (
            {
                "verdict": "falls_short",
                "sequence": sequence(high=0.284, recorded_only=OTHERWISE | {"high": 0.291}),
            },
            "Hand-offs fall short of the agreed close rate of 30 %: with 95 % confidence it is at "
            "most 29.1 %, however often one looks.",
        ),
    ],
)
def test_the_verdict_in_a_sentence(changes: dict[str, Any], text: str) -> None:
    assert verdict_text(values(**changes)) == text


@pytest.mark.parametrize(
    ("since", "until", "span"),
    [
        ("2026-01-01T00:00:00.000000Z", None, "since 2026-01-01"),
        (None, "2026-04-01T09:30:00.000000Z", "before 2026-04-01 09:30 UTC"),
        (
            "2026-01-01T00:00:00.000000Z",
            "2026-04-01T00:00:00.000000Z",
            "from 2026-01-01 to 2026-04-01",
        ),
    ],
)
def test_a_window_is_described(since: str | None, until: str | None, span: str) -> None:
    window = {"since": since, "until": until}
    text = verdict_text(values(verdict=None, sequence=None, window=window))
    assert text.startswith(f"No verdict: hand-offs {span} are described")


def test_what_supports_the_verdict() -> None:
    assert support(values()) == [
        "Of 90 matured leads followed up as agreed, 36 were won: 40 %; the true rate is at least "
        "31 % and at most 49 %, each with 95 % confidence, valid however often one looks.",
        "Sales worked 90 % of the matured hand-offs in time.",
        "2 more were won after a later follow-up than agreed: counted apart.",
        "That is the average since the start; of those that entered in the last 12 months it is "
        "42 % (21 of 50).",
    ]


def test_a_window_has_bounds_for_one_look() -> None:
    first, *rest = support(values(verdict=None, sequence=None))
    assert first.endswith(
        "at least 32 % and at most 48 %, each with 95 % confidence, valid for one look."
    )
    assert rest == ["Sales worked 90 % of the matured hand-offs in time."]


def test_all_hand_offs_count_the_late_wins_too() -> None:
    agreed = {"counts": "handed_off", "min_follow_up": 0.8}
    first = support(values(agreement=agreed))[0]
    assert first.startswith("Of 100 matured leads handed off, 38 were won: 40 %")


def test_companies_are_called_companies() -> None:
    first = support(values(sequence=sequence(unit="account", followed_up=70, won=28)))[0]
    assert first.startswith("Of 70 matured companies followed up as agreed, 28 were won: 40 %")


def test_a_sentence_on_companies_speaks_of_companies_alone() -> None:
    told = support(
        values(
            won_after_late_follow_up=18,
            sequence=sequence(unit="account", won_after_late_follow_up=7, follow_up_share=0.85),
        )
    )
    assert told[1:3] == [
        "Sales worked 85 % of the matured companies in time.",
        "7 more companies were won after a later follow-up than agreed: counted apart.",
    ]
    one = support(values(sequence=sequence(unit="account", won_after_late_follow_up=1)))
    assert one[2].startswith("1 more company was won after a later follow-up")
    short = support(values(verdict="not_judgeable", sequence=sequence(unit="account")))
    assert "Were every company not worked as agreed lost, 36 % would be" in short[1]
    none = sequence(unit="account", value=None)
    assert support(values(sequence=none))[0].startswith("None of the 100 matured companies was")


def test_wins_that_prove_their_own_follow_up_are_told_with_the_rate_without_them() -> None:
    found = sequence(won_without_follow_up=6, recorded_only=OTHERWISE)
    sentence = (
        "6 wins have no recorded follow-up and prove their own; without them the close rate is "
        "37.5 % (30.4 % to 46 %), and a verdict has to hold both with and without."
    )
    assert sentence in support(values(sequence=found))
    assert sentence in support(values(verdict="not_judgeable", sequence=found))
    every = values(sequence=found, agreement={"counts": "handed_off", "min_follow_up": 0.8})
    assert sentence not in support(every)
    alone = found | {"won_without_follow_up": 1, "recorded_only": {"value": None}}
    assert (
        "1 win has no recorded follow-up and proves its own; without it there is no close rate."
        in support(values(sequence=alone))
    )


def test_one_win_was_won() -> None:
    assert ", 1 was won: " in support(values(sequence=sequence(won=1)))[0]


def test_too_little_work_is_told_with_the_bound_if_all_unworked_were_lost() -> None:
    told = support(values(verdict="not_judgeable"))
    assert told[1] == (
        "Were every lead not worked as agreed lost, 36 % would be sales-ready (27 % to 45 %)."
    )
    assert not any("in time." in sentence for sentence in told)


def test_what_stands_apart_is_told_apart() -> None:
    apart = {"handed_off": 3, "matured": 2, "followed_up": 2, "won": 1}
    maturing = {"handed_off": 40, "won_so_far": 5, "projected": {"value": 0.35}}
    told = support(
        values(
            explored=apart,
            before_agreement=apart | {"handed_off": 1},
            sequence=sequence(maturing=maturing, won_after_late_follow_up=1),
        )
    )
    assert told[2:3] == ["1 more was won after a later follow-up than agreed: counted apart."]
    assert told[-3:] == [
        "40 more have not matured, 5 of them won so far; about 35 % is to be expected of them.",
        "3 more were handed off at random to learn from, and count in no verdict: 2 of 2 matured "
        "were followed up, as all of them have to be, and 1 won.",
        "1 lead was handed off before the agreement took effect and counts in no verdict.",
    ]


def test_young_and_unworked_leads() -> None:
    none = {"value": None, "low": None, "high": None}
    young = values(sequence=sequence(matured=0, follow_up_share=None, value=None))
    assert support(young)[0].startswith("No handed-off lead has matured")
    rates = {"followed_up": none, "handed_off": none}
    unworked = values(close_rate=rates, matured=7, sequence=None, follow_up_share=0.0)
    assert support(unworked)[0] == "None of the 7 matured hand-offs was followed up in time."
    # sold after it had entered: worked in the description, not in the sequence
    late = values(sequence=sequence(value=None, low=None, high=None, matured=7))
    assert support(late)[0] == "None of the 7 matured hand-offs was followed up in time."
    maturing = {"handed_off": 2, "won_so_far": 0, "projected": None}
    told = support(values(sequence=sequence(maturing=maturing), follow_up_recorded=False))
    assert told[1] == "Follow-ups are not recorded, so every hand-off counts as followed up."
    assert told[-1].endswith("0 of them won so far; they count later, whatever they close as.")
    explored = {"handed_off": 1, "matured": 0, "followed_up": 0, "won": 0}
    assert support(values(explored=explored))[-1] == (
        "One more was handed off at random to learn from, and counts in no verdict; it has not "
        "matured."
    )


def test_what_the_volume_can_show_is_told_until_it_has_shown_it() -> None:
    assert SEQUENCE["certify_text"] in support(values(verdict="undecided"))
    assert SEQUENCE["certify_text"] not in support(values(verdict="meets"))
    assert "" not in support(values(verdict="undecided", sequence=sequence(certify_text="")))
