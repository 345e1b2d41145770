"""Tables of the ledger as they are now; migrations lead older databases here."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    Dialect,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    insert,
    text,
)
from sqlalchemy.dialects.postgresql import TIMESTAMP
from sqlalchemy.types import TypeDecorator, TypeEngine

REVISION = "0003"
"""The migration that this code's tables are of."""

VERSION_TABLE = "ledger_revision"
_VERSION_TABLE = f"""create table if not exists {VERSION_TABLE} (
    version_num varchar(32) not null, constraint {VERSION_TABLE}_pkc primary key (version_num))"""


class Moment(TypeDecorator[datetime]):
    """A time in UTC to the microsecond.

    PostgreSQL keeps a ``timestamptz``. SQLite has no type for times: it keeps ISO 8601 text of one
    length, which sorts in the order of time and which SQLite's date functions read.
    """

    impl = String
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """Return the type of the database at hand."""
        return TIMESTAMP(timezone=True) if dialect.name == "postgresql" else String()

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> Any:
        """Return what the database is given."""
        if value is None or dialect.name == "postgresql":
            return value
        return value.astimezone(UTC).isoformat(timespec="microseconds")[:-6] + "Z"

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:
        """Return the time in UTC."""
        if value is None or isinstance(value, datetime):
            return value.astimezone(UTC) if value else None
        return datetime.fromisoformat(value)  # UTC, as it was written


def name_type() -> TypeEngine[str]:
    """Return a text that sorts by its code points in both databases."""
    return String().with_variant(String(collation="C"), "postgresql")


METADATA = MetaData()

IDENTITY = BigInteger().with_variant(Integer, "sqlite")

EVENTS = Table(
    "ledger_events",
    METADATA,
    Column("id", IDENTITY, primary_key=True, autoincrement=False),
    Column("event", String, nullable=False),
    Column("lead", name_type(), nullable=False),
    Column("account", String),
    Column("owner", String),
    Column("happened_at", Moment, nullable=False),
    Column("recorded_at", Moment, nullable=False),
    Column("model_version", String),
    Column("agreement_hash", String),
    Column("idempotency_key", name_type(), nullable=False),
    Column("detail", Text),
    Index("ledger_events_key", "idempotency_key", unique=True),
    Index("ledger_events_lead", "lead"),
)
"""One row an event; ``detail`` is a JSON text, or null where nothing is said."""

COUNTER = Table(
    "ledger_counter",
    METADATA,
    Column("name", String, primary_key=True),
    Column("value", BigInteger, nullable=False),
)
"""The last id given. Writers lock its row, so ids rise in the order of commits."""

FORGOTTEN = Table(
    "ledger_forgotten",
    METADATA,
    Column("lead_hash", String, primary_key=True),
    Column("forgotten_at", Moment, nullable=False),
)
"""Leads erased on request, as salted hashes: their events are refused for ever."""

SALT = Table("ledger_salt", METADATA, Column("salt", String, primary_key=True))
"""The one salt of those hashes, drawn when the table is made."""

ERASURE = Table("ledger_erasure", METADATA, Column("reason", String, primary_key=True))
"""Holds a row only inside a transaction that may delete events."""

OUTBOX = Table(
    "ledger_outbox",
    METADATA,
    Column("id", String, primary_key=True),
    Column("endpoint", String, nullable=False),
    Column("kind", String, nullable=False),
    Column("lead", name_type(), nullable=False),
    Column("event_id", BigInteger, nullable=False),
    Column("body", Text),
    Column("state", String, nullable=False),
    Column("queued_at", Moment, nullable=False),
    Column("due_at", Moment, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("tried_at", Moment),
    Column("finished_at", Moment),
    Column("error", String),
    Index("ledger_outbox_due", "endpoint", "state", "due_at"),
)
"""Messages to webhooks, one row an endpoint, put here in the transaction that records the score.

``state`` is ``pending``, ``delivered`` or ``dead``; a message that is being sent is due again when
its sender must have ended. What was delivered keeps no ``body``.
"""

SQLITE_TRIGGERS = (
    """create trigger ledger_events_no_update before update on ledger_events
    begin select raise(abort, 'the ledger is append-only: record a correction'); end""",
    """create trigger ledger_events_no_delete before delete on ledger_events
    when not exists (select 1 from ledger_erasure)
    begin select raise(abort, 'the ledger is append-only: forget or prune'); end""",
    # SQLite's "insert or replace" would delete the earlier row without asking the trigger above.
    """create trigger ledger_events_no_replace before insert on ledger_events
    when exists (select 1 from ledger_events
                 where id = new.id or idempotency_key = new.idempotency_key)
    begin select raise(abort, 'the ledger is append-only: this id or key is taken'); end""",
)

POSTGRESQL_TRIGGERS = (
    """create function ledger_refuse_change()
    returns trigger language plpgsql as $$
    begin
        if tg_op = 'DELETE' and exists (select 1 from ledger_erasure) then return old; end if;
        if tg_op = 'UPDATE' then
            raise exception 'the ledger is append-only: record a correction';
        end if;
        raise exception 'the ledger is append-only: forget or prune';
    end $$""",
    """create trigger ledger_events_no_change before update or delete on ledger_events
    for each row execute function ledger_refuse_change()""",
    """create trigger ledger_events_no_truncate before truncate on ledger_events
    for each statement execute function ledger_refuse_change()""",
)


def create_schema(connection: Connection, salt: str) -> None:
    """Make all tables in a database that has none of them, and note the revision."""
    METADATA.create_all(connection)
    for statement in triggers(connection):
        connection.execute(text(statement))
    connection.execute(insert(COUNTER).values(name="events", value=0))
    connection.execute(insert(SALT).values(salt=salt))
    connection.execute(text(_VERSION_TABLE))
    noted = f"insert into {VERSION_TABLE} values (:revision)"  # noqa: S608 - a constant  # nosec B608
    connection.execute(text(noted), {"revision": REVISION})


def triggers(connection: Connection) -> Sequence[str]:
    """Return the statements that make the table of events append-only."""
    return POSTGRESQL_TRIGGERS if connection.dialect.name == "postgresql" else SQLITE_TRIGGERS
