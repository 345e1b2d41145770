"""Erasure: leads can be forgotten and old events pruned, and forgotten leads stay away."""

import secrets

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

LOSES = (
    "the list of forgotten leads, so that a later import could bring them back",
    "select count(*) from ledger_forgotten",
)
"""What going down from here loses, and how much of it there is."""


def upgrade() -> None:
    """Let events be deleted inside a transaction that says it erases."""
    moment = sa.String().with_variant(sa.TIMESTAMP(timezone=True), "postgresql")
    op.create_table(
        "ledger_forgotten",
        sa.Column("lead_hash", sa.String(), primary_key=True),
        sa.Column("forgotten_at", moment, nullable=False),
    )
    salt = op.create_table("ledger_salt", sa.Column("salt", sa.String(), primary_key=True))
    op.bulk_insert(salt, [{"salt": secrets.token_hex(32)}])
    op.create_table("ledger_erasure", sa.Column("reason", sa.String(), primary_key=True))
    if op.get_bind().dialect.name == "postgresql":
        op.execute(POSTGRESQL_FUNCTION)
    else:
        op.execute("drop trigger ledger_events_no_delete")
        op.execute(SQLITE_TRIGGER)


def downgrade() -> None:
    """Let no event be deleted any more."""
    if op.get_bind().dialect.name == "postgresql":
        op.execute(EARLIER_POSTGRESQL_FUNCTION)
    else:
        op.execute("drop trigger ledger_events_no_delete")
        op.execute(EARLIER_SQLITE_TRIGGER)
    for table in ("ledger_erasure", "ledger_salt", "ledger_forgotten"):
        op.drop_table(table)


SQLITE_TRIGGER = """create trigger ledger_events_no_delete before delete on ledger_events
    when not exists (select 1 from ledger_erasure)
    begin select raise(abort, 'the ledger is append-only: forget or prune'); end"""

EARLIER_SQLITE_TRIGGER = """create trigger ledger_events_no_delete before delete on ledger_events
    begin select raise(abort, 'the ledger is append-only: record a correction'); end"""

POSTGRESQL_FUNCTION = """create or replace function ledger_refuse_change()
    returns trigger language plpgsql as $$
    begin
        if tg_op = 'DELETE' and exists (select 1 from ledger_erasure) then return old; end if;
        if tg_op = 'UPDATE' then
            raise exception 'the ledger is append-only: record a correction';
        end if;
        raise exception 'the ledger is append-only: forget or prune';
    end $$"""

EARLIER_POSTGRESQL_FUNCTION = """create or replace function ledger_refuse_change()
    returns trigger language plpgsql as $$
    begin
        raise exception 'the ledger is append-only: record a correction';
    end $$"""
