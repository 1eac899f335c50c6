"""The day histogram, published.

Revision ID: incentives_0002
"""

from datetime import date

import sqlalchemy as sa
from alembic import op

revision = "incentives_0002"
down_revision = "incentives_0001"

_SCHEMA = "incentives"


def upgrade() -> None:
    op.create_table(
        "published_day_months",
        *_place(),
        sa.Column("as_of", sa.Date, nullable=False),
        sa.Column("counted_as", sa.Text, nullable=False),
        sa.Column("edges", sa.ARRAY(sa.Integer)),
        schema=_SCHEMA,
    )
    op.create_table(
        "published_day_bins",
        *_place(),
        sa.Column("from_day", sa.Integer, primary_key=True),
        sa.Column("to_day", sa.Integer),
        sa.Column("clients", sa.BigInteger, nullable=False),
        sa.Column("days", sa.BigInteger, nullable=False),
        # To a millionth of a cent: a part of a payment is seldom a whole cent.
        sa.Column("basic_part_cents", sa.Numeric(24, 6), nullable=False),
        sa.Column("pieces_at_most", sa.BigInteger, nullable=False),
        schema=_SCHEMA,
    )


def _place() -> tuple[sa.Column[str], sa.Column[date], sa.Column[str]]:
    return (
        sa.Column("authority", sa.Text, primary_key=True),
        sa.Column("month", sa.Date, primary_key=True),
        sa.Column("municipality", sa.Text, primary_key=True),
    )
