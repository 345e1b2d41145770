"""Where the promise stands: who enters when, what is claimed, and what stands beside it."""

import json
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from scipy.stats import norm

from leadml.domain.agreement import Agreement
from leadml.evaluation.close_rate import close_rate
from leadml.evaluation.confidence_sequence import lower_bounds, units_to_decide, upper_bounds
from leadml.evaluation.entering import HandedOff
from leadml.evaluation.standing import POINTS, standing

START = np.datetime64("2026-01-01T00:00", "us")
NEVER = np.datetime64("NaT", "us")
AGREED = Agreement(close_rate=0.3, horizon_days=90, follow_up_days=14)


def day(days: Any) -> Any:
    """Return moments so many days after the start; NaN is NaT."""
    known = np.nan_to_num(np.asarray(days, float)) * 86_400_000_000
    return np.where(np.isnan(days), NEVER, START + known.astype("timedelta64[us]"))


def handed_off(at: Any, won: Any, **more: Any) -> HandedOff:
    """Return hand-offs at these days, worked the next day, or after 20 where not followed up."""
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


def stood(
    leads: HandedOff, *, on: float, agreement: Agreement = AGREED, **more: Any
) -> dict[str, Any]:
    """Return where the promise stands that many days after the start, as JSON gives it back."""
    values = standing(leads, agreement, now=day(on)[()], **more).to_dict()
    parsed: dict[str, Any] = json.loads(json.dumps(values, allow_nan=False))
    return parsed


def steady(leads: int, wins: int, **more: Any) -> HandedOff:
    """Return a lead a day, `wins` of them won, spread evenly."""
    spread = np.floor(np.arange(1, leads + 1) * wins / leads) > np.floor(
        np.arange(leads) * wins / leads
    )
    return handed_off(np.arange(leads), spread, **more)


def test_counts_and_bounds() -> None:
    found = stood(steady(200, 100), on=289)  # 289 - 90: the leads of days 0 to 199 have entered
    low = lower_bounds(100, 200, rate=0.3, confidence=0.95)
    high = upper_bounds(100, 200, rate=0.3, confidence=0.95)
    once = close_rate(100, 200, 0.95)
    assert found["verdict"] == "meets"
    assert (found["handed_off"], found["matured"], found["followed_up"]) == (200, 200, 200)
    assert (found["won"], found["value"]) == (100, 0.5)
    assert (found["low"], found["high"]) == pytest.approx((float(low), float(high)))
    assert found["fixed"] == {"low": once.low, "high": once.high}
    assert found["low"] < once.low < once.high < found["high"]
    assert (found["more_needed"], found["more_needed_why"]) == (0, None)
    assert found["from"] == "2026-01-01T00:00:00.000000Z"


def test_a_lead_enters_once_its_horizon_and_grace_have_passed_however_early_it_closed() -> None:
    # three leads on days 0, 1, 2, all won within a day
    leads = handed_off([0, 1, 2], [True] * 3, closed_at=day([0.5, 1.5, 2.5]))
    entered = [stood(leads, on=on)["matured"] for on in (89.999, 90, 91.5, 92)]
    assert entered == [0, 1, 2, 3]
    late = replace(AGREED, grace_days=7)
    assert [stood(leads, on=on, agreement=late)["matured"] for on in (96.999, 97, 99)] == [0, 1, 3]
    slow = replace(AGREED, follow_up_days=120)  # follow-up is settled only then
    assert [stood(leads, on=on, agreement=slow)["matured"] for on in (119.999, 122)] == [0, 3]


def test_the_order_is_that_of_the_hand_off() -> None:
    ordered = steady(300, 90)
    mixed = ordered.take(np.random.default_rng(1).permutation(300))
    assert stood(mixed, on=400) == stood(ordered, on=400)


def test_later_looks_see_what_earlier_ones_saw() -> None:
    leads = steady(250, 100)
    whole = stood(leads, on=400)["path"]
    assert len(whole) == POINTS
    assert whole[-1]["units"] == 250
    for point in (whole[0], whole[57], whole[-1]):
        now = np.datetime64(point["at"][:-1], "us")
        seen = standing(leads, AGREED, now=now).to_dict()
        assert (seen["value"], seen["low"], seen["high"]) == pytest.approx(
            (point["value"], point["low"], point["high"])
        )
        assert (seen["matured"], seen["won"]) == (point["units"], point["won"])
        before = standing(leads, AGREED, now=now - np.timedelta64(1, "us")).to_dict()
        assert before["matured"] == point["units"] - 1


def test_units_handed_off_at_once_enter_at_once() -> None:
    found = stood(handed_off([0, 0, 0, 5, 5], [1, 0, 1, 0, 1]), on=200)
    assert [(point["units"], point["won"]) for point in found["path"]] == [(3, 2), (5, 3)]
    assert found["path"][0]["at"] == "2026-04-01T00:00:00.000000Z"  # day 90


def test_what_was_followed_up_late_is_not_worked_and_its_win_counts_apart() -> None:
    worked = np.arange(100) >= 10
    leads = steady(100, 50, followed_up=worked)  # every second lead won: five of the late ones
    found = stood(leads, on=300)
    assert (found["matured"], found["followed_up"], found["follow_up_share"]) == (100, 90, 0.9)
    assert (found["won"], found["won_after_late_follow_up"]) == (45, 5)
    assert found["value"] == 0.5
    assert found["path"][-1]["units"] == 90
    assert found["if_unworked_were_lost"]["value"] == 0.45
    every = stood(leads, on=300, agreement=replace(AGREED, counts="handed_off"))
    assert (every["value"], every["path"][-1]["units"]) == (0.5, 100)
    assert (every["won"], every["won_after_late_follow_up"]) == (45, 5)


def test_too_little_follow_up_is_not_judged_but_bounded() -> None:
    worked = np.arange(500) % 100 < 41
    won = worked & (np.arange(500) % 100 < 39)  # nearly all that is worked is won
    found = stood(handed_off(np.arange(500), won, followed_up=worked), on=700)
    assert found["verdict"] == "not_judgeable"
    assert found["follow_up_share"] == pytest.approx(0.41)
    assert found["low"] > 0.8
    assert found["if_unworked_were_lost"]["value"] == 0.39
    low = lower_bounds(195, 500, rate=0.3, confidence=0.95)
    assert found["if_unworked_were_lost"]["low"] == pytest.approx(float(low))
    assert found["more_needed"] is None
    assert "sales works too few" in found["more_needed_why"]
    enough = stood(
        handed_off(np.arange(500), won, followed_up=worked),
        on=700,
        agreement=replace(AGREED, min_follow_up=0.41),
    )
    assert enough["verdict"] == "meets"


def test_falls_short() -> None:
    found = stood(steady(400, 60), on=600)
    assert found["verdict"] == "falls_short"
    assert found["high"] < 0.3
    assert found["more_needed"] == 0


def test_so_many_more_at_the_present_rate_would_decide() -> None:
    found = stood(steady(100, 36), on=300)
    assert found["verdict"] == "undecided"
    more = found["more_needed"]
    assert 100 + more == units_to_decide(0.36, rate=0.3, confidence=0.95, most=50_000)
    units = np.array([100 + more - 1, 100 + more])
    before, at = lower_bounds(0.36 * units, units, rate=0.3, confidence=0.95)
    assert before < 0.3 <= at


def unlogged(logged: tuple[int, int], sold: int, idle: int = 0, **more: Any) -> HandedOff:
    """Return a lead a day: `logged` (leads, won), then sold and idle ones with no follow-up."""
    leads, wins = logged
    silent = np.zeros(sold + idle, bool)
    won = np.concatenate([np.arange(leads) % leads < wins, ~silent[:sold], silent[:idle]])
    worked = np.concatenate([np.ones(leads, bool), silent])
    touched_at = day(np.where(worked, np.arange(len(won)) + 1.0, np.nan))
    values = {"followed_up": worked, "touched_at": touched_at} | more
    return handed_off(np.arange(len(won)), won, **values)


def test_a_verdict_has_to_hold_without_wins_that_prove_their_own_follow_up() -> None:
    # 330 of 1,000 are won where calls are logged; of 200 others 120 were won, so they were worked
    found = stood(unlogged((1000, 330), 120, 80), on=1300)
    assert (found["followed_up"], found["won"]) == (1120, 450)
    low = lower_bounds(450, 1120, rate=0.3, confidence=0.95)
    assert found["low"] == pytest.approx(float(low))
    assert found["low"] > 0.3  # it would be met
    assert found["verdict"] == "undecided"
    assert found["won_without_follow_up"] == 120
    without = found["recorded_only"]
    assert (without["units"], without["won"], without["value"]) == (1000, 330, 0.33)
    assert without["low"] == pytest.approx(
        float(lower_bounds(330, 1000, rate=0.3, confidence=0.95))
    )
    # so many logged ones at 33 % decide; 1.12 count for each of them, of 1.2 handed off
    logged = units_to_decide(0.33, rate=0.3, confidence=0.95, most=50_000)
    assert logged is not None
    assert found["more_needed"] == int(np.ceil((logged - 1000) * 1.12))
    assert found["more_needed_matured"] == int(np.ceil(found["more_needed"] * 1.2 / 1.12))
    enough = stood(unlogged((1000, 360), 120, 80), on=1300)
    assert (enough["verdict"], enough["more_needed_matured"]) == ("meets", 0)
    every = stood(
        unlogged((1000, 330), 120, 80), on=1300, agreement=replace(AGREED, counts="handed_off")
    )
    assert every["recorded_only"]["units"] == 1200


def test_rates_on_both_sides_of_the_agreed_one_are_not_decided_by_more_leads() -> None:
    found = stood(unlogged((1000, 270), 150), on=1300)  # 420 of 1,150: 36.5 %; without: 27 %
    assert (found["verdict"], found["more_needed"]) == ("undecided", None)
    assert found["more_needed_matured"] is None
    assert found["more_needed_why"].endswith("only recorded follow-ups can tell")


def test_sales_at_a_thin_margin_that_nobody_logged_do_not_make_it_fall_short() -> None:
    # 100 of 333 are won where calls are logged; 300 more were sold, none of them solid
    leads = unlogged((333, 100), 300)
    found = stood(replace(leads, won=leads.won & leads.followed_up), on=800)
    assert found["high"] < 0.3
    assert found["recorded_only"]["value"] == pytest.approx(100 / 333)
    assert (found["verdict"], found["won_without_follow_up"]) == ("undecided", 0)


def test_nothing_but_wins_shows_a_follow_up() -> None:
    found = stood(unlogged((1, 0), 60).take(np.arange(1, 61)), on=200)
    assert (found["value"], found["verdict"]) == (1.0, "undecided")
    assert found["recorded_only"]["value"] is None
    assert found["more_needed_why"].startswith("no follow-up of what has matured is on record")


def test_where_follow_ups_are_not_recorded_there_is_one_reading() -> None:
    found = stood(steady(200, 100), on=300, follow_up_recorded=False)
    assert (found["recorded_only"], found["won_without_follow_up"]) == (None, 0)
    assert found["verdict"] == "meets"


def test_none_of_what_has_matured_was_worked() -> None:
    leads = unlogged((1, 0), 0, 10).take(np.arange(1, 11))
    found = stood(leads, on=200, agreement=replace(AGREED, min_follow_up=0))
    assert (found["verdict"], found["matured"], found["value"]) == ("undecided", 10, None)
    assert found["more_needed_why"] == "none of what has matured was followed up in time"


def test_more_leads_have_to_mature_than_count() -> None:
    # four in five are worked, 36 of the 100 of these won
    found = stood(unlogged((100, 36), 0, 25), on=300, agreement=replace(AGREED, min_follow_up=0.5))
    assert found["more_needed_matured"] == int(np.ceil(found["more_needed"] * 1.25))


def test_the_agreed_rate_itself_decides_nothing() -> None:
    found = stood(steady(100, 30), on=300)
    assert (found["verdict"], found["more_needed"]) == ("undecided", None)
    assert found["more_needed_why"] == (
        "the present rate is so near the agreed one that 50,000 would not decide it"
    )


def test_nothing_has_entered_yet() -> None:
    found = stood(steady(20, 8), on=30)
    assert (found["verdict"], found["handed_off"], found["matured"]) == ("undecided", 20, 0)
    assert (found["value"], found["low"], found["follow_up_share"]) == (None, None, None)
    assert found["path"] == []
    assert found["more_needed_why"] == "nothing has matured yet"
    assert found["maturing"]["handed_off"] == 20
    assert found["maturing"]["next_matures_at"] == "2026-04-01T00:00:00.000000Z"
    assert found["posterior"]["at_least_rate"] is None


def test_nothing_was_ever_handed_off() -> None:
    found = stood(handed_off([], []), on=30)
    assert (found["verdict"], found["handed_off"], found["from"]) == ("undecided", 0, None)
    assert found["certify"] == []


def test_the_last_12_months_are_what_entered_in_them() -> None:
    # a lead a day for 600 days; the first 400 never won, then all
    found = stood(handed_off(np.arange(600), np.arange(600) >= 400), on=690)
    # entered on days 90 to 689; in the 365 days up to day 690 those after day 325: 364 of them
    assert found["last_12_months"]["units"] == 364
    assert found["last_12_months"]["won"] == 200
    once = close_rate(200, 364, 0.95)
    assert found["last_12_months"]["low"] == pytest.approx(once.low)


def test_the_posterior_is_that_of_jeffreys_prior_and_no_verdict() -> None:
    # five of ten, against an agreed half: even, by symmetry
    found = stood(steady(10, 5), on=200, agreement=replace(AGREED, close_rate=0.5))
    assert found["posterior"] == {"at_least_rate": pytest.approx(0.5), "note": "no verdict"}


def test_leads_still_maturing_are_projected_from_those_of_their_age() -> None:
    # 20 entered, five of them won after 10, 20, 30, 50 and 70 days
    days = np.full(23, np.nan)
    days[:5] = (10, 20, 30, 50, 70)
    won = np.arange(23) < 5
    at = np.zeros(23)
    at[20:] = (280, 240, 250)  # on day 300 they are 20, 60 and 50 days old
    won[22], days[22] = True, 5.0
    leads = handed_off(at, won, closed_at=day(at + days))
    found = stood(leads, on=300)["maturing"]
    assert (found["handed_off"], found["followed_up"], found["won_so_far"]) == (3, 3, 1)
    # aged 20: of 18 not yet won 3 were won later; aged 60: 1 of 16
    assert found["projected"]["value"] == pytest.approx((1 + 3 / 18 + 1 / 16) / 3)
    # luck of the two: p (1 - p); of the 20: how far each of them moves the two chances
    own = 3 / 18 * 15 / 18 + 1 / 16 * 15 / 16
    only_20 = 2 * (15 / 18 / 18) ** 2  # won on days 30 and 50: counted at the age of 20 alone
    both = (15 / 18 / 18 + 15 / 16 / 16) ** 2  # won on day 70
    never = 15 * (3 / 18 / 18 + 1 / 16 / 16) ** 2
    reach = norm.ppf(0.95) * np.sqrt(own + only_20 + both + never) / 3
    high = (1 + 3 / 18 + 1 / 16) / 3 + reach
    assert found["projected"]["high"] == pytest.approx(high)
    assert found["projected"]["low"] == pytest.approx(1 / 3)  # one of three is won already
    assert found["next_matures_at"] == "2026-11-27T00:00:00.000000Z"  # day 240 + 90


def test_a_projection_stays_below_1() -> None:
    # 19 of 20 won on day 80; one more is 10 days old
    at, won = np.append(np.zeros(20), 90.0), np.arange(21) < 19
    leads = handed_off(at, won, closed_at=day(np.where(won, 80, np.nan)))
    projected = stood(leads, on=100)["maturing"]["projected"]
    assert (projected["value"], projected["high"]) == (0.95, 1.0)
    assert 0.4 < projected["low"] < 0.6


def test_why_nothing_is_projected() -> None:
    maturing = stood(steady(19, 9), on=100)["maturing"]
    assert maturing["projected"] is None
    assert "fewer than 20 entered" in maturing["projected_why_null"]
    assert stood(steady(19, 9), on=900)["maturing"]["projected_why_null"] == "nothing is maturing"
    undated = stood(steady(100, 40), on=150)["maturing"]["projected_why_null"]
    assert undated == "when leads were won is not known of all"


def test_wins_recorded_after_their_lead_had_entered_are_told() -> None:
    # won on the fifth day, recorded: at once, a week after entering, and at once
    leads = handed_off([0, 1, 2], [True] * 3, recorded_at=day([5, 98, 7]))
    assert stood(leads, on=100)["recorded_late"] == 1
    assert stood(leads, on=100, agreement=replace(AGREED, grace_days=7))["recorded_late"] == 0


def test_a_history_imported_at_once_is_not_late() -> None:
    # all recorded on day 300: nobody could have looked before
    leads = handed_off([0, 1, 250], [True] * 3, recorded_at=day([300, 300.01, 341]))
    assert stood(leads, on=400)["recorded_late"] == 1
    assert stood(steady(100, 30), on=400)["recorded_late"] == 0


def test_what_the_volume_can_certify() -> None:
    leads = steady(200, 80, followed_up=np.arange(200) % 10 < 9)
    values = standing(leads, AGREED, now=day(400)[()], handed_off_a_year=100).to_dict()
    assert [level["confidence"] for level in values["certify"]] == [0.95, 0.8]
    assert values["certify"][0]["units_a_year"] == pytest.approx(90)
    every = replace(AGREED, counts="handed_off")
    values = standing(leads, every, now=day(400)[()], handed_off_a_year=100).to_dict()
    assert values["certify"][0]["units_a_year"] == 100
    assert values["certify_text"].startswith("At the present pace about 100 leads enter a year.")


def test_the_start_is_that_of_the_agreement() -> None:
    since = np.datetime64("2025-12-31T23:00", "us")
    values = standing(steady(5, 2), AGREED, now=day(400)[()], since=since).to_dict()
    assert values["from"] == "2025-12-31T23:00:00.000000Z"
