"""Outbox: messages to webhooks wait in the ledger's database, and dead letters stay visible."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"

LOSES = (
    "messages to webhooks that were not delivered",
    "select count(*) from ledger_outbox where state <> 'delivered'",
)
"""What going down from here loses, and how much of it there is."""


def upgrade() -> None:
    """Make the table of messages."""
    name = sa.String().with_variant(sa.String(collation="C"), "postgresql")
    moment = sa.String().with_variant(sa.TIMESTAMP(timezone=True), "postgresql")
    op.create_table(
        "ledger_outbox",
        sa.Column("id", sa.String(), primary_key=True),
        sa.Column("endpoint", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("lead", name, nullable=False),
        sa.Column("event_id", sa.BigInteger(), nullable=False),
        sa.Column("body", sa.Text()),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("queued_at", moment, nullable=False),
        sa.Column("due_at", moment, nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("tried_at", moment),
        sa.Column("finished_at", moment),
        sa.Column("error", sa.String()),
    )
    op.create_index("ledger_outbox_due", "ledger_outbox", ["endpoint", "state", "due_at"])


def downgrade() -> None:
    """Remove the messages."""
    op.drop_table("ledger_outbox")
