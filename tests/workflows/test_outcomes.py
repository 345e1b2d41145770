"""What became of the hand-offs, counted by hand."""

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from leadml.data.leads import Leads, read_leads
from leadml.data.simulate import simulate
from leadml.data.tables import table_of
from leadml.data.values import NO_TIME
from leadml.domain.agreement import Agreement
from leadml.domain.mapping import LeadMapping
from leadml.snapshot.catalogue import Catalogue
from leadml.snapshot.features import FeatureSet
from leadml.snapshot.labels import judge
from leadml.snapshot.split import Folds
from leadml.workflows.learning import matured_only
from leadml.workflows.lesson import Lesson
from leadml.workflows.material import gather
from leadml.workflows.outcomes import Outcomes, outcomes_of

MAPPING = LeadMapping(
    id="id",
    outcome="stage",
    won=("Won",),
    lost=("Lost",),
    handed_off_at="handed",
    followed_up_at="touched",
    closed_at="closed",
)
LATE = "2024-12-20"
NO_FEATURES = Catalogue(FeatureSet((), frozenset()), ())
NO_FOLDS = Folds((), ordered=True, gap_days=0.0)


def leads(mapping: LeadMapping = MAPPING) -> Leads:
    """Return 12 usual losses, 3 wins, and who was not worked, worked late, or is too young."""
    worked = {"handed": "2024-01-01", "touched": "2024-01-02", "stage": "Lost"}
    rows = [worked | {"closed": f"2024-02-{day:02}T10:{day}"} for day in range(10, 22)]
    rows += [worked | {"stage": "Won", "closed": "2024-02-01T11:11"}] * 3
    rows += [worked | {"touched": None, "closed": "2024-03-01T12:00"}] * 2
    rows += [worked | {"touched": None, "closed": "2024-06-30T18:00"}] * 24
    rows += [worked | {"touched": "2024-05-01", "closed": "2024-05-02T09:30"}] * 4
    rows += [worked | {"handed": LATE, "touched": None, "stage": "New", "closed": None}] * 5
    rows += [worked | {"closed": "2023-12-01T08:08"}]  # before its hand-off
    rows += [worked | {"handed": None, "touched": None, "stage": "New", "closed": None}] * 6
    frame = pd.DataFrame(rows, dtype=object).assign(id=[f"L{n}" for n in range(len(rows))])
    return read_leads(table_of(frame, "leads.csv"), mapping, required={"id"})


def counted(mapping: LeadMapping = MAPPING, *, counts: str = "followed_up") -> Outcomes:
    agreement = Agreement(counts=counts)  # type: ignore[arg-type]
    found = leads(mapping)
    judged = judge(found, agreement, now=found.latest_time())
    rows = np.flatnonzero(judged.label >= 0)
    x, as_of = np.empty((len(rows), 0)), np.zeros(len(rows), np.int64)
    lesson = Lesson(rows, x, judged.label[rows], as_of, NO_FEATURES, None)
    return outcomes_of(judged, matured_only(lesson, NO_FOLDS), agreement)


def test_hand_offs_by_what_became_of_them() -> None:
    # 12 + 3 + 2 + 24 + 4 + 5: without the one closed before and the six never handed off
    expected = Outcomes(
        handed_off=50,
        not_matured=5,
        followed_up=15,
        followed_up_late=4,
        never_followed_up=26,
        never_followed_up_share=26 / 45,
        closed_in_bulk=24,
        counts="followed_up",
        censoring="matured",
        resolved_early=0,
        effective_sample_size=15.0,
    )
    assert counted() == expected
    assert expected.sentences() == [
        "Sales never followed up 26 of 45 matured hand-offs (58%), 24 of them closed in bulk: they "
        "have no outcome and are left out."
    ]


def test_recency_weights_alone_are_no_censoring_weights() -> None:
    found = leads()
    judged = judge(found, Agreement(), now=found.latest_time())
    rows = np.flatnonzero(judged.label >= 0)
    x, as_of = np.empty((len(rows), 0)), np.zeros(len(rows), np.int64)
    lesson = Lesson(rows, x, judged.label[rows], as_of, NO_FEATURES, None)
    recent = replace(matured_only(lesson, NO_FOLDS), weight=np.array([3.0] * 3 + [1.0] * 12))
    told = outcomes_of(judged, recent, Agreement())
    assert told.censoring == "matured"
    assert told.effective_sample_size == 21**2 / (27 + 12)


def test_counts_handed_off_learns_from_them_all() -> None:
    found = counted(counts="handed_off")
    assert (found.never_followed_up, found.closed_in_bulk) == (26, 24)
    assert found.effective_sample_size == 45
    assert found.sentences()[0].endswith("closed in bulk: they count as not won.")


def test_without_follow_up_times_nobody_can_know() -> None:
    found = counted(replace(MAPPING, followed_up_at=None))
    unknown = (found.followed_up, found.followed_up_late, found.never_followed_up)
    assert unknown == (None, None, None)
    assert (found.never_followed_up_share, found.closed_in_bulk) == (None, None)
    assert (found.handed_off, found.not_matured, found.sentences()) == (50, 5, [])


@pytest.mark.parametrize(("never", "said"), [(0, []), (1, ["Sales never followed up 1 of 10"])])
def test_nothing_is_said_where_all_were_worked(never: int, said: list[str]) -> None:
    found = replace(
        counted(),
        handed_off=10,
        not_matured=0,
        never_followed_up=never,
        never_followed_up_share=never / 10,
        closed_in_bulk=0,
    )
    assert [sentence[: len(said[0])] for sentence in found.sentences()] == said
    assert "bulk" not in "".join(found.sentences())


def test_weighted_leads_are_told() -> None:
    found = replace(counted(), censoring="ipcw", resolved_early=7, effective_sample_size=40.4)
    assert found.sentences()[1].startswith("Fitted on 7 leads that closed before")
    assert "(effective sample size 40)" in found.sentences()[1]


@pytest.mark.parametrize("dates_only", [False, True])
@pytest.mark.parametrize("bulk_closing", [0.0, 0.8])
def test_known_bulk_closings_are_found_and_no_worked_lead_is_taken_for_one(
    company: Any, bulk_closing: float, dates_only: bool
) -> None:
    # A third of the hand-offs is never worked; every second bulk action stamps a follow-up too.
    crm = simulate(1500, seed=0, neglect=0.3, bulk_closing=bulk_closing)
    export = crm.leads.copy()
    for column in ("closed_at", "first_touch_at") if dates_only else ():
        export[column] = export[column].str[:10]
    settings = company.settings
    material = gather(export, definition=settings.definition, root=settings.root, labelled=True)
    judged = material.judge(settings)
    truth = crm.truth.set_index("lead_id").loc[material.leads.lead_id]
    in_bulk = truth["closed_in_bulk"].to_numpy() & (judged.closed != NO_TIME)
    worked = truth["followed_up"].to_numpy()
    found = judged.closed_in_bulk
    assert in_bulk.any() == found.any() == (bulk_closing > 0)
    assert not (found & worked).any()
    assert (found & in_bulk).sum() >= 0.9 * in_bulk.sum()  # the others came by fewer than twenty
    labelled = judged.label >= 0
    assert (labelled & ~worked).sum() <= 0.01 * labelled.sum()


def test_a_training_reports_them(company: Any) -> None:
    training = company.training
    told = training.to_dict()["outcomes"]
    excluded = {row.code: row.count for row in training.excluded_rows}
    assert told["never_followed_up"] == excluded["ROW007"] + excluded.get("ROW013", 0)
    assert told["followed_up"] == told["effective_sample_size"] == training.leads
