"""Facts to committed and announced pathways, on a real PostgreSQL."""

import asyncio
import random
from dataclasses import replace
from datetime import date

import pytest
from sqlalchemy import text

from contracts.envelope import Fact
from contracts.facts import ClientErased, OfferWithdrawn
from contracts.snapshots import PATHWAY, PathwaySnapshot
from services.indicators.domain.fold import fold
from services.indicators.domain.snapshot import Owner, snapshot_of
from services.indicators.handlers import Pathways
from services.indicators.ladder_file import ladder_from
from services.runtime.database import Database
from services.runtime.publisher import PublishError
from tests.indicators.conftest import Kept
from tests.indicators.lives import (
    LADDER,
    day,
    exited,
    fact,
    met,
    paid,
    registered,
    retracted,
    service,
    service_ended,
    status,
)
from tests.indicators.test_ladder import TEXT
from tests.rigs.dead_letters import park, parked_clients

pytestmark = pytest.mark.store

A, B, C = ("c1-" + letter * 26 for letter in "abc")


def expected(*facts: Fact, client: str = A, revision: int = 1) -> PathwaySnapshot:
    return snapshot_of(fold(facts, LADDER), Owner("area", client), revision, LADDER)


async def test_a_batch_becomes_a_snapshot_of_revision_1(pathways: Pathways, topic: Kept) -> None:
    facts = [registered("2025-01-01"), met("2025-01-10")]
    await pathways.take_in(facts)
    assert topic.newest() == {A: expected(*facts)}
    (record,) = topic.records
    assert record.topic == "askelma.pathways.v1"
    assert record.headers["content-type"] == "application/json"
    assert record.headers["ce_authority"] == "area"


async def test_a_redelivered_batch_changes_nothing_and_is_told_again(pathways: Pathways, topic: Kept) -> None:
    facts = [registered("2025-01-01"), met("2025-01-10")]
    await pathways.take_in(facts)
    await pathways.take_in(facts)
    first, second = topic.records
    assert first == second


async def test_a_crash_after_the_commit_is_made_good_by_the_next_delivery(pathways: Pathways, topic: Kept) -> None:
    facts = [registered("2025-01-01")]
    topic.failures = 1
    with pytest.raises(PublishError):
        await pathways.take_in(facts)
    assert topic.records == []
    await pathways.take_in(facts)
    assert topic.newest() == {A: expected(*facts)}


async def test_later_facts_raise_the_revision_earlier_ones_fold_anew(pathways: Pathways, topic: Kept) -> None:
    facts = [registered("2025-01-01"), service("2025-02-01"), met("2025-01-10"), service_ended("2025-03-01")]
    for one in facts:
        await pathways.take_in([one])
    assert topic.newest() == {A: expected(*facts, revision=4)}


async def test_a_payment_of_somebody_known_changes_no_revision_even_when_late(pathways: Pathways, topic: Kept) -> None:
    await pathways.take_in([registered("2025-01-01"), met("2025-03-01")])
    await pathways.take_in([paid("2025-02-01"), paid("2025-04-01")])
    assert [snapshot.revision for snapshot in topic.newest().values() if snapshot] == [1]


async def test_any_order_doubling_and_chunking_gives_the_same_pathways(pathways: Pathways, topic: Kept) -> None:
    facts = [
        replace(one, subject=f"client/{client}", id=f"{client}{one.id}")
        for client in (A, B, C)
        for one in [registered("2025-01-01"), status("2025-01-01", "02"), met("2025-01-10"), service("2025-02-01"),
                    service_ended("2025-03-01"), paid("2025-02-15"), exited("2025-06-01", "03")]
    ]  # fmt: skip
    shuffled = random.Random(7).sample(facts * 2, len(facts) * 2)  # noqa: S311 - a fixed shuffle
    for start in range(0, len(shuffled), 5):
        await pathways.take_in(shuffled[start : start + 5])
    newest = topic.newest()
    for client in (A, B, C):
        told = newest[client]
        assert told is not None
        own = [one for one in facts if one.client == client]
        assert told == expected(*own, client=client, revision=told.revision)


@pytest.mark.parametrize("first", [True, False])
async def test_a_retraction_equals_never_having_had_the_fact(pathways: Pathways, topic: Kept, first: bool) -> None:  # noqa: FBT001 - a parameter of the test
    wrong, right = service("2025-02-01"), registered("2025-01-01")
    order = [[retracted(wrong)], [right, wrong]] if first else [[right, wrong], [retracted(wrong)]]
    for batch in order:
        await pathways.take_in(batch)
    (told,) = topic.newest().values()
    assert told is not None
    assert replace(told, revision=1) == expected(right)


async def test_a_retraction_of_the_only_fact_leaves_an_empty_pathway(pathways: Pathways, topic: Kept) -> None:
    only = registered("2025-01-01")
    await pathways.take_in([only])
    await pathways.take_in([retracted(only)])
    assert topic.newest() == {A: expected(revision=2)}


async def test_a_retraction_alone_tells_nothing(pathways: Pathways, topic: Kept) -> None:
    await pathways.take_in([retracted(registered("2025-01-01"))])
    assert topic.records == []


async def test_facts_about_offers_and_surveys_stay_outside(pathways: Pathways, topic: Kept) -> None:
    offer = replace(fact("2025-01-01", OfferWithdrawn(service="V1")), subject="offer/V1")
    await pathways.take_in([offer])
    assert topic.records == []


async def test_an_erased_client_is_a_tombstone_and_later_facts_are_dropped(
    pathways: Pathways, topic: Kept, database: Database
) -> None:
    await pathways.take_in([registered("2025-01-01"), met("2025-01-10")])
    await park(database, "indicators", A, B)
    erased = fact("2025-05-01", ClientErased(generation=1, effective_on=date(2025, 5, 1)))
    await pathways.take_in([met("2025-04-01", "other"), erased])
    await pathways.take_in([met("2025-06-01", "other"), erased])
    assert topic.newest() == {A: None}
    assert await parked_clients(database, "indicators") == {B}
    assert pathways.metrics.dropped.labels()._value.get() == 4  # noqa: SLF001 - prometheus gives no other way to read
    async with database.transaction() as session:
        assert (await session.execute(text("SELECT count(*) FROM indicators.fact"))).scalar() == 0
        row = (await session.execute(text("SELECT * FROM indicators.pathway"))).one()
    assert (row.client, row.state, row.snapshot, row.erased_on, row.revision) == (A, None, None, day("2025-05-01"), 2)


async def test_an_announcement_says_everything_again_tombstones_too(pathways: Pathways, topic: Kept) -> None:
    await pathways.take_in([registered("2025-01-01"), registered("2025-01-02", client=B)])
    await pathways.take_in([fact("2025-05-01", ClientErased(generation=1, effective_on=date(2025, 5, 1)), client=B)])
    before = topic.newest()
    topic.records.clear()
    await pathways.announce()
    assert topic.newest() == before
    assert len(topic.records) == 2


async def test_a_new_ladder_folds_everybody_again_and_has_all_announced(
    pathways: Pathways, topic: Kept, database: Database
) -> None:
    await pathways.take_in([registered("2025-01-01"), service("2025-02-01"), registered("2025-01-02", client=B)])
    async with database.transaction() as session:
        await session.execute(text("INSERT INTO indicators.log_state (cluster) VALUES ('one')"))
    higher = ladder_from(TEXT.replace("rehabilitative_work_activity: 2", "rehabilitative_work_activity: 3").encode())
    anew = replace(pathways, ladder=higher)
    await anew.refold_all()
    await anew.announce()
    told = topic.newest()[A]
    assert told is not None
    assert (told.rules, told.revision, told.step_on(day("2025-02-01"))) == (higher.rules, 2, 3)
    async with database.transaction() as session:
        assert (await session.execute(text("SELECT count(*) FROM indicators.log_state"))).scalar() == 0
    await anew.refold_all()
    assert [snapshot.revision for snapshot in topic.newest().values() if snapshot] == [2, 2]


async def test_a_pathway_kept_under_another_ladder_is_folded_again_when_a_fact_comes(
    pathways: Pathways, topic: Kept
) -> None:
    facts = [registered("2025-01-01"), service("2025-02-01")]
    await pathways.take_in(facts)
    later = met("2025-03-01", "other")
    await replace(pathways, ladder=replace(LADDER, rules="another")).take_in([later])
    told = topic.newest()[A]
    assert told is not None
    assert (told.rules, told.revision, told.as_of) == ("another", 2, day("2025-03-01"))
    assert len(told.services) == 1


async def test_batches_at_once_about_the_same_clients_end_in_one_sorted_pass(pathways: Pathways, topic: Kept) -> None:
    facts = [
        replace(one, subject=f"client/{client}", id=f"{client}{one.id}")
        for client in (C, A, B)
        for one in [registered("2025-01-01"), met("2025-01-10"), service("2025-02-01"), status("2025-02-02", "07")]
    ]
    await asyncio.gather(*(pathways.take_in(facts[start::4]) for start in range(4)))
    said = [PATHWAY.validate_json(record.body) for record in topic.records if record.body]
    for client in (A, B, C):
        last = max((snapshot for snapshot in said if snapshot.client == client), key=lambda told: told.revision)
        own = [one for one in facts if one.client == client]
        assert last == expected(*own, client=client, revision=last.revision)
