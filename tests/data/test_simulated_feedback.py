"""What the sales of a simulated company make of its hand-offs."""

import tomllib
from datetime import UTC, datetime

import pandas as pd
import pytest

from leadml.data.simulate import SimulatedCrm, simulate
from leadml.data.simulated_feedback import REASONS

COLUMNS = [
    "qualified_at", "accepted_at", "rejected_at", "rejection_reason", "segment", "account_size",
]  # fmt: skip


@pytest.fixture(scope="module")
def crm() -> SimulatedCrm:
    return simulate(3000, seed=3, feedback=True)


def test_nothing_else_changes(crm: SimulatedCrm) -> None:
    plain = simulate(3000, seed=3)
    pd.testing.assert_frame_equal(plain.leads, crm.leads.drop(columns=COLUMNS))
    pd.testing.assert_frame_equal(plain.truth, crm.truth)
    pd.testing.assert_frame_equal(plain.activities, crm.activities)
    assert list(crm.leads.columns[-6:]) == COLUMNS


def test_a_hand_off_is_accepted_or_rejected_never_both(crm: SimulatedCrm) -> None:
    leads = crm.leads
    accepted, rejected = leads["accepted_at"].notna(), leads["rejected_at"].notna()
    assert not (accepted & rejected).any()
    assert leads["handed_off_at"][accepted | rejected].notna().all()
    assert leads["accepted_at"][leads["stage"] == "Closed Won"].notna().all()
    assert leads["rejection_reason"].notna().equals(rejected)
    # Of the lost leads that were worked, 35 % are rejected by construction; some are still open.
    lost = (leads["stage"] == "Closed Lost") & leads["first_touch_at"].notna()
    assert rejected[lost].mean() == pytest.approx(0.35, abs=0.05)
    assert set(leads["rejection_reason"].dropna()) == set(REASONS)


def test_its_times_are_in_order(crm: SimulatedCrm) -> None:
    leads = crm.leads
    for earlier, later in (
        ("created_at", "qualified_at"),
        ("qualified_at", "handed_off_at"),
        ("handed_off_at", "accepted_at"),
        ("handed_off_at", "rejected_at"),
        ("accepted_at", "closed_at"),
        ("rejected_at", "closed_at"),
    ):
        both = leads[[earlier, later]].dropna()
        assert len(both) > 100
        assert (both[earlier] <= both[later]).all(), (earlier, later)  # ISO 8601 of one length
    worked = leads["first_touch_at"].notna() & leads["accepted_at"].notna()
    assert (leads["accepted_at"] <= leads["first_touch_at"])[worked].all()


def test_most_neglected_leads_are_neither(crm: SimulatedCrm) -> None:
    neglected = crm.leads["handed_off_at"].notna() & ~crm.truth["followed_up"]
    silent = crm.leads["accepted_at"].isna() & crm.leads["rejected_at"].isna()
    # 12 % are accepted and then forgotten, 4 % turned away: 84 % are silent.
    assert silent[neglected].mean() == pytest.approx(0.84, abs=0.07)


def test_what_a_lead_is_makes_some_reasons_likelier(crm: SimulatedCrm) -> None:
    rejected = crm.leads.dropna(subset="rejection_reason")
    wrong = rejected["rejection_reason"].isin(["Wrong person", "Not a company"])
    bought = rejected["lead_source"] == "Purchased list"
    assert wrong[bought].mean() > wrong[~bought].mean() + 0.1


def test_an_earlier_export_knows_nothing_of_later_feedback(crm: SimulatedCrm) -> None:
    early = crm.as_of(datetime(2025, 1, 1, tzinfo=UTC)).leads
    for column in ("qualified_at", "accepted_at", "rejected_at"):
        assert early[column].dropna().max() < "2025-01-01"
    assert early["rejection_reason"].notna().equals(early["rejected_at"].notna())


def test_the_definition_maps_it_and_the_model_reads_none_of_it(crm: SimulatedCrm) -> None:
    mapped = tomllib.loads(crm.definition)["leads"]
    assert {name: mapped[name] for name in COLUMNS} == {name: name for name in COLUMNS}
    assert set(mapped["ignore"]) == {"lead_score", "segment", "account_size"}
    both = tomllib.loads(simulate(50, seed=3, feedback=True, explore=0.1).definition)["leads"]
    assert both["explored"] == "explored"
    assert both["accepted_at"] == "accepted_at"
