"""A fact inside the system, and its CloudEvents 1.0 form on a Kafka topic (binary mode).

Inside, the subject is `client/<reference>`, `survey/<survey>` or `offer/<service>`, and the extensions `authority`,
`recordedtime` (when the journal took it) and `journalseq` (its place in the journal) are always there.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Final, NamedTuple, Protocol

from pydantic import ValidationError

from contracts.dates import as_text, civil_date
from contracts.facts import FACT_PREFIX, PAYLOADS, BenefitPaid, Payload
from contracts.faults import faults_of

CLIENT_SUBJECT: Final = "client/"


class UnknownTypeError(ValueError):
    """The record is of a type or version that this program does not know; newer programs may."""


class UnreadableFactError(ValueError):
    """The record claims a known type but lacks what a fact must have. The text holds no value of the record."""


class SortKey(NamedTuple):
    """The one order in which facts are folded: civil date, rank within the day, then ties that never change."""

    day: date
    rank: int
    moment: str
    period: str
    source: str
    id: str


@dataclass(frozen=True, slots=True)
class Fact:
    """An immutable statement by `source` about something that happened; `(source, id)` identifies it.

    `body` is the payload's JSON where it is at hand as it came, so that it need not be written anew.
    """

    source: str
    id: str
    type: str
    subject: str
    time: datetime
    authority: str
    recorded: datetime
    seq: int
    data: Payload
    body: bytes | None = field(default=None, compare=False, repr=False)

    @property
    def client(self) -> str | None:
        """The client reference, or None for facts about surveys and offers."""
        return self.subject.removeprefix(CLIENT_SUBJECT) if self.subject.startswith(CLIENT_SUBJECT) else None

    @property
    def day(self) -> date:
        """The civil date on which the fact counts."""
        return self.data.on or civil_date(self.time)

    @property
    def sort_key(self) -> SortKey:
        """Where the fact stands in the fold, whatever the order in which it came."""
        data = self.data
        if type(data) is BenefitPaid:  # `isinstance` asks a model's metaclass, which takes ten times as long
            return SortKey(data.posted_on, data.rank, data.batch, data.period_start.isoformat(), self.source, self.id)
        return SortKey(self.day, data.rank, as_text(self.time), "", self.source, self.id)


def _instant(text: str) -> datetime:
    # Written by `as_text`, so the standard library's reader serves, at a quarter of a validator's cost per fact.
    found = datetime.fromisoformat(text)
    if found.tzinfo is None:
        raise UnreadableFactError("a time has no zone")
    return found if found.tzinfo is UTC else found.astimezone(UTC)


class Headed(Protocol):
    """What of a fact stands in headers; a row of the journal has it too."""

    @property
    def source(self) -> str: ...
    @property
    def id(self) -> str: ...
    @property
    def type(self) -> str: ...
    @property
    def subject(self) -> str: ...
    @property
    def time(self) -> datetime: ...
    @property
    def authority(self) -> str: ...
    @property
    def recorded(self) -> datetime: ...
    @property
    def seq(self) -> int: ...


def headers_of(fact: Headed) -> dict[str, str]:
    """Return the Kafka headers of `fact` (CloudEvents Kafka binding 1.0.2, binary mode)."""
    return {
        "ce_specversion": "1.0",
        "ce_id": fact.id,
        "ce_source": fact.source,
        "ce_type": fact.type,
        "ce_subject": fact.subject,
        "ce_time": as_text(fact.time),
        "ce_authority": fact.authority,
        "ce_recordedtime": as_text(fact.recorded),
        "ce_journalseq": str(fact.seq),
        "content-type": "application/json",
    }


def fact_from(headers: Mapping[str, str], body: bytes) -> Fact:
    """Read a fact from a record of the facts topic.

    Raises UnknownTypeError for a type or version not known here, UnreadableFactError for anything else that is wrong.
    """
    kind = headers.get("ce_type", "")
    model = PAYLOADS.get(kind)
    if model is None:
        if kind.startswith(FACT_PREFIX):
            raise UnknownTypeError(kind)
        raise UnreadableFactError("ce_type is missing or not a fact's")
    try:
        return Fact(
            source=headers["ce_source"],
            id=headers["ce_id"],
            type=kind,
            subject=headers["ce_subject"],
            time=_instant(headers["ce_time"]),
            authority=headers["ce_authority"],
            recorded=_instant(headers["ce_recordedtime"]),
            seq=int(headers["ce_journalseq"]),
            data=model.model_validate_json(body),
            body=body,
        )
    except KeyError as missing:
        raise UnreadableFactError(f"header {missing.args[0]} is missing") from None
    except UnreadableFactError:
        raise
    except ValueError as error:
        raise UnreadableFactError(_without_values(error)) from None


def _without_values(error: ValueError) -> str:
    return faults_of(error, "payload") if isinstance(error, ValidationError) else "a header is not of its form"


def body_of(data: Payload) -> bytes:
    """Return the canonical JSON of a payload: fields in declared order, absent ones left out."""
    return data.model_dump_json(by_alias=True, exclude_none=False, exclude_unset=True).encode()
