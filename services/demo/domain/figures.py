"""The figures from which the synthetic authority is made."""

from dataclasses import dataclass
from datetime import date
from typing import Literal, NewType

Column = Literal["work_or_training_try_out", "labour_market_training", "coaching", "other_services"]
PerDay = NewType("PerDay", float)
"""A rate of something happening to one person on one day."""


@dataclass(frozen=True, slots=True)
class Municipality:
    """A municipality's counts of people in the employment register at the end of a month."""

    code: str
    name: str
    jobseekers: int
    unemployed: int
    long_term_unemployed: int
    employed_by_measures: int
    work_or_training_try_out: int
    labour_market_training: int
    coaching: int
    other_services: int

    def stock(self, column: Column) -> int:
        """Return how many people are in the services of one column."""
        stocks: dict[Column, int] = {
            "work_or_training_try_out": self.work_or_training_try_out,
            "labour_market_training": self.labour_market_training,
            "coaching": self.coaching,
            "other_services": self.other_services,
        }
        return stocks[column]


@dataclass(frozen=True, slots=True)
class ServiceKind:
    """A kind of service: the part `share` of a register column, lasting `mean_days` (assumptions, both)."""

    service_type: str
    column: Column
    share: float
    mean_days: int
    low_threshold: bool


@dataclass(frozen=True, slots=True)
class BasicPart:
    """The full basic part from a date on, in cents a day."""

    since: date
    cents_a_day: int


@dataclass(frozen=True, slots=True)
class Benefits:
    """What law fixes about the payments: rates, limits in paid days, and dates on which payments are divided."""

    basic_parts: tuple[BasicPart, ...]
    maximum_days: int
    waiting_days: int
    divided_on: tuple[date, ...]
    new_responsibility_from: date
    general_support_from: date

    def basic_part_on(self, day: date) -> int:
        """Return the full basic part on `day`, cents a day; the oldest known rate serves for all days before it."""
        held = [part for part in self.basic_parts if part.since <= day]
        return (held[-1] if held else self.basic_parts[0]).cents_a_day


@dataclass(frozen=True, slots=True)
class Figures:
    """All of them."""

    municipalities: tuple[Municipality, ...]
    services: tuple[ServiceKind, ...]
    benefits: Benefits

    def entry_rate(self, municipality: Municipality, kind: ServiceKind) -> PerDay:
        """Return how often an unemployed resident begins a service.

        In a steady state the stock of a service is entries a day times mean length, so that the rate per unemployed
        day is stock / (unemployed * mean length).
        """
        stock = municipality.stock(kind.column) * kind.share
        return PerDay(stock / (municipality.unemployed * kind.mean_days))
