"""The incentive table over HTTP: from an authority's own clients, for its supervisors."""

from collections.abc import AsyncIterator
from datetime import UTC, date, datetime

import httpx
import pytest
from fastapi import FastAPI

from services.incentives import observing
from services.incentives.domain.worth import Draws
from services.incentives.worth_routes import WorthBook, worth_routes
from services.runtime.access import Access, Principal, Role
from services.runtime.clock import ManualClock
from services.runtime.web.site import install_site
from tests.incentives.streams import AUTHORITY, RULES, Room, erased, paid, pathway

pytestmark = pytest.mark.store

NOW = datetime(2026, 6, 17, 10, tzinfo=UTC)
HOME = [(date(2026, 1, 1), "398")]
NAMES = [f"c1-{number}" for number in range(3)]


@pytest.fixture
async def client(room: Room, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[httpx.AsyncClient]:
    """Give a client of the route, over people on step 1 who are paid for January to March 2026, read two at a time."""
    monkeypatch.setattr(observing, "_PAGE", 2)
    app = FastAPI()
    access = app.state.access = Access()
    for role in Role:
        access.add(role, Principal(role, AUTHORITY, "Saara"))
    access.add("stranger", Principal(Role.SUPERVISOR, "other", "Sami"))
    install_site(app, [], {})
    app.include_router(worth_routes(WorthBook(room.database, ManualClock(NOW), RULES, Draws(20, 7))))
    await room.pathways(*(pathway(1, HOME, [(date(2026, 1, 1), 1)], client=name) for name in [*NAMES, "c1-gone"]))
    await room.facts(
        *(
            paid(f"{name}-{last.month}", last.replace(day=1), last, 20, client=name)
            for name in [*NAMES, "c1-gone"]
            for last in (date(2026, 1, 31), date(2026, 2, 28), date(2026, 3, 27))
        ),
        erased("c1-gone"),
    )
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://localhost") as given:
        yield given


async def asked(client: httpx.AsyncClient, who: str, query: str = "") -> httpx.Response:
    return await client.get(f"/v1/worth?{query}", headers={"Authorization": f"Bearer {who}"})


async def test_a_supervisor_gets_the_table_of_every_scheme(client: httpx.AsyncClient) -> None:
    answer = (await asked(client, "supervisor", "lang=en")).json()
    assert [(one["scheme"], one["standing"]) for one in answer["schemes"]] == [
        ("fi-2006", "counterfactual"), ("fi-2015", "counterfactual"), ("fi-2025", "law"), ("law", "law"),
        ("progress-clock", "proposal"), ("progress-pause", "proposal"), ("step-graded", "proposal"),
    ]  # fmt: skip
    assert (answer["as_of"], answer["from"], answer["to"]) == ("2026-06-17", "2026-06", "2027-05")
    table = answer["schemes"][1]
    assert (table["label"], table["days"]) == ("The law of 2015–2024", [0, 300, 1000])
    assert [(one["days"], one["cents"]) for one in table["parking"]] == [(0, 0), (300, 240006), (1000, 336006)]
    assert [(one["step"], one["days"]) for one in table["steps_up"][:4]] == [(0, 0), (0, 300), (0, 1000), (1, 0)]


async def test_movements_are_those_of_all_clients_who_were_paid_and_not_erased(client: httpx.AsyncClient) -> None:
    observed = (await asked(client, "supervisor")).json()["observed"]
    assert (observed["from"], observed["to"]) == ("2024-04", "2026-04")
    # Of three people, those of the ends of January, February and March, when they were not paid any more.
    assert [one["months"] for one in observed["steps"]] == [0, 9, 0, 0, 0, 0, 0, 0]


async def test_one_scheme_can_be_asked_for_and_the_answer_is_the_same_each_time(client: httpx.AsyncClient) -> None:
    first = (await asked(client, "supervisor", "scheme=step-graded")).json()
    [table] = first["schemes"]
    row = next(one for one in table["steps_up"] if (one["step"], one["days"]) == (2, 100))
    # Nobody was seen on steps 2 and 3, so everybody stays: 40 % becomes 30 %.
    assert (row["worth_cents"], row["worth_error_cents"], row["delay_cents"]) == (96000, 0, 7814)
    assert (await asked(client, "supervisor", "scheme=step-graded")).json() == first


async def test_another_authority_s_clients_are_not_looked_at(client: httpx.AsyncClient) -> None:
    observed = (await asked(client, "stranger", "scheme=law")).json()["observed"]
    assert {one["months"] for one in observed["steps"]} == {0}


async def test_a_scheme_that_does_not_exist_is_refused(client: httpx.AsyncClient) -> None:
    answer = await asked(client, "supervisor", "scheme=fi-1999")
    assert (answer.status_code, answer.headers["content-type"]) == (422, "application/problem+json")
    assert "scheme is none of fi-2006" in answer.text


@pytest.mark.parametrize("who", [Role.FINANCE, Role.ANALYST, Role.COORDINATOR])
async def test_nobody_but_supervisors_gets_figures_of_exact_movements(client: httpx.AsyncClient, who: str) -> None:
    answer = await asked(client, who)
    assert (answer.status_code, answer.json()["roles"]) == (403, ["supervisor"])
