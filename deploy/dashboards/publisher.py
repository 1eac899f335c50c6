"""The port through which dashboards reach a Grafana, and the values that cross it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, Protocol, TypeAlias

from pydantic import SecretStr

Json: TypeAlias = "Mapping[str, Json] | list[Json] | str | int | float | bool | None"
JsonObject: TypeAlias = Mapping[str, Json]

Kind = Literal["folder", "data source", "dashboard"]
Action = Literal["create", "update", "unchanged"]


class PublishingError(Exception):
    """Grafana cannot take what we want to publish; the text says what is wrong and what to do, in a sentence or two."""


@dataclass(frozen=True, slots=True)
class Folder:
    """The folder that holds our dashboards. One that exists keeps the title that people gave it."""

    uid: str
    title: str


@dataclass(frozen=True, slots=True)
class DataSource:
    """A data source by its stable uid. `secret` is write-only in Grafana and so takes no part in comparisons."""

    uid: str
    name: str
    type: str
    url: str
    user: str = ""
    database: str = ""
    settings: JsonObject = field(default_factory=dict)
    secret: SecretStr | None = None


@dataclass(frozen=True, slots=True)
class Wanted:
    """All that shall stand in Grafana. `mark` is the tag by which we know our own; dashboards carry it already."""

    folder: Folder
    data_sources: tuple[DataSource, ...]
    dashboards: tuple[JsonObject, ...]
    mark: str


@dataclass(frozen=True, slots=True)
class Change:
    """What publishing does, or would do, to one thing; `differences` are lines for people to read."""

    kind: Kind
    uid: str
    action: Action
    differences: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Plan:
    """The changes in the order in which they are made."""

    changes: tuple[Change, ...]

    @property
    def is_empty(self) -> bool:
        """True where Grafana already holds all that is wanted."""
        return all(change.action == "unchanged" for change in self.changes)


class DashboardPublisher(Protocol):
    """Brings a Grafana to a wanted state. Both methods raise PublishingError, and refuse what is not ours."""

    def plan(self, wanted: Wanted) -> Plan:
        """Return what `publish` would change, and change nothing."""
        ...

    def publish(self, wanted: Wanted) -> Plan:
        """Make the changes and return them. Nothing is written where anything would have to be refused."""
        ...


def lines_of(plan: Plan) -> list[str]:
    """Return `plan` as text: one line a thing, its differences indented below."""
    lines = []
    for change in plan.changes:
        lines.append(f"{change.action:9} {change.kind} {change.uid}")
        lines.extend(f"          {difference}" for difference in change.differences)
    return lines
