import numpy as np

from leadml.data.places import Places, listed, near, severity_of_set_aside


def test_names_and_examples() -> None:
    places = Places("line", np.array([2, 3, 6, 7, 8, 9, 10]))
    assert places.name(2) == "line 6"
    assert places.examples([2, 0]) == ("line 6", "line 2")
    assert places.examples(np.arange(7)) == ("line 2", "line 3", "line 6", "line 7", "line 8")
    assert places.examples([1], lambda row: row * 10) == ("line 3: 10",)
    assert places.take(np.array([2, 2])).name(1) == "line 6"


def test_rows_count_from_one() -> None:
    assert Places.of_rows(3).examples([0, 2]) == ("row 1", "row 3")


def test_one_in_ten_is_tolerated() -> None:
    assert severity_of_set_aside(1, 10) == "warning"
    assert severity_of_set_aside(2, 19) == "error"


def test_nearest_name() -> None:
    assert near("closed won", ["Closed Won", "Lost"]) == " (did you mean 'Closed Won'?)"
    assert near("zzz", ["Closed Won"]) == ""


def test_long_lists_are_cut() -> None:
    assert listed(["a", "b", "c"], 2) == "a, b and 1 more"
    assert listed(["a", "b"], 2) == "a, b"
