"""Rows of an export, each turned into the events that its mapping says, or into a problem with its line."""

import csv
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from string import Formatter
from typing import Final

from pydantic_core import to_json

from contracts.dates import HELSINKI
from services.ingest.importing.mapping import As, Cell, Constant, FactMapping, FileForm, Mapping, MappingError, Moment
from services.ingest.sending import LineProblem, Numbered

_CENTS: Final = 100
_NUMBER: Final = {sign: re.compile(rf"-?[0-9]{{1,12}}(\{sign}[0-9]{{1,6}})?") for sign in ".,"}
_WHOLE: Final = re.compile(r"-?[0-9]{1,12}")
_TIME_SIGNS: Final = ("%H", "%I", "%X", "%T")

Row = dict[str, str]


class _CellError(ValueError):
    """A cell cannot be used; the text names the column, never what it holds."""


def read_rows(path: Path, mapping: Mapping) -> Iterator[Numbered | LineProblem]:
    """Read an export and yield its events, with their lines, and a problem for each row or fact that gives none.

    The same file gives the same events with the same ids, so importing it twice changes nothing. Raises OSError, and
    MappingError where the file lacks a column that the mapping names.
    """
    # Bytes that are not of the encoding become signs that no text has, and so spoil their own row only.
    encoding = "utf-8-sig" if mapping.file.encoding.lower() in {"utf-8", "utf8"} else mapping.file.encoding
    with path.open(encoding=encoding, errors="surrogateescape", newline="") as file, _in_its_encoding():
        reader = csv.reader(file, delimiter=mapping.file.delimiter)
        header = [name.strip() for name in next(reader, [])]
        _has_columns(header, mapping)
        for cells in _lines(reader):
            yield from _of_row(reader.line_num, header, cells, mapping)


@contextmanager
def _in_its_encoding() -> Iterator[None]:
    try:
        yield
    except UnicodeError:
        raise MappingError("The file is not text in the encoding that the mapping names.") from None


def _has_columns(header: list[str], mapping: Mapping) -> None:
    missing = sorted(mapping.columns - set(header))
    if missing:
        raise MappingError(
            f"The file has no column {', '.join(missing)}, which the mapping names. Check the names and the delimiter."
        )


def _lines(reader: Iterator[list[str]]) -> Iterator[list[str] | None]:
    while True:
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error:
            yield None
            continue
        if any(cell.strip() for cell in cells):
            yield cells


def _of_row(
    line: int, header: list[str], cells: list[str] | None, mapping: Mapping
) -> Iterator[Numbered | LineProblem]:
    if cells is None or len(cells) != len(header):
        yield LineProblem(line, "The row does not have as many cells as the header.")
        return
    row = {name: cell.strip() for name, cell in zip(header, cells, strict=True)}
    if any("\udc80" <= sign <= "\udcff" for cell in cells for sign in cell):
        yield LineProblem(line, "The row is not text in the encoding that the mapping names.")
        return
    for fact in mapping.fact:
        if all(condition.holds(row[condition.column]) for condition in fact.when):
            yield _numbered(line, row, fact, mapping)


def _numbered(line: int, row: Row, fact: FactMapping, mapping: Mapping) -> Numbered | LineProblem:
    try:
        return Numbered(line, to_json(_event(row, fact, mapping)))
    except _CellError as error:
        return LineProblem(line, f"{fact.type}: {error}")


def _event(row: Row, fact: FactMapping, mapping: Mapping) -> dict[str, object]:
    data = {name: _value(row, value, mapping) for name, value in fact.data.items()}
    return {
        "specversion": "1.0",
        "id": _filled(fact.id, row),
        "source": mapping.source,
        "type": fact.full_type,
        "subject": _filled(fact.subject, row),
        "time": _moment(row, fact.time, mapping.file),
        "datacontenttype": "application/json",
        "data": {name: value for name, value in data.items() if value is not None},
    }


def _filled(template: str, row: Row) -> str:
    return "".join(text + (row[column] if column else "") for text, column, _, _ in Formatter().parse(template))


def _value(row: Row, value: object, mapping: Mapping) -> object:
    if isinstance(value, dict):
        found = {name: _value(row, one, mapping) for name, one in value.items()}
        return {name: one for name, one in found.items() if one is not None} or None
    return _cell(row, value, mapping) if isinstance(value, Cell) else value


def _cell(row: Row, cell: Cell, mapping: Mapping) -> Constant | None:
    text = row[cell.column]
    if cell.table is not None:
        return _from_table(text, cell, mapping)
    if not text:
        if cell.optional:
            return None
        raise _CellError(f"column {cell.column} is empty.")
    return _READINGS[cell.read_as](text, cell, mapping.file)


def _from_table(text: str, cell: Cell, mapping: Mapping) -> Constant | None:
    found = mapping.table[cell.table or ""].get(text)
    if found is None and not cell.optional:
        raise _CellError(f"column {cell.column} holds a value that table {cell.table} does not list.")
    return found


def _date(text: str, cell: Cell, form: FileForm) -> str:
    return _day(text, cell.column, cell.format or form.date_format, cell.last_day).isoformat()


def _day(text: str, column: str, form: str, last_day: bool) -> date:  # noqa: FBT001 - the mapping's own word
    return _parsed(text, column, form).date() + timedelta(days=1 if last_day else 0)


def _parsed(text: str, column: str, form: str) -> datetime:
    try:
        return datetime.strptime(text, form).replace(tzinfo=HELSINKI)
    except ValueError:
        raise _CellError(f"column {column} holds no date written as {form}.") from None


def _moment(row: Row, moment: Moment, form: FileForm) -> str:
    text, written = row[moment.column], moment.format or form.date_format
    if not text:
        raise _CellError(f"column {moment.column} is empty.")
    if any(sign in written for sign in _TIME_SIGNS):
        return _parsed(text, moment.column, written).isoformat()
    day = _day(text, moment.column, written, moment.last_day)
    return datetime(day.year, day.month, day.day, tzinfo=HELSINKI).isoformat()


def _text(text: str, _cell: Cell, _form: FileForm) -> str:
    return text


def _integer(text: str, cell: Cell, _form: FileForm) -> int:
    if not _WHOLE.fullmatch(text):
        raise _CellError(f"column {cell.column} holds no whole number.")
    return int(text)


def _number(text: str, cell: Cell, form: FileForm) -> Decimal:
    plain = text.replace("\N{NO-BREAK SPACE}", "").replace(" ", "")
    if not _NUMBER[form.decimal].fullmatch(plain):
        raise _CellError(f"column {cell.column} holds no number; its decimal sign is {form.decimal} by the mapping.")
    return Decimal(plain.replace(",", "."))


def _decimal(text: str, cell: Cell, form: FileForm) -> float:
    return float(_number(text, cell, form))


def _euros(text: str, cell: Cell, form: FileForm) -> int:
    cents = _number(text, cell, form) * _CENTS
    if cents != int(cents):
        raise _CellError(f"column {cell.column} holds an amount with more than two decimals.")
    return int(cents)


_READINGS: Final[dict[As, Callable[[str, Cell, FileForm], Constant]]] = {
    As.TEXT: _text,
    As.DATE: _date,
    As.INTEGER: _integer,
    As.DECIMAL: _decimal,
    As.EUROS: _euros,
}
