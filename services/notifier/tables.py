"""The tables of this room, schema `notifier`; only this service writes them."""

from datetime import date, datetime
from typing import Final
from uuid import UUID

from sqlalchemy import BigInteger, Column, DateTime, Identity, LargeBinary
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field, SQLModel

SCHEMA: Final = "notifier"


class WatchedClientRow(SQLModel, table=True):
    """A client as last told, and what the rules found: every period in which a key holds.

    `near`: the exposure is near a threshold, so that it bears on the rules at all. `homes` are the dated
    municipalities. `next_on` is the timer: the first day on which something changes by itself. `looked_on` is the
    newest day as of which the client was looked at; no look goes back behind it. `rules` is the rule file's digest.
    """

    __tablename__ = "client"
    __table_args__ = ({"schema": SCHEMA},)

    client: str = Field(primary_key=True)
    authority: str = Field(index=True)
    pathway: bytes | None = Field(default=None, sa_type=LargeBinary)
    pathway_revision: int = Field(default=0, sa_type=BigInteger)
    exposure: bytes | None = Field(default=None, sa_type=LargeBinary)
    exposure_revision: int = Field(default=0, sa_type=BigInteger)
    near: bool = False
    municipality: str | None = None
    coordinator: str | None = None
    homes: list[object] = Field(default_factory=list, sa_column=Column(JSONB, nullable=False))
    findings: list[object] = Field(default_factory=list, sa_column=Column(JSONB, nullable=False))
    next_on: date | None = None
    looked_on: date | None = None
    rules: str | None = None


class AlertColumns(SQLModel):
    """The columns of an alert event; `change` and the key name it."""

    client: str = Field(primary_key=True)
    rule: str = Field(primary_key=True)
    key: str = Field(primary_key=True)
    authority: str
    state: str
    at: datetime = Field(sa_type=DateTime(timezone=True))
    since: date
    severity: str
    municipality: str | None = None
    coordinator: str | None = None
    reasons: list[object] = Field(sa_type=JSONB)


class AlertRow(AlertColumns, table=True):
    """An alert, given by its newest event; `open` says the same as `state`, for the index."""

    __tablename__ = "alert"
    __table_args__ = ({"schema": SCHEMA},)

    change: int
    open: bool


class AlertChangeRow(AlertColumns, table=True):
    """Every event of every alert, kept."""

    __tablename__ = "alert_change"
    __table_args__ = ({"schema": SCHEMA},)

    change: int = Field(primary_key=True)
    id: UUID


class AlertOutboxRow(SQLModel, table=True):
    """An event that the relay has still to send."""

    __tablename__ = "outbox"
    __table_args__ = ({"schema": SCHEMA},)

    number: int = Field(sa_column=Column(BigInteger, Identity(always=True), primary_key=True))
    client: str = Field(index=True)
    authority: str
    id: UUID
    body: bytes = Field(sa_type=LargeBinary)


class DeliveryRow(SQLModel, table=True):
    """The ledger: one message through one channel; `state` is pending, delivered or dead."""

    __tablename__ = "delivery"
    __table_args__ = ({"schema": SCHEMA},)

    channel: str = Field(primary_key=True)
    event: UUID = Field(primary_key=True)
    client: str = Field(index=True)
    authority: str
    body: bytes = Field(sa_type=LargeBinary)
    state: str
    attempts: int
    next_at: datetime = Field(sa_type=DateTime(timezone=True))
    reason: str | None = None
    created_at: datetime = Field(sa_type=DateTime(timezone=True))
    finished_at: datetime | None = Field(default=None, sa_type=DateTime(timezone=True))


class DisabledChannelRow(SQLModel, table=True):
    """An address that told us not to come again (410); a channel given another address works again."""

    __tablename__ = "disabled_channel"
    __table_args__ = ({"schema": SCHEMA},)

    channel: str = Field(primary_key=True)
    address_sha256: str = Field(primary_key=True)
    disabled_at: datetime = Field(sa_type=DateTime(timezone=True))


class ErasedClientRow(SQLModel, table=True):
    """A reference of which nothing may be kept; what comes about it again is dropped."""

    __tablename__ = "erased"
    __table_args__ = ({"schema": SCHEMA},)

    client: str = Field(primary_key=True)


class PublishedAlertsRow(SQLModel, table=True):
    """Clients with an open alert on the last day of `month`, by rule and municipality; `*` is all, NULL is hidden."""

    __tablename__ = "published_alerts"
    __table_args__ = ({"schema": SCHEMA},)

    authority: str = Field(primary_key=True)
    month: date = Field(primary_key=True)
    rule: str = Field(primary_key=True)
    municipality: str = Field(primary_key=True)
    severity: str | None = None
    open: int | None = None
