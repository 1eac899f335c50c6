"""The set of facts: each counts once, a retraction is final, and reading gives the order of the fold."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime

import pytest
from sqlalchemy.ext.asyncio import create_async_engine
from sqlmodel import SQLModel

from contracts.envelope import CLIENT_SUBJECT, Fact
from contracts.facts import ClientMoved, EventRetracted, MeetingHeld, Payload
from services.runtime.database import Database
from services.runtime.facts import FactRow, FactStore, RetractionRow

pytestmark = pytest.mark.store

NOON = datetime(2026, 3, 2, 10, tzinfo=UTC)


class KeptFact(FactRow, table=True):
    __tablename__ = "kept_fact"


class KeptRetraction(RetractionRow, table=True):
    __tablename__ = "kept_retraction"


STORE = FactStore(KeptFact, KeptRetraction)


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    engine = create_async_engine(database_url)
    async with engine.begin() as connection:
        tables = [SQLModel.metadata.tables[name] for name in ("kept_fact", "kept_retraction")]
        await connection.run_sync(SQLModel.metadata.create_all, tables=tables)
    await engine.dispose()
    database = Database(database_url, service="test")
    yield database
    await database.close()


def fact(
    number: int, data: Payload, *, client: str = "c1-a", identity: str | None = None, time: datetime = NOON
) -> Fact:
    return Fact(
        "sys:a", identity or f"f{number}", data.type, f"{CLIENT_SUBJECT}{client}", time, "area", NOON, number, data
    )


def retraction_of(identity: str, number: int) -> Fact:
    data = EventRetracted.model_validate(
        {"source": "sys:a", "id": identity, "type": MeetingHeld.type, "reason": "error"}
    )
    return fact(number, data)


MEETING = MeetingHeld(kind="initial", channel="phone")


async def test_a_fact_that_comes_twice_is_new_once(database: Database) -> None:
    async with database.transaction() as session:
        first = await STORE.add(session, [fact(1, MEETING), fact(1, MEETING)])
    async with database.transaction() as session:
        second = await STORE.add(session, [fact(1, MEETING)])
    assert [f.id for f in first.new["c1-a"]] == ["f1"]
    assert second.new == {}


async def test_a_retraction_takes_out_the_fact_and_names_the_client_to_fold_again(database: Database) -> None:
    async with database.transaction() as session:
        await STORE.add(session, [fact(1, MEETING), fact(2, MEETING)])
        added = await STORE.add(session, [retraction_of("f1", 3)])
        left = await STORE.of(session, ["c1-a"])
    assert added.disturbed == {"c1-a"}
    assert [f.id for f in left["c1-a"]] == ["f2"]


async def test_a_retraction_that_comes_first_keeps_its_fact_out_for_good(database: Database) -> None:
    async with database.transaction() as session:
        await STORE.add(session, [retraction_of("f1", 1)])
    async with database.transaction() as session:
        added = await STORE.add(session, [fact(2, MEETING, identity="f1")])
        left = await STORE.of(session, ["c1-a"])
    assert added.new == {}
    assert added.disturbed == frozenset()
    assert left == {"c1-a": []}


async def test_facts_are_read_back_as_they_were_taken_in(database: Database) -> None:
    given = [fact(1, MEETING, time=NOON.replace(day=9)), fact(2, ClientMoved(municipality="167"))]
    async with database.transaction() as session:
        await STORE.add(session, given)
        found = await STORE.of(session, ["c1-a", "c1-unknown"])
    assert sorted(found["c1-a"], key=lambda f: f.seq) == given
    assert found["c1-unknown"] == []


async def test_nothing_is_left_of_a_forgotten_client(database: Database) -> None:
    async with database.transaction() as session:
        await STORE.add(session, [fact(1, MEETING), retraction_of("f9", 2), fact(3, MEETING, client="c1-b")])
        await STORE.forget(session, ["c1-a"])
        found = await STORE.of(session, ["c1-a", "c1-b"])
        again = await STORE.add(session, [fact(4, MEETING, identity="f9", client="c1-b")])
    assert found["c1-a"] == []
    assert [f.id for f in found["c1-b"]] == ["f3"]
    assert [f.id for f in again.new["c1-b"]] == ["f9"]
