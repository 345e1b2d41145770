"""Who enters the verdict and when; counting anything else claims too much."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from leadml.domain.agreement import Agreement
from leadml.evaluation.confidence_sequence import mixture, wins_to_meet
from leadml.evaluation.entering import HandedOff, pace, units_of

START = np.datetime64("2026-01-01T00:00", "us")
NEVER = np.datetime64("NaT", "us")
AGREED = Agreement(close_rate=0.3, horizon_days=90, follow_up_days=14)
ACCOUNTS = replace(AGREED, unit="account")
LOOKS = np.arange(7, 731, 7.0)  # weekly for two years


def day(days: Any) -> Any:
    """Return moments so many days after the start; NaN is NaT."""
    known = np.nan_to_num(np.asarray(days, float)) * 86_400_000_000
    return np.where(np.isnan(days), NEVER, START + known.astype("timedelta64[us]"))


def handed_off(at: Any, won: Any, **more: Any) -> HandedOff:
    leads = len(at)
    values: dict[str, Any] = {
        "followed_up": np.ones(leads, bool),
        "sold": np.asarray(won, bool),
        "won": np.asarray(won, bool),
        "closed_at": np.full(leads, NEVER),
        "recorded_at": np.full(leads, NEVER),
        "account": np.full(leads, -1),
    } | more
    touched_at = day(np.asarray(at, float) + np.where(values["followed_up"], 1, 20))
    return HandedOff(at=day(at), **({"touched_at": touched_at} | values))


def in_days(moments: Any) -> list[float]:
    return ((moments - START) / np.timedelta64(1, "D")).tolist()


def test_leads_enter_in_order_of_hand_off() -> None:
    units = units_of(handed_off([3, 1, 2], [True, False, True]), AGREED)
    assert in_days(units.at) == [1, 2, 3]
    assert in_days(units.enters_at) == [91, 92, 93]
    assert units.won.tolist() == [False, True, True]


def test_an_account_enters_once_at_its_first_hand_off() -> None:
    # account 7: days 0 and 50; leads without account on days 10 and 11; account 3: day 5
    leads = handed_off(
        [50, 10, 11, 0, 5],
        [True, True, False, False, False],
        account=np.array([7, -1, -1, 7, 3]),
    )
    units = units_of(leads, ACCOUNTS)
    assert in_days(units.enters_at) == [90, 95, 100, 101]
    assert units.at.tolist() == day([0, 5, 10, 11]).tolist()
    assert units.won.tolist() == [True, False, True, False]
    assert len(units_of(leads, AGREED)) == 5


@pytest.mark.parametrize(
    ("second", "closed", "followed_up", "expected"),
    [
        (50, 89, True, (True, True)),
        (50, 91, True, (True, False)),  # won after the horizon of the first hand-off
        (76, 80, True, (True, True)),
        (77, 80, True, (True, False)),  # its follow-up is not settled when the account enters
        (50, 60, False, (True, False)),  # won, but not worked as agreed: the first one was
        (50, np.nan, True, (True, True)),  # won at an unknown time: taken as in time, as elsewhere
    ],
)
def test_whether_an_account_was_won(
    second: float, closed: float, followed_up: bool, expected: tuple[bool, bool]
) -> None:
    leads = handed_off(
        [0, second],
        [False, True],
        account=np.zeros(2, int),
        closed_at=day([30, closed]),
        followed_up=np.array([True, followed_up]),
    )
    found = units_of(leads, ACCOUNTS)
    assert (found.followed_up.item(), found.won.item()) == expected


def test_an_account_none_of_whose_leads_was_worked_may_still_be_won_late() -> None:
    worked = np.zeros(2, bool)
    leads = handed_off([0, 5], [False, True], account=np.zeros(2, int), followed_up=worked)
    found = units_of(leads, ACCOUNTS)
    assert (found.followed_up.item(), found.won.item()) == (False, True)


def test_a_win_of_a_lead_whose_follow_up_is_not_settled_is_none_of_the_account() -> None:
    worked = np.array([False, True])
    late = {"account": np.zeros(2, int), "followed_up": worked, "closed_at": day([30, 80])}
    for agreement in (ACCOUNTS, replace(ACCOUNTS, counts="handed_off")):
        found = units_of(handed_off([0, 77], [False, True], **late), agreement)
        assert (found.followed_up.item(), found.won.item()) == (False, False)


def test_any_win_of_an_account_counts_where_all_hand_offs_do() -> None:
    worked = np.array([True, False])
    leads = handed_off([0, 5], [False, True], account=np.zeros(2, int), followed_up=worked)
    assert not units_of(leads, ACCOUNTS).won.item()
    assert units_of(leads, replace(ACCOUNTS, counts="handed_off")).won.item()


@pytest.mark.parametrize(
    ("closed", "touched", "worked"),
    [
        (50, np.nan, True),  # sold with no follow-up on record: somebody worked it
        (90, np.nan, True),
        (91, np.nan, False),  # sold after it has entered: it stays what it was then
        (np.nan, np.nan, True),
        (50, 20, False),  # touched late, and known by then
        (50, 95, True),  # first touched after it has entered: proven by the sale before
    ],
)
@pytest.mark.parametrize("agreement", [AGREED, ACCOUNTS])
def test_follow_up_is_judged_by_what_is_known_when_the_lead_enters(
    agreement: Agreement, closed: float, touched: float, worked: bool
) -> None:
    lead = handed_off(
        [0],
        [closed <= 90],
        sold=np.ones(1, bool),
        followed_up=np.zeros(1, bool),
        touched_at=day([touched]),
        closed_at=day([closed]),
    )
    assert units_of(lead, agreement).followed_up.item() == worked


def test_an_account_was_won_when_its_first_lead_was() -> None:
    leads = handed_off(
        [0, 1, 2],
        [False, True, True],
        account=np.zeros(3, int),
        closed_at=day([1, 40, 20]),
        recorded_at=day([np.nan, 41, 50]),
    )
    found = units_of(leads, ACCOUNTS)
    assert in_days(found.closed_at) == [20]
    assert in_days(found.recorded_at) == [41]


def test_pace_is_that_of_the_last_12_months() -> None:
    leads = handed_off(np.arange(0, 730, 2), np.zeros(365))  # one every other day, two years
    assert pace(leads, AGREED, now=day(730)[()]) == pytest.approx(182)
    young = handed_off(np.arange(0, 60, 2), np.zeros(30))
    assert pace(young, AGREED, now=day(60)[()]) == pytest.approx(30 * 365 / 60)
    assert pace(young, AGREED, now=day(27)[()]) is None
    assert pace(handed_off([], []), AGREED, now=day(27)[()]) is None
    twice = replace_account(leads, np.arange(365) // 2)
    assert pace(twice, ACCOUNTS, now=day(730)[()]) == pytest.approx(91)


def test_the_pace_of_accounts_is_that_of_those_the_sequence_counts_anew() -> None:
    # 50 companies, each with a lead every 30 days for three years
    at = (np.arange(36)[:, None] * 30 + np.arange(50) / 2).ravel()
    leads = handed_off(at, np.zeros(1800), account=np.tile(np.arange(50), 36))
    now = day(1080)[()]
    assert pace(leads, ACCOUNTS, now=now, since=day(900)[()]) == pytest.approx(50)
    # since day 680: all 50 are back by day 715, and none is new in the last 365 days
    assert pace(leads, ACCOUNTS, now=now, since=day(680)[()]) == 0
    assert pace(leads, AGREED, now=now, since=day(680)[()]) == pytest.approx(
        ((at > 715) & (at <= 1080)).sum()
    )


def replace_account(leads: HandedOff, account: Any) -> HandedOff:
    return HandedOff(**(vars(leads) | {"account": account}))


# --- false claims under weekly looks for two years, at a true rate equal to the agreed one


def falsely_claimed(entered: Any, won: Any, needed: Any) -> bool:
    """Tell whether any weekly look finds the wins that prove the agreed rate."""
    order = np.argsort(entered, kind="stable")
    units = np.searchsorted(entered[order], LOOKS, side="right")
    wins = np.concatenate([[0], np.cumsum(won[order])])[units]
    return bool((wins >= needed[units]).any())


def companies(runs: int, *, win_days: float, loss_days: float, leads: int = 2_000) -> Any:
    """Yield hand-offs of two years at a true 30 %: days, wins and when each closed."""
    random = np.random.default_rng(20261122)
    for _ in range(runs):
        at = np.sort(random.uniform(0, 730, leads))
        won = random.random(leads) < 0.3
        soon = random.exponential(np.where(won, win_days, loss_days))
        yield at, won, at + np.minimum(soon, 89)


def fewest(confidence: float) -> Any:
    return wins_to_meet(np.arange(2_001), rate=0.3, confidence=confidence)


@pytest.mark.parametrize("confidence", [0.95, 0.8])
@pytest.mark.parametrize(("win_days", "loss_days"), [(10, 60), (60, 10)])
def test_false_claims_stay_within_the_risk(
    win_days: float, loss_days: float, confidence: float
) -> None:
    needed, runs, meets, short = fewest(confidence), 600, 0, 0
    lost = wins_to_meet(np.arange(2_001), rate=0.7, confidence=confidence)
    for at, won, closed in companies(runs, win_days=win_days, loss_days=loss_days):
        units = units_of(handed_off(at, won, closed_at=day(closed)), AGREED)
        entered = (units.enters_at - START) / np.timedelta64(1, "D")
        meets += falsely_claimed(entered, units.won, needed)
        short += falsely_claimed(entered, ~units.won, lost)
    assert 0 < meets <= (1 - confidence) * runs
    assert 0 < short <= (1 - confidence) * runs


def test_counting_outcomes_as_they_arrive_would_claim_falsely() -> None:
    # the same companies, the same bounds: only that a lead enters on the day it closes
    needed, runs = fewest(0.95), 100
    fast_wins = companies(runs, win_days=10, loss_days=60)
    claims = sum(falsely_claimed(closed, won, needed) for _, won, closed in fast_wins)
    assert claims > 0.3 * runs


def test_a_drifting_rate_is_claimed_falsely_no_more_often() -> None:
    # after each lead the next one's chance answers to how things went: behind 40 %, ahead 20 %
    random, needed = np.random.default_rng(7), fewest(0.95)[1:]
    runs, leads = 400, 1_000
    wins, chances, false = np.zeros(runs), np.zeros(runs), np.zeros(runs, bool)
    for lead in range(leads):
        chance = np.where(wins > 0.3 * lead, 0.2, 0.4)
        wins, chances = wins + (random.random(runs) < chance), chances + chance
        false |= (wins >= needed[lead]) & (chances <= 0.3 * (lead + 1))
    assert false.sum() <= 0.05 * runs


@pytest.mark.parametrize("chances", [(0.15, 0.5), (0.6, 0.1)])
def test_the_lower_curve_stays_under_a_running_average_that_moves(
    chances: tuple[float, float],
) -> None:
    # the curve lies above the average exactly where the evidence against the average is enough
    random, runs, leads = np.random.default_rng(8), 300, 600
    chance = np.linspace(*chances, leads)
    average = np.cumsum(chance) / np.arange(1, leads + 1)
    won = np.cumsum(random.random((runs, leads)) < chance, axis=1)
    looks = np.arange(9, leads, 10)
    against = mixture(0.3).evidence(won[:, looks], looks + 1, average[looks])
    above = (against >= np.log(20)).any(axis=1)
    assert 0 < above.sum() <= 0.05 * runs


def test_calls_that_go_unlogged_claim_nothing_falsely() -> None:
    # every lead is worked, at a true 30 %; one call in five is not logged, whatever comes of it
    random, runs, needed = np.random.default_rng(10), 150, fewest(0.95)
    false, alone = 0, 0
    for at, won, closed in companies(runs, win_days=30, loss_days=30):
        logged = random.random(len(at)) < 0.8
        touched_at = day(np.where(logged, at + 1, np.nan))
        found = handed_off(
            at, won, closed_at=day(closed), followed_up=logged, touched_at=touched_at
        )
        readings = [units_of(one, AGREED) for one in (found, found.without_proof())]
        meets = [enough(units.take(units.followed_up), needed) for units in readings]
        alone += meets[0].any()
        false += (meets[0] & meets[1]).any()
    assert alone > 0.5 * runs
    assert 0 < false <= 0.05 * runs


def enough(units: Any, needed: Any) -> Any:
    """Tell at which weekly looks the wins prove the agreed rate."""
    entered = np.searchsorted((units.enters_at - START) / np.timedelta64(1, "D"), LOOKS, "right")
    return np.concatenate([[0], np.cumsum(units.won)])[entered] >= needed[entered]


def accounts(runs: int) -> Any:
    """Yield hand-offs of one to eight leads of an account, won or lost together, at 30 %."""
    random = np.random.default_rng(9)
    for _ in range(runs):
        sizes = random.integers(1, 9, 250)
        account = np.repeat(np.arange(250), sizes)
        at = random.uniform(0, 600, 250)[account] + random.uniform(0, 60, len(account))
        won = (random.random(250) < 0.3)[account]
        yield handed_off(at, won, account=account, closed_at=day(at + 5))


@pytest.mark.parametrize(("agreement", "keeps"), [(AGREED, False), (ACCOUNTS, True)])
def test_counting_leads_of_accounts_claims_too_much(agreement: Agreement, keeps: bool) -> None:
    needed, claims, runs = fewest(0.95), 0, 200
    for leads in accounts(runs):
        units = units_of(leads, agreement)
        entered = (units.enters_at - START) / np.timedelta64(1, "D")
        claims += falsely_claimed(entered, units.won, needed)
    assert claims <= 0.05 * runs if keeps else claims > 0.15 * runs
