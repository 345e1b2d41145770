from dataclasses import replace

import numpy as np
import pytest

from leadml.domain.agreement import Agreement
from leadml.domain.handoff import HandoffPolicy
from leadml.evaluation.advice import advice_words, advised, periods_by_time, would_have
from leadml.evaluation.pool import Pool
from leadml.evaluation.threshold import Threshold

AGREED = Agreement(close_rate=0.3)


def pool(*groups: tuple[float, int, int]) -> Pool:
    """Return worked leads of groups ``(probability, leads, won)``, mixed in time."""
    p = np.concatenate([np.full(n, said) for said, n, _ in groups])
    y = np.concatenate([(np.arange(n) < won).astype(np.int8) for _, n, won in groups])
    order = np.random.default_rng(0).permutation(len(p))
    at = np.arange(len(p)) * 3_600_000_000
    return Pool(p[order], y[order], np.ones(len(p), bool), np.zeros(len(p), np.intp), at=at)


def advise(of: Pool, **policy: object) -> tuple[Threshold | None, str | None]:
    return advised(
        of,
        agreement=AGREED,
        policy=HandoffPolicy(**policy),
        follow_ups=True,  # type: ignore[arg-type]
    )


# 200 leads at 0.5 close 100, 200 at 0.2 close 20: all together 30 %, the first alone 50 %.
TWO = pool((0.5, 200, 100), (0.2, 200, 20))


def test_the_cut_and_what_it_would_have_done_by_hand() -> None:
    found, why = advise(TWO)
    assert why is None
    assert found is not None
    assert (found.probability, found.basis) == (0.5, "guaranteed")
    effect = would_have(TWO, found)
    assert (effect["handed_off"], effect["won"], effect["missed_wins"]) == (200, 100, 20)
    assert effect["of"] == {"handed_off": 400, "won": 120}
    assert effect["close_rate"]["value"] == 0.5
    assert (effect["close_rate"]["leads"], effect["close_rate"]["won"]) == (200, 100)
    assert advice_words(found, effect, cut_now=0.2, lowest=0.2) == (
        "Hand off leads from 50 % on (now 20 %): of the 400 leads handed off and matured it would "
        "have handed off 200, with 100 of the 120 wins; 20 wins lay below it."
    )
    assert "from 50 % on, as now:" in advice_words(found, effect, cut_now=0.5, lowest=0.2)
    assert "from 50 % on:" in advice_words(found, effect, cut_now=None, lowest=0.2)


def test_leads_never_worked_are_handed_off_and_not_won() -> None:
    worked = np.ones(400, bool)
    worked[np.flatnonzero((TWO.p == 0.5) & (TWO.y == 1))[:10]] = False  # won after a late follow-up
    late = replace(TWO, worked=worked)
    found, _ = advise(late)
    assert found is not None
    effect = would_have(late, found)
    assert (effect["handed_off"], effect["won"]) == (200, 90)
    assert effect["close_rate"]["value"] == 90 / 190


def test_as_loose_as_everything_handed_off_says_what_is_not_known() -> None:
    good = pool((0.6, 150, 90), (0.4, 150, 60))
    found, _ = advise(good)
    assert found is not None
    words = advice_words(found, would_have(good, found), cut_now=0.4, lowest=0.4)
    assert words.endswith(
        "Nothing below it was handed off, so whether it could be looser is not known: `[handoff] "
        "explore` finds out."
    )
    explored = advice_words(found, would_have(good, found), cut_now=0.4, lowest=0.4, below=(50, 4))
    assert explored.endswith(
        "Of 50 leads below it, handed off at random to learn from, 4 were won: 8 %."
    )


def test_too_few_wins_leave_it_to_the_points() -> None:
    few = pool((0.5, 40, 15))
    found, why = advise(few)
    assert found is None
    assert why == (
        "40 matured leads with a served probability, 15 of them won: with fewer than 20 wins no "
        "cut is read from them, and there are no agreed points to go by"
    )
    ready = replace(few, points_ready=np.arange(40) < 10)
    found, _ = advise(ready)
    assert found is not None
    assert (found.basis, found.probability) == ("points", None)
    effect = would_have(ready, found)
    assert effect["handed_off"] == 10
    assert advice_words(found, effect, cut_now=None, lowest=0.5).startswith(
        "Hand off by the agreed points: fewer than 20 leads"
    )


def test_a_cut_nobody_reaches_has_no_rate() -> None:
    low = pool((0.2, 200, 40))
    found, _ = advise(low, policy="each")
    assert found is not None
    effect = would_have(low, found)
    assert (effect["handed_off"], effect["missed_wins"]) == (0, 40)
    assert effect["close_rate"]["value"] is None
    assert effect["close_rate"]["reason"] == "none of the leads handed off reaches it"


@pytest.mark.parametrize("won", [20, 30])
def test_no_group_that_closes_well_enough_is_no_cut(won: int) -> None:
    found, why = advise(pool((0.5, 200, won)))
    assert found is None
    assert why == (
        "no group of at least 20 leads from 15 % on reached the agreed close rate of 30 %, both as "
        "observed and as predicted"
    )


def test_profit_needs_what_was_not_recorded() -> None:
    found, why = advise(TWO, policy="profit", cost=50.0)
    assert found is None
    assert why is not None
    assert why.startswith('policy = "profit" weighs each lead by its expected margin')


def test_each_lead_by_itself_is_held_to_the_agreed_rate() -> None:
    found, _ = advise(TWO, policy="each")
    assert found is not None
    assert found.probability == 0.3
    assert would_have(TWO, found)["handed_off"] == 200


@pytest.mark.parametrize(("leads", "periods"), [(1, 1), (199, 1), (200, 2), (499, 4), (2000, 5)])
def test_periods_hold_a_hundred_leads_or_more(leads: int, periods: int) -> None:
    at = np.random.default_rng(0).permutation(leads)
    found = periods_by_time(at)
    sizes = np.bincount(found)
    assert len(sizes) == periods
    assert sizes.max() - sizes.min() <= 1
    assert (np.diff(found[np.argsort(at)]) >= 0).all()  # oldest first
