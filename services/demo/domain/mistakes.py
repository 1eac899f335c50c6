"""How facts really reach the door: late, in any order, twice, and now and then wrong and taken back."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from random import Random
from typing import Final

from contracts.dates import HELSINKI, start_of
from contracts.facts import BenefitCounterSet, BenefitPaid, ClientRegistered, EventRetracted
from services.demo.domain.course import Window
from services.demo.domain.events import Statement

# Shares of all statements.
NEXT_DAY, LATE, DOUBLED, WRONG = 0.25, 0.04, 0.018, 0.012
_LATEST_DAYS: Final = 45
_SENT_AT: Final = timedelta(hours=18)
_FIRST_LOAD_AT: Final = timedelta(hours=6)
_FIRST_LOAD_CLIENTS: Final = 250  # in one sending; the history of those who are clients when the demo begins
_FIRST_LOAD_EVERY: Final = timedelta(minutes=20)


@dataclass(frozen=True, slots=True)
class Sent:
    """A statement and the instant at which it is sent."""

    at: datetime
    statement: Statement


def _evening_of(day: date) -> datetime:
    return start_of(day) + _SENT_AT


def _delay(chance: Random) -> int:
    drawn = chance.random()
    if drawn < LATE:
        return chance.randint(2, _LATEST_DAYS)
    return 1 if drawn < LATE + NEXT_DAY else 0


def _first_load(statement: Statement, window: Window) -> datetime:
    part = int(statement.id.partition(".")[0]) // _FIRST_LOAD_CLIENTS
    return start_of(window.start) + _FIRST_LOAD_AT + part * _FIRST_LOAD_EVERY


def _when(statement: Statement, chance: Random, window: Window) -> datetime:
    if statement.day < window.start:
        return _first_load(statement, window)
    return _evening_of(statement.day + timedelta(days=_delay(chance)))


def _retraction(statement: Statement, sent: datetime, reason: str) -> Statement:
    target = {"source": statement.source, "id": statement.id, "type": statement.data.type}
    data = EventRetracted.model_validate(target | {"reason": reason})
    return replace(statement, id=f"{statement.id}.r", at=sent - timedelta(minutes=30), data=data)


def _distorted(statement: Statement, chance: Random) -> Statement:
    """Return what a clerk wrote instead: another number of days, or a date a few days off."""
    if isinstance(statement.data, BenefitPaid):
        days = statement.data.days + chance.randint(1, 5)
        return replace(statement, data=statement.data.model_copy(update={"days": days}))
    return replace(statement, at=statement.at - timedelta(days=chance.randint(1, 12)))


def _wrong_and_put_right(statement: Statement, sent: datetime, chance: Random) -> Iterator[Sent]:
    """Yield a wrong fact, its retraction and the right one; or the right one, a copy of it and the copy's retraction.

    One time in five the retraction comes first.
    """
    noticed = sent + timedelta(days=chance.randint(1, 20))
    taken_at, first_at = (sent, noticed) if chance.random() < 0.2 else (noticed, sent)
    if chance.random() < 0.6:
        yield Sent(first_at, _distorted(statement, chance))
        yield Sent(taken_at, _retraction(statement, taken_at, "error"))
        yield Sent(noticed, replace(statement, id=f"{statement.id}.c"))
    else:
        copy = replace(statement, id=f"{statement.id}.d")
        yield Sent(sent, statement)
        yield Sent(first_at, copy)
        yield Sent(taken_at, _retraction(copy, taken_at, "duplicate"))


def _may_be_wrong(statement: Statement, window: Window) -> bool:
    return statement.day >= window.start and not isinstance(statement.data, ClientRegistered | BenefitCounterSet)


def sendings_of(statement: Statement, chance: Random, window: Window) -> Iterator[Sent]:
    """Yield how one true statement reaches the door; what comes after the window's end has not come yet."""
    sent = _when(statement, chance, window)
    may_be_wrong = not isinstance(statement.data, ClientRegistered | BenefitCounterSet) and sent > start_of(
        window.start
    )
    if may_be_wrong and chance.random() < WRONG:
        yield from _wrong_and_put_right(statement, sent, chance)
        return
    yield Sent(sent, statement)
    if chance.random() < DOUBLED:
        yield Sent(sent + timedelta(days=chance.randint(0, 9)), statement)


def known_by(end: date) -> datetime:
    """Return the last instant at which something is sent in a window that ends with the day `end`."""
    return datetime.combine(end, time.max, HELSINKI)
