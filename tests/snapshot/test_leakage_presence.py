"""What leads still open hold."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
import pytest

from leadml.data.leads import Leads, read_leads
from leadml.data.tables import table_of
from leadml.domain.agreement import Agreement
from leadml.domain.mapping import LeadMapping
from leadml.snapshot.labels import judge
from leadml.snapshot.leakage_presence import (
    AGAINST,
    OnlyClosed,
    OpenLeads,
    held_early,
    told_by_presence,
)

MAPPING = LeadMapping(
    id="id", outcome="stage", won=("won",), lost=("lost",), created_at="created", closed_at="closed"
)
NAN = np.nan


def export(stages: Sequence[str], column: Sequence[object], *, dated: bool = True) -> Leads:
    """Leads created one a day, closed the day after."""
    created = pd.date_range("2024-01-01", periods=len(stages))
    frame = pd.DataFrame({"id": [f"L{n}" for n in range(len(stages))], "stage": stages})
    mapping = MAPPING
    if dated:
        frame["created"] = created.astype(str)
        closed = pd.Series((created + pd.Timedelta(days=1)).astype(str))
        frame["closed"] = closed.where(frame["stage"] != "open").astype(object)
    else:
        mapping = LeadMapping(id="id", outcome="stage", won=("won",), lost=("lost",))
    frame["c"] = pd.Series(list(column), dtype=object)
    return read_leads(table_of(frame, "leads.csv"), mapping, required={"id", "outcome"})


def found(
    stages: Sequence[str], column: Sequence[object], *, dated: bool = True
) -> OnlyClosed | None:
    leads = export(stages, column, dated=dated)
    judged = judge(leads, Agreement(horizon_days=30), now=leads.latest_time())
    return OpenLeads(leads, judged).only_closed(leads.raw("c"))


MIXED = ["won", "open", "lost", "open"] * 100
"""200 closed and 200 open leads, all over the period."""


class TestValuesOnlyClosedLeadsHold:
    @pytest.mark.parametrize("dated", [True, False])
    def test_filled_at_the_closing(self, dated: bool) -> None:
        # Open leads would hold 200 were they like closed ones; they hold none.
        counts = found(MIXED, [s if s != "open" else None for s in MIXED], dated=dated)
        assert counts is not None
        assert (counts.closed, counts.open) == (counts.closed_leads, 0)
        assert counts.open_leads > 150
        assert counts.expected == pytest.approx(counts.open_leads)

    def test_open_leads_hold_one_default(self) -> None:
        column = [n % 7 + 1 if s != "open" else 0 for n, s in enumerate(MIXED)]
        assert found(MIXED, column) is not None

    def test_a_text_that_means_missing(self) -> None:
        column = ["x" if s != "open" else ("n/a", None)[n % 3 == 0] for n, s in enumerate(MIXED)]
        assert found(MIXED, column) is not None

    def test_filled_for_all_alike(self) -> None:
        assert found(MIXED, [n % 5 for n in range(400)]) is None
        assert found(MIXED, ["x" if n % 3 else None for n in range(400)]) is None

    def test_a_field_given_up_before_the_open_leads_came(self) -> None:
        # 300 old closed leads are filled; of the newest 100, half open, none is.
        stages = ["won", "lost"] * 150 + ["won", "open"] * 50
        column = ["x"] * 300 + [None] * 100
        assert found(stages, column) is None

    def test_too_rare_to_tell(self) -> None:
        # 5 % of closed leads: open ones would hold 10; none of them may be chance.
        column = ["x" if s != "open" and n % 40 == 0 else None for n, s in enumerate(MIXED)]
        assert found(MIXED, column) is None

    def test_some_open_leads_hold_it_too(self) -> None:
        # A quarter as often is more than a fifth: perhaps sales asks for it on the way.
        column = ["x" if s != "open" or n % 8 == 1 else None for n, s in enumerate(MIXED)]
        assert found(MIXED, column) is None

    def test_without_open_or_without_closed_leads(self) -> None:
        assert found(["won", "lost"] * 50, [1] * 100) is None
        assert found(["won"] + ["open"] * 99, [1] + [None] * 99) is None


def told(stages: Sequence[str]) -> OpenLeads:
    leads = export(stages, [1] * len(stages))
    return OpenLeads(leads, judge(leads, Agreement(horizon_days=30), now=leads.latest_time()))


def test_the_newest_leads_are_those_mostly_open() -> None:
    # The last lead is closed so that all were judged by then: of the newest n + 1, n are open;
    # 50 older closed leads join until only .6 are: 60 / (61 + 39) = .6.
    found = told(["won"] * 50 + ["open"] * 60 + ["lost"])
    assert (len(found.young), int(found.waiting.sum()), found.young_won) == (100, 60, 39)
    # At a usual win rate of .6 there are 60 wins among the 100, 21 of them still to come; at .4
    # nearly all have come, but at least half the usual share is expected.
    assert found.to_come(0.6) == pytest.approx(21 / 60)
    assert found.to_come(0.4) == 0.2


def test_without_open_leads_none_is_young() -> None:
    found = told(["won", "lost"] * 30)
    assert (len(found.young), found.young_won, found.to_come(0.5)) == (0, 0, 0.25)


class TestHeldEarly:
    rng = np.random.default_rng(0)
    won = (rng.random(2000) < 0.3).astype(np.int8)
    values = rng.normal(size=2000) + 1.5 * won

    def asked(self, young: np.ndarray, to_come: float = 0.3, open_: int = 10_000) -> float | None:
        waiting = np.arange(len(young)) < open_
        given = {"to_come": to_come, "categorical": False}
        return held_early(young, waiting, self.values, self.won, **given)  # type: ignore[arg-type]

    def mixed(self, won: int, lost: int) -> np.ndarray:
        return np.concatenate([self.values[self.won == 1][:won], self.values[self.won == 0][:lost]])

    def test_spread_like_all(self) -> None:
        held = self.asked(self.values[:800])
        assert held is not None
        assert held > 3

    def test_like_lost_leads_only(self) -> None:
        held = self.asked(self.mixed(0, 400))
        assert held is not None
        assert held < -3

    def test_half_way_does_not_tell(self) -> None:
        # 15 of 100 values are win-like and 30 of 100 are to come: just half way.
        assert self.asked(self.mixed(60, 340)) == pytest.approx(0, abs=1)

    def test_it_is_in_standard_errors(self) -> None:
        # Four times as many leads with the same values halve the error.
        some = self.mixed(90, 310)
        few, many = self.asked(some), self.asked(np.tile(some, 4))
        assert few is not None
        assert many == pytest.approx(2 * few)

    def test_only_leads_still_open_are_asked(self) -> None:
        # The closed ones among the newest hold win-like values; those waiting do not.
        young = np.concatenate([self.mixed(0, 280), self.mixed(120, 0)])
        held = self.asked(young, open_=280)
        assert held is not None
        assert held < -3

    def test_values_of_their_own_speak_against(self) -> None:
        # A score raised with a win and lowered with a loss: open leads lie between the two, and
        # seem to hold more win-like values than will be won.
        held = self.asked(np.linspace(0.3, 1.2, 400))
        assert held == AGAINST

    def test_many_levels_are_compared_by_what_they_tell(self) -> None:
        # 200 levels that win in 1 of 2 or 1 of 10 cases: no two leads need share one to be alike.
        level = self.rng.integers(0, 200, 2200).astype(float)
        won = (self.rng.random(2200) < np.where(level < 100, 0.5, 0.1)).astype(np.int8)
        waiting = np.ones(200, bool)
        given = {"to_come": float(won.mean()), "categorical": True}
        held = held_early(level[2000:], waiting, level[:2000], won[:2000], **given)  # type: ignore[arg-type]
        assert held is not None
        assert held > 1

    def test_too_few(self) -> None:
        assert self.asked(self.values[:49]) is None

    def test_missing_or_shifted_speaks_against(self) -> None:
        for young in (np.full(400, NAN), self.values[:400] + 1.5):
            held = self.asked(young)
            assert held is not None
            assert held <= AGAINST


class TestPresenceTellingTheOutcome:
    won = np.array([1, 0] * 200, np.int8)

    def test_filled_for_won_leads(self) -> None:
        present = (self.won == 1) | (np.arange(400) % 4 == 1)
        assert told_by_presence(present, self.won) == (1.0, 0.5)

    def test_a_small_difference(self) -> None:
        present = (self.won == 1) | (np.arange(400) % 20 < 16)  # 1.0 and 0.8
        assert told_by_presence(present, self.won) is None

    def test_only_in_the_older_half(self) -> None:
        present = (self.won == 1) | (np.arange(400) >= 200)
        assert told_by_presence(present, self.won) is None

    @pytest.mark.parametrize("wins", [0, 9])
    def test_too_few(self, wins: int) -> None:
        won = np.zeros(400, np.int8)
        won[np.linspace(0, 399, wins).astype(int)] = 1
        assert told_by_presence(won == 1, won) is None
