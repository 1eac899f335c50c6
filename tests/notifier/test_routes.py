"""Who sees which alerts: lists, pages, days in the past, published counts."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, date, datetime
from typing import Any

import httpx
import pytest

from services.notifier.published import AlertFigures
from services.notifier.rulebook_file import read_rulebook
from services.runtime.publications import Publication
from tests.notifier.conftest import AUTHORITIES, Room, client, exposure
from tests.notifier.site import site

pytestmark = pytest.mark.store

Rooms = Callable[..., Room]
JUNE_30 = date(2026, 6, 30)
LAHTI = [{"start": "2024-01-01", "end": None, "municipality": "398"}]
SPELL = [{"start": "2026-01-12"}]
MET = [{"on": "2026-01-15", "kind": "initial"}]


@asynccontextmanager
async def asking(room: Room, who: str) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(app=site(room))
    headers = {"authorization": f"Bearer {who}"} if who else {}
    async with httpx.AsyncClient(transport=transport, base_url="http://test", headers=headers) as asker:
        yield asker


async def ask(room: Room, who: str, path: str, **params: Any) -> Any:
    async with asking(room, who) as asker:
        response = await asker.get(path, params=params)
    assert response.status_code == 200, response.text
    return response.json()


async def authority_with_alerts(room: Room) -> None:
    """Four clients: two gaps (one in Lahti, of another coordinator), one interview missing, one threshold near."""
    await room.pathways(
        client("c1-a", spells=SPELL, meetings=MET),
        client("c1-b", spells=SPELL, meetings=MET, municipalities=LAHTI,
               coordinators=[{"start": "2024-01-01", "end": None, "coordinator": "coach-2"}]),
        client("c1-c", spells=[{"start": "2026-05-04"}]),
        client("c1-d", spells=[{"start": "2026-06-08"}], meetings=[{"on": "2026-06-09", "kind": "initial"}]),
    )  # fmt: skip
    await room.exposures(exposure("c1-d", 12, date(2026, 6, 22)))


def seen(answer: Any) -> list[str]:
    return [f"{one['client']} {one['rule']}" for one in answer["alerts"]]


async def test_a_supervisor_sees_the_whole_authority_the_most_urgent_and_oldest_first(rooms: Rooms) -> None:
    room = rooms(JUNE_30)
    await authority_with_alerts(room)
    answer = await ask(room, "supervisor", "/v1/alerts")
    assert seen(answer) == [
        "c1-c initial_interview_missing", "c1-a contact_gap", "c1-b contact_gap", "c1-d threshold_near",
    ]  # fmt: skip
    assert answer["counts"] == {"contact_gap": 2, "initial_interview_missing": 1, "threshold_near": 1}
    assert answer["next"] is None
    assert answer["alerts"][1] == {
        "client": "c1-a", "rule": "contact_gap", "key": "2026-01-15", "since": "2026-04-16", "severity": "medium",
        "state": "raised", "municipality": "167", "coordinator": "coach-1",
        "reasons": ["meeting:2026-01-15", "due:2026-04-15"],
    }  # fmt: skip


async def test_a_coordinator_sees_own_clients_only(rooms: Rooms) -> None:
    room = rooms(JUNE_30)
    await authority_with_alerts(room)
    assert seen(await ask(room, "coach-2", "/v1/alerts")) == ["c1-b contact_gap"]
    assert seen(await ask(room, "coach-2", "/v1/alerts", open_on="2026-06-30")) == ["c1-b contact_gap"]


async def test_another_authority_sees_nothing(rooms: Rooms) -> None:
    room = rooms(JUNE_30)
    await authority_with_alerts(room)
    assert await ask(room, "elsewhere", "/v1/alerts") == {"counts": {}, "alerts": [], "next": None}
    assert await ask(room, "elsewhere", "/v1/alerts", open_on="2026-06-30") == {
        "counts": {},
        "alerts": [],
        "next": None,
    }


async def test_filters_narrow_the_list_and_its_counts(rooms: Rooms) -> None:
    room = rooms(JUNE_30)
    await authority_with_alerts(room)
    assert seen(await ask(room, "supervisor", "/v1/alerts", rule="threshold_near")) == ["c1-d threshold_near"]
    lahti = await ask(room, "supervisor", "/v1/alerts", municipality="398")
    assert (seen(lahti), lahti["counts"]) == (["c1-b contact_gap"], {"contact_gap": 1})


async def test_closed_alerts_are_shown_when_asked_for(rooms: Rooms) -> None:
    room = rooms(JUNE_30)
    await authority_with_alerts(room)
    await room.pathways(client("c1-a", 2, spells=SPELL, meetings=[*MET, {"on": "2026-06-30", "kind": "other"}]))
    assert seen(await ask(room, "supervisor", "/v1/alerts", state="closed")) == ["c1-a contact_gap"]
    assert len(seen(await ask(room, "supervisor", "/v1/alerts", state="all"))) == 4
    assert len(seen(await ask(room, "supervisor", "/v1/alerts"))) == 3


async def test_pages_follow_one_another_without_loss_or_repetition(rooms: Rooms) -> None:
    room = rooms(JUNE_30)
    await authority_with_alerts(room)
    whole = seen(await ask(room, "supervisor", "/v1/alerts"))
    for more in ({}, {"open_on": "2026-06-30"}):
        found, after = [], None
        while True:
            answer = await ask(room, "supervisor", "/v1/alerts", limit=1, **({"after": after} if after else {}), **more)
            found += seen(answer)
            after = answer["next"]
            if after is None:
                break
        assert found == whole


async def test_a_day_in_the_past_shows_what_was_open_then_as_the_facts_now_tell_it(rooms: Rooms) -> None:
    room = rooms(date(2026, 7, 5))
    await authority_with_alerts(room)
    await room.pathways(client("c1-a", 2, spells=SPELL, meetings=[*MET, {"on": "2026-05-01", "kind": "other"}]))
    assert seen(await ask(room, "supervisor", "/v1/alerts", open_on="2026-04-15")) == []
    april = await ask(room, "supervisor", "/v1/alerts", open_on="2026-04-30")
    assert seen(april) == ["c1-a contact_gap", "c1-b contact_gap"]
    assert april["alerts"][0]["state"] is None
    june = await ask(room, "supervisor", "/v1/alerts", open_on="2026-06-30")
    assert seen(june) == ["c1-c initial_interview_missing", "c1-b contact_gap", "c1-d threshold_near"]


@pytest.mark.parametrize(
    ("who", "path", "status"),
    [
        ("", "/v1/alerts", 401),
        ("nobody", "/v1/alerts", 401),
        ("finance", "/v1/alerts", 403),
        ("analyst", "/v1/alerts", 403),
        ("admin", "/v1/alerts", 403),
        ("admin", "/alerts", 403),
        ("coach-1", "/v1/alerts/published", 403),
        ("supervisor", "/v1/alerts?rule=nothing", 422),
        ("supervisor", "/v1/alerts?municipality=999", 422),
        ("supervisor", "/v1/alerts?open_on=2026-08-01", 422),
        ("supervisor", "/v1/alerts?after=x", 422),
        ("supervisor", "/v1/alerts?after=WzEsMl0", 422),
        ("supervisor", "/v1/alerts?limit=0", 422),
    ],
)
async def test_who_may_not_or_asks_wrongly_is_told_so(rooms: Rooms, who: str, path: str, status: int) -> None:
    async with asking(rooms(JUNE_30), who) as asker:
        response = await asker.get(path)
    assert response.status_code == status
    assert response.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize(
    ("language", "sentences"),
    [
        ("en", ["Registered on", "Last met on", "12 paid days are left in class 101-200", "Lahti"]),
        ("fi", ["Lahti", "Joensuu"]),
        ("sv", ["Lahtis", "Joensuu"]),
    ],
)
async def test_the_page_gives_each_reason_in_one_sentence(rooms: Rooms, language: str, sentences: list[str]) -> None:
    room = rooms(JUNE_30)
    await authority_with_alerts(room)
    async with asking(room, "supervisor") as asker:
        response = await asker.get("/alerts", headers={"accept": "text/html", "accept-language": language})
    assert response.status_code == 200
    for sentence in sentences:
        assert sentence in response.text


@pytest.mark.parametrize("query", ["?rule=&municipality=", "?rule=contact_gap", "?municipality=999", "?rule=nothing"])
async def test_the_page_takes_what_its_form_sends(rooms: Rooms, query: str) -> None:
    room = rooms(JUNE_30)
    await authority_with_alerts(room)
    async with asking(room, "coach-1") as asker:
        response = await asker.get(f"/alerts{query}")
    assert response.status_code == 200
    assert "c1-a" in response.text
    assert "c1-b" not in response.text


def figures(room: Room) -> AlertFigures:
    return AlertFigures(room.database, AUTHORITIES, read_rulebook(), room.metrics)


async def publish(room: Room) -> None:
    june = Publication("demo", date(2026, 6, 1), JUNE_30, 99, datetime(2026, 7, 5, tzinfo=UTC))
    made = figures(room)
    async with room.database.transaction() as session:
        await made.make(session, [june])
    await made.show()


def gauge(room: Room, rule: str, municipality: str) -> float | None:
    labels = {"service": "notifier", "authority": "demo", "rule": rule, "municipality": municipality}
    return room.registry.get_sample_value("askelma_open_alerts", labels)


async def test_a_publication_counts_clients_and_hides_the_few(rooms: Rooms) -> None:
    room = rooms(date(2026, 7, 5))
    gaps = [client(f"c1-{n}", spells=SPELL, meetings=MET) for n in range(6)]
    few = [client(f"c1-l{n}", spells=SPELL, meetings=MET, municipalities=LAHTI) for n in range(2)]
    # Their interview was late by 30 June and is held by 5 July: the publication is of the day it states.
    held = [client(f"c1-h{n}", spells=[{"start": "2026-06-01"}], meetings=[{"on": "2026-07-02", "kind": "initial"}])
            for n in range(5)]  # fmt: skip
    await room.pathways(*gaps, *few, *held)
    assert await ask(room, "finance", "/v1/alerts/published") == {"month": None, "counts": []}
    await publish(room)
    answer = await ask(room, "finance", "/v1/alerts/published")
    counts = {(row["rule"], row["municipality"]): row["open"] for row in answer["counts"]}
    assert answer["month"] == "2026-06"
    assert counts["contact_gap", "167"] == 6
    assert counts["contact_gap", "398"] is None
    assert counts["contact_gap", "*"] is None  # else the two of Lahti would follow
    assert counts["initial_interview_missing", "167"] == 5
    assert counts["initial_interview_missing", "398"] == 0
    assert counts["setback", "*"] == 0
    assert (gauge(room, "contact_gap", "167"), gauge(room, "contact_gap", "398")) == (6, None)
    assert gauge(room, "setback", "*") == 0


async def test_who_may_not_see_clients_finds_published_counts_on_the_page(rooms: Rooms) -> None:
    room = rooms(date(2026, 7, 5))
    await room.pathways(*(client(f"c1-{n}", spells=SPELL, meetings=MET) for n in range(6)))
    async with asking(room, "analyst") as asker:
        assert "Nothing has been published yet" in (await asker.get("/alerts?lang=en")).text
        await publish(room)
        shown = (await asker.get("/alerts?lang=en")).text
    assert "June 2026" in shown
    assert "c1-" not in shown
    assert "Joensuu" in shown


async def test_a_home_outside_the_authority_counts_as_elsewhere(rooms: Rooms) -> None:
    room = rooms(date(2026, 7, 5))
    away = [{"start": "2024-01-01", "end": None, "municipality": "091"}]
    await room.pathways(*(client(f"c1-{n}", spells=SPELL, meetings=MET, municipalities=away) for n in range(5)))
    await publish(room)
    assert gauge(room, "contact_gap", "elsewhere") == 5
    assert gauge(room, "contact_gap", "*") == 5
