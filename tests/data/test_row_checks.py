from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from leadml.data.leads import Leads, read_leads
from leadml.data.row_checks import (
    duplicate_findings,
    name_findings,
    order_findings,
    outcome_findings,
    outlying_findings,
    present_findings,
    usable_findings,
)
from leadml.data.tables import read_table, table_of
from leadml.domain.mapping import LeadMapping

TIMES = LeadMapping(
    id="id",
    created_at="created_at",
    handed_off_at="handed_off_at",
    followed_up_at="followed_up_at",
    closed_at="closed_at",
)


def leads_of(content: str, mapping: LeadMapping, tmp_path: Path) -> Leads:
    path = tmp_path / "crm.csv"
    path.write_text(content)
    return read_leads(read_table(path), mapping, required=())


def test_rows_that_repeat(tmp_path: Path) -> None:
    content = "id,x\nA,1\nB,2\nA,1\nA,1\n,\n,\n"
    (finding,) = duplicate_findings(leads_of(content, LeadMapping(id="id"), tmp_path))
    assert (finding.code, finding.severity, finding.count) == ("DATA012", "warning", 3)
    assert finding.examples == (
        "line 4: repeats line 2",
        "line 5: repeats line 2",
        "line 7: repeats line 6",
    )


def test_ids_of_several_leads(tmp_path: Path) -> None:
    content = "id,x\nA,1\nB,2\nA,3\nC,1\nC,1\nB,4\nB,4\n,5\n,6\n"
    repeats, shared = duplicate_findings(leads_of(content, LeadMapping(id="id"), tmp_path))
    assert (repeats.code, repeats.count) == ("DATA012", 2)
    # A in two rows that differ, B in three of two kinds; C only repeats; no id is no shared id.
    assert (shared.code, shared.severity, shared.count) == ("DATA011", "error", 5)
    assert shared.column == "id"
    assert shared.message.startswith("2 lead ids stand in several rows")
    assert shared.examples == ("A: line 2, line 4", "B: line 3, line 7, line 8")


def test_one_id_of_several_leads(tmp_path: Path) -> None:
    content = "id,x\nA,1\nB,2\nA,3\n"
    (shared,) = duplicate_findings(leads_of(content, LeadMapping(id="id"), tmp_path))
    assert shared.message.startswith("1 lead id stands in several rows")


def test_leads_known_by_content_share_no_id(tmp_path: Path) -> None:
    mapping = LeadMapping(outcome="stage", won=("Won",))
    leads = leads_of("company,stage\nAcme,Won\nAcme,Lost\n", mapping, tmp_path)
    assert list(duplicate_findings(leads)) == []


@given(st.lists(st.tuples(*[st.integers(0, 3)] * 3), min_size=1, max_size=30))
def test_repeats_are_what_pandas_calls_duplicates(rows: list[tuple[int, int, int]]) -> None:
    frame = pd.DataFrame(rows, columns=["a", "b", "c"])
    leads = read_leads(table_of(frame, "frame"), LeadMapping(), required=())
    assert sum(f.count for f in duplicate_findings(leads)) == int(frame.duplicated().sum())


def test_the_public_set_with_83_repeats(datasets: Path) -> None:
    table = read_table(datasets / "Salvirt_B2B_ML_dataset_HF.csv")
    leads = read_leads(table, LeadMapping(), required=())
    (finding,) = duplicate_findings(leads)
    assert finding.count == 83


@pytest.mark.parametrize(
    ("earlier", "later"),
    [
        ("created_at", "handed_off_at"),
        ("created_at", "followed_up_at"),
        ("created_at", "closed_at"),
        ("handed_off_at", "followed_up_at"),
        ("handed_off_at", "closed_at"),
        ("followed_up_at", "closed_at"),
    ],
)
def test_orders_that_cannot_be(tmp_path: Path, earlier: str, later: str) -> None:
    content = (
        f"id,{earlier},{later}\n"
        "A,2024-01-02T10:00Z,2024-01-02T09:00Z\n"  # the later one an hour too early
        "B,2024-01-02T10:00Z,2024-01-02T10:00Z\n"
        "C,2024-01-02T10:00Z,\n"
        "D,2024-01-02T11:00Z,2024-01-03T12:00Z\n"
    )
    (finding,) = order_findings(leads_of(content, TIMES, tmp_path))
    assert (finding.code, finding.severity, finding.count) == ("TIME004", "warning", 1)
    assert finding.column == later
    assert finding.examples == ("line 2: 2024-01-02T09:00:00 before 2024-01-02T10:00:00",)


def test_a_date_stands_for_any_moment_of_its_day(tmp_path: Path) -> None:
    mapping = LeadMapping(
        id="id", created_at="created_at", closed_at="closed_at", timezone="Europe/Berlin"
    )
    content = (
        "id,created_at,closed_at\n"
        "A,2024-01-02 10:00,2024-01-02\n"  # closed on the day it was created
        "B,2024-07-02 10:00,2024-07-02\n"
        "C,2024-07-02 23:59:59.999999,2024-07-02\n"
        "D,2024-07-02 00:00,2024-07-01\n"  # the day before
    )
    (finding,) = order_findings(leads_of(content, mapping, tmp_path))
    assert finding.count == 1
    assert finding.examples[0].startswith("line 5")


def test_one_time_of_day_is_no_date(tmp_path: Path) -> None:
    mapping = LeadMapping(id="id", created_at="created_at", closed_at="closed_at")
    content = "id,created_at,closed_at\nA,2024-01-02T10:00Z,2024-01-02T09:00Z\n"
    assert [f.count for f in order_findings(leads_of(content, mapping, tmp_path))] == [1]


def test_times_against_now(tmp_path: Path) -> None:
    mapping = LeadMapping(
        id="id", outcome="s", won=("Won",), lost=("Lost",), created_at="c", closed_at="e"
    )
    content = (
        "id,s,c,e\n"
        "A,Won,2024-01-01,2024-03-01\n"
        "B,Open,2024-01-01,2099-01-01\n"
        "C,Lost,1970-01-01,2024-01-15\n"
        "D,Lost,2024-02-01,2024-02-01\n"
        "E,Lost,1990-01-01,\n"
    )
    leads = leads_of(content, mapping, tmp_path)
    found = list(present_findings(leads, np.datetime64("2024-02-01", "us")))
    assert [(f.code, f.column, f.count) for f in found] == [
        ("TIME008", "c", 1),
        ("TIME006", "e", 1),
        ("TIME005", "e", 1),
    ]
    assert found[0].examples == ("line 4: 1970-01-01T00:00:00",)
    assert found[1].examples == ("line 3",)
    assert found[2].examples == ("line 2: 2024-03-01T00:00:00",)
    assert "after 2024-02-01T00:00:00 UTC, which counts as now" in found[2].message


@pytest.mark.parametrize(
    ("rows", "far", "count"),
    [
        (150, "2204-01-01", 1),
        (150, "2025-01-01", 0),  # 366 days after 2024-01-01, 2024 being a leap year: not more
        (150, "2025-01-02", 1),
        (20, "2204-01-01", 1),
        (19, "2204-01-01", 0),  # 19 times are too few to know
    ],
)
def test_times_far_after_all_others(tmp_path: Path, rows: int, far: str, count: int) -> None:
    mapping = LeadMapping(id="id", created_at="c")
    content = "id,c\n" + "A,2024-01-01\n" * (rows - 1) + f"B,{far}\n"
    found = list(outlying_findings(leads_of(content, mapping, tmp_path)))
    assert [(f.code, f.count) for f in found] == [("TIME009", 1)] * count
    if found:
        assert found[0].examples == (f"line {rows + 1}: {far}T00:00:00",)


def test_hopes_are_not_far_and_no_times_are_fine(tmp_path: Path) -> None:
    mapping = LeadMapping(
        id="id", outcome="s", won=("W",), lost=("L",), created_at="c", closed_at="e"
    )
    content = "id,s,c,e\n" + "A,W,2024-01-01,\n" * 150 + "B,O,2024-01-01,2099-01-01\n"
    assert list(outlying_findings(leads_of(content, mapping, tmp_path))) == []
    assert list(outlying_findings(leads_of(content, LeadMapping(), tmp_path))) == []


@pytest.mark.parametrize(("lost", "findings"), [(19, 1), (20, 0)])
def test_too_few_outcomes(tmp_path: Path, lost: int, findings: int) -> None:
    mapping = LeadMapping(outcome="s", won=("Won",), lost=("Lost",))
    leads = leads_of("s,x\n" + "Won,1\n" * 20 + "Lost,1\n" * lost, mapping, tmp_path)
    found = list(outcome_findings(leads))
    assert len(found) == findings
    if found:
        assert (found[0].code, found[0].count) == ("DATA024", 19)
        assert found[0].message.startswith("20 leads won and 19 lost")


def test_no_outcome_mapped_no_finding(tmp_path: Path) -> None:
    assert list(outcome_findings(leads_of("a,b\n1,2\n", LeadMapping(), tmp_path))) == []


def test_keep_may_name_a_kind_of_activity(tmp_path: Path) -> None:
    leads = leads_of("a,b\n1,2\n", LeadMapping(keep=("invoice",), ignore=("call",)), tmp_path)
    assert [f.column for f in name_findings(leads, ("call", "invoice"))] == ["call"]


def test_names_that_are_no_column(tmp_path: Path) -> None:
    mapping = LeadMapping(ignore=("internal_notes", "b"), keep=("zzz",))
    leads = leads_of("internal_note,b\n1,2\n", mapping, tmp_path)
    first, second = name_findings(leads)
    assert first.code == second.code == "DATA025"
    assert "ignore names 'internal_notes', which is no column (did you mean" in first.message
    assert second.message == "[leads].keep names 'zzz', which is no column"


def test_no_lead_that_can_be_used(tmp_path: Path) -> None:
    mapping = LeadMapping(id="id")
    (finding,) = usable_findings(leads_of("id,x\n,1\n,2\n", mapping, tmp_path))
    assert (finding.code, finding.severity, finding.count) == ("DATA026", "error", 2)
    assert finding.examples == ("line 2", "line 3")
    assert list(usable_findings(leads_of("id,x\n,1\nA,2\n", mapping, tmp_path))) == []


def test_a_hand_off_is_accepted_or_rejected_after_it(tmp_path: Path) -> None:
    mapping = LeadMapping(
        id="id",
        handed_off_at="h",
        accepted_at="a",
        rejected_at="r",
        qualified_at="q",
        outcome_recorded_at="w",
    )
    content = (
        "id,q,h,a,r,w\n"
        "A,2024-02-02,2024-02-01T10:00Z,2024-01-31,,2031-01-01\n"
        "B,2024-01-01,2024-02-01T10:00Z,,2024-01-30,\n"
    )
    leads = leads_of(content, mapping, tmp_path)
    found = [(f.code, f.column, f.count) for f in order_findings(leads)]
    assert found == [("TIME004", "h", 1), ("TIME004", "a", 1), ("TIME004", "r", 1)]
    assert list(present_findings(leads, np.datetime64("2025-01-01"))) == []  # w is no event
