"""Costs by client, month of posting, municipality and class: what reports and publications are made of."""

from dataclasses import dataclass
from datetime import date
from typing import Final

import numpy as np
import numpy.typing as npt

from services.incentives.domain.engine import Assessment
from services.incentives.domain.money import Ints
from services.incentives.domain.payments import UNKNOWN, Payments, Track

_EPOCH: Final = date(1970, 1, 1).toordinal()
_MONTHS: Final = 12


@dataclass(frozen=True, slots=True)
class CostLines:
    """Sums of pieces, one line for each client, month, municipality and class, in that order.

    `month` counts from January 1970, `municipality` is its number (UNKNOWN: no payer is known yet), `cost_class` a
    position in the scheme's classes, `payments` how many have days in it: one that is split counts in each class.
    """

    client: Ints
    month: Ints
    municipality: Ints
    cost_class: Ints
    payments: Ints
    days: Ints
    base_cents: Ints
    cents: Ints


def payers(payments: Payments, named: Ints, homes: Track) -> Ints:
    """Return who pays each payment: the municipality that the insurer `named`, else the home on the day of posting.

    Domain page, section 6: stated for the old law, not confirmed for 2025.
    """
    return np.where(named == UNKNOWN, homes.on(payments.client, payments.posted_on), named)


def month_number(day: date) -> int:
    """Return the month of `day`, counted from January 1970."""
    return (day.year - 1970) * _MONTHS + day.month - 1


def first_day_of(month: int) -> date:
    """Return the first day of a month counted from January 1970."""
    return date(1970 + month // _MONTHS, month % _MONTHS + 1, 1)


def months_of(days: Ints) -> Ints:
    """Return the months of ordinals, counted from January 1970."""
    months: Ints = (days - _EPOCH).astype("datetime64[D]").astype("datetime64[M]").astype(np.int64)
    return months


def cost_lines(assessment: Assessment, payments: Payments, payer: Ints) -> CostLines:
    """Return the pieces of `assessment` summed by client, month, municipality and class."""
    pieces = assessment.pieces
    keys = (
        payments.client[pieces.payment],
        months_of(payments.posted_on)[pieces.payment],
        payer[pieces.payment],
        pieces.cost_class,
    )
    order = np.lexsort(keys[::-1])
    sorted_keys = [key[order] for key in keys]
    is_first = _is_first(sorted_keys)
    starts = np.flatnonzero(is_first)
    client, month, municipality, cost_class = (key[starts] for key in sorted_keys)
    # The sort is stable and pieces come by payment, so those of one payment still follow each other.
    is_another = (is_first | _is_first([pieces.payment[order]])).astype(np.int64)
    counted, days, base, cents = (
        np.add.reduceat(values, starts) if len(starts) else values
        for values in (is_another, pieces.days[order], pieces.base_cents[order], pieces.cents[order])
    )
    return CostLines(client, month, municipality, cost_class, counted, days, base, cents)


def _is_first(keys: list[Ints]) -> npt.NDArray[np.bool_]:
    """Tell of each row whether it is the first of those with the same keys."""
    first = np.ones(len(keys[0]), dtype=bool)
    first[1:] = np.any([np.diff(key) != 0 for key in keys], axis=0)
    return first
