import numpy as np

from leadml.evaluation.funnel import Stage, funnel

# Eight leads; the last two are too young to have reached anything.
COHORT = np.array([1, 1, 1, 1, 1, 1, 0, 0], bool)


def flags(*rows: int) -> np.ndarray:
    return np.isin(np.arange(8), rows)


def test_counts_and_shares_of_one_cohort_by_hand() -> None:
    rows = funnel(
        [
            Stage("leads", flags(0, 1, 2, 3, 4, 5, 6, 7)),
            Stage("qualified", flags(0, 1, 2, 3)),
            Stage("handed_off", flags(1, 2, 3, 5, 6)),
            Stage("accepted", None, "nobody writes it down"),
            Stage("won", flags(1, 5, 6)),
        ],
        COHORT,
    )
    by_name = {row["stage"]: row for row in rows}
    assert [row["leads"] for row in rows] == [6, 4, 4, None, 2]
    assert [row["so_far"] for row in rows] == [8, 4, 5, None, 3]
    assert by_name["leads"]["share_of_previous"] is None
    assert by_name["leads"]["share_of_leads"] == 1.0
    assert by_name["qualified"]["share_of_previous"] == 4 / 6
    # of the four qualified three were handed off; lead 5 was without being qualified
    assert by_name["handed_off"]["share_of_previous"] == 3 / 4
    assert by_name["handed_off"]["skipped"] == 1
    # what is not recorded is passed over: won compares with handed off
    assert by_name["won"]["share_of_previous"] == 2 / 4
    assert by_name["won"]["share_of_leads"] == 2 / 6


def test_what_is_not_recorded_is_null_with_its_reason() -> None:
    rows = funnel([Stage("leads", None, "no creation time"), Stage("won", flags(0))], COHORT)
    assert rows[0] == {
        "stage": "leads",
        "leads": None,
        "skipped": None,
        "share_of_previous": None,
        "share_of_leads": None,
        "so_far": None,
        "why_null": "no creation time",
    }
    assert rows[1]["leads"] == 1
    assert rows[1]["share_of_leads"] is None  # there is nothing to divide by


def test_nobody_at_the_stage_before_gives_no_share() -> None:
    rows = funnel([Stage("leads", flags()), Stage("won", flags(0))], COHORT)
    assert rows[1]["share_of_previous"] is None
    assert rows[1]["share_of_leads"] is None
    assert rows[1]["why_null"] == "no lead reached the stage before"
