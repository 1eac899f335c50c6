"""The mapping file of an import: read, and checked before the first row is."""

import codecs
import tomllib
from collections.abc import Iterable, Iterator
from enum import StrEnum
from pathlib import Path
from string import Formatter
from typing import Annotated, Final, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Discriminator,
    Field,
    StringConstraints,
    Tag,
    ValidationError,
    model_validator,
)

from contracts.facts import DOOR_PAYLOADS, FACT_PREFIX
from contracts.faults import faults_of
from contracts.text import SourceName

_HETU: Final = "hetu:"


class MappingError(ValueError):
    """The mapping file cannot be used; the text names the place and says why."""


class As(StrEnum):
    """What a cell is read as."""

    TEXT = "text"
    DATE = "date"
    INTEGER = "integer"
    DECIMAL = "decimal"
    EUROS = "euros"


def columns_of(template: str) -> frozenset[str]:
    """Return the columns that a template such as `{person}-{month}` names. Raises ValueError."""
    return frozenset(name for _, name, _, _ in Formatter().parse(template) if name is not None)


def _sound(template: str) -> str:
    parts = list(Formatter().parse(template))
    if any(form or conversion or name == "" for _, name, form, conversion in parts):
        raise ValueError("must name columns as {column}, nothing more")
    return template


def _known_encoding(name: str) -> str:
    try:
        codecs.lookup(name)
    except LookupError:
        raise ValueError("is not an encoding known here, such as utf-8 or latin-1") from None
    return name


Template = Annotated[str, StringConstraints(min_length=1), AfterValidator(_sound)]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class FileForm(_Part):
    """How the file is written."""

    delimiter: Annotated[str, StringConstraints(min_length=1, max_length=1)] = ","
    encoding: Annotated[str, AfterValidator(_known_encoding)] = "utf-8"
    date_format: str = "%Y-%m-%d"
    decimal: Literal[".", ","] = "."


class Cell(_Part):
    """A value from a column. An empty cell leaves an `optional` field out and is a problem otherwise.

    `last_day`: the column holds the last day on which something held; the fact has the first day on which it does not.
    """

    column: str
    table: str | None = None
    read_as: Annotated[As, Field(alias="as")] = As.TEXT
    format: str | None = None
    last_day: bool = False
    optional: bool = False


class Moment(_Part):
    """When the fact happened: a day or a moment of Finland's clocks."""

    column: str
    format: str | None = None
    last_day: bool = False


class Condition(_Part):
    """A row gives the fact only if this holds of a column."""

    column: str
    filled: bool | None = None
    equals: str | None = None
    one_of: tuple[str, ...] | None = None

    @model_validator(mode="after")
    def _says_one_thing(self) -> Self:
        if sum(said is not None for said in (self.filled, self.equals, self.one_of)) != 1:
            raise ValueError("must say exactly one of filled, equals and one_of")
        return self

    def holds(self, cell: str) -> bool:
        """Tell whether the condition holds of a cell."""
        if self.filled is not None:
            return bool(cell) is self.filled
        return cell == self.equals if self.one_of is None else cell in self.one_of


def _kind_of(value: object) -> str:
    if isinstance(value, dict):
        return "cell" if "column" in value else "table"
    return "cell" if isinstance(value, Cell) else "constant"


Constant = str | int | float
_Tagged = Annotated[Cell, Tag("cell")] | Annotated[Constant, Tag("constant")]
Value = Annotated[_Tagged, Discriminator(_kind_of)]
Data = dict[str, Annotated[_Tagged | Annotated[dict[str, Value], Tag("table")], Discriminator(_kind_of)]]


class FactMapping(_Part):
    """One fact that a row gives."""

    type: str
    id: Template
    subject: Template
    time: Moment
    when: tuple[Condition, ...] = ()
    data: Data = {}

    @property
    def full_type(self) -> str:
        """The type as it stands in the event."""
        return f"{FACT_PREFIX}{self.type}.v1"

    @property
    def cells(self) -> Iterator[Cell]:
        """All values that come from columns."""
        for value in self.data.values():
            nested: Iterable[Value] = value.values() if isinstance(value, dict) else (value,)
            yield from (one for one in nested if isinstance(one, Cell))

    @property
    def columns(self) -> frozenset[str]:
        """All columns that the fact needs."""
        named = {cell.column for cell in self.cells} | {self.time.column} | {one.column for one in self.when}
        return columns_of(self.id) | columns_of(self.subject) | named

    @model_validator(mode="after")
    def _of_a_known_type(self) -> Self:
        model = DOOR_PAYLOADS.get(self.full_type)
        if model is None:
            raise ValueError("type is not a type of fact known here, such as status.changed")
        unknown = self.data.keys() - {field.alias or name for name, field in model.model_fields.items()}
        if unknown:
            raise ValueError(f"data has a field that this type of fact has not: {min(unknown)}")
        return self

    @model_validator(mode="after")
    def _keeps_identity_codes_out_of_ids(self) -> Self:
        if self.subject.startswith(_HETU) and columns_of(self.id) & columns_of(self.subject):
            raise ValueError("id must not be made from the identity code; use a number of the row, case or decision")
        return self


class Mapping(_Part):
    """Which column means what: how the file is written, who speaks, value tables, and the facts of a row."""

    version: Literal[1]
    source: SourceName
    file: FileForm = FileForm()
    table: dict[str, dict[str, Constant]] = {}
    fact: Annotated[tuple[FactMapping, ...], Field(min_length=1)]

    @property
    def columns(self) -> frozenset[str]:
        """All columns that the file must have."""
        return frozenset(column for fact in self.fact for column in fact.columns)

    @model_validator(mode="after")
    def _names_its_tables(self) -> Self:
        named = {cell.table for fact in self.fact for cell in fact.cells if cell.table is not None}
        missing = named - self.table.keys()
        if missing:
            raise ValueError(f"there is no [table.{min(missing)}], which a fact names")
        return self


def load_mapping(path: Path) -> Mapping:
    """Read a mapping file. Raises MappingError that names each wrong place."""
    try:
        return Mapping.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
    except (OSError, UnicodeDecodeError) as error:
        raise MappingError(f"{path.name} cannot be read ({type(error).__name__}).") from None
    except tomllib.TOMLDecodeError as error:
        raise MappingError(f"{path.name} is not TOML: {error}.") from None
    except ValidationError as error:
        raise MappingError(f"{path.name} cannot be used: {faults_of(error)}.") from None
