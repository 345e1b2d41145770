import json
from pathlib import Path

import pandas as pd
import pytest

from leadml.errors import ConfigError, DataError
from leadml.workflows.check import check

CONFIG = """
[leads]
id = "id"
outcome = "stage"
won = ["Won"]
lost = ["Lost"]
created_at = "created"
timezone = "Europe/Berlin"
"""
LEADS = "id,stage,created,size\nA,Won,2024-01-01,5\nB,Lost,2024-01-03,7\n"


@pytest.fixture
def crm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    Path("leadml.toml").write_text(CONFIG)
    Path("leads.csv").write_text(LEADS)
    Path("touches.csv").write_text("lead_id,timestamp,event\nA,2024-01-02T00Z,call\n")
    return tmp_path


@pytest.mark.usefixtures("crm")
def test_what_was_looked_over() -> None:
    result = check("leads.csv", activities="touches.csv")
    assert (result.source, result.rows, result.columns, result.activities) == ("leads.csv", 2, 4, 1)
    assert {finding.code for finding in result.findings} == {"DATA024", "TIME002", "DATA032"}
    assert result.errors == 0
    json.dumps(result.to_dict(), allow_nan=False)


@pytest.mark.usefixtures("crm")
def test_a_history_is_looked_over_too() -> None:
    header = "lead_id,field,old_value,new_value,changed_at\n"
    Path("changes.csv").write_text(
        header + "A,size,3,5,2024-01-02T00Z\nC,size,3,5,2024-01-02T00Z\n"
    )
    result = check("leads.csv", history="changes.csv")
    assert (result.activities, result.changes, result.to_dict()["changes"]) == (None, 2, 2)
    assert {f.code: f.count for f in result.findings}["DATA043"] == 1
    assert check("leads.csv").changes is None


@pytest.mark.usefixtures("crm")
def test_a_date_is_midnight_in_the_configured_zone() -> None:
    # 2024-01-03 in Berlin begins at 23:00 UTC the day before: lead B is created at now, not after.
    late = [f for f in check("leads.csv", as_of="2024-01-03").findings if f.code == "TIME005"]
    assert late == []
    (late_finding,) = [
        f for f in check("leads.csv", as_of="2024-01-02").findings if f.code == "TIME005"
    ]
    assert late_finding.examples == ("line 3: 2024-01-02T23:00:00",)


@pytest.mark.usefixtures("crm")
def test_an_unreadable_as_of() -> None:
    with pytest.raises(ConfigError, match="--as-of: expected an ISO 8601 time, found 'soon'"):
        check("leads.csv", as_of="soon")


@pytest.mark.usefixtures("crm")
def test_errors_are_counted() -> None:
    Path("leads.csv").write_text(LEADS + "A,Lost,2024-01-01,5\n")
    assert check("leads.csv").errors == 1


@pytest.mark.usefixtures("crm")
def test_mapped_columns_must_be_there() -> None:
    with pytest.raises(DataError, match=r"no column 'created'"):
        check(pd.DataFrame({"id": [1], "stage": ["Won"]}))


def test_without_a_configuration_it_says_so(crm: Path) -> None:
    (crm / "leadml.toml").unlink()
    result = check("leads.csv")
    assert [finding.code for finding in result.findings] == ["CONF001"]
    with pytest.raises(ConfigError, match=r"no configuration at other\.toml"):
        check("leads.csv", config="other.toml")


def test_progress_is_reported(crm: Path) -> None:
    steps: list[tuple[str, float]] = []
    check("leads.csv", activities="touches.csv", progress=lambda *step: steps.append(step))
    assert [share for _, share in steps] == sorted(share for _, share in steps)
    assert len(steps) == 4


def test_a_points_rule_on_an_unknown_column_is_refused_as_in_training(crm: Path) -> None:
    rule = '[[points.rules]]\nname = "big"\npoints = 5\ncolumn = "no such column"\npresent = true\n'
    with (crm / "leadml.toml").open("a") as config:
        config.write("\n" + rule)
    with pytest.raises(ConfigError, match=r"rule 'big'.*no such column"):
        check("leads.csv")
