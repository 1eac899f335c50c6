"""Dated figures beside the schemes: the full basic part of a day and the days of a benefit month."""

from dataclasses import dataclass
from datetime import date
from fractions import Fraction

from services.incentives.domain.money import WHOLE_BP, half_up
from services.incentives.domain.schemes import Ground


@dataclass(frozen=True, slots=True)
class Dated:
    """An amount that holds from `start` until the next one of its list."""

    start: date
    amount: Fraction
    ground: Ground


@dataclass(frozen=True, slots=True)
class Parameters:
    """Lists by date, oldest first. Amounts of money are cents a day."""

    basic_part: tuple[Dated, ...]
    general_support: tuple[Dated, ...]
    benefit_days_per_month: tuple[Dated, ...]

    def month_cents(self, percent_bp: int, day: date) -> int:
        """Return the municipality's share, at `percent_bp`, of a month of full benefit as of `day`, in cents."""
        month = _on(self.basic_part, day).amount * _on(self.benefit_days_per_month, day).amount
        share = month * percent_bp / WHOLE_BP
        return half_up(share.numerator, share.denominator)


def _on(amounts: tuple[Dated, ...], day: date) -> Dated:
    """Return what holds on `day`; before the first date of a list, its first entry."""
    held = [amount for amount in amounts if amount.start <= day]
    return held[-1] if held else amounts[0]
