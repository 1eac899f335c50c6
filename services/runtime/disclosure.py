"""Disclosure control: what of a table of clients may leave Askelma. Pure.

As in Finland's register statistics, 0 is shown and 1 to 4 are hidden. Beside that, a total that has a hidden part is
hidden too, along every dimension: so no published number contains a hidden one, and none follows by subtraction.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping
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
