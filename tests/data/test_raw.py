import math

import numpy as np
import pytest

from leadml.data.raw import RawColumn
from leadml.data.values import to_number, to_text

COLUMN = RawColumn(["1", "x", "2.5", "y"], np.array([0, 1, -1, 2, 0, 1]))


def test_numbers_by_row_and_errors_by_row() -> None:
    numbers, errors = COLUMN.numbers(to_number)
    np.testing.assert_array_equal(numbers, [1, math.nan, math.nan, 2.5, 1, math.nan])
    assert errors == {1: "expected a number, found 'x'", 5: "expected a number, found 'x'"}


def test_a_value_no_row_holds_is_no_error() -> None:
    _, errors = RawColumn(["1", "y"], np.array([0, 0])).numbers(to_number)
    assert errors == {}


def test_texts_by_distinct_value() -> None:
    texts, errors = RawColumn([5.0, ["no"], None], np.array([0, 1, 2, -1])).texts(to_text)
    assert texts == ["5", None, None]
    assert errors == {1: "expected a text, found ['no']"}


def test_one_value_a_row() -> None:
    assert RawColumn.of(["a", "a"]).codes.tolist() == [0, 1]


@pytest.mark.parametrize("rows", [[], [2, 2, 0]])
def test_take(rows: list[int]) -> None:
    taken = COLUMN.take(np.array(rows, np.intp))
    assert taken.codes.tolist() == [COLUMN.codes[row] for row in rows]
    assert taken.values is COLUMN.values
