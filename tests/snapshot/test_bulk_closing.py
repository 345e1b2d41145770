"""Closing in bulk: what is one, and which of its leads nobody had worked."""

import numpy as np
import pytest

from leadml.data.values import NO_TIME
from leadml.snapshot.bulk_closing import BulkClosing, bulk_closing, never_worked

MINUTE, HOUR, DAY = 60_000_000, 3_600_000_000, 86_400_000_000
NOON = 20_000 * DAY + 12 * HOUR


def found(
    losses: list[int], *, wins: list[int] | None = None, open_leads: int = 0
) -> tuple[BulkClosing, list[int]]:
    """Return what is found and the moments of the losses in bulk, in hours after `NOON`."""
    wins = wins or []
    closed = np.array([*losses, *wins, *[NO_TIME] * open_leads], np.int64)
    lost = np.arange(len(closed)) < len(losses)
    won = ~lost & (closed != NO_TIME)
    bulk = bulk_closing(closed, lost=lost, won=won)
    assert not bulk.lost_in_bulk[~lost].any()
    return bulk, sorted((closed[bulk.lost_in_bulk] - NOON) // MINUTE)


# One loss an hour at ten to, on eleven earlier days: the usual.
USUAL = [NOON - day * DAY - 10 * MINUTE for day in range(1, 12)]


class TestWhatIsABulk:
    @pytest.mark.parametrize(("leads", "recognised"), [(20, 20), (19, 0)])
    def test_twenty_losses_at_one_moment(self, leads: int, recognised: int) -> None:
        bulk, moments = found([*USUAL, *[NOON] * leads], open_leads=3)
        assert moments == [0] * recognised
        assert bulk.usual == 1
        assert bulk.bulks == (((NOON, 20),) if recognised else ())

    def test_within_half_an_hour_either_way(self) -> None:
        # 20 leads a minute apart, another one 30 minutes after the last, one 31 after the last:
        # around the 20th lie 19 + 1 others, around the one 30 minutes later it and only few.
        burst = [NOON + n * MINUTE for n in range(20)]
        _, moments = found([*USUAL, *burst, NOON + 49 * MINUTE, NOON + 50 * MINUTE])
        assert moments == list(range(20))

    @pytest.mark.parametrize(("leads", "recognised"), [(30, True), (29, False)])
    def test_far_more_than_usual(self, leads: int, recognised: bool) -> None:
        # three losses in each usual hour: ten times as many are thirty
        bulk, moments = found([*USUAL * 3, *[NOON] * leads])
        assert bulk.usual == 3
        assert (len(moments) == leads) == recognised

    @pytest.mark.parametrize(("hours", "recognised"), [(10, True), (9, False)])
    def test_the_usual_must_be_known(self, hours: int, recognised: bool) -> None:
        # with the bulk's own: 11 hours with losses, or 10
        bulk, moments = found([*USUAL[:hours], *[NOON] * 40])
        assert bool(moments) == recognised
        assert np.isnan(bulk.usual) != recognised

    def test_a_company_that_always_closes_in_batches_closes_nothing_in_bulk(self) -> None:
        weekly = [NOON - week * 7 * DAY for week in range(1, 20) for _ in range(40)]
        assert found(weekly)[1] == []

    @pytest.mark.parametrize(("wins", "recognised"), [(4, True), (5, False)])
    def test_a_migrations_date_on_wins_and_losses_alike_is_none(
        self, wins: int, recognised: bool
    ) -> None:
        assert bool(found([*USUAL, *[NOON] * 40], wins=[NOON] * wins)[1]) == recognised

    def test_the_largest_comes_first(self) -> None:
        bulk, _ = found([*USUAL, *[NOON] * 20, *[NOON + DAY] * 25])
        assert bulk.bulks == ((NOON + DAY, 25), (NOON, 20))

    def test_dates_are_compared_by_the_day(self) -> None:
        midnight = 20_000 * DAY
        usual = [midnight - day * DAY for day in range(1, 12) for _ in range(2)]
        # the day before has 2 losses: it is no part of the bulk
        bulk, moments = found([*usual, *[midnight] * 20])
        assert (bulk.usual, len(moments)) == (2, 20)
        assert found([*usual, *[midnight] * 19])[1] == []

    def test_nothing_closed(self) -> None:
        bulk, moments = found([], open_leads=4)
        assert (moments, bulk.bulks) == ([], ())


class TestNeverWorked:
    def worked(self, followed_up: list[int], *, closed: int = NOON) -> list[bool]:
        """Return which leads of one bulk were never worked; a further one was not in the bulk."""
        times = np.array([*followed_up, NO_TIME], np.int64)
        in_bulk = np.arange(len(times)) < len(followed_up)
        bulk = BulkClosing(in_bulk, 1.0, ())
        flags = never_worked(bulk, closed=np.full(len(times), closed), followed_up=times)
        assert not flags[-1]
        return flags[:-1].tolist()

    def test_no_follow_up_or_one_stamped_by_the_closing(self) -> None:
        stamps = [NO_TIME, NOON, NOON + DAY, NOON - HOUR + 1, NOON - HOUR, NOON - 9 * DAY]
        assert self.worked(stamps) == [True, True, True, True, False, False]

    def test_dates_of_follow_up_beside_times_of_closing(self) -> None:
        # closed on day 20,000 at noon: the date of that day is no proof of work, the day before is
        dates = [20_000 * DAY, 19_999 * DAY, 20_001 * DAY, 19_990 * DAY]
        closed = np.array([NOON, NOON + 3 * HOUR, NOON + 7 * MINUTE, NOON], np.int64)
        bulk = BulkClosing(np.ones(4, bool), 1.0, ())
        flags = never_worked(bulk, closed=closed, followed_up=np.array(dates))
        assert flags.tolist() == [True, False, True, False]

    def test_dates_of_both(self) -> None:
        midnight = 20_000 * DAY
        stamps = [midnight, midnight - DAY, midnight - 23 * HOUR]  # a day after summer time began
        assert self.worked(stamps[:2], closed=midnight) == [True, False]
        assert self.worked(stamps[1:], closed=midnight) == [False, False]
