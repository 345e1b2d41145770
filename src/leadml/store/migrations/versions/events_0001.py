"""Events, append-only, and the counter of their ids."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

LOSES = ("every event of the ledger", "select count(*) from ledger_events")
"""What going down from here loses, and how much of it there is."""


def upgrade() -> None:
    """Make the tables of a ledger that keeps all for ever."""
    _create_events()
    op.create_table(
        "ledger_counter",
        sa.Column("name", sa.String(), primary_key=True),
        sa.Column("value", sa.BigInteger(), nullable=False),
    )
    op.execute("insert into ledger_counter (name, value) values ('events', 0)")
    is_postgresql = op.get_bind().dialect.name == "postgresql"
    for statement in POSTGRESQL_TRIGGERS if is_postgresql else SQLITE_TRIGGERS:
        op.execute(statement)


def downgrade() -> None:
    """Remove the ledger."""
    op.drop_table("ledger_events")
    op.drop_table("ledger_counter")
    if op.get_bind().dialect.name == "postgresql":
        op.execute("drop function ledger_refuse_change()")


def _create_events() -> None:
    name = sa.String().with_variant(sa.String(collation="C"), "postgresql")
    moment = sa.String().with_variant(sa.TIMESTAMP(timezone=True), "postgresql")
    identity = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    op.create_table(
        "ledger_events",
        sa.Column("id", identity, primary_key=True, autoincrement=False),
        sa.Column("event", sa.String(), nullable=False),
        sa.Column("lead", name, nullable=False),
        sa.Column("account", sa.String()),
        sa.Column("owner", sa.String()),
        sa.Column("happened_at", moment, nullable=False),
        sa.Column("recorded_at", moment, nullable=False),
        sa.Column("model_version", sa.String()),
        sa.Column("agreement_hash", sa.String()),
        sa.Column("idempotency_key", name, nullable=False),
        sa.Column("detail", sa.Text()),
    )
    op.create_index("ledger_events_key", "ledger_events", ["idempotency_key"], unique=True)
    op.create_index("ledger_events_lead", "ledger_events", ["lead"])


SQLITE_TRIGGERS = (
    """create trigger ledger_events_no_update before update on ledger_events
    begin select raise(abort, 'the ledger is append-only: record a correction'); end""",
    """create trigger ledger_events_no_delete before delete on ledger_events
    begin select raise(abort, 'the ledger is append-only: record a correction'); end""",
    """create trigger ledger_events_no_replace before insert on ledger_events
    when exists (select 1 from ledger_events
                 where id = new.id or idempotency_key = new.idempotency_key)
    begin select raise(abort, 'the ledger is append-only: this id or key is taken'); end""",
)

POSTGRESQL_TRIGGERS = (
    """create function ledger_refuse_change() returns trigger language plpgsql as $$
    begin
        raise exception 'the ledger is append-only: record a correction';
    end $$""",
    """create trigger ledger_events_no_change before update or delete on ledger_events
    for each row execute function ledger_refuse_change()""",
    """create trigger ledger_events_no_truncate before truncate on ledger_events
    for each statement execute function ledger_refuse_change()""",
)
