"""Guesses at an export's columns: what is found, and what is left to the user."""

from typing import Any

import pandas as pd

from leadml.data.guesses import guess_leads

ROWS = 40


def export(**columns: Any) -> pd.DataFrame:
    """Forty leads, two a day from 2026-01-01, every second one won; more columns as given."""
    days = pd.date_range("2026-01-01", periods=ROWS, freq="12h")
    usual = {
        "lead_id": [f"L{i}" for i in range(ROWS)],
        "stage": ["Closed Won", "Closed Lost"] * (ROWS // 2),
        "created_at": days.strftime("%Y-%m-%dT%H:%MZ"),
    }
    return pd.DataFrame(usual | columns).astype("str")


def day(offset: int) -> list[str]:
    return list(
        (
            pd.date_range("2026-01-01", periods=ROWS, freq="12h") + pd.Timedelta(days=offset)
        ).strftime("%Y-%m-%d")
    )


def test_the_usual_columns_are_found_by_header_and_value() -> None:
    frame = export(
        handed_off_at=day(1),
        first_touch_at=day(2),
        closed_at=day(30),
        company=[f"Company {i}" for i in range(ROWS)],
        rep=["Ann", "Bob"] * (ROWS // 2),
        lead_source=["Web", "Fair", "Web", "Mail"] * (ROWS // 4),
        Branche=["Stahl", "Chemie"] * (ROWS // 2),
        amount=[str(1000 + i) for i in range(ROWS)],
        margin=[f"{20 + i % 10} %" for i in range(ROWS)],
        lead_score=[str(i) for i in range(ROWS)],
    )
    guesses = guess_leads(frame)
    assert {key: guess.value for key, guess in guesses.found.items()} == {
        "id": "lead_id",
        "outcome": "stage",
        "won": ("Closed Won",),
        "lost": ("Closed Lost",),
        "created_at": "created_at",
        "handed_off_at": "handed_off_at",
        "followed_up_at": "first_touch_at",
        "closed_at": "closed_at",
        "account": "company",
        "owner": "rep",
        "source": "lead_source",
        "industry": "Branche",
        "amount": "amount",
        "margin": "margin",
        "points": "lead_score",
    }
    assert guesses.found["id"].because == "header; 40 values, all different"
    assert guesses.found["rep" if "rep" in guesses.found else "owner"].because == (
        "header; 2 different values"
    )
    assert guesses.needed == {"timezone": "times without a zone are read in this one"}
    assert guesses.mapping().created_at == "created_at"


def test_what_became_of_a_hand_off_is_found_by_header() -> None:
    frame = export(
        **{
            "Qualified Date": day(1),
            "handed_off_at": day(2),
            "SAL Date": [*day(3)[:20], *[""] * 20],
            "Rejected": [*[""] * 20, *day(4)[20:]],
            "Disqualification Reason": [*[""] * 20, *["No budget", "Duplicate"] * 10],
            "first_touch_at": day(5),
            "Segment": ["SMB", "Enterprise"] * (ROWS // 2),
            "Number of employees": [str(10 + i) for i in range(ROWS)],
            "leadml_probability": [f"0.{i + 10}" for i in range(ROWS)],
            "score_band": ["A", "B"] * (ROWS // 2),
        }
    )
    found = {key: guess.value for key, guess in guess_leads(frame).found.items()}
    assert {key: found[key] for key in found if key not in ("id", "outcome", "won", "lost")} == {
        "created_at": "created_at",
        "qualified_at": "Qualified Date",
        "handed_off_at": "handed_off_at",
        "accepted_at": "SAL Date",
        "rejected_at": "Rejected",
        "rejection_reason": "Disqualification Reason",
        "followed_up_at": "first_touch_at",
        "segment": "Segment",
        "account_size": "Number of employees",
        "probability": "leadml_probability",
        "band": "score_band",
    }


def test_an_acceptance_is_the_hand_off_where_nothing_else_is() -> None:
    found = guess_leads(export(sal_date=day(2), rejected_at=day(3))).found
    assert found["handed_off_at"].value == "sal_date"
    assert "accepted_at" not in found
    assert found["rejected_at"].value == "rejected_at"


def test_a_rejection_is_no_follow_up_whatever_its_order() -> None:
    found = guess_leads(export(closed_at=day(9), disqualified_at=day(3), x=day(2))).found
    assert "followed_up_at" not in found
    assert found["rejected_at"].value == "disqualified_at"


def test_an_id_must_be_unique() -> None:
    frame = export(lead_id=["L1", "L1", *(f"L{i}" for i in range(2, ROWS))])
    guesses = guess_leads(frame)
    assert "id" not in guesses.found
    assert guesses.needed["id"] == (
        "lead_id is empty or repeated in 1 rows: leadml makes an id from each row's content"
    )


def test_an_id_may_have_an_unusual_name() -> None:
    frame = export(customer_no=[f"C{i}" for i in range(ROWS)]).drop(columns="lead_id")
    assert guess_leads(frame).found["id"].value == "customer_no"


def test_without_any_id_the_reason_is_given() -> None:
    guesses = guess_leads(export().drop(columns="lead_id"))
    assert guesses.needed["id"].startswith("no column has a value of its own in every row")


def test_an_outcome_that_cannot_be_guessed_names_columns_to_choose_from() -> None:
    guesses = guess_leads(export(stage=["A", "B"] * (ROWS // 2), tier=["1", "2"] * (ROWS // 2)))
    assert not {"outcome", "won", "lost"} & set(guesses.found)
    assert guesses.needed["outcome"] == (
        "no column has values that read as won. Columns with few values: stage, tier."
    )


def test_where_nobody_is_lost_that_is_said() -> None:
    guesses = guess_leads(export(stage=["customer", "lead"] * (ROWS // 2)))
    assert guesses.found["lost"].value == ()
    assert guesses.found["lost"].because == (
        "no value reads as lost: whoever is not won within the horizon counts as not won; "
        "count as open: lead"
    )


def test_a_time_before_the_one_it_follows_is_not_taken() -> None:
    guesses = guess_leads(export(handed_off_at=day(-3), closed_at=day(20)))
    assert "handed_off_at" not in guesses.found
    assert guesses.needed["handed_off_at"] == (
        "handed_off_at is named like it but often lies before created_at"
    )
    assert guesses.found["closed_at"].value == "closed_at"


def test_the_next_best_column_is_tried() -> None:
    guesses = guess_leads(export(closed_at=["soon"] * ROWS, close_date=day(20)))
    assert guesses.found["closed_at"].value == "close_date"
    assert "closed_at" not in guesses.needed


def test_a_creation_time_that_is_mostly_missing_is_not_taken() -> None:
    frame = export()
    frame.loc[:4, "created_at"] = None  # 35 of 40 are dated: 88 %
    guesses = guess_leads(frame)
    assert guesses.needed["created_at"] == (
        "created_at is named like it but only 88% of the leads have one"
    )


def test_other_formats_are_found_for_the_whole_export() -> None:
    created = pd.date_range("2026-01-01", periods=ROWS, freq="D").strftime("%m/%d/%Y")
    guesses = guess_leads(export(created_at=created, closed_at=day(50)))
    assert guesses.found["date_format"].value == "%m/%d/%Y"
    assert guesses.found["created_at"].value == "created_at"
    assert guesses.needed["closed_at"] == (
        "closed_at is named like it but does not read as times (in the same format)"
    )


def test_times_with_a_zone_ask_for_none() -> None:
    assert "timezone" not in guess_leads(export()).needed


def test_columns_of_times_without_a_part_are_named() -> None:
    guesses = guess_leads(export(birthday=day(-9000), last_modified=day(40)))
    words = "these columns read as times: birthday"
    assert guesses.notes == [f"{words}; none of them has a part yet"]
    assert guesses.needed["closed_at"] == words
    assert guesses.found["ignore"].value == ("last_modified",)


def german(*headers: str) -> pd.DataFrame:
    """Hundred leads; the fifth to the last closed, every second handed off and followed up.

    Created one a day from 2025-01-01, handed off 2 days later, followed up 5, closed 30 days later.
    """
    created = pd.date_range("2025-01-01 16:16", periods=100, freq="D")
    open_ones = [row < 40 and row % 2 == 1 for row in range(100)]
    steps = {
        headers[0]: ([False] * 100, 0),
        headers[1]: (open_ones, 2),
        headers[2]: ([row % 5 == 0 or gone for row, gone in enumerate(open_ones)], 5),
        headers[3]: ([row < 40 for row in range(100)], 30),
    }
    frame = pd.DataFrame({"Stand": ["offen"] * 40 + ["gewonnen", "verloren"] * 30})
    for header, (absent, days) in steps.items():
        texts = (created + pd.Timedelta(days=days)).strftime("%d.%m.%Y %H:%M")
        frame[header] = [None if no else text for no, text in zip(absent, texts, strict=True)]
    return frame.astype("str")


STEPS = ("created_at", "handed_off_at", "followed_up_at", "closed_at")


def test_german_headers_are_known() -> None:
    headers = ("Erstellt am", "Übergeben am", "Erstkontakt am", "Abgeschlossen am")
    guesses = guess_leads(german(*headers))
    assert tuple(guesses.found[key].value for key in STEPS) == headers
    assert guesses.found["created_at"].because.startswith("header; times from 2025-01-01")
    assert guesses.found["date_format"].value == "%d.%m.%Y %H:%M"


def test_times_of_unknown_headers_are_told_by_order_and_by_who_has_them() -> None:
    guesses = guess_leads(german("T1", "T2", "T3", "T4")[["T3", "T4", "Stand", "T2", "T1"]])
    assert tuple(guesses.found[key].value for key in STEPS) == ("T1", "T2", "T3", "T4")
    assert guesses.found["date_format"].value == "%d.%m.%Y %H:%M"
    assert guesses.found["created_at"].because.startswith("always there and earliest; times from")
    assert guesses.found["closed_at"].because == (
        "only won and lost leads have it, and latest; times from 2025-03-12 to 2025-05-10, "
        "filled in 60%"
    )
    assert guesses.notes == []


def test_a_known_header_and_values_go_together() -> None:
    guesses = guess_leads(german("Erstellt am", "T2", "T3", "T4"))
    assert [guesses.found[key].value for key in STEPS] == ["Erstellt am", "T2", "T3", "T4"]


def test_times_that_are_not_clear_are_listed() -> None:
    frame = german("T1", "T2", "T3", "T4").drop(columns=["Stand", "T2"])
    frame["T5"] = "03/04/2025"
    guesses = guess_leads(frame)
    assert guesses.found["created_at"].value == "T1"
    assert not {"handed_off_at", "followed_up_at", "closed_at"} & set(guesses.found)
    listed = "these columns read as times: T3, T4, T5 (like %d/%m/%Y)"
    assert guesses.needed["closed_at"] == guesses.needed["followed_up_at"] == listed
    assert guesses.notes == [f"{listed}; none of them has a part yet"]


def test_a_birthday_a_plan_or_a_change_is_no_step() -> None:
    frame = german("Geburtstag", "T2", "T3", "Nächster Termin")
    assert not set(STEPS) & set(guess_leads(frame).found)


def test_values_that_do_not_fit_their_header_are_not_taken() -> None:
    guesses = guess_leads(
        export(
            company=["new", "old"] * (ROWS // 2),
            rep=[f"Rep {i}" for i in range(ROWS)],
            source=["Web"] * ROWS,
            amount=["much", "little"] * (ROWS // 2),
            margin=[str(i) for i in range(ROWS)],
            score=["high", "low"] * (ROWS // 2),
        )
    )
    assert {key: guesses.needed[key] for key in sorted(guesses.needed)} == {
        "account": "company is named like it but has too few different values to name companies",
        "amount": "amount is named like it but does not hold amounts",
        "margin": "margin is named like it but does not hold fractions such as 0.35 or 35 %",
        "owner": "rep is named like it but does not repeat as a person's leads would",
        "points": "score is named like it but does not hold numbers",
        "source": "source is named like it but has too many different values, or only one",
    }


def test_margin_is_one_column_and_money_needs_an_amount() -> None:
    numbers = [str(i) for i in range(ROWS)]
    fractions = [f"0.{10 + i}" for i in range(ROWS)]
    both = guess_leads(export(amount=numbers, margin=fractions, profit=numbers))
    assert "margin_amount" not in both.found
    money = guess_leads(export(amount=numbers, profit=numbers))
    assert money.found["margin_amount"].value == "profit"
    alone = guess_leads(export(profit=numbers))
    assert "margin_amount" not in alone.found
    assert alone.needed["margin_amount"] == (
        "profit is named like it, but no amount to divide it by"
    )


def test_texts_that_mean_missing_are_listed() -> None:
    guesses = guess_leads(export(industry=["NULL", "-", "Software", "null"] * (ROWS // 4)))
    assert guesses.found["missing"].value == ("Select", "n/a", "-", "NULL")
    assert "missing" not in guess_leads(export(industry=["n/a", "x"] * (ROWS // 2))).found


def test_what_a_vendors_export_fills_in_later_is_ignored() -> None:
    frame = export(dealname=["a"] * ROWS, closedate=day(40), notes_last_updated=day(50))
    frame = frame.rename(columns={"stage": "dealstage", "created_at": "createdate"})
    guesses = guess_leads(frame)
    assert guesses.preset is not None
    assert guesses.preset.name == "HubSpot deals"
    assert guesses.found["outcome"].because.startswith("2 values")
    assert guesses.found["closed_at"].because.startswith("header as in HubSpot deals; times from")
    assert guesses.found["ignore"].value == ("notes_last_updated",)
