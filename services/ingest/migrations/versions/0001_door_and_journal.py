"""Senders, vault, journal, outbox, quarantine and checkpoint.

Revision ID: ingest_0001
"""

from datetime import datetime

import sqlalchemy as sa
from alembic import op
from sqlalchemy.types import UserDefinedType

revision = "ingest_0001"
down_revision = None

_S = "ingest"


class _Xid8(UserDefinedType[int]):
    cache_ok = True

    def get_col_spec(self, **_options: object) -> str:
        return "xid8"


def _text(name: str, *, nullable: bool = False, key: bool = False) -> sa.Column[str]:
    return sa.Column(name, sa.Text, nullable=nullable, primary_key=key)


def _bytes(name: str, *, nullable: bool = False, key: bool = False) -> sa.Column[bytes]:
    return sa.Column(name, sa.LargeBinary, nullable=nullable, primary_key=key)


def _instant(name: str, *, nullable: bool = False) -> sa.Column[datetime]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=nullable)


def upgrade() -> None:
    """Make all tables of the room."""
    _senders()
    _vault()
    _journal()
    _quarantine()


def _senders() -> None:
    lists: list[sa.Column[list[str]]] = [
        sa.Column(name, sa.ARRAY(sa.Text), nullable=False) for name in ("types", "municipalities", "sources")
    ]
    op.create_table("sender", _text("name", key=True), _text("authority"), *lists, _instant("created_at"), schema=_S)
    op.create_table(
        "sender_key",
        _text("digest", key=True),
        _text("sender"),
        _instant("created_at"),
        _instant("revoked_at", nullable=True),
        sa.ForeignKeyConstraint(["sender"], [f"{_S}.sender.name"], name="sender_key_sender"),
        schema=_S,
    )
    op.create_index("ix_ingest_sender_key_sender", "sender_key", ["sender"], schema=_S)


def _vault() -> None:
    op.create_table(
        "vault_person",
        _text("reference", key=True),
        _text("authority"),
        sa.Column("generation", sa.Integer, nullable=False),
        _bytes("name", nullable=True),
        _text("merged_into", nullable=True),
        schema=_S,
    )
    op.create_table(
        "vault_subject",
        _text("authority", key=True),
        _bytes("lookup", key=True),
        _text("reference"),
        _bytes("sealed"),
        schema=_S,
    )
    op.create_index("ix_ingest_vault_subject_reference", "vault_subject", ["reference"], schema=_S)
    op.create_table(
        "erased",
        _text("authority", key=True),
        _bytes("lookup", key=True),
        sa.Column("generation", sa.Integer, primary_key=True),
        _text("reference"),
        sa.Column("erased_on", sa.Date, nullable=False),
        schema=_S,
    )
    op.create_index("ix_ingest_erased_reference", "erased", ["reference"], schema=_S)


def _journal() -> None:
    op.create_table(
        "journal",
        sa.Column("seq", sa.BigInteger, sa.Identity(always=True), primary_key=True),
        _text("authority"),
        _text("source"),
        _text("id"),
        _text("type"),
        _text("subject"),
        _instant("time"),
        _instant("recorded"),
        _bytes("data"),
        _bytes("content"),
        _text("sender"),
        _text("issue_of", nullable=True),
        sa.Column("xid", _Xid8, nullable=False, server_default=sa.text("pg_current_xact_id()")),
        sa.Column("horizon", _Xid8, nullable=False, server_default=sa.text("pg_snapshot_xmin(pg_current_snapshot())")),
        sa.UniqueConstraint("authority", "source", "id", name="journal_identity"),
        schema=_S,
    )
    op.create_index("journal_subject", "journal", ["subject"], schema=_S)
    op.create_index("journal_xid", "journal", ["xid"], schema=_S)
    op.create_index(
        "journal_issue",
        "journal",
        ["authority", "source", "issue_of"],
        schema=_S,
        postgresql_where=sa.text("issue_of IS NOT NULL"),
    )
    op.create_table("unpublished", sa.Column("seq", sa.BigInteger, primary_key=True, autoincrement=False), schema=_S)


def _quarantine() -> None:
    op.create_table(
        "quarantine",
        sa.Column("number", sa.BigInteger, sa.Identity(always=True), primary_key=True),
        _text("authority"),
        _text("sender"),
        _text("reason"),
        _text("field", nullable=True),
        _instant("received_at"),
        _instant("expires_at"),
        _bytes("sealed"),
        schema=_S,
    )
    for column in ("authority", "sender", "expires_at"):
        op.create_index(f"ix_ingest_quarantine_{column}", "quarantine", [column], schema=_S)
    op.create_table(
        "checkpoint",
        sa.Column("single", sa.Boolean, primary_key=True, server_default=sa.true()),
        _text("cluster"),
        sa.Column("seq", sa.BigInteger, nullable=False),
        schema=_S,
    )
