"""Creates what is missing on a cluster and corrects settings; what cannot be corrected without harm is only told."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final, Literal

from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import KafkaError, for_code

from deploy.topics.wanted import COPIES, WantedTopic, wanted_topics

Action = Literal["create", "update", "unchanged", "differs"]

# Kafka's mark for a setting made on the topic itself (DescribeConfigs, config_source).
SET_ON_TOPIC: Final = 1
# Brokers learn of a change within a second; half a minute is a cluster in trouble.
LONGEST_WAIT_S: Final = 30.0
ASK_AGAIN_S: Final = 0.2


class TopicsError(Exception):
    """The cluster cannot be asked or changed; the text says why and what to do."""


@dataclass(frozen=True, slots=True)
class TopicChange:
    """What is done, or would be done, to one topic.

    `differs`: it has another number of partitions than the table says. That is told and left alone: adding partitions
    to a compacted topic moves keys, and the old snapshot of a moved key would stay readable for ever.
    """

    name: str
    action: Action
    differences: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Found:
    partitions: int
    settings: Mapping[str, str]
    own: Mapping[str, str]


async def plan(bootstrap: str, senders: Sequence[str] = ()) -> tuple[TopicChange, ...]:
    """Return what `apply` would do, and change nothing."""
    async with _admin(bootstrap) as admin:
        return tuple([change for _, _, change in await _compared(admin, senders)])


async def apply(bootstrap: str, senders: Sequence[str] = ()) -> tuple[TopicChange, ...]:
    """Create missing topics, correct settings, and return what was done. A second run says unchanged.

    `bootstrap` is `host:port`, several joined by commas; each of `senders` gets an intake topic. Raises TopicsError.
    """
    async with _admin(bootstrap) as admin:
        compared = await _compared(admin, senders)
        copies = await _copies(admin)
        await _create([wanted for wanted, _, change in compared if change.action == "create"], admin, copies)
        for wanted, found, change in compared:
            if found is not None and change.action == "update":
                await _correct(wanted, found, admin)
        await _shown(admin, senders)
        return tuple([change for _, _, change in compared])


@asynccontextmanager
async def _admin(bootstrap: str) -> AsyncIterator[AIOKafkaAdminClient]:
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap.split(","), client_id="askelma-topics")
    try:
        await admin.start()
        yield admin
    except KafkaError as error:
        reason = type(error).__name__
        raise TopicsError(f"Kafka at {bootstrap} refused or did not answer ({reason}); {_advice(reason)}.") from None
    finally:
        await admin.close()


def _advice(reason: str) -> str:
    if "Authorization" in reason:
        return "this client needs the rights Create, Alter and DescribeConfigs on topics"
    return "check the address and that the cluster is up"


async def _copies(admin: AIOKafkaAdminClient) -> int:
    return min(COPIES, len((await admin.describe_cluster())["brokers"]))


_Compared = tuple[WantedTopic, _Found | None, TopicChange]


async def _compared(admin: AIOKafkaAdminClient, senders: Sequence[str]) -> list[_Compared]:
    wanted = wanted_topics(senders, await _copies(admin))
    found = await _found(admin, [topic.name for topic in wanted])
    return [(topic, found.get(topic.name), _change(topic, found.get(topic.name))) for topic in wanted]


async def _shown(admin: AIOKafkaAdminClient, senders: Sequence[str]) -> None:
    """Return when brokers show what the controller has taken, so that whoever comes next finds it."""
    deadline = asyncio.get_running_loop().time() + LONGEST_WAIT_S
    while any(change.action in {"create", "update"} for _, _, change in await _compared(admin, senders)):
        if asyncio.get_running_loop().time() > deadline:
            raise TopicsError("The cluster took the changes but does not show them; look at its controller's log.")
        await asyncio.sleep(ASK_AGAIN_S)


async def _found(admin: AIOKafkaAdminClient, names: Sequence[str]) -> dict[str, _Found]:
    existing = set(await admin.list_topics()) & set(names)
    if not existing:
        return {}
    described = {row["topic"]: len(row["partitions"]) for row in await admin.describe_topics(sorted(existing))}
    resources = [ConfigResource(ConfigResourceType.TOPIC, name) for name in sorted(existing)]
    answers = await admin.describe_configs(resources)
    return {
        name: _Found(
            described[name],
            {entry[0]: entry[1] for entry in entries},
            {entry[0]: entry[1] for entry in entries if entry[3] == SET_ON_TOPIC},
        )
        for answer in answers
        for code, _, _, name, entries in answer.resources
        if not _refused(code)
    }


def _change(wanted: WantedTopic, found: _Found | None) -> TopicChange:
    if found is None:
        return TopicChange(wanted.name, "create")
    lines = tuple(
        f"{name}: {found.settings.get(name)} → {value}"
        for name, value in wanted.settings.items()
        if found.settings.get(name) != value
    )
    if found.partitions != wanted.partitions:
        told = f"partitions: {found.partitions}, the table says {wanted.partitions}; left alone, see the runbook topics"
        return TopicChange(wanted.name, "update" if lines else "differs", (told, *lines))
    return TopicChange(wanted.name, "update" if lines else "unchanged", lines)


async def _create(missing: Sequence[WantedTopic], admin: AIOKafkaAdminClient, copies: int) -> None:
    if not missing:
        return
    topics = [NewTopic(topic.name, topic.partitions, copies, topic_configs=dict(topic.settings)) for topic in missing]
    answer = await admin.create_topics(topics)
    for _, code, *_ in answer.topic_errors:
        _refused(code)


async def _correct(wanted: WantedTopic, found: _Found, admin: AIOKafkaAdminClient) -> None:
    # The request replaces all settings of the topic, so those that others made go along.
    settings = {**found.own, **wanted.settings}
    answers = await admin.alter_configs([ConfigResource(ConfigResourceType.TOPIC, wanted.name, settings)])
    for answer in answers:
        for code, *_ in answer.resources:
            _refused(code)


def _refused(code: int) -> bool:
    if code:
        raise for_code(code)
    return False
