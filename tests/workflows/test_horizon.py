"""The horizon proposed for an export."""

from pathlib import Path

import pandas as pd
import pytest

from leadml.data.leads import Leads, read_leads
from leadml.data.simulate import simulate
from leadml.data.tables import table_of
from leadml.domain.mapping import LeadMapping
from leadml.workflows.horizon import propose_horizon

MAPPING = LeadMapping(
    id="id", outcome="stage", won=("won",), lost=("lost",), created_at="made", closed_at="closed"
)


def leads(rows: list[tuple[str, int | None]], mapping: LeadMapping = MAPPING) -> Leads:
    """Leads made on 2026-01-01 that close after so many days; None is still open."""
    made = pd.Timestamp("2026-01-01")
    closed = [
        None if days is None else (made + pd.Timedelta(days=days)).strftime("%Y-%m-%d")
        for _, days in rows
    ]
    frame = pd.DataFrame(
        {
            "id": [str(number) for number in range(len(rows))],
            "stage": [stage for stage, _ in rows],
            "made": "2026-01-01",
            "closed": closed,
        }
    )
    return read_leads(table_of(frame, "the data frame"), mapping, required=())


def test_the_day_by_which_nine_tenths_of_the_wins_have_come() -> None:
    # 100 leads, won on days 1 ... 100, none lost, none open; with 20 at risk the curve ends on
    # day 81 (81 won): nine tenths of 81 are 72.9, reached on day 73.
    found = propose_horizon(leads([("won", day) for day in range(1, 101)]))
    assert (found.days, found.wins) == (73, 100)
    assert found.because == (
        "by then 90% of the wins to be had have come (Aalen-Johansen estimate from 100 wins); "
        "100 of 100 leads are old enough to be judged so"
    )


def test_a_horizon_near_the_end_of_what_was_seen_is_to_be_checked() -> None:
    # 40 wins on day 10, 40 on day 20, 20 still open then: the last day seen is day 20.
    rows = [("won", 10)] * 40 + [("won", 20)] * 40 + [("open", None)] * 20
    found = propose_horizon(leads(rows))
    assert found.days == 20
    assert found.because.endswith("CHECK: the export waits 20 days at most; wins may still follow")


def test_losses_compete_with_wins() -> None:
    # Day 5: 50 wins of 100. Day 6: 25 of 50 lost. Day 30: 25 wins of 25 left. Shares: 0.5, then
    # 0.5 + 0.25 = 0.75; nine tenths of it are 0.675, reached on day 30.
    rows = [("won", 5)] * 50 + [("lost", 6)] * 25 + [("won", 30)] * 25
    assert propose_horizon(leads(rows)).days == 30


def test_closes_before_the_start_and_without_a_time_are_left_out() -> None:
    rows = [("won", 5)] * 30 + [("won", -2)] * 30 + [("won", None)] * 30
    assert propose_horizon(leads(rows)).wins == 30


def test_part_of_a_day_is_a_day() -> None:
    assert propose_horizon(leads([("won", 0)] * 40)).days == 1


def test_few_wins_give_no_horizon() -> None:
    found = propose_horizon(leads([("won", 5)] * 19 + [("lost", 5)] * 50))
    assert (found.days, found.wins) == (None, 19)
    assert found.because == "the default, for only 19 wins have both their times"


def test_the_curve_ends_where_few_are_left_to_wait_for() -> None:
    # 50 lost on day 1, then a win a day from day 90: 20 at risk on day 90, 19 on the next.
    rows = [("lost", 1)] * 50 + [("won", 90 + day) for day in range(20)]
    assert propose_horizon(leads(rows)).days == 90


@pytest.mark.parametrize("missing", ["outcome", "created_at", "closed_at"])
def test_without_outcome_start_or_close_there_is_no_horizon(missing: str) -> None:
    values = {name: getattr(MAPPING, name) for name in ("id", "outcome", "created_at", "closed_at")}
    mapping = LeadMapping(**{**values, missing: None}, won=("won",), lost=("lost",))
    found = propose_horizon(leads([("won", 5)] * 30, mapping))
    assert found.days is None
    assert found.because.startswith("the default, for the export lacks")


def test_waits_start_at_the_handoff_where_there_is_one(tmp_path: Path) -> None:
    crm = simulate(3000, seed=4)
    truth = crm.truth["days_to_close"][crm.truth["won"]].quantile(0.9)
    mapping = LeadMapping(
        id="lead_id",
        outcome="stage",
        won=("Closed Won",),
        lost=("Closed Lost",),
        created_at="created_at",
        handed_off_at="handed_off_at",
        closed_at="closed_at",
    )
    read = read_leads(table_of(crm.leads, "the data frame"), mapping, required=())
    found = propose_horizon(read)
    assert found.days == pytest.approx(truth, rel=0.1)
