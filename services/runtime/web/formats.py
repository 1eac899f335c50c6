"""How figures and dates are written for people, by language. Money is whole cents in code and euros on pages."""

from collections.abc import Callable, Mapping
from datetime import date
from decimal import Decimal
from functools import partial
from typing import Final

from babel.core import Locale
from babel.dates import format_date
from babel.numbers import format_currency, format_decimal, format_percent
from markupsafe import Markup

from services.runtime.web.languages import LOCALES, Language

HIDDEN: Final = "··"
"""Stands where a figure is hidden to protect clients; a page with it says so beside the table."""


def euros(locale: str, cents: int | None) -> str:
    """Write whole `cents` as euros; None, a hidden amount, as its sign."""
    if cents is None:
        return HIDDEN
    return format_currency(Decimal(cents) / 100, "EUR", locale=locale)


def number(locale: str, value: float | None) -> str:
    """Write a count or measure; None, a hidden count, as its sign."""
    return HIDDEN if value is None else format_decimal(value, locale=locale)


def percent(locale: str, share: float | None) -> str:
    """Write a share (0.1542) as a percentage with one decimal; None, a hidden rate, as its sign."""
    if share is None:
        return HIDDEN
    whole = str(Locale.parse(locale).percent_formats[None].pattern)
    return format_percent(share, format=whole.replace("##0", "##0.0"), locale=locale)


def exact_euros(locale: str, value: Decimal | None) -> str:
    """Write euros with two decimals, or with as many as they have; None, a hidden amount, as its sign."""
    if value is None:
        return HIDDEN
    return format_currency(value.normalize(), "EUR", locale=locale, decimal_quantization=False)


def exact_percent(locale: str, value: float) -> str:
    """Write a percentage (12.5) with the decimals that it has, up to two."""
    whole = str(Locale.parse(locale).percent_formats[None].pattern)
    return format_percent(Decimal(str(value)) / 100, format=whole.replace("##0", "##0.##"), locale=locale)


def day(locale: str, value: date | None) -> Markup | str:
    """Write a civil date, machine-readable beside; None, no date, as a dash."""
    if value is None:
        return "–"
    return Markup('<time datetime="{}">{}</time>').format(
        value.isoformat()[:10], format_date(value, "medium", locale=locale)
    )


def month(locale: str, value: date) -> Markup:
    """Write the month of a date."""
    return Markup('<time datetime="{}">{}</time>').format(
        value.isoformat()[:7], format_date(value, "LLLL y", locale=locale)
    )


def filters(language: Language) -> Mapping[str, Callable[..., str]]:
    """Return the filters that templates of `language` use."""
    locale = LOCALES[language]
    given = (euros, exact_euros, number, percent, exact_percent, day, month)
    return {each.__name__: partial(each, locale) for each in given}
