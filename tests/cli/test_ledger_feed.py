"""`leadml ledger import`, `export`, `forget` and `prune` as they are typed."""

import contextlib
import json
import sqlite3
from pathlib import Path

import pandas as pd
import pytest
from click.testing import CliRunner, Result

from leadml.cli.main import main

TOML = """\
[leads]
id = "id"
outcome = "stage"
won = ["Won"]
lost = ["Lost"]
handed_off_at = "handed"
closed_at = "closed"
rejected_at = "rejected"
rejection_reason = "why"
"""
CSV = """\
id,handed,rejected,why,stage,closed
L1,2026-01-02T10:00:00Z,,,Won,2026-02-01T10:00:00Z
L2,2026-01-03T10:00:00Z,2026-01-04T10:00:00Z,Timing,Lost,2026-01-05T10:00:00Z
L3,,,,Won,
L4,,,,Open,
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "leadml.toml").write_text(TOML)
    (tmp_path / "leads.csv").write_text(CSV)
    return tmp_path


def typed(folder: Path, *words: str, answer: str | None = None) -> Result:
    arguments = ["ledger", *words, "--config", str(folder / "leadml.toml")]
    return CliRunner().invoke(main, arguments, input=answer)


def test_an_import_tells_what_it_did(folder: Path) -> None:
    shown = typed(folder, "import", str(folder / "leads.csv"))
    assert shown.exit_code == 0, shown.output
    lines = [" ".join(line.split()) for line in shown.stdout.splitlines()]
    assert lines[0] == (
        f"4 rows read: 5 events and 0 corrections recorded in sqlite:///{folder / 'leadml.db'}"
    )
    assert "handed_off 2" in lines
    assert "rejected 1" in lines
    assert lines[-4:] == [
        "new in 2 rows, nothing new in 0, of 1 lead nothing has happened yet",
        "1 rejection for reasons on no list, kept as other with their text: Timing (1); "
        "[rejections] reasons names the list",
        "1 row could not be used in full (LEDG001 1):",
        "line 4: won without a time of closing or any other: the ledger keeps when things happened "
        "(LEDG001)",
    ]


def test_a_table_of_a_database_and_parquet(folder: Path) -> None:
    frame = pd.read_csv(folder / "leads.csv", dtype="str")
    with contextlib.closing(sqlite3.connect(folder / "crm.db")) as crm:
        frame.to_sql("leads", crm, index=False)
    frame.to_parquet(folder / "leads.parquet")
    url = f"sqlite:///{folder / 'crm.db'}"
    first = json.loads(typed(folder, "import", url, "--table", "leads", "--json").stdout)
    assert (first["recorded"], first["unchanged"]) == (5, 0)
    second = json.loads(typed(folder, "import", str(folder / "leads.parquet"), "--json").stdout)
    assert (second["recorded"], second["corrected"], second["unchanged"]) == (0, 0, 2)
    missing = typed(folder, "import", str(folder / "none.csv"))
    assert missing.exit_code == 1


def test_an_import_as_json(folder: Path) -> None:
    first = typed(folder, "import", str(folder / "leads.csv"), "--json", "--dry-run")
    values = json.loads(first.stdout)
    assert (values["recorded"], values["refused"], values["dry_run"]) == (5, 1, True)
    assert not (folder / "leadml.db").exists()
    typed(folder, "import", str(folder / "leads.csv"))
    again = json.loads(typed(folder, "import", str(folder / "leads.csv"), "--json").stdout)
    same = ("rows", "recorded", "unchanged", "corrected", "refused", "not_begun")
    assert [again[key] for key in same] == [4, 0, 2, 0, 1, 1]
    assert set(again["by_event"].values()) == {0}


def test_out_and_in_again(folder: Path) -> None:
    typed(folder, "import", str(folder / "leads.csv"))
    table = typed(folder, "export")
    assert table.stdout.splitlines()[0].startswith("lead,account,owner,source,")
    assert len(table.stdout.splitlines()) == 3
    events = folder / "events.jsonl"
    done = typed(folder, "export", "--events", "--output", str(events), "--json")
    assert json.loads(done.stdout) == {"output": str(events), "rows": 5, "what": "events"}
    shown = typed(folder, "export", "--output", str(folder / "t.parquet"))
    assert shown.stdout == f"{folder / 't.parquet'}: 2 leads\n"
    (folder / "leadml.db").unlink()
    moved = json.loads(typed(folder, "import", str(events), "--json").stdout)
    assert (moved["rows"], moved["recorded"]) == (5, 5)
    assert typed(folder, "export").stdout == table.stdout


def test_options_that_do_not_go_together(folder: Path) -> None:
    shown = typed(folder, "export", "--json")
    assert shown.exit_code == 2
    assert "--json tells about the file written" in shown.stderr
    shown = typed(folder, "import", "events.jsonl", "--table", "leads")
    assert shown.exit_code == 2
    assert "leave it out" in shown.stderr


def test_forgetting_asks_first(folder: Path) -> None:
    typed(folder, "import", str(folder / "leads.csv"))
    refused = typed(folder, "forget", "L1", answer="n\n")
    assert refused.exit_code == 1
    assert "Erase the person behind 2 events for good?" in refused.stderr
    assert "L1," in typed(folder, "export").stdout
    unknown = typed(folder, "forget", "L9", answer="n\n")
    assert "holds nothing of this lead. Refuse its events from now on?" in unknown.stderr
    done = typed(folder, "forget", "L1", answer="y\n")
    assert "2 events kept under a random name" in done.stdout
    assert "L1," not in typed(folder, "export").stdout
    values = json.loads(typed(folder, "forget", "L2", "--yes", "--json").stdout)
    assert (values["events"], values["was_forgotten"], values["file_rewritten"]) == (3, False, True)
    shown = typed(folder, "import", str(folder / "leads.csv"))
    assert "LEDG004 2" in shown.stdout
    assert len(typed(folder, "export").stdout.splitlines()) == 3  # counted on, under other names


def test_an_id_is_forgotten_however_it_is_spelt(folder: Path) -> None:
    (folder / "leads.csv").write_text(CSV.replace("L1,", "7.0,"))  # a spreadsheet's 7
    typed(folder, "import", str(folder / "leads.csv"))
    values = json.loads(typed(folder, "forget", " 7.0 ", "--yes", "--json").stdout)
    assert values["events"] == 2
    assert "\n7," not in typed(folder, "export").stdout


def test_pruning(folder: Path) -> None:
    newer = "L5,2026-01-02T10:00:00Z,,,Lost,2026-01-09T10:00:00Z\nL6,2024-01-03T10:00:00Z,,,Open,\n"
    (folder / "leads.csv").write_text(CSV.replace("2026-", "2024-") + newer)
    typed(folder, "import", str(folder / "leads.csv"))
    shown = typed(folder, "prune", "--older-than", "2025-02-28", "--dry-run")
    assert "0 events would go" in shown.stdout
    text = TOML + "[sales_ready]\neffective_from = 2026-02-01\n"
    (folder / "leadml.toml").write_text(text)
    values = json.loads(typed(folder, "prune", "--older-than", "2025-02-28", "--json").stdout)
    assert (values["leads"], values["events"], values["scores"]) == (2, 5, 0)
    # L6 is still open, and L5 is of the last 400 days.
    left = [line.split(",")[0] for line in typed(folder, "export").stdout.splitlines()]
    assert left == ["lead", "L5", "L6"]
    wrong = typed(folder, "prune", "--older-than", "soon")
    assert wrong.exit_code == 1
