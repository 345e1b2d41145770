"""Weights of leads handed off at random, worked by hand."""

import numpy as np
import pandas as pd
import pytest

from leadml.data.leads import Leads, read_leads
from leadml.data.tables import table_of
from leadml.domain.mapping import LeadMapping
from leadml.snapshot.exploration import propensity_of

MAPPING = LeadMapping(id="id", explored="drawn", handoff_probability="chance")
BOTH = {"id", "explored", "handoff_probability"}


def leads_of(drawn: list[bool], chance: list[float | None]) -> Leads:
    frame = pd.DataFrame({"id": range(len(drawn)), "drawn": drawn, "chance": chance})
    return read_leads(table_of(frame, "leads.csv"), MAPPING, required=BOTH)


def test_explored_leads_stand_for_the_inverse_of_their_probability() -> None:
    # 30 leads: a bound of sqrt(30) = 5.48, so 1 / 0.5 = 2 stays and 1 / 0.1 = 10 does not.
    drawn = [True, True] + [False] * 28
    chance = [0.5, 0.1] + [1.0] * 27 + [None]
    found = propensity_of(leads_of(drawn, chance))
    assert found is not None
    weights = found.weights(np.arange(30))
    assert weights.weight == pytest.approx([2.0, np.sqrt(30)] + [1.0] * 28)
    # Kish: (2 + 5.477 + 28)^2 / (4 + 30 + 28)
    values = weights.to_dict()
    assert values.pop("text") == (
        "Exploration: 2 of 30 leads were handed off at random and stand for up to 5.5 leads each; "
        "together all tell as much as 20 equal ones."
    )
    assert values.pop("why").startswith("leads handed off for certain count once")
    assert values == pytest.approx(
        {
            "explored": 2,
            "weighted": True,
            "truncated_at": np.sqrt(30),
            "effective_sample_size": (30 + np.sqrt(30)) ** 2 / 62,
        }
    )


def test_the_bound_follows_the_number_of_leads_weighed() -> None:
    found = propensity_of(leads_of([True] + [False] * 99, [0.1] + [1.0] * 99))
    assert found is not None
    assert found.weights(np.arange(100)).to_dict()["truncated_at"] is None  # 10 = sqrt(100)
    few = found.weights(np.arange(4))
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
