"""Bytes of trees: what training writes is taken, whatever could lead treelite astray is not."""

import struct

import numpy as np
import pytest
import treelite
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.ensemble import HistGradientBoostingClassifier
from treelite import gtil

from leadml.model.tree_bytes import problem_of_trees

INPUTS = 3


def trained() -> bytes:
    """Return small trees with splits by number and by level."""
    random = np.random.default_rng(0)
    x = random.normal(size=(200, INPUTS))
    x[:, 2] = random.integers(0, 9, 200)
    y = x[:, 0] + (x[:, 2] % 3 == 0) + random.normal(size=200) > 0.5
    model = HistGradientBoostingClassifier(
        max_iter=2, min_samples_leaf=9, max_leaf_nodes=6, categorical_features=[2]
    ).fit(x, y)
    with np.errstate(invalid="ignore"):
        content: bytes = treelite.sklearn.import_model(model).serialize_bytes()
    return content


TREES = trained()
VERSIONS = struct.calcsize("<iii")
HEADER = struct.calcsize("<iiiBBQ")
LEADS = np.array([[-1.0, 0.0, 3.0], [np.nan] * 3, [1e9, -1e9, 1e9], [0.5, np.inf, -7.0]])


def changed(place: int, form: str, value: float) -> bytes:
    content = bytearray(TREES)
    struct.pack_into(form, content, place, value)
    return bytes(content)


def place_of(field: str) -> int:
    """Return where a field of the first tree begins: its values are unlike all other bytes."""
    tree = treelite.Model.deserialize_bytes(TREES).get_tree_accessor(0)
    return TREES.index(tree.get_field(field).tobytes())


def test_what_training_writes_is_taken() -> None:
    assert problem_of_trees(TREES, INPUTS) == ""


def test_another_number_of_inputs_is_not() -> None:
    assert problem_of_trees(TREES, 2) == "they were expected to hold 2 inputs, and do not"


def test_cut_short_anywhere() -> None:
    assert all(problem_of_trees(TREES[:length], INPUTS) for length in range(len(TREES)))


def test_something_behind_the_end() -> None:
    problem = problem_of_trees(TREES + b"\0", INPUTS)
    assert problem == "they were expected to hold nothing behind the last tree, and do not"


@pytest.mark.parametrize(
    ("place", "form", "value", "problem"),
    [
        (0, "<i", 5, "layout of version 4"),
        (12, "<B", 2, "numbers of 64 bits"),
        (14, "<Q", 0, "trees"),
        (14, "<Q", 2**60, "trees"),
        (HEADER + 4, "<B", 2, "one probability"),
        (HEADER + 10, "<Q", 2**61, "they end in the middle"),
        (place_of("cleft"), "<i", 0, "children behind their parents"),  # its own child: for ever
        (place_of("cleft"), "<i", 10**6, "children behind their parents"),
        (place_of("cright"), "<i", -5, "children behind their parents"),
        (place_of("split_index"), "<i", INPUTS, "splits by the inputs"),
        (place_of("split_index"), "<i", -1, "splits by the inputs"),
        (place_of("leaf_value") + 16, "<d", float("nan"), "finite leaves"),
        (place_of("threshold"), "<d", float("nan"), "cuts that are numbers"),
        (place_of("category_list_end") + 8, "<Q", 10**9, "lists within the levels"),
        (place_of("category_list_begin") + 8, "<Q", 10**9, "lists within the levels"),
        (len(TREES) - 4, "<i", 1, "no further fields"),
        (len(TREES) - 8, "<i", 2**31 - 1, "no further fields"),
    ],
)
def test_what_would_lead_astray(place: int, form: str, value: float, problem: str) -> None:
    assert problem in problem_of_trees(changed(place, form, value), INPUTS)


@settings(max_examples=300)
@given(
    st.lists(
        st.tuples(st.integers(VERSIONS, len(TREES) - 1), st.integers(0, 255)),
        min_size=1,
        max_size=4,
    )
)
def test_whatever_is_taken_can_be_scored(changes: list[tuple[int, int]]) -> None:
    content = bytearray(TREES)
    for place, value in changes:
        content[place] = value
    if problem_of_trees(bytes(content), INPUTS) == "":
        model = treelite.Model.deserialize_bytes(bytes(content))
        margins = gtil.predict(model, LEADS, nthread=1, pred_margin=True)
        assert np.isfinite(margins).all()
