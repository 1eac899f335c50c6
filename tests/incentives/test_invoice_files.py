"""Invoices as files: what is read, what is told of what cannot be, and the official figures of 2025 as a test."""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Final

import pytest

from contracts.codes import MUNICIPALITIES
from services.incentives.domain.invoices import InvoiceLine, Item
from services.incentives.domain.reconciling import reconcile
from services.incentives.domain.schemes import BENEFITS
from services.incentives.invoice_files import Invoice, InvoiceError, read_invoice
from services.incentives.invoice_report import report_of
from services.incentives.rule_files import rule_book

LAW: Final = rule_book().schemes["law"]
CLASSES: Final = [one.name for one in LAW.classes[:-1]]
AMOUNT: Final = "is not an amount of euros such as 1234,56 or 1 234.56, with at most two decimals"
NO_BENEFIT: Final = f"is none of {', '.join(BENEFITS)}, nor the name of one in Finnish or Swedish"
HEADER: Final = "municipality;month;benefit;class;recipients;euros"
ROW: Final = "167;2025-10;labour_market_subsidy;101-200;12;892,08"
READ: Final = InvoiceLine(2, Item("167", date(2025, 10, 1), "labour_market_subsidy", "101-200"), 12, 89208)


def read(text: str | bytes, members: Sequence[str] = ("167", "398")) -> Invoice:
    return read_invoice(text if isinstance(text, bytes) else text.encode(), members, CLASSES)


def of_row(row: str) -> Invoice:
    return read(f"{HEADER}\n{row}\n")


def faults(found: Invoice) -> list[tuple[int, str, str]]:
    return [(fault.line, fault.field, fault.reason) for fault in found.faults]


def refused(text: str | bytes) -> str:
    with pytest.raises(InvoiceError) as caught:
        read(text)
    return str(caught.value)


# --- the official figures of 2025 ------------------------------------------------------------------------------------

COUNTED: Final = ("101-200", "201-300", "301-400", "401-700", "701-")
COUNTRY: Final = ("30 950 446,33", "52 953 920,83", "65 095 806,33", "158 417 049,58", "473 716 014,55")
JOENSUU: Final = ("520240.75", "922799.38", "1143154.57", "2832934.70", "8813830.65")
LAHTI: Final = ("741.012,64", "1.251.476,19", "1.546.632,82", "3.956.248,50", "16.504.523,14")
REST: Final = ("29689192.94", "50779645.26", "62406018.94", "151627866.38", "448397660.76")
"""All other municipalities: the country less the two."""


def invoice_of(figures: Mapping[str, Sequence[str]]) -> Invoice:
    rows = [
        f"{place};2025-12;työmarkkinatuki;{of_class};0;{euros}"
        for place, amounts in figures.items()
        for of_class, euros in zip(COUNTED, amounts, strict=True)
    ]
    return read("\n".join([HEADER, *rows]), tuple(MUNICIPALITIES))


def test_the_figures_of_2025_are_read_to_the_cent() -> None:
    by_place: Counter[str] = Counter()
    for one in invoice_of({"Joensuu": JOENSUU, "398": LAHTI, "091": COUNTRY}).lines:
        by_place[one.item.municipality] += one.cents
    assert by_place == {"167": 14_232_960_05, "398": 23_999_893_29, "091": 781_133_237_62}


def test_the_sums_by_class_are_those_of_the_country() -> None:
    invoice = invoice_of({"167": JOENSUU, "Lahti": LAHTI, "Helsinki": REST})
    report = report_of(invoice, reconcile(invoice.lines, invoice.unread, [], LAW), LAW, date(2026, 1, 31))
    assert [(one.cost_class, one.percent, one.invoiced_cents) for one in report.by_class] == [
        ("101-200", 10, 30_950_446_33),
        ("201-300", 20, 52_953_920_83),
        ("301-400", 30, 65_095_806_33),
        ("401-700", 40, 158_417_049_58),
        ("701-", 50, 473_716_014_55),
    ]
    assert (report.total.lines, report.total.invoiced_cents) == (15, 781_133_237_62)
    assert (report.total.computed_cents, report.total.difference_cents) == (0, 781_133_237_62)
    assert report.unreadable == []


# --- what is read ----------------------------------------------------------------------------------------------------


def test_a_row_becomes_a_line() -> None:
    assert of_row(ROW) == Invoice((READ,), (), frozenset())


@pytest.mark.parametrize(
    "dressed",
    [
        f"\ufeff{HEADER}\n{ROW}\n",
        f"{HEADER}\r\n{ROW}\r\n;;;;;\r\n",
        f"{HEADER}\n{ROW};;\n",
        'municipality,month,benefit,class,recipients,euros\n167,2025-10,labour_market_subsidy,101-200,12,"892,08"\n',
        "Kunta;Kuukausi;Etuus;Vastuuporras;Saajat;Eurot\nJoensuu;10/2025;Työmarkkinatuki;101–200;12;892,08 €\n",
        "kommun;månad;förmån;ansvarssteg;mottagare;euro\nJOENSUU;oktober 2025;arbetsmarknadsstöd;101-200;12;892.08\n",
        f"euros;invoice;{HEADER.removesuffix(';euros')}\n892,08;F-1;{ROW.removesuffix(';892,08')}\n",
    ],
)
def test_signs_order_languages_and_other_columns_change_nothing(dressed: str) -> None:
    assert read(dressed) == Invoice((READ,), (), frozenset())


@pytest.mark.parametrize(
    "month",
    ["2025-10", "2025/10", "10/2025", "10.2025", "1.10.2025", "2025-10-01", "202510", "lokakuu 2025", "October 2025"],
)
def test_a_month_may_be_written_in_several_ways(month: str) -> None:
    assert of_row(ROW.replace("2025-10", month)).lines == (READ,)


@pytest.mark.parametrize(
    ("euros", "cents"),
    [
        ("0", 0), ("5", 500), ("1234,5", 123450), ("1 234,56", 123456), ("1\N{NO-BREAK SPACE}234.56", 123456),
        ("1.234,56", 123456), ("1,234.56", 123456), ("-12,50", -1250), ("\N{MINUS SIGN}12,50", -1250),
        ("781 133 237,62 €", 78113323762),
    ],
)  # fmt: skip
def test_an_amount_may_be_written_in_several_ways(euros: str, cents: int) -> None:
    assert [one.cents for one in of_row(ROW.replace("892,08", euros)).lines] == [cents]


def test_a_number_that_a_spreadsheet_has_shortened_is_still_that_of_the_municipality() -> None:
    [one] = read(f"{HEADER}\n{ROW.replace('167', '5')}", ["005"]).lines
    assert one.item.municipality == "005"


# --- what cannot be --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("was", "now", "field", "reason"),
    [
        ("167", "999", "municipality", "is no municipality of Finland; give its number, such as 167, or its name"),
        ("167", "091", "municipality", "is not a municipality of your authority"),
        ("167", "", "municipality", "is empty"),
        ("2025-10", "2025-13", "month", "is not a month such as 2025-10, 10/2025 or lokakuu 2025"),
        ("2025-10", "2.10.2025", "month", "is not a month such as 2025-10, 10/2025 or lokakuu 2025"),
        ("2025-10", "ruokakuu 2025", "month", "is not a month such as 2025-10, 10/2025 or lokakuu 2025"),
        ("labour_market_subsidy", "asumistuki", "benefit", NO_BENEFIT),
        ("101-200", "101-250", "class", f"is none of {', '.join(CLASSES)}"),
        (";12;", ";-1;", "recipients", "is not a whole number"),
        (";12;", ";1,5;", "recipients", "is not a whole number"),
        ("892,08", "892,085", "euros", AMOUNT),
        ("892,08", "1,234", "euros", AMOUNT),
    ],
)  # fmt: skip
def test_what_cannot_be_read_is_told_by_line_and_field_and_the_rest_is_read(
    was: str, now: str, field: str, reason: str
) -> None:
    found = read(f"{HEADER}\n{ROW.replace(was, now)}\n{ROW}\n")
    assert faults(found) == [(2, field, reason)]
    assert [one.line for one in found.lines] == [3]


def test_all_that_is_wrong_with_a_row_is_told_at_once() -> None:
    assert [field for _, field, _ in faults(of_row("x;x;x;x;x;x"))] == HEADER.split(";")


def test_a_row_whose_amount_alone_cannot_be_read_is_known_to_be_there() -> None:
    assert of_row(ROW.replace("892,08", "n/a")).unread == {READ.item}
    assert of_row(ROW.replace("101-200", "n/a")).unread == frozenset()


def test_an_open_quotation_mark_or_another_encoding_spoils_its_own_row_only() -> None:
    content = f'{HEADER}\n"{ROW}\n{ROW}\n'.encode() + f"Hämeenlinna{ROW[3:]}\n".encode("cp1252")
    found = read(content)
    assert faults(found) == [
        (2, "row", "its quotation marks do not match"),
        (4, "row", "is not text in UTF-8; save the file as CSV in UTF-8"),
    ]
    assert [one.line for one in found.lines] == [3]


def test_a_comma_too_many_is_told() -> None:
    [(line, field, reason)] = faults(read(f"{HEADER}\n{ROW}\n".replace(";", ",")))
    assert (line, field) == (2, "row")
    assert reason.startswith("has 7 cells where the header has 6; an amount with a comma needs quotation marks")


def test_no_value_is_repeated() -> None:
    told = str(faults(of_row("010190-900P;010190-900P;010190-900P;010190-900P;010190-900P;010190-900P")))
    assert "010190" not in told


def test_a_file_without_a_needed_column_is_refused_and_the_column_is_named() -> None:
    assert refused("\nmunicipality;month;benefit;recipients\n") == (
        "line 2, class: this column is missing; it may also be called vastuuporras or ansvarssteg; "
        "line 2, euros: this column is missing; it may also be called eurot or euro"
    )


def test_a_column_that_stands_twice_is_refused() -> None:
    assert refused(f"{HEADER};Kunta\n") == "line 1, municipality: this column stands twice"


@pytest.mark.parametrize("content", [b"", b"\n;;\n", b"\xef\xbb\xbf"])
def test_an_empty_file_is_told_what_its_first_line_is(content: bytes) -> None:
    assert refused(content) == f"line 1, header: the file is empty; its first line is {HEADER}"


def test_a_file_in_another_encoding_is_told_how_to_save_it() -> None:
    assert refused(HEADER.encode("utf-16")) == ("line 1, header: is not text in UTF-8; save the file as CSV in UTF-8")


def test_the_example_of_the_documentation_is_read_but_for_the_row_that_it_says() -> None:
    found = read((Path(__file__).parents[2] / "docs/examples/invoice.csv").read_bytes(), ["276"])
    assert len(found.lines) == 6
    assert [(line, field) for line, field, _ in faults(found)] == [(8, "euros")]
