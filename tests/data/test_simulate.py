"""The simulated CRM: what it exports, and that its stated truth is the truth."""

import hashlib
import tomllib
from datetime import date
from typing import Literal

import numpy as np
import pandas as pd
import pytest

from leadml.data.simulate import SimulatedCrm, simulate

END = pd.Timestamp("2025-12-23T00:00:00Z")  # 540 days after 2024-07-01


@pytest.fixture(scope="module")
def crm() -> SimulatedCrm:
    return simulate(4000, seed=7)


def times(crm: SimulatedCrm, column: str) -> pd.Series:
    return pd.to_datetime(crm.leads[column], utc=True)


def days_between(start: pd.Series, end: pd.Series) -> pd.Series:
    return (end - start).dt.total_seconds() / 86_400


def sales_ready(crm: SimulatedCrm) -> pd.Series:
    """The agreement read straight off the export: won within 90 days at a margin of 15 %."""
    in_time = days_between(times(crm, "handed_off_at"), times(crm, "closed_at")) <= 90
    return (crm.leads["stage"] == "Closed Won") & in_time & (crm.leads["margin"] >= 0.15)


def test_export_has_the_columns_of_the_agreement(crm: SimulatedCrm) -> None:
    definition = tomllib.loads(crm.definition)
    named = [value for key, value in definition["leads"].items() if key in ROLES]
    assert set(named) <= set(crm.leads.columns)
    assert len(named) == len(ROLES)
    assert list(crm.activities.columns) == ["lead_id", "timestamp", "event", "url"]
    assert list(definition["activities"].values()) == list(crm.activities.columns)
    assert set(definition["leads"]["won"] + definition["leads"]["lost"]) == {
        "Closed Won",
        "Closed Lost",
        "Disqualified",
    }


ROLES = ("id", "outcome", "created_at", "handed_off_at", "followed_up_at", "closed_at")
ROLES += ("account", "owner", "source", "amount", "margin")


def test_points_rules_name_what_the_export_holds(crm: SimulatedCrm) -> None:
    rules = tomllib.loads(crm.definition)["points"]["rules"]
    assert len(rules) == 16
    assert {rule["column"] for rule in rules if "column" in rule} <= set(crm.leads.columns)
    assert {r["activity"] for r in rules if "activity" in r} <= set(crm.activities["event"])


def test_times_are_in_order_and_before_the_end(crm: SimulatedCrm) -> None:
    names = ("created_at", "handed_off_at", "first_touch_at", "closed_at")
    created, handed_off, touched, closed = (times(crm, name) for name in names)
    assert (handed_off.dropna() > created[handed_off.notna()]).all()
    assert (touched.dropna() > handed_off[touched.notna()]).all()
    both = touched.notna() & closed.notna()
    assert (closed[both] > touched[both]).all()
    assert days_between(handed_off, touched).max() <= 14
    for moments in (created, handed_off, touched, closed):
        assert moments.max() < END
    assert created.is_monotonic_increasing


def test_stage_agrees_with_what_is_recorded(crm: SimulatedCrm) -> None:
    by_stage = crm.leads.groupby("stage")
    recorded = by_stage[["handed_off_at", "first_touch_at", "closed_at", "margin"]].count()
    won = (crm.leads["stage"] == "Closed Won").sum()
    assert recorded.loc["Closed Won"].tolist() == [won, won, won, won]
    assert recorded.loc["Nurture"].sum() == 0
    assert recorded.loc["Disqualified", "handed_off_at"] == 0
    assert recorded.loc["Working", "first_touch_at"] == (crm.leads["stage"] == "Working").sum()
    assert recorded.loc["New", "first_touch_at"] == 0
    assert set(crm.leads["stage"]) == {
        "Closed Won", "Closed Lost", "Disqualified", "Working", "New", "Nurture",
    }  # fmt: skip


def test_some_values_are_missing_as_in_any_crm(crm: SimulatedCrm) -> None:
    share = crm.leads.isna().mean()
    assert 0.4 < share["budget"] < 0.5
    assert 0 < share["industry"] < 0.1
    assert share[["lead_id", "created_at", "stage", "company_size"]].sum() == 0
    assert crm.leads["lead_id"].is_unique


@pytest.mark.parametrize("base_rate", [0.05, 0.25, 0.5])
def test_mean_truth_of_followed_up_handoffs_is_the_base_rate(base_rate: float) -> None:
    truth = simulate(500, seed=3, base_rate=base_rate).truth
    truth = truth[truth["handed_off"]]
    mean = np.average(truth["probability"], weights=truth["follow_up_probability"])
    assert mean == pytest.approx(base_rate, abs=1e-6)


def test_outcomes_come_at_the_stated_probability() -> None:
    # Ten equal groups by true probability: each group's share of sales-ready leads lies within
    # four standard errors of its mean truth (a miss in any of ten: below 1 in 1,000). Only leads
    # handed off at least 90 days before the end count, so that none is censored.
    crm = simulate(20_000, seed=11)
    matured = times(crm, "handed_off_at") + pd.Timedelta(days=90) <= END
    worked = crm.truth["followed_up"] & matured
    truth, outcome = crm.truth["probability"][worked], sales_ready(crm)[worked]
    assert len(truth) > 10_000
    for _, group in truth.groupby(pd.qcut(truth, 10)):
        mean = group.mean()
        error = np.sqrt(mean * (1 - mean) / len(group))
        assert abs(outcome[group.index].mean() - mean) < 4 * error
    assert truth.std() > 0.12


def test_without_signal_nothing_visible_matters() -> None:
    truth = simulate(2000, seed=5, signal=0.0).truth
    # What is left is the time to a win: 10 % longer in a company e times as large.
    assert truth["probability"].std() < 0.02
    strong = simulate(2000, seed=5, signal=1.5).truth
    assert strong["probability"].std() > 0.15


def test_neglect_is_the_share_of_handoffs_nobody_works() -> None:
    truth = simulate(8000, seed=2, neglect=0.6).truth
    handed_off = truth[truth["handed_off"]]
    # Mean follow-up probability is 0.4 by construction; drawn: +- 4 standard errors of 0.006.
    assert handed_off["followed_up"].mean() == pytest.approx(0.4, abs=0.024)
    assert not truth["won"][~truth["followed_up"]].any()
    everyone = simulate(500, seed=2, neglect=0.0).truth
    assert (everyone["followed_up"] == everyone["handed_off"]).all()


def test_delay_scales_the_days_to_a_win() -> None:
    for delay in (15.0, 60.0):
        truth = simulate(6000, seed=4, delay_days=delay).truth
        median = truth["days_to_close"][truth["won"]].median()
        # Log-normal about `delay` (size moves it by some 10 %): 4 standard errors are 10 %.
        assert median == pytest.approx(delay, rel=0.15)


def test_drift_moves_the_newer_leads() -> None:
    crm = simulate(3000, seed=6, drift=2.0)
    truth = crm.truth["probability"]
    early, late = truth[:1000].mean(), truth[-1000:].mean()
    assert late > early + 0.15
    calm = simulate(3000, seed=6).truth["probability"]
    assert abs(calm[-1000:].mean() - calm[:1000].mean()) < 0.04


def test_activities_go_on_after_the_handoff_and_give_the_outcome_away(crm: SimulatedCrm) -> None:
    handed_off = times(crm, "handed_off_at").set_axis(crm.leads["lead_id"])
    at = pd.to_datetime(crm.activities["timestamp"], utc=True)
    later = at > crm.activities["lead_id"].map(handed_off)
    per_lead = later.groupby(crm.activities["lead_id"]).sum().reindex(crm.leads["lead_id"])
    won = (crm.leads["stage"] == "Closed Won").to_numpy()
    followed_up = crm.leads["first_touch_at"].notna().to_numpy()
    assert per_lead[won].mean() > 1.5 * per_lead[followed_up & ~won].mean()
    onboarding = crm.activities[crm.activities["url"] == "/onboarding"]
    assert set(onboarding["lead_id"]) <= set(crm.leads["lead_id"][won])
    assert at.is_monotonic_increasing
    assert at.max() < END


def test_no_activity_precedes_its_lead(crm: SimulatedCrm) -> None:
    created = times(crm, "created_at").set_axis(crm.leads["lead_id"])
    at = pd.to_datetime(crm.activities["timestamp"], utc=True)
    assert (at >= crm.activities["lead_id"].map(created)).all()


def test_leads_near_the_end_are_still_open(crm: SimulatedCrm) -> None:
    newest = crm.leads.tail(200)
    assert newest["stage"].isin(["New", "Working", "Nurture"]).mean() > 0.6
    oldest = crm.leads.head(200)
    assert oldest["stage"].isin(["Closed Won", "Closed Lost", "Disqualified"]).mean() > 0.75
    beyond = crm.truth["won"] & (crm.leads["stage"] != "Closed Won")
    assert beyond.sum() > 20


def test_a_seed_decides_everything() -> None:
    first, again, other = simulate(300, seed=1), simulate(300, seed=1), simulate(300, seed=2)
    pd.testing.assert_frame_equal(first.leads, again.leads)
    pd.testing.assert_frame_equal(first.activities, again.activities)
    pd.testing.assert_frame_equal(first.truth, again.truth)
    assert not first.leads["industry"].equals(other.leads["industry"])


def test_a_switch_changes_only_what_it_names() -> None:
    usual, slow = simulate(300, seed=1), simulate(300, seed=1, delay_days=80.0, neglect=0.5)
    same = ["lead_id", "created_at", "company", "industry", "budget", "lead_score", "handed_off_at"]
    pd.testing.assert_frame_equal(usual.leads[same], slow.leads[same])
    assert not usual.leads["stage"].equals(slow.leads["stage"])


def test_an_earlier_export_knows_nothing_of_what_came_later(crm: SimulatedCrm) -> None:
    moment = pd.Timestamp("2025-03-01T00:00:00Z")
    early = crm.as_of(moment.to_pydatetime())
    for column in ("created_at", "handed_off_at", "first_touch_at", "closed_at"):
        assert times(early, column).max() < moment
    assert pd.to_datetime(early.activities["timestamp"], utc=True).max() < moment
    later = crm.leads.head(len(early.leads))
    assert early.leads["lead_id"].equals(later["lead_id"])
    assert early.truth["probability"].equals(crm.truth["probability"].head(len(early.leads)))
    assert times(crm, "created_at").iloc[len(early.leads)] >= moment
    won_then, won_later = (frame["stage"] == "Closed Won" for frame in (early.leads, later))
    assert (won_later | ~won_then).all()
    assert won_later.sum() > won_then.sum()


def test_start_and_days_set_the_period() -> None:
    crm = simulate(200, start=date(2020, 1, 1), days=30)
    created = times(crm, "created_at")
    assert created.min() >= pd.Timestamp("2020-01-01T00:00:00Z")
    assert created.max() < pd.Timestamp("2020-01-31T00:00:00Z")


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"leads": 9}, "leads must be at least 10"),
        ({"days": 0}, "days at least 1"),
        ({"base_rate": 0.0}, "base_rate must be above 0 and at most 0.8"),
        ({"base_rate": 0.9}, "base_rate must be above 0 and at most 0.8"),
        ({"signal": -1.0}, "signal must be 0 or more"),
        ({"delay_days": 91.0}, "delay_days must be above 0 and at most 90"),
        # Wins at a median of 90 days are in time half the time, and solid in 94 %: at most 0.47.
        ({"delay_days": 90.0, "base_rate": 0.5}, r"base_rate must be below 0\.4\d, the share"),
        ({"neglect": 1.0}, "neglect must be at least 0 and below 1"),
        ({"bulk_closing": 1.1}, "bulk_closing must be at least 0 and at most 1"),
        ({"attribute_changes": -0.1}, "attribute_changes must be at least 0 and at most 1"),
        ({"account_effect": 2.1}, "account_effect must be at least 0 and at most 2"),
        ({"rep_skill": -0.1}, "rep_skill must be at least 0 and at most 2"),
        ({"delay": "none"}, "delay must be one of usual, slow_wins, fast_wins"),
        ({"neglect_by": "luck"}, "neglect_by must be score or unseen"),
    ],
)
def test_impossible_worlds_are_refused(options: dict[str, float | str], expected: str) -> None:
    with pytest.raises(ValueError, match=expected):
        simulate(**{"leads": 100, **options})  # type: ignore[arg-type]


def test_switches_left_alone_change_nothing() -> None:
    # Pinned before the switches below were added; probabilities are rounded, for other machines'
    # last digits may differ.
    crm = simulate(600, seed=3)
    truth = crm.truth.drop(columns=["probability_if_all_worked", "probability_given_account"])
    parts = (crm.leads, crm.activities, truth.drop(columns="closed_in_bulk").round(6))
    texts = [part.to_csv(index=False) for part in parts]
    assert hashlib.sha256("".join(texts).encode()).hexdigest()[:16] == "e8617c90f36797ef"
    assert crm.leaking == ()
    assert len(crm.history) == 0
    assert (crm.truth["probability_given_account"] == crm.truth["probability"]).all()


def followed_up_and_closed(crm: SimulatedCrm) -> pd.Series:
    return crm.leads["stage"].isin(["Closed Won", "Closed Lost"]) & crm.truth["followed_up"]


@pytest.mark.parametrize(
    ("delay", "low", "high"), [("slow_wins", -6.0, -3.0), ("fast_wins", 3.0, 6.0)]
)
def test_closed_leads_mislead_where_wins_and_losses_take_unlike_times(
    delay: Literal["slow_wins", "fast_wins"], low: float, high: float
) -> None:
    # True 30 %; of a year's closed hand-offs, some 8,000: a standard error of half a point.
    crm = simulate(12_000, seed=1, days=365, base_rate=0.3, delay=delay)
    off = 100 * (sales_ready(crm)[followed_up_and_closed(crm)].mean() - 0.3)
    assert low < off < high
    end = pd.Timestamp("2025-07-01T00:00:00Z")
    matured = times(crm, "handed_off_at") + pd.Timedelta(days=90) <= end
    honest = sales_ready(crm)[matured & crm.truth["followed_up"]].mean()
    assert honest == pytest.approx(0.3, abs=0.015)  # 3 standard errors of 7,000 leads


def test_a_gut_feeling_decides_who_is_worked() -> None:
    truth = simulate(20_000, seed=2, neglect=0.5, neglect_by="unseen").truth
    handed_off = truth[truth["handed_off"]]
    worked = handed_off["followed_up"]
    assert np.ptp(handed_off["follow_up_probability"]) < 1e-12
    assert worked.mean() == pytest.approx(0.5, abs=0.02)
    # The feeling is right more often than not: all worked, the rate would be lower.
    assert handed_off["probability"].mean() == pytest.approx(0.25, abs=1e-6)
    assert 0.2 < handed_off["probability_if_all_worked"].mean() < 0.23
    # In each third by truth the wins come at the probability given follow-up (4 standard errors);
    # a win is solid in norm.cdf(0.19 / 0.12) = 94.3 % and the margin drawn apart from it.
    rows = handed_off[worked]
    ready = rows["won"] & (rows["days_to_close"] <= 90)
    for _, third in rows.groupby(pd.qcut(rows["probability"], 3)):
        mean = third["probability"].mean() / 0.9433
        error = np.sqrt(mean * (1 - mean) / len(third))
        assert abs(ready[third.index].mean() - mean) < 4 * error


def test_bulk_closing_closes_never_worked_handoffs_at_one_moment_each() -> None:
    crm = simulate(4000, seed=3, neglect=0.5, bulk_closing=0.6)
    never_worked = crm.truth["handed_off"] & ~crm.truth["followed_up"]
    in_bulk = crm.truth["closed_in_bulk"]
    assert not (in_bulk & ~never_worked).any()
    assert in_bulk[never_worked].mean() == pytest.approx(0.6, abs=0.05)
    closed = crm.leads[in_bulk & crm.leads["closed_at"].notna()]
    assert set(closed["stage"]) == {"Closed Lost"}
    moments = closed["closed_at"].value_counts()
    assert 6 <= len(moments) <= 10  # every 61 days or so of 540
    assert moments.mean() > 80
    touched = closed["first_touch_at"].notna()
    assert 0.3 < touched.mean() < 0.7
    assert (closed["first_touch_at"] == closed["closed_at"])[touched].all()
    assert closed["amount"].isna().all()
    assert (times(crm, "closed_at") > times(crm, "handed_off_at"))[closed.index].all()


def test_leaking_columns_are_named_and_tell_the_outcome() -> None:
    crm = simulate(2000, seed=4, leaks=True)
    won, lost = crm.leads["stage"] == "Closed Won", crm.leads["stage"] == "Closed Lost"
    usual = simulate(2000, seed=4)
    assert [*usual.leads.columns, *crm.leaking] == list(crm.leads.columns)
    assert (crm.leads["won_amount"].notna() == won).all()
    assert (crm.leads["lost_reason"].notna() == lost).all()
    score = crm.leads["engagement_score"]
    assert score[won].mean() > score[lost].mean() + 20
    count = crm.activities["lead_id"].value_counts()
    assert crm.leads["total_touches"].tolist() == (
        count.reindex(crm.leads["lead_id"], fill_value=0).tolist()
    )
    took = days_between(times(crm, "handed_off_at"), times(crm, "closed_at"))[lost | won]
    assert np.allclose(crm.leads["stage_duration_days"][lost | won], took, atol=0.051)


def test_colleagues_share_what_their_company_adds() -> None:
    crm = simulate(9000, seed=5, account_effect=0.8)
    assert crm.leads["company"].nunique() == pytest.approx(1500, abs=20)
    truth = crm.truth.assign(company=crm.leads["company"], ready=sales_ready(crm))
    old = truth[truth["followed_up"] & (times(crm, "handed_off_at") <= END - pd.Timedelta("90D"))]

    def loss(name: str) -> float:
        p, y = old[name], old["ready"]
        return float(-np.where(y, np.log(p), np.log1p(-p)).mean())

    assert loss("probability_given_account") < loss("probability") - 0.02
    surplus = (old["ready"] - old["probability"]).groupby(old["company"])
    others = (surplus.transform("sum") - (old["ready"] - old["probability"])) / (
        surplus.transform("size") - 1
    )
    # What colleagues won beyond their probability tells of a lead's own surplus.
    assert others.corr(old["ready"] - old["probability"]) > 0.1
    early = crm.as_of(pd.Timestamp("2025-03-01T00:00:00Z").to_pydatetime())
    assert len(early.leads) < len(crm.leads)


def test_reps_differ_by_their_skill() -> None:
    rates = {}
    for skill in (0.0, 1.5):
        crm = simulate(20_000, seed=6, rep_skill=skill, neglect=0.0)
        by_rep = crm.truth["won"].groupby(crm.leads["rep"]).mean()
        rates[skill] = by_rep.max() - by_rep.min()
    assert rates[0.0] < 0.06  # the smallest of eight reps has 850 leads: a standard error of .015
    assert rates[1.5] > 0.2


def test_edits_come_after_the_handoff_and_mostly_after_a_win() -> None:
    moment = pd.Timestamp("2025-06-01T00:00:00Z")
    usual, crm = simulate(4000, seed=7), simulate(4000, seed=7, attribute_changes=0.4)
    assert list(crm.history.columns) == [
        "lead_id", "field", "old_value", "new_value", "changed_at",
    ]  # fmt: skip
    changed = crm.leads["lead_id"].isin(crm.history["lead_id"])
    won = crm.leads["stage"] == "Closed Won"
    assert changed.mean() == pytest.approx(0.4, abs=0.07)
    assert changed[won].mean() > 2 * changed[~won].mean()
    at = pd.to_datetime(crm.history["changed_at"], utc=True)
    assert at.is_monotonic_increasing
    assert at.max() < END
    closed = times(crm, "closed_at").set_axis(crm.leads["lead_id"])[won.to_numpy()]
    after = crm.history["lead_id"].map(closed)
    assert (at > after)[after.notna()].all()
    # Today's table is the original with every change made; the changes are in order.
    early = crm.as_of(moment.to_pydatetime())
    for frame, history in ((crm.leads, crm.history), (early.leads, early.history)):
        rolled_back = frame.set_index("lead_id")
        for row in history.itertuples():
            now = rolled_back.loc[row.lead_id, row.field]
            assert str(row.new_value) == (str(int(now)) if isinstance(now, float) else str(now))
        assert set(history["field"]) == {"budget", "job_title", "company_size", "industry"}
        first = history.set_index(["field", "lead_id"])["old_value"]
        for name in ("budget", "company_size", "job_title", "industry"):
            original = usual.leads.set_index("lead_id")[name]
            old = first[name]
            if name in {"budget", "company_size"}:
                old = old.astype(float)
            pd.testing.assert_series_equal(
                old, original.loc[old.index], check_dtype=False, check_names=False
            )
            untouched = rolled_back.index.difference(old.index)
            assert rolled_back.loc[untouched, name].equals(original.loc[untouched])
    assert len(early.history) < len(crm.history)
    assert pd.to_datetime(early.history["changed_at"], utc=True).max() < moment
    pd.testing.assert_frame_equal(usual.truth, crm.truth)
    pd.testing.assert_frame_equal(usual.activities, crm.activities)


@pytest.fixture(scope="module")
def both() -> tuple[SimulatedCrm, SimulatedCrm]:
    """Return one company without and with exploration."""
    switches = {"seed": 3, "neglect": 0.5, "neglect_by": "unseen"}
    plain = simulate(4000, **switches)  # type: ignore[arg-type]
    return plain, simulate(4000, explore=0.2, **switches)  # type: ignore[arg-type]


class TestExploration:
    def test_a_share_of_those_nobody_would_work_is_handed_off_and_worked(
        self, both: tuple[SimulatedCrm, SimulatedCrm]
    ) -> None:
        plain, exploring = both
        drawn = exploring.leads["explored"].to_numpy(bool)
        idle = ~plain.truth["followed_up"].to_numpy()
        ready = exploring.leads["handoff_probability"].notna().to_numpy()
        assert not (drawn & ~idle).any()
        assert drawn.sum() == pytest.approx(0.2 * (idle & ready).sum(), abs=4 * np.sqrt(350))
        assert exploring.truth["followed_up"][drawn].all()
        assert exploring.truth["handed_off"][drawn].all()
        assert exploring.leads["handed_off_at"][drawn].notna().all()
        assert exploring.leads["rep"][drawn].notna().all()

    def test_the_probability_is_1_for_those_chosen(
        self, both: tuple[SimulatedCrm, SimulatedCrm]
    ) -> None:
        plain, exploring = both
        chance = exploring.leads["handoff_probability"]
        ready = chance.notna()
        chosen = plain.truth["followed_up"]
        assert (chance[chosen & ready] == 1.0).all()
        assert (chance[~chosen & ready] == 0.2).all()

    def test_nothing_else_changes(self, both: tuple[SimulatedCrm, SimulatedCrm]) -> None:
        plain, exploring = both
        others = ~exploring.leads["explored"] & plain.leads["lead_score"].notna()
        shared = exploring.leads.drop(columns=["explored", "handoff_probability"])
        pd.testing.assert_frame_equal(shared[others], plain.leads[others])
        assert "explored" not in plain.leads
        chances = ["probability", "probability_if_all_worked", "follow_up_probability"]
        pd.testing.assert_frame_equal(exploring.truth[chances], plain.truth[chances])

    def test_the_weighted_close_rate_is_that_of_all(
        self, both: tuple[SimulatedCrm, SimulatedCrm]
    ) -> None:
        _, exploring = both
        worked = exploring.truth["followed_up"] & exploring.leads["handoff_probability"].notna()
        won = exploring.truth["won"] & (exploring.truth["days_to_close"] <= 90)
        solid = exploring.leads["margin"].isna() | (exploring.leads["margin"] >= 0.15)
        weight = 1 / exploring.leads["handoff_probability"]
        rate = np.average((won & solid)[worked], weights=weight[worked])
        truth = exploring.truth["probability_if_all_worked"].mean()
        naive = (won & solid)[worked & ~exploring.leads["explored"]].mean()
        # 1,900 worked leads of some 900 leads' worth: a standard error of 1.4 points.
        assert rate == pytest.approx(truth, abs=0.03)
        assert naive > truth + 0.02

    def test_the_definition_maps_what_the_export_holds(
        self, both: tuple[SimulatedCrm, SimulatedCrm]
    ) -> None:
        plain, exploring = both
        mapped = tomllib.loads(exploring.definition)["leads"]
        assert mapped["explored"] == "explored"
        assert mapped["handoff_probability"] == "handoff_probability"
        assert "explored" not in tomllib.loads(plain.definition)["leads"]

    @pytest.mark.parametrize("explore", [-0.1, 1.0])
    def test_shares_outside_their_range_are_refused(self, explore: float) -> None:
        with pytest.raises(ValueError, match="explore must be at least 0 and below 1"):
            simulate(10, explore=explore)
