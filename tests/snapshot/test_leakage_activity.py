"""Activities after the outcome, and columns that count them."""

import numpy as np
import pytest

from leadml.data.activity_log import ActivityLog
from leadml.data.values import MICROSECONDS_A_DAY as DAY
from leadml.data.values import NO_TIME
from leadml.snapshot.leakage_activity import LaterActivity, after_closing


def log_of(
    lead: list[int], days: list[float], kind: list[int], kinds: tuple[str, ...]
) -> ActivityLog:
    at = np.round(np.array(days) * DAY).astype(np.int64)
    nothing = np.full(len(lead), -1, np.int32)
    return ActivityLog(np.array(lead, np.intp), at, np.array(kind, np.int32), nothing, kinds, ())


class TestAfterClosing:
    def test_counts(self) -> None:
        # Lead 0 closes on day 10.5: one before, one at that moment, one after. Lead 1 is open,
        # and the others close at other times of the day.
        log = log_of([0, 0, 0, 1], [1, 10.5, 12, 50], [0, 0, 0, 0], ("call",))
        closed = [round(day * DAY) for day in (10.5, 9.25, 8.125)]
        found = after_closing(log, np.array([closed[0], NO_TIME, *closed[1:]]))
        assert (found.count, found.total, found.kinds) == (2, 3, {})

    def test_the_closing_day_counts_as_before_where_only_days_are_known(self) -> None:
        log = log_of([0, 0], [10.9, 11.1], [0, 0], ("call",))
        assert after_closing(log, np.array([10 * DAY])).count == 1

    def test_kinds_that_come_after_it(self) -> None:
        # 19 of 20 invoices are later (95 %), 18 of 20 letters, all of 19 visits.
        kinds = ("invoice", "letter", "visit")
        days = [1.0] + [20.0] * 19 + [1.0] * 2 + [20.0] * 18 + [20.0] * 19
        log = log_of([0] * 59, days, [0] * 20 + [1] * 20 + [2] * 19, kinds)
        closed = np.array([round(10.5 * DAY), round(3.25 * DAY), round(4.1 * DAY)])
        assert after_closing(log, closed).kinds == {"invoice": pytest.approx(0.95)}

    def test_activities_of_open_leads_speak_against_it(self) -> None:
        log = log_of([0] * 20 + [1] * 20, [20.0] * 40, [0] * 40, ("invoice",))
        assert after_closing(log, np.array([round(1.5 * DAY), NO_TIME])).kinds == {}

    def test_nothing_to_hold_against(self) -> None:
        log = log_of([0], [1], [-1], ())
        assert after_closing(log, np.array([NO_TIME])).total == 0
        assert after_closing(ActivityLog.empty(), np.array([DAY])).count == 0
        assert after_closing(log, np.array([DAY // 2])).kinds == {}


class TestLaterActivity:
    rng = np.random.default_rng(0)
    n = 400
    won = (rng.random(n) < 0.3).astype(np.int8)
    before = rng.poisson(4, n)
    later = rng.poisson(3 + 4 * won)
    mails = rng.poisson(1, n)
    as_of = np.full(n, 10 * DAY)

    def log(self) -> ActivityLog:
        lead = [*np.repeat(np.arange(self.n), self.before)]
        days = [5.0] * len(lead)
        for count, day in ((self.later, 15.0), (self.mails, 16.0)):
            lead += [*np.repeat(np.arange(self.n), count)]
            days += [day] * int(count.sum())
        kind = [0] * int(self.before.sum() + self.later.sum()) + [1] * int(self.mails.sum())
        return log_of(lead, days, kind, ("call", "mail"))

    def tracked(self, values: np.ndarray) -> tuple[str | None, float]:
        found = LaterActivity(self.log(), self.as_of, self.won).tracked(values.astype(float))
        assert found is not None
        return found.kind, found.correlation

    def test_a_count_over_all_time(self) -> None:
        kind, correlation = self.tracked(self.before + self.later + self.mails)
        assert kind is None
        assert correlation > 0.9

    def test_a_count_of_one_kind(self) -> None:
        kind, correlation = self.tracked(self.before + self.later)
        assert kind == "call"
        assert correlation > 0.9

    def test_a_count_before_the_moment_is_sound(self) -> None:
        assert self.tracked(self.before + self.rng.poisson(2, self.n))[1] < 0.2

    def test_a_column_that_tells_the_outcome_is_no_count(self) -> None:
        # Won leads are busier later: without the outcome held fixed this would correlate at .5.
        assert self.tracked(self.won + self.rng.normal(size=self.n) / 4)[1] < 0.2

    def test_gaps_are_left_out(self) -> None:
        values = (self.before + self.later).astype(float)
        values[::3] = np.nan
        assert self.tracked(values)[1] > 0.9

    def test_a_constant_follows_nothing(self) -> None:
        assert self.tracked(np.full(self.n, 3.0))[1] == 0.0

    def test_undated_leads_and_few_later_ones_tell_nothing(self) -> None:
        nowhere = LaterActivity(self.log(), np.full(self.n, NO_TIME), self.won)
        assert nowhere.tracked(self.before.astype(float)) is None
        few = np.where(np.arange(self.n) < 29, 10 * DAY, 30 * DAY)
        assert LaterActivity(self.log(), few, self.won).tracked(self.before.astype(float)) is None

    def test_many_leads_are_thinned(self) -> None:
        n = 9000
        log = log_of([*range(n)] * 2, [15.0] * n + [5.0] * n, [0] * 2 * n, ("call",))
        later = LaterActivity(log, np.full(n, 10 * DAY), np.zeros(n, np.int8))
        assert len(later.rows) == 3000
        found = later.tracked(np.arange(float(n)))
        assert found is not None
        assert found.correlation == 0.0  # every lead has one later activity
