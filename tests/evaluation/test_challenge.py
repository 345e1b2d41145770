import numpy as np
import pytest

from leadml.evaluation.challenge import (
    Challenge,
    Scored,
    account_numbers,
    replicates_for,
)
from leadml.evaluation.metrics import METRICS


def sample(seed: int, leads: int = 300) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    probability = 1 / (1 + np.exp(-random.normal(-1.2, 1.0, leads)))
    return random.random(leads) < probability, probability


def both(probability: np.ndarray) -> Scored:
    return Scored(probability, probability)


def test_every_interval_holds_its_own_value() -> None:
    for seed in range(8):
        won, probability = sample(seed, 80)
        scores = Challenge(won, {"model": both(probability)}, replicates=60, seed=seed).scores(
            "model"
        )
        assert list(scores) == list(METRICS)
        for interval in scores.values():
            assert 0 <= interval.low <= interval.value <= interval.high


def test_same_seed_same_intervals_other_seed_others() -> None:
    won, probability = sample(0)
    first, again, other = (
        Challenge(won, {"m": both(probability)}, replicates=50, seed=seed).scores("m")
        for seed in (1, 1, 2)
    )
    assert first == again
    assert first["auc"].value == other["auc"].value
    assert first["auc"] != other["auc"]


def test_a_contestant_against_itself_differs_by_nothing() -> None:
    won, probability = sample(0)
    challenge = Challenge(won, {"a": both(probability), "b": both(probability)}, replicates=50)
    for row in challenge.differences("a", "b"):
        difference = row.difference
        assert (difference.value, difference.low, difference.high) == (0, 0, 0)
        assert row.better is None


def test_pairing_makes_differences_sharper_than_their_parts() -> None:
    # The rival is the same probability with a little noise: scores vary together.
    won, probability = sample(4, 600)
    noise = np.random.default_rng(1).normal(0, 0.3, 600)
    rival = 1 / (1 + np.exp(-(np.log(probability / (1 - probability)) + noise)))
    challenge = Challenge(won, {"model": both(probability), "rival": both(rival)}, replicates=200)
    row = {row.metric: row for row in challenge.differences("model", "rival")}["log_loss"]
    alone = challenge.scores("model")["log_loss"]
    assert row.difference.high - row.difference.low < 0.5 * (alone.high - alone.low)
    assert row.difference.value == pytest.approx(row.first - row.second)


def test_the_better_contestant_is_named_in_both_directions_of_good() -> None:
    won, probability = sample(5, 1500)
    shuffled = np.random.default_rng(0).permutation(probability)
    challenge = Challenge(
        won, {"model": both(probability), "shuffled": both(shuffled)}, replicates=100
    )
    forth = {row.metric: row.better for row in challenge.differences("model", "shuffled")}
    back = {row.metric: row.better for row in challenge.differences("shuffled", "model")}
    assert forth["auc"] == forth["log_loss"] == forth["brier"] == "first"
    assert back["auc"] == back["log_loss"] == back["brier"] == "second"


@pytest.mark.parametrize(("accounts", "favoured"), [(1, None), (9, None), (10, "first")])
def test_contacts_of_a_few_accounts_favour_nobody(accounts: int, favoured: str | None) -> None:
    random = np.random.default_rng(0)
    won = random.random(600) < 0.4
    both = {"good": Scored(won + random.normal(size=600)), "bad": Scored(random.normal(size=600))}
    challenge = Challenge(won, both, accounts=np.arange(600) % accounts, replicates=100)
    (row,) = [r for r in challenge.differences("good", "bad") if r.metric == "auc"]
    assert row.difference.low > 0
    assert row.better == favoured


def test_points_without_probabilities_have_only_ranking_metrics() -> None:
    won, probability = sample(0)
    points = Scored(np.round(probability * 50), no_probability="points were never calibrated")
    challenge = Challenge(won, {"model": both(probability), "points": points}, replicates=30)
    scores = challenge.scores("points")
    assert scores["auc"].value is not None
    for name in ("log_loss", "brier", "miscalibration", "discrimination"):
        assert scores[name].to_dict() == {
            "value": None,
            "low": None,
            "high": None,
            "reason": "points were never calibrated",
        }
    rows = {row.metric: row for row in challenge.differences("model", "points")}
    assert rows["log_loss"].second is None
    assert rows["log_loss"].first is not None
    assert rows["log_loss"].difference.reason == "points were never calibrated"
    assert rows["auc"].difference.value is not None


def test_one_outcome_leaves_the_ranking_metrics_open_and_says_why() -> None:
    probability = np.linspace(0.1, 0.4, 30)
    scores = Challenge(np.zeros(30, bool), {"m": both(probability)}, replicates=20).scores("m")
    assert scores["auc"].reason == "needs won and lost leads, found only one of them"
    assert scores["brier"].value == pytest.approx((probability**2).mean())


def test_only_the_rows_a_contestant_scored_count_for_it() -> None:
    won, probability = sample(0)
    rows = np.arange(300) < 200
    ranking = np.where(rows, probability, np.nan)
    part = Challenge(won, {"m": Scored(ranking, ranking, rows)}, replicates=20).scores("m")
    alone = Challenge(won[rows], {"m": both(probability[rows])}, replicates=20).scores("m")
    assert part["auc"].value == alone["auc"].value
    assert part["brier"].value == alone["brier"].value


def test_leads_of_one_account_are_drawn_together() -> None:
    # 60 accounts of ten equal leads each hold the evidence of 60 leads, not of 600.
    won, probability = sample(2, 60)
    ten = np.repeat(np.arange(60), 10)
    many = {"m": both(probability[ten])}
    apart = Challenge(won[ten], many, replicates=300).scores("m")["brier"]
    together = Challenge(won[ten], many, accounts=ten, replicates=300).scores("m")["brier"]
    few = Challenge(won, {"m": both(probability)}, replicates=300).scores("m")["brier"]

    def width(interval: object) -> float:
        return interval.high - interval.low

    # sqrt(10) = 3.2 times as wide, and as wide as that of the 60 alone
    assert 2.5 < width(together) / width(apart) < 4
    assert width(together) == pytest.approx(width(few), rel=0.25)


def test_leads_without_an_account_stand_alone() -> None:
    accounts = np.array(["x", None, "x", None, "y"], object)
    assert account_numbers(accounts).tolist() == [0, 1, 0, 2, 3]


def test_progress_is_told_after_every_resample() -> None:
    won, probability = sample(0)
    told: list[tuple[int, int]] = []
    Challenge(
        won,
        {"m": both(probability)},
        replicates=3,
        progress=lambda done, total: told.append((done, total)),
    )
    assert told == [(1, 3), (2, 3), (3, 3)]


def test_fewer_resamples_for_more_leads() -> None:
    assert [replicates_for(n) for n in (10, 40_000, 5_000_000)] == [1000, 500, 200]


@pytest.mark.parametrize("shift", [0.0, 0.8], ids=["calibrated", "too low"])
def test_intervals_cover_the_truth_about_as_often_as_they_say(shift: float) -> None:
    """Simulated coverage: 150 samples of 300 leads each, 100 resamples, nominal 95 %.

    Truths by the law of the simulation itself: miscalibration is E (p - q)^2 and discrimination
    Var q for said p and true q, Brier the first plus E q (1 - q); averages over a million draws.
    """
    random = np.random.default_rng(7)
    logits = random.normal(-1.7, 1.0, 1_000_000)
    said, true = (1 / (1 + np.exp(-x)) for x in (logits, logits + shift))
    truth = {
        "miscalibration": ((said - true) ** 2).mean(),
        "discrimination": true.var(),
        "brier": ((said - true) ** 2 + true * (1 - true)).mean(),
        "log_loss": -(true * np.log(said) + (1 - true) * np.log1p(-said)).mean(),
    }
    covered = dict.fromkeys(truth, 0)
    for seed in range(150):
        rows = random.integers(0, 1_000_000, 300)
        won = random.random(300) < true[rows]
        challenge = Challenge(won, {"m": both(said[rows])}, replicates=100, seed=seed)
        scores = challenge.scores("m")
        for name in truth:
            covered[name] += scores[name].low <= truth[name] <= scores[name].high
    assert {name: count / 150 >= 0.89 for name, count in covered.items()} == dict.fromkeys(
        truth, True
    ), covered
