"""What a finance officer's own table of payments would cost under a scheme: text in, rows and a total out.

No broker and no database. Errors name line and field and never repeat what a row holds.
"""

import csv
import io
import json
import re
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Final, Literal, TypeVar, get_args

from contracts.facts import MOST_CENTS, MOST_COUNTED, MOST_DAYS
from services.incentives.domain.engine import Assessment, assess
from services.incentives.domain.payments import (
    NO_STEPS,
    CounterSets,
    Payment,
    Steps,
    StepsOfPayments,
    column,
    counter_sets,
    payments_in_order,
)
from services.incentives.domain.schemes import STEPS, Basis, Benefit, Scheme
from services.incentives.rule_files import rule_book

_REQUIRED: Final = ("client", "period_start", "period_end", "days", "basis", "basic_part_cents")
_OPTIONAL: Final = ("paid_cents", "batch", "posted_on", "benefit", "entitlement", "step", "counter_before")
COLUMNS: Final = _REQUIRED + _OPTIONAL

_SHOWN_ERRORS: Final = 20
"""More would not help to mend the table, and would bury the first ones."""

Entitlement = Literal["labour_market_subsidy", "basic_allowance"]
T = TypeVar("T", bound=str)


@dataclass(frozen=True, slots=True)
class RowError:
    """What is wrong with a field of a line; line 1 is the header."""

    line: int
    field: str
    text: str

    def __str__(self) -> str:
        return f"line {self.line}, {self.field}: {self.text}"


class PaymentTableError(ValueError):
    """The table cannot be used; `errors` says where and why, in order of lines."""

    def __init__(self, errors: Sequence[RowError]) -> None:
        self.errors = tuple(sorted(errors, key=lambda error: error.line))
        shown = [str(error) for error in self.errors[:_SHOWN_ERRORS]]
        more = len(self.errors) - len(shown)
        super().__init__("\n".join([*shown, *([f"and {more} more"] if more else [])]))


class UnknownSchemeError(ValueError):
    """There is no scheme of that name; the text lists those there are."""


@dataclass(frozen=True, slots=True)
class SimulatedRow:
    """The days of one payment that fall into one class, and the municipality's share of them."""

    client: str
    period_start: date
    period_end: date
    cost_class: str
    days: int
    percent: Decimal
    cents: int


@dataclass(frozen=True, slots=True)
class Simulation:
    """All rows under one scheme in the order of the file, classes ascending."""

    scheme: str
    label: str
    rows: tuple[SimulatedRow, ...]

    @property
    def total_cents(self) -> int:
        """The municipality's share of all payments, in cents."""
        return sum(row.cents for row in self.rows)

    def as_json(self) -> str:
        """Return the result as one JSON object; money is cents, percent a number."""
        return json.dumps(
            {"scheme": self.scheme, "total_cents": self.total_cents, "rows": [_json_row(row) for row in self.rows]},
            ensure_ascii=False,
            indent=2,
        )

    def as_table(self) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
        """Return heading and lines of text for a terminal; money in euros, the total in the last line."""
        heading = ("client", "period", "class", "days", "percent", "euros")
        lines = [
            (
                row.client, f"{row.period_start} – {row.period_end}", row.cost_class,
                str(row.days), f"{row.percent.normalize():f} %", _euros(row.cents),
            )
            for row in self.rows
        ]  # fmt: skip
        return heading, [
            *lines,
            ("total", "", "", str(sum(row.days for row in self.rows)), "", _euros(self.total_cents)),
        ]


def _json_row(row: SimulatedRow) -> dict[str, str | int | float]:
    whole = row.percent == row.percent.to_integral_value()
    return {
        "client": row.client,
        "period_start": row.period_start.isoformat(),
        "period_end": row.period_end.isoformat(),
        "class": row.cost_class,
        "days": row.days,
        "percent": int(row.percent) if whole else float(row.percent),
        "cents": row.cents,
    }


def _euros(cents: int) -> str:
    return f"{cents // 100:,}.{cents % 100:02d}".replace(",", " ")  # no-break spaces, as the SI sets figures


@dataclass(frozen=True, slots=True)
class _Row:
    """One line of the table; `batch` and `counter_before` None where the cell is empty."""

    line: int
    client: str
    payment: Payment
    stated_posting: bool
    batch: str | None
    step: int | None
    counter_before: int | None


def simulate(csv_text: str, scheme: str, own: Sequence[Path] = ()) -> Simulation:
    """Return what the payments in `csv_text` cost under `scheme`, one of those shipped or of the files `own`.

    Columns are `client,period_start,period_end,days,basis,basic_part_cents` and optionally `paid_cents`, `batch`,
    `posted_on`, `benefit`, `entitlement`, `step`, `counter_before`, separated by `,` or `;`. One bad row refuses the
    whole table: PaymentTableError. A name that is no scheme's: UnknownSchemeError. A scheme file that cannot be used:
    RuleFileError.
    """
    schemes = _schemes(tuple(own))
    if scheme not in schemes:
        raise UnknownSchemeError(f"there is no scheme of that name; there are: {', '.join(schemes)}")
    chosen = schemes[scheme]
    rows = _rows(csv_text, chosen)
    errors = [*_batch_errors(rows), *_period_errors(rows, chosen), *_counter_errors(rows, chosen)]
    if errors:
        raise PaymentTableError(errors)
    return _simulated(chosen, rows)


@cache
def _schemes(own: tuple[Path, ...]) -> Mapping[str, Scheme]:
    return rule_book(own=own).schemes


def _simulated(scheme: Scheme, rows: Sequence[_Row]) -> Simulation:
    # Rows that are equal in counter order keep the file's order because the sort by which both lists go is stable.
    ordered = sorted(rows, key=lambda row: row.payment.counter_order)
    payments = payments_in_order(row.payment for row in ordered)
    steps: Steps = StepsOfPayments(column(row.step or 0 for row in ordered)) if scheme.needs_steps() else NO_STEPS
    clients = 1 + max((row.payment.client for row in rows), default=-1)
    assessment = assess(scheme, payments, _counters_before(rows, scheme), steps, clients)
    by_row = defaultdict(list)
    for row, simulated in _pieces(assessment, ordered):
        by_row[row.line].append(simulated)
    return Simulation(scheme.name, scheme.labels["en"], tuple(piece for row in rows for piece in by_row[row.line]))


def _pieces(assessment: Assessment, ordered: Sequence[_Row]) -> list[tuple[_Row, SimulatedRow]]:
    pieces, classes = assessment.pieces, assessment.scheme.classes
    columns = zip(
        pieces.payment.tolist(), pieces.cost_class.tolist(), pieces.days.tolist(), pieces.cents.tolist(), strict=True
    )
    found = []
    for payment, position, days, cents in columns:
        row, of_class = ordered[payment], classes[position]
        percent = Decimal(of_class.percent_bp) / 100
        period = (row.payment.period_start, row.payment.period_end)
        found.append((row, SimulatedRow(row.client, *period, of_class.name, days, percent, cents)))
    return found


def _counters_before(rows: Sequence[_Row], scheme: Scheme) -> CounterSets:
    """Return the stated counters, each holding before the client's first payment, under `law` of that law."""
    first_posting: dict[tuple[int, int | None], date] = {}
    for row in rows:
        key = (row.payment.client, _law_of(row, scheme))
        first_posting[key] = min(first_posting.get(key, row.payment.posted_on), row.payment.posted_on)
    return counter_sets(
        [
            (client, scheme.periods[law or 0].rule.counter, first_posting[client, law], row.counter_before)
            for row in rows
            if row.counter_before is not None
            for client, law in [(row.payment.client, _law_of(row, scheme))]
        ]
    )


def _law_of(row: _Row, scheme: Scheme) -> int | None:
    return scheme.period_on(row.payment.period_start)


def _counter_errors(rows: Sequence[_Row], scheme: Scheme) -> list[RowError]:
    seen: set[tuple[int, int | None]] = set()
    errors = []
    for row in rows:
        key = (row.payment.client, _law_of(row, scheme))
        if row.counter_before is not None and key in seen:
            text = "stands only on a client's first row in the file, under law also on the first row of the other law"
            errors.append(RowError(row.line, "counter_before", text))
        seen.add(key)
    return errors


def _period_errors(rows: Sequence[_Row], scheme: Scheme) -> list[RowError]:
    errors = []
    for row in rows:
        position = _law_of(row, scheme)
        if position is None:
            text = f"no law that is known here holds for it; the first one begins on {scheme.periods[0].start}"
            errors.append(RowError(row.line, "period_start", text))
            continue
        end = scheme.periods[position].end
        if end is not None and row.payment.period_end >= end:
            text = f"the period runs over {end}, when the law changed; split the row there"
            errors.append(RowError(row.line, "period_end", text))
    return errors


def _batch_errors(rows: Sequence[_Row]) -> list[RowError]:
    posted: dict[tuple[int, str], date] = {}
    errors = []
    for row in rows:
        if row.batch is None or not row.stated_posting:
            continue
        known = posted.setdefault((row.payment.client, row.batch), row.payment.posted_on)
        if known != row.payment.posted_on:
            errors.append(RowError(row.line, "posted_on", "differs from that of an earlier row of the same batch"))
    return errors


def _rows(csv_text: str, scheme: Scheme) -> list[_Row]:
    lines = _lines(csv_text)
    header = _header(lines, scheme)
    clients: dict[str, int] = {}
    rows, errors = [], []
    for line, cells in lines[1:]:
        reader = _CellReader(line, header, cells)
        row = _row(reader, clients, scheme)
        if row is None or reader.errors:
            errors += reader.errors
        else:
            rows.append(row)
    if errors:
        raise PaymentTableError(errors)
    return rows


def _lines(csv_text: str) -> list[tuple[int, list[str]]]:
    """Return the cells of each line that is not blank, with its number in the file."""
    text = csv_text.removeprefix("\ufeff")
    first = next((line for line in text.splitlines() if line.strip()), "")
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=";" if ";" in first else ",", strict=True)
    lines, begun = [], 1
    try:
        for cells in reader:
            if any(cell.strip() for cell in cells):
                lines.append((begun, [cell.strip() for cell in cells]))
            begun = reader.line_num + 1
    except csv.Error:
        raise PaymentTableError(
            [RowError(begun, "line", "its quotation marks do not match, or it is not text")]
        ) from None
    return lines


def _header(lines: Sequence[tuple[int, list[str]]], scheme: Scheme) -> list[str]:
    if not lines:
        raise PaymentTableError([RowError(1, "header", f"the table is empty; its first line is {','.join(_REQUIRED)}")])
    line, names = lines[0]
    needed = (*_REQUIRED, *(("step",) if scheme.needs_steps() else ()))
    errors = [
        RowError(line, name, f"this column is missing{_for_scheme(name, scheme)}")
        for name in needed
        if name not in names
    ]
    # What stands there is not repeated: where the header is missing, it is a person's data.
    errors += [
        RowError(line, f"column {number}", f"is none of the columns {', '.join(COLUMNS)}")
        for number, name in enumerate(names, 1)
        if name not in COLUMNS
    ]
    errors += [RowError(line, name, "this column stands twice") for name in COLUMNS if names.count(name) > 1]
    if errors:
        raise PaymentTableError(errors)
    return names


def _for_scheme(name: str, scheme: Scheme) -> str:
    return f"; {scheme.name} needs it" if name == "step" else ""


_DATE: Final = re.compile(r"\d{4}-\d{2}-\d{2}")
_WHOLE: Final = re.compile(r"\d{1,12}")


class _CellReader:
    """Reads the cells of one line and gathers what is wrong with them."""

    def __init__(self, line: int, header: Sequence[str], cells: Sequence[str]) -> None:
        self.line = line
        self.errors: list[RowError] = []
        self._cells: Mapping[str, str] = dict(zip(header, cells, strict=False))
        if len(cells) != len(header):
            self._refuse("line", f"has {len(cells)} cells where the header has {len(header)}")

    def _refuse(self, field: str, text: str) -> None:
        self.errors.append(RowError(self.line, field, text))

    def _cell(self, field: str) -> str | None:
        return self._cells.get(field) or None

    def _required(self, field: str) -> str | None:
        cell = self._cell(field)
        if cell is None:
            self._refuse(field, "is empty")
        return cell

    def text(self, field: str) -> str | None:
        return self._required(field)

    def optional_text(self, field: str) -> str | None:
        return self._cell(field)

    def day(self, field: str) -> date | None:
        return self._day(field, self._required(field))

    def optional_day(self, field: str) -> date | None:
        return self._day(field, self._cell(field))

    def _day(self, field: str, cell: str | None) -> date | None:
        if cell is None:
            return None
        try:
            return date.fromisoformat(cell if _DATE.fullmatch(cell) else "")
        except ValueError:
            self._refuse(field, "is not a date such as 2025-10-31")
            return None

    def whole(self, field: str, least: int, most: int) -> int | None:
        return self._whole(field, self._required(field), least, most)

    def optional_whole(self, field: str, least: int, most: int) -> int | None:
        return self._whole(field, self._cell(field), least, most)

    def _whole(self, field: str, cell: str | None, least: int, most: int) -> int | None:
        if cell is None:
            return None
        number = int(cell) if _WHOLE.fullmatch(cell) and cell.isascii() else -1
        if not least <= number <= most:
            hint = "; cents, so 744.20 € is 74420" if field.endswith("_cents") else ""
            self._refuse(field, f"is not a whole number from {least} to {most}{hint}")
            return None
        return number

    def one_of(self, field: str, allowed: Sequence[T]) -> T | None:
        return self._one_of(field, self._required(field), allowed)

    def optional_one_of(self, field: str, allowed: Sequence[T]) -> T | None:
        return self._one_of(field, self._cell(field), allowed)

    def _one_of(self, field: str, cell: str | None, allowed: Sequence[T]) -> T | None:
        found = next((value for value in allowed if value == cell), None)
        if cell is not None and found is None:
            self._refuse(field, f"is none of {', '.join(allowed)}")
        return found

    def refuse_if(self, wrong: Callable[[], bool], field: str, text: str) -> None:
        """Look at several cells together, once each of them could be read."""
        if not self.errors and wrong():
            self._refuse(field, text)


def _row(cells: _CellReader, clients: dict[str, int], scheme: Scheme) -> _Row | None:
    client = cells.text("client")
    start, end = cells.day("period_start"), cells.day("period_end")
    days = cells.whole("days", 1, MOST_DAYS)
    basis = cells.one_of("basis", get_args(Basis))
    basic_part = cells.whole("basic_part_cents", 1, MOST_CENTS)
    paid = cells.optional_whole("paid_cents", 1, MOST_CENTS)
    posted_on = cells.optional_day("posted_on")
    benefit: Benefit = cells.optional_one_of("benefit", get_args(Benefit)) or "labour_market_subsidy"
    entitlement = cells.optional_one_of("entitlement", get_args(Entitlement))
    step = _step(cells, scheme)
    counter_before = cells.optional_whole("counter_before", 0, MOST_COUNTED)
    if client is None or start is None or end is None or days is None or basis is None or basic_part is None:
        return None
    cells.refuse_if(lambda: end < start, "period_end", "lies before period_start")
    cells.refuse_if(
        lambda: paid is not None and paid < basic_part,
        "basic_part_cents",
        "is more than paid_cents, of which it is a part",
    )
    cells.refuse_if(
        lambda: entitlement is not None and benefit != "general_support",
        "entitlement",
        "goes with general_support only",
    )
    batch = cells.optional_text("batch")
    payment = Payment(
        client=clients.setdefault(client, len(clients)),
        posted_on=posted_on or end,
        batch=batch or "",
        period_start=start,
        period_end=end,
        days=days,
        benefit=benefit,
        basis=basis,
        paid_cents=basic_part if paid is None else paid,
        basic_part_cents=basic_part,
        entitlement=entitlement or "labour_market_subsidy",
        source="" if batch else f"{cells.line:09}",  # a batch of its own; the sort keeps the order of the file
    )
    return _Row(cells.line, client, payment, posted_on is not None, batch, step, counter_before)


def _step(cells: _CellReader, scheme: Scheme) -> int | None:
    read = cells.whole if scheme.needs_steps() else cells.optional_whole
    return read("step", STEPS.start, STEPS.stop - 1)
