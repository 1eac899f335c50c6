"""The benefit paid to a client: which days, under which benefit, in which batch, and the day counters."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from random import Random
from typing import Final, Literal

from contracts.dates import months_before
from contracts.facts import BenefitCounterSet, BenefitPaid
from services.demo.domain.course import Course, Stretch
from services.demo.domain.figures import Benefits

Entitlement = Literal["labour_market_subsidy", "basic_allowance", "earnings_related"]
Counter = Literal["old_law", "law_2025"]

_FOUR_WEEKS: Final = timedelta(days=28)
_WEEKDAYS: Final = 5
_ENTITLEMENTS: Final[tuple[Entitlement, ...]] = ("labour_market_subsidy", "basic_allowance", "earnings_related")
_BY_LEVEL: Final = {
    "basic": (70, 10, 20),
    "upper_secondary": (52, 12, 36),
    "bachelor": (40, 12, 48),
    "master": (40, 10, 50),
}
_ADJUSTED_SHARE: Final = 0.08  # of clients whose benefit is reduced, by their own or their parents' income
_ADJUSTED_TO: Final = (0.45, 0.6, 0.75, 0.9)
_BROUGHT_ALONG: Final = 0.05  # of those who register in the window, with days counted elsewhere
_STALE_COUNTER_DAYS: Final = 240


@dataclass(frozen=True, slots=True)
class Days:
    """Weekdays from `start` until before `end` that are paid on one basis."""

    start: date
    end: date
    days: int
    basis: Literal["unemployment", "service"]
    share: float


@dataclass(frozen=True, slots=True)
class Payments:
    """What the benefit system tells of one client."""

    paid: tuple[BenefitPaid, ...]
    counters: tuple[BenefitCounterSet, ...]


@dataclass(slots=True)
class Account:
    """A client's account at the insurer while it is being paid from: entitlement, used days and both counters."""

    benefits: Benefits
    entitlement: Entitlement
    supplement_cents: int
    """What an earnings-related allowance adds to the full basic part, cents a day."""
    waiting_days: int
    told_from: date
    """What is posted before this day is counted but not told."""
    used_days: int = 0
    old_law_days: int = 0
    all_days: int = 0
    last_paid: date = date.min
    paid: list[BenefitPaid] = field(default_factory=list)

    def reset(self, entitlement: Entitlement) -> None:
        """Begin anew after the work requirement was met."""
        self.entitlement = entitlement
        self.used_days = self.old_law_days = self.all_days = 0
        self.waiting_days = self.benefits.waiting_days

    def pay(self, days: Days, batch: str, posted_on: date) -> None:
        """Pay `days`, going over to the labour market subsidy when the allowance is used up."""
        left = max(0, self.benefits.maximum_days - self.used_days)
        if self.entitlement != "labour_market_subsidy" and days.days > left:
            first, days = divided(days, left)
            if first:
                self._post(first, batch, posted_on)
            self.entitlement = "labour_market_subsidy"
        self._post(days, batch, posted_on)

    def _post(self, days: Days, batch: str, posted_on: date) -> None:
        self._count(days)
        if posted_on < self.told_from:
            return
        full = self.benefits.basic_part_on(days.start)
        basic = round(full * days.share)
        supplement = round(self.supplement_cents * days.share) if self.entitlement == "earnings_related" else 0
        general = self.entitlement != "earnings_related" and days.start >= self.benefits.general_support_from
        payment = BenefitPaid(
            benefit="general_support" if general else self.entitlement,
            **({"entitlement": self.entitlement} if general else {}),
            basis=days.basis,
            batch=batch,
            period_start=days.start,
            period_end=days.end - timedelta(days=1),
            days=days.days,
            paid_cents=(basic + supplement) * days.days,
            basic_part_cents=basic * days.days,
            posted_on=posted_on,
        )
        self.paid.append(payment)

    def _count(self, days: Days) -> None:
        self.used_days += days.days
        self.all_days += days.days
        self.last_paid = days.end
        if self.entitlement == "labour_market_subsidy" and days.basis == "unemployment":
            self.old_law_days += days.days


_WEEKDAYS_OF_REST: Final = [
    [sum((first + day) % 7 < _WEEKDAYS for day in range(rest)) for rest in range(7)] for first in range(7)
]
"""Weekdays in less than a week, by its first day and its length."""


def weekdays(start: date, end: date) -> int:
    """Count the days from Monday to Friday in `[start, end)`."""
    weeks, rest = divmod((end - start).days, 7)
    return weeks * _WEEKDAYS + _WEEKDAYS_OF_REST[start.weekday()][rest]


def divided(days: Days, first: int) -> tuple[Days | None, Days]:
    """Divide `days` after its first `first` weekdays; there must be more."""
    if first == 0:
        return None, days
    cut, left = days.start, first
    while left:
        left -= cut.weekday() < _WEEKDAYS
        cut += timedelta(days=1)
    rest = Days(cut, days.end, days.days - first, days.basis, days.share)
    return Days(days.start, cut, first, days.basis, days.share), rest


def periods(chance: Random, first: date, last: date) -> Iterator[tuple[date, date]]:
    """Yield the payment periods of a client, half-open: calendar months, or four weeks from a day of its own."""
    if chance.random() < 0.85:
        start = first.replace(day=1)
        while start <= last:
            end = months_before(start, -1)
            yield start, end
            start = end
    else:
        start = first - timedelta(days=chance.randrange(28))
        while start <= last:
            yield start, start + _FOUR_WEEKS
            start += _FOUR_WEEKS


def merged(stretches: list[Stretch]) -> list[Stretch]:
    """Join stretches that follow each other in the same state."""
    joined: list[Stretch] = []
    for stretch in stretches:
        last = joined[-1] if joined else None
        if last and last.end == stretch.start and (last.basis, last.share) == (stretch.basis, stretch.share):
            joined[-1] = Stretch(last.start, stretch.end, last.basis, last.share)
        else:
            joined.append(stretch)
    return joined


def _pieces(start: date, end: date, cuts: tuple[date, ...]) -> Iterator[tuple[date, date]]:
    for cut in cuts:
        if start < cut < end:
            yield start, cut
            start = cut
    yield start, end


def due(stretches: list[Stretch], period: tuple[date, date], cuts: tuple[date, ...]) -> Iterator[Days]:
    """Yield the paid days of one period, divided where the basis changes or a law divides them."""
    for stretch in stretches:
        if stretch.start >= period[1]:
            break
        start, end = max(stretch.start, period[0]), min(stretch.end, period[1])
        basis = stretch.basis
        if basis == "none" or start >= end:
            continue
        for piece in _pieces(start, end, cuts):
            if count := weekdays(*piece):
                yield Days(*piece, count, basis, stretch.share)


def _posting_day(chance: Random, period_end: date) -> date:
    """Draw the weekday, two to five days after a period, on which its payment is posted."""
    last = period_end - timedelta(days=1)
    days = [last + timedelta(days=n) for n in range(2, 6)]
    return chance.choice([day for day in days if day.weekday() < _WEEKDAYS])


def _entitlement(course: Course, chance: Random) -> Entitlement:
    return chance.choices(_ENTITLEMENTS, _BY_LEVEL[course.person.education_level])[0]


def _after_waiting(account: Account, days: Days) -> Days | None:
    """Return what is left of `days` after the waiting period at the beginning of unemployment."""
    if account.waiting_days >= days.days:
        account.waiting_days -= days.days
        return None
    _, rest = divided(days, account.waiting_days)
    account.waiting_days = 0
    return rest


@dataclass(slots=True)
class Book:
    """The insurer's book of one client; what sets a counter is stated when the next payment shows it."""

    account: Account
    resets: list[date]
    counters: list[BenefitCounterSet] = field(default_factory=list)
    carried: set[str] = field(default_factory=set)

    def pay(self, days: Days, batch: str, posted_on: date, entitlement: Entitlement) -> None:
        """Pay `days`, stating before it every counter that was set by then."""
        if posted_on >= self.account.told_from:
            self._carry("old_law", self.account.told_from, self.account.old_law_days)
        while self.resets and self.resets[0] <= days.start:
            self._reset(self.resets.pop(0), entitlement)
        if days.start >= self.account.benefits.new_responsibility_from:
            self._carry("law_2025", self.account.benefits.new_responsibility_from, self.account.all_days)
        rest = _after_waiting(self.account, days)
        if rest:
            self.account.pay(rest, batch, posted_on)

    def _carry(self, counter: Counter, on: date, days: int) -> None:
        if counter not in self.carried:
            self.carried.add(counter)
            if days and (on - self.account.last_paid).days < _STALE_COUNTER_DAYS:
                self._state(counter, days, on, "carried_over")

    def _reset(self, on: date, entitlement: Entitlement) -> None:
        self.account.reset(entitlement)
        if on >= self.account.told_from:
            self._state(self._counter_on(on), 0, on, "reset")

    def bring_along(self, on: date, days: int) -> None:
        """Begin with the days that another authority has counted."""
        self.account.used_days = self.account.old_law_days = self.account.all_days = days
        self.carried.add(self._counter_on(on))
        self._state(self._counter_on(on), days, on, "transfer")

    def _counter_on(self, day: date) -> Counter:
        return "law_2025" if day >= self.account.benefits.new_responsibility_from else "old_law"

    def _state(self, counter: Counter, days: int, on: date, reason: str) -> None:
        stated = {"counter": counter, "days": days, "on": on, "reason": reason}
        self.counters.append(BenefitCounterSet.model_validate(stated))


def _book(course: Course, chance: Random) -> Book:
    benefits = course.window.figures.benefits
    supplement, told_from = chance.randint(2200, 6800), course.window.start
    account = Account(benefits, _entitlement(course, chance), supplement, benefits.waiting_days, told_from)
    book = Book(account, list(course.resets))
    registered = course.stretches[0].start
    if registered >= course.window.start and chance.random() < _BROUGHT_ALONG:
        book.bring_along(registered, chance.randint(40, 520))
    return book


def payments(course: Course, chance: Random) -> Payments:
    """Return what the insurers tell of a lived course within its window."""
    if not course.stretches:
        return Payments((), ())
    book = _book(course, chance)
    adjusted = chance.choice(_ADJUSTED_TO) if chance.random() < _ADJUSTED_SHARE else 1.0
    stretches = merged([replace(each, share=each.share * adjusted) for each in course.stretches])
    cuts, again = course.window.figures.benefits.divided_on, _entitlement(course, chance)
    for start, end in periods(chance, stretches[0].start, course.window.end):
        owed = list(due(stretches, (start, end), cuts))
        posted_on = _posting_day(chance, end) if owed else date.max
        if posted_on <= course.window.end:
            for days in owed:
                book.pay(days, f"{start:%Y-%m-%d}.{course.person.number}", posted_on, again)
    return Payments(tuple(book.account.paid), tuple(book.counters))
