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
    assert guesses.notes == ["columns of times with no part yet: birthday"]
    assert guesses.found["ignore"].value == ("last_modified",)


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
