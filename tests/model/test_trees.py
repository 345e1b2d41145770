"""Boosted trees: the leaves that treelite finds, and what each feature does to them."""

from functools import cache
from typing import Any

import numpy as np
import pytest
import treelite
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from sklearn.ensemble import HistGradientBoostingClassifier
from treelite import gtil

from leadml.model import trees as trees_module
from leadml.model.trees import Trees

INPUTS = (5, 0, 3, 2)
LEVELS = 2
"""Which of the inputs is a text."""


def drawn(leads: int, seed: int) -> NDArray[np.float64]:
    """Return the inputs of leads, a fifth of their values missing."""
    random = np.random.default_rng(seed)
    x = random.normal(size=(leads, 4)).round(1)
    x[:, LEVELS] = random.integers(0, 40, leads)
    x[random.random(x.shape) < 0.2] = np.nan
    return x


@cache
def grown(leaves: int, rounds: int = 40) -> tuple[Trees, Any]:
    x = drawn(3000, 0)
    known = np.nan_to_num(x)
    y = known[:, 0] * known[:, 1] + (known[:, 2] % 3) + known[:, 3] > 1
    fitted = HistGradientBoostingClassifier(
        max_iter=rounds, max_leaf_nodes=leaves, categorical_features=[LEVELS], min_samples_leaf=5
    ).fit(x, y)
    with np.errstate(invalid="ignore"):
        imported = treelite.sklearn.import_model(fitted)
    return Trees(imported.serialize_bytes(), INPUTS, (0, 2, 3, 5)), imported


def placed(x: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the inputs among features that the trees do not read."""
    wide = np.full((len(x), 7), 8.5)
    wide[:, list(INPUTS)] = x
    return wide


@pytest.mark.parametrize("leaves", [2, 8, 9, 31, 64])
def test_leads_end_in_the_leaves_that_treelite_finds(leaves: int) -> None:
    trees, imported = grown(leaves)
    x = drawn(500, 1)
    x[:5, LEVELS] = [40, 41, 300, 39, 0]  # unseen levels among them
    expected = gtil.predict(imported, x, nthread=1, pred_margin=True).reshape(-1)
    assert trees.log_odds(placed(x)) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("leaves", [4, 8, 31])
def test_effects_are_what_changes_without_a_feature(leaves: int) -> None:
    trees, imported = grown(leaves)
    x = drawn(60, 2)
    whole, effects = trees.explained(placed(x))
    assert whole.tolist() == trees.log_odds(placed(x)).tolist()
    assert trees.places.tolist() == [0, 2, 3, 5]
    for column, place in enumerate(trees.places.tolist()):
        without = x.copy()
        without[:, INPUTS.index(place)] = np.nan
        fall = whole - gtil.predict(imported, without, nthread=1, pred_margin=True).reshape(-1)
        assert effects[:, column] == pytest.approx(fall, abs=1e-12)
        assert (effects[np.isnan(x[:, INPUTS.index(place)]), column] == 0).all()


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 60), st.integers(0, 99), st.sampled_from([(8, 40), (8, 150), (31, 40)]))
def test_a_lead_alone_gets_what_it_gets_among_others(
    leads: int, seed: int, size: tuple[int, int]
) -> None:
    trees, _ = grown(*size)
    x = placed(drawn(leads, seed))
    together = trees.explained(x)
    alone = [trees.explained(x[row : row + 1]) for row in range(leads)]
    for part in (0, 1):
        assert together[part].tolist() == [one[part][0].tolist() for one in alone]


def test_many_leads_go_in_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    trees, _ = grown(8)
    x = placed(drawn(300, 3))
    whole, effects = trees.explained(x)
    monkeypatch.setattr(trees_module, "AT_ONCE", 50_000)
    again = trees.explained(x)
    assert whole.tolist() == again[0].tolist()
    assert effects.tolist() == again[1].tolist()


def test_trees_of_a_single_leaf_say_the_same_of_every_lead() -> None:
    x = np.zeros((50, 4))
    fitted = HistGradientBoostingClassifier(max_iter=2).fit(x, np.arange(50) % 4 == 0)
    with np.errstate(invalid="ignore"):
        content = treelite.sklearn.import_model(fitted).serialize_bytes()
    trees = Trees(content, INPUTS, ())
    whole, effects = trees.explained(placed(drawn(3, 0)))
    assert whole == pytest.approx(np.log(13 / 37), abs=1e-6)
    assert effects.shape == (3, 0)
    assert len(trees.places) == 0
    assert trees.log_odds(np.empty((0, 7))).shape == (0,)


def test_no_leads() -> None:
    whole, effects = grown(8)[0].explained(np.empty((0, 7)))
    assert (whole.shape, effects.shape) == ((0,), (0, 4))
