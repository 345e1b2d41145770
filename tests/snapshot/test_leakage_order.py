"""Ids found by the order of the leads."""

import numpy as np

from leadml.data.raw import RawColumn
from leadml.data.values import NO_TIME
from leadml.snapshot.leakage_order import names_leads

RNG = np.random.default_rng(0)
N = 200
UNDATED = np.full(N, NO_TIME)


def why(column: str, values: list[object], as_of: np.ndarray = UNDATED) -> str:
    return names_leads(column, RawColumn.of(values), as_of)


def with_gaps() -> list[object]:
    return (1000 + np.cumsum(RNG.integers(1, 40, N))).tolist()


def test_a_running_number_with_gaps() -> None:
    assert "row to row" in why("ticket", with_gaps())
    assert "row to row" in why("ticket", with_gaps()[::-1])


def test_a_running_number_inside_a_text() -> None:
    assert "row to row" in why("ticket", [f"2024/INV-{n:06}-x" for n in with_gaps()])


def test_a_number_that_rises_with_the_date() -> None:
    numbers = with_gaps()
    shuffled = RNG.permutation(N)
    as_of = np.arange(N)[shuffled].astype(np.int64)
    values = [numbers[row] for row in shuffled]
    assert "with the date" in why("ticket", values, as_of)
    assert why("ticket", values) == ""


def test_an_id_by_name_may_repeat() -> None:
    ids: list[object] = [f"c{RNG.integers(0, 10**9)}" for _ in range(120)]
    repeated = [*ids, *ids[:80]]  # 120 different ones in 200 leads
    assert "120 different values in 200 leads" in why("contact_id", repeated)
    assert why("contact", repeated) == ""


def test_few_values_are_a_property_even_called_an_id() -> None:
    assert why("region_id", [f"r{n % 100}" for n in range(N)]) == ""  # 100 of 200 is half


def test_sound_columns_are_no_ids() -> None:
    assert why("revenue", RNG.lognormal(10, 1, N).round().tolist()) == ""
    assert why("constant trend", [float(n // 40) for n in range(N)]) == ""  # few values
    assert why("ticket", [None] * 30 + with_gaps()[:170]) == ""  # too many missing
    assert names_leads("ticket", RawColumn.of(list(range(49))), UNDATED[:49]) == ""


def test_digits_beyond_any_number_are_left_alone() -> None:
    assert why("hash", [f"{n:040}" for n in range(N)]) == ""
