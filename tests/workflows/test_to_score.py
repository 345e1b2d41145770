"""An export read once and scored in pieces, in any order."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from leadml.errors import RowError
from leadml.settings import Settings
from leadml.workflows.to_score import ToScore, read_to_score, write_result

LEADS = """\
id,created,size,source
a,2024-05-01,2000,Web
b,2024-05-02,10,Ads
,2024-05-03,10,Ads
d,2024-05-04,huge,Ads
e,2031-01-01,10,Ads
"""


@pytest.fixture
def given(make_model: Callable[..., Settings], tmp_path: Path) -> ToScore:
    (tmp_path / "leads.csv").write_text(LEADS)
    return read_to_score(
        tmp_path / "leads.csv",
        activities=None,
        history=None,
        model="champion",
        config=make_model(),
        table=None,
        as_of="2024-06-01",
    )


def found(given: ToScore, rows: list[int], most: int) -> dict[int, tuple[object, object]]:
    """Return log-odds or the column of the first problem, and reasons, by row."""
    told: dict[int, tuple[object, object]] = {}
    for piece, batch, scores in given.pieces(np.array(rows), most=most):
        assert len(batch) == len(piece) <= most
        for place, row in enumerate(piece.tolist()):
            problem = scores.errors.get(place)
            one = problem[0][0] if problem else float(scores.log_odds[place])
            told[row] = one, None if problem else scores.reasons[place]
    return told


def test_order_and_pieces_change_no_lead(given: ToScore) -> None:
    whole = found(given, [0, 1, 2, 3, 4], 10)
    assert [whole[row][0] for row in (2, 3, 4)] == ["row", "size", "created"]
    for rows, most in (([4, 3, 2, 1, 0], 2), ([1, 4, 0], 1)):
        assert found(given, rows, most) == {row: whole[row] for row in rows}


def test_strict_names_the_row_of_the_export(given: ToScore) -> None:
    with pytest.raises(RowError, match="line 5: size: expected a number"):
        list(given.pieces(np.array([1, 3]), strict=True))


def test_json_in_texts_is_nested_in_json_lines(tmp_path: Path) -> None:
    table = pa.table({"a": ["[1]", None], "b": ["[1]", "x"], "c": [0.1, None]})
    write_result(table, tmp_path / "o.jsonl", nested=("a",))
    lines = (tmp_path / "o.jsonl").read_text("utf-8").splitlines()
    assert [json.loads(line) for line in lines] == [
        {"a": [1], "b": "[1]", "c": 0.1},
        {"a": None, "b": "x", "c": None},
    ]
