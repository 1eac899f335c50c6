"""When figures leave: on the 5th, for the month before, once, after the rooms they stand on."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, date, datetime

import pytest
from sqlmodel.ext.asyncio.session import AsyncSession

from contracts.dates import month_end
from services.runtime.cadence import due_month, published_on
from services.runtime.clock import ManualClock
from services.runtime.database import Database
from services.runtime.migrations import migrate
from services.runtime.problems import Problem
from services.runtime.publications import Publication, Publications, made


@pytest.mark.parametrize(
    ("today", "month"),
    [
        (date(2026, 7, 4), date(2026, 5, 1)),
        (date(2026, 7, 5), date(2026, 6, 1)),
        (date(2026, 7, 31), date(2026, 6, 1)),
        (date(2026, 1, 4), date(2025, 11, 1)),
        (date(2026, 1, 5), date(2025, 12, 1)),
    ],
)
def test_the_newest_month_due_is_the_one_before_from_the_fifth_on(today: date, month: date) -> None:
    assert due_month(today) == month


def test_a_month_is_stated_as_of_its_last_day_and_published_on_the_fifth_after_it() -> None:
    assert month_end(date(2024, 2, 1)) == date(2024, 2, 29)
    assert published_on(date(2025, 12, 1)) == date(2026, 1, 5)


class Told:
    """Progress as the test tells it."""

    def __init__(self) -> None:
        self.journaled: int | None = 7
        self.ready_before = datetime.max.replace(tzinfo=UTC)
        self.first_fact = datetime(2026, 3, 1, tzinfo=UTC)
        self.by_others: dict[date, int] = {}

    async def journaled_until(self, instant: datetime) -> int | None:
        if instant < self.first_fact:
            return 0
        return self.journaled if instant < self.ready_before else None

    async def made_by(self, _service: str, _authority: str) -> dict[date, int]:
        return self.by_others


class Room:
    """A room that publishes nothing but its name."""

    def __init__(self, database: Database, clock: ManualClock, told: Told, after: Sequence[str] = ()) -> None:
        self.made: list[Publication] = []
        self.together: list[int] = []
        self.shown = 0
        self.publications = Publications(
            "incentives", database, clock, ["area"], told, self.caught_up, self.make, self.show, after
        )
        self.is_caught_up = True

    async def caught_up(self) -> bool:
        return self.is_caught_up

    async def make(self, _session: AsyncSession, publications: Sequence[Publication]) -> None:
        self.made += publications
        self.together.append(len(publications))

    async def show(self) -> None:
        self.shown += 1


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    await migrate(database_url, "incentives")
    database = Database(database_url, service="incentives")
    yield database
    await database.close()


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not condition():  # noqa: ASYNC110 - what is waited for lies in the database
            await asyncio.sleep(0.01)


@asynccontextmanager
async def publishing(room: Room) -> AsyncIterator[None]:
    """Let `room` publish until the block ends."""
    running = asyncio.create_task(room.publications.run())
    try:
        yield
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


@pytest.mark.store
async def test_each_month_is_published_once_though_the_clock_jumps_over_several(database: Database) -> None:
    clock = ManualClock(datetime(2026, 3, 20, tzinfo=UTC))
    room = Room(database, clock, Told())
    async with publishing(room):
        await until(lambda: len(room.made) == 1)
        clock.set(datetime(2026, 6, 6, tzinfo=UTC))
        await until(lambda: len(room.made) == 4)
        assert room.together == [1, 3], "months that are ready together are made in one reading"
    async with publishing(Room(database, clock, Told())):
        await asyncio.sleep(0.2)
    async with database.transaction() as session:
        found = await made(session, "incentives", "area")
    assert [p.month for p in found] == [date(2026, 2, 1), date(2026, 3, 1), date(2026, 4, 1), date(2026, 5, 1)]
    assert found[-1].as_of == date(2026, 5, 31)
    assert found[-1].seq == 7


@pytest.mark.store
async def test_the_first_room_waits_for_the_journal(database: Database) -> None:
    told = Told()
    told.journaled = None
    room = Room(database, ManualClock(datetime(2026, 3, 20, tzinfo=UTC)), told)
    async with publishing(room):
        await asyncio.sleep(0.7)
        assert room.made == []
        told.journaled = 9
        await until(lambda: len(room.made) == 1)
    assert room.made[0].seq == 9


@pytest.mark.store
async def test_a_room_waits_for_those_it_stands_on_and_counts_the_same_facts_as_they(database: Database) -> None:
    told = Told()
    room = Room(database, ManualClock(datetime(2026, 3, 20, tzinfo=UTC)), told, ["indicators"])
    async with publishing(room):
        await asyncio.sleep(0.7)
        assert room.made == []
        told.by_others, room.is_caught_up = {date(2026, 2, 1): 9}, False
        await asyncio.sleep(0.7)
        assert room.made == []
        room.is_caught_up = True
        await until(lambda: len(room.made) == 1)
    assert (room.made[0].month, room.made[0].seq) == (date(2026, 2, 1), 9)


@pytest.mark.store
async def test_a_first_publication_is_made_of_the_last_whole_month_once(database: Database) -> None:
    clock, told = ManualClock(datetime(2026, 3, 20, tzinfo=UTC)), Told()
    told.first_fact = datetime(2026, 3, 10, tzinfo=UTC)
    room = Room(database, clock, told)
    async with publishing(room):
        begun = await room.publications.begin("area")
        assert (begun.month, begun.as_of, begun.seq) == (date(2026, 2, 1), date(2026, 2, 28), 7)
        with pytest.raises(Problem) as refused:
            await room.publications.begin("area")
        assert (refused.value.status, refused.value.title) == (409, "Already begun")
        assert "2026-02" in refused.value.detail
        clock.set(datetime(2026, 4, 6, tzinfo=UTC))
        await until(lambda: len(room.made) == 2)
    assert [p.month for p in room.made] == [date(2026, 2, 1), date(2026, 3, 1)], "the cadence goes on after it"


@pytest.mark.store
async def test_no_first_publication_is_made_of_nothing_nor_in_place_of_one_that_is_due(database: Database) -> None:
    clock, told = ManualClock(datetime(2026, 3, 20, tzinfo=UTC)), Told()
    room = Room(database, clock, told)
    told.first_fact = datetime(2026, 3, 25, tzinfo=UTC)
    with pytest.raises(Problem, match="Nothing to publish"):
        await room.publications.begin("area")
    told.first_fact = datetime(2026, 3, 1, tzinfo=UTC)
    with pytest.raises(Problem, match="Already begun"):
        await room.publications.begin("area")
    with pytest.raises(Problem, match="Not found"):
        await room.publications.begin("elsewhere")
    assert room.made == []


@pytest.mark.store
async def test_the_other_rooms_follow_a_first_publication_with_its_number(database: Database) -> None:
    told = Told()
    told.first_fact = datetime(2026, 3, 10, tzinfo=UTC)
    room = Room(database, ManualClock(datetime(2026, 3, 20, tzinfo=UTC)), told, ["indicators"])
    async with publishing(room):
        await until(lambda: room.shown > 0)
        assert room.made == []
        told.by_others = {date(2026, 2, 1): 5}
        await until(lambda: len(room.made) == 1)
    assert (room.made[0].month, room.made[0].seq) == (date(2026, 2, 1), 5)


@pytest.mark.store
async def test_a_month_that_is_not_ready_does_not_hold_up_those_before_it(database: Database) -> None:
    clock, told = ManualClock(datetime(2026, 1, 20, tzinfo=UTC)), Told()
    told.first_fact = datetime(2026, 1, 1, tzinfo=UTC)
    room = Room(database, clock, told)
    async with publishing(room):
        await until(lambda: len(room.made) == 1)
        told.ready_before = datetime(2026, 4, 4, tzinfo=UTC)
        clock.set(datetime(2026, 5, 6, tzinfo=UTC))
        await until(lambda: len(room.made) == 3)
        await asyncio.sleep(0.5)
        assert room.together == [1, 2]
        told.ready_before = datetime.max.replace(tzinfo=UTC)
        await until(lambda: len(room.made) == 5)
    assert [p.month.month for p in room.made] == [12, 1, 2, 3, 4]


@pytest.mark.store
async def test_the_first_month_is_the_first_by_whose_day_anything_was_journaled(database: Database) -> None:
    clock, told = ManualClock(datetime(2026, 3, 20, tzinfo=UTC)), Told()
    told.first_fact = datetime(2026, 4, 1, tzinfo=UTC)
    room = Room(database, clock, told)
    async with publishing(room):
        await until(lambda: room.shown > 0)
        await asyncio.sleep(0.3)
        assert room.made == [], "an empty system has nothing to state"
        clock.set(datetime(2026, 6, 20, tzinfo=UTC))
        await until(lambda: len(room.made) == 3)
    assert [p.month.month for p in room.made] == [3, 4, 5]
