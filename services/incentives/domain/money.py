"""Shares in whole cents, half a cent rounded up, in integers throughout."""

from fractions import Fraction
from typing import Final

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]

WHOLE_BP: Final = 10_000
"""Basis points in the whole."""


def half_up(numerator: int, denominator: int) -> int:
    """Return `numerator / denominator`, neither negative, rounded to the nearest whole, halves up."""
    return (2 * numerator + denominator) // (2 * denominator)


def exact_share(percent_bp: int, base_cents: int, days_in_class: int, days: int) -> Fraction:
    """Return the share of a piece before it is rounded, in cents."""
    return Fraction(percent_bp * base_cents * days_in_class, WHOLE_BP * days)


def whole_shares(percent_bp: Ints, base_cents: Ints) -> Ints:
    """Return `shares` of payments that lie in one class as a whole: half_up(basis points × base / 10,000), in cents."""
    cents = percent_bp * base_cents
    cents += WHOLE_BP // 2
    cents //= WHOLE_BP
    return cents


def shares(percent_bp: Ints, base_cents: Ints, days_in_class: Ints, days: Ints) -> Ints:
    """Return half_up(basis points × base × days in class / (10,000 × days)) for each piece of a payment, in cents.

    Exact in 64 bits for what contracts.facts lets a payment hold: 10^4 × 10^8 × 800 cents, doubled, is 1.6 × 10^15.
    """
    denominator = WHOLE_BP * days
    return (2 * percent_bp * base_cents * days_in_class + denominator) // (2 * denominator)


def parts_of(base_cents: Ints, days_before: Ints, days_in_class: Ints, days: Ints) -> Ints:
    """Return the part of a payment's base that falls on each piece; the pieces of one payment sum to its base."""
    until = (2 * base_cents * (days_before + days_in_class) + days) // (2 * days)
    return until - (2 * base_cents * days_before + days) // (2 * days)
