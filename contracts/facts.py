"""What may be said about a client, a survey or a service offer: one payload model per type of fact.

Types are `fi.askelma.<entity>.<event>.v1`. Every model ignores unknown fields, because inside the system a newer
sender may write them; the door validates the same models with unknown fields forbidden.
"""

from datetime import date
from typing import Annotated, ClassVar, Final, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from contracts.codes import ExitReason, MunicipalityCode, StatusCode
from contracts.text import Code, FactId, Hash, Language, OfferText, Reference, RoleAddress, SourceName

FACT_PREFIX: Final = "fi.askelma."

# Ranks order the facts of one civil day: what closes comes before what opens.
RANK_ENDED, RANK_EXITED, RANK_REGISTERED, RANK_MOVED, RANK_COUNTER_SET = range(5)
RANK_PENDING, RANK_STATUS, RANK_STARTED, RANK_CHANGED, RANK_OTHER = range(5, 10)

WeeklyHours = Annotated[float, Field(gt=0, le=80)]

MOST_CENTS: Final = 100_000_000
MOST_DAYS: Final = 800
MOST_COUNTED: Final = 10_000
"""A million euros and 800 days in one payment, 10,000 days on a counter: more is a mistake of writing, and sums of more
would not be exact."""

Cents = Annotated[int, Field(gt=0, le=MOST_CENTS)]
Score = Annotated[float, Field(ge=0, le=10)]
DisplayName = Annotated[str, StringConstraints(min_length=1, max_length=120, pattern=r"^[^\x00-\x1f<>{}]+$")]


class Payload(BaseModel):
    """Common shape of all payloads; class attributes say how the fold orders and counts the fact."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    type: ClassVar[str]
    rank: ClassVar[int] = RANK_OTHER
    is_activity: ClassVar[bool] = True
    subject_kind: ClassVar[Literal["client", "survey", "offer", "any"]] = "client"

    @property
    def on(self) -> date | None:
        """The civil date that the payload itself gives the fact, where `time` does not."""
        return None


class ClientRegistered(Payload):
    """A person registered as a jobseeker, or attributes of the registration changed."""

    type = "fi.askelma.client.registered.v1"
    rank = RANK_REGISTERED
    municipality: MunicipalityCode
    birth_year: Annotated[int, Field(ge=1900, le=2100)] | None = None
    gender: Literal["female", "male", "other", "unknown"] | None = None
    language: Language | None = None
    education_level: Code | None = None


class ClientRegisteredAtDoor(ClientRegistered):
    """The same at the door, where alone a personal identity code and a name may be spoken."""

    identity_code: Annotated[str, StringConstraints(max_length=11)] | None = None
    display_name: DisplayName | None = None


class ClientMoved(Payload):
    """The home municipality changed."""

    type = "fi.askelma.client.moved.v1"
    rank = RANK_MOVED
    municipality: MunicipalityCode


class CoordinatorAssigned(Payload):
    """A coordinator took over the client; null: nobody is responsible."""

    type = "fi.askelma.coordinator.assigned.v1"
    is_activity = False
    coordinator: Reference | None
    team: Reference | None = None


class StatusChanged(Payload):
    """The employment code changed. `until` is the first day on which it no longer holds."""

    type = "fi.askelma.status.changed.v1"
    rank = RANK_STATUS
    code: StatusCode
    detail: Code | None = None
    until: date | None = None


class PlanAgreed(Payload):
    """An employment plan was agreed, or agreed anew under the same name."""

    type = "fi.askelma.plan.agreed.v1"
    plan: Reference
    aims_at: Annotated[int, Field(ge=0, le=7)] | Code | None = None
    review_by: date | None = None


class MeetingHeld(Payload):
    """Client and employment services met."""

    type = "fi.askelma.meeting.held.v1"
    kind: Literal["initial", "job_search", "supplementary", "other"]
    channel: Code
    coordinator: Reference | None = None


class _Service(Payload):
    episode: Reference
    service: Reference
    service_type: Code
    provider: Reference
    project: Reference | None = None


class ServiceReferred(_Service):
    """The client was guided to a service that has not begun."""

    type = "fi.askelma.service.referred.v1"
    expires_on: date | None = None


class ServiceStarted(_Service):
    """The client began in a service."""

    type = "fi.askelma.service.started.v1"
    rank = RANK_STARTED
    planned_end: date | None = None


class ServiceEnded(Payload):
    """A stay in a service ended; the day of `time` is the first day outside it."""

    type = "fi.askelma.service.ended.v1"
    rank = RANK_ENDED
    episode: Reference
    outcome: Literal["completed", "interrupted", "no_show", "moved_on"]
    qualification: Code | None = None


class EmploymentStarted(Payload):
    """Work began."""

    type = "fi.askelma.employment.started.v1"
    rank = RANK_STARTED
    episode: Reference
    kind: Literal["open", "subsidised", "start_up_grant", "self_employed"]
    weekly_hours: WeeklyHours | None = None
    planned_end: date | None = None


class EmploymentChanged(Payload):
    """The weekly hours of a piece of work changed."""

    type = "fi.askelma.employment.changed.v1"
    rank = RANK_CHANGED
    episode: Reference
    weekly_hours: WeeklyHours


class EmploymentEnded(Payload):
    """Work ended; the day of `time` is the first day without it."""

    type = "fi.askelma.employment.ended.v1"
    rank = RANK_ENDED
    episode: Reference
    reason: Code


class EducationStarted(Payload):
    """Education began."""

    type = "fi.askelma.education.started.v1"
    rank = RANK_STARTED
    episode: Reference
    level: Code
    planned_end: date | None = None


class EducationEnded(Payload):
    """Education ended; the day of `time` is the first day outside it."""

    type = "fi.askelma.education.ended.v1"
    rank = RANK_ENDED
    episode: Reference
    outcome: Literal["graduated", "interrupted"]
    qualification: Code | None = None


class BenefitPaid(Payload):
    """One payment: one fact for each batch, benefit, basis and period. Money in whole cents.

    `batch` is scoped to client and source, and all its facts share `posted_on`. `basic_part_cents` is the basic part
    within `paid_cents`, for all `days`. `municipality` is the payer where the insurer names one.
    """

    type = "fi.askelma.benefit.paid.v1"
    is_activity = False
    benefit: Literal["labour_market_subsidy", "basic_allowance", "earnings_related", "general_support"]
    entitlement: Literal["labour_market_subsidy", "basic_allowance"] | None = None
    basis: Literal["unemployment", "service"]
    batch: Reference
    period_start: date
    period_end: date
    days: Annotated[int, Field(gt=0, le=MOST_DAYS)]
    paid_cents: Cents
    basic_part_cents: Cents
    posted_on: date
    municipality: MunicipalityCode | None = None

    @property
    def on(self) -> date:
        return self.posted_on

    @model_validator(mode="after")
    def _agrees_with_itself(self) -> Self:
        if self.period_end < self.period_start:
            raise ValueError("period_end lies before period_start")
        if self.basic_part_cents > self.paid_cents:
            raise ValueError("basic_part_cents is more than paid_cents, of which it is a part")
        if self.entitlement and self.benefit != "general_support":
            raise ValueError("entitlement goes with general_support only")
        return self


class BenefitCounterSet(Payload):
    """The day counter as it stands before the first payment posted on `on`."""

    type = "fi.askelma.benefit.counter_set.v1"
    rank = RANK_COUNTER_SET
    is_activity = False
    counter: Literal["old_law", "law_2025"]
    days: Annotated[int, Field(ge=0, le=MOST_COUNTED)]
    set_on: Annotated[date, Field(alias="on")]
    reason: Literal["carried_over", "reset", "transfer", "correction"]

    @property
    def on(self) -> date:
        return self.set_on


class AssessmentRecorded(Payload):
    """A self-assessment of ability to work and function: score by item, 0–10."""

    type = "fi.askelma.assessment.recorded.v1"
    instrument: Literal["kykyviisari", "3x10d"]
    scores: Annotated[dict[Code, Score], Field(min_length=1, max_length=20)]


class ClientExited(Payload):
    """The registration ended; the day of `time` is the first day outside it."""

    type = "fi.askelma.client.exited.v1"
    rank = RANK_EXITED
    reason: ExitReason


class SurveyAnswered(Payload):
    """One respondent's answers, 1–5 or a listed choice; `invitation` is the hashed invitation, the answer's id."""

    type = "fi.askelma.survey.answered.v1"
    subject_kind = "survey"
    survey: Reference
    version: Annotated[int, Field(ge=1)]
    respondent: Literal["employer", "staff"]
    municipality: MunicipalityCode
    strata: dict[Code, Code]
    answers: Annotated[dict[Code, Annotated[int, Field(ge=1, le=5)] | Code], Field(min_length=1, max_length=60)]
    invitation: Hash


class OfferPublished(Payload):
    """A provider offers a service; texts by language, screened for personal data."""

    type = "fi.askelma.offer.published.v1"
    subject_kind = "offer"
    service: Reference
    provider: Reference
    service_type: Code
    texts: Annotated[dict[Language, OfferText], Field(min_length=1)]
    step: Annotated[int, Field(ge=0, le=7)] | None = None
    audience: Code
    place: MunicipalityCode
    contact: RoleAddress | None = None
    capacity: Annotated[int, Field(gt=0)]
    starts: date


class OfferWithdrawn(Payload):
    """A service is no longer offered."""

    type = "fi.askelma.offer.withdrawn.v1"
    subject_kind = "offer"
    service: Reference


class EventRetracted(Payload):
    """Takes the fact `(source, id)` out of the set, for good. Only its own source may, and it may come first."""

    type = "fi.askelma.event.retracted.v1"
    is_activity = False
    subject_kind = "any"
    source: SourceName
    id: FactId
    retracted_type: Annotated[str, Field(alias="type", pattern=r"^fi\.askelma\.[a-z_]+\.[a-z_]+\.v1$")]
    reason: Literal["error", "duplicate", "withdrawn"]


class ClientErased(Payload):
    """Everything known of the client's `generation` is deleted."""

    type = "fi.askelma.client.erased.v1"
    is_activity = False
    generation: Annotated[int, Field(ge=1)]
    effective_on: date

    @property
    def on(self) -> date:
        return self.effective_on


PAYLOADS: Final[dict[str, type[Payload]]] = {
    model.type: model
    for model in (
        ClientRegistered, ClientMoved, CoordinatorAssigned, StatusChanged, PlanAgreed, MeetingHeld, ServiceReferred,
        ServiceStarted, ServiceEnded, EmploymentStarted, EmploymentChanged, EmploymentEnded, EducationStarted,
        EducationEnded, BenefitPaid, BenefitCounterSet, AssessmentRecorded, ClientExited, SurveyAnswered,
        OfferPublished, OfferWithdrawn, EventRetracted, ClientErased,
    )
}  # fmt: skip
"""Payload model by type of fact, as it stands inside the system."""

DOOR_PAYLOADS: Final[dict[str, type[Payload]]] = PAYLOADS | {ClientRegistered.type: ClientRegisteredAtDoor}
"""Payload model by type of fact, as a sender writes it."""
