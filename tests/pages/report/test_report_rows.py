from typing import Any

from leadml.pages.report_rows import (
    month_ends,
    not_sliced,
    shifted,
    slice_groups,
    standing_rows,
    target_table,
)


def test_the_verdicts_rate_comes_first(rich: dict[str, Any]) -> None:
    rows = standing_rows(rich)
    assert [row["main"] for row in rows] == [True, *[False] * 5]
    # the path's last point: 3 × 200 units, of which .364 were won
    assert (rows[0]["units"], rows[0]["won"]) == (600, 218)
    assert rows[0]["rate"]["low"] == rich["sequence"]["low"]
    once = {key: rows[1]["rate"][key] for key in ("value", "low", "high")}
    assert once == {"value": rich["sequence"]["value"], "low": 0.3321, "high": 0.3961}
    # wins after a late follow-up are in that rate, and their sum stands nowhere
    assert (rows[-1]["units"], rows[-1]["won"]) == (rich["matured"], None)
    whole = standing_rows(rich | {"won_after_late_follow_up": 0})
    assert whole[-1]["won"] == rich["won"]


def test_the_rate_without_wins_that_prove_their_own_follow_up_is_told(
    rich: dict[str, Any],
) -> None:
    row = standing_rows(rich)[2]
    assert row["label"] == "Without wins that have no recorded follow-up"
    assert (row["units"], row["won"], row["rate"]["value"]) == (488, 172, 0.3525)
    none = rich | {"sequence": rich["sequence"] | {"won_without_follow_up": 0}}
    assert not any(row["label"].startswith("Without") for row in standing_rows(none))


def test_why_there_is_no_rate(rich: dict[str, Any], poor: dict[str, Any]) -> None:
    assert standing_rows(poor)[0]["reason"] == "nothing has matured yet"
    absent = dict.fromkeys(("value", "low", "high"))
    unworked = rich["sequence"] | absent | {"path": [], "fixed": {"low": None, "high": None}}
    reasons = [row["reason"] for row in standing_rows(rich | {"sequence": unworked})]
    assert reasons[0] == reasons[1] == "none of what has matured was followed up in time"


def test_what_counts_in_no_verdict_stands_below(rich: dict[str, Any]) -> None:
    apart = {"followed_up": 8, "won": 2, "won_after_late_follow_up": 1}
    apart |= {"close_rate": rich["close_rate"]}
    rows = standing_rows(rich | {"explored": apart, "before_agreement": apart})
    assert [row["label"] for row in rows[-2:]] == [
        "Handed off at random, to learn from",
        "Handed off before the agreement",
    ]
    assert (rows[-1]["units"], rows[-1]["won"], rows[-1]["late"]) == (8, 2, 1)


def test_rates_of_leads_say_so_beside_those_of_companies(rich: dict[str, Any]) -> None:
    companies = rich | {"sequence": rich["sequence"] | {"unit": "account"}}
    told = [row["told"] for row in standing_rows(companies)]
    assert told[-1] == "valid for one look, counted in leads"
    assert not any("leads" in words for words in told[:-1])
    assert "leads" not in standing_rows(rich)[-1]["told"]


def test_without_a_verdict_the_agreed_measure_comes_first(rich: dict[str, Any]) -> None:
    window = rich | {"sequence": None}
    assert [row["label"] for row in standing_rows(window)] == [
        "Followed up in time",
        "All handed off, worked or not",
    ]
    everyone = window | {"agreement": rich["agreement"] | {"counts": "handed_off"}}
    rows = standing_rows(everyone)
    assert [row["main"] for row in rows] == [True, False]
    assert rows[0]["label"] == "All handed off, worked or not"


def test_slices_show_the_largest_and_fold_the_others(large: dict[str, Any]) -> None:
    groups = {group["key"]: group for group in slice_groups(large)}
    assert list(groups) == ["source", "owner", "segment", "band", "account_size", "month"]
    assert (len(groups["owner"]["shown"]), len(groups["owner"]["folded"])) == (12, 188)
    assert (len(groups["month"]["shown"]), len(groups["month"]["folded"])) == (0, 34)
    assert (len(groups["source"]["shown"]), groups["source"]["folded"]) == (3, [])


def test_owners_are_drawn_shrunken_and_others_by_the_agreed_measure(rich: dict[str, Any]) -> None:
    groups = {group["key"]: group for group in slice_groups(rich)}
    owner, source = rich["by"]["owner"][0], rich["by"]["source"][0]
    assert groups["owner"]["drawn"](owner) == owner["shrunken"]
    assert (
        groups["owner"]["drawn"](owner | {"shrunken": None}) == owner["close_rate"]["followed_up"]
    )
    assert groups["source"]["drawn"](source) == source["close_rate"]["followed_up"]
    rich["agreement"]["counts"] = "handed_off"
    groups = {group["key"]: group for group in slice_groups(rich)}
    assert groups["source"]["drawn"](source) == source["close_rate"]["handed_off"]


def test_every_month_ends_with_its_last_point() -> None:
    path = [{"at": f"2026-{day}T00:00:00Z"} for day in ("01-03", "01-30", "02-01", "04-09")]
    assert [row["at"][5:10] for row in month_ends(path)] == ["01-30", "02-01", "04-09"]


def test_months_stand_where_they_matured() -> None:
    (row,) = shifted([{"month": "2026-01", "value": 0.3}, {"month": None, "value": 0.1}], 90)
    assert row == {"month": "2026-01", "value": 0.3, "at": "2026-04-15T00:00:00+00:00"}


def test_targets_are_one_row_a_month_the_newest_first(rich: dict[str, Any]) -> None:
    table = target_table(rich["targets"])
    assert table["names"] == ["handoffs", "margin", "wins"]
    assert [row["month"] for row in table["months"]] == ["2026-11", "2026-10"]
    assert table["months"][1]["wins"] is None
    assert table["months"][0]["margin"]["actual"] == 61_234.5
    assert (table["most"], table["elapsed"]) == (1.1, 0.7)
    many = target_table([rich["targets"][0] | {"share": 9.0}])
    assert (many["most"], many["elapsed"]) == (1.5, None)
    assert target_table([]) == {"names": [], "months": [], "most": 1.0, "elapsed": None}


def test_what_is_not_told_apart_is_listed_in_words(rich: dict[str, Any]) -> None:
    def without(*keys: str) -> str:
        by = {key: [] if key in keys else rows for key, rows in rich["by"].items()}
        return not_sliced(slice_groups(rich | {"by": by}))

    assert without() == ""
    assert without("band") == "band"
    assert without("owner", "band", "account_size") == "owner, band or account size"
