"""Tables of this room, in a schema of its own. Only this room writes them.

Text that orders payments has the collation "C" in the tables, so that the database sorts it as Python does.
"""

from datetime import date, datetime
from decimal import Decimal
from typing import Final

from sqlalchemy import ARRAY, BigInteger, DateTime, Identity, Integer, Numeric, Text
from sqlmodel import Column, Field, SQLModel

SCHEMA: Final = "incentives"
_IN_SCHEMA: Final = {"schema": SCHEMA}


class ClientRecord(SQLModel, table=True):
    """A client: what was last read of the pathway. After erasure only reference, authority and date are left."""

    __tablename__ = "client"
    __table_args__ = _IN_SCHEMA

    client: str = Field(primary_key=True)
    authority: str
    pathway_revision: int | None = Field(default=None, sa_type=BigInteger)
    step_days: list[int] = Field(sa_column=Column(ARRAY(Integer)))
    steps: list[int] = Field(sa_column=Column(ARRAY(Integer)))
    home_days: list[int] = Field(sa_column=Column(ARRAY(Integer)))
    homes: list[int] = Field(sa_column=Column(ARRAY(Integer)))
    coordinator_days: list[int] = Field(sa_column=Column(ARRAY(Integer)))
    coordinators: list[str | None] = Field(sa_column=Column(ARRAY(Text)))
    erased_on: date | None = None


class ExposureRecord(SQLModel, table=True):
    """What is to be told of a client; `content` is its JSON without who and which revision, None: a tombstone."""

    __tablename__ = "exposure"
    __table_args__ = _IN_SCHEMA

    client: str = Field(primary_key=True)
    authority: str
    revision: int = Field(sa_type=BigInteger)
    pathway_revision: int = Field(sa_type=BigInteger)
    rules: str
    content: bytes | None


class AnnouncementRecord(SQLModel, table=True):
    """The newest revision that the broker confirmed."""

    __tablename__ = "announcement"
    __table_args__ = _IN_SCHEMA

    client: str = Field(primary_key=True)
    revision: int = Field(sa_type=BigInteger)


class OpenedClientRecord(SQLModel, table=True):
    """Who looked at which client's payments, and when."""

    __tablename__ = "opened_client"
    __table_args__ = _IN_SCHEMA

    number: int | None = Field(default=None, sa_column=Column(BigInteger, Identity(always=True), primary_key=True))
    opened_at: datetime = Field(sa_type=DateTime(timezone=True))
    authority: str
    role: str
    name: str
    client: str


class PaymentRecord(SQLModel, table=True):
    """One fact benefit.paid."""

    __tablename__ = "payment"
    __table_args__ = _IN_SCHEMA

    authority: str = Field(primary_key=True)
    source: str = Field(primary_key=True)
    id: str = Field(primary_key=True)
    client: str = Field(index=True)
    posted_on: date
    batch: str
    period_start: date
    period_end: date
    days: int
    benefit: str
    entitlement: str | None
    basis: str
    paid_cents: int = Field(sa_type=BigInteger)
    basic_part_cents: int = Field(sa_type=BigInteger)
    municipality: str | None


class CounterSetRecord(SQLModel, table=True):
    """One fact benefit.counter_set."""

    __tablename__ = "counter_set"
    __table_args__ = _IN_SCHEMA

    authority: str = Field(primary_key=True)
    source: str = Field(primary_key=True)
    id: str = Field(primary_key=True)
    client: str = Field(index=True)
    counter: str
    set_on: date
    days: int
    reason: str
    stated_at: datetime = Field(sa_type=DateTime(timezone=True))


class RetractionRecord(SQLModel, table=True):
    """What was taken back: it never counts, whether or not it has come."""

    __tablename__ = "retraction"
    __table_args__ = _IN_SCHEMA

    authority: str = Field(primary_key=True)
    source: str = Field(primary_key=True)
    id: str = Field(primary_key=True)
    client: str = Field(index=True)


class CostRecord(SQLModel, table=True):
    """What one client cost in one month of posting, by scheme, payer and class."""

    __tablename__ = "cost"
    __table_args__ = _IN_SCHEMA

    client: str = Field(primary_key=True)
    month: date = Field(primary_key=True)
    scheme: str = Field(primary_key=True)
    municipality: str = Field(primary_key=True)
    cost_class: str = Field(primary_key=True)
    authority: str
    payments: int = Field(sa_type=BigInteger)
    days: int = Field(sa_type=BigInteger)
    base_cents: int = Field(sa_type=BigInteger)
    cents: int = Field(sa_type=BigInteger)


class PublishedCostRecord(SQLModel, table=True):
    """A published figure; `*` is a total, None is hidden."""

    __tablename__ = "published_costs"
    __table_args__ = _IN_SCHEMA

    authority: str = Field(primary_key=True)
    month: date = Field(primary_key=True)
    municipality: str = Field(primary_key=True)
    scheme: str = Field(primary_key=True)
    cost_class: str = Field(primary_key=True)
    as_of: date
    clients: int | None = Field(sa_type=BigInteger)
    payments: int | None = Field(sa_type=BigInteger)
    days: int | None = Field(sa_type=BigInteger)
    base_cents: int | None = Field(sa_type=BigInteger)
    cents: int | None = Field(sa_type=BigInteger)


class PublishedDayMonthRecord(SQLModel, table=True):
    """A month of the day histogram: the first days of its bins in one municipality; None: the month is left out.

    `counted_as` is the scheme by whose counter days are numbered.
    """

    __tablename__ = "published_day_months"
    __table_args__ = _IN_SCHEMA

    authority: str = Field(primary_key=True)
    month: date = Field(primary_key=True)
    municipality: str = Field(primary_key=True)
    as_of: date
    counted_as: str
    edges: list[int] | None = Field(sa_column=Column(ARRAY(Integer)))


class PublishedDayBinRecord(SQLModel, table=True):
    """A bin of the day histogram that is not empty; `to_day` None: open. `basic_part_cents` is not rounded to cents."""

    __tablename__ = "published_day_bins"
    __table_args__ = _IN_SCHEMA

    authority: str = Field(primary_key=True)
    month: date = Field(primary_key=True)
    municipality: str = Field(primary_key=True)
    from_day: int = Field(primary_key=True)
    to_day: int | None
    clients: int = Field(sa_type=BigInteger)
    days: int = Field(sa_type=BigInteger)
    basic_part_cents: Decimal = Field(sa_column=Column(Numeric(24, 6)))
    pieces_at_most: int = Field(sa_type=BigInteger)
