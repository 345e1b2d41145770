import copy
from typing import Any

from leadml.pages.evaluation_page import evaluation_page
from leadml.pages.fair_section import fair_section, flagged, slice_name, slice_tables


def test_what_decides_is_first_and_names_both_differences(evaluation: dict[str, Any]) -> None:
    section = fair_section(evaluation)
    assert section is not None
    first = section["measures"][0]
    assert first["name"] == "log loss, all calibrated alike"
    pair = next(row for row in first["pairs"] if (row["first"], row["second"]) == ("both", "model"))
    assert first["both_model"] == pair
    assert section["names"] == ["model", "points", "both"]
    assert section["text"] == evaluation["winner_text"]


def test_volumes_and_rates_are_named_in_words(evaluation: dict[str, Any]) -> None:
    section = fair_section(evaluation)
    assert section is not None
    assert [row["label"] for row in section["volumes"]] == [
        "as many as the points hand off",
        "as many as the model hands off",
        "5\u202f% of the leads",
        "10\u202f% of the leads",
        "20\u202f% of the leads",
        "30\u202f% of the leads",
    ]
    assert section["rates"][0]["label"] == "the agreed close rate"
    assert len(section["rates"]) == 3


def test_without_points_there_is_no_such_section(evaluation_without_points: dict[str, Any]) -> None:
    assert fair_section(evaluation_without_points) is None
    assert "Model, points, or both" not in evaluation_page(evaluation_without_points)


def test_flagged_slices_are_never_folded_away(evaluation: dict[str, Any]) -> None:
    values = copy.deepcopy(evaluation)
    owners = [row for row in values["slices"] if row["key"] == "owner"]
    assert len(owners) == 30
    for row in values["slices"]:
        row["flags"] = []
    owners[20] |= {"flags": ["prediction"], "verdict": "fewer wins than predicted"}
    table = next(one for one in slice_tables(values) if one["key"] == "owner")
    assert [row["label"] for row in table["shown"]] == [
        *(slice_name(row) for row in owners[:8]),
        slice_name(owners[20]),
    ]
    assert len(table["folded"]) == 21
    assert table["folded"][-1]["label"] == "all others"
    page = evaluation_page(values)
    assert "<strong>fewer wins than predicted</strong>" in page
    assert "21 more, nothing unusual" in page
    assert f"1 of {len(values['slices'])} slices stand out:" in page
    owners[20]["flags"] = []
    assert f"None of {len(values['slices'])} slices stands out:" in evaluation_page(values)
    owners[20]["flags"] = ["prediction"]
    assert flagged(values) == [
        f"owner {owners[20]['name']}: fewer wins than predicted ({owners[20]['won']} of "
        f"{owners[20]['leads']} won, {owners[20]['expected']:.1f} predicted)"
    ]


def test_the_newest_months_are_shown(evaluation: dict[str, Any]) -> None:
    values = copy.deepcopy(evaluation)
    row = values["slices"][0] | {"flags": [], "rest": False}
    values["slices"] = [row | {"key": "month", "name": f"2025-{n:02d}"} for n in range(1, 13)]
    (table,) = slice_tables(values)
    assert [row["label"] for row in table["shown"]] == [f"2025-{n:02d}" for n in range(5, 13)]


def test_names_of_slices_are_texts_not_markup(evaluation: dict[str, Any]) -> None:
    page = evaluation_page(evaluation)
    assert "&lt;b&gt;fair&lt;/b&gt;" in page
    assert "<b>fair</b>" not in page
    assert "not recorded" in page


def test_weights_are_said_with_what_the_leads_are_worth(evaluation: dict[str, Any]) -> None:
    values = copy.deepcopy(evaluation)
    assert "equal ones" not in evaluation_page(values)
    values["fair_comparison"]["weights"] = {"effective_leads": 214.4, "largest": 20.0}
    assert '<data value="214.4">214</data>' in evaluation_page(values)
