"""The tables of this room, in the schema `ingest`. Personal data stand in the vault's tables only, sealed."""

from datetime import date, datetime
from typing import ClassVar

from sqlalchemy import ARRAY, BigInteger, DateTime, ForeignKey, Identity, Index, LargeBinary, Text, UniqueConstraint
from sqlalchemy import text as sql
from sqlalchemy.types import UserDefinedType
from sqlmodel import Field, SQLModel

SCHEMA = "ingest"


class Xid8(UserDefinedType[int]):
    """PostgreSQL's transaction number of 64 bits."""

    cache_ok = True

    def get_col_spec(self, **_options: object) -> str:
        return "xid8"


class SenderRecord(SQLModel, table=True):
    """Who may send, and what. Empty lists: any of the authority's."""

    __tablename__ = "sender"
    __table_args__: ClassVar = {"schema": SCHEMA}

    name: str = Field(primary_key=True, sa_type=Text)
    authority: str = Field(sa_type=Text)
    types: list[str] = Field(sa_type=ARRAY(Text))
    municipalities: list[str] = Field(sa_type=ARRAY(Text))
    sources: list[str] = Field(sa_type=ARRAY(Text))
    created_at: datetime = Field(sa_type=DateTime(timezone=True))


class KeyRecord(SQLModel, table=True):
    """A sender's key, of which only the digest is kept."""

    __tablename__ = "sender_key"
    __table_args__: ClassVar = {"schema": SCHEMA}

    digest: str = Field(primary_key=True, sa_type=Text)
    sender: str = Field(
        sa_type=Text, index=True, sa_column_args=(ForeignKey(f"{SCHEMA}.sender.name", name="sender_key_sender"),)
    )
    created_at: datetime = Field(sa_type=DateTime(timezone=True))
    revoked_at: datetime | None = Field(sa_type=DateTime(timezone=True))


class PersonRecord(SQLModel, table=True):
    """A client reference once issued, with the sealed display name. `merged_into` names the one it became."""

    __tablename__ = "vault_person"
    __table_args__: ClassVar = {"schema": SCHEMA}

    reference: str = Field(primary_key=True, sa_type=Text)
    authority: str = Field(sa_type=Text)
    generation: int
    name: bytes | None = Field(sa_type=LargeBinary)
    merged_into: str | None = Field(sa_type=Text)


class SubjectRecord(SQLModel, table=True):
    """What an identity code or a case number means: keyed hash to reference; `sealed` is the code or number itself."""

    __tablename__ = "vault_subject"
    __table_args__: ClassVar = {"schema": SCHEMA}

    authority: str = Field(primary_key=True, sa_type=Text)
    lookup: bytes = Field(primary_key=True, sa_type=LargeBinary)
    reference: str = Field(sa_type=Text, index=True)
    sealed: bytes = Field(sa_type=LargeBinary)


class ErasedRecord(SQLModel, table=True):
    """That a subject was erased: nothing of it but a keyed hash, the generation and the date."""

    __tablename__ = "erased"
    __table_args__: ClassVar = {"schema": SCHEMA}

    authority: str = Field(primary_key=True, sa_type=Text)
    lookup: bytes = Field(primary_key=True, sa_type=LargeBinary)
    generation: int = Field(primary_key=True)
    reference: str = Field(sa_type=Text, index=True)
    erased_on: date


class JournalRecord(SQLModel, table=True):
    """The record of all that was accepted. Append-only, but for erasure.

    `issue_of` is the sender's own id where Askelma issued the row in the sender's stead (`<id>~n`).
    `content` is the keyed hash of the statement as made at the door. `xid` and `horizon` (the oldest transaction then
    unfinished) let a replay from a row take in what got a lower `seq` but was committed later.
    """

    __tablename__ = "journal"
    __table_args__: ClassVar = (
        UniqueConstraint("authority", "source", "id", name="journal_identity"),
        Index("journal_subject", "subject"),
        Index("journal_xid", "xid"),
        Index("journal_issue", "authority", "source", "issue_of", postgresql_where=sql("issue_of IS NOT NULL")),
        {"schema": SCHEMA},
    )

    seq: int = Field(primary_key=True, sa_type=BigInteger, sa_column_args=(Identity(always=True),))
    authority: str = Field(sa_type=Text)
    source: str = Field(sa_type=Text)
    id: str = Field(sa_type=Text)
    type: str = Field(sa_type=Text)
    subject: str = Field(sa_type=Text)
    time: datetime = Field(sa_type=DateTime(timezone=True))
    recorded: datetime = Field(sa_type=DateTime(timezone=True))
    data: bytes = Field(sa_type=LargeBinary)
    content: bytes = Field(sa_type=LargeBinary)
    sender: str = Field(sa_type=Text)
    issue_of: str | None = Field(sa_type=Text)
    xid: int = Field(sa_type=Xid8, sa_column_kwargs={"server_default": sql("pg_current_xact_id()")})
    horizon: int = Field(
        sa_type=Xid8, sa_column_kwargs={"server_default": sql("pg_snapshot_xmin(pg_current_snapshot())")}
    )


class UnpublishedRecord(SQLModel, table=True):
    """A journal row that the broker has not confirmed, or is to be sent again."""

    __tablename__ = "unpublished"
    __table_args__: ClassVar = {"schema": SCHEMA}

    seq: int = Field(primary_key=True, sa_type=BigInteger)


class QuarantineRecord(SQLModel, table=True):
    """An item that was refused, sealed, for as long as somebody may want to mend it."""

    __tablename__ = "quarantine"
    __table_args__: ClassVar = {"schema": SCHEMA}

    number: int = Field(primary_key=True, sa_type=BigInteger, sa_column_args=(Identity(always=True),))
    authority: str = Field(sa_type=Text, index=True)
    sender: str = Field(sa_type=Text, index=True)
    reason: str = Field(sa_type=Text)
    field: str | None = Field(sa_type=Text)
    received_at: datetime = Field(sa_type=DateTime(timezone=True))
    expires_at: datetime = Field(sa_type=DateTime(timezone=True), index=True)
    sealed: bytes = Field(sa_type=LargeBinary)


class CheckpointRecord(SQLModel, table=True):
    """The journal number up to which every reading group has confirmed all facts; one row."""

    __tablename__ = "checkpoint"
    __table_args__: ClassVar = {"schema": SCHEMA}

    single: bool = Field(primary_key=True, default=True)
    cluster: str = Field(sa_type=Text)
    seq: int = Field(sa_type=BigInteger)
