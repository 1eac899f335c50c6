"""How a share is written as a formula with its numbers: `10 % × 744.20 € × 13/20 d = 48.373 € → 48.37 €`."""

from decimal import Decimal
from fractions import Fraction
from typing import Final, Literal

_DECIMALS: Final = 6
"""Of an amount before rounding: more than show which way half a cent went, few enough to read."""
_LEAST_DECIMALS: Final = 2
_CENTS_IN_EURO: Final = 100

Relation = Literal["=", "≈"]


def written(cents: Fraction) -> Decimal:
    """Return `cents` as euros, cut off after six decimals: not rounded, for rounding is what the formula shows next."""
    scale = 10**_DECIMALS
    euros = abs(cents) / _CENTS_IN_EURO
    return (Decimal(int(euros * scale)) / scale).copy_sign(Decimal(-1 if cents < 0 else 1))


def relation(cents: Fraction) -> Relation:
    """Return what stands before the written amount: whether it is all of it, or more decimals follow."""
    return "=" if Fraction(written(cents)) * _CENTS_IN_EURO == cents else "≈"


def euros(cents: Fraction | int) -> str:
    """Write an amount with two decimals, or with as many as it has up to six."""
    whole, _, decimals = f"{written(Fraction(cents)):.{_DECIMALS}f}".partition(".")
    kept = decimals.rstrip("0").ljust(_LEAST_DECIMALS, "0")
    return f"{whole.replace('-', '−')}.{kept} €"


def percent(of_whole: float) -> str:
    """Write a percentage with the decimals that it has."""
    return f"{of_whole:g} %"


def share_formula(of_whole: float, base_cents: int, days: tuple[int, int], exact: Fraction, cents: int) -> str:
    """Write how the share of one piece came about; `days` are those in the class and those of the whole payment."""
    base = f"{percent(of_whole)} × {euros(base_cents)} × {days[0]}/{days[1]} d"
    return f"{base} {relation(exact)} {euros(exact)} → {euros(cents)}"


def sum_formula(of_whole: float, base_cents: int, exact: Fraction, cents: int) -> str:
    """Write how a sum of shares differs from the percent of the summed base: by the rounding of each payment."""
    rounding = cents - exact
    sign = "−" if rounding < 0 else "+"
    base = f"{percent(of_whole)} × {euros(base_cents)} = {euros(exact)}"
    return f"{base}, rounded by payment {sign} {euros(abs(rounding))} = {euros(cents)}"
