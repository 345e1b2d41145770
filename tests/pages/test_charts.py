import re
import xml.etree.ElementTree as ET
from typing import Any

import pytest
from markupsafe import Markup

from leadml.pages.charts import (
    gains_chart,
    profit_chart,
    profit_of,
    rates_chart,
    reliability_chart,
    short_money,
)

SVG = "{http://www.w3.org/2000/svg}"
RATE = {"value": 0.4, "low": 0.3, "high": 0.5}
CURVE = {
    "probability": [0.1, 0.5],
    "close_rate": [0.1, 0.6],
    "low": [0.0, 0.3],
    "high": [0.3, 0.7],
}
BINS = [{"probability": 0.2, "close_rate": RATE}]


def point(leads: float, came: float, unknown: float = 0.0) -> dict[str, float]:
    told = {"leads": leads, "volume": 10 * leads, "expected": came / 2, "observed": came}
    return told | {"observed_low": came - unknown, "observed_high": came + unknown}


def profit(unknown: float = 0.0) -> dict[str, Any]:
    curve = [point(0.0, 0.0), point(0.5, 4000.0, unknown), point(1.0, 2000.0, unknown)]
    told = {"curve": curve, "best": curve[1]}
    return {"model": told, "points": told}


def charts() -> dict[str, Markup]:
    rows = [{"leads": 0.0, "won": 0.0}, {"leads": 1.0, "won": 1.0}]
    return {
        "one": reliability_chart("one", "model", CURVE, BINS),
        "two": gains_chart("two", {"model": rows, "points": rows}),
        "three": rates_chart("three", "Close rate by band", [("A", RATE)], target=0.3),
        "four": profit_chart("four", profit()),
    }


@pytest.mark.parametrize("name", ["one", "two", "three", "four"])
def test_a_chart_is_well_formed_and_says_what_it_shows(name: str) -> None:
    root = ET.fromstring(charts()[name])
    assert root.tag == f"{SVG}svg"
    assert root.get("role") == "img"
    described = root.get("aria-labelledby").split()
    assert [child.get("id") for child in root[:2]] == described
    assert all(child.text for child in root[:2])
    assert root.get("viewBox")


def test_ids_do_not_clash_on_one_page_and_references_hold() -> None:
    seen: set[str] = set()
    for drawing in charts().values():
        root = ET.fromstring(drawing)
        ids = {element.get("id") for element in root.iter() if element.get("id")}
        assert not ids & seen
        seen |= ids
        used = {
            element.get("{http://www.w3.org/1999/xlink}href").removeprefix("#")
            for element in root.iter(f"{SVG}use")
        }
        assert used <= ids


def test_the_same_data_draw_the_same_chart() -> None:
    assert charts() == charts()


def test_a_chart_loads_nothing() -> None:
    for drawing in charts().values():
        assert "<?xml" not in drawing
        assert "<!DOCTYPE" not in drawing
        assert "metadata" not in drawing


@pytest.mark.parametrize("label", ["<script>alert(1)</script>", "$\\frac{1}{0}$", "a & b"])
def test_labels_are_drawn_as_they_are(label: str) -> None:
    drawing = rates_chart("c", label, [(label, RATE)], target=0.3)
    root = ET.fromstring(drawing)  # markup in the label would change the tree or break it
    assert root.find(f"{SVG}title").text == label
    texts = [element.text for element in root.iter(f"{SVG}text")]
    shown = label if len(label) <= 24 else label[:23] + "…"
    assert shown in texts
    assert "<script" not in drawing


@pytest.mark.parametrize("label", ["微信🎉", "مرحبا", "שלום", "हिन्दी"])
def test_letters_the_drawing_font_lacks_stay_text(label: str) -> None:
    # Warnings are errors here: nothing is said of missing glyphs, the browser draws the text.
    drawing = rates_chart("c", label, [(label, RATE)], target=0.3)
    assert label in [element.text for element in ET.fromstring(drawing).iter(f"{SVG}text")]


def test_control_characters_are_left_out_of_labels() -> None:
    label = "a\x00b\x1bc\x7f\ud800\ufffe\nd\te"
    drawing = rates_chart("c", label, [(label, RATE)], target=0.3)
    root = ET.fromstring(drawing)
    assert root.find(f"{SVG}title").text == "abc d e"
    assert "abc d e" in [element.text for element in root.iter(f"{SVG}text")]


def test_groups_without_a_rate_are_not_drawn_and_none_at_all_is_fine() -> None:
    absent: dict[str, Any] = {"value": None, "low": None, "high": None}
    one = rates_chart("c", "t", [("A", RATE), ("B", absent)], target=0.3)
    assert ">A<" in one
    assert ">B<" not in one
    assert "<svg" in rates_chart("c", "t", [("B", absent)], target=0.3)


def numbers(path: str) -> list[float]:
    return [float(word) for word in path.split() if word[0].isdigit()]


def test_marks_are_where_the_data_are() -> None:
    # The axis runs from 0 to .6: .4 is 2/3 along, its bounds .3 and .5 are 1/2 and 5/6.
    root = ET.fromstring(rates_chart("c", "t", [("A", RATE)], target=0.3))
    found = {element.get("id"): element for element in root.iter() if element.get("id")}
    frame = numbers(found["c-patch_2"][0].get("d"))[::2]
    left, width = min(frame), max(frame) - min(frame)
    arms = [(x - left) / width for x in numbers(found["c-LineCollection_1"][0].get("d"))[::2]]
    (mark,) = root.iter(f"{SVG}use")
    agreed = numbers(found["c-line2d_10"][0].get("d"))[0]
    assert arms == pytest.approx([1 / 2, 5 / 6], abs=1e-4)
    assert (float(mark.get("x")) - left) / width == pytest.approx(2 / 3, abs=1e-4)
    assert (agreed - left) / width == pytest.approx(1 / 2, abs=1e-4)


def test_profit_shows_expected_observed_and_what_is_not_known() -> None:
    known, unknown = profit_chart("p", profit()), profit_chart("p", profit(500.0))
    for label in ("model: as it came", "points: as it came", "as expected", "4k"):
        assert f">{label}<" in known
    # the band of the model alone: the one of the points would hide it
    assert known.count("FillBetween") == 0
    assert unknown.count('id="p-FillBetween') == 1


def test_profit_without_points_or_without_money() -> None:
    alone = profit_chart("p", profit() | {"points": None})
    assert "points: as it came" not in alone
    assert profit_of({"profit": {"model": None, "points": None, "reason": "no money"}}) is None
    assert profit_of({}) is None


def test_money_on_an_axis() -> None:
    assert short_money(950) == "950"
    assert short_money(-12_500) == "\u221212.5k"
    assert short_money(3_000_000) == "3M"


def test_colours_are_the_pages_and_labels_stay_as_they_are() -> None:
    label = 'fill: #222222 id="a"'
    drawing = rates_chart("c", "t", [(label, RATE)], target=0.3)
    assert "var(--model, #0072b2)" in drawing
    assert not re.search(
        r"[ \"](fill|stroke): #(0072b2|222222|8a8f98|e3e5e8)", drawing.lower().replace(label, "")
    )
    assert label in [element.text for element in ET.fromstring(drawing).iter(f"{SVG}text")]
