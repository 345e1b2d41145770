"""The audit as a whole: what is quarantined, what is suspect, and what is said of it."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray

from leadml.data.activities import Activities, read_activities
from leadml.data.history import read_history
from leadml.data.leads import Leads, read_leads
from leadml.data.raw import RawColumn
from leadml.data.tables import table_of
from leadml.data.values import MICROSECONDS_A_DAY as DAY
from leadml.domain.agreement import Agreement
from leadml.domain.mapping import ActivityMapping, HistoryMapping, LeadMapping
from leadml.snapshot.catalogue import choose_features
from leadml.snapshot.labels import judge
from leadml.snapshot.leakage import CODES, Audit, audit, copies_across, twins_by_chance
from leadml.snapshot.rollback import Rollback
from leadml.snapshot.split import Folds

N = 1200
RNG = np.random.default_rng(0)
WON = RNG.random(N) < 0.3
NOISE = RNG.normal(size=N)
OPEN = np.arange(N) >= N - 200
"""The newest 200 leads are still open, whatever becomes of them."""
STAGE = np.where(OPEN, "open", np.where(WON, "won", "lost"))
CREATED = pd.date_range("2023-01-01", periods=N, freq="11h")
CLOSED = CREATED + pd.to_timedelta(5 + 3 * np.abs(NOISE), unit="D")
DATED = LeadMapping(
    id="id", outcome="stage", won=("won",), lost=("lost",), created_at="created", closed_at="closed"
)
UNDATED = LeadMapping(id="id", outcome="stage", won=("won",), lost=("lost",))
PLAIN = {"weak": NOISE.round(2) + 0.4 * WON, "country": RNG.choice(["PT", "CH", "JP"], N)}


def leads_of(columns: Mapping[str, object], *, dated: bool) -> Leads:
    frame = pd.DataFrame({"id": [f"L{n}" for n in RNG.permutation(N)], "stage": STAGE})
    if dated:
        frame["created"] = CREATED.astype(str)
        frame["closed"] = pd.Series(CLOSED.astype(str)).where(~OPEN)
    for name, values in columns.items():
        frame[name] = pd.Series(list(values), dtype=object)  # type: ignore[call-overload]
    mapping = DATED if dated else UNDATED
    return read_leads(table_of(frame, "leads.csv"), mapping, required={"id", "outcome"})


def activities_of(leads: Leads, touches: Sequence[tuple[int, float, str]]) -> Activities:
    """Touches of a lead (its row), so many days after its creation, of a kind."""
    rows, days, kinds = zip(*touches, strict=True)
    at = CREATED[list(rows)] + pd.to_timedelta(list(days), unit="D")
    frame = pd.DataFrame(
        {"lead_id": leads.lead_id[list(rows)], "timestamp": at.astype(str), "event": kinds}
    )
    mapping = ActivityMapping(detail=None)
    options = {"timezone": "UTC", "date_format": None, "missing": ()}
    return read_activities(table_of(frame, "touches.csv"), mapping, **options)  # type: ignore[arg-type]


def rollback_of(
    leads: Leads, column: str, of: Sequence[int], days: float, *, told: bool
) -> Rollback:
    """Changes of a column so many days after the closing, with or without the values."""
    value = "JP" if told else None
    frame = pd.DataFrame(
        {
            "lead_id": leads.lead_id[list(of)],
            "field": column,
            "old_value": pd.Series([value] * len(of), dtype=object),
            "new_value": pd.Series([value] * len(of), dtype=object),
            "changed_at": (CLOSED[list(of)] + pd.Timedelta(days=days)).astype(str),
        }
    )
    reading = {"timezone": "UTC", "date_format": None, "missing": ()}
    history = read_history(table_of(frame, "changes.csv"), HistoryMapping(), **reading)  # type: ignore[arg-type]
    return Rollback(leads, history)


class AsOf(dict[str, RawColumn]):
    def __init__(self, rollback: Rollback, as_of: NDArray[np.int64]) -> None:
        super().__init__()
        self.rollback, self.as_of = rollback, as_of

    def __missing__(self, column: str) -> RawColumn:
        return self.rollback.raw(column, np.arange(len(self.as_of)), self.as_of)


def audited(
    columns: Mapping[str, object],
    *,
    dated: bool = True,
    keep: Sequence[str] = (),
    touches: Sequence[tuple[int, float, str]] = (),
    changes: tuple[str, Sequence[int], float] | None = None,
    told: bool = False,
) -> Audit:
    leads = leads_of({**PLAIN, **columns}, dated=dated)
    agreement = Agreement(horizon_days=30, snapshot_days=2)
    judged = judge(leads, agreement, now=leads.latest_time())
    rows = np.flatnonzero(judged.label >= 0)
    as_of = judged.as_of.view("i8")[rows]
    log = None
    activities = activities_of(leads, touches) if touches else None
    if activities is not None:
        log = activities.log_for(leads.lead_id[rows].tolist())
    features = choose_features(leads, rows, as_of=as_of, log=log).features
    raw = {column: leads.raw(column).take(rows) for column in features.columns}
    given = log if log is not None else activities_of(leads, [(0, 1.0, "x")]).log_for([])
    x = features.encode(raw, as_of=as_of, created=as_of, log=given).x
    rollback = None if changes is None else rollback_of(leads, *changes, told=told)
    return audit(
        leads,
        activities,
        judged,
        rows,
        x,
        judged.label[rows],
        features,
        as_of,
        keep=keep,
        columns=None if rollback is None else AsOf(rollback, judged.as_of.view("i8")),
        rollback=rollback,
    )


def codes(found: Audit) -> dict[str, str]:
    return {column: item.code for column, item in found.quarantined.items()}


def said(found: Audit, column: str) -> list[tuple[str, str]]:
    return [(f.code, f.message) for f in found.findings if f.column == column]


@pytest.mark.parametrize("dated", [True, False])
class TestColumns:
    def test_sound_ones_are_left_alone(self, dated: bool) -> None:
        found = audited({}, dated=dated)
        assert found == Audit()

    def test_one_far_above_the_rest(self, dated: bool) -> None:
        # 1.8 sd apart: AUC = Phi(1.8 / sqrt 2) = .90; open leads look like lost ones.
        found = audited({"heat": 2 * NOISE[::-1] + 3.6 * (WON & ~OPEN)}, dated=dated)
        assert codes(found) == {"heat": "LEAK001"}
        [(code, message)] = said(found, "heat")
        assert code == "LEAK001"
        assert "of 100 pairs, the next best column (weak)" in message
        assert message.endswith(
            'left out; if it is known when a lead is judged, set keep = ["heat"]'
        )

    def test_several_at_once_do_not_hide_each_other(self, dated: bool) -> None:
        won = WON & ~OPEN
        leaks = {
            "a": 2 * NOISE[::-1] + 3.6 * won,
            "b": NOISE[::-1] + 3.6 * won,
            "c": 9 * won + NOISE,
        }
        assert set(codes(audited(leaks, dated=dated))) == {"a", "b", "c"}

    def test_strong_and_known_early_is_sound(self, dated: bool) -> None:
        # AUC = Phi(1.85 / sqrt 2) = .905, cautiously below .90; the open leads that will be won
        # hold such values already.
        columns = {"fit": NOISE[::-1] + 1.85 * WON, "size": np.roll(NOISE, 7) + 0.85 * WON}
        found = audited(columns, dated=dated)
        assert codes(found) == {}
        [(code, message)] = said(found, "fit")
        assert code == "LEAK001"
        assert "though the newest leads, most of them still open, hold such values too" in message
        assert message.endswith("list it under ignore")
        assert found.suspect == ("fit",)

    def test_what_is_beyond_all_others_no_lead_excuses(self, dated: bool) -> None:
        # The same column, where the next best separates by next to nothing: 1.85 against 0.1 sd.
        found = audited({"fit": NOISE[::-1] + 1.85 * WON}, dated=dated)
        assert codes(found) == {"fit": "LEAK001"}
        assert "hold such values too: left out" in said(found, "fit")[0][1]

    def test_only_closed_leads_hold_it(self, dated: bool) -> None:
        found = audited({"remark": np.where(OPEN, None, PLAIN["country"])}, dated=dated)
        # In time order only closed leads of the open ones' periods count, and there are none.
        assert codes(found) == ({} if dated else {"remark": "LEAK002"})

    def test_a_name_alone(self, dated: bool) -> None:
        found = audited({"LossReason__c": PLAIN["country"]}, dated=dated)
        assert codes(found) == {"LossReason__c": "LEAK003"}

    def test_a_state_is_suspect(self, dated: bool) -> None:
        found = audited({"is_sql": NOISE > 0.3}, dated=dated)
        assert codes(found) == {}
        assert found.suspect == ("is_sql",)
        [(code, message)] = said(found, "is_sql")
        assert code == "LEAK003"
        assert "where a lead stands on the day of the export" in message

    def test_a_state_that_decides_is_quarantined(self, dated: bool) -> None:
        # Half of the lost and none of the won leads are no SQL.
        found = audited({"is_sql": WON | (NOISE > 0)}, dated=dated)
        assert codes(found) == {"is_sql": "LEAK003"}
        assert "leads with 0 0 were won, of all leads" in said(found, "is_sql")[0][1]

    def test_values_that_name_the_outcome(self, dated: bool) -> None:
        phase = np.where(NOISE > 1, "Working", np.where(WON, "Closed Won", "Closed Lost"))
        found = audited({"phase": np.where(OPEN, "Working", phase)}, dated=dated)
        assert codes(found) == {"phase": "LEAK003"}
        finding = next(f for f in found.findings if f.code == "LEAK003")
        assert finding.examples == ("Closed Lost", "Closed Won")

    def test_an_earlier_deal_won_or_lost_is_sound(self, dated: bool) -> None:
        # Won before makes winning now likelier, no more.
        before = np.where(RNG.random(N) < np.where(WON, 0.5, 0.3), "won", "lost")
        assert codes(audited({"last_time": before}, dated=dated)) == {}

    def test_a_duration_needs_less_to_be_quarantined(self, dated: bool) -> None:
        # AUC = Phi(1.2 / sqrt 2) = .80, cautiously below: only by its name quarantined.
        values = NOISE[::-1] + 1.2 * (WON & ~OPEN)
        assert codes(audited({"call_duration": values}, dated=dated)) == {
            "call_duration": "LEAK001"
        }
        assert codes(audited({"x7": values}, dated=dated)) == {}

    def test_what_open_leads_surely_lack_needs_less_to_be_quarantined(self, dated: bool) -> None:
        # The same AUC under a name that says nothing; all open leads hold what lost ones do.
        values = NOISE[::-1] + 1.2 * (WON & ~OPEN) - 0.4 * OPEN
        found = audited({"x7": values}, dated=dated)
        assert codes(found) == {"x7": "LEAK001"}
        assert "most of them still open, lack such values: left out" in said(found, "x7")[0][1]

    def test_what_open_leads_leave_open_is_suspect(self, dated: bool) -> None:
        # AUC = Phi(1.7 / sqrt 2) = .885. Of the open leads to be won a third hold such values.
        some = WON & ~(OPEN & (np.arange(N) % 3 != 0))
        size = {"size": np.roll(NOISE, 7) + 0.85 * WON}
        found = audited(size | {"x7": NOISE[::-1] + 1.7 * some}, dated=dated)
        assert (codes(found), found.suspect) == ({}, ("x7",))
        assert "do not tell either way: used" in said(found, "x7")[0][1]
        assert codes(audited(size | {"x7_result": NOISE[::-1] + 1.7 * some}, dated=dated)) == {
            "x7_result": "LEAK001"
        }

    def test_a_running_number(self, dated: bool) -> None:
        ticket = 1000 + np.cumsum(RNG.integers(1, 400, N))
        assert codes(audited({"ticket": ticket}, dated=dated)) == {"ticket": "LEAK007"}

    def test_missingness_is_suspect_and_no_more(self, dated: bool) -> None:
        # Filled for every won and every eighth lost lead; the values themselves tell nothing.
        filled = WON | (np.arange(N) % 8 == 0)
        found = audited({"budget": np.where(filled, NOISE[::-1].round(1), None)}, dated=dated)
        assert codes(found) == {}
        assert found.suspect == ("budget",)
        [(code, message)] = said(found, "budget")
        assert code == "LEAK009"
        assert "filled in 100 of 100 won but" in message

    def test_keep_lifts_the_quarantine_and_says_so(self, dated: bool) -> None:
        found = audited({"won_amount": NOISE}, dated=dated, keep=["won_amount"])
        assert codes(found) == {}
        assert found.suspect == ("won_amount",)
        assert said(found, "won_amount")[0][1].endswith("listed under keep")

    def test_a_total_over_all_time_is_suspect(self, dated: bool) -> None:
        visits = RNG.poisson(4, N)
        columns = {"visits": visits, "visits_lifetime": visits + RNG.poisson(1, N)}
        found = audited(columns, dated=dated)
        assert (codes(found), found.suspect) == ({}, ("visits_lifetime",))
        columns = {"visits": visits, "visits_lifetime": RNG.poisson(5, N)}
        assert audited(columns, dated=dated) == Audit()


def test_a_time_beside_the_creation_is_no_running_number() -> None:
    assert audited({"first_seen": CREATED.astype(str)}) == Audit()


def test_only_closed_leads_of_the_same_time_hold_it() -> None:
    global STAGE, OPEN
    before = STAGE, OPEN
    try:
        OPEN = np.arange(N) % 4 == 0
        STAGE = np.where(OPEN, "open", np.where(WON, "won", "lost"))
        found = audited({"remark": np.where(OPEN, None, PLAIN["country"])})
    finally:
        STAGE, OPEN = before
    assert codes(found) == {"remark": "LEAK002"}
    assert "in 100 of 100 closed leads but in 0 of" in said(found, "remark")[0][1]


class TestActivities:
    early = RNG.poisson(3, N)
    late = RNG.poisson(2 + 2 * WON)

    def touches(self) -> list[tuple[int, float, str]]:
        return [(n, 1.0, "call") for n in range(N) for _ in range(self.early[n])] + [
            (n, 4.0, "call") for n in range(N) for _ in range(self.late[n])
        ]

    def test_a_count_with_later_ones(self) -> None:
        columns = {"calls": self.early + self.late, "early": self.early}
        found = audited(columns, touches=self.touches())
        assert codes(found) == {"calls": "LEAK008"}
        assert "it counts what had not happened yet" in said(found, "calls")[0][1]

    def test_a_kind_that_follows_the_closing(self) -> None:
        invoices = [(n, 40.0, "invoice") for n in range(600)]
        misdated = [(n, 1.0, "invoice") for n in range(20)]
        found = audited({}, touches=[*self.touches(), *invoices, *misdated])
        assert codes(found) == {"invoice": "LEAK005"}
        general = [f for f in found.findings if f.column is None]
        assert [(f.code, f.count, f.examples) for f in general] == [("LEAK005", 600, ("invoice",))]
        assert "600 of" in general[0].message
        assert found.suspect == ()

    def test_its_features_go(self) -> None:
        leads = leads_of(PLAIN, dated=True)
        activities = activities_of(leads, [(n, 1.0, k) for n in range(N) for k in ("a", "b")])
        rows = np.arange(N - 200)
        as_of = leads.times["created_at"].view("i8")[rows] + 2 * DAY
        log = activities.log_for(leads.lead_id[rows].tolist())
        features = choose_features(leads, rows, as_of=as_of, log=log).features
        gone = audited({"LossReason": NOISE}).quarantined["LossReason"]
        late = replace(gone, code="LEAK005")
        kept = Audit(quarantined={"a": late, "weak": gone, "b": gone}).kept(features)
        lost = {f.name for f, keep in zip(features.features, kept, strict=True) if not keep}
        assert {"weak", "a: times ever"} <= lost
        # Another code than LEAK005 names a column: the kind of that name stays.
        assert {"country", "b: times ever", "any activity: times ever"}.isdisjoint(lost)


class TestHistory:
    def test_changed_at_the_closing(self) -> None:
        found = audited({}, changes=("country", range(150), 0.0))
        assert codes(found) == {"country": "LEAK004"}
        assert "in 150 of 1000 closed leads" in said(found, "country")[0][1]

    @pytest.mark.parametrize(("leads", "days"), [(range(90), 0.0), (range(150), -0.1)])
    def test_changed_seldom_or_before(self, leads: range, days: float) -> None:
        assert audited({}, changes=("country", leads, days)) == Audit()

    def test_rolled_back_it_does_no_harm(self) -> None:
        assert audited({}, changes=("country", range(150), 1.0), told=True) == Audit()

    def test_rolled_back_a_state_is_that_of_the_moment(self) -> None:
        columns = {"is_sql": np.where(NOISE > 0.3, "JP", "PT")}
        assert audited(columns).suspect == ("is_sql",)
        assert audited(columns, changes=("is_sql", [0], 1.0), told=True) == Audit()

    def test_open_leads_and_other_columns_do_not_count(self) -> None:
        assert audited({}, changes=("country", range(N - 150, N), 1.0)) == Audit()
        assert audited({}, changes=("owner", range(150), 1.0)) == Audit()

    def test_without_closing_times_nothing_can_be_said(self) -> None:
        assert audited({}, dated=False, changes=("country", range(150), 1.0)) == Audit()


class TestCopies:
    folds = Folds(((np.array([0, 1, 2]), np.array([3, 4])),), ordered=True, gap_days=0.0)

    def test_one_in_either_part(self) -> None:
        x = np.array([[1.0, 2], [np.nan, 3], [4, 5], [np.nan, 3], [6, 7]])
        found = copies_across(np.tile(x, 4), self.folds)  # eight columns: no chance of equals
        assert found is not None
        assert (found.code, found.severity, found.count) == ("LEAK006", "warning", 1)

    def test_copies_inside_one_part(self) -> None:
        x = np.array([[1.0, 2], [1, 2], [4, 5], [6, 7], [6, 7.0]])
        assert copies_across(x, self.folds) is None

    def test_coarse_features_make_equals_of_strangers(self) -> None:
        x = np.array([[1.0], [2], [1], [1], [2]])
        assert copies_across(x, self.folds) is None

    def test_no_more_equals_than_chance_makes(self) -> None:
        # Three columns of 12 values: 1,728 kinds of leads, so that each of 100 leads has .06 equals
        # on average (a little more, as it counts as its own); 20 leads given twice are more.
        x = np.random.default_rng(0).integers(0, 12, (100, 3)).astype(float)
        rows = np.arange(100)
        folds = Folds(((rows[:50], rows[50:]),), ordered=True, gap_days=0.0)
        assert twins_by_chance(x) == pytest.approx(100 / 12**3, rel=0.5)
        assert len(np.unique(x, axis=0)) < 100
        assert copies_across(x, folds) is None
        x[80:] = x[:20]
        found = copies_across(x, folds)
        assert found is not None
        assert found.count >= 20

    def test_nothing_to_compare(self) -> None:
        assert copies_across(np.empty((5, 0)), self.folds) is None


def test_every_code_is_described_and_a_warning() -> None:
    assert list(CODES) == [f"LEAK{n:03d}" for n in range(1, 11)]
    found = audited({"won_amount": NOISE, "is_sql": NOISE > 0})
    assert {f.severity for f in found.findings} == {"warning"}
    assert [f.column for f in found.findings] == ["won_amount", "is_sql"]  # quarantines first


NOTES = [f"customer asked about the {n % 40} plan of {n * 7919 % 4999} users" for n in range(N)]


class TestWords:
    """Messages are read for their words; the best word stands for its column."""

    def test_a_word_written_after_the_outcome_is_found_once(self) -> None:
        told = [
            f"{note} {'and signed the contract' if won else 'and chose somebody else'}"
            for note, won in zip(NOTES, WON & ~OPEN, strict=True)
        ]
        found = audited({"notes": told}, dated=False)
        assert set(found.quarantined) == {"notes"}
        codes = [finding.code for finding in found.findings if finding.column == "notes"]
        assert codes == ["LEAK001"]

    def test_sound_messages_stay(self) -> None:
        asked = [f"{note} {('soon', 'later')[n % 2]}" for n, note in enumerate(NOTES)]
        assert audited({"notes": asked}, dated=False).quarantined == {}
