"""The ledger's events one after the other, in the order in which they were recorded."""

from collections.abc import Iterator
from datetime import datetime
from typing import TYPE_CHECKING

from sqlalchemy import select

from leadml.domain.event import Stored
from leadml.store.rows import stored_of
from leadml.store.schema import EVENTS

if TYPE_CHECKING:
    from leadml.store.ledger import Ledger

_FETCHED = 5_000


def events_in_order(
    ledger: "Ledger", *, since: datetime | None = None, until: datetime | None = None
) -> Iterator[Stored]:
    """Yield events by their number, in bounded memory.

    Parameters
    ----------
    since, until : datetime, optional
        Only those that happened in [since, until); aware.
    """
    query = select(EVENTS).order_by(EVENTS.c.id)
    if since is not None:
        query = query.where(EVENTS.c.happened_at >= since)
    if until is not None:
        query = query.where(EVENTS.c.happened_at < until)
    with ledger.database.reading() as connection:
        for row in connection.execution_options(yield_per=_FETCHED).execute(query):
            yield stored_of(row)
