"""Facts and pathways in, costs and exposures out: the same whatever the order, and told whatever fails."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta
from random import Random

import pytest

from contracts.envelope import Fact
from contracts.facts import BenefitCounterSet
from contracts.topics import EXPOSURES
from services.incentives.domain.pathways import PathwayPart, coordinator_on
from services.incentives.store import find
from services.runtime.database import Database
from services.runtime.publisher import PublishError
from services.runtime.records import Tombstone
from tests.incentives.streams import (
    ANN,
    AUTHORITY,
    BEN,
    RULES,
    Room,
    counter,
    erased,
    paid,
    pathway,
    retracted,
)
from tests.rigs.dead_letters import park, parked_clients

pytestmark = pytest.mark.store

OCTOBER = (date(2025, 10, 1), date(2025, 10, 31))
NOVEMBER = (date(2025, 11, 1), date(2025, 11, 30))
CARRIED = counter("c", date(2025, 10, 1), 187)
LAHTI = pathway(1, [(date(2024, 1, 1), "398")], [(date(2024, 1, 1), 1)])


async def test_a_payment_costs_what_the_domain_page_says_and_is_told(room: Room) -> None:
    await room.pathways(LAHTI)
    await room.facts(CARRIED, paid("p", *OCTOBER, 20))
    assert await room.rows("law") == [
        (ANN, "law", date(2025, 10, 1), "398", "101-200", 13, 4837),
        (ANN, "law", date(2025, 10, 1), "398", "201-300", 7, 5209),
    ]
    told = room.told.newest()[ANN]
    assert told is not None
    law = told.under("law")
    assert law is not None
    assert (told.law_2025_days, told.old_law_days, told.last_posted_on) == (207, 0, date(2025, 10, 31))
    assert (law.days, law.cost_class, law.days_to_next, law.next_class) == (207, "201-300", 93, "301-400")
    assert (law.percent_bp, law.month_cents, law.next_month_cents, law.total_cents) == (2000, 16_000, 24_000, 10_046)
    assert {record.topic for record in room.told.records} == {EXPOSURES.name}


async def test_all_schemes_are_told_and_a_pathway_alone_is_not(room: Room) -> None:
    await room.pathways(LAHTI)
    assert room.told.records == []
    await room.facts(paid("p", *OCTOBER, 20))
    told = room.told.newest()[ANN]
    assert told is not None
    assert [one.scheme for one in told.schemes] == list(RULES.schemes)


async def test_a_payer_is_unknown_until_the_pathway_comes(room: Room) -> None:
    await room.facts(paid("p", *OCTOBER, 20))
    assert [row[3] for row in await room.rows("law")] == [""]
    await room.pathways(LAHTI)
    assert [row[3] for row in await room.rows("law")] == ["398"]


async def test_a_payer_that_the_insurer_names_pays(room: Room) -> None:
    await room.pathways(LAHTI)
    await room.facts(paid("p", *OCTOBER, 20, municipality="167"))
    assert [row[3] for row in await room.rows("law")] == ["167"]


async def test_a_move_changes_the_payer_from_its_day_on(room: Room) -> None:
    await room.facts(paid("p", *OCTOBER, 20), paid("q", *NOVEMBER, 20))
    await room.pathways(LAHTI)
    await room.pathways(pathway(2, [(date(2024, 1, 1), "398"), (date(2025, 11, 30), "240")], [(date(2024, 1, 1), 1)]))
    assert [(row[2].month, row[3]) for row in await room.rows("law")] == [(10, "398"), (11, "240")]


async def test_a_step_changes_the_proposal_for_days_already_paid(room: Room) -> None:
    await room.pathways(LAHTI)
    await room.facts(counter("c", date(2025, 10, 1), 150), paid("p", *OCTOBER, 23))
    await room.pathways(pathway(2, [(date(2024, 1, 1), "398")], [(date(2024, 1, 1), 1), (date(2025, 10, 20), 5)]))
    assert [row[4:] for row in await room.rows("step-graded")] == [("step-1", 13, 24187), ("step-5", 10, 3721)]


async def test_a_payment_posted_before_its_period_ends_follows_a_later_step_too(room: Room) -> None:
    await room.pathways(LAHTI)
    early = paid("p", *OCTOBER, 23, posted_on=date(2025, 9, 25))
    await room.facts(counter("c", date(2025, 9, 1), 150), early)
    await room.pathways(pathway(2, [(date(2024, 1, 1), "398")], [(date(2024, 1, 1), 1), (date(2025, 10, 20), 5)]))
    assert [row[4] for row in await room.rows("step-graded")] == ["step-1", "step-5"]


async def test_a_pathway_that_is_not_newer_changes_nothing(room: Room) -> None:
    await room.facts(paid("p", *OCTOBER, 20))
    await room.pathways(pathway(5, [(date(2024, 1, 1), "398")]))
    await room.pathways(pathway(4, [(date(2024, 1, 1), "240")]))
    await room.pathways(pathway(5, [(date(2024, 1, 1), "240")]))
    assert [row[3] for row in await room.rows("law")] == ["398"]


async def test_the_newest_pathway_of_a_batch_holds(room: Room) -> None:
    await room.facts(paid("p", *OCTOBER, 20))
    await room.pathways(pathway(5, [(date(2024, 1, 1), "398")]), pathway(4, [(date(2024, 1, 1), "240")]))
    assert [row[3] for row in await room.rows("law")] == ["398"]


async def test_a_pathway_that_changes_neither_step_nor_home_costs_no_reckoning(room: Room) -> None:
    await room.facts(paid("p", *OCTOBER, 20))
    await room.pathways(LAHTI)
    before, told = room.counted("askelma_clients_reckoned_total"), len(room.told.records)
    await room.pathways(replace(LAHTI, revision=2))
    assert room.counted("askelma_clients_reckoned_total") == before
    assert len(room.told.records) == told


async def test_a_handover_is_kept_and_costs_no_reckoning(room: Room) -> None:
    homes, kaisa = [(date(2024, 1, 1), "398")], [(date(2024, 2, 1), "kaisa-1")]
    await room.facts(paid("p", *OCTOBER, 20))
    await room.pathways(pathway(1, homes, coordinators=kaisa))
    before = room.counted("askelma_clients_reckoned_total")
    await room.pathways(
        pathway(2, homes, coordinators=[*kaisa, (date(2025, 5, 1), None), (date(2025, 6, 1), 'leo "2"')])
    )
    assert room.counted("askelma_clients_reckoned_total") == before
    async with room.database.transaction() as session:
        known = await find(session, AUTHORITY, ANN)
    assert known is not None
    assert [name for _, name in known.coordinators] == ["kaisa-1", None, 'leo "2"']
    days = {date(2024, 1, 31): None, date(2025, 4, 30): "kaisa-1", date(2025, 5, 1): None, date(2025, 6, 1): 'leo "2"'}
    assert {day: coordinator_on(known.coordinators, day) for day in days} == days


async def test_a_client_of_another_authority_and_one_erased_are_not_found(room: Room) -> None:
    await room.pathways(LAHTI)
    async with room.database.transaction() as session:
        assert await find(session, "elsewhere", ANN) is None
        assert await find(session, AUTHORITY, ANN) is not None
    await room.facts(erased())
    async with room.database.transaction() as session:
        assert await find(session, AUTHORITY, ANN) is None


async def test_a_pathway_of_somebody_without_payments_costs_no_reckoning(room: Room) -> None:
    await room.pathways(LAHTI)
    await room.pathways(pathway(2, [(date(2024, 1, 1), "240")]))
    assert room.counted("askelma_clients_reckoned_total") == 0


async def test_the_second_copy_changes_nothing_but_is_told_again(room: Room) -> None:
    await room.facts(CARRIED, paid("p", *OCTOBER, 20))
    rows = await room.rows()
    await room.facts(CARRIED, paid("p", *OCTOBER, 20))
    assert await room.rows() == rows
    assert room.told.revisions() == [1, 1]


async def test_a_retraction_equals_never_having_had_the_payment(room: Room) -> None:
    await room.facts(CARRIED, paid("q", *NOVEMBER, 20))
    rows, contents = await room.rows(), await room.contents()
    await room.facts(paid("p", *OCTOBER, 20))
    assert await room.rows() != rows
    await room.facts(retracted("p"))
    assert (await room.rows(), await room.contents()) == (rows, contents)
    await room.facts(paid("p", *OCTOBER, 20))
    assert (await room.rows(), await room.contents()) == (rows, contents)


async def test_a_retraction_that_arrives_first_keeps_its_payment_out(room: Room) -> None:
    await room.facts(retracted("p"))
    await room.facts(paid("p", *OCTOBER, 20))
    assert await room.rows() == []


async def test_only_the_same_source_may_take_back(room: Room) -> None:
    await room.facts(paid("p", *OCTOBER, 20), retracted("p", source="other"))
    assert len(await room.rows("law")) == 1


async def test_a_client_whose_only_payment_is_retracted_is_told_to_owe_nothing(room: Room) -> None:
    await room.facts(CARRIED, paid("p", *OCTOBER, 20))
    await room.facts(retracted("p"), retracted("c", kind=BenefitCounterSet.type))
    told = room.told.newest()[ANN]
    assert told is not None
    assert [(one.days, one.total_cents) for one in told.schemes] == [(0, 0) for _ in RULES.schemes]
    assert told.last_posted_on is None
    assert room.told.revisions() == [1, 2]


async def test_erasure_deletes_all_tells_a_tombstone_and_drops_what_comes_later(room: Room) -> None:
    await room.pathways(LAHTI)
    await room.facts(CARRIED, paid("p", *OCTOBER, 20), paid("b", *OCTOBER, 20, client=BEN))
    await park(room.database, "incentives", ANN, BEN)
    await room.facts(erased())
    assert await parked_clients(room.database, "incentives") == {BEN}
    await room.facts(paid("later", *NOVEMBER, 20))
    await room.pathways(replace(LAHTI, revision=9))
    assert room.told.newest()[ANN] is None
    assert {row[0] for row in await room.rows()} == {BEN}
    assert [await room.count(table) for table in ("payment", "counter_set", "retraction")] == [1, 0, 0]
    assert room.counted("askelma_benefit_facts_dropped_total") == 1


async def test_a_pathway_s_tombstone_forgets_home_and_steps(room: Room) -> None:
    await room.pathways(LAHTI)
    await room.facts(paid("p", *OCTOBER, 20))
    await room.costs.take_in_pathways([Tombstone(ANN), Tombstone("c1-nobody")])
    assert [row[3] for row in await room.rows("law")] == [""]
    assert await room.count("client") == 1


async def test_what_was_committed_but_not_sent_is_told_when_it_comes_again(room: Room) -> None:
    room.told.failures = 1
    with pytest.raises(PublishError):
        await room.facts(paid("p", *OCTOBER, 20))
    await room.facts(paid("p", *OCTOBER, 20))
    assert room.told.revisions() == [1]


async def test_what_a_pathway_changed_and_was_not_sent_is_told_with_the_next_pathway(room: Room) -> None:
    await room.pathways(LAHTI)
    await room.facts(counter("c", date(2025, 10, 1), 150), paid("p", *OCTOBER, 20))
    moved_up = pathway(2, [(date(2024, 1, 1), "398")], [(date(2024, 1, 1), 4)])
    room.told.failures = 1
    with pytest.raises(PublishError):
        await room.pathways(moved_up)
    await room.pathways(moved_up, replace(moved_up, revision=3))
    assert room.told.revisions() == [1, 2]


async def test_what_an_earlier_process_did_not_live_to_send_is_told_at_start(room: Room, database: Database) -> None:
    room.told.failures = 1
    with pytest.raises(PublishError):
        await room.facts(paid("p", *OCTOBER, 20))
    successor = Room(database)
    await successor.costs.tell_untold()
    await successor.costs.tell_untold()
    assert successor.told.revisions() == [1]


async def test_announcing_says_all_again_at_unchanged_revisions_tombstones_too(room: Room) -> None:
    await room.facts(paid("p", *OCTOBER, 20), paid("b", *OCTOBER, 20, client=BEN))
    await room.facts(erased(BEN))
    room.told.records.clear()
    await room.costs.announce()
    newest = room.told.newest()
    assert newest.keys() == {ANN, BEN}
    assert newest[BEN] is None
    assert room.told.revisions() == [1]


async def test_under_new_rules_every_client_is_reckoned_anew(room: Room, database: Database) -> None:
    await room.facts(CARRIED, paid("p", *OCTOBER, 20))
    rows = await room.rows()
    renewed = Room(database, rules=replace(RULES, hash="other"))
    await renewed.costs.reckon_all()
    await renewed.costs.tell_untold()
    told = renewed.told.newest()[ANN]
    assert told is not None
    assert (told.rules, told.revision) == ("other", 2)
    assert await room.rows() == rows


# --- laws ------------------------------------------------------------------------------------------------------------

Arrival = Fact | PathwayPart


def a_history(random: Random) -> list[Arrival]:
    """Return facts and pathways of two clients over two years, some payments retracted."""
    arrivals: list[Arrival] = []
    for client in (ANN, BEN):
        start = date(2024, 6, 3)
        for number in range(18):
            end = start + timedelta(days=random.randint(6, 40))
            posted = end + timedelta(days=random.choice((0, 0, 0, -3, 5, 60)))
            basis = random.choice(("unemployment", "unemployment", "service"))
            identity = f"{client}-{number}"
            arrivals.append(
                paid(identity, start, end, random.randint(3, 28), client=client, posted_on=posted, basis=basis)
            )
            if random.random() < 0.15:
                arrivals.append(retracted(identity, client=client))
            start = end + timedelta(days=1)
        arrivals += [
            counter(f"{client}-old", date(2024, 9, 1), 280, client=client, name="old_law"),
            counter(f"{client}-new", date(2025, 1, 1), 90, client=client),
        ]
        homes, steps = [(date(2024, 1, 1), "398")], [(date(2024, 6, 1), 0)]
        for revision in range(1, 6):
            day = date(2024, 6, 1) + timedelta(days=random.randint(1, 120) * revision)
            if day > steps[-1][0]:
                steps.append((day, random.randint(0, 7)))
            if revision == 3:
                homes.append((day, "240"))
            arrivals.append(pathway(revision, list(homes), list(steps), client=client))
    return arrivals


async def received(room: Room, arrivals: Sequence[Arrival], chunk: int) -> None:
    for begin in range(0, len(arrivals), chunk):
        some = arrivals[begin : begin + chunk]
        await room.facts(*(one for one in some if isinstance(one, Fact)))
        await room.pathways(*(one for one in some if isinstance(one, PathwayPart)))


@pytest.mark.parametrize("seed", range(6))
async def test_any_order_doubling_and_chunking_gives_the_same_costs_and_exposures(room: Room, seed: int) -> None:
    random = Random(seed)  # noqa: S311 - a shuffle, no secret
    arrivals = a_history(random)
    await received(room, arrivals, len(arrivals))
    rows, contents = await room.rows(), await room.contents()
    assert len({row[4] for row in rows}) > 8

    await room.forget_everything()
    mixed = arrivals + random.choices(arrivals, k=len(arrivals) // 4)
    random.shuffle(mixed)
    await received(room, mixed, random.randint(1, 9))
    assert await room.rows() == rows
    assert await room.contents() == contents


@pytest.mark.parametrize("seed", range(6, 9))
async def test_what_is_kept_month_by_month_equals_a_reckoning_from_scratch(room: Room, seed: int) -> None:
    random = Random(seed)  # noqa: S311 - a shuffle, no secret
    arrivals = a_history(random)
    random.shuffle(arrivals)
    await received(room, arrivals, 3)
    rows = await room.rows()
    await Room(room.database, rules=replace(RULES, hash="other")).costs.reckon_all()
    assert await room.rows() == rows
