"""Who is responsible for a client, and how many payments stand behind a cost.

Revision ID: incentives_0003
"""

import sqlalchemy as sa
from alembic import op

revision = "incentives_0003"
down_revision = "incentives_0002"

_SCHEMA = "incentives"


def upgrade() -> None:
    _coordinators()
    _payments()


def _coordinators() -> None:
    days: sa.Column[list[int]] = sa.Column(
        "coordinator_days", sa.ARRAY(sa.Integer), nullable=False, server_default="{}"
    )
    names: sa.Column[list[str]] = sa.Column("coordinators", sa.ARRAY(sa.Text), nullable=False, server_default="{}")
    op.add_column("client", days, schema=_SCHEMA)
    op.add_column("client", names, schema=_SCHEMA)
    # Pathways are told again once a day at unchanged revisions: so that they are read again, and not passed over.
    op.execute("UPDATE incentives.client SET pathway_revision = pathway_revision - 1")


def _payments() -> None:
    # Filled as all costs are reckoned anew, which the rule files that come with this version bring about.
    op.add_column("cost", sa.Column("payments", sa.BigInteger, nullable=False, server_default="0"), schema=_SCHEMA)
    op.add_column("published_costs", sa.Column("payments", sa.BigInteger), schema=_SCHEMA)
