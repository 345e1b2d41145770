"""Weights of leads handed off at random, worked by hand."""

import numpy as np
import pandas as pd
import pytest

from leadml.data.leads import Leads, read_leads
from leadml.data.tables import table_of
from leadml.domain.mapping import LeadMapping
from leadml.snapshot.exploration import Propensity, propensity_of

MAPPING = LeadMapping(id="id", explored="drawn", handoff_probability="chance")
BOTH = {"id", "explored", "handoff_probability"}


def leads_of(drawn: list[bool], chance: list[float | None]) -> Leads:
    frame = pd.DataFrame({"id": range(len(drawn)), "drawn": drawn, "chance": chance})
    return read_leads(table_of(frame, "leads.csv"), MAPPING, required=BOTH)


def test_explored_leads_stand_for_the_inverse_of_their_probability() -> None:
    # 40 leads: a bound of sqrt(40) = 6.32, so 1 / 0.5 = 2 stays and 1 / 0.1 = 10 does not. Left are
    # (2 + 6.32 + 38)^2 / (4 + 40 + 38) = 26 leads' worth (Kish), more than half of 40.
    drawn = [True, True] + [False] * 38
    chance = [0.5, 0.1] + [1.0] * 37 + [None]
    found = propensity_of(leads_of(drawn, chance))
    assert found is not None
    weights = found.weights(np.arange(40))
    assert weights.weight == pytest.approx([2.0, np.sqrt(40)] + [1.0] * 38)
    values = weights.to_dict()
    assert values.pop("why").startswith("leads handed off for certain count once")
    assert values.pop("text") == (
        "Exploration: 2 of 40 leads were handed off at random and stand for up to 6.3 leads each; "
        "together all tell as much as 26 equal ones."
    )
    assert values == pytest.approx(
        {
            "explored": 2,
            "weighted": True,
            "truncated_at": np.sqrt(40),
            "effective_sample_size": (40 + np.sqrt(40)) ** 2 / 82,
        }
    )


def test_at_least_half_of_what_the_leads_tell_is_left() -> None:
    # 10 of 100 at 1 / 0.01 = 100: with a bound t, (90 + 10 t)^2 / (90 + 10 t^2) = 50 solves to
    # t = (18 + sqrt(18^2 + 4 * 4 * 36)) / 8 = 6, far below sqrt(100).
    found = propensity_of(leads_of([True] * 10 + [False] * 90, [0.01] * 10 + [1.0] * 90))
    assert found is not None
    weights = found.weights(np.arange(100))
    assert weights.most == pytest.approx(6.0)
    assert weights.to_dict()["effective_sample_size"] == pytest.approx(50.0)


def test_with_many_leads_two_thousand_are_enough() -> None:
    # 10 % of 50,000 at 1 / 0.02 = 50: left are (45,000 + 250,000)^2 / (45,000 + 12,500,000) =
    # 6,937 leads' worth, less than half and more than 2,000; sqrt(50,000) = 224 is out of reach.
    n = 50_000
    found = Propensity(np.arange(n) < n // 10, np.where(np.arange(n) < n // 10, 50.0, 1.0))
    weights = found.weights(np.arange(n))
    assert weights.to_dict()["truncated_at"] is None
    assert weights.to_dict()["effective_sample_size"] == pytest.approx(295_000**2 / 12_545_000)


def test_the_bound_follows_the_number_of_leads_weighed() -> None:
    found = propensity_of(leads_of([True] + [False] * 99, [0.1] + [1.0] * 99))
    assert found is not None
    assert found.weights(np.arange(100)).to_dict()["truncated_at"] is None  # 10 = sqrt(100)
    few = found.weights(np.arange(4))  # (3 + 2)^2 / (3 + 4) is more than half of 4
    assert few.weight.tolist() == [2.0, 1.0, 1.0, 1.0]
    assert few.to_dict()["truncated_at"] == 2.0
    none = found.weights(np.arange(1, 50))
    assert not none.any
    assert none.to_dict()["why"] == "no explored lead has an outcome yet"
    assert none.to_dict()["text"].endswith("no lead handed off at random has an outcome yet.")
    assert none.to_dict()["effective_sample_size"] == 49


def test_explored_for_certain_or_of_unknown_probability_weighs_one() -> None:
    found = propensity_of(leads_of([True, True, False], [1.0, None, 0.02]))
    assert found is not None
    assert found.inverse.tolist() == [1.0, 1.0, 1.0]
    assert found.explored.tolist() == [False, False, False]


def test_without_the_columns_there_is_nothing_to_weigh() -> None:
    frame = pd.DataFrame({"id": [1]})
    leads = read_leads(table_of(frame, "f"), LeadMapping(id="id"), required={"id"})
    assert propensity_of(leads) is None
