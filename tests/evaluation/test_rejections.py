from typing import Any

import numpy as np
import pytest

from leadml.evaluation.rejections import Rejected, rejections


def made(rows: list[tuple[str | None, bool, str | None]], **changes: Any) -> Rejected:
    source, rejected, reason = zip(*rows, strict=True)
    parts: dict[str, Any] = {
        "rejected": np.array(rejected, bool),
        "reason": np.array(reason, object),
        "source": np.array(source, object),
        "won": np.zeros(len(rows), bool),
        "right_person": None,
    }
    return Rejected(**parts | changes)


# The fair: 6 of 8 rejected; the web: 1 of 12.
FAIR = [("fair", True, "no_need")] * 4 + [("fair", True, "wrong_person")] * 2
FAIR += [("fair", False, None)] * 2
WEB = [("web", True, None)] + [("web", False, None)] * 11


def test_counts_by_hand() -> None:
    found = rejections(made(FAIR + WEB))
    assert (found["rejected"], found["of"], found["share"]) == (7, 20, 0.35)
    assert found["reasons"] == [
        {"reason": "no_need", "leads": 4, "share": 4 / 7},
        {"reason": "wrong_person", "leads": 2, "share": 2 / 7},
        {"reason": None, "leads": 1, "share": 1 / 7},  # not recorded comes last
    ]
    fair, web = found["by_source"]
    assert (fair["source"], fair["rejected"], fair["of"], fair["share"]) == ("fair", 6, 8, 0.75)
    assert (fair["top_reason"], web["top_reason"]) == ("no_need", None)
    assert found["right_people"] is None


def test_sources_are_compared_by_the_hand_offs_drawn() -> None:
    # One of three companies of the fair and one of two of the web: (2 of 3) and (0 of 2) rejected.
    drawn = np.isin(np.arange(20), [0, 4, 6, 10, 15])
    fair, web = rejections(made(FAIR + WEB, drawn=drawn))["by_source"]
    assert (fair["rejected"], fair["of"]) == (6, 8)
    # C(3,2) / C(5,2) = 0.3, twice by Holm; the web's is certain
    assert (fair["p"], fair["more_often"], web["p"]) == (pytest.approx(0.6), False, 1.0)


def test_a_source_is_named_where_it_is_rejected_more_often_than_chance_brings() -> None:
    found = rejections(made(FAIR + WEB))
    # Of all 7 rejections at least 6 among the fair's 8 of 20 leads:
    # (C(8,6) C(12,1) + C(8,7)) / C(20,7) = (336 + 8) / 77520, twice by Holm.
    fair, web = found["by_source"]
    assert fair["p"] == 2 * 344 / 77_520
    assert fair["more_often"]
    assert not web["more_often"]
    assert found["to_marketing"][0] == (
        "Sales rejected 7 of 20 hand-offs (35 %): no need 4, wrong person 2, no reason given 1."
    )
    assert found["to_marketing"][1] == (
        "Leads from fair are rejected more often than the others: 6 of 8 (75 %), no need 4, "
        "wrong person 2."
    )


def test_one_source_alone_is_compared_with_nobody() -> None:
    (row,) = rejections(made(FAIR))["by_source"]
    assert not row["more_often"]


def test_right_people_and_wins_all_the_same() -> None:
    won = np.arange(20) == 0
    found = rejections(made(FAIR + WEB, won=won, right_person=np.arange(20) < 2))
    assert (found["right_people"], found["won_later"]) == (2, 1)
    assert (
        "For 2 of them sales named the right person: leads to take up again."
        in (found["to_marketing"])
    )
    assert found["to_marketing"][-1] == "1 of the rejected leads were won all the same."


def test_only_people_named_for_rejected_leads_count() -> None:
    found = rejections(made(FAIR + WEB, right_person=np.arange(20) == 19))
    assert found["right_people"] == 0


def test_reasons_beyond_the_third_are_summed_up() -> None:
    rows = [("web", True, reason) for reason in ("a", "a", "a", "b", "b", "c", "c", "d", "e")]
    (told,) = rejections(made(rows))["to_marketing"]
    assert told.endswith("(100 %): a 3, b 2, c 2, other reasons 2.")


def test_nothing_rejected_and_nothing_handed_off() -> None:
    assert rejections(made([("web", False, None)] * 3))["to_marketing"] == [
        "Sales rejected none of 3 hand-offs."
    ]
    nobody = Rejected(
        rejected=np.zeros(0, bool),
        reason=np.zeros(0, object),
        source=None,
        won=np.zeros(0, bool),
        right_person=None,
    )
    found = rejections(nobody)
    assert (found["share"], found["by_source"], found["to_marketing"]) == (None, [], [])
