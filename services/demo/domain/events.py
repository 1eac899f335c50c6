"""Facts as a municipality's systems write them at the door: CloudEvents 1.0 in structured mode."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from random import Random
from typing import Final, TypeAlias, TypedDict

from contracts.dates import as_text, civil_date, start_of
from contracts.facts import Payload
from services.demo.domain.course import Course, Note
from services.demo.domain.payments import Payments

CLIENT_RECORDS: Final = "demo/client-records"
INSURERS: Final = "demo/insurers"

Json: TypeAlias = "bool | int | float | str | list[Json] | dict[str, Json] | None"


class DoorEvent(TypedDict):
    """One CloudEvent."""

    specversion: str
    id: str
    source: str
    type: str
    subject: str
    time: str
    datacontenttype: str
    data: dict[str, Json]


@dataclass(frozen=True, slots=True)
class Statement:
    """A note with the name that its source gave it."""

    source: str
    id: str
    subject: str
    at: datetime
    data: Payload

    @property
    def day(self) -> date:
        """The civil day on which it happened."""
        return civil_date(self.at)

    def event(self) -> DoorEvent:
        """Return the statement as it is sent."""
        return {
            "specversion": "1.0",
            "id": self.id,
            "source": self.source,
            "type": self.data.type,
            "subject": self.subject,
            "time": as_text(self.at),
            "datacontenttype": "application/json",
            "data": self.data.model_dump(mode="json", by_alias=True, exclude_unset=True),
        }


def _money_notes(payments: Payments, chance: Random) -> Iterator[Note]:
    told: list[tuple[date, Payload]] = [(counter.set_on, counter) for counter in payments.counters]
    told += [(payment.posted_on, payment) for payment in payments.paid]
    for on, data in told:
        yield Note(start_of(on) + timedelta(minutes=chance.randrange(7 * 60, 18 * 60)), data)


def statements(course: Course, payments: Payments, chance: Random) -> Iterator[Statement]:
    """Yield all that is true of one client, each under the name that its system gives it.

    A client known by a case number is known so to one system only, which then relays the payments too.
    """
    person = course.person
    insurer = CLIENT_RECORDS if person.known_by_case_number else INSURERS
    told = [(CLIENT_RECORDS, note) for note in course.notes]
    told += [(insurer, note) for note in _money_notes(payments, chance)]
    for number, (source, note) in enumerate(told, start=1):
        yield Statement(source, f"{person.number:05d}.{number}", person.subject, note.at, note.data)
