from typing import Any

import pytest

from leadml.pages.marks import traced, where

VALUES = {"by": [{"won": 3, "rate": 0.25, "name": "Kim", "told": True, "none": None}], "a/b~c": 1}


def test_values_stay_what_they_are() -> None:
    assert traced(VALUES) == VALUES
    row: dict[str, Any] = traced(VALUES)["by"][0]
    assert row["told"] is True
    assert row["none"] is None
    assert (row["won"] + 1, row["rate"] * 2, row["name"].upper()) == (4, 0.5, "KIM")


@pytest.mark.parametrize(
    ("key", "expected"),
    [("won", "/by/0/won"), ("rate", "/by/0/rate"), ("name", "/by/0/name")],
)
def test_a_value_knows_its_place(key: str, expected: str) -> None:
    assert where(traced(VALUES)["by"][0][key]) == f' data-json="{expected}"'


def test_places_are_json_pointers() -> None:
    assert traced(VALUES)["a/b~c"].path == "/a~1b~0c"  # RFC 6901: / is ~1, ~ is ~0


def test_what_was_not_traced_has_no_place() -> None:
    assert where(3) == ""
    assert where(None) == ""
    assert where(traced(VALUES)["by"][0]["told"]) == ""


def test_a_place_is_escaped() -> None:
    assert where(traced({'"><b>': 1})['"><b>']) == ' data-json="/&#34;&gt;&lt;b&gt;"'
