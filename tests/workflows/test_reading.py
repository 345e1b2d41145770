import sqlite3
from pathlib import Path

import pandas as pd
import pytest

from leadml.errors import DataError
from leadml.workflows.reading import read_leads, read_source


def test_a_file_a_database_and_a_frame_read_alike(tmp_path: Path) -> None:
    frame = pd.DataFrame({"id": ["A", "B"]})
    frame.to_csv(tmp_path / "leads.csv", index=False)
    with sqlite3.connect(tmp_path / "crm.db") as connection:
        frame.to_sql("leads", connection, index=False)
    connection.close()
    url = f"sqlite:///{tmp_path / 'crm.db'}"
    for source, table in ((tmp_path / "leads.csv", None), (url, "leads"), (frame, None)):
        read = read_source(source, table=table, config_root=tmp_path)
        assert read.frame["id"].tolist() == ["A", "B"]


def test_a_table_of_a_file_is_a_mistake(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"leads.csv is a file: leave --table out"):
        read_source("leads.csv", table="leads", config_root=tmp_path)


def test_a_file_beside_the_configuration_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = tmp_path / "here"
    here.mkdir()
    monkeypatch.chdir(here)
    (tmp_path / "leads.csv").write_text("id\nA\n")
    with pytest.raises(DataError, match=r"no file leads.csv here, but there is .*leads.csv: name"):
        read_source("leads.csv", config_root=tmp_path)


def test_read_leads_gives_an_export_in_leadmls_terms(tmp_path: Path) -> None:
    config = '[leads]\nid = "who"\noutcome = "stage"\nwon = ["Won"]\nlost = ["Lost"]\n'
    (tmp_path / "leadml.toml").write_text(config + 'created_at = "made"\n', "utf-8")
    (tmp_path / "leads.csv").write_text(
        "who,stage,made\na,Won,2026-01-02\nb,Open,2026-01-01\n", "utf-8"
    )
    leads = read_leads(tmp_path / "leads.csv", config=tmp_path / "leadml.toml")
    assert leads.lead_id.tolist() == ["a", "b"]
    assert leads.outcome is not None
    assert leads.outcome.tolist() == [1, -1]  # won; open
    assert str(leads.latest_time()) == "2026-01-02T00:00:00.000000"
