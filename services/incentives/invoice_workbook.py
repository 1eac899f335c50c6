"""A comparison of an invoice as a spreadsheet (XLSX): summary, matches, differences, unreadable rows, definitions."""

import io
from collections.abc import Iterable, Sequence
from typing import Final

from xlsxwriter import Workbook

from contracts.codes import MUNICIPALITIES
from services.incentives.invoice_report import MEANINGS, ComparedLine, DifferingLine, InvoiceReport, Place, Sum

Cell = str | int | float

_WIDTHS: Final = {"text": 24, "long": 60, "euros": 18, "number": 12}
"""Characters: wide enough for the longest name of a municipality or benefit, a sentence, a country's year, a count."""

_PLACE: Final = (
    ("Municipality", "number"), ("Name", "text"), ("Month", "number"), ("Benefit", "text"), ("Class", "number"),
)  # fmt: skip
_FIGURES: Final = (
    ("Recipients invoiced", "number"), ("Recipients computed", "number"),
    ("Invoiced €", "euros"), ("Computed €", "euros"), ("Difference €", "euros"),
)  # fmt: skip
_REASON: Final = (("Most likely reason", "text"), ("Meaning", "long"), ("Elsewhere", "long"))
_SUMS: Final = (("Lines", "number"), *_FIGURES[2:])

_TERMS: Final = (
    ("Invoiced", "What the insurer's invoice says. Lines about the same are added up."),
    ("Computed", "The municipality's share of all payments known here, each under the law of its period."),
    ("Difference", "Invoiced less computed. A positive difference was invoiced and is not known here."),
    ("Compared", "All benefits and classes of the municipalities and months that stand on the invoice."),
    ("Month", "The month in which payments were posted."),
    ("Class", "A band of paid days of which the municipality pays the same percentage, such as 101-200."),
    ("Recipients", "Clients with days in the class in that month. One client may be a recipient in several classes."),
    ("Match", "Euros and recipients are the same."),
    ("Unreadable row", "A row of the invoice that could not be read. It is in none of the other figures."),
    ("Most likely reason", "The first of the reasons below that holds, in their order. It says where to look first."),
)


def workbook(report: InvoiceReport) -> bytes:
    """Return the spreadsheet; texts are stored as texts, so that nothing in them is a formula."""
    buffer = io.BytesIO()
    with Workbook(buffer, {"in_memory": True}) as book:
        sheets = _Sheets(book)
        sheets.add("Summary", (("What", "text"), *_SUMS), _summary(report))
        sheets.add("Matches", (*_PLACE, *_FIGURES), map(_figures, report.matches))
        sheets.add("Differences", (*_PLACE, *_FIGURES, *_REASON), map(_differing, report.differences))
        unreadable = ((one.line, one.field, one.reason) for one in report.unreadable)
        sheets.add("Unreadable rows", (("Line", "number"), ("Field", "text"), ("Reason", "long")), unreadable)
        sheets.add("Definitions", (("Term", "text"), ("Meaning", "long")), _definitions(report))
    return buffer.getvalue()


def _summary(report: InvoiceReport) -> list[Sequence[Cell]]:
    return [
        ("All", *_sums(report.total)),
        ("Matches", *_sums(report.agreeing)),
        *((f"Class {one.cost_class}", *_sums(one)) for one in report.by_class),
        *((f"Reason {one.reason}", *_sums(one)) for one in report.by_reason),
        ("Fields that could not be read", len(report.unreadable)),
    ]


def _sums(one: Sum) -> tuple[Cell, ...]:
    return (one.lines, *_euros(one))


def _figures(one: ComparedLine) -> tuple[Cell, ...]:
    return (*_about(one), one.invoiced_recipients, one.computed_recipients, *_euros(one))


def _euros(one: Sum | ComparedLine) -> tuple[float, ...]:
    return (one.invoiced_cents / 100, one.computed_cents / 100, one.difference_cents / 100)


def _about(place: Place) -> tuple[str, ...]:
    known = MUNICIPALITIES.get(place.municipality)
    return (place.municipality, known.name_fi if known else "", place.month, place.benefit, place.cost_class)


def _differing(one: DifferingLine) -> tuple[Cell, ...]:
    elsewhere = "; ".join(" ".join(_about(place)) for place in one.elsewhere)
    return (*_figures(one), one.reason.value, MEANINGS[one.reason], elsewhere)


def _definitions(report: InvoiceReport) -> list[Sequence[Cell]]:
    basis = f"Scheme {report.scheme}, all facts known on {report.as_of}."
    return [("Basis", basis), *_TERMS, *((reason.value, meaning) for reason, meaning in MEANINGS.items())]


class _Sheets:
    """Adds tables to a workbook, each on a sheet of its own, with a heading that stays in sight."""

    def __init__(self, book: Workbook) -> None:
        self._book = book
        self._heading = book.add_format({"bold": True, "bottom": 1, "text_wrap": True, "valign": "top"})
        plain, wrapped = {"valign": "top"}, {"valign": "top", "text_wrap": True}
        self._formats = {
            "text": book.add_format(wrapped),
            "long": book.add_format(wrapped),
            "number": book.add_format(plain),
            "euros": book.add_format(plain | {"num_format": "#,##0.00"}),
        }

    def add(self, name: str, heading: Sequence[tuple[str, str]], rows: Iterable[Sequence[Cell]]) -> None:
        """Write a table; the heading gives each column its title and the kind of its cells."""
        sheet = self._book.add_worksheet(name)
        sheet.freeze_panes(1, 0)
        for column, (title, kind) in enumerate(heading):
            sheet.set_column(column, column, _WIDTHS[kind], self._formats[kind])
            sheet.write_string(0, column, title, self._heading)
        for number, row in enumerate(rows, 1):
            for column, cell in enumerate(row):
                if isinstance(cell, str):
                    sheet.write_string(number, column, cell)
                else:
                    sheet.write_number(number, column, cell)
