"""A Kafka record as handlers see it, and how each topic's records are read."""

from dataclasses import dataclass
from typing import TypeVar

from pydantic import TypeAdapter, ValidationError

from contracts.envelope import Fact, UnreadableFactError, fact_from
from contracts.snapshots import EXPOSURE, PATHWAY, ExposureSnapshot, PathwaySnapshot

S = TypeVar("S", PathwaySnapshot, ExposureSnapshot)


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
    """Read a record of the pathways topic; raises UnreadableFactError."""
    return _snapshot(PATHWAY, record)


def decode_exposure(record: Record) -> ExposureSnapshot | Tombstone:
    """Read a record of the exposures topic; raises UnreadableFactError."""
    return _snapshot(EXPOSURE, record)


def _snapshot(adapter: TypeAdapter[S], record: Record) -> S | Tombstone:
    if record.body is None:
        return Tombstone((record.key or b"").decode(errors="replace"))
    try:
        return adapter.validate_json(record.body)
    except ValidationError as error:
        rows = error.errors(include_url=False, include_input=False, include_context=False)
        raise UnreadableFactError("; ".join(f"{'.'.join(map(str, r['loc']))}: {r['msg']}" for r in rows)) from None
