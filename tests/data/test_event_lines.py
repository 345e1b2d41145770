"""Events as JSON lines."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from leadml.data.event_lines import BadLineError, is_event_file, lines_of, read_event
from leadml.domain.event import Event
from leadml.errors import DataError


def test_a_line_is_an_event_and_when_it_was_recorded() -> None:
    line = (
        '{"id": 7, "recorded_at": "2026-01-02T00:00:00+00:00", "event": "won", "lead": "L1", '
        '"happened_at": "2026-01-01T01:00:00+01:00", "account": null, "detail": {"amount": 5}}'
    )
    event, recorded = read_event(line)
    moment = datetime(2026, 1, 1, tzinfo=UTC)
    assert event == Event(event="won", lead="L1", happened_at=moment, detail={"amount": 5})
    assert recorded == datetime(2026, 1, 2, tzinfo=UTC)
    assert (
        read_event('{"event":"lost","lead":"L1","happened_at":"2026-01-01T00:00:00Z"}')[1] is None
    )


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("[1]", "expected a JSON object, found list"),
        ("{", "expected a JSON object, found Expecting"),
        ("[" * 100_000, "expected a JSON object, found"),
        ('"' + "x" * 200_000 + '"', "expected up to 200,000 characters, found 200,002"),
        ('{"event": "won", "what": 1}', "expected the fields event, lead, .*, found 'what'"),
        ('{"event": "won", "lead": "L1"}', "found no happened_at"),
        ('{"event": "won", "lead": "L1", "happened_at": 5}', "ISO 8601 with its offset, found 5"),
        (
            '{"event": "won", "lead": "L1", "happened_at": "2026-01-01"}',
            "happened_at as ISO 8601 with its offset, found '2026-01-01'",
        ),
    ],
)
def test_what_is_no_event_is_said(line: str, expected: str) -> None:
    with pytest.raises(BadLineError, match=expected):
        read_event(line)


def test_a_file_of_events_is_told_by_its_name(tmp_path: Path) -> None:
    assert is_event_file("a.jsonl")
    assert is_event_file(tmp_path / "A.NDJSON")
    assert not is_event_file("leads.csv")
    assert not is_event_file(None)


def test_empty_lines_count_but_are_none(tmp_path: Path) -> None:
    path = tmp_path / "e.jsonl"
    path.write_text("\ufeff{}\n\n {}\n", encoding="utf-8")
    assert list(lines_of(path)) == [(1, "{}\n"), (3, " {}\n")]
    path.write_bytes(b"\xff\xfe{}")
    with pytest.raises(DataError, match="cannot be read as UTF-8 text"):
        list(lines_of(path))
