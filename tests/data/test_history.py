from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from leadml.data.history import History, read_history
from leadml.data.tables import read_table
from leadml.domain.mapping import HistoryMapping
from leadml.errors import DataError

MAPPING = HistoryMapping(lead="who", field="what", old="was", new="is", at="when")
FILE = """who,what,was,is,when
B,size,10,20,2024-01-03T00:00:00Z
A,size,1,2,2024-01-02T00:00:00Z
A,size,,1,2024-01-01T00:00:00Z
A,note,,,2024-01-05T00:00:00Z
,size,1,2,2024-01-04T00:00:00Z
A,,1,2,2024-01-04T00:00:00Z
A,size,1,2,
A,size,1,2,soon
5.0,stage,n/a,won,2024-01-02T00:00:00Z
A,size,2,3,2024-01-02T00:00:00Z
A,size,1
"""


def history_of(content: str, tmp_path: Path, mapping: HistoryMapping = MAPPING) -> History:
    path = tmp_path / "changes.csv"
    path.write_text(content)
    return read_history(
        read_table(path), mapping, timezone="UTC", date_format=None, missing=("n/a",)
    )


@pytest.fixture
def history(tmp_path: Path) -> History:
    return history_of(FILE, tmp_path)


def day(number: int) -> int:
    return int(np.datetime64(f"2024-01-0{number}", "us").astype("int64"))


def held(history: History, field: str, values: str) -> list[object]:
    number = list(history.fields).index(field)
    raw = getattr(history, values)
    codes = raw.codes[history.starts[number] : history.starts[number + 1]]
    return [None if code < 0 else raw.values[code] for code in codes]


def test_changes_stand_by_field_lead_and_time_ties_as_in_the_file(history: History) -> None:
    assert len(history) == 6
    names = {number: name for name, number in history.ids.items()}
    start, end = history.starts[:2]
    assert history.fields[0] == "size"
    assert [names[lead] for lead in history.lead[start:end].tolist()] == ["B", "A", "A", "A"]
    assert history.at[start:end].tolist() == [day(3), day(1), day(2), day(2)]
    assert held(history, "size", "old") == ["10", None, "1", "2"]
    assert held(history, "size", "new") == ["20", "1", "2", "3"]


def test_ids_are_canonical(history: History) -> None:
    assert set(history.ids) == {"A", "B", "5"}


def test_a_field_whose_changes_hold_nothing_is_told_apart(history: History) -> None:
    told = dict(zip(history.fields, history.told.tolist(), strict=True))
    assert told == {"size": True, "note": False, "stage": True}


def test_what_is_set_aside_is_counted(history: History) -> None:
    found = {(finding.code, finding.column): finding for finding in history.findings}
    assert found["DATA041", "who"].examples == ("line 6",)
    assert found["DATA041", "what"].examples == ("line 7",)
    assert found["DATA041", "when"].examples == ("line 8",)
    assert "changes without a time are set aside" in found["DATA041", "when"].message
    assert found["TIME001", "when"].count == 1
    assert "their changes are set aside" in found["TIME001", "when"].message
    assert found["DATA001", None].examples == ("line 12: 3 fields",)
    assert len(found) == 5


def test_the_latest_change(history: History, tmp_path: Path) -> None:
    assert str(history.latest_time()) == "2024-01-05T00:00:00.000000"
    empty = history_of("who,what,was,is,when\n,a,1,2,2024-01-01T00Z\n", tmp_path)
    assert (len(empty), empty.latest_time()) == (0, None)


@pytest.mark.parametrize(
    ("key", "name", "words"),
    [("old", "was", "counts as empty"), ("new", "is", "counts as it is in the export")],
)
def test_one_column_of_values_is_enough(key: str, name: str, words: str, tmp_path: Path) -> None:
    content = FILE.replace(f",{name},", f",{name}_,")
    history = history_of(content, tmp_path)
    assert getattr(history, key) is None
    [found] = [f for f in history.findings if f.code == "DATA042"]
    assert (found.severity, found.column, found.count) == ("info", name, 11)
    assert f"[history].{key}" in found.message
    assert words in found.message
    for nothing in (None, ""):
        unmapped = history_of(FILE, tmp_path, replace(MAPPING, **{key: nothing}))
        assert getattr(unmapped, key) is None
        assert "DATA042" not in {f.code for f in unmapped.findings}


def test_without_any_values_it_is_refused(tmp_path: Path) -> None:
    content = FILE.replace("was,is", "from,to")
    with pytest.raises(DataError, match=r"neither old nor new values \(.*: was, is\); it has who"):
        history_of(content, tmp_path)


@pytest.mark.parametrize(("key", "name"), [("lead", "who"), ("field", "what"), ("at", "when")])
def test_a_column_that_is_absent(key: str, name: str, tmp_path: Path) -> None:
    content = FILE.replace(name, f"{name}_", 1)
    message = rf"no column '{name}', which \[history\].{key} names"
    with pytest.raises(DataError, match=message):
        history_of(content, tmp_path)


def test_times_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"\(\[history\].at\): 1 of 1 .*date_format"):
        history_of("who,what,was,is,when\nA,x,1,2,31.12.2024\n", tmp_path)


def test_naive_times_are_said(tmp_path: Path) -> None:
    history = history_of("who,what,was,is,when\nA,x,1,2,2024-01-01\n", tmp_path)
    assert [finding.code for finding in history.findings] == ["TIME002"]
