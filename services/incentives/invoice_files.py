"""An insurer's invoice as a CSV file: lines and columns in, with what could not be read named by line and field.

No broker and no database. Errors never repeat what a row holds.
"""

import csv
import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cache
from typing import Final, TypeVar

from babel.dates import get_month_names

from contracts.codes import MUNICIPALITIES
from services.incentives.domain.invoices import InvoiceLine, Item
from services.incentives.domain.schemes import BENEFITS, Benefit

COLUMNS: Final[Mapping[str, tuple[str, ...]]] = {
    "municipality": ("kunta", "kommun"),
    "month": ("kuukausi", "månad"),
    "benefit": ("etuus", "förmån"),
    "class": ("vastuuporras", "ansvarssteg"),
    "recipients": ("saajat", "mottagare"),
    "euros": ("eurot", "euro"),
}
"""The columns of an invoice and their Finnish and Swedish names; others are passed over unread."""

_BENEFIT_NAMES: Final[Mapping[str, Benefit]] = {
    "työmarkkinatuki": "labour_market_subsidy", "arbetsmarknadsstöd": "labour_market_subsidy",
    "peruspäiväraha": "basic_allowance", "grunddagpenning": "basic_allowance",
    "ansiopäiväraha": "earnings_related", "inkomstrelaterad dagpenning": "earnings_related",
    "yleistuki": "general_support", "allmänt stöd": "general_support",
    **{name: name for name in BENEFITS},
}  # fmt: skip

_BOM: Final = b"\xef\xbb\xbf"


@dataclass(frozen=True, slots=True)
class Fault:
    """Why a field of a line cannot be read; `line` counts from 1, the header included."""

    line: int
    field: str
    reason: str


class InvoiceError(ValueError):
    """The file as a whole is no invoice; `faults` says where and why."""

    def __init__(self, faults: Sequence[Fault]) -> None:
        self.faults = tuple(faults)
        super().__init__("; ".join(f"line {fault.line}, {fault.field}: {fault.reason}" for fault in faults))


@dataclass(frozen=True, slots=True)
class Invoice:
    """What could be read of an invoice, and what could not; `unread` is what rows are about whose amounts could not."""

    lines: tuple[InvoiceLine, ...]
    faults: tuple[Fault, ...]
    unread: frozenset[Item]


def read_invoice(content: bytes, members: Collection[str], classes: Collection[str]) -> Invoice:
    """Read an invoice to the municipalities `members`, in the classes of cost named `classes`.

    The columns are those of COLUMNS, in any order, separated by `;` or `,`. A row that cannot be read spoils no other.
    Raises InvoiceError where the header lacks a column.
    """
    rows = [(number, raw) for number, raw in enumerate(content.removeprefix(_BOM).splitlines(), 1) if raw.strip(b" ;,")]
    if not rows:
        raise InvoiceError([Fault(1, "header", f"the file is empty; its first line is {';'.join(COLUMNS)}")])
    delimiter = ";" if b";" in rows[0][1] else ","
    form = _Form(delimiter, _header(*rows[0], delimiter), members, classes)
    read = [_read_row(number, raw, form) for number, raw in rows[1:]]
    return Invoice(
        tuple(one.line for one in read if one.line is not None),
        tuple(fault for one in read for fault in one.faults),
        frozenset(one.item for one in read if one.line is None and one.item is not None),
    )


def _header(number: int, raw: bytes, delimiter: str) -> list[str]:
    """Return the names of the columns in order, as COLUMNS has them; those passed over keep theirs."""
    try:
        names = [_column_of(cell) for cell in _cells(raw, delimiter)]
    except ValueError as error:
        raise InvoiceError([Fault(number, "header", str(error))]) from None
    faults = [
        Fault(number, name, f"this column is missing; it may also be called {' or '.join(others)}")
        for name, others in COLUMNS.items()
        if name not in names
    ]
    faults += [Fault(number, name, "this column stands twice") for name in COLUMNS if names.count(name) > 1]
    if faults:
        raise InvoiceError(faults)
    return names


def _column_of(cell: str) -> str:
    name = cell.casefold()
    return next((column for column, others in COLUMNS.items() if name in {column, *others}), name)


def _cells(raw: bytes, delimiter: str) -> list[str]:
    """Return the cells of one line; each is read by itself, so that an open quotation mark spoils no other."""
    try:
        [cells] = csv.reader([raw.decode("utf-8")], delimiter=delimiter, strict=True)
    except UnicodeDecodeError:
        raise ValueError("is not text in UTF-8; save the file as CSV in UTF-8") from None
    except csv.Error:
        raise ValueError("its quotation marks do not match") from None
    return [cell.strip() for cell in cells]


# --- one row ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Form:
    """What every row of a file is read by."""

    delimiter: str
    header: Sequence[str]
    members: Collection[str]
    classes: Collection[str]


@dataclass(frozen=True, slots=True)
class _ReadRow:
    """A row: its line, or the faults for which there is none, and what it is about as far as that could be read."""

    line: InvoiceLine | None
    faults: Sequence[Fault]
    item: Item | None = None


T = TypeVar("T")


class _Fields:
    """Reads the fields of one row and gathers what is wrong with them."""

    def __init__(self, number: int, cells: Mapping[str, str]) -> None:
        self.faults: list[Fault] = []
        self._number = number
        self._cells = cells

    def read(self, field: str, reading: Callable[[str], T]) -> T | None:
        text = self._cells[field]
        try:
            return reading(_filled(text))
        except ValueError as error:
            self.faults.append(Fault(self._number, field, str(error)))
            return None


def _filled(text: str) -> str:
    if not text:
        raise ValueError("is empty")
    return text


def _read_row(number: int, raw: bytes, form: _Form) -> _ReadRow:
    try:
        fields = _Fields(number, _named(form.header, _cells(raw, form.delimiter)))
    except ValueError as error:
        return _ReadRow(None, [Fault(number, "row", str(error))])
    municipality = fields.read("municipality", lambda text: _municipality(text, form.members))
    month = fields.read("month", _month)
    benefit = fields.read("benefit", _benefit)
    cost_class = fields.read("class", lambda text: _class(text, form.classes))
    recipients = fields.read("recipients", _recipients)
    cents = fields.read("euros", _cents)
    if municipality is None or month is None or benefit is None or cost_class is None:
        return _ReadRow(None, fields.faults)
    item = Item(municipality, month, benefit, cost_class)
    if recipients is None or cents is None:
        return _ReadRow(None, fields.faults, item)
    return _ReadRow(InvoiceLine(number, item, recipients, cents), [], item)


def _named(header: Sequence[str], cells: Sequence[str]) -> dict[str, str]:
    if len(cells) < len(header) or any(cells[len(header) :]):
        raise ValueError(
            f"has {len(cells)} cells where the header has {len(header)}; an amount with a comma needs quotation marks "
            "where commas separate the cells"
        )
    return dict(zip(header, cells, strict=False))


# --- one field -------------------------------------------------------------------------------------------------------

_CODE: Final = re.compile(r"[0-9]{1,3}")
_MONTHS: Final = tuple(
    re.compile(form)
    for form in (
        r"(?P<year>[12][0-9]{3})[-/.](?P<month>[0-9]{1,2})(-0?1)?",
        r"(0?1\.)?(?P<month>[0-9]{1,2})[./](?P<year>[12][0-9]{3})",
        r"(?P<year>[12][0-9]{3})(?P<month>[0-9]{2})",
        r"(?P<name>\w+) (?P<year>[12][0-9]{3})",
    )
)
"""2025-10, 10/2025, 10.2025, 202510 and lokakuu 2025; also 2025-10-01 and 1.10.2025, as spreadsheets write them."""

_SPACES: Final = " \N{NO-BREAK SPACE}\N{NARROW NO-BREAK SPACE}\N{THIN SPACE}"
_AMOUNTS: Final = (
    re.compile(rf"-?([0-9]{{1,12}}|[0-9]{{1,3}}([{_SPACES}][0-9]{{3}}){{1,3}})([.,](?P<cents>[0-9]{{1,2}}))?"),
    re.compile(r"-?[0-9]{1,3}(\.[0-9]{3}){1,3},(?P<cents>[0-9]{1,2})"),
    re.compile(r"-?[0-9]{1,3}(,[0-9]{3}){1,3}\.(?P<cents>[0-9]{1,2})"),
)
"""1234,56 and 1 234,56 with comma or point; 1.234,56 and 1,234.56 with both signs only: one alone may be either."""


def _municipality(text: str, members: Collection[str]) -> str:
    code = text.zfill(3) if _CODE.fullmatch(text) else _municipality_names().get(text.casefold())
    if code not in MUNICIPALITIES:
        raise ValueError("is no municipality of Finland; give its number, such as 167, or its name")
    if code not in members:
        raise ValueError("is not a municipality of your authority")
    return code


@cache
def _municipality_names() -> Mapping[str, str]:
    return {name.casefold(): one.code for one in MUNICIPALITIES.values() for name in (one.name_fi, one.name_sv)}


def _month(text: str) -> date:
    found = next(filter(None, (form.fullmatch(text) for form in _MONTHS)), None)
    if found is not None:
        told = found.groupdict()
        number = _month_names().get(told["name"].casefold(), 0) if "name" in told else int(told["month"])
        if number in range(1, 13):
            return date(int(told["year"]), number, 1)
    raise ValueError("is not a month such as 2025-10, 10/2025 or lokakuu 2025")


@cache
def _month_names() -> Mapping[str, int]:
    """Return the number of a month by its name in Finnish, Swedish or English, as it stands alone or in a date."""
    return {
        name.casefold(): number
        for language in ("fi", "sv", "en")
        for form in ("stand-alone", "format")
        for number, name in get_month_names("wide", form, language).items()
    }


def _benefit(text: str) -> Benefit:
    found = _BENEFIT_NAMES.get(text.casefold())
    if found is None:
        raise ValueError(f"is none of {', '.join(BENEFITS)}, nor the name of one in Finnish or Swedish")
    return found


_DASHES: Final = str.maketrans(dict.fromkeys("‐‑‒–—−", "-") | dict.fromkeys(_SPACES, ""))  # noqa: RUF001 - signs that look alike are meant


def _class(text: str, classes: Collection[str]) -> str:
    name = re.sub(r"\+$", "-", text.translate(_DASHES))
    if name not in classes:
        raise ValueError(f"is none of {', '.join(classes)}")
    return name


def _recipients(text: str) -> int:
    plain = text.translate(_DASHES)
    if not re.fullmatch("[0-9]{1,7}", plain):
        raise ValueError("is not a whole number")
    return int(plain)


def _cents(text: str) -> int:
    amount = text.removesuffix("€").removesuffix("EUR").strip().replace("\N{MINUS SIGN}", "-")
    found = next(filter(None, (form.fullmatch(amount) for form in _AMOUNTS)), None)
    if found is None:
        raise ValueError("is not an amount of euros such as 1234,56 or 1 234.56, with at most two decimals")
    cents = found["cents"] or ""
    whole = re.sub(r"[^0-9]", "", amount[: len(amount) - len(cents)])
    return (-1 if amount.startswith("-") else 1) * int(whole + cents.ljust(2, "0"))
