"""Clients watched, alerts and their changes, the outbox, the ledger of deliveries, published figures.

Revision ID: notifier_0001
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "notifier_0001"
down_revision = None

SCHEMA = "notifier"


def upgrade() -> None:
    op.create_table(
        "client",
        sa.Column("client", sa.Text, primary_key=True),
        sa.Column("authority", sa.Text, nullable=False, index=True),
        sa.Column("pathway", sa.LargeBinary),
        sa.Column("pathway_revision", sa.BigInteger, nullable=False, server_default="0"),
        sa.Column("exposure", sa.LargeBinary),
        sa.Column("exposure_revision", sa.BigInteger, nullable=False, server_default="0"),
        sa.Column("near", sa.Boolean, nullable=False, server_default=sa.false()),
        sa.Column("municipality", sa.Text),
        sa.Column("coordinator", sa.Text),
        sa.Column("homes", postgresql.JSONB, nullable=False, server_default="[]"),
        sa.Column("findings", postgresql.JSONB, nullable=False, server_default="[]"),
        sa.Column("next_on", sa.Date),
        sa.Column("looked_on", sa.Date),
        sa.Column("rules", sa.Text),
        schema=SCHEMA,
    )
    # Snapshots come compressed from nobody and are read whole: squeezing them costs more than the room they take.
    op.execute("ALTER TABLE notifier.client ALTER pathway SET STORAGE EXTERNAL, ALTER exposure SET STORAGE EXTERNAL")
    op.create_index(
        "client_timer", "client", ["next_on"], schema=SCHEMA, postgresql_where=sa.text("next_on IS NOT NULL")
    )
    op.create_table(
        "alert",
        *_event_columns(),
        sa.Column("change", sa.Integer, nullable=False),
        sa.Column("open", sa.Boolean, nullable=False),
        schema=SCHEMA,
    )
    op.create_index("alert_open", "alert", ["authority", "rule"], schema=SCHEMA, postgresql_where=sa.text("open"))
    op.create_table(
        "alert_change",
        *_event_columns(),
        sa.Column("change", sa.Integer, primary_key=True),
        sa.Column("id", sa.Uuid, nullable=False),
        schema=SCHEMA,
    )
    op.create_table(
        "outbox",
        sa.Column("number", sa.BigInteger, sa.Identity(always=True), primary_key=True),
        sa.Column("client", sa.Text, nullable=False, index=True),
        sa.Column("authority", sa.Text, nullable=False),
        sa.Column("id", sa.Uuid, nullable=False),
        sa.Column("body", sa.LargeBinary, nullable=False),
        schema=SCHEMA,
    )
    _deliveries()
    op.create_table("erased", sa.Column("client", sa.Text, primary_key=True), schema=SCHEMA)
    op.create_table(
        "published_alerts",
        sa.Column("authority", sa.Text, primary_key=True),
        sa.Column("month", sa.Date, primary_key=True),
        sa.Column("rule", sa.Text, primary_key=True),
        sa.Column("municipality", sa.Text, primary_key=True),
        sa.Column("severity", sa.Text),
        sa.Column("open", sa.Integer),
        schema=SCHEMA,
    )


def _event_columns() -> list[sa.Column[object]]:
    return [
        sa.Column("client", sa.Text, primary_key=True),
        sa.Column("rule", sa.Text, primary_key=True),
        sa.Column("key", sa.Text, primary_key=True),
        sa.Column("authority", sa.Text, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("since", sa.Date, nullable=False),
        sa.Column("severity", sa.Text, nullable=False),
        sa.Column("municipality", sa.Text),
        sa.Column("coordinator", sa.Text),
        sa.Column("reasons", postgresql.JSONB, nullable=False),
    ]


def _deliveries() -> None:
    op.create_table(
        "delivery",
        sa.Column("channel", sa.Text, primary_key=True),
        sa.Column("event", sa.Uuid, primary_key=True),
        sa.Column("client", sa.Text, nullable=False, index=True),
        sa.Column("authority", sa.Text, nullable=False),
        sa.Column("body", sa.LargeBinary, nullable=False),
        sa.Column("state", sa.Text, nullable=False, server_default="pending"),
        sa.Column("attempts", sa.Integer, nullable=False, server_default="0"),
        # The database's clock, not the system's: a demo may run its own time fast, a receiver's patience does not.
        sa.Column("next_at", sa.DateTime(timezone=True), nullable=False, server_default=sa.func.now()),
        sa.Column("reason", sa.Text),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False, server_default=sa.func.now()),
        sa.Column("finished_at", sa.DateTime(timezone=True)),
        schema=SCHEMA,
    )
    op.create_index(
        "delivery_due", "delivery", ["next_at"], schema=SCHEMA, postgresql_where=sa.text("state = 'pending'")
    )
    op.create_table(
        "disabled_channel",
        sa.Column("channel", sa.Text, primary_key=True),
        sa.Column("address_sha256", sa.Text, primary_key=True),
        sa.Column("disabled_at", sa.DateTime(timezone=True), nullable=False, server_default=sa.func.now()),
        schema=SCHEMA,
    )
