from pathlib import Path

import pytest

from leadml.data.activities import read_activities
from leadml.data.activity_checks import activity_findings
from leadml.data.leads import read_leads
from leadml.data.tables import read_table
from leadml.domain.finding import Finding
from leadml.domain.mapping import ActivityMapping, LeadMapping

LEADS = "id,created\nA,2024-01-05T00:00Z\nB,\n"


def findings(tmp_path: Path, touches: str, mapping: LeadMapping | None = None) -> list[Finding]:
    leads, activities = tmp_path / "leads.csv", tmp_path / "touches.csv"
    leads.write_text(LEADS)
    activities.write_text("lead_id,timestamp,event,url\n" + touches)
    read = read_activities(
        read_table(activities), ActivityMapping(), timezone="UTC", date_format=None, missing=()
    )
    mapping = mapping or LeadMapping(id="id", created_at="created")
    return list(activity_findings(read_leads(read_table(leads), mapping, required=()), read))


def test_all_in_order(tmp_path: Path) -> None:
    assert findings(tmp_path, "A,2024-01-05T00:00Z,x,\nB,2020-01-01T00:00Z,x,\n") == []


def test_activities_without_a_lead(tmp_path: Path) -> None:
    (finding,) = findings(
        tmp_path, "A,2024-01-06T00Z,x,\nX,2024-01-06T00Z,x,\nX,2024-01-07T00Z,x,\n"
    )
    assert (finding.code, finding.severity, finding.count) == ("DATA033", "warning", 2)
    assert finding.examples == ("X",)


def test_not_one_activity_has_a_lead(tmp_path: Path) -> None:
    (finding,) = findings(tmp_path, "a,2024-01-06T00Z,x,\n")
    assert finding.severity == "error"
    assert "written alike in both files" in finding.message


def test_activities_before_creation(tmp_path: Path) -> None:
    touches = "A,2024-01-06T00Z,x,\nA,2024-01-04T23:59Z,x,\nB,2024-01-01T00Z,x,\n"
    (finding,) = findings(tmp_path, touches)
    assert (finding.code, finding.severity, finding.count) == ("TIME007", "info", 1)
    assert finding.examples == ("line 3",)


@pytest.mark.parametrize("touches", ["A,2020-01-04T23:59Z,x,\n"])
def test_without_creation_times_nothing_is_early(tmp_path: Path, touches: str) -> None:
    assert findings(tmp_path, touches, LeadMapping(id="id")) == []
