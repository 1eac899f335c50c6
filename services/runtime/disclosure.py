"""Disclosure control: what of a table of clients may leave Askelma. Pure.

As in Finland's register statistics, 0 is shown and 1 to 4 are hidden. Beside that, a total that has a hidden part is
hidden too, along every dimension: so no published number contains a hidden one, and none follows by subtraction.
Matrices are published without totals but beside other figures of the same clients, so further cells are hidden, until
no line of theirs gives a small count to who has its total from elsewhere (decision 0016).
"""

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from importlib.resources import files
from itertools import product
from typing import Final

from pydantic import BaseModel, ConfigDict, Field
from yaml import safe_load

TOTAL: Final = "*"
"""Stands in a key for the total over that dimension."""

Key = tuple[str, ...]


class _Entry(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    since: date = Field(alias="from")
    value: int = Field(ge=1)
    source: str


class _Rules(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    smallest_shown: tuple[_Entry, ...] = Field(min_length=1)


def _rules() -> _Rules:
    return _Rules.model_validate(safe_load(files("services.runtime").joinpath("rules", "disclosure.yaml").read_text()))


_SMALLEST_SHOWN: Final = sorted(_rules().smallest_shown, key=lambda entry: entry.since)


def smallest_shown_on(day: date) -> int:
    """Return the smallest count of clients, other than 0, that a publication as of `day` may show."""
    return [entry.value for entry in _SMALLEST_SHOWN if entry.since <= day or entry is _SMALLEST_SHOWN[0]][-1]


SMALLEST_SHOWN: Final = _SMALLEST_SHOWN[-1].value
"""The newest of these figures."""


@dataclass(frozen=True, slots=True)
class Table:
    """Counts of clients by full key, one category for each dimension; an absent key counts 0.

    All figures that are published together about the same clients belong in one table. Raises ValueError for a key
    of another length, a category named `*` or a negative count.
    """

    dimensions: tuple[str, ...]
    cells: Mapping[Key, int]

    def __post_init__(self) -> None:
        for key, count in self.cells.items():
            if len(key) != len(self.dimensions):
                raise ValueError(f"a key must have one category for each of {', '.join(self.dimensions)}")
            if TOTAL in key:
                raise ValueError("a table is given without its totals; * is no category")
            if count < 0:
                raise ValueError("a count of clients is not negative")

    @property
    def keys(self) -> Iterator[Key]:
        """All combinations of the categories that occur, with `*` for totals."""
        categories = [sorted({key[place] for key in self.cells}) for place in range(len(self.dimensions))]
        return product(*([*each, TOTAL] for each in categories))


def _covering(key: Key) -> Iterator[Key]:
    """Yield `key` and every total that it is a part of."""
    return product(*((category,) if category == TOTAL else (category, TOTAL) for category in key))


def _with_totals(table: Table, cells: Mapping[Key, int]) -> dict[Key, int]:
    sums: defaultdict[Key, int] = defaultdict(int)
    for key, value in cells.items():
        for total in _covering(key):
            sums[total] += value
    return {key: sums[key] for key in table.keys}


def disclose(table: Table, smallest: int = SMALLEST_SHOWN) -> Mapping[Key, int | None]:
    """Return every cell and every total of `table`, None where it is hidden.

    Hidden are counts from 1 to below `smallest`, and all totals of which a hidden count is a part. The keys are all
    combinations of the categories that occur, `*` for a total over a dimension; a table without cells gives none.
    """
    counts = _with_totals(table, table.cells) if table.cells else {}
    hidden = {total for key, count in counts.items() if 0 < count < smallest for total in _covering(key)}
    return {key: None if key in hidden else count for key, count in counts.items()}


def disclose_matrices(table: Table, smallest: int = SMALLEST_SHOWN) -> Mapping[Key, int | None]:
    """Return the matrix of each place, and of all places together (`*`), without totals, None where it is hidden.

    `table` has the dimensions place, row and column. A place's matrix has the rows and the columns in which anybody is
    counted there, that of `*` the cells of any place; beside them all is 0. Hidden are counts from 1 to below
    `smallest`, and further ones, so that who learns a total elsewhere gets none of them by subtracting what is shown:
    in every line (a row, a column, a whole matrix, or one cell at all places) of at least `smallest` clients the
    hidden cells, if any, are several, count at least `smallest` together and are not all 1. The least shown count of
    the line goes first, zeros last, ties by key; a line that is hidden as a whole is left as it is. A cell of `*` is
    hidden just where a part of it is. Each line is judged by itself: this does not withstand everybody who has the
    totals of many lines and solves them together. Raises ValueError for other dimensions.

    A pass over the lines looks at each cell four times, and each but the last hides at least one: n cells take O(n²)
    at worst, and two or three passes as a rule.
    """
    if len(table.dimensions) != len(("place", "row", "column")):
        raise ValueError("matrices have the dimensions place, row and column")
    counts = _matrices(table.cells)
    lines = _lines(counts)
    hidden = {key for key, count in counts.items() if 0 < count < smallest}
    so_far = -1
    while so_far < len(hidden):
        so_far = len(hidden)
        for total, line in lines.items():
            if _gives_away(line, hidden, counts, smallest):
                hidden |= _least(line - hidden, counts)
            if total in hidden and hidden.isdisjoint(line):
                hidden |= _least(line, counts)
            if total in counts and not hidden.isdisjoint(line):
                hidden.add(total)
    return {key: None if key in hidden else count for key, count in counts.items()}


def _matrices(cells: Mapping[Key, int]) -> dict[Key, int]:
    rows: defaultdict[str, set[str]] = defaultdict(set)
    columns: defaultdict[str, set[str]] = defaultdict(set)
    for (place, row, column), count in cells.items():
        if count:
            rows[place].add(row)
            columns[place].add(column)
    counts: defaultdict[Key, int] = defaultdict(int)
    for place, in_rows in rows.items():
        for row, column in product(in_rows, columns[place]):
            counts[place, row, column] = cells.get((place, row, column), 0)
            counts[TOTAL, row, column] += counts[place, row, column]
    return dict(sorted(counts.items()))


def _lines(counts: Mapping[Key, int]) -> dict[Key, set[Key]]:
    """Return the cells of every line by the key of its total; only the total of a cell at all places is a cell too."""
    lines: defaultdict[Key, set[Key]] = defaultdict(set)
    for key in counts:
        place, row, column = key
        for total in ((place, row, TOTAL), (place, TOTAL, column), (place, TOTAL, TOTAL)):
            lines[total].add(key)
        if place != TOTAL:
            lines[TOTAL, row, column].add(key)
    return dict(lines)


def _gives_away(line: Collection[Key], hidden: Collection[Key], counts: Mapping[Key, int], smallest: int) -> bool:
    """Tell whether the total of `line` would tell its hidden cells; one below `smallest` is hidden wherever it is."""
    inside = [counts[key] for key in line if key in hidden]
    if not inside or sum(counts[key] for key in line) < smallest:
        return False
    return len(inside) == 1 or sum(inside) < smallest or set(inside) == {1}


def _least(line: Collection[Key], counts: Mapping[Key, int]) -> set[Key]:
    """Return the cell of `line` to hide next; nothing where it has none left."""
    return set(sorted(line, key=lambda key: (counts[key] == 0, counts[key], key))[:1])


def disclose_amounts(shown: Mapping[Key, int | None], amounts: Mapping[Key, int]) -> Mapping[Key, int | None]:
    """Return sums of money for every key of `shown`, None where the count of their clients is hidden.

    `shown` is what `disclose` gave for the counts; `amounts` are cents by full key, absent ones 0. Raises ValueError
    for an amount at a key that no count stands at or where nobody is counted: money without clients cannot be judged.
    """
    sums: defaultdict[Key, int] = defaultdict(int)
    for key, cents in amounts.items():
        if TOTAL in key or shown.get(key, 0) == 0:
            raise ValueError("an amount stands where no client is counted, or at a total")
        for total in _covering(key):
            sums[total] += cents
    return {key: None if count is None else sums[key] for key, count in shown.items()}
