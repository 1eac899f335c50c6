import pytest
from confluent_kafka.admin import AdminClient
from confluent_kafka.admin._config import ConfigResource  # the package does not mark it as exported

from contracts.topics import COMPACTION_LAG_MS, TOPICS
from deploy.topics.access import Grant, acl_text, grants
from deploy.topics.creation import TopicsError, apply, plan
from deploy.topics.wanted import wanted_topics
from tests.conftest import ExpectedErrors
from tests.rigs.kafka import RealKafka
from tests.rigs.parts import free_port

THIRTY_DAYS_MS = "2592000000"


def test_the_table_says_how_each_topic_is_kept() -> None:
    wanted = {topic.name: topic for topic in wanted_topics(["lahti-urapolku"], copies=3)}
    assert len(wanted) == len(TOPICS)
    assert wanted["askelma.pathways.v1"].settings == {
        "cleanup.policy": "compact",
        "max.compaction.lag.ms": THIRTY_DAYS_MS,
        "min.insync.replicas": "2",
    }
    assert wanted["askelma.facts.v1"].settings["retention.ms"] == THIRTY_DAYS_MS
    assert wanted["askelma.intake.lahti-urapolku.v1"].partitions == wanted["askelma.dead.v1"].partitions == 4


def test_without_senders_there_is_no_intake_topic() -> None:
    assert all("intake" not in topic.name for topic in wanted_topics([], copies=1))


def test_only_ingest_writes_facts_and_only_a_sender_its_own_intake_topic() -> None:
    allowed = grants(["lahti"])
    assert {g.principal for g in allowed if g.name == "askelma.facts.v1" and g.operation == "Write"} == {
        "User:askelma-ingest"
    }
    assert {g for g in allowed if g.principal == "User:lahti"} == {
        Grant("User:lahti", "topic", "askelma.intake.lahti.v1", "Write"),
        Grant("User:lahti", "topic", "askelma.intake.lahti.v1", "Describe"),
    }


def test_a_service_reads_only_with_its_own_group() -> None:
    reads = {(g.principal, g.name) for g in grants([]) if g.resource == "group" and g.operation == "Read"}
    services = ("indicators", "incentives", "notifier")
    assert reads == {(f"User:askelma-{service}", f"askelma.{service}") for service in services}


def test_ingest_may_see_how_far_the_readers_of_facts_have_come() -> None:
    seen = {g.name for g in grants([]) if g.principal == "User:askelma-ingest" and g.resource == "group"}
    assert seen == {"askelma.indicators", "askelma.incentives"}


def test_the_list_is_arguments_of_kafkas_own_tool_one_right_a_line() -> None:
    lines = acl_text(["lahti"]).splitlines()
    assert len(lines) == len(grants(["lahti"]))
    assert (
        "--allow-principal User:lahti --operation Write --topic askelma.intake.lahti.v1 --resource-pattern-type literal"
        in lines
    )


async def test_a_cluster_that_does_not_answer_is_told(expected_errors: ExpectedErrors) -> None:
    expected_errors.allow("aiokafka: Unable connect")
    with pytest.raises(TopicsError, match=r"Kafka at 127\.0\.0\.1:\d+ refused or did not answer"):
        await plan(f"127.0.0.1:{free_port()}")


@pytest.mark.kafka
async def test_applying_creates_every_topic_once_and_then_says_unchanged(own_kafka: RealKafka) -> None:
    said = await plan(own_kafka.address, ["lahti"])
    assert {change.action for change in said} == {"create"}
    assert {change.action for change in await plan(own_kafka.address, ["lahti"])} == {"create"}
    assert await apply(own_kafka.address, ["lahti"]) == said
    assert {change.action for change in await apply(own_kafka.address, ["lahti"])} == {"unchanged"}
    assert {topic.name for topic in wanted_topics(["lahti"], copies=1)} <= names(own_kafka)
    assert setting(own_kafka, "askelma.exposures.v1", "cleanup.policy") == "compact"
    assert setting(own_kafka, "askelma.exposures.v1", "max.compaction.lag.ms") == str(COMPACTION_LAG_MS)


@pytest.mark.kafka
async def test_a_wrong_setting_is_corrected_and_settings_that_others_made_stay(own_kafka: RealKafka) -> None:
    own_kafka.create_topics({"askelma.facts.v1": 12}, **{"retention.ms": "1000", "max.message.bytes": "2000000"})
    changes = {change.name: change for change in await apply(own_kafka.address)}
    assert changes["askelma.facts.v1"].action == "update"
    assert changes["askelma.facts.v1"].differences == (f"retention.ms: 1000 → {THIRTY_DAYS_MS}",)
    assert setting(own_kafka, "askelma.facts.v1", "retention.ms") == THIRTY_DAYS_MS
    assert setting(own_kafka, "askelma.facts.v1", "max.message.bytes") == "2000000"


@pytest.mark.kafka
async def test_another_number_of_partitions_is_told_and_left_alone(own_kafka: RealKafka) -> None:
    own_kafka.create_topics({"askelma.dead.v1": 2}, **{"retention.ms": THIRTY_DAYS_MS, "min.insync.replicas": "1"})
    (change,) = [one for one in await apply(own_kafka.address) if one.name == "askelma.dead.v1"]
    assert change.action == "differs"
    assert change.differences[0].startswith("partitions: 2, the table says 4; left alone")


def names(kafka: RealKafka) -> set[str]:
    return set(AdminClient({"bootstrap.servers": kafka.address}).list_topics(timeout=10).topics)


def setting(kafka: RealKafka, topic: str, name: str) -> str:
    resource = ConfigResource(ConfigResource.Type.TOPIC, topic)
    admin = AdminClient({"bootstrap.servers": kafka.address})
    return str(admin.describe_configs([resource])[resource].result(timeout=10)[name].value)
