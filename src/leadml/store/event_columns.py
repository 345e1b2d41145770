"""The ledger's events as columns of plain values, some whole leads at a time."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import groupby
from typing import TYPE_CHECKING, Any

from sqlalchemy import BigInteger, ColumnElement, Select, String, cast, extract, select, type_coerce

from leadml.store.schema import EVENTS

if TYPE_CHECKING:
    from leadml.store.ledger import Ledger

EVENTS_AT_ONCE = 100_000
_FETCHED = 10_000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

Row = Sequence[Any]


@dataclass(frozen=True)
class EventColumns:
    """Events of some leads, lead by lead; parallel lists.

    Attributes
    ----------
    id : list of int
    event, lead, idempotency_key : lists of str
    account, owner, model_version, agreement_hash, detail : lists of str or None
        The detail as JSON text.
    happened_at, recorded_at : lists
        Microseconds since 1970-01-01 UTC, or the same as ISO 8601 text of one length with a Z.
    """

    id: list[int]
    event: list[str]
    lead: list[str]
    account: list[str | None]
    owner: list[str | None]
    happened_at: list[Any]
    recorded_at: list[Any]
    model_version: list[str | None]
    agreement_hash: list[str | None]
    idempotency_key: list[str]
    detail: list[str | None]

    @classmethod
    def of(cls, rows: Sequence[Row]) -> "EventColumns":
        """Turn rows into columns."""
        return cls(*(list(column) for column in zip(*rows, strict=True)))

    def __len__(self) -> int:
        """Return the number of events."""
        return len(self.id)


def event_columns(ledger: "Ledger", at_once: int = EVENTS_AT_ONCE) -> Iterator[EventColumns]:
    """Yield all events in the order of their leads' ids; those of one lead always together.

    Parameters
    ----------
    at_once : int
        About how many events to hold at a time; a lead's events are never parted.
    """
    query = _query(sqlite=ledger.database.is_sqlite)
    with ledger.database.reading() as connection:
        rows = connection.execution_options(yield_per=_FETCHED).execute(query)
        held: list[Row] = []
        for _, of_lead in groupby(rows, key=lambda row: row[2]):
            held.extend(of_lead)
            if len(held) >= at_once:
                yield EventColumns.of(held)
                held = []
    if held:
        yield EventColumns.of(held)


def moment_of(value: int | str) -> datetime:
    """Return a time of these columns as aware UTC."""
    if isinstance(value, str):
        return datetime.fromisoformat(value)
    return _EPOCH + timedelta(microseconds=value)


def _query(*, sqlite: bool) -> Select[Any]:
    """Return the query; times come as the database makes them fastest."""
    as_it_is = (lambda c: type_coerce(c, String)) if sqlite else _microseconds
    columns = [as_it_is(c) if c.name.endswith("_at") else c for c in EVENTS.c]
    return select(*columns).order_by(EVENTS.c.lead)


def _microseconds(column: ColumnElement[Any]) -> ColumnElement[int]:
    return cast(extract("epoch", column) * 1_000_000, BigInteger)
