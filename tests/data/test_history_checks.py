from pathlib import Path

import pytest

from leadml.data.history import History, read_history
from leadml.data.history_checks import columns_of, facts_of, history_findings
from leadml.data.leads import Leads, read_leads
from leadml.data.tables import read_table
from leadml.domain.finding import Finding
from leadml.domain.mapping import HistoryMapping, LeadMapping

MAPPING = LeadMapping(
    id="id", outcome="stage", created_at="made", owner="rep", amount="sum", points="score"
)
LEADS = """id,made,stage,rep,sum,score,source,Lead Source,note
A,2024-01-01T00Z,won,x,1,5,web,ads,hm
B,2024-01-02T00Z,lost,y,2,6,web,ads,hm
"""


def leads_of(tmp_path: Path, mapping: LeadMapping = MAPPING) -> Leads:
    path = tmp_path / "leads.csv"
    path.write_text(LEADS)
    return read_leads(read_table(path), mapping, required={"id"})


def history_of(tmp_path: Path, *changes: str) -> History:
    path = tmp_path / "changes.csv"
    path.write_text("\n".join(["lead_id,field,old_value,new_value,changed_at", *changes]))
    reading = {"timezone": "UTC", "date_format": None, "missing": ()}
    return read_history(read_table(path), HistoryMapping(), **reading)  # type: ignore[arg-type]


def change(lead: str = "A", field: str = "source", old: str = "ads", new: str = "web") -> str:
    return f"{lead},{field},{old},{new},2024-01-05T00Z"


def found(tmp_path: Path, *changes: str, mapping: LeadMapping = MAPPING) -> list[Finding]:
    return list(history_findings(leads_of(tmp_path, mapping), history_of(tmp_path, *changes)))


def test_a_field_is_found_by_its_name_else_by_its_letters(tmp_path: Path) -> None:
    columns = ["source", "Lead Source", "Is Won", "is_won", "a"]
    history = history_of(
        tmp_path,
        *(change(field=name) for name in ("source", "LeadSource", "iswon", "Source", "A", "a.")),
    )
    # "Is Won" and "is_won" share their letters, and so do "A" and "a.": unclear, so unused.
    assert columns_of(history, columns) == {"source": 0, "Lead Source": 1}


def test_facts_are_roles_but_neither_points_nor_source() -> None:
    mapping = LeadMapping(**dict(vars(MAPPING)) | {"source": "source", "closed_at": "closed"})
    assert facts_of(mapping) == {"id", "stage", "made", "rep", "sum", "closed"}


def test_a_sound_history_has_no_findings(tmp_path: Path) -> None:
    assert found(tmp_path, change(), change("B")) == []
    assert found(tmp_path, ",source,a,b,2024-01-01") == []


def test_strange_leads_are_counted(tmp_path: Path) -> None:
    [finding] = found(tmp_path, change(), change("C"), change("C"))
    assert (finding.code, finding.severity, finding.count) == ("DATA043", "warning", 2)
    assert finding.examples == ("C",)
    [finding] = found(tmp_path, change("C"))
    assert (finding.severity, finding.count) == ("error", 1)
    assert "not one has a lead" in finding.message


def test_strange_fields_are_counted(tmp_path: Path) -> None:
    [finding] = found(tmp_path, change(), change(field="created"), change(field="created"))
    assert (finding.code, finding.severity, finding.count) == ("DATA044", "info", 2)
    assert finding.examples == ("created",)
    [finding] = found(tmp_path, change(field="created"))
    assert (finding.severity, finding.count) == ("warning", 1)
    assert "not one field is" in finding.message


def test_changes_without_values_are_named(tmp_path: Path) -> None:
    note = change(field="note", old="", new="")
    [finding] = found(tmp_path, change(), note, note)
    assert (finding.code, finding.column, finding.count) == ("DATA045", "note", 2)
    assert finding.severity == "warning"
    assert found(tmp_path, change(), change(field="rep", old="", new="")) == []


@pytest.mark.parametrize("role", [None, "handed_off_at"])
def test_without_a_moment_nothing_is_rolled_back(role: str | None, tmp_path: Path) -> None:
    roles = {"id": "id", **({role: "made"} if role else {})}
    codes = [f.code for f in found(tmp_path, change(), mapping=LeadMapping(**roles))]  # type: ignore[arg-type]
    assert codes == ([] if role else ["DATA046"])
