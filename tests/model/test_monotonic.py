"""Directions of points rules, worked out by hand; models that keep to them, and would not else."""

from collections.abc import Iterator

import numpy as np
import pytest
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from leadml.domain.points_table import Rule
from leadml.model.monotonic import signs_of
from leadml.model.scorecard import probability
from leadml.model.search import Rest, fit
from leadml.snapshot.feature import Feature


@pytest.fixture(autouse=True, scope="module")
def _one_core() -> Iterator[None]:
    with threadpool_limits(1):
        yield


FEATURES = (
    Feature(name="size", kind="number", column="size"),
    Feature(name="bounces", kind="number", column="bounces"),
    Feature(name="country", kind="text", column="country", levels=("PT",)),
    Feature(name="visits", kind="count", activity="visit", window=7.0),
    Feature(name="visit days", kind="days", activity="visit"),
    Feature(name="last visit", kind="recency", activity="visit"),
    Feature(name="pricing", kind="count", activity="visit", group="/pricing"),
    Feature(name="colleagues", kind="count", activity="visit", scope="account"),
    Feature(name="calls", kind="count", activity="call"),
    Feature(name="trend", kind="trend", activity="visit", window=7.0),
)


def signs(*rules: Rule) -> tuple[list[int], list[str]]:
    found, findings = signs_of(FEATURES, rules)
    return found.tolist(), [finding.code for finding in findings]


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        (Rule(name="r", points=5, column="size", at_least=10), {0: 1}),
        (Rule(name="r", points=-5, column="size", at_least=10), {0: -1}),
        (Rule(name="r", points=5, column="bounces", at_most=2), {1: -1}),
        (Rule(name="r", points=-5, column="bounces", at_most=2), {1: 1}),
        (Rule(name="r", points=5, column="size", at_least=1, at_most=9), {}),
        (Rule(name="r", points=5, column="size", between=(1, 9)), {}),
        (Rule(name="r", points=0, column="size", at_least=1), {}),
        (Rule(name="r", points=5, column="country", equals="PT"), {}),
        (Rule(name="r", points=5, activity="Visit"), {3: 1, 4: 1, 5: -1}),
        (Rule(name="r", points=-5, activity="visit", within_days=7), {3: -1, 4: -1, 5: 1}),
        (Rule(name="r", points=5, activity="visit", detail="/pricing*"), {6: 1}),
    ],
)
def test_directions(rule: Rule, expected: dict[int, int]) -> None:
    assert signs(rule) == ([expected.get(place, 0) for place in range(len(FEATURES))], [])


def test_a_rule_without_a_feature_is_told() -> None:
    rules = (
        Rule(name="gone", points=5, column="revenue", at_least=10),
        Rule(name="text", points=5, column="country", at_least=10),
        Rule(name="mail", points=5, activity="mail"),
    )
    found, (finding,) = signs_of(FEATURES, rules)
    assert not found.any()
    assert (finding.code, finding.examples) == ("POINT002", ("gone", "text", "mail"))


def test_rules_that_contradict_each_other_leave_the_feature_free() -> None:
    more = Rule(name="more", points=5, column="size", at_least=10)
    less = Rule(name="too many", points=-5, column="size", at_least=1000)
    assert signs(more, less) == ([0] * len(FEATURES), ["POINT003"])
    assert signs(more, Rule(name="far more", points=9, column="size", at_least=1000))[0][0] == 1


def bent(n: int = 1500) -> tuple[NDArray[np.float64], NDArray[np.int8]]:
    """Return leads whose chances rise with the first number and fall again beyond 0.5."""
    random = np.random.default_rng(0)
    x = np.column_stack([random.uniform(-2, 2, n), random.normal(size=n), random.integers(0, 3, n)])
    x[random.random(n) < 0.1, 0] = np.nan
    height = np.nan_to_num(np.where(x[:, 0] < 0.5, x[:, 0], 1 - x[:, 0]), nan=1.0)
    y = (random.random(n) < probability(2 * height + x[:, 1] - 1)).astype(np.int8)
    return x, y


def falls(name: str, monotone: NDArray[np.int8] | None) -> bool:
    """Tell whether more of the first number ever lowers the score, whatever else is known."""
    x, y = bent()
    rest = Rest(np.array([False, False, True]), newest_last=True, seed=0, monotone=monotone)
    machine = fit(name, x, y, rest).machine
    line = np.linspace(-3, 3, 61)
    others = [(-1.0, 0.0), (0.5, 2.0), (np.nan, 1.0), (1.5, np.nan)]
    said = [
        machine.raw_log_odds(np.column_stack([line, np.full(61, a), np.full(61, b)]))
        for a, b in others
    ]
    return bool((np.diff(said, axis=1) < -1e-9).any())


@pytest.mark.parametrize("name", ["logistic", "additive", "full", "blend"])
def test_a_constrained_model_never_falls_where_a_rule_rewards_more(name: str) -> None:
    assert falls(name, None)
    assert not falls(name, np.array([1, 0, 0], np.int8))
