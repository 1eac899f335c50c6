"""Tables that every service has: dead letters, the log it last knew, publications made.

Revision ID: runtime_0001
"""

import sqlalchemy as sa
from alembic import context, op

revision = "runtime_0001"
down_revision = None


def upgrade() -> None:
    schema = context.config.attributes["schema"]
    op.create_table(
        "dead_letter",
        sa.Column("number", sa.BigInteger, sa.Identity(always=True), primary_key=True),
        sa.Column("topic", sa.Text, nullable=False),
        sa.Column("partition", sa.Integer, nullable=False),
        sa.Column("position", sa.BigInteger, nullable=False),
        sa.Column("key", sa.LargeBinary),
        sa.Column("headers", sa.Text, nullable=False),
        sa.Column("body", sa.LargeBinary),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("client", sa.Text, index=True),
        sa.Column("parked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("replayed", sa.Boolean, nullable=False, server_default=sa.false()),
        schema=schema,
    )
    op.create_table(
        "log_state",
        sa.Column("single", sa.Boolean, primary_key=True, server_default=sa.true()),
        sa.Column("cluster", sa.Text, nullable=False),
        schema=schema,
    )
    op.create_table(
        "publication",
        sa.Column("authority", sa.Text, primary_key=True),
        sa.Column("month", sa.Date, primary_key=True),
        sa.Column("as_of", sa.Date, nullable=False),
        sa.Column("seq", sa.BigInteger, nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        schema=schema,
    )
