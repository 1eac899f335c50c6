"""Dated figures beside the schemes: the full basic part of a day and the days of a benefit month."""

from bisect import bisect_right
from dataclasses import dataclass
from datetime import date
from fractions import Fraction
from functools import cached_property

from services.incentives.domain.money import WHOLE_BP, half_up
from services.incentives.domain.schemes import Benefit, Ground


@dataclass(frozen=True, slots=True)
class Dated:
    """An amount that holds from `start` until the next one of its list."""

    start: date
    amount: Fraction
    ground: Ground


@dataclass(frozen=True)
class Parameters:
    """Lists by date, oldest first. Amounts of money are cents a day."""

    basic_part: tuple[Dated, ...]
    general_support: tuple[Dated, ...]
    benefit_days_per_month: tuple[Dated, ...]

    def month_cents(self, percent_bp: int, day: date) -> int:
        """Return the municipality's share, at `percent_bp`, of a month of full benefit as of `day`, in cents."""
        starts, months = self._months
        month = months[max(bisect_right(starts, day) - 1, 0)]
        return half_up(month.numerator * percent_bp, month.denominator * WHOLE_BP)

    def full_day(self, day: date) -> tuple[Benefit, Fraction]:
        """Return the benefit of somebody entitled to labour market subsidy on `day`, and its full cents a day."""
        if self.general_support[0].start <= day:
            return "general_support", _on(self.general_support, day)
        return "labour_market_subsidy", _on(self.basic_part, day)

    def benefit_days(self, day: date) -> Fraction:
        """Return the days of a month of full benefit as of `day`."""
        return _on(self.benefit_days_per_month, day)

    @cached_property
    def _months(self) -> tuple[list[date], list[Fraction]]:
        """Days from which a month of full benefit has another amount, and those amounts in cents."""
        starts = sorted({dated.start for dated in (*self.basic_part, *self.benefit_days_per_month)})
        return starts, [_on(self.basic_part, day) * _on(self.benefit_days_per_month, day) for day in starts]


def _on(amounts: tuple[Dated, ...], day: date) -> Fraction:
    """Return what holds on `day`; before the first date of a list, its first entry."""
    held = [dated.amount for dated in amounts if dated.start <= day]
    return held[-1] if held else amounts[0].amount
