"""Facts taken in, pathways made of them, and the figures published.

Revision ID: indicators_0001
"""

import sqlalchemy as sa
from alembic import op

revision = "indicators_0001"
down_revision = None

_SCHEMA = "indicators"


def upgrade() -> None:
    _facts()
    _pathways()
    _published()


def _facts() -> None:
    op.create_table(
        "fact",
        sa.Column("authority", sa.Text, primary_key=True),
        sa.Column("source", sa.Text, primary_key=True),
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("client", sa.Text, nullable=False, index=True),
        sa.Column("type", sa.Text, nullable=False),
        sa.Column("time", sa.DateTime(timezone=True), nullable=False),
        sa.Column("recorded", sa.DateTime(timezone=True), nullable=False),
        sa.Column("seq", sa.BigInteger, nullable=False),
        sa.Column("body", sa.LargeBinary, nullable=False),
        schema=_SCHEMA,
    )
    op.create_table(
        "retraction",
        sa.Column("authority", sa.Text, primary_key=True),
        sa.Column("source", sa.Text, primary_key=True),
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("client", sa.Text, nullable=False, index=True),
        schema=_SCHEMA,
    )


def _pathways() -> None:
    op.create_table(
        "pathway",
        sa.Column("client", sa.Text, primary_key=True),
        sa.Column("authority", sa.Text, nullable=False),
        sa.Column("revision", sa.BigInteger, nullable=False),
        sa.Column("rules", sa.Text, nullable=False),
        sa.Column("state", sa.LargeBinary),
        sa.Column("snapshot", sa.LargeBinary),
        sa.Column("erased_on", sa.Date),
        schema=_SCHEMA,
    )
    op.create_index("pathway_of_authority", "pathway", ["authority", "client"], schema=_SCHEMA)
    op.create_table(
        "opened_client",
        sa.Column("number", sa.BigInteger, sa.Identity(always=True), primary_key=True),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("authority", sa.Text, nullable=False),
        sa.Column("role", sa.Text, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("client", sa.Text, nullable=False),
        schema=_SCHEMA,
    )


def _published() -> None:
    for table, dimensions, counts in (
        ("published_stock", ("municipality", "step"), ("clients",)),
        ("published_flow", ("municipality", "step"), ("entered", "left", "moved_up", "moved_down")),
        ("published_transitions", ("municipality", "of", "origin", "destination"), ("clients",)),
    ):
        op.create_table(
            table,
            sa.Column("authority", sa.Text, primary_key=True),
            sa.Column("month", sa.Date, primary_key=True),
            *(sa.Column(name, sa.Text, primary_key=True) for name in dimensions),
            *(sa.Column(name, sa.BigInteger) for name in counts),
            schema=_SCHEMA,
        )
