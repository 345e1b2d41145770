"""Verdicts on tables whose truth is known, and the intervals behind them."""

from collections import Counter

import numpy as np
import pytest

from leadml.evaluation.points_evidence import evidence_of
from leadml.evaluation.points_verdict import RuleVerdict, Span, side, verdicts
from leadml.evaluation.points_worth import Firing

UNIT = 0.04  # log-odds a point
RULES = {
    # name: (points today, points that are true, share of leads)
    "decision maker": (25, 25, 0.30),
    "right size": (20, 20, 0.20),
    "industry": (15, 15, 0.25),
    "budget": (15, 15, 0.40),
    "demo": (30, 30, 0.15),
    "free mail": (-20, -20, 0.25),
    "country": (20, 20, 0.30),
    "inflated": (60, 20, 0.30),
    "flipped": (-20, 20, 0.30),
    "never": (15, 15, 0.0),
    "rare": (20, 20, 0.0),
    "copy": (25, 0, 0.0),
}
WANTED = {
    "inflated": "too high",
    "flipped": "wrong sign",
    "never": "never fires",
    "rare": "too few to say",
    "copy": "double-counts with decision maker",
    "decision maker": "double-counts with copy",
}


def table(seed: int, leads: int = 4_000) -> Firing:
    """Draw leads from a table with known faults; opened mails count each, and decay."""
    random = np.random.default_rng(seed)
    today, truth, share = (np.array(column, float) for column in zip(*RULES.values(), strict=True))
    unit = (random.random((leads, len(RULES))) < share).astype(float)
    names = list(RULES)
    unit[random.choice(leads, 5, replace=False), names.index("rare")] = 1
    unit[:, names.index("copy")] = unit[:, names.index("decision maker")]
    mails = np.minimum(random.poisson(1.0, leads), 4) * 0.5 ** random.integers(0, 2, leads)
    unit, today, truth = np.column_stack([unit, mails]), np.append(today, 8), np.append(truth, 8)
    level = -1.0 - UNIT * (unit @ truth).mean()
    won = random.random(leads) < 1 / (1 + np.exp(-(level + UNIT * unit @ truth)))
    return Firing(
        names=[*names, "mails"], points=today, unit=unit, won=won, accounts=np.arange(leads)
    )


def judged(own: Firing) -> dict[str, RuleVerdict]:
    return {row.rule: row for row in verdicts(own, evidence_of(own, confidence=0.95))}


def test_known_faults_are_found_and_right_rules_left_alone_over_forty_tables() -> None:
    seen: dict[str, Counter[str]] = {}
    families = 0
    for seed in range(40):
        found = judged(table(seed))
        for name, row in found.items():
            seen.setdefault(name, Counter())[row.verdict] += 1
        right = [row for name, row in found.items() if name not in WANTED]
        families += any(row.verdict not in {"about right", "too few to say"} for row in right)
    for name, counts in seen.items():
        assert counts[WANTED.get(name, "about right")] >= 36, (name, counts)
    # Agreed: 5 % of families with a false alarm. 6 or more of 40 have a chance of 1.4 % then.
    assert families <= 5


def test_intervals_hold_the_truth_of_wrong_rules_too() -> None:
    truth = np.array([true for _, true, _ in RULES.values()] + [8.0])
    told = [i for i, name in enumerate(RULES) if name not in {"never", "rare", "copy"}]
    told = [i for i in told if i != 0]  # its copy shares its points
    hits = 0
    for seed in range(40):
        own = evidence_of(table(100 + seed), confidence=0.95).rules
        hits += bool(np.all((own.low[told] <= truth[told]) & (truth[told] <= own.high[told])))
    assert hits >= 34  # of 38 expected


def test_counts_and_close_rate_are_those_of_the_leads() -> None:
    own = table(0)
    row = judged(own)["demo"]
    fired = own.unit[:, 4] == 1
    assert (row.fires, row.fired_won) == (fired.sum(), own.won[fired].sum())
    assert row.close_rate == pytest.approx(row.fired_won / row.fires)
    assert row.partner is None
    assert judged(own)["copy"].partner == "decision maker"
    never = judged(own)["never"]
    assert (never.fires, never.close_rate, never.supported, never.low) == (0, None, None, None)


def test_copied_leads_of_one_account_prove_no_more_than_one() -> None:
    own = table(3, leads=800)
    four = Firing(
        names=own.names,
        points=own.points,
        unit=np.tile(own.unit, (4, 1)),
        won=np.tile(own.won, 4),
        accounts=np.tile(own.accounts, 4),
    )
    apart = Firing(
        names=own.names, points=own.points, unit=four.unit, won=four.won, accounts=np.arange(3200)
    )
    width = [
        np.nanmedian(found.rules.high - found.rules.low)
        for found in (evidence_of(one, confidence=0.95) for one in (own, four, apart))
    ]
    assert width[1] > 0.8 * width[0]
    assert width[2] < 0.65 * width[0]


def test_a_firing_in_few_accounts_is_too_few_to_say() -> None:
    own = table(0)
    fired = np.flatnonzero(own.unit[:, 4])
    accounts = own.accounts.copy()
    accounts[fired] = accounts[fired[np.arange(len(fired)) % 9]]
    few = Firing(names=own.names, points=own.points, unit=own.unit, won=own.won, accounts=accounts)
    assert judged(few)["demo"].verdict == "too few to say"


def test_nearly_collinear_rules_with_effects_of_their_own_are_not_called_double() -> None:
    random = np.random.default_rng(4)
    leads = 20_000
    first = random.random(leads) < 0.4
    second = np.where(random.random(leads) < 0.05, ~first, first)
    others = random.random((leads, 3)) < 0.3
    unit = np.column_stack([first, second, others]).astype(float)
    assert np.corrcoef(unit[:, 0], unit[:, 1])[0, 1] > 0.8
    points = np.full(5, 20.0)
    won = random.random(leads) < 1 / (1 + np.exp(-(0.05 * unit @ points - 3)))
    own = Firing(names=list("abcde"), points=points, unit=unit, won=won, accounts=np.arange(leads))
    assert {row.verdict for row in judged(own).values()} == {"about right"}


def test_two_hundred_rules_are_judged_together() -> None:
    random = np.random.default_rng(5)
    unit = (random.random((3_000, 200)) < 0.2).astype(float)
    points = random.integers(1, 6, 200) * 5.0
    won = random.random(3_000) < 1 / (1 + np.exp(-(0.004 * (unit @ points - 600) - 0.5)))
    own = Firing(
        names=[str(i) for i in range(200)],
        points=points,
        unit=unit,
        won=won,
        accounts=np.arange(3_000),
    )
    counts = Counter(row.verdict for row in judged(own).values())
    assert counts["about right"] + counts["too few to say"] >= 199


@pytest.mark.parametrize(
    ("points", "span", "wanted"),
    [
        (-15, Span(-40, -60, -20), "too high"),  # deducts too little
        (-40, Span(-15, -20, -10), "too low"),
        (-20, Span(15, 5, 25), "wrong sign"),
        (0, Span(10, 5, 15), "too low"),
        (0, Span(1, 0.5, 1.5), "about right"),  # a tenth of the median rule is nothing
        (20, Span(17, 15, 19), "about right"),  # 3 of 20 is less than a fifth
        (20, Span(15, 11, 19), "too high"),
        (20, Span(0, -25, 25), "about right"),
    ],
)
def test_sides(points: float, span: Span, wanted: str) -> None:
    assert side(points, span, typical=15) == wanted


def test_a_wide_interval_around_nothing_says_nothing() -> None:
    own = table(0, leads=150)
    rows = judged(own)
    for row in rows.values():
        if row.verdict == "about right":
            assert row.low is not None
            assert row.high is not None
            assert not row.low <= 0 <= row.high or (row.high - row.low) / 2 <= abs(row.points)


def test_without_evidence_only_silence_is_told() -> None:
    own = table(0)
    silent = Firing(
        names=["all", "none"],
        points=np.array([10.0, 10.0]),
        unit=np.column_stack([np.ones(4_000), np.zeros(4_000)]),
        won=own.won,
        accounts=own.accounts,
    )
    assert [row.verdict for row in verdicts(silent, None)] == ["too few to say", "never fires"]


def test_strong_copies_are_called_so_however_much_they_earn() -> None:
    random = np.random.default_rng(6)
    unit = (random.random((4_000, 4)) < 0.3).astype(float)
    unit[:, 3] = unit[:, 0]
    truth, points = np.array([60.0, 20, 20, 0]), np.array([60.0, 20, 20, 60])
    won = random.random(4_000) < 1 / (1 + np.exp(-(0.1 * unit @ truth - 4)))
    own = Firing(names=list("abcd"), points=points, unit=unit, won=won, accounts=np.arange(4_000))
    rows = judged(own)
    assert rows["a"].verdict == "double-counts with d"
    assert rows["d"].verdict == "double-counts with a"
    assert rows["b"].verdict == rows["c"].verdict == "about right"


def test_few_leads_leave_the_unit_open_and_raise_no_false_alarm() -> None:
    alarms, open_units = 0, 0
    for seed in range(40):
        random = np.random.default_rng(seed)
        unit = (random.random((250, 6)) < [0.3, 0.4, 0.3, 0.4, 0.35, 0.2]).astype(float)
        today = np.array([20.0, 60, 15, 15, 25, 10])
        truth = np.array([20.0, 20, -15, 15, 25, 10])
        won = random.random(250) < 1 / (1 + np.exp(-(0.05 * unit @ truth - 2)))
        own = Firing(
            names=list("abcdef"), points=today, unit=unit, won=won, accounts=np.arange(250)
        )
        evidence = evidence_of(own, confidence=0.95)
        open_units += evidence.worth.basis == "spread"
        calm = {"about right", "too few to say"}
        rows = verdicts(own, evidence)
        alarms += any(rows[place].verdict not in calm for place in (0, 3, 4, 5))
    assert open_units >= 5  # the unit of so few leads is often a convention
    assert alarms <= 5  # nominal 5 %; 6 or more of 40 have a chance of 1.4 % then
