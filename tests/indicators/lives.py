"""Facts about made-up lives, in few words."""

from datetime import UTC, date, datetime
from itertools import count

from contracts.codes import StatusCode
from contracts.envelope import Fact
from contracts.facts import (
    BenefitPaid,
    ClientExited,
    ClientRegistered,
    EducationEnded,
    EducationStarted,
    EmploymentChanged,
    EmploymentEnded,
    EmploymentStarted,
    EventRetracted,
    MeetingHeld,
    Payload,
    PlanAgreed,
    ServiceEnded,
    ServiceStarted,
    StatusChanged,
)
from contracts.snapshots import PathwaySnapshot
from services.indicators.domain.fold import fold
from services.indicators.domain.ladder import Ladder
from services.indicators.domain.snapshot import Owner, snapshot_of
from services.indicators.ladder_file import load_ladder

LADDER: Ladder = load_ladder()
CLIENT = "c1-" + "a" * 26
_numbers = count(1)


def day(text: str) -> date:
    return date.fromisoformat(text)


def fact(on: str, data: Payload, *, hour: int = 10, client: str = CLIENT, source: str = "registry") -> Fact:
    number = next(_numbers)
    when = datetime.fromisoformat(on).replace(hour=hour, tzinfo=UTC)
    return Fact(source, f"f{number}", data.type, f"client/{client}", when, "area", when, number, data)


def registered(on: str, municipality: str = "167", *, client: str = CLIENT) -> Fact:
    return fact(on, ClientRegistered(municipality=municipality), client=client)


def exited(on: str, reason: str = "06", *, client: str = CLIENT) -> Fact:
    return fact(on, ClientExited.model_validate({"reason": reason}), client=client)


def status(on: str, code: str, until: str | None = None, detail: str | None = None, *, client: str = CLIENT) -> Fact:
    ends = day(until) if until else None
    return fact(on, StatusChanged(code=StatusCode(code), until=ends, detail=detail), client=client)


def met(on: str, kind: str = "initial") -> Fact:
    return fact(on, MeetingHeld.model_validate({"kind": kind, "channel": "office"}))


def planned(on: str, plan: str = "P1") -> Fact:
    return fact(on, PlanAgreed(plan=plan))


def service(on: str, kind: str = "rehabilitative_work_activity", episode: str = "S1", *, client: str = CLIENT) -> Fact:
    data = ServiceStarted(episode=episode, service="V1", service_type=kind, provider="T1")
    return fact(on, data, client=client)


def service_ended(on: str, outcome: str = "completed", episode: str = "S1", qualification: str | None = None) -> Fact:
    said = {"episode": episode, "outcome": outcome, "qualification": qualification}
    return fact(on, ServiceEnded.model_validate(said))


def work(on: str, kind: str = "open", episode: str = "W1", hours: float | None = None, hour: int = 10) -> Fact:
    said = {"episode": episode, "kind": kind, "weekly_hours": hours}
    return fact(on, EmploymentStarted.model_validate(said), hour=hour)


def hours(on: str, weekly: float, episode: str = "W1") -> Fact:
    return fact(on, EmploymentChanged(episode=episode, weekly_hours=weekly))


def work_ended(on: str, episode: str = "W1") -> Fact:
    return fact(on, EmploymentEnded(episode=episode, reason="fixed_term_over"))


def education(on: str, episode: str = "E1") -> Fact:
    return fact(on, EducationStarted(episode=episode, level="upper_secondary"))


def education_ended(on: str, outcome: str = "graduated", episode: str = "E1") -> Fact:
    return fact(on, EducationEnded.model_validate({"episode": episode, "outcome": outcome}))


def paid(on: str, *, client: str = CLIENT) -> Fact:
    said = {
        "benefit": "labour_market_subsidy", "basis": "unemployment", "batch": f"B{on}", "period_start": on,
        "period_end": on, "days": 1, "paid_cents": 3721, "basic_part_cents": 3721, "posted_on": on,
    }  # fmt: skip
    return fact(on, BenefitPaid.model_validate(said), client=client)


def retracted(target: Fact) -> Fact:
    said = {"source": target.source, "id": target.id, "type": target.type, "reason": "error"}
    when = target.time.date().isoformat()
    return fact(when, EventRetracted.model_validate(said), client=target.client or "", source=target.source)


def snapshot(*facts: Fact, ladder: Ladder = LADDER) -> PathwaySnapshot:
    return snapshot_of(fold(facts, ladder), Owner("area", CLIENT), 1, ladder)


def steps(*facts: Fact) -> list[tuple[str, str | None, int]]:
    return [(s.start.isoformat(), s.end.isoformat() if s.end else None, s.step) for s in snapshot(*facts).steps]


def spells(*facts: Fact) -> list[tuple[str, str | None]]:
    return [(s.start.isoformat(), s.end.isoformat() if s.end else None) for s in snapshot(*facts).spells]


def signs(*facts: Fact) -> list[tuple[str, str]]:
    return [(sign.on.isoformat(), sign.kind) for sign in snapshot(*facts).signs]
