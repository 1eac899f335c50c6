"""A Kafka record as handlers see it, and how each topic's records are read."""

from dataclasses import dataclass

from contracts.envelope import Fact, UnreadableFactError, fact_from
from contracts.snapshots import ExposureSnapshot, PathwaySnapshot, exposure_from, pathway_from


@dataclass(frozen=True, slots=True)
class Record:
    """One record with headers that are text; those that were not are left out. `body` None is a tombstone."""

    topic: str
    partition: int
    offset: int
    key: bytes | None
    headers: dict[str, str]
    body: bytes | None


@dataclass(frozen=True, slots=True)
class Tombstone:
    """Says that nothing may be kept of a client any more."""

    client: str


def decode_fact(record: Record) -> Fact:
    """Read a record of the facts topic; raises UnknownTypeError or UnreadableFactError."""
    if record.body is None:
        raise UnreadableFactError("a fact has a body")
    return fact_from(record.headers, record.body)


def decode_pathway(record: Record) -> PathwaySnapshot | Tombstone:
    """Read a record of the pathways topic; raises ValueError."""
    return tombstone_of(record) if record.body is None else pathway_from(record.body)


def decode_exposure(record: Record) -> ExposureSnapshot | Tombstone:
    """Read a record of the exposures topic; raises ValueError."""
    return tombstone_of(record) if record.body is None else exposure_from(record.body)


def tombstone_of(record: Record) -> Tombstone:
    """Return whom a record without a body is about."""
    return Tombstone((record.key or b"").decode(errors="replace"))
