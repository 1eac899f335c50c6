"""Who may do what on a cluster with access control, as a list that `kafka-acls.sh` takes."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

from contracts.topics import INTAKE, TOPICS, Service, Topic, group_of, intake_topic

Operation = Literal["Read", "Write", "Describe", "Create", "AlterConfigs", "DescribeConfigs"]


@dataclass(frozen=True, slots=True, order=True)
class Grant:
    """`principal` may do `operation` on the topic or group `name`, or on all whose name begins so (`prefixed`)."""

    principal: str
    resource: Literal["topic", "group"]
    name: str
    operation: Operation
    pattern: Literal["literal", "prefixed"] = "literal"


def grants(senders: Sequence[str]) -> tuple[Grant, ...]:
    """Return every right that the services, the senders and whoever applies topics need; nobody has another."""
    rights = {grant for topic in TOPICS for grant in _of_topic(topic, senders)} | set(_of_operator())
    return tuple(sorted(rights))


def acl_text(senders: Sequence[str]) -> str:
    """Return the grants as arguments of `kafka-acls.sh --add`, one a line."""
    return "".join(
        f"--allow-principal {grant.principal} --operation {grant.operation} "
        f"--{grant.resource} {grant.name} --resource-pattern-type {grant.pattern}\n"
        for grant in grants(senders)
    )


def _of_topic(topic: Topic, senders: Sequence[str]) -> Iterator[Grant]:
    names = {intake_topic(sender): f"User:{sender}" for sender in senders} if topic is INTAKE else {topic.name: ""}
    for name, sender in names.items():
        for writer in _writers(topic, sender):
            yield Grant(writer, "topic", name, "Write")
            yield Grant(writer, "topic", name, "Describe")
        for reader in topic.readers:
            yield Grant(_user(reader), "topic", name, "Read")
            yield Grant(_user(reader), "group", group_of(reader), "Read")
            yield from _watching(topic, reader)


def _watching(topic: Topic, reader: Service) -> Iterator[Grant]:
    """Yield what a topic's owner needs to see how far its readers have come (checkpoints of the journal)."""
    if topic.owner in get_args(Service):
        yield Grant(f"User:askelma-{topic.owner}", "group", group_of(reader), "Describe")


def _writers(topic: Topic, sender: str) -> tuple[str, ...]:
    if topic.owner == "all":
        return tuple(_user(service) for service in get_args(Service))
    return (sender,) if topic.owner == "sender" else (_user(topic.owner),)


def _of_operator() -> Iterator[Grant]:
    operations: tuple[Operation, ...] = ("Create", "Describe", "AlterConfigs", "DescribeConfigs")
    for operation in operations:
        yield Grant("User:askelma-operator", "topic", "askelma.", operation, "prefixed")


def _user(service: Service) -> str:
    return f"User:askelma-{service}"
