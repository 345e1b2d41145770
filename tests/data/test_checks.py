import re
from pathlib import Path

import numpy as np
import pytest

import leadml
from leadml.data.activities import read_activities
from leadml.data.checks import CODES, check_leads
from leadml.data.leads import read_leads
from leadml.data.tables import read_table
from leadml.domain.mapping import ActivityMapping, LeadMapping

CONTENT = "id,c,x,y\nA,2024-01-02,1,k\nA,2024-01-01,2,k\nB,soon,,k\n" + "C,2024-01-01,3,k\n" * 20


@pytest.fixture
def crm(tmp_path: Path) -> Path:
    path = tmp_path / "crm.csv"
    path.write_text(CONTENT)
    return path


def test_errors_come_first_and_reading_is_part_of_it(crm: Path) -> None:
    leads = read_leads(read_table(crm), LeadMapping(id="id", created_at="c"), required=())
    found = [(finding.code, finding.severity) for finding in check_leads(leads, None)]
    assert found == [
        ("DATA011", "error"),
        ("TIME001", "warning"),
        ("DATA012", "warning"),
        ("DATA006", "warning"),
        ("TIME002", "info"),
    ]


def test_times_are_held_against_now_only_where_one_is_given(crm: Path) -> None:
    leads = read_leads(read_table(crm), LeadMapping(id="id", created_at="c"), required=())
    found = check_leads(leads, None, now=np.datetime64("2024-01-01", "us"))
    (late,) = [finding for finding in found if finding.code == "TIME005"]
    assert late.examples == ("line 2: 2024-01-02T00:00:00",)


def test_activities_are_part_of_it(crm: Path, tmp_path: Path) -> None:
    touches = tmp_path / "touches.csv"
    touches.write_text("lead_id,timestamp,event\nZ,2024-01-01,x\n")
    activities = read_activities(
        read_table(touches), ActivityMapping(), timezone="UTC", date_format=None, missing=()
    )
    leads = read_leads(read_table(crm), LeadMapping(id="id"), required=())
    codes = {finding.code for finding in check_leads(leads, activities)}
    assert {"DATA032", "DATA033", "TIME002"} <= codes


def test_every_code_given_is_explained() -> None:
    folder = Path(leadml.__file__).parent
    sources = [*(folder / "data").glob("*.py"), folder / "workflows" / "check.py"]
    used = {
        code
        for source in sources
        if source.name != "checks.py"
        for code in re.findall(r'"((?:DATA|TIME|CONF)\d{3})"', source.read_text())
    }
    assert used == set(CODES)
