from pathlib import Path

import numpy as np
import pytest

from leadml.data.activities import Activities, read_activities
from leadml.data.tables import read_table
from leadml.domain.mapping import ActivityMapping
from leadml.errors import DataError

MAPPING = ActivityMapping(lead="lead", at="at", kind="kind", detail="url")
FILE = """lead,at,kind,url
B,2024-01-03T00:00:00Z,page,/pricing
A,2024-01-01T00:00:00Z,mail,
B,2024-01-02T00:00:00Z,page,/home
,2024-01-04T00:00:00Z,page,/x
A,,page,/x
A,soon,page,/x
5.0,2024-01-05T00:00:00Z,,/home
A,2024-01-06T00:00:00Z,mail
"""


def activities_of(content: str, tmp_path: Path, mapping: ActivityMapping = MAPPING) -> Activities:
    path = tmp_path / "touches.csv"
    path.write_text(content)
    return read_activities(
        read_table(path), mapping, timezone="UTC", date_format=None, missing=("n/a",)
    )


@pytest.fixture
def activities(tmp_path: Path) -> Activities:
    return activities_of(FILE, tmp_path)


def day(number: int) -> int:
    return int(np.datetime64(f"2024-01-0{number}", "us").astype("int64"))


def test_the_log_of_some_leads(activities: Activities) -> None:
    log = activities.log_for(["A", "nobody", "B"])
    assert log.lead.tolist() == [0, 2, 2]
    assert log.at.tolist() == [day(1), day(3), day(2)]
    assert [log.kinds[kind] for kind in log.kind] == ["mail", "page", "page"]
    assert log.detail[0] == -1
    assert [log.details[detail] for detail in log.detail[1:]] == ["/pricing", "/home"]


def test_a_lead_given_twice_has_its_activities_twice(activities: Activities) -> None:
    log = activities.log_for(["B", "B"])
    assert log.lead.tolist() == [0, 0, 1, 1]
    assert log.at.tolist() == [day(3), day(2)] * 2


def test_ids_are_canonical_and_a_kind_may_be_missing(activities: Activities) -> None:
    log = activities.log_for(["5"])
    assert log.at.tolist() == [day(5)]
    assert log.kind.tolist() == [-1]


def test_no_leads_no_activities(activities: Activities) -> None:
    assert len(activities.log_for([])) == 0
    assert len(activities.log_for(["nobody"])) == 0


def test_what_is_set_aside_is_counted(activities: Activities) -> None:
    assert len(activities) == 4
    found = {(finding.code, finding.column): finding for finding in activities.findings}
    assert found["DATA001", None].examples == ("line 9: 3 fields",)
    assert found["DATA031", "lead"].examples == ("line 5",)
    assert found["DATA031", "at"].examples == ("line 6",)
    assert found["TIME001", "at"].count == 1
    assert "their activities are set aside" in found["TIME001", "at"].message
    assert all(finding.severity == "error" for finding in activities.findings)  # 1 of 8 rows each


def test_latest_and_unmatched(activities: Activities) -> None:
    assert str(activities.latest_time()) == "2024-01-05T00:00:00.000000"
    assert activities.unmatched(["A"]) == 3
    assert activities.unmatched(["A", "B", "5"]) == 0


def test_no_usable_activity_at_all(tmp_path: Path) -> None:
    activities = activities_of("lead,at,kind,url\n,2024-01-01,x,\n", tmp_path)
    assert len(activities) == 0
    assert activities.latest_time() is None
    assert len(activities.log_for(["A"])) == 0
    assert activities.unmatched([]) == 0


def test_naive_times_are_said(tmp_path: Path) -> None:
    activities = activities_of("lead,at,kind,url\nA,2024-01-01,x,\n", tmp_path)
    assert [finding.code for finding in activities.findings] == ["TIME002"]


def test_details_may_be_absent(tmp_path: Path) -> None:
    content = "lead,at,kind,urll\nA,2024-01-01T00Z,x,/a\n"
    activities = activities_of(content, tmp_path)
    assert activities.detail.tolist() == [-1]
    assert activities.findings[0].code == "DATA032"
    assert "did you mean 'urll'?" in activities.findings[0].message
    unmapped = ActivityMapping(lead="lead", at="at", kind="kind", detail=None)
    assert activities_of(content, tmp_path, unmapped).findings == ()


@pytest.mark.parametrize("key", ["lead", "at", "kind"])
def test_a_column_that_is_absent(tmp_path: Path, key: str) -> None:
    content = FILE.replace(key, f"{key}_", 1)
    with pytest.raises(DataError, match=rf"no column '{key}', which \[activities\].{key} names"):
        activities_of(content, tmp_path)


def test_times_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"\(\[activities\].at\): 1 of 1 .*date_format"):
        activities_of("lead,at,kind,url\nA,31.12.2024,x,\n", tmp_path)


def test_the_public_log(datasets: Path) -> None:
    mapping = ActivityMapping(lead="case_id", at="timestamp", kind="activity", detail="resource")
    activities = read_activities(
        read_table(datasets / "bpi2012/events.csv.gz"),
        mapping,
        timezone="UTC",
        date_format=None,
        missing=(),
    )
    assert len(activities) == 262_200
    assert len(activities.ids) == 13_087
    assert len(activities.kinds) == 24
    assert activities.findings == ()
    log = activities.log_for(["173691", "173688"])
    # Lead 173688 is registered at 2011-10-01T00:38:44.546+02:00, its first activity.
    first = log.at[log.lead == 1].min().view("datetime64[us]")
    assert str(first) == "2011-09-30T22:38:44.546000"
    assert (log.lead == 1).sum() == 26
