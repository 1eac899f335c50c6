"""Payments and counters taken in, what they cost, exposures told, figures published.

Revision ID: incentives_0001
"""

import sqlalchemy as sa
from alembic import op

revision = "incentives_0001"
down_revision = None

_SCHEMA = "incentives"
# Byte order, so that the database sorts text as Python does: the counter order depends on it.
_TEXT = sa.Text(collation="C")


def upgrade() -> None:
    _clients()
    _facts()
    _costs()
    _published()


def _clients() -> None:
    op.create_table(
        "client",
        sa.Column("client", _TEXT, primary_key=True),
        sa.Column("authority", sa.Text, nullable=False),
        sa.Column("pathway_revision", sa.BigInteger),
        sa.Column("step_days", sa.ARRAY(sa.Integer), nullable=False, server_default="{}"),
        sa.Column("steps", sa.ARRAY(sa.Integer), nullable=False, server_default="{}"),
        sa.Column("home_days", sa.ARRAY(sa.Integer), nullable=False, server_default="{}"),
        sa.Column("homes", sa.ARRAY(sa.Integer), nullable=False, server_default="{}"),
        sa.Column("erased_on", sa.Date),
        schema=_SCHEMA,
    )
    op.create_table(
        "exposure",
        sa.Column("client", _TEXT, primary_key=True),
        sa.Column("authority", sa.Text, nullable=False),
        sa.Column("revision", sa.BigInteger, nullable=False),
        sa.Column("pathway_revision", sa.BigInteger, nullable=False),
        sa.Column("rules", sa.Text, nullable=False),
        sa.Column("content", sa.LargeBinary),
        schema=_SCHEMA,
    )
    op.create_table(
        "announcement",
        sa.Column("client", _TEXT, primary_key=True),
        sa.Column("revision", sa.BigInteger, nullable=False),
        schema=_SCHEMA,
    )
    op.create_table(
        "opened_client",
        sa.Column("number", sa.BigInteger, sa.Identity(always=True), primary_key=True),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("authority", sa.Text, nullable=False),
        sa.Column("role", sa.Text, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("client", _TEXT, nullable=False, index=True),
        schema=_SCHEMA,
    )


def _identity() -> list[sa.Column[str]]:
    return [
        sa.Column("authority", sa.Text, primary_key=True),
        sa.Column("source", _TEXT, primary_key=True),
        sa.Column("id", _TEXT, primary_key=True),
        sa.Column("client", _TEXT, nullable=False, index=True),
    ]


def _facts() -> None:
    op.create_table(
        "payment",
        *_identity(),
        sa.Column("posted_on", sa.Date, nullable=False),
        sa.Column("batch", _TEXT, nullable=False),
        sa.Column("period_start", sa.Date, nullable=False),
        sa.Column("period_end", sa.Date, nullable=False),
        sa.Column("days", sa.Integer, nullable=False),
        sa.Column("benefit", sa.Text, nullable=False),
        sa.Column("entitlement", sa.Text),
        sa.Column("basis", sa.Text, nullable=False),
        sa.Column("paid_cents", sa.BigInteger, nullable=False),
        sa.Column("basic_part_cents", sa.BigInteger, nullable=False),
        sa.Column("municipality", sa.Text),
        schema=_SCHEMA,
    )
    op.create_table(
        "counter_set",
        *_identity(),
        sa.Column("counter", sa.Text, nullable=False),
        sa.Column("set_on", sa.Date, nullable=False),
        sa.Column("days", sa.Integer, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("stated_at", sa.DateTime(timezone=True), nullable=False),
        schema=_SCHEMA,
    )
    op.create_table("retraction", *_identity(), schema=_SCHEMA)


def _costs() -> None:
    op.create_table(
        "cost",
        sa.Column("client", _TEXT, primary_key=True),
        sa.Column("month", sa.Date, primary_key=True),
        sa.Column("scheme", sa.Text, primary_key=True),
        sa.Column("municipality", sa.Text, primary_key=True),
        sa.Column("cost_class", sa.Text, primary_key=True),
        sa.Column("authority", sa.Text, nullable=False),
        sa.Column("days", sa.BigInteger, nullable=False),
        sa.Column("base_cents", sa.BigInteger, nullable=False),
        sa.Column("cents", sa.BigInteger, nullable=False),
        schema=_SCHEMA,
    )
    op.create_index("cost_by_month", "cost", ["authority", "month"], schema=_SCHEMA)


def _published() -> None:
    op.create_table(
        "published_costs",
        sa.Column("authority", sa.Text, primary_key=True),
        sa.Column("month", sa.Date, primary_key=True),
        sa.Column("municipality", sa.Text, primary_key=True),
        sa.Column("scheme", sa.Text, primary_key=True),
        sa.Column("cost_class", sa.Text, primary_key=True),
        sa.Column("as_of", sa.Date, nullable=False),
        sa.Column("clients", sa.BigInteger),
        sa.Column("days", sa.BigInteger),
        sa.Column("base_cents", sa.BigInteger),
        sa.Column("cents", sa.BigInteger),
        schema=_SCHEMA,
    )
