"""Which reasons are told, in which words, and that they sum."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from leadml.model.candidates import boosted
from leadml.model.peers import FeaturePeers, Group, Peers
from leadml.model.reasons import Reasons, percent_words, rate_words, strongest
from leadml.model.scorecard import Explained, Levels, Line, Machine, Scorecard, Steps
from leadml.model.trend import Trend
from leadml.snapshot.feature import Feature
from leadml.snapshot.features import FeatureSet

GAP = math.nan
FEATURES = FeatureSet(
    (
        Feature(name="page_view /pricing: times in 7 days", kind="count", window=7.0),
        Feature(name="source", kind="text", column="source", levels=("Ads", "Web")),
        Feature(name="note mentions 'demo'", kind="word", column="note", word="demo"),
        Feature(name="call: days since last", kind="recency"),
        Feature(name="size", kind="number", column="size"),
    ),
    frozenset(),
)
PEERS = Peers(
    1000,
    220,
    (
        FeaturePeers(
            (
                Group("= 0", 500, 80),
                Group("= 1", 120, 4),
                Group("≥ 2", 380, 156),
                Group("not known", 0, 0),
            ),
            edges=(1.0, 2.0),
        ),
        FeaturePeers(
            (Group("Ads", 12, 5), Group("Web", 988, 215), Group("not known", 0, 0)),
            group_of=(0, 1),
        ),
        FeaturePeers(
            (Group("no", 900, 180), Group("yes", 100, 40), Group("not known", 0, 0)), edges=(0.5,)
        ),
        FeaturePeers(
            (Group("< 7", 600, 160), Group("none, or not known", 400, 60)), edges=()
        ),
        FeaturePeers((Group("any value", 1000, 220), Group("not known", 0, 0))),
    ),
)  # fmt: skip
LEAD = np.array([[3.0, 0.0, 1.0, GAP, 12_000.0]])


def explained(*effects: float) -> Explained:
    each = np.array([effects], float)
    return Explained(each.sum(axis=1) - 1, each, np.array([-1.0]))


def told(
    *effects: float, peers: Peers | None = PEERS, lead: NDArray[np.float64] = LEAD
) -> list[str]:
    (reasons,), _ = Reasons(FEATURES, peers, exact=True).of(lead, explained(*effects))
    return [reason["text"] for reason in reasons]


def test_a_reason_in_full() -> None:
    (reasons,), (total,) = Reasons(FEATURES, PEERS, exact=True).of(LEAD, explained(1.5, 0, 0, 0, 0))
    assert reasons == [
        {
            "feature": "page_view /pricing: times in 7 days",
            "value": 3.0,
            "effect": 1.5,
            "direction": "up",
            "text": "page_view /pricing: ≥ 2 times in 7 days: "
            "41 % of 380 such leads closed, 22 % of all",
            "peers": {"range": "≥ 2", "leads": 380, "won": 156, "close_rate": 156 / 380},
        }
    ]
    assert total == {
        "kind": "exact", "base": -1.0, "shown": 1.5, "rest": 0.0, "total": 0.5,
        "note": total["note"],
    }  # fmt: skip
    assert "base" in total["note"]


def test_every_kind_of_feature_reads_well() -> None:
    assert told(5, 4, 3, -2, 0) == [
        "page_view /pricing: ≥ 2 times in 7 days: 41 % of 380 such leads closed, 22 % of all",
        "source is Ads: 5 of 12 such leads closed, too few for a rate",
        "note mentions 'demo': 40 % of 100 such leads closed, 22 % of all",
        "call: days since last: none, or not known: 15 % of 400 such leads closed, 22 % of all",
    ]
    other = np.array([[0.0, 1.0, 0.0, 2.0, GAP]])
    assert told(5, -4, -3, 2, 1, lead=other) == [
        "page_view /pricing: 0 times in 7 days: 16 % of 500 such leads closed, 22 % of all; "
        "given its other traits it speaks for this lead",
        "source is Web: 22 % of 988 such leads closed, 22 % of all",
        "note does not mention 'demo': 20 % of 900 such leads closed, 22 % of all",
        "call: days since last < 7: 27 % of 600 such leads closed, 22 % of all",
        "size not known: no such lead was learnt from",
    ]


def test_with_trees_the_text_says_what_an_effect_is() -> None:
    lead = np.array([[0.0, 1.0, 1.0, GAP, 12_000.0]])
    found = Explained(np.zeros(1), np.array([[0.5, 0.0, -0.25, 0.0, 0.0]]), None)
    (reasons,), _ = Reasons(FEATURES, PEERS, exact=False).of(lead, found)
    assert [reason["text"] for reason in reasons] == [
        "page_view /pricing: 0 times in 7 days: 16 % of 500 such leads closed, 22 % of all; "
        "were it not known, this lead would score lower",
        "note mentions 'demo': 40 % of 100 such leads closed, 22 % of all; "
        "were it not known, this lead would score higher",
    ]


def test_a_version_without_peers_tells_values() -> None:
    assert told(5, 4, 3, -2, 1, peers=None) == [
        "page_view /pricing: 3 times in 7 days",
        "source is Ads",
        "note mentions 'demo'",
        "call: days since last: none, or not known",
        "size = 12,000",
    ]
    (reasons,), _ = Reasons(FEATURES, None, exact=True).of(LEAD, explained(1, 0, 0, 0, 0))
    assert reasons[0]["peers"] is None


def test_what_is_told_may_be_changed_by_who_asked() -> None:
    maker = Reasons(FEATURES, PEERS, exact=True)
    (first,), _ = maker.of(LEAD, explained(1, 0, 0, 0, 0))
    first[0]["peers"]["leads"] = 0
    (again,), _ = maker.of(LEAD, explained(1, 0, 0, 0, 0))
    assert again[0]["peers"]["leads"] == 380


@pytest.mark.parametrize(
    ("effects", "places"),
    [
        ([6, 5, 4, 3, 2, 1, -0.5, -0.25, -0.1], [0, 1, 2, 6, 7]),  # two of the weak ones down
        ([6, -5, 4, 3, 2, 1, 0, 0, 0], [0, 1, 2, 3, 4]),  # one down is all there is
        ([-1, 2, -3, 4, -5, 6], [5, 4, 3, 2, 1]),
        ([1, 1, 1, 1, 1, 1], [0, 1, 2, 3, 4]),  # equals in the model's order
        ([0, 0, 2], [2]),  # effects of 0 are left out
        ([1e-10, -4, -3, -2, -1, -0.5], [1, 2, 3, 4, 5]),  # too small to count as a reason up
    ],
)
def test_the_strongest_and_two_each_way(effects: list[float], places: list[int]) -> None:
    assert strongest(effects) == places


@given(st.lists(st.floats(-3, 3), min_size=1, max_size=12))
def test_at_least_two_each_way(effects: list[float]) -> None:
    places = strongest(effects)
    counted = sum(abs(effect) > 1e-9 for effect in effects)
    assert len(places) == len(set(places)) == min(5, counted)
    for sign in (1, -1):
        there = sum(sign * effect > 1e-9 for effect in effects)
        named = [effects[place] for place in places if sign * effects[place] > 1e-9]
        assert len(named) >= min(2, there)
        best = sorted((e for e in effects if sign * e > 1e-9), key=abs, reverse=True)
        assert sorted(named, key=abs, reverse=True) == best[: len(named)]


CARD = Scorecard(
    -1.0,
    (
        Line(0, (0.0, 2.0, 9.0), (0.0, 1.0, 1.5), missing=0.25),
        Levels(1, (0.5, -0.5), missing=0.125),
        Steps(2, (0.5,), (0.0, 2.0), missing=-1.0),
        Line(3, (0.0, 30.0), (0.75, -0.75), missing=-0.3),
    ),
)
TREND = Trend(0.01, 0, 0, 10 * 86_400_000_000)


@given(
    st.lists(
        st.tuples(
            *[st.sampled_from([GAP, -1.0, 0.0, 0.5, 1.0, 2.0, 7.0, 1e6])] * 5,
            st.integers(0, 20),
        ),
        min_size=1,
        max_size=8,
    ),
    st.floats(0.1, 3),
)
def test_reasons_sum_exactly(rows: list[tuple[float, ...]], slope: float) -> None:
    # whatever the lead, unseen texts (missing) too: the parts are its log-odds
    x = np.array([row[:5] for row in rows])
    x[:, 1] = np.where(x[:, 1] == 1, 1, np.where(x[:, 1] == 0, 0, GAP))
    as_of = np.array([row[5] for row in rows], np.int64) * 86_400_000_000
    other = Scorecard(0.3, (Steps(4, (1.0,), (0.1, -0.2), missing=0.4),))
    machine = Machine(
        ((0.6, CARD), (0.4, other)), (), slope, 0.2, (0.4, 0.1, -0.2, 0.0, 0.05), TREND
    )
    found = machine.explained(x, as_of)
    assert (found.log_odds == machine.log_odds(x, as_of)).all()
    reasons, sums = Reasons(FEATURES, PEERS, exact=True).of(x, found)
    p = 1 / (1 + np.exp(-found.log_odds))
    for own, total, probability in zip(reasons, sums, p, strict=True):
        assert total["kind"] == "exact"
        assert total["shown"] == pytest.approx(sum(r["effect"] for r in own), abs=1e-12)
        whole = total["base"] + total["shown"] + total["rest"]
        assert whole == pytest.approx(total["total"], abs=1e-9)
        assert 1 / (1 + math.exp(-whole)) == pytest.approx(probability, abs=1e-9)


def test_the_base_is_the_average_lead() -> None:
    # the constant -1 and the mean terms .4 + .1, times 2, and .2; ten days of a trend add .1
    machine = Machine(((1.0, CARD),), (), 2.0, 0.2, (0.4, 0.1, 0.0, 0.0, 0.0), TREND)
    found = machine.explained(LEAD, np.array([30 * 86_400_000_000]))
    assert found.start is not None
    assert found.start[0] == pytest.approx(2 * (-1 + 0.5) + 0.2 + 0.1)


def test_with_trees_they_need_not_sum() -> None:
    random = np.random.default_rng(0)
    x = random.normal(size=(300, 5))
    y = (random.random(300) < 1 / (1 + np.exp(-2 * x[:, 0] * x[:, 2]))).astype(np.int8)
    machine = boosted(
        x, y, categorical=np.zeros(5, bool), additive=False, newest_last=False, seed=0, rounds=20
    ).machine
    x[:, 1] = 0
    found = machine.explained(x[:9], np.zeros(9, np.int64))
    assert (found.log_odds == machine.log_odds(x[:9], np.zeros(9, np.int64))).all()
    reasons, sums = Reasons(FEATURES, PEERS, exact=False).of(x[:9], found)
    for row, total in enumerate(sums):
        assert (total["kind"], total["base"], total["rest"]) == ("if_missing", None, None)
        assert total["shown"] == pytest.approx(sum(r["effect"] for r in reasons[row]))
        assert total["total"] == found.log_odds[row]
        assert "need not sum" in total["note"]
        first = FEATURES.names.index(reasons[row][0]["feature"])
        without = x[row : row + 1].copy()
        without[:, first] = GAP
        change = found.log_odds[row] - machine.log_odds(without)[0]
        assert reasons[row][0]["effect"] == pytest.approx(change, abs=1e-12)


def test_no_features() -> None:
    empty = FeatureSet((), frozenset())
    machine = Machine(((1.0, Scorecard(-2.0)),))
    found = machine.explained(np.empty((1, 0)), np.zeros(1, np.int64))
    reasons, (total,) = Reasons(empty, None, exact=True).of(np.empty((1, 0)), found)
    assert reasons == [[]]
    assert (total["base"], total["shown"], total["rest"], total["total"]) == (-2, 0, 0, -2)


@pytest.mark.parametrize(
    ("share", "words"),
    [(0.0, "0 %"), (0.034, "3.4 %"), (0.0996, "10 %"), (0.41053, "41 %"), (1.0, "100 %")],
)
def test_shares(share: float, words: str) -> None:
    assert percent_words(share) == words


@pytest.mark.parametrize(
    ("group", "words"),
    [
        (Group("", 0, 0), "no such lead was learnt from"),
        (Group("", 19, 4), "4 of 19 such leads closed, too few for a rate"),
        (Group("", 20, 4), "20 % of 20 such leads closed"),
        (Group("", 1_450, 290), "20 % of 1,450 such leads closed"),
        (Group("", 12_345, 617), "5.0 % of 12,345 such leads closed"),
    ],
)
def test_rates_tell_their_count(group: Group, words: str) -> None:
    assert rate_words(group) == words
