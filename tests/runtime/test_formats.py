from datetime import date

import pytest

from services.runtime.web.formats import filters
from services.runtime.web.languages import Language

THIN = "\N{NO-BREAK SPACE}"


@pytest.mark.parametrize(
    ("language", "written"),
    [("fi", f"1{THIN}234,56{THIN}€"), ("sv", f"1{THIN}234,56{THIN}€"), ("en", "€1,234.56")],
)
def test_cents_are_read_as_euros(language: Language, written: str) -> None:
    assert filters(language)["euros"](123456) == written


def test_money_of_a_whole_country_is_exact() -> None:
    assert filters("en")["euros"](78113323762_00 + 1) == "€78,113,323,762.01"


@pytest.mark.parametrize(("language", "written"), [("fi", f"15,4{THIN}%"), ("sv", f"15,4{THIN}%"), ("en", "15.4%")])
def test_a_rate_is_read_with_one_decimal(language: Language, written: str) -> None:
    assert filters(language)["percent"](0.1542) == written


@pytest.mark.parametrize(("language", "written"), [("fi", "5.6.2026"), ("sv", "5 juni 2026"), ("en", "5 Jun 2026")])
def test_a_day_is_written_as_people_write_it_and_as_machines_read_it(language: Language, written: str) -> None:
    assert filters(language)["day"](date(2026, 6, 5)) == f'<time datetime="2026-06-05">{written}</time>'


@pytest.mark.parametrize(("language", "written"), [("fi", "kesäkuu 2026"), ("sv", "juni 2026"), ("en", "June 2026")])
def test_a_month_has_its_name(language: Language, written: str) -> None:
    assert filters(language)["month"](date(2026, 6, 1)) == f'<time datetime="2026-06">{written}</time>'


@pytest.mark.parametrize("name", ["euros", "number", "percent"])
def test_what_is_hidden_is_never_read_as_nothing(name: str) -> None:
    assert filters("fi")[name](None) == "··"
    assert filters("fi")[name](0) != "··"


def test_no_date_is_a_dash() -> None:
    assert filters("fi")["day"](None) == "–"
