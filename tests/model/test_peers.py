"""Leads like a lead, counted by hand."""

import json
import math

import numpy as np
import pytest
from numpy.typing import NDArray

from leadml.model.candidates import boosted
from leadml.model.peers import FeaturePeers, Group, Peers, peers_of
from leadml.model.scorecard import Levels, Machine, Scorecard, Steps
from leadml.snapshot.feature import RARE, Feature
from leadml.snapshot.features import FeatureSet

GAP = math.nan
FEATURES = FeatureSet(
    (
        Feature(name="visits", kind="count"),
        Feature(name="source", kind="text", column="source", levels=("Ads", "Fair", "Web", RARE)),
        Feature(name="note mentions 'demo'", kind="word", column="note", word="demo"),
    ),
    frozenset(),
)
CARD = Scorecard(
    -1.0,
    (
        Steps(0, cuts=(0.5, 3.5), values=(-1.0, 0.0, 2.0), missing=0.5),
        Levels(1, values=(0.0, 1.0, -1.0, 0.5), missing=0.0),
        Steps(2, cuts=(0.5,), values=(0.0, 3.0), missing=0.0),
    ),
)
MACHINE = Machine(((1.0, CARD),), slope=2.0, center=(0.25, 0.0, 0.0))


def leads() -> tuple[NDArray[np.float64], NDArray[np.int8]]:
    """200 leads: visits 0 to 4 forty times each, the last 10 unknown; every other one won."""
    visits = np.repeat(np.arange(5.0), 40)
    visits[190:] = GAP
    source = np.repeat([0.0, 1.0, 2.0, 3.0], [100, 15, 80, 5])
    source[0] = GAP
    demo = np.zeros(200)
    demo[:30] = 1
    won = np.zeros(200, np.int8)
    won[::2] = 1
    won[160:] = 1
    return np.column_stack([visits, source, demo]), won


@pytest.fixture(scope="module")
def peers() -> Peers:
    return peers_of(FEATURES, *leads(), MACHINE)


def test_a_number(peers: Peers) -> None:
    # -1 for none, 0 for one to three, 2 above, each less .25, times 2: six ranges are the most,
    # so every number stays; the ten unknown were won with the last forty
    visits = peers.features[0]
    assert [(g.range, g.leads, g.won, g.effect) for g in visits.groups] == [
        ("= 0", 40, 20, -2.5),
        ("= 1", 40, 20, -0.5),
        ("= 2", 40, 20, -0.5),
        ("= 3", 40, 20, -0.5),
        ("≥ 4", 30, 30, 3.5),
        ("not known", 10, 10, 0.5),
    ]
    assert visits.edges == (1, 2, 3, 4)
    assert visits.direction == "up"
    # (40 * 2.5 + 120 * .5 + 30 * 3.5 + 10 * .5) / 200
    assert visits.importance == pytest.approx(270 / 200)
    assert visits.pieces == ((40, 20), (120, 60), (30, 30), (10, 10))


def test_a_text_whose_few_are_together(peers: Peers) -> None:
    # Fair has 15 leads (eight won), fewer than 20, and joins the five rare, all won; of Web's 80
    # 45 are the 116th to 160th, 22 of them won, and 35 later ones were all won
    source = peers.features[1]
    assert [(g.range, g.leads, g.won) for g in source.groups] == [
        ("Ads", 99, 49),
        ("Web", 80, 57),
        ("one of 1 or more rare values", 20, 13),
        ("not known", 1, 1),
    ]
    assert source.group_of == (0, 2, 1, 2)
    assert source.groups[2].effect == pytest.approx((15 * 2 + 5 * 1) / 20)
    assert source.direction is None
    assert source.pieces == ((99, 49), (15, 8), (80, 57), (5, 5), (1, 1))


def test_a_word(peers: Peers) -> None:
    demo = peers.features[2]
    assert [(g.range, g.leads, g.won) for g in demo.groups] == [
        ("no", 170, 105),
        ("yes", 30, 15),
        ("not known", 0, 0),
    ]
    assert (demo.groups[2].close_rate, demo.groups[2].effect) == (None, None)


def test_every_lead_counts_in_one_group_of_each_feature(peers: Peers) -> None:
    x, y = leads()
    for place, own in enumerate(peers.features):
        found = np.array([own.group(value) for value in x[:, place]])
        assert [(g.leads, g.won) for g in own.groups] == [
            (int((found == k).sum()), int(y[found == k].sum())) for k in range(len(own.groups))
        ]
        assert sum(leads for leads, _ in own.pieces) == len(y)
        assert sum(won for _, won in own.pieces) == y.sum()


def test_where_a_value_belongs() -> None:
    groups = tuple(Group(name, 1, 0) for name in "abc")
    number = FeaturePeers(groups, edges=(2.0,))
    assert [number.group(v) for v in (-9.0, 1.9, 2.0, 99.0, GAP)] == [0, 0, 1, 1, 2]
    text = FeaturePeers(groups, group_of=(1, 0))
    assert [text.group(v) for v in (0.0, 1.0, 7.0, GAP)] == [1, 0, 0, 2]
    assert FeaturePeers(groups[:2]).group(5.0) == 0


@pytest.mark.parametrize(
    ("effects", "direction"),
    [
        ([0, 1, 2], "up"),
        ([3, 1, 1], "down"),
        ([0, 5, 4.5], "up"),
        ([0, 1, 0], "both"),
        ([2, 2.4, 2], None),  # its being there matters, not how much there is
    ],
)
def test_direction(effects: list[float], direction: str | None) -> None:
    groups = tuple(Group("", 9, 1, effect) for effect in [*effects, 7.0])
    assert FeaturePeers(groups, edges=(1, 2), importance=1.0).direction == direction
    assert FeaturePeers(groups, edges=(1, 2)).direction is None


def test_they_survive_json_and_a_slope(peers: Peers) -> None:
    assert Peers.from_dict(json.loads(json.dumps(peers.to_dict()))) == peers
    half = peers.scaled(0.5)
    assert half.features[0].groups[0].effect == -1.25
    assert half.features[0].importance == pytest.approx(135 / 200)
    assert half.features[0].groups[0].leads == 40
    assert half.features[2].groups[2].effect is None


def test_what_the_model_looks_at(peers: Peers) -> None:
    found = peers.looks_at(FEATURES.names, exact=True)
    rows = found["features"]
    assert found["kind"] == "exact"
    assert rows[0]["importance"] == pytest.approx(270 / 200)
    assert rows[0]["direction"] == "up"
    assert peers.scaled(0.0).looks_at(FEATURES.names, exact=False) == {
        "kind": "if_missing", "features": [],
    }  # fmt: skip
    assert [row["feature"] for row in rows] == ["visits", "source", "note mentions 'demo'"]
    assert rows[0]["ranges"][0] == {
        "range": "= 0", "leads": 40, "won": 20, "close_rate": 0.5, "effect": -2.5,
    }  # fmt: skip
    assert len(rows[2]["ranges"]) == 2  # nobody whose note is not known


def test_trees_are_asked_by_leaving_a_feature_out() -> None:
    x, y = leads()
    full = boosted(
        x, y, categorical=np.array([False, True, False]), additive=False, newest_last=False,
        seed=0, rounds=10,
    )  # fmt: skip
    found = peers_of(FEATURES, x, y, full.machine)
    assert found.features[0].pieces == ()
    assert found.features[0].groups[-1].effect == 0  # missing stays missing
    mean = np.abs(full.machine.effects(x)).mean(axis=0)
    assert [own.importance for own in found.features] == pytest.approx(mean.tolist())
    assert found.features[0].groups[0].leads == 40


def test_no_feature_no_lead() -> None:
    nothing = Machine(((1.0, Scorecard(0.0)),))
    empty = FeatureSet((), frozenset())
    assert peers_of(empty, np.empty((3, 0)), np.array([0, 1, 0], np.int8), nothing) == Peers(
        3, 1, ()
    )
