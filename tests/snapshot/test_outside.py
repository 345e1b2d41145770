"""Leads worked without having been handed off by the policy have no outcome of their own."""

import numpy as np
import pandas as pd

from leadml.data.leads import Leads, read_leads
from leadml.data.tables import table_of
from leadml.domain.agreement import Agreement
from leadml.domain.mapping import LeadMapping
from leadml.snapshot.censoring import resolved_leads
from leadml.snapshot.labels import judge
from leadml.snapshot.outside import outside

MAPPING = LeadMapping(
    id="id",
    outcome="stage",
    won=("Won",),
    lost=("Lost",),
    handed_off_at="handed",
    created_at="made",
    followed_up_at="touched",
    closed_at="closed",
    explored="drawn",
    handoff_probability="chance",
)
NOW = np.datetime64("2026-01-01", "us")
# made, handed off, explored, probability, expected to be outside
LEADS = [
    ("2025-01-01", "2025-01-01", None, None, False),  # before the policy
    ("2025-01-02", None, None, None, False),  # before the policy, worked without a hand-off
    ("2025-03-01", "2025-03-01", False, 1.0, False),  # handed off for certain
    ("2025-03-02", "2025-03-02", True, 0.05, False),  # explored
    ("2025-03-03", "2025-03-03", False, 0.05, True),  # pulled from below the cut
    ("2025-03-04", None, False, 0.05, True),  # worked from below the cut
    ("2025-03-05", None, None, None, True),  # worked, of the policy's time, and it never saw it
    ("2025-03-06", "2025-03-06", None, None, False),  # handed off, nothing written back
    ("2025-03-07", "2025-03-07", True, None, True),  # explored, nobody knows how likely
]


def leads_of(*, exploring: bool = True) -> Leads:
    made, handed, drawn, chance, _ = (list(column) for column in zip(*LEADS, strict=True))
    frame = pd.DataFrame(
        {
            "id": range(len(LEADS)),
            "stage": ["Won", "Lost", "Lost"] * 3,
            "made": made,
            "handed": handed,
            "touched": [f"{day}T09:00" for day in made],
            "closed": [f"{day}T12:00" for day in made],
            "drawn": pd.Series(drawn if exploring else [False] * len(LEADS), dtype=object),
            "chance": chance,
        }
    )
    required = {"id", "outcome", "explored", "handoff_probability"}
    return read_leads(table_of(frame, "leads.csv"), MAPPING, required=required)


def test_leads_below_the_cut_that_nobody_handed_off_are_outside() -> None:
    leads = leads_of()
    as_of = leads.times["created_at"].view("i8")
    handed_off = ~np.isnat(leads.times["handed_off_at"])
    assert outside(leads, as_of, handed_off).tolist() == [lead[-1] for lead in LEADS]


def test_they_have_no_outcome_and_no_part_in_weights_for_open_leads() -> None:
    judged = judge(leads_of(), Agreement(), now=NOW)
    told = judged.why_not == "ROW014"
    assert told.tolist() == [lead[-1] for lead in LEADS]
    assert (judged.label[told] == -1).all()
    assert (judged.label[~told] >= 0).all()
    assert {row.code: row.count for row in judged.excluded_rows()} == {"ROW014": 4}
    at = int(NOW.view("i8"))
    assert not np.isin(np.flatnonzero(told), resolved_leads(judged, Agreement(), at=at).rows).any()


def test_nothing_is_outside_before_the_first_lead_is_explored() -> None:
    judged = judge(leads_of(exploring=False), Agreement(), now=NOW)
    assert not (judged.why_not == "ROW014").any()
