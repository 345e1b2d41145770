import xml.etree.ElementTree as ET
from typing import Any

import pytest

from leadml.pages.report_charts import sequence_chart, served_chart

SVG = "{http://www.w3.org/2000/svg}"


def point(at: str, units: int, value: float | None, width: float = 0.1) -> dict[str, Any]:
    ends = (None, None) if value is None else (max(0.0, value - width), value + width)
    return {"at": at, "units": units, "value": value, "low": ends[0], "high": ends[1]}


PATH = [
    point("2026-01-01T00:00:00Z", 1, 0.0, 1.0),
    point("2026-02-15T00:00:00Z", 40, 0.4),
    point("2026-07-01T00:00:00Z", 90, 0.35),
]


def texts(drawing: str) -> list[str | None]:
    return [element.text for element in ET.fromstring(drawing).iter(f"{SVG}text")]


def numbers(path: str | None) -> list[float]:
    return [float(word) for word in (path or "").split() if word[0].isdigit()]


def test_the_line_runs_where_the_rates_are() -> None:
    # The axis ends at .6: bounds of .5 from 20 units on, the next tenth above. In it .35 is
    # 7/12 up, the agreed .3 one half.
    root = ET.fromstring(sequence_chart("s", PATH, [], target=0.3, unit="lead"))
    found = {element.get("id"): element for element in root.iter() if element.get("id")}
    frame = numbers(found["s-patch_2"][0].get("d"))[1::2]
    bottom, height = max(frame), max(frame) - min(frame)
    lines = [
        numbers(element[0].get("d"))[1::2]
        for key, element in found.items()
        if key.startswith("s-line2d_") and len(element) and element[0].get("d")
    ]
    ends = [(bottom - line[-1]) / height for line in lines if line]
    assert pytest.approx(0.35 / 0.6, abs=1e-3) in ends
    assert pytest.approx(0.5, abs=1e-3) in ends
    assert "60 %" in texts(str(ET.tostring(root, "unicode")))


def test_times_are_named_by_month_or_by_day() -> None:
    drawn = texts(sequence_chart("s", PATH, [], target=0.3, unit="lead"))
    assert "Jan 2026" in drawn
    assert "Jul 2026" in drawn
    days = [point("2026-03-02T00:00:00Z", 30, 0.3), point("2026-03-12T00:00:00Z", 60, 0.3)]
    # Named at 1/8, 3/8 ... of the 10.4 days drawn (with their margin): the first is on 3 March.
    assert "3 Mar" in texts(sequence_chart("s", days, [], target=0.3, unit="lead"))


def test_many_years_have_few_names() -> None:
    path = [point(f"{year}-06-01T00:00:00Z", 50, 0.3) for year in range(2000, 2027)]
    named = [
        text
        for text in texts(sequence_chart("s", path, [], target=0.3, unit="lead"))
        if text and text[-4:].isdigit() and text[:3].isalpha()
    ]
    assert 3 <= len(named) <= 7


def test_months_are_drawn_only_while_the_line_runs() -> None:
    months = [
        {"at": at, "value": 0.3}
        for at in ("2025-11-15T00:00:00Z", "2026-03-15T00:00:00Z", "2026-09-15T00:00:00Z")
    ]
    inside, none = (
        sequence_chart("s", PATH, each, target=0.3, unit="lead").count("<use")
        for each in (months, [])
    )
    assert inside - none == 1
    unknown = [{"at": "2026-03-15T00:00:00Z", "value": None}]
    assert sequence_chart("s", PATH, unknown, target=0.3, unit="lead").count("<use") == none


def test_one_point_and_unknown_points_still_draw() -> None:
    for path in (PATH[:1], [point("2026-01-01T00:00:00Z", 0, None)]):
        drawing = sequence_chart("s", path, [], target=0.3, unit="account")
        root = ET.fromstring(drawing)
        assert root.get("role") == "img"
        assert "Running share of accounts won" in str(root[1].text)


def test_served_probabilities_stand_against_what_came() -> None:
    rate = {"value": 0.4, "low": 0.3, "high": 0.45}
    absent = {"value": None, "low": None, "high": None}
    bins = [{"predicted": 0.25, "observed": rate}, {"predicted": 0.9, "observed": absent}]
    root = ET.fromstring(served_chart("r", bins))
    found = {element.get("id"): element for element in root.iter() if element.get("id")}
    frame = numbers(found["r-patch_2"][0].get("d"))
    left, right, low, high = min(frame[::2]), max(frame[::2]), max(frame[1::2]), min(frame[1::2])
    (mark,) = root.iter(f"{SVG}use")
    # Both axes end at .5: the next tenth above .45.
    assert (float(mark.get("x")) - left) / (right - left) == pytest.approx(0.5, abs=1e-3)
    assert (low - float(mark.get("y"))) / (low - high) == pytest.approx(0.8, abs=1e-3)


def test_no_group_at_all_still_draws() -> None:
    assert "<svg" in served_chart("r", [])


def test_the_same_data_draw_the_same_charts() -> None:
    assert sequence_chart("s", PATH, [], target=0.3, unit="lead") == sequence_chart(
        "s", PATH, [], target=0.3, unit="lead"
    )
