"""The door: what one event must be to become a fact. Pure; the day of today is an argument."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final

from contracts.envelope import body_of
from contracts.facts import (
    DOOR_PAYLOADS,
    AssessmentRecorded,
    BenefitPaid,
    ClientErased,
    ClientMoved,
    ClientRegistered,
    ClientRegisteredAtDoor,
    EventRetracted,
    OfferPublished,
    OfferWithdrawn,
    Payload,
    SurveyAnswered,
)
from services.ingest.domain.attributes import Attributes, attributes_of, not_in_future
from services.ingest.domain.payloads import inside, payload_of, said_by
from services.ingest.domain.refusals import Reason, Refused, RefusedError
from services.ingest.domain.rules import DoorRules
from services.ingest.domain.subjects import Kind, Subject, client_subject, identity_code, named_subject


@dataclass(frozen=True, slots=True)
class Target:
    """The fact that a retraction takes out, of the retraction's own source."""

    id: str
    type: str


@dataclass(frozen=True, slots=True)
class Accepted:
    """An event that the door can use, before anyone has looked who its subject is.

    `body` is the payload's canonical JSON as it stands inside; `canonical` is the whole statement as made at the
    door, the same bytes for the same statement, personal data included: it is hashed and dropped. `erases` is the
    generation that an erasure names.
    """

    id: str
    source: str
    type: str
    subject: Subject
    time: datetime
    day: date
    body: bytes
    canonical: bytes
    municipality: str | None = None
    identity_code: str | None = None
    display_name: str | None = None
    retracts: Target | None = None
    erases: int | None = None


@dataclass(frozen=True, slots=True)
class Door:
    """Examines events one by one. `temporary`: made-up identity codes (900-999) pass, as in demo and tests."""

    rules: DoorRules
    temporary: bool

    def examine(self, attributes: Mapping[str, object], data: bytes, today: date) -> Accepted | Refused:
        """Return the event as the journal may take it, or why not. Never raises for what was sent."""
        try:
            return self._accepted(attributes, data, today)
        except RefusedError as error:
            return error.refused

    def _accepted(self, sent: Mapping[str, object], data: bytes, today: date) -> Accepted:
        attributes = attributes_of(sent, self.rules, today)
        payload = payload_of(attributes.type, data, self.rules)
        said = said_by(payload)
        day = self._day(attributes, payload, today)
        subject = self._subject(attributes, payload)
        code, name = self._person(payload, subject)
        return Accepted(
            id=attributes.id,
            source=attributes.source,
            type=attributes.type,
            subject=subject,
            time=attributes.time,
            day=day,
            body=body_of(inside(payload)),
            canonical=_canonical(attributes, subject, code, payload, said),
            municipality=municipality_of(payload),
            identity_code=code,
            display_name=name,
            retracts=_target(attributes, payload),
            erases=payload.generation if isinstance(payload, ClientErased) else None,
        )

    def _day(self, attributes: Attributes, payload: Payload, today: date) -> date:
        if payload.on is None:
            return attributes.day
        not_in_future(payload.on, f"data.{_DATED_BY[attributes.type]}", self.rules, today)
        return payload.on

    def _subject(self, attributes: Attributes, payload: Payload) -> Subject:
        spoken_of = payload.retracted_type if isinstance(payload, EventRetracted) else attributes.type
        kind = DOOR_PAYLOADS[spoken_of].subject_kind
        if kind == "client":
            return client_subject(attributes.subject, temporary=self.temporary)
        subject = named_subject(attributes.subject, Kind(kind))
        _as_the_payload_says(subject, payload)
        return subject

    def _person(self, payload: Payload, subject: Subject) -> tuple[str | None, str | None]:
        if not isinstance(payload, ClientRegisteredAtDoor):
            return None, None
        if payload.identity_code is None:
            return None, payload.display_name
        code = identity_code(payload.identity_code, "data.identity_code", temporary=self.temporary)
        if subject.kind is Kind.HETU and subject.value != code:
            raise RefusedError(
                Reason.WRONG_IDENTITY_CODE, "is another identity code than the subject's", "data.identity_code"
            )
        return code, payload.display_name


_DATED_BY: Final = {
    "fi.askelma.benefit.paid.v1": "posted_on",
    "fi.askelma.benefit.counter_set.v1": "on",
    "fi.askelma.client.erased.v1": "effective_on",
}
"""The field by which a payload dates its fact, where `time` does not."""


def municipality_of(payload: Payload) -> str | None:
    """Return the municipality that a fact names, against which the sender's scope is checked."""
    if isinstance(payload, OfferPublished):
        return payload.place
    if isinstance(payload, ClientRegistered | ClientMoved | BenefitPaid | SurveyAnswered):
        return payload.municipality
    return None


def _as_the_payload_says(subject: Subject, payload: Payload) -> None:
    named = payload.survey if isinstance(payload, SurveyAnswered) else subject.value
    if isinstance(payload, OfferPublished | OfferWithdrawn):
        named = payload.service
    if named != subject.value:
        raise RefusedError(Reason.WRONG_SUBJECT, f"must name the same {subject.kind} as the data do", "subject")


def _target(attributes: Attributes, payload: Payload) -> Target | None:
    if not isinstance(payload, EventRetracted):
        return None
    if payload.source != attributes.source:
        raise RefusedError(Reason.WRONG_RETRACTION, "must be the source of the retraction itself", "data.source")
    if "~" in payload.id:
        raise RefusedError(Reason.WRONG_RETRACTION, "must be an id that the source itself gave", "data.id")
    return Target(payload.id, payload.retracted_type)


def _canonical(attributes: Attributes, subject: Subject, code: str | None, payload: Payload, said: str) -> bytes:
    # Absent and null say the same, as do two orders of the same fields or two ways to write the same moment or code.
    if isinstance(payload, AssessmentRecorded | SurveyAnswered | OfferPublished):
        said = json.dumps(json.loads(said), sort_keys=True)  # these hold mappings, whose order says nothing
    return "\n".join((attributes.type, attributes.time.isoformat(), str(subject), code or "", said)).encode()
