"""The one way to delete events: inside a transaction that says it erases."""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Connection, delete, insert

from leadml.store.ledger import Ledger
from leadml.store.recording import advance, lock
from leadml.store.schema import ERASURE


@contextmanager
def erasing(ledger: Ledger, reason: str) -> Iterator[Connection]:
    """Give a transaction in which events may be deleted; other writers wait until it ends.

    The permission is a row that no other transaction ever sees and that is gone when this one
    ends. The ledger's mark rises by one, so that nothing read before is taken for the present.

    Parameters
    ----------
    ledger : Ledger
        Whose events are to go.
    reason : str
        Why: ``forget`` or ``prune``.
    """
    with ledger.writing() as connection:
        advance(connection, lock(connection) + 1)
        connection.execute(insert(ERASURE).values(reason=reason))
        yield connection
        connection.execute(delete(ERASURE))
