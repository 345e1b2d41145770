from collections.abc import Sequence

import numpy as np
import pandas as pd
import pytest

from leadml.data.column_checks import FIRST_LOOK, column_findings
from leadml.data.leads import read_leads
from leadml.data.tables import table_of
from leadml.domain.finding import Finding
from leadml.domain.mapping import LeadMapping

ROWS = 60
NUMBERS = [str(n % 7) for n in range(ROWS)]


def findings(values: Sequence[object], mapping: LeadMapping | None = None) -> list[tuple[str, int]]:
    return [(finding.code, finding.count) for finding in found(values, mapping)]


def found(values: Sequence[object], mapping: LeadMapping | None = None) -> list[Finding]:
    frame = pd.DataFrame({"x": pd.Series(list(values))})
    leads = read_leads(table_of(frame, "frame"), mapping or LeadMapping(), required=())
    return list(column_findings(leads))


def test_an_empty_column_counts_texts_that_mean_missing() -> None:
    assert findings([None, "", "Select", " n/a "]) == [("DATA005", 4)]


def test_an_empty_mapped_column_is_said_too() -> None:
    assert findings([None, None], LeadMapping(owner="x")) == [("DATA005", 2)]


def test_a_constant_column() -> None:
    (finding,) = found(["a", "a", "a"])
    assert (finding.code, finding.count, finding.examples) == ("DATA006", 3, ("a",))


@pytest.mark.parametrize("values", [["a", None, "a"], ["a"], ["a", "b"]])
def test_not_constant(values: list[object]) -> None:
    assert findings(values) == []


@pytest.mark.parametrize(
    "values",
    [
        [f"lead-{n}" for n in range(ROWS)],
        [f"lead-{n % 55}" for n in range(ROWS)],  # 55 of 60 differ: more than 90 %
        [str(1000 + n) for n in range(ROWS)],  # a counter
        [f"lead-{n}" for n in range(50)],  # just enough rows to tell
        [float(5_000_000 + n * 7919) for n in range(ROWS)],  # distinct whole numbers of 7 digits
    ],
)
def test_ids_that_pose_as_features(values: list[object]) -> None:
    assert findings(values) == [("DATA007", len(values))]
    assert findings(values, LeadMapping(keep=("x",))) == []
    assert findings(values, LeadMapping(id="x")) == []
    assert findings(values, LeadMapping(ignore=("x",))) == []


@pytest.mark.parametrize(
    ("values", "shape", "date_format"),
    [
        ([f"25.04.2025 10:{n:02}" for n in range(ROWS)], "%d.%m.%Y %H:%M", None),
        ([f"2025-04-25 10:{n:02}" for n in range(ROWS)], "ISO 8601", "%d.%m.%Y"),
    ],
)
def test_times_in_another_format_are_not_called_ids(
    values: list[object], shape: str, date_format: str | None
) -> None:
    leads = read_leads(
        table_of(pd.DataFrame({"x": values}), "frame"),
        LeadMapping(date_format=date_format),
        required=(),
    )
    (finding,) = column_findings(leads)
    assert finding.message == (
        f"x holds 60 different values in 60 leads: it reads as times like {shape}; "
        "map it or set date_format"
    )


@pytest.mark.parametrize(
    "values",
    [
        [f"lead-{n}" for n in range(49)],  # too few rows to tell
        [f"lead-{n % 54}" for n in range(ROWS)],  # 54 of 60: exactly 90 %
        [n * 2500 for n in range(ROWS)],  # whole, but spread out: an amount
        [1000 + n / 7 for n in range(ROWS)],  # not whole
        [1000 + n % 59 for n in range(ROWS)],  # a counter has no repeats
        [f"2024-01-01T10:00:{n:02}" for n in range(ROWS)],  # times are no ids
    ],
)
def test_no_ids(values: list[object]) -> None:
    assert findings(values) == []


def test_infinite_numbers() -> None:
    (finding,) = found([*NUMBERS, "inf", "-Infinity", "1e999"])
    assert (finding.code, finding.severity, finding.count) == ("DATA016", "warning", 3)
    assert finding.examples == ("row 61: inf", "row 62: -Infinity", "row 63: 1e999")
    assert findings([*map(float, NUMBERS), np.inf]) == [("DATA016", 1)]
    assert findings([*map(int, NUMBERS), 10**400]) == [("DATA016", 1)]


def test_a_few_texts_among_numbers() -> None:
    (finding,) = found([*NUMBERS, "about 5", "about 5", "NA", "-", ""])
    assert (finding.code, finding.count) == ("DATA017", 2)  # NA and - are how gaps are written
    assert finding.examples == ("row 61: 'about 5'", "row 62: 'about 5'")
    assert "2 other values" in finding.message


def test_four_numbers_to_one_text_are_numbers() -> None:
    assert findings(["1", "2", "3", "4", "x"]) == [("DATA017", 1)]
    assert findings(["1", "2", "3", "x"]) == []


def test_a_few_numbers_among_texts_are_codes() -> None:
    assert findings(["a", "b", "c", "d", "1", "2"] * 10) == []


def test_sentences_are_no_ids() -> None:
    letters = [f"{chr(97 + n % 20)}{chr(97 + n // 20)}" for n in range(ROWS)]
    assert findings([f"please call {name} back" for name in letters]) == []
    assert findings([f"please call {name}" for name in letters]) == [("DATA007", ROWS)]


def test_unused_values_do_not_count() -> None:
    frame = pd.DataFrame({"x": ["a", "b", "b"], "y": ["1", "2", "3"]})
    leads = read_leads(table_of(frame, "frame"), LeadMapping(), required=())
    (finding,) = column_findings(leads.take(np.array([1, 2])))
    assert (finding.column, finding.code) == ("x", "DATA006")


def test_a_long_column_of_texts_is_judged_at_a_first_look() -> None:
    names = [f"name {n}" for n in range(FIRST_LOOK)]
    assert findings([*names, *NUMBERS]) == [("DATA007", FIRST_LOOK + ROWS)]
    numbers = [str(n / 7) for n in range(FIRST_LOOK)]
    assert findings([*numbers, "late text"]) == [("DATA017", 1)]


GERMAN = ["12,5", "2.338,53", "2.835", "40"]


def test_two_number_conventions_in_one_column() -> None:
    (finding,) = found(GERMAN)
    assert (finding.code, finding.severity, finding.count) == ("DATA013", "error", 1)
    assert finding.message == (
        "expected one number convention, found both ('12,5' beside '2.835'): set "
        'decimal = "," under [leads] if the comma is the decimal sign, else correct them'
    )
    assert finding.examples == ("row 1: 12,5", "row 2: 2.338,53", "row 3: 2.835")
    assert findings(GERMAN, LeadMapping(decimal=",")) == []


def test_thousands_with_a_comma_beside_a_decimal_comma() -> None:
    assert findings(["12,5", "2,835", "2,835"]) == [("DATA013", 2)]


@pytest.mark.parametrize("key", ["amount", "margin", "margin_amount", "points"])
def test_mapped_numbers_keep_one_convention_too(key: str) -> None:
    mapping = LeadMapping(**{key: "x"})  # type: ignore[arg-type]
    assert findings(GERMAN, mapping) == [("DATA013", 1)]
    assert findings(["a", "b", "c", *GERMAN], mapping) == [("DATA013", 1)]


@pytest.mark.parametrize(
    ("values", "mapping"),
    [
        (["12,5", "2.338,53", "12.5"], LeadMapping()),  # each can mean one number only
        (["2.835", "12.5", "2,338.53"], LeadMapping()),
        (["2.835", "1.250", "7"], LeadMapping()),
        (["12,5", 2.835, 7], LeadMapping()),  # what came as a number is one
        (GERMAN, LeadMapping(ignore=("x",))),
        (GERMAN, LeadMapping(owner="x")),
        (["a", "b", "c", "d", *GERMAN], LeadMapping()),  # texts, some of which look like numbers
    ],
)
def test_one_number_convention(values: list[object], mapping: LeadMapping) -> None:
    assert findings(values, mapping) == []


def test_points_among_numbers_said_to_have_a_decimal_comma() -> None:
    (finding,) = found(["12.5", "0.5", "2.835"], LeadMapping(decimal=","))
    assert (finding.code, finding.count) == ("DATA013", 1)
    assert "('12.5' beside '2.835'): set decimal = \".\" under [leads]" in finding.message


def test_only_the_values_of_the_leads_taken_count() -> None:
    leads = read_leads(table_of(pd.DataFrame({"x": GERMAN}), "f"), LeadMapping(), required=())
    assert not list(column_findings(leads.take(np.array([0, 1, 3]))))


def test_what_a_text_among_numbers_means_when_scoring() -> None:
    (finding,) = found([*NUMBERS, "about 5"])
    assert "missing in training, and a text not seen there is an error" in finding.message
