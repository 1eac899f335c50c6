"""The one table of topics; creation, access rules, AsyncAPI and documentation come from it."""

from dataclasses import dataclass
from typing import Final, Literal

Service = Literal["ingest", "indicators", "incentives", "notifier"]
DAY_MS: Final = 86_400_000


@dataclass(frozen=True, slots=True)
class Topic:
    """A topic: who writes it, who reads it, what its records are and how long they stay.

    `name` may hold `<sender>`, of which there is one topic each. `retention_ms` None: for ever (compacted).
    """

    name: str
    key: str
    payload: str
    partitions: int
    cleanup: Literal["delete", "compact"]
    retention_ms: int | None
    owner: Service | Literal["sender", "all"]
    readers: tuple[Service, ...]

    @property
    def groups(self) -> tuple[str, ...]:
        """The consumer groups whose progress the writers of embedded mode wait for."""
        return tuple(group_of(reader) for reader in self.readers)


def group_of(service: Service) -> str:
    """Return the consumer group of a service."""
    return f"askelma.{service}"


INTAKE: Final = Topic(
    "askelma.intake.<sender>.v1", "any", "CloudEvent as the sender writes it", 4, "delete", 7 * DAY_MS, "sender",
    ("ingest",),
)  # fmt: skip
FACTS: Final = Topic(
    "askelma.facts.v1", "subject", "Fact", 12, "delete", 30 * DAY_MS, "ingest", ("indicators", "incentives")
)
PATHWAYS: Final = Topic(
    "askelma.pathways.v1", "client", "PathwaySnapshot", 12, "compact", None, "indicators", ("incentives", "notifier")
)
EXPOSURES: Final = Topic(
    "askelma.exposures.v1", "client", "ExposureSnapshot", 12, "compact", None, "incentives", ("notifier",)
)
PARAMETERS: Final = Topic("askelma.parameters.v1", "authority/name", "Parameter", 1, "compact", None, "indicators", ())
ALERTS: Final = Topic("askelma.alerts.v1", "client", "AlertEvent", 12, "delete", 30 * DAY_MS, "notifier", ())
DEAD: Final = Topic("askelma.dead.v1", "as it came", "dead letter", 4, "delete", 30 * DAY_MS, "all", ())

TOPICS: Final = (INTAKE, FACTS, PATHWAYS, EXPOSURES, PARAMETERS, ALERTS, DEAD)

COMPACTION_LAG_MS: Final = 30 * DAY_MS
"""The longest that a superseded or erased snapshot may stay readable on a compacted topic."""


def intake_topic(sender: str) -> str:
    """Return the intake topic of one registered sender."""
    return INTAKE.name.replace("<sender>", sender)
