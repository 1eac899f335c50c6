"""Whole lives in the register: registering, waiting, and what ends the waiting.

Waiting is a race of rates: each possible turn has a rate per day, and the first to come is taken (competing risks).
The rates of services come from the register figures; those of work, study and leaving are assumptions.
"""

from collections.abc import Callable
from datetime import date, timedelta
from functools import partial
from random import Random
from typing import Final

from contracts.codes import StatusCode
from contracts.facts import ClientRegistered, ClientRegisteredAtDoor, StatusChanged
from services.demo.domain.course import Course, Window, often_met_until
from services.demo.domain.people import Person
from services.demo.domain.turns import be_supported, leave, serve, study, work

Turn = Callable[[Course], None]

REGISTERED_AT_START: Final = 0.48
_MEAN_DAYS_BEFORE_START, _MOST_DAYS_BEFORE_START = 430, 1500
_SUPPORTED_DAYS: Final = 200
_WORK_A_DAY: Final = 0.0030
_STUDY_A_DAY: Final = 0.00022
_LEAVING_A_DAY: Final = 0.00055
_LAID_OFF_SHARE: Final = 0.04
_SOON_DAYS: Final = 8  # within which most first interviews are held


def registration_day(chance: Random, window: Window) -> date:
    """Draw the day of a client's registration, before the window or within it."""
    if chance.random() < REGISTERED_AT_START:
        before = min(_MOST_DAYS_BEFORE_START, 1 + int(chance.expovariate(1 / _MEAN_DAYS_BEFORE_START)))
        return window.start - timedelta(days=before)
    return window.start + timedelta(days=chance.randint(0, (window.end - window.start).days))


def live(person: Person, chance: Random, window: Window) -> Course:
    """Write the whole course of one client up to the end of the window."""
    course = Course(person, chance, window, registration_day(chance, window), person.municipality, person.employability)
    _register(course, first=True)
    while not course.is_over:
        was_registered = course.next_meeting != date.max
        if was_registered:
            _wait(course)(course)
        else:
            _register(course, first=False)
    return course


def _register(course: Course, *, first: bool) -> None:
    person = course.person
    data = ClientRegisteredAtDoor(
        municipality=course.home.code,
        birth_year=person.born.year,
        gender=person.gender,
        language=person.language,
        education_level=person.education_level,
        display_name=person.name,
        **({"identity_code": person.identity_code} if person.known_by_case_number else {}),
    )
    again = ClientRegistered(municipality=course.home.code)
    course.happens(course.today, data if first else again)
    laid_off = course.chance.random() < _LAID_OFF_SHARE
    course.happens(course.today, StatusChanged(code=StatusCode.LAID_OFF if laid_off else StatusCode.UNEMPLOYED))
    course.often_met_until = often_met_until(course.today)
    _be_received(course)


def _be_received(course: Course) -> None:
    chance, registered = course.chance, course.today
    course.be_assigned(course.working_day(registered + timedelta(days=chance.randint(0, 4))))
    drawn = chance.random()
    course.awaits_interview = drawn < 0.96  # the others are never properly interviewed
    if drawn < 0.82:
        days = chance.randint(1, _SOON_DAYS)
    else:
        days = chance.randint(_SOON_DAYS + 1, 30) if course.awaits_interview else chance.randint(60, 120)
    course.next_meeting = course.working_day(registered + timedelta(days=days))


def _possible_turns(course: Course) -> list[tuple[float, Turn]]:
    figures, home, near = course.window.figures, course.home, course.employability
    turns: list[tuple[float, Turn]] = [
        (figures.entry_rate(home, kind), partial(serve, kind=kind)) for kind in figures.services
    ]
    turns.append((home.employed_by_measures / home.unemployed / _SUPPORTED_DAYS, be_supported))
    turns.append((_WORK_A_DAY * (0.08 + 2.4 * near * near), work))
    turns.append((_STUDY_A_DAY, study))
    if course.today >= course.window.start:  # who is in the register at the start has not left it before
        turns.append((_LEAVING_A_DAY, leave))
    return turns


def _wait(course: Course) -> Turn:
    """Live unemployed until something comes, and return what it is; at the window's end, nothing does."""
    rate_of_any = sum(rate for rate, _ in _possible_turns(course))
    course.pass_days(1 + int(course.chance.expovariate(rate_of_any)), "unemployment")
    if course.is_over:
        return _stay
    turns = _possible_turns(course)  # again: the client may live elsewhere by now
    return course.chance.choices([turn for _, turn in turns], [rate for rate, _ in turns])[0]


def _stay(_course: Course) -> None:
    """Nothing more happens."""
