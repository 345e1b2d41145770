"""Every branch of what an outcome is, each lead worked by hand."""

from collections.abc import Sequence
from dataclasses import replace
from typing import ClassVar

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from leadml.data.leads import Leads, read_leads
from leadml.data.tables import table_of
from leadml.domain.agreement import Agreement
from leadml.domain.mapping import LeadMapping
from leadml.snapshot.labels import WHY_NOT, Judged, judge

FULL = LeadMapping(
    id="id",
    outcome="stage",
    won=("Won",),
    lost=("Lost",),
    created_at="created",
    handed_off_at="handed",
    followed_up_at="touched",
    closed_at="closed",
    margin="margin",
)
AGREED = Agreement(horizon_days=90, follow_up_days=14)
NOW = np.datetime64("2024-12-31", "us")

# A lead that keeps every promise: handed off on 2 January, touched on the 5th, won in March.
GOOD = {
    "stage": "Won",
    "created": "2024-01-01",
    "handed": "2024-01-02T12:00",
    "touched": "2024-01-05T09:00",
    "closed": "2024-03-01T10:30",
    "margin": 0.4,
}


def leads_of(rows: Sequence[dict[str, object]], *unmapped: str) -> Leads:
    frame = pd.DataFrame(rows, dtype=object)
    frame["id"] = [f"L{n}" for n in range(len(frame))]
    mapping = replace(FULL, **dict.fromkeys(unmapped))  # type: ignore[arg-type]
    frame = frame.drop(columns=[getattr(FULL, role) for role in unmapped])
    return read_leads(table_of(frame, "leads.csv"), mapping, required={"id"})


def judged(
    rows: Sequence[dict[str, object]],
    *unmapped: str,
    now: np.datetime64 | None = NOW,
    **agreement: object,
) -> Judged:
    agreed = replace(AGREED, **agreement)  # type: ignore[arg-type]
    return judge(leads_of(rows, *unmapped), agreed, now=now)


def one(*unmapped: str, now: np.datetime64 | None = NOW, **changes: object) -> tuple[int, str]:
    """Return label and reason of the good lead with something changed."""
    agreement = {key: changes.pop(key) for key in list(changes) if key in vars(AGREED)}
    # A second lead with odd times keeps the closing times from looking like dates only.
    other = GOOD | {"closed": "2024-03-02T17:05:03"}
    third = GOOD | {"closed": "2024-03-04T08:15"}
    found = judged([GOOD | changes, other, third], *unmapped, now=now, **agreement)
    return int(found.label[0]), str(found.why_not[0])


class TestOutcome:
    def test_a_promise_kept(self) -> None:
        assert one() == (1, "")

    def test_lost_is_not_sales_ready(self) -> None:
        assert one(stage="Lost") == (0, "")

    def test_matured_and_still_open_is_not_sales_ready(self) -> None:
        assert one(stage="Working", closed=None) == (0, "")

    @pytest.mark.parametrize(
        ("closed", "label"),
        [
            # 90 days after 2 January 2024 12:00 (a leap year) is 1 April 12:00
            ("2024-04-01T12:00:00", 1),
            ("2024-04-01T12:00:00.000001", 0),
        ],
    )
    def test_a_win_counts_up_to_the_horizon_and_not_a_microsecond_longer(
        self, closed: str, label: int
    ) -> None:
        assert one(closed=closed) == (label, "")

    @pytest.mark.parametrize(
        ("now", "label", "why"),
        [("2024-04-01T12:00:00", 1, ""), ("2024-04-01T11:59:59.999999", -1, "ROW005")],
    )
    def test_a_lead_is_matured_the_moment_its_horizon_has_passed(
        self, now: str, label: int, why: str
    ) -> None:
        assert one(now=np.datetime64(now, "us")) == (label, why)

    @pytest.mark.parametrize("stage", ["Won", "Lost", "Working"])
    def test_what_has_not_matured_counts_as_nothing(self, stage: str) -> None:
        # An early loss is known, but leads won later than it are not: neither may count.
        assert one(stage=stage, now=np.datetime64("2024-03-20", "us")) == (-1, "ROW005")

    def test_a_win_without_a_closing_time_is_taken_as_in_time_and_said(self) -> None:
        found = judged([GOOD | {"closed": None}, GOOD])
        assert found.label.tolist() == [1, 1]
        (note,) = found.notes
        assert (note.code, note.column, note.count) == ("TIME012", "closed", 1)

    @pytest.mark.parametrize(("margin", "label"), [(0.25, 1), (0.2499, 0), (None, 0), (-0.1, 0)])
    def test_a_win_must_be_solid(self, margin: float | None, label: int) -> None:
        assert one(margin=margin, min_margin=0.25) == (label, "")

    @pytest.mark.parametrize("margin", [None, -0.9, 0.0])
    def test_without_an_agreed_margin_every_win_is_solid(self, margin: float | None) -> None:
        assert one(margin=margin) == (1, "")

    def test_a_margin_agreed_but_not_mapped_makes_every_win_solid(self) -> None:
        assert one("margin", min_margin=0.25) == (1, "")

    def test_unknown_margins_are_said(self) -> None:
        found = judged([GOOD | {"margin": None}, GOOD, GOOD | {"stage": "Lost"}], min_margin=0.1)
        (note,) = found.notes
        assert (note.code, note.column, note.count) == ("DATA030", "margin", 1)
        assert judged([GOOD | {"margin": None}]).notes == ()  # no margin agreed, none missed


class TestWhatIsKnownAtNow:
    MAY = np.datetime64("2024-05-01", "us")

    def test_a_close_after_now_is_unknown(self) -> None:
        # won on 2 May: on 1 May the lead is matured and still open, so not won
        assert one(closed="2024-05-02", now=self.MAY) == (0, "")
        # a win in time is not unmade by what comes after now
        assert one(now=self.MAY) == (1, "")

    def test_what_happens_at_this_very_moment_has_happened(self) -> None:
        now = np.datetime64("2024-04-01T12:00", "us")  # as the horizon passes
        assert one(closed="2024-04-01T12:00", now=now) == (1, "")

    def test_a_hand_off_after_now_has_not_happened(self) -> None:
        later = {"handed": "2024-05-02", "touched": None, "stage": "Working", "closed": None}
        assert one(**later, now=self.MAY) == (-1, "ROW006")

    def test_a_follow_up_after_now_has_not_happened(self) -> None:
        late = {"touched": "2024-05-02", "stage": "Lost", "follow_up_days": 365.0}
        assert one(**late, now=self.MAY) == (-1, "ROW007")

    def test_a_lead_created_after_now_is_none_yet(self) -> None:
        later = {"created": "2024-05-02", "handed": None, "touched": None, "closed": None}
        assert one(**later, stage="Working", now=self.MAY) == (-1, "ROW002")

    @given(st.integers(1, 300), st.integers(0, 300), st.sampled_from(["Won", "Lost", "Open"]))
    def test_the_future_changes_nothing(self, after: int, close: int, stage: str) -> None:
        # Two exports that agree on everything up to now: one knows more of what came later.
        day = np.timedelta64(1, "D")
        now = np.datetime64("2024-06-01T00:00", "us")
        open_lead = GOOD | {"stage": "Open", "closed": None}
        told = GOOD | {"stage": stage, "closed": str(now + after * day + close * day)}
        here = judged([open_lead, GOOD, GOOD | {"closed": "2024-02-02T11:11"}], now=now)
        there = judged([told, GOOD, GOOD | {"closed": "2024-02-02T11:11"}], now=now)
        assert (here.label == there.label).all()
        assert (here.why_not == there.why_not).all()


class TestFollowUp:
    def test_never_followed_up_is_a_lead_nobody_worked(self) -> None:
        assert one(stage="Lost", touched=None) == (-1, "ROW007")
        assert one(stage="Working", touched=None, closed=None) == (-1, "ROW007")

    def test_a_win_proves_its_follow_up(self) -> None:
        found = judged([GOOD | {"touched": None}])
        assert (found.followed_up[0], found.label[0]) == (True, 1)

    @pytest.mark.parametrize(
        ("touched", "expected"),
        [
            # 14 days after 2 January 12:00
            ("2024-01-16T12:00:00", (1, "")),
            ("2024-01-16T12:00:00.000001", (-1, "ROW008")),
        ],
    )
    def test_late_follow_up_is_set_apart_won_or_lost(
        self, touched: str, expected: tuple[int, str]
    ) -> None:
        assert one(touched=touched) == expected
        assert one(touched=touched, stage="Lost") == (min(expected[0], 0), expected[1])

    def test_a_follow_up_before_the_hand_off_is_in_time(self) -> None:
        assert one(touched="2024-01-01T12:00") == (1, "")

    def test_counts_handed_off_asks_for_no_follow_up(self) -> None:
        nobody, late = {"touched": None}, {"touched": "2024-02-20"}
        assert one(stage="Lost", **nobody, counts="handed_off") == (0, "")
        assert one(**late, counts="handed_off") == (1, "")
        assert one(stage="Lost", **late, counts="handed_off") == (0, "")

    def test_no_follow_up_time_mapped_means_every_hand_off_was_worked(self) -> None:
        assert one("followed_up_at", stage="Lost") == (0, "")
        found = judged([GOOD, GOOD | {"handed": None}], "followed_up_at")
        assert found.followed_up.all()
        assert found.why_not.tolist() == ["", "ROW006"]

    def test_late_is_told_apart_from_never(self) -> None:
        found = judged(
            [GOOD, GOOD | {"touched": "2024-02-20"}, GOOD | {"touched": None, "stage": "Lost"}]
        )
        assert found.late.tolist() == [False, True, False]
        assert found.followed_up.tolist() == [True, False, False]


class TestClosedInBulk:
    # A loss on each of eleven days, worked the day after its hand-off: the usual.
    USUAL: ClassVar = [
        GOOD | {"stage": "Lost", "touched": "2024-01-03", "closed": f"2024-02-{day:02}T09:{day}:00"}
        for day in range(10, 21)
    ]
    BULK: ClassVar = [GOOD | {"stage": "Lost", "closed": "2024-06-30T18:00:00"}] * 20

    def of_the_bulk(self, *unmapped: str, **changes: object) -> tuple[Judged, str]:
        """Judge the usual, a bulk of twenty lost leads, and another that has something changed."""
        counts = str(changes.pop("counts", "followed_up"))
        last = self.BULK[0] | changes
        rows = [GOOD, *self.USUAL, *self.BULK, last]
        found = judged(rows, *unmapped, counts=counts)
        assert (found.label[1:32] == 0).all()  # worked clearly before: real losses
        return found, str(found.why_not[-1])

    @pytest.mark.parametrize(
        ("touched", "why"),
        [
            (None, "ROW013"),
            ("2024-06-30T18:00:00", "ROW013"),
            ("2024-06-30T17:00:01", "ROW013"),
            ("2024-07-02", "ROW013"),  # and late: stamped by the closing, not by a person
            ("2024-06-30T17:00:00", "ROW008"),  # worked, if later than agreed
            ("2024-01-05", ""),
        ],
    )
    def test_never_worked_is_no_outcome(self, touched: str | None, why: str) -> None:
        found, given = self.of_the_bulk(touched=touched)
        assert given == why
        assert found.closed_in_bulk.tolist() == [False] * 32 + [why == "ROW013"]
        assert bool(found.followed_up[-1]) == (why == "")
        assert bool(found.late[-1]) == (why == "ROW008")
        assert found.notes == ()

    def test_a_win_at_that_moment_was_worked(self) -> None:
        found, why = self.of_the_bulk(touched=None, stage="Won", closed="2024-06-30T18:00:00")
        assert (why, bool(found.closed_in_bulk[-1])) == ("", False)

    def test_counts_handed_off_keeps_it_as_lost(self) -> None:
        found, why = self.of_the_bulk(touched=None, counts="handed_off")
        assert (why, found.label[-1], bool(found.closed_in_bulk[-1])) == ("", 0, True)

    def test_never_handed_off_comes_first(self) -> None:
        # the stamp of the closing is no proof of a hand-off either
        stamped = {"handed": None, "touched": "2024-06-30T18:00:00"}
        assert self.of_the_bulk(**stamped)[1] == "ROW006"

    def test_without_follow_up_times_it_stays_lost_and_that_is_said(self) -> None:
        found, why = self.of_the_bulk("followed_up_at")
        assert (why, found.label[-1], found.closed_in_bulk.any()) == ("", 0, False)
        (note,) = found.notes
        assert (note.code, note.severity, note.count) == ("TIME018", "warning", 21)
        assert note.examples == ("21 at 2024-06-30T18:00:00 UTC",)
        assert "where 1 at a time is usual" in note.message


class TestHandOff:
    def test_never_handed_off_has_no_outcome(self) -> None:
        never = {"handed": None, "touched": None, "closed": None}
        assert one(**never, stage="Working") == (-1, "ROW006")
        assert one(**never, stage="Lost", counts="handed_off") == (-1, "ROW006")

    def test_a_recorded_follow_up_or_a_win_proves_the_hand_off(self) -> None:
        assert one(handed=None) == (1, "")
        assert one(handed=None, stage="Lost") == (0, "")
        assert one(handed=None, touched=None) == (1, "")

    def test_judged_at_the_hand_off_else_at_an_age(self) -> None:
        found = judged([GOOD, GOOD | {"handed": None}], snapshot_days=1.5)
        assert found.as_of.tolist() == [
            pd.Timestamp("2024-01-02T12:00").to_pydatetime(),
            pd.Timestamp("2024-01-02T12:00").to_pydatetime(),
        ]
        assert found.handed_off.tolist() == [True, False]

    def test_no_hand_off_time_mapped_judges_every_lead_at_its_age(self) -> None:
        found = judged([GOOD], "handed_off_at", snapshot_days=1 / 24)
        assert found.as_of[0] == np.datetime64("2024-01-01T01:00")
        assert (found.handed_off[0], found.label[0]) == (True, 1)

    def test_the_horizon_runs_from_the_hand_off(self) -> None:
        # 90 days from creation end on 31 March, from the hand-off on 1 April 12:00
        closed = {"closed": "2024-04-01T11:00"}
        assert one(**closed) == (1, "")
        assert one("handed_off_at", **closed) == (0, "")


class TestClosedBefore:
    def test_closed_before_the_moment_judged_is_left_out(self) -> None:
        for stage in ("Won", "Lost"):
            assert one(stage=stage, closed="2024-01-02T11:59:59") == (-1, "ROW004")

    def test_closed_at_the_moment_judged_counts(self) -> None:
        assert one(closed="2024-01-02T12:00") == (1, "")

    def test_a_date_stands_for_any_moment_of_its_day(self) -> None:
        dates = [GOOD | {"closed": day} for day in ("2024-01-02", "2024-01-01", "2024-02-01")]
        assert judged(dates).why_not.tolist() == ["", "ROW004", ""]

    def test_and_not_a_moment_longer(self) -> None:
        # a win on 1 January stands for anything before 2 January 00:00
        other = GOOD | {"closed": "2024-02-01"}
        rows = [GOOD | {"closed": "2024-01-01", "handed": "2024-01-02T00:00"}, other]
        assert judged(rows).why_not.tolist() == ["ROW004", ""]
        rows[0] = rows[0] | {"handed": "2024-01-01T23:59:59.999999"}
        assert judged(rows).why_not.tolist() == ["", ""]

    def test_dates_of_a_zone_with_summer_time_are_dates(self) -> None:
        rows = [GOOD | {"closed": day} for day in ("2024-01-02", "2024-07-01", "2024-02-01")]
        frame = pd.DataFrame(rows, dtype=object).assign(id=["a", "b", "c"])
        berlin = replace(FULL, timezone="Europe/Berlin")
        leads = read_leads(table_of(frame, "leads.csv"), berlin, required={"id"})
        assert judge(leads, AGREED, now=NOW).why_not.tolist() == ["", "", ""]

    def test_the_closing_time_of_an_open_lead_is_a_hope(self) -> None:
        # expected to close before it was handed off: not used, so matured and not won
        assert one(stage="Working", closed="2024-01-01T10:00") == (0, "")


class TestNotMapped:
    def test_no_closing_time_makes_won_and_lost_final(self) -> None:
        early = np.datetime64("2024-01-20", "us")
        assert one("closed_at", now=early) == (1, "")
        assert one("closed_at", stage="Lost", now=early) == (0, "")
        assert one("closed_at", stage="Working", now=early) == (-1, "ROW005")

    def test_no_closing_time_counts_open_leads_past_the_horizon_as_not_won_and_says_so(
        self,
    ) -> None:
        rows = [
            GOOD,
            GOOD | {"stage": "Working"},
            GOOD | {"stage": "New", "created": "2024-12-30", "handed": "2024-12-30"},
            GOOD | {"stage": "Working"},
        ]
        found = judged(rows, "closed_at")
        assert found.label.tolist() == [1, 0, -1, 0]
        (note,) = found.notes
        assert (note.code, note.severity, note.count) == ("TIME011", "info", 2)
        assert "90 days" in note.message

    def test_what_was_final_before_it_could_be_judged_is_left_out(self) -> None:
        # Nothing says when it was won, but now is 20 January and it is judged on the 31st.
        early = np.datetime64("2024-01-20", "us")
        found = one("closed_at", "handed_off_at", now=early, snapshot_days=30.0)
        assert found == (-1, "ROW004")

    @pytest.mark.parametrize("closed", ["closed_at", None])
    def test_without_a_moment_to_judge_at_won_and_lost_are_final(self, closed: str | None) -> None:
        rows = [GOOD, GOOD | {"stage": "Lost"}, GOOD | {"stage": "New", "closed": None}]
        unmapped = ("created_at", "handed_off_at", "followed_up_at", *([closed] if closed else []))
        found = judged(rows, *unmapped, now=None if closed else NOW)
        assert found.label.tolist() == [1, 0, -1]
        assert found.why_not.tolist() == ["", "", "ROW005"]
        assert not found.dated
        assert np.isnat(found.as_of).all()
        (note,) = found.notes
        assert (note.code, note.severity, note.count) == ("TIME010", "warning", 3)

    def test_a_lead_without_any_time_in_a_dated_export_cannot_be_judged(self) -> None:
        gone = {"created": None, "handed": None, "touched": None, "closed": None}
        assert one(**gone) == (-1, "ROW003")

    def test_a_hand_off_alone_is_a_moment(self) -> None:
        assert one("created_at") == (1, "")


def test_a_row_that_cannot_be_used_is_counted_first() -> None:
    rows = [GOOD | {"created": "soon", "stage": "New", "closed": None}, GOOD, GOOD]
    found = judged(rows, now=np.datetime64("2024-01-03", "us"))
    assert found.why_not[0] == "ROW001"


def test_excluded_rows_are_counted_by_reason_in_the_order_of_the_codes() -> None:
    never = GOOD | {"handed": None, "touched": None, "stage": "New", "closed": None}
    rows = [never, GOOD | {"touched": None, "stage": "Lost"}, GOOD, never]
    counted = judged(rows).excluded_rows()
    assert [(r.code, r.count, r.reason) for r in counted] == [
        ("ROW006", 2, WHY_NOT["ROW006"]),
        ("ROW007", 1, WHY_NOT["ROW007"]),
    ]


STAGES = st.sampled_from(["Won", "Lost", "Working", None])
TIMES = st.one_of(
    st.none(),
    st.datetimes(
        min_value=pd.Timestamp("2024-01-01").to_pydatetime(),
        max_value=pd.Timestamp("2025-06-01").to_pydatetime(),
    ).map(lambda moment: moment.isoformat()),
)
ROWS = st.lists(
    st.fixed_dictionaries(
        {
            "stage": STAGES,
            "created": TIMES,
            "handed": TIMES,
            "touched": TIMES,
            "closed": TIMES,
            "margin": st.sampled_from([None, 0.1, 0.5]),
        }
    ),
    min_size=1,
    max_size=8,
)


@given(ROWS, st.sampled_from(["followed_up", "handed_off"]))
def test_laws_of_every_label(rows: list[dict[str, object]], counts: str) -> None:
    found = judged([GOOD, *rows], counts=counts, min_margin=0.2)
    labelled = found.label >= 0
    assert (labelled == (found.why_not == "")).all()
    assert set(found.why_not) <= {"", *WHY_NOT}
    assert sum(r.count for r in found.excluded_rows()) == int((~labelled).sum())
    assert found.matured[labelled].all()  # what has not matured never counts
    assert (found.label[labelled] == found.won[labelled]).all()
    assert not (found.late & found.followed_up).any()
    assert not (found.closed_in_bulk & (found.followed_up | found.late | found.won)).any()
    assert found.in_group[labelled].all()
    if counts == "followed_up":
        assert found.followed_up[labelled].all()


def test_a_win_at_any_margin_is_told_apart_from_a_solid_one() -> None:
    thin, late = GOOD | {"margin": 0.05}, GOOD | {"closed": "2024-06-01"}
    found = judged([GOOD, thin, late, GOOD | {"stage": "Lost"}], min_margin=0.2)
    assert found.won_at_any_margin.tolist() == [True, True, False, False]
    assert found.won.tolist() == [True, False, False, False]
