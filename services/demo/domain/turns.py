"""The turns that a life takes out of waiting: services, work, education, and leaving the register.

Lengths and chances are assumptions that make the lives look believable; no statistics stand behind them.
"""

from datetime import date, timedelta
from typing import Final, Literal

from contracts.codes import ExitReason, StatusCode
from contracts.facts import (
    AssessmentRecorded,
    ClientExited,
    EducationEnded,
    EducationStarted,
    EmploymentChanged,
    EmploymentEnded,
    EmploymentStarted,
    ServiceEnded,
    ServiceReferred,
    ServiceStarted,
    StatusChanged,
)
from services.demo.domain.course import Basis, Course
from services.demo.domain.figures import ServiceKind

FULL_TIME: Final = 37.5
_WORK_REQUIREMENT_DAYS: Final = 366  # a year's work gives a new right to allowance here; the law counts in euros
_PROVIDERS_OF_A_KIND: Final = 3
Outcome = Literal["completed", "interrupted", "no_show", "moved_on"]


def serve(course: Course, kind: ServiceKind) -> None:
    """Go through one service, from the referral to the day after it."""
    episode = course.new_name("s")
    number = course.chance.randint(1, _PROVIDERS_OF_A_KIND)
    place = {
        "episode": episode,
        "service": f"{kind.service_type}-{course.home.code}-{number}",
        "service_type": kind.service_type,
        "provider": f"provider-{course.home.code}-{number}",
        **({"project": f"esf-{course.home.code}"} if number == 1 and kind.low_threshold else {}),
    }
    if course.chance.random() < 0.8:
        referred = course.working_day(course.today - timedelta(days=course.chance.randint(4, 25)))
        referral = ServiceReferred(**place, expires_on=referred + timedelta(days=60))
        course.happens(min(referred, course.today), referral)
    days = max(5, round(course.chance.gauss(kind.mean_days, kind.mean_days * 0.3)))
    course.happens(course.today, ServiceStarted(**place, planned_end=course.today + timedelta(days=days)))
    _attend(course, kind, episode, days)


def _attend(course: Course, kind: ServiceKind, episode: str, days: int) -> None:
    outcome: Outcome = course.chance.choices(("completed", "interrupted", "no_show", "moved_on"), (72, 16, 4, 8))[0]
    if outcome == "no_show":
        course.happens(course.today, ServiceEnded(episode=episode, outcome=outcome))
        return
    course.happens(course.today, StatusChanged(code=StatusCode.IN_SERVICE, detail=kind.service_type))
    if kind.low_threshold:
        _assess(course, course.today, 0.0)
    course.pass_days(days if outcome == "completed" else course.chance.randint(3, days), "service")
    if not course.is_over:
        _finish(course, kind, episode, outcome)


def _finish(course: Course, kind: ServiceKind, episode: str, outcome: Outcome) -> None:
    completed = outcome == "completed"
    qualified = completed and kind.service_type == "labour_market_training" and course.chance.random() < 0.4
    qualification = {"qualification": "vocational_part"} if qualified else {}
    course.happens(course.today, ServiceEnded(episode=episode, outcome=outcome, **qualification))
    if completed:
        course.employability = min(0.95, course.employability + course.chance.uniform(0.02, 0.14))
        if kind.low_threshold:
            _assess(course, course.today - timedelta(days=course.chance.randint(0, 7)), course.chance.uniform(-0.5, 2))
    if outcome == "moved_on":
        work(course)
    else:
        course.happens(course.today, StatusChanged(code=StatusCode.UNEMPLOYED))


def _assess(course: Course, day: date, risen: float) -> None:
    score = course.person.employability * 7 + 1 + risen

    def near(spread: float) -> float:
        return round(min(10.0, max(0.0, score + course.chance.gauss(0, spread))), 1)

    if course.person.number % 2:
        items = ("work_ability", "mind", "everyday_life", "skills")
        data = AssessmentRecorded(instrument="kykyviisari", scores={item: near(0.4) for item in items})
    else:
        data = AssessmentRecorded(instrument="3x10d", scores={f"item_{i}": near(0.8) for i in range(1, 11)})
    course.happens(day, data)


def be_supported(course: Course) -> None:
    """Work with a wage subsidy or a start-up grant."""
    starting_up = course.chance.random() < 0.2
    episode = course.new_name("w")
    days = course.chance.randint(120, 300)
    started = EmploymentStarted(
        episode=episode,
        kind="start_up_grant" if starting_up else "subsidised",
        weekly_hours=FULL_TIME if starting_up else course.chance.choice((24.0, 30.0, 32.0, FULL_TIME)),
        planned_end=course.today + timedelta(days=days),
    )
    course.happens(course.today, StatusChanged(code=StatusCode.EMPLOYED_BY_MEASURES))
    course.happens(course.today, started)
    course.pass_days(days if course.chance.random() < 0.8 else days // 2, "none")
    if course.is_over:
        return
    course.happens(course.today, EmploymentEnded(episode=episode, reason="subsidy_ended"))
    if course.chance.random() < 0.3 + 0.3 * course.employability:
        work(course)
    else:
        course.happens(course.today, StatusChanged(code=StatusCode.UNEMPLOYED))


def work(course: Course) -> None:
    """Work in the open labour market, staying in the register or leaving it."""
    part_time = course.chance.random() < 0.25
    hours = float(course.chance.randint(8, 28)) if part_time else FULL_TIME
    episode = course.new_name("w")
    kind: Literal["open", "self_employed"] = "self_employed" if course.chance.random() < 0.06 else "open"
    days = max(4, round(course.chance.lognormvariate(5.1, 1.0)))
    leaves = not part_time and course.today >= course.window.start and course.chance.random() < 0.55
    if leaves:
        course.happens(course.today, ClientExited(reason=course.chance.choice(("01", "03", "03", "03"))))
    else:
        detail = "part_time" if part_time else "full_time"
        course.happens(course.today, StatusChanged(code=StatusCode.OPEN_WORK, detail=detail))
    course.happens(course.today, EmploymentStarted(episode=episode, kind=kind, weekly_hours=hours))
    _stay_at_work(course, episode, days, hours, leaves=leaves)


def _stay_at_work(course: Course, episode: str, days: int, hours: float, *, leaves: bool) -> None:
    paid_beside = hours < 18 and not leaves and course.chance.random() < 0.6
    basis: Basis = "unemployment" if paid_beside else "none"
    if hours < FULL_TIME and days > 60 and course.chance.random() < 0.3:
        more = min(FULL_TIME, hours + course.chance.randint(4, 12))
        course.happens(course.today + timedelta(days=days // 2), EmploymentChanged(episode=episode, weekly_hours=more))
    if not leaves:
        course.next_meeting = max(course.next_meeting, course.today + timedelta(days=min(days, 180)))
        course.pass_days(days, basis, 0.5)
    else:
        away(course, days)
    if not course.is_over:
        _lose_work(course, episode, days, leaves=leaves)


def _lose_work(course: Course, episode: str, days: int, *, leaves: bool) -> None:
    if days > _WORK_REQUIREMENT_DAYS:
        course.resets.append(course.today)
    if leaves and course.chance.random() < 0.45:
        away(course, (course.window.end - course.today).days + 1)
        return
    if course.chance.random() < 0.8:
        reason = course.chance.choices(("fixed_term_ended", "resigned", "dismissed"), (70, 18, 12))[0]
        course.happens(course.today, EmploymentEnded(episode=episode, reason=reason))
    if not leaves:
        course.happens(course.today, StatusChanged(code=StatusCode.UNEMPLOYED))


def study(course: Course) -> None:
    """Go to school by one's own choice; not a service, and no unemployment benefit."""
    episode = course.new_name("e")
    days = course.chance.randint(150, 520)
    level = course.chance.choices(("vocational", "upper_secondary", "higher"), (70, 10, 20))[0]
    planned = course.today + timedelta(days=days)
    course.happens(course.today, StatusChanged(code=StatusCode.IN_EDUCATION))
    course.happens(course.today, EducationStarted(episode=episode, level=level, planned_end=planned))
    graduates = course.chance.random() < 0.65
    course.next_meeting = max(course.next_meeting, course.today + timedelta(days=150))
    course.pass_days(days if graduates else days // 2, "none")
    if course.is_over:
        return
    qualification = {"qualification": f"{level}_degree"} if graduates else {}
    outcome: Literal["graduated", "interrupted"] = "graduated" if graduates else "interrupted"
    course.happens(course.today, EducationEnded(episode=episode, outcome=outcome, **qualification))
    if graduates:
        course.employability = min(0.95, course.employability + 0.2)
    course.happens(course.today, StatusChanged(code=StatusCode.UNEMPLOYED))


def leave(course: Course) -> None:
    """Leave the register for another reason than work; some come back."""
    old = (course.today - course.person.born).days > 63 * 365
    reason: ExitReason = "07" if old else course.chance.choice(("05", "05", "06", "10"))
    course.happens(course.today, ClientExited(reason=reason))
    comes_back = not old and course.chance.random() < 0.3
    away(course, course.chance.randint(40, 300) if comes_back else (course.window.end - course.today).days + 1)


def away(course: Course, days: int) -> None:
    """Live unregistered: nobody meets the person and nothing is paid."""
    course.next_meeting = date.max
    course.today = min(course.today + timedelta(days=days), course.window.end + timedelta(days=1))
