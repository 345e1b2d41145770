"""Leads below the cut that are handed off at random, by a hash that lasts."""

import hashlib

import numpy as np
import pytest
from scipy.stats import binomtest, kstest

from leadml.model.exploring import drawn, with_explored

NAMES = [f"L-{n}" for n in range(20_000)]
BELOW = np.zeros(len(NAMES), bool)


def test_the_number_of_a_lead_is_the_sha256_of_version_and_id() -> None:
    digest = hashlib.sha256(b"1\nL-1042").hexdigest()
    assert drawn("L-1042", "1") == (int(digest[:16], 16) >> 11) / 2**53
    assert drawn("L-1042", "1") == pytest.approx(0.281595, abs=1e-6)  # for ever: as first released


def test_numbers_are_uniform_and_those_of_two_versions_unrelated() -> None:
    first, second = (np.array([drawn(name, v) for name in NAMES]) for v in ("1", "2"))
    assert kstest(first, "uniform").pvalue > 0.01
    assert abs(np.corrcoef(first, second)[0, 1]) < 0.02
    assert first.min() >= 0
    assert first.max() < 1


def test_the_share_explored_is_the_one_agreed_and_grows_without_changing_its_mind() -> None:
    explored = {}
    for share in (0.02, 0.1):
        found = with_explored(BELOW, NAMES, share=share, version="1")
        explored[share] = found.explored
        count = int(found.explored.sum())
        assert binomtest(count, len(NAMES), share).pvalue > 0.01
        assert found.probability.tolist() == [share] * len(NAMES)
        np.testing.assert_array_equal(found.hand_off, found.explored)
    assert (explored[0.1] >= explored[0.02]).all()


def test_order_and_company_do_not_matter() -> None:
    order = np.random.default_rng(0).permutation(len(NAMES))
    whole = with_explored(BELOW, NAMES, share=0.05, version="1").explored
    mixed = with_explored(BELOW, [NAMES[n] for n in order], share=0.05, version="1").explored
    np.testing.assert_array_equal(mixed, whole[order])
    few = with_explored(BELOW[:7], NAMES[3:10], share=0.05, version="1").explored
    np.testing.assert_array_equal(few, whole[3:10])


def test_above_the_cut_nobody_is_explored() -> None:
    ready = np.array([True, False, False])
    names = ["a", "b", "c"]
    share = (drawn("b", "1") + drawn("c", "1")) / 2  # explores the one with the smaller number
    found = with_explored(ready, names, share=share, version="1")
    smaller = drawn("b", "1") < drawn("c", "1")
    assert found.explored.tolist() == [False, smaller, not smaller]
    assert found.hand_off.tolist() == [True, smaller, not smaller]
    assert found.probability.tolist() == [1.0, share, share]
    columns = found.columns()
    assert list(columns) == ["hand_off", "explored", "handoff_probability", "must_follow_up"]
    assert columns["must_follow_up"] is found.explored


@pytest.mark.parametrize("names", [[None, "", None], None])
def test_a_lead_without_an_id_is_never_explored(names: list[str | None] | None) -> None:
    ready = np.array([True, False, False])
    found = with_explored(ready, names, share=0.99999, version="1")
    assert found.explored.tolist() == [False] * 3
    assert found.probability.tolist() == [1.0, 0.0, 0.0]


def test_without_exploration_the_cut_decides_alone() -> None:
    found = with_explored(np.array([True, False]), ["a", "b"], share=0.0, version="1")
    assert found.hand_off.tolist() == [True, False]
    assert found.probability.tolist() == [1.0, 0.0]
