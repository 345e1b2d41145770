"""Events from ledger to ledger, as JSON lines: every one with its key, and when it was recorded."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from sqlalchemy import Connection

from leadml.data.event_lines import BadLineError, lines_of, read_event
from leadml.domain.event import Event, Receipt
from leadml.errors import DataError
from leadml.settings import Settings, load_settings
from leadml.store.ledger import Ledger
from leadml.store.recording import record_in
from leadml.store.stream import events_in_order
from leadml.workflows.collecting import not_collecting
from leadml.workflows.ledger_import import (
    FORGOTTEN,
    REFUSED,
    UNUSABLE,
    Imported,
    Progress,
    in_transaction,
    opened,
    shown,
)

EVENTS_AT_ONCE = 10_000
"""Events recorded in one transaction: all of them or none."""


@dataclass(frozen=True)
class _Line:
    number: int
    event: Event
    recorded_at: datetime | None


def import_events(
    path: Path,
    *,
    config: Path | str | Settings | None = None,
    dry_run: bool = False,
    progress: Progress = lambda _step, _share: None,
) -> Imported:
    """Record the events of a file of JSON lines; those known already are left alone.

    An event keeps the moment at which another ledger recorded it, if the line says one and it
    lies in the past, so that a ledger can move from one database to another.

    Raises
    ------
    LeadmlError
        If the file or the ledger cannot be used.
    """
    settings = load_settings(config)
    if not path.is_file():
        msg = f"there is no file {path}: check the name"
        raise DataError(msg)
    with opened(settings, dry_run=dry_run) as ledger:
        done = Imported(str(path), shown(settings), dry_run)
        whole, read = path.stat().st_size, 0
        for some in _parts(lines_of(path)):
            progress("recording", min(1.0, read / max(1, whole)))
            read += sum(len(line) for _, line in some)
            with not_collecting():
                _record(ledger, some, done)
    progress("done", 1.0)
    return done


def _parts(lines: Iterator[tuple[int, str]]) -> Iterator[list[tuple[int, str]]]:
    held: list[tuple[int, str]] = []
    for line in lines:
        held.append(line)
        if len(held) == EVENTS_AT_ONCE:
            yield held
            held = []
    if held:
        yield held


def _record(ledger: Ledger, some: list[tuple[int, str]], done: Imported) -> None:
    lines: list[_Line] = []
    for number, text in some:
        done.rows += 1
        try:
            lines.append(_Line(number, *read_event(text)))
        except BadLineError as error:
            done.refuse(f"line {number}", UNUSABLE, str(error))
    now = ledger.now()
    told = {
        line.event.idempotency_key: line.recorded_at
        for line in lines
        if line.recorded_at is not None and line.recorded_at <= now
    }

    def work(connection: Connection) -> list[Receipt]:
        events = [line.event for line in lines]
        return record_in(connection, events, reasons=ledger.reasons, now=now, recorded=told)

    for line, receipt in zip(
        lines, in_transaction(ledger, work, dry_run=done.dry_run), strict=True
    ):
        _count(line, receipt, done)


def _count(line: _Line, receipt: Receipt, done: Imported) -> None:
    if receipt.status == "refused":
        code = FORGOTTEN if "forgotten" in receipt.problem else REFUSED
        done.refuse(f"line {line.number}", code, receipt.problem)
    elif receipt.status == "duplicate":
        done.unchanged += 1
    else:
        done.changed += 1
        done.by_event[line.event.event] += 1


def event_lines(
    ledger: Ledger, *, since: datetime | None = None, until: datetime | None = None
) -> Iterator[str]:
    """Yield every event as a line of JSON, in the order of recording.

    Parameters
    ----------
    since, until : datetime, optional
        Only events that happened in [since, until); aware.
    """
    for stored in events_in_order(ledger, since=since, until=until):
        yield json.dumps(stored.to_dict(), ensure_ascii=False, separators=(",", ":")) + "\n"
