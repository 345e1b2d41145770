"""Tables on leads they were not fitted on."""

import numpy as np
import pytest

from leadml.evaluation.paired import HeldOut
from leadml.workflows.points_rehearsal import Rehearsed, comparison_of, keeps_close_rate


def rehearsed(
    won: list[int] | np.ndarray,
    *,
    ready: list[int],
    above: list[float],
    **scores: list[float] | np.ndarray,
) -> Rehearsed:
    n = len(won)
    told = HeldOut(won=np.array(won, bool), periods=np.zeros(n, np.intp), accounts=np.arange(n))
    arrays = {name: np.array(score, float) for name, score in scores.items()}
    return Rehearsed(told, arrays, np.array(ready, bool), np.array(above, float), ordered=True)


def test_the_cut_that_keeps_the_close_rate_is_the_loosest() -> None:
    # today hands off four leads and half close; from the top of the new table 1 of 1, 2 of 2,
    # 2 of 3 (tied with the next), 3 of 4, 3 of 5, 3 of 6, 3 of 7
    own = rehearsed(
        [1, 1, 0, 1, 0, 0, 0],
        ready=[1, 0, 1, 1, 1, 0, 0],
        above=[9, 7, 5, 5, 2, 1, -3],
    )
    assert keeps_close_rate(own) == 1
    # where it is three quarters, only the first four do
    own = rehearsed([1, 1, 0, 1, 0, 0, 0], ready=[1, 1, 1, 1, 0, 0, 0], above=[9, 7, 5, 5, 2, 1, 0])
    assert keeps_close_rate(own) == 5


@pytest.mark.parametrize("ready", [[0, 0, 0], [0, 1, 1]])
def test_without_wins_handed_off_there_is_no_rate_to_keep(ready: list[int]) -> None:
    assert keeps_close_rate(rehearsed([1, 0, 0], ready=ready, above=[3, 2, 1])) is None


def scores(noise: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    won = np.random.default_rng(0).random(1_500) < 0.3
    return won, 20 * won + noise * random.normal(size=1_500)


def test_a_better_table_is_named_whichever_it_is() -> None:
    won, good = scores(20, 1)
    _, bad = scores(60, 2)
    ready = (np.arange(1_500) < 300).tolist()
    above = good.tolist()
    found = comparison_of(rehearsed(won, ready=ready, above=above, today=bad, new=good), 0.95)
    assert found["verdict"] == "new"
    assert found["text"][0].startswith("The new table ranks better than today's table: on 1,500")
    assert found["handed_off"] == 300
    swapped = comparison_of(rehearsed(won, ready=ready, above=above, today=good, new=bad), 0.95)
    assert swapped["verdict"] == "today"
    figures = swapped["contestants"]
    assert f"AUC {figures[0]['auc']:.3f} against {figures[1]['auc']:.3f}" in swapped["text"][0]
    assert swapped["text"][0].startswith("Today's table ranks better than the new table")
    assert found["contestants"][0] == swapped["contestants"][1] | {"name": "today"}


def test_equals_are_not_settled() -> None:
    won, first = scores(30, 1)
    _, second = scores(30, 2)
    own = rehearsed(won, ready=[1] * 1_500, above=[0] * 1_500, today=first, new=second)
    found = comparison_of(own, 0.95)
    assert found["verdict"] == "not settled"
    assert found["text"][0].startswith("Between the new table and today's table it is not settled")
    # all are handed off, so either catches all the wins
    assert [row["won_of_handed_off"] for row in found["contestants"]] == [won.sum(), won.sum()]


def test_the_share_of_the_models_gain() -> None:
    won, today = scores(60, 1)
    _, new = scores(40, 2)
    _, model = scores(20, 3)
    own = rehearsed(won, ready=[1] * 1_500, above=[0] * 1_500, today=today, new=new, model=model)
    found = comparison_of(own, 0.95)
    loss = {row["name"]: row["log_loss"] for row in found["contestants"]}
    share = (loss["today"] - loss["new"]) / (loss["today"] - loss["model"])
    assert found["share_of_model_gain"] == pytest.approx(share)
    assert 0 < share < 1
    worse = rehearsed(won, ready=[1] * 1_500, above=[0] * 1_500, today=model, new=new, model=today)
    assert comparison_of(worse, 0.95)["share_of_model_gain"] is None
