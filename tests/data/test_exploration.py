"""What the CRM wrote back of the hand-off policy."""

import re
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from leadml.data.guesses import guess_leads
from leadml.data.identity import content_id
from leadml.data.leads import Leads, read_leads
from leadml.data.tables import table_of
from leadml.domain.mapping import LeadMapping
from leadml.errors import DataError

MAPPING = LeadMapping(id="id", explored="drawn", handoff_probability="chance")
BOTH = {"id", "explored", "handoff_probability"}


def read(
    drawn: Sequence[object],
    chance: Sequence[object],
    mapping: LeadMapping = MAPPING,
    required: set[str] = BOTH,
) -> Leads:
    frame = pd.DataFrame(
        {
            "id": [f"L{n}" for n in range(len(drawn))],
            "drawn": pd.Series(list(drawn), dtype=object),
            "chance": pd.Series(list(chance), dtype=object),
        }
    )
    return read_leads(table_of(frame, "leads.csv"), mapping, required=required)


def test_yes_and_no_in_the_usual_ways_and_empty_is_no() -> None:
    drawn = [True, "false", "Yes", "no", 1, 0, "1.0", None, "n/a"]
    found = read(drawn, [0.02] * 9).exploration
    assert found is not None
    assert found.explored.tolist() == [True, False, True, False, True, False, True, False, False]


def test_probabilities_are_above_0_and_at_most_1() -> None:
    found = read([True, False, False], ["0,02", "1", None], replace(MAPPING, decimal=","))
    assert found.exploration is not None
    np.testing.assert_array_equal(found.exploration.probability, [0.02, 1.0, np.nan])
    taken = found.take(np.array([1, 0])).exploration
    assert taken is not None
    assert taken.explored.tolist() == [False, True]
    assert taken.probability.tolist() == [1.0, 0.02]


@pytest.mark.parametrize(
    ("drawn", "chance", "says"),
    [
        ("maybe", 0.02, "column drawn ([leads].explored), row 2: expected yes or no (true or "
         "false, 1 or 0), found 'maybe'"),
        (True, 0.0, "column chance ([leads].handoff_probability), row 2: expected a "
         "probability above 0 and at most 1 for an explored lead, found 0;"),
        (True, 2, "found 2: divide percentages by 100; correct it or do not map the column"),
        (True, -0.1, "found -0.1;"),
        (True, 150, "found 150;"),
    ],
)  # fmt: skip
def test_other_values_are_refused_with_their_place(
    drawn: object, chance: object, says: str
) -> None:
    with pytest.raises(DataError, match=re.escape(says)):
        read([True, drawn], [0.02, chance])


def test_explored_without_a_probability_is_said() -> None:
    leads = read([True, True, False], [0.1, None, None])
    (found,) = leads.findings
    assert (found.code, found.column, found.count) == ("DATA050", "chance", 1)
    assert found.examples == ("row 2",)


def test_to_score_neither_is_read() -> None:
    assert read(["maybe"], [7], required={"id"}).exploration is None


def test_neither_is_a_feature_or_part_of_an_id() -> None:
    assert {"drawn", "chance"} <= MAPPING.never_features
    record = {"size": 5, "drawn": True, "chance": 0.02}
    later = record | {"drawn": False, "chance": 1.0}
    nameless = replace(MAPPING, id=None)
    ids = {content_id(each, nameless, frozenset()) for each in (record, later)}
    assert len(ids) == 1


def exported(**columns: Sequence[object]) -> pd.DataFrame:
    outcome = ["Won", "Lost"] * 20
    return pd.DataFrame({"lead_id": range(40), "stage": outcome, **columns})


def test_init_guesses_both_by_name_and_values_or_neither() -> None:
    both = exported(explored=[True, False] * 20, handoff_probability=[0.02, 1.0] * 20)
    mapping = guess_leads(both).mapping()
    assert (mapping.explored, mapping.handoff_probability) == ("explored", "handoff_probability")
    for bad in (
        exported(explored=[True, False] * 20),
        exported(handoff_probability=[0.02, 1.0] * 20),
        exported(explored=["a", "b"] * 20, handoff_probability=[0.02, 1.0] * 20),
        exported(explored=[True, False] * 20, handoff_probability=[2, 100.0] * 20),
        exported(explored=[True, False] * 20, handoff_probability=[-0.1, 1.0] * 20),
    ):
        mapping = guess_leads(bad).mapping()
        assert (mapping.explored, mapping.handoff_probability) == (None, None)
