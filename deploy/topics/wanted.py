"""The settings that each topic of the table needs on a broker."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from contracts.topics import COMPACTION_LAG_MS, INTAKE, TOPICS, Topic, intake_topic

# With three copies, two of which must have a record before it counts, one broker may be away and nothing is lost.
COPIES: Final = 3
COPIES_BEFORE_CONFIRMING: Final = 2


@dataclass(frozen=True, slots=True)
class WantedTopic:
    """A topic by its real name, with the broker's settings for it."""

    name: str
    partitions: int
    settings: Mapping[str, str]


def wanted_topics(senders: Sequence[str], copies: int) -> tuple[WantedTopic, ...]:
    """Return every topic of the table, the intake topic once for each of `senders`."""
    return tuple(
        WantedTopic(name, topic.partitions, _settings(topic, copies))
        for topic in TOPICS
        for name in (map(intake_topic, senders) if topic is INTAKE else (topic.name,))
    )


def _settings(topic: Topic, copies: int) -> dict[str, str]:
    settings = {
        "cleanup.policy": topic.cleanup,
        "min.insync.replicas": str(COPIES_BEFORE_CONFIRMING if copies >= COPIES else 1),
    }
    if topic.cleanup == "compact":
        return settings | {"max.compaction.lag.ms": str(COMPACTION_LAG_MS)}
    return settings | {"retention.ms": str(topic.retention_ms)}
