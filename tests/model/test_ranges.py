"""Ranges a person would have chosen: round edges, few of them, leads enough in each."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from leadml.model.ranges import (
    FEWEST,
    MOST_RANGES,
    Counted,
    edges_of,
    merged,
    missing_words,
    number_words,
    range_words,
)
from leadml.snapshot.feature import Feature, Kind

SIZE = Feature(name="size", kind="number", column="size")


def feature(kind: Kind) -> Feature:
    return Feature(name="it", kind=kind)


class TestEdges:
    def test_too_few_leads_are_one_range(self) -> None:
        assert edges_of(np.arange(2.0 * FEWEST - 1), [], None) == []

    def test_whole_numbers_that_many_leads_have_stand_alone(self) -> None:
        # 100 times 0, 60 times 1, 40 times 2, 30 times 3 to 5 each: all effects differ by 1
        x = np.repeat([0.0, 1, 2, 3, 4, 5], [100, 60, 40, 30, 30, 30])
        assert edges_of(x, [], x) == [1, 2, 3, 4, 5]

    def test_neighbours_with_the_same_effect_are_merged_first(self) -> None:
        x = np.repeat(np.arange(8.0), 50)
        effects = np.where(x < 3, 0.0, np.where(x < 4, 1.0, 2.0))  # nothing differs within 0-2, 4-7
        edges = edges_of(x, [], effects)
        assert {3.0, 4.0} <= set(edges)
        assert len(edges) == MOST_RANGES - 1

    def test_ranges_with_too_few_leads_join_a_neighbour(self) -> None:
        x = np.repeat([0.0, 1.0, 2.0], [100, 100, 12])  # two leads with 2 and more are 12: too few
        assert edges_of(x, [1.5], x) == [1.0]

    def test_the_models_own_cut_is_an_edge(self) -> None:
        # every number from 1 to 1,000 once; quantiles lie 50 apart: a quarter is 12.5, rounded to 5
        x = np.arange(1.0, 1001.0)
        effects = np.where(x <= 30, -3.0, np.where(x <= 500, 0.0, 1.0))
        edges = edges_of(x, [30.5], effects)
        assert min(edges) == 30
        assert any(abs(edge - 500) <= 1 for edge in edges)

    def test_zero_stands_apart_from_fractions_above_it(self) -> None:
        x = np.concatenate([np.zeros(100), np.linspace(0.5, 10.5, 101)])
        edges = edges_of(x, [], x)
        assert 0 < edges[0] < 1e-300
        assert range_words(SIZE, edges, whole=False)[0] == "≤ 0"
        assert range_words(feature("age"), edges, whole=False)[0] == "= 0"
        assert range_words(SIZE, edges, whole=False)[1].startswith("above 0, under ")

    def test_nothing_above_a_heavy_zero(self) -> None:
        assert edges_of(np.concatenate([np.full(100, -1.5), np.zeros(100)]), [], None) == [0]

    @given(st.lists(st.integers(-50, 2000).map(float), min_size=2, max_size=300))
    def test_whatever_the_numbers(self, values: list[float]) -> None:
        x = np.array(values)
        edges = edges_of(x, [3.5, 77.2], x)
        assert edges == sorted(set(edges))
        assert len(edges) < MOST_RANGES
        counts = np.bincount(np.searchsorted(edges, x, side="right"), minlength=len(edges) + 1)
        assert not edges or counts.min() >= FEWEST
        words = range_words(SIZE, edges, whole=True)
        assert len(set(words)) == len(words) == len(edges) + 1


def test_merging_by_hand() -> None:
    # costs n1 n2 / (n1 + n2) (m1 - m2)²: 25 * 1, 25 * .25: the second pair goes first, to 0.75
    counted = Counted(np.array([1.0, 2.0]), np.array([50.0, 50, 50]), np.array([-0.5, 0.5, 1]))
    assert merged(counted, 20) == [1, 2]  # three ranges are few enough
    many = Counted(np.arange(1.0, 8), np.full(8, 50.0), np.array([0, 1, 2, 3, 3.1, 4, 5, 5.2]))
    assert merged(many, 20) == [1, 2, 3, 5, 6]
    small = Counted(np.array([1.0, 2.0]), np.array([50.0, 10, 50]), np.array([0, 0.9, 1]))
    assert merged(small, 20) == [1]  # ten leads join those they are alike


@pytest.mark.parametrize(
    ("kind", "edges", "whole", "words"),
    [
        ("number", [], True, ["any value"]),
        ("number", [2.0], True, ["≤ 1", "≥ 2"]),
        ("count", [1.0, 2.0, 5.0], True, ["= 0", "= 1", "2 to 4", "≥ 5"]),
        ("number", [1000.0, 25_000.0], True, ["< 1000", "1000 to under 25,000", "≥ 25,000"]),
        ("age", [0.5, 7.0], False, ["< 0.5", "0.5 to under 7", "≥ 7"]),
        ("hour", [9.0, 18.0], True, ["0 to 8", "9 to 17", "18 to 23"]),
        ("weekday", [1.0, 5.0], True, ["Monday", "Tuesday to Friday", "Saturday to Sunday"]),
        ("trend", [-0.25, 0.5], False, ["< -0.25", "-0.25 to under 0.5", "≥ 0.5"]),
    ],
)
def test_words(kind: Kind, edges: list[float], whole: bool, words: list[str]) -> None:
    assert range_words(feature(kind), edges, whole=whole) == words


@pytest.mark.parametrize(
    ("edges", "whole", "least", "words"),
    [
        ([2.0], True, 1.0, ["= 1", "≥ 2"]),  # nobody had less than 1
        ([2.0], True, -3.0, ["≤ 1", "≥ 2"]),
        ([3.0], True, 0.0, ["0 to 2", "≥ 3"]),
        ([2000.0], True, 1999.0, ["1999 to under 2000", "≥ 2000"]),
        ([math.ulp(0.0), 0.5], False, 0.0, ["= 0", "above 0, under 0.5", "≥ 0.5"]),
        ([math.ulp(0.0), 0.5], False, -1.0, ["≤ 0", "above 0, under 0.5", "≥ 0.5"]),
    ],
)
def test_the_least_value_there_was(
    edges: list[float], whole: bool, least: float, words: list[str]
) -> None:
    assert range_words(SIZE, edges, whole=whole, least=least) == words


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (0.0, "0"),
        (2.0, "2"),
        (1234.0, "1234"),
        (12_345.6, "12,346"),
        (-25_000.0, "-25,000"),
        (0.123456, "0.1235"),
        (3.14159, "3.142"),
        (1999.5, "2000"),
        (0.00001234, "1.2e-05"),
    ],
)
def test_numbers_for_people(value: float, words: str) -> None:
    assert number_words(value) == words


def test_what_a_missing_value_means() -> None:
    assert missing_words(SIZE) == "not known"
    assert missing_words(feature("recency")) == "none, or not known"
