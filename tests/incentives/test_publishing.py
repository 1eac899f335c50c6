"""What leaves: totals first, classes all together or not at all, money with the count of those whose it is."""

import asyncio
from dataclasses import replace
from datetime import UTC, date, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from services.incentives import store
from services.incentives.publishing import CostFigures, disclosed, placed
from services.incentives.reporting import CostFigure, Range, newest_totals, published_figures
from services.runtime.authorities import Authority
from services.runtime.publications import Publication
from tests.incentives.streams import AUTHORITY, MUNICIPALITIES, RULES, Room, counter, paid, pathway
from tests.rigs.waiting import until

unhurried = settings(deadline=None)  # how long an example takes is the machine's business
MONTH = date(2025, 10, 1)
SMALLEST = 5


def figure(place: str, cost_class: str, clients: int, cents: int = 0) -> CostFigure:
    return CostFigure(MONTH, place, "fi-2025", cost_class, clients, clients * 20, cents, cents)


def shown(exact: list[CostFigure], paying: dict[str, int]) -> dict[tuple[str, str], tuple[int | None, int | None]]:
    counts = {(place, "fi-2025"): clients for place, clients in paying.items()}
    figures = disclosed(exact, counts, ["fi-2025"], MONTH, SMALLEST)
    return {(one.municipality, one.cost_class): (one.clients, one.cents) for one in figures}


LAHTI = [figure("398", "*", 20, 900), figure("398", "1-100", 12, 0), figure("398", "101-200", 8, 900)]


def test_figures_of_many_are_shown_with_their_totals() -> None:
    assert shown(LAHTI, {"398": 8}) == {
        ("*", "*"): (20, 900),
        ("398", "*"): (20, 900),
        ("*", "1-100"): (12, 0),
        ("*", "101-200"): (8, 900),
        ("398", "1-100"): (12, 0),
        ("398", "101-200"): (8, 900),
    }


def test_a_small_class_closes_all_classes_of_its_municipality_and_those_of_the_whole() -> None:
    kemi = [figure("240", "*", 13, 500), figure("240", "1-100", 3, 0), figure("240", "101-200", 10, 500)]
    found = shown([*LAHTI, *kemi], {"398": 8, "240": 10})
    assert found["240", "*"] == (13, 500)
    assert found["*", "*"] == (33, 1400)
    assert {found["240", "1-100"], found["240", "101-200"], found["*", "1-100"], found["*", "101-200"]} == {
        (None, None)
    }
    assert found["398", "101-200"] == (8, 900)


def test_a_total_of_few_clients_is_hidden_and_so_is_that_of_the_whole() -> None:
    kemi = [figure("240", "*", 4, 500), figure("240", "101-200", 4, 500)]
    found = shown([*LAHTI, *kemi], {"398": 8, "240": 4})
    assert found["240", "*"] == (None, None)
    assert found["*", "*"] == (None, None)


def test_money_that_is_the_money_of_few_is_hidden_though_many_were_paid_benefits() -> None:
    kemi = [figure("240", "*", 30, 500), figure("240", "1-100", 27, 0), figure("240", "101-200", 3, 500)]
    found = shown([*LAHTI, *kemi], {"398": 8, "240": 3})
    assert found["240", "*"] == (30, None)
    assert found["*", "*"] == (50, None)


def test_few_clients_who_pass_from_class_to_class_close_the_classes() -> None:
    found = shown([figure("398", "*", 18), figure("398", "1-100", 12), figure("398", "101-200", 8)], {})
    assert found["398", "*"] == (18, 0)
    assert found["398", "1-100"] == (None, None)


def payments_shown(*classes: CostFigure) -> dict[tuple[str, str], int | None]:
    totals = [figure(place, "*", 20) for place in sorted({one.municipality for one in classes})]
    found = disclosed([*totals, *classes], {}, ["fi-2025"], MONTH, SMALLEST)
    assert all(one.payments is None for one in found if one.is_total)
    return {(one.municipality, one.cost_class): one.payments for one in found if not one.is_total}


def test_the_number_of_payments_is_published_by_class_and_hides_with_its_clients() -> None:
    lahti = [replace(figure("398", name, 10), payments=10) for name in ("1-100", "101-200")]
    assert payments_shown(*lahti)["398", "1-100"] == 10
    few = [replace(figure("398", name, clients), payments=20) for name, clients in (("1-100", 3), ("101-200", 17))]
    assert set(payments_shown(*few).values()) == {None}


def test_the_number_of_payments_hides_where_few_had_several() -> None:
    lahti = [replace(figure("398", "1-100", 20), payments=26, repeated=6)]
    kemi = [replace(figure("240", "1-100", 20), payments=21, repeated=1)]
    assert payments_shown(*lahti) == {("*", "1-100"): 26, ("398", "1-100"): 26}
    assert payments_shown(*lahti, *kemi) == {("*", "1-100"): None, ("240", "1-100"): None, ("398", "1-100"): 26}


def test_a_month_without_payments_is_published_as_nothing() -> None:
    assert shown([], {}) == {("*", "*"): (0, 0)}


def test_payers_outside_the_authority_and_unknown_ones_stand_together() -> None:
    exact = [figure("398", "*", 6), figure("999", "*", 2), figure("", "*", 3), figure("*", "*", 11)]
    assert [(one.municipality, one.clients) for one in placed(exact, {"398"})] == [("398", 6), ("elsewhere", 5)]


CELLS = st.dictionaries(
    st.tuples(st.sampled_from(("167", "240", "398")), st.sampled_from(("1-100", "101-200", "201-300"))),
    st.integers(0, 12),
    max_size=9,
)


@unhurried
@given(CELLS, st.data())
def test_no_hidden_class_follows_from_what_is_shown_beside_it(
    cells: dict[tuple[str, str], int], data: st.DataObject
) -> None:
    places = sorted({place for place, _ in cells})
    stays = {place: sum(count for (where, _), count in cells.items() if where == place) for place in places}
    largest = {place: max(count for (where, _), count in cells.items() if where == place) for place in places}
    clients = {place: data.draw(st.integers(largest[place], stays[place])) for place in places}
    exact = [figure(place, name, count) for (place, name), count in cells.items()]
    found = shown([*exact, *(figure(place, "*", clients[place]) for place in places)], {})
    for place in places:
        classes = [count for (where, name), (count, _) in found.items() if where == place and name != "*"]
        assert all(count is None for count in classes) or all(count is not None for count in classes)
        if classes[:1] != [None]:
            passing = stays[place] - clients[place]
            assert not any(0 < count < SMALLEST for count in [*(c for c in classes if c is not None), passing])
    whole = [count for (where, name), (count, _) in found.items() if where == "*" and name != "*"]
    if any(count is not None for count in whole):
        assert all(count is not None for count, _ in found.values())


# --- on the database -------------------------------------------------------------------------------------------------

AREA = Authority(AUTHORITY, "Alue", "Området", "The area", frozenset(MUNICIPALITIES))


async def _area_of_six(room: Room) -> None:
    names = [f"c1-{number}" for number in range(6)]
    await room.pathways(*(pathway(1, [(date(2024, 1, 1), "398")], client=name) for name in names))
    await room.facts(*(counter(f"c-{name}", MONTH, 120, client=name) for name in names))
    await room.facts(*(paid(f"p-{name}", MONTH, date(2025, 10, 31), 20, client=name) for name in names))


@pytest.mark.store
async def test_a_publication_writes_totals_and_classes_and_sets_the_gauge(room: Room) -> None:
    await _area_of_six(room)
    figures = CostFigures(room.database, {AUTHORITY: AREA}, RULES.schemes, room.metrics)
    publication = Publication(AUTHORITY, MONTH, date(2025, 10, 31), 7, datetime(2025, 11, 5, tzinfo=UTC))
    async with room.database.transaction() as session:
        await figures.make(session, [publication])
    await figures.show()
    async with room.database.transaction() as session:
        found = await published_figures(session, AUTHORITY, Range(MONTH, MONTH, "398", "fi-2025"))
        totals = await newest_totals(session, AUTHORITY)
        as_of = (await session.execute(text("SELECT DISTINCT as_of FROM incentives.published_costs"))).scalars().all()
    assert [(one.cost_class, one.clients, one.payments, one.days, one.cents) for one in found] == [
        ("*", 6, None, 120, 44652), ("101-200", 6, 6, 120, 44652),
    ]  # fmt: skip
    assert {(one.municipality, one.scheme, one.cents) for one in totals if one.scheme == "fi-2015"} == {
        ("*", "fi-2015", 0), ("398", "fi-2015", 0),
    }  # fmt: skip
    assert as_of == [date(2025, 10, 31)]
    assert {one.scheme for one in totals} == {"fi-2006", "fi-2015", "fi-2025", "law", "step-graded"}
    labels = {"service": "incentives", "authority": AUTHORITY, "municipality": "*", "scheme": "law"}
    assert room.registry.get_sample_value("askelma_cost_euros", labels) == 446.52


@pytest.mark.store
async def test_a_hidden_total_has_no_series(room: Room) -> None:
    await room.facts(paid("p", MONTH, date(2025, 10, 31), 20))
    figures = CostFigures(room.database, {AUTHORITY: AREA}, RULES.schemes, room.metrics)
    publication = Publication(AUTHORITY, MONTH, date(2025, 10, 31), 7, datetime(2025, 11, 5, tzinfo=UTC))
    async with room.database.transaction() as session:
        await figures.make(session, [publication])
    await figures.show()
    series = [sample for metric in room.registry.collect() for sample in metric.samples if "cost_euros" in sample.name]
    assert series == []


@pytest.mark.store
async def test_a_publication_waits_for_who_is_writing_and_states_costs_and_days_of_the_same_clients(room: Room) -> None:
    await _area_of_six(room)
    figures = CostFigures(room.database, {AUTHORITY: AREA}, RULES.schemes, room.metrics)
    publication = Publication(AUTHORITY, MONTH, date(2025, 10, 31), 7, datetime(2025, 11, 5, tzinfo=UTC))

    async def publish() -> None:
        async with room.database.transaction() as session:
            await figures.make(session, [publication])

    async with room.database.transaction() as session:
        await store.lock(session, {"c1-new": AUTHORITY})
        publishing = asyncio.create_task(publish())
        await until(lambda: _somebody_waits(room), "the publication waits")
    await publishing
    async with room.database.transaction() as session:
        bins = await session.execute(
            text("SELECT municipality, from_day, clients, days FROM incentives.published_day_bins")
        )
        assert [tuple(row) for row in bins] == [("398", 121, 6, 60), ("398", 131, 6, 60)]
        months = await session.execute(text("SELECT municipality, counted_as FROM incentives.published_day_months"))
        assert {tuple(row) for row in months} == {(place, "fi-2025") for place in MUNICIPALITIES}


async def _somebody_waits(room: Room) -> bool:
    waiting = text("SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = 'incentives.client'::regclass")
    async with room.database.transaction() as session:
        return bool((await session.execute(waiting)).scalar_one())
