"""The ledger written out, and events from ledger to ledger."""

import io
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pandas as pd
import pytest

from leadml.domain.event import Event
from leadml.errors import ConfigError, DataError, StoreError
from leadml.settings import Settings, settings_from
from leadml.store.erasure import forget
from leadml.store.ledger import Ledger
from leadml.workflows.lead_table import COLUMNS
from leadml.workflows.ledger_events import event_lines, import_events
from leadml.workflows.ledger_export import export_ledger, print_ledger, without_formulas

START = datetime(2026, 1, 1, tzinfo=UTC)


def settings_of(url: str, folder: Path) -> Settings:
    content = {"leads": {"timezone": "Europe/Berlin"}, "store": {"url": url}}
    return settings_from(content, path=folder / "leadml.toml")


def a_history(leads: int = 6) -> list[Event]:
    made = []
    for n in range(leads):
        handed = START + timedelta(days=10 * n)
        made += [
            Event(event="scored", lead=f"L{n}", happened_at=START, model_version="2",
                  detail={"probability": 0.1 * n, "reasons": [{"feature": "x", "value": "é"}]}),
            Event(event="handed_off", lead=f"L{n}", happened_at=handed, owner="Ann",
                  idempotency_key=f"h{n}", detail={"attributes": {"source": "Web"}}),
            Event(event="corrected", lead=f"L{n}", happened_at=handed + timedelta(days=1),
                  detail={"corrects": f"h{n}", "owner": "Bob"}),
            Event(event="won", lead=f"L{n}", happened_at=handed + timedelta(days=2),
                  detail={"amount": 5.5}),
        ]  # fmt: skip
    return made


def test_events_make_the_same_leads_in_another_ledger(ledger_url: str, tmp_path: Path) -> None:
    first = settings_of(ledger_url, tmp_path)
    recorded = START + timedelta(days=100)
    with Ledger.open(ledger_url, clock=lambda: recorded) as ledger:
        ledger.record(a_history())
        forget(ledger, "L5")
        before = list(ledger.states())
    done = export_ledger(tmp_path / "events.jsonl", config=first, events=True)
    assert done.to_dict() == {
        "output": str(tmp_path / "events.jsonl"), "rows": 24, "what": "events",
    }  # fmt: skip
    second = settings_of(f"sqlite:///{tmp_path / 'other.db'}", tmp_path)
    moved = import_events(tmp_path / "events.jsonl", config=second)
    assert (moved.rows, moved.recorded, moved.corrected, moved.unchanged) == (24, 18, 6, 0)
    with Ledger.open(second.store_url) as other, Ledger.open(ledger_url) as ledger:
        assert list(other.states()) == before  # when outcomes were recorded included
        assert list(event_lines(other)) == list(event_lines(ledger))
    again = import_events(tmp_path / "events.jsonl", config=second)
    assert (again.recorded, again.corrected, again.unchanged, again.refused) == (0, 0, 24, 0)


def test_lines_that_hold_no_event_are_named(tmp_path: Path) -> None:
    settings = settings_of(f"sqlite:///{tmp_path / 'l.db'}", tmp_path)
    path = tmp_path / "events.jsonl"
    path.write_text(
        '{"event":"lost","lead":"L1","happened_at":"2026-01-01T00:00:00Z"}\n'
        "no json\n"
        "\n"
        '{"event":"sold","lead":"L1","happened_at":"2026-01-01T00:00:00Z"}\n'
        '{"event":"lost","lead":"L2","happened_at":"2026-01-01T00:00:00Z",'
        '"recorded_at":"2999-01-01T00:00:00Z","idempotency_key":"k"}\n'
        '{"event":"lost","lead":"L3","happened_at":"2026-01-01T00:00:00Z"}\n',
        encoding="utf-8",
    )
    with Ledger.open(settings.store_url) as ledger:
        forget(ledger, "L3")
    trial = import_events(path, config=settings, dry_run=True)
    done = import_events(path, config=settings)
    assert done.to_dict() | {"dry_run": True} == trial.to_dict()
    assert [(r.place, r.code) for r in done.refusals] == [
        ("line 2", "ROW001"), ("line 4", "LEDG003"), ("line 6", "LEDG004"),
    ]  # fmt: skip
    assert (done.rows, done.changed, done.by_event["lost"]) == (5, 2, 2)
    with Ledger.open(settings.store_url) as ledger:
        (stored,) = ledger.history("L2")
    assert stored.recorded_at < datetime.now(UTC)  # no ledger can have recorded it in 2999
    with pytest.raises(DataError, match=r"there is no file .*none\.jsonl"):
        import_events(tmp_path / "none.jsonl", config=settings)


def test_the_leads_table(ledger_url: str, tmp_path: Path) -> None:
    settings = settings_of(ledger_url, tmp_path)
    with Ledger.open(ledger_url) as ledger:
        ledger.record(a_history())
    export_ledger(tmp_path / "leads.csv", config=settings)
    table = pd.read_csv(tmp_path / "leads.csv")
    assert list(table.columns) == list(COLUMNS)
    assert table["lead"].tolist() == [f"L{n}" for n in range(6)]
    assert set(table["owner"]) == {"Bob"}
    assert table["handed_off_at"][1] == "2026-01-11T00:00:00Z"
    export_ledger(tmp_path / "leads.parquet", config=settings)
    other = pd.read_parquet(tmp_path / "leads.parquet")
    assert other["lead"].tolist() == table["lead"].tolist()
    assert other["probability"].tolist() == table["probability"].tolist()


def test_a_window_is_of_hand_offs_and_of_events(tmp_path: Path) -> None:
    settings = settings_of(f"sqlite:///{tmp_path / 'l.db'}", tmp_path)
    with Ledger.open(settings.store_url) as ledger:
        ledger.record(a_history())
    # 00:00 in Berlin is 23:00 of the day before in UTC: L1 was handed off on the 11th at 00:00 UTC.
    window = {"since": "2026-01-11", "until": "2026-02-10"}
    out = io.StringIO()
    print_ledger(out, config=settings, **window)  # type: ignore[arg-type]
    assert pd.read_csv(io.StringIO(out.getvalue()))["lead"].tolist() == ["L1", "L2", "L3"]
    out = io.StringIO()
    print_ledger(out, config=settings, events=True, **window)  # type: ignore[arg-type]
    moments = [json.loads(line)["happened_at"] for line in out.getvalue().splitlines()]
    assert len(moments) == 9  # three of each of L1, L2 and L3; all scores are of 1 January
    assert all("2026-01-11" <= moment < "2026-02-10" for moment in moments)
    with pytest.raises(ConfigError, match="--until 2026-01-01 must lie after --since 2026-01-01"):
        print_ledger(out, config=settings, since="2026-01-01", until="2026-01-01")
    with pytest.raises(ConfigError, match=r"--since: .*write it like"):
        print_ledger(out, config=settings, since="yesterday")


def test_a_ledger_that_is_not_there(tmp_path: Path) -> None:
    settings = settings_of(f"sqlite:///{tmp_path / 'none.db'}", tmp_path)
    with pytest.raises(StoreError, match="there is no ledger"):
        export_ledger(tmp_path / "x.csv", config=settings)
    assert not (tmp_path / "x.csv").exists()


def test_texts_that_a_spreadsheet_would_run_get_an_apostrophe() -> None:
    texts = ["=1+1", "+49 30", "-5", "-x", "@a", "\tx", "plain", None, "+7.5e3"]
    table = pd.DataFrame({"lead": pd.Series(texts, dtype=object), "amount": [-1.0] * 9})
    safe = without_formulas(table)
    assert safe["lead"].tolist() == [
        "'=1+1", "'+49 30", "-5", "'-x", "'@a", "'\tx", "plain", None, "+7.5e3",
    ]  # fmt: skip
    assert safe["amount"].tolist() == [-1.0] * 9
    assert table["lead"][0] == "=1+1"
