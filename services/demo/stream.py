"""The demo's stream: what the systems of a synthetic authority send, and when."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime
from itertools import groupby
from random import Random
from typing import Final

from services.demo.domain.course import Window
from services.demo.domain.events import DoorEvent, statements
from services.demo.domain.lives import live
from services.demo.domain.mistakes import Sent, known_by, sendings_of
from services.demo.domain.payments import payments
from services.demo.domain.people import Person, population
from services.demo.figures import figures

START: Final = date(2024, 7, 1)
END: Final = date(2026, 6, 30)
CLIENTS: Final = 3000


@dataclass(frozen=True, slots=True)
class Sending:
    """What is sent at one instant, in no order: some of it late, some for the second time."""

    at: datetime
    events: list[DoorEvent]


def stream(seed: int, clients: int = CLIENTS, start: date = START, end: date = END) -> Iterator[Sending]:
    """Yield all sendings of the authority from `start` to `end` in order of time.

    The same arguments give the same events, byte for byte, on any machine. Every event can be used at the door: valid,
    and dated no later than the day after its sending. Identity codes have the individual numbers 900-999, which no
    person has. Raises ValueError if the window is empty or there is no client.
    """
    if end < start or clients < 1:
        raise ValueError("the demo needs at least one client and an end that is not before its start")
    return sendings(everything_sent(seed, clients, start, end), seed)


def everything_sent(seed: int, clients: int, start: date, end: date) -> list[Sent]:
    """Return what `stream` sends, one by one in order of time."""
    window = Window(start, end, clients, figures())
    people = population(_chance(seed, "people"), window.figures, clients, start)
    sent = [each for person in people for each in _sent_about(person, seed, window)]
    sent.sort(key=lambda each: each.at)
    return sent


def sendings(sent: Iterable[Sent], seed: int) -> Iterator[Sending]:
    """Yield `sent` as it is sent: what is sent at one instant has no order."""
    order = _chance(seed, "order")
    for at, group in groupby(sent, key=lambda each: each.at):
        events = [each.statement.event() for each in group]
        order.shuffle(events)
        yield Sending(at, events)


def _sent_about(person: Person, seed: int, window: Window) -> Iterator[Sent]:
    course = live(person, _chance(seed, f"life {person.number}"), window)
    paid = payments(course, _chance(seed, f"benefits {person.number}"))
    chance, last = _chance(seed, f"sending {person.number}"), known_by(window.end)
    for statement in statements(course, paid, chance):
        yield from (sent for sent in sendings_of(statement, chance, window) if sent.at <= last)


def _chance(seed: int, what: str) -> Random:
    """Return the chance of one part of the demo, so that a change in one leaves the others as they are."""
    return Random(f"{seed} {what}")  # noqa: S311 -- a reproducible stream is wanted, not secrecy
