"""Indicators over HTTP: exact for supervisors, published for finance, a client's pathway, and the page."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, date, datetime

import httpx
import pytest
from fastapi import FastAPI
from prometheus_client import CollectorRegistry
from sqlalchemy import text

from contracts.envelope import Fact
from contracts.facts import CoordinatorAssigned
from contracts.snapshots import PATHWAY
from services.indicators.figure_book import FigureBook
from services.indicators.handlers import Pathways
from services.indicators.publishing import PathwayFigures
from services.indicators.routes import api_routes, page_routes
from services.runtime.access import Access, Principal, Role
from services.runtime.authorities import Authority
from services.runtime.clock import ManualClock
from services.runtime.publications import Publication
from services.runtime.web.site import install_site
from tests.indicators.lives import LADDER, fact, met, registered, service, status

pytestmark = pytest.mark.store

AUTHORITIES = {
    "area": Authority("area", "Alue", "Området", "The area", frozenset({"167", "398"})),
    "other": Authority("other", "Toinen", "Andra", "The other", frozenset({"091"})),
}
WHO = {
    "supervisor": Principal(Role.SUPERVISOR, "area", "Saara"),
    "finance": Principal(Role.FINANCE, "area", "Kirsi"),
    "coordinator": Principal(Role.COORDINATOR, "area", "k1"),
    "colleague": Principal(Role.COORDINATOR, "area", "k2"),
    "stranger": Principal(Role.SUPERVISOR, "other", "Sami"),
    "admin": Principal(Role.ADMIN, "area", "Aino"),
}
NOW = datetime(2025, 3, 6, 10, tzinfo=UTC)
LATEST = 10**12


def of(client: str, facts: list[Fact]) -> list[Fact]:
    return [replace(one, subject=f"client/{client}", id=f"{client}.{one.id}") for one in facts]


def people() -> list[Fact]:
    """Seven of Joensuu go to step 2 in February, three of Lahti wait on step 0; k1 looks after the first."""
    facts: list[Fact] = []
    for number in range(7):
        life = [registered("2025-01-10", "167"), status("2025-01-10", "02"), met("2025-01-20"), service("2025-02-10")]
        facts += of(f"c1-j{number}", [*life, status("2025-02-10", "07")])
    for number in range(3):
        facts += of(f"c1-l{number}", [registered("2025-01-15", "398"), status("2025-01-15", "02")])
    return facts + of("c1-j0", [fact("2025-01-11", CoordinatorAssigned(coordinator="k1"))])


@pytest.fixture
async def client(pathways: Pathways) -> AsyncIterator[httpx.AsyncClient]:
    app = FastAPI()
    access = app.state.access = Access()
    for token, principal in WHO.items():
        access.add(token, principal)
    install_site(app, [], AUTHORITIES)
    book = FigureBook(pathways.database, ManualClock(NOW), LADDER, AUTHORITIES)
    app.include_router(api_routes(book))
    app.include_router(page_routes(book))
    await pathways.take_in(people())
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://localhost") as given:
        yield given


async def published(pathways: Pathways, month: date, last: date, seq: int = LATEST) -> None:
    publication = Publication("area", month, last, seq, NOW)
    async with pathways.database.transaction() as session:
        await session.execute(
            text("INSERT INTO indicators.publication VALUES (:a, :m, :d, :s, :n)"),
            {"a": "area", "m": month, "d": last, "s": seq, "n": NOW},
        )
        await PathwayFigures(pathways.database, AUTHORITIES, LADDER, pathways.metrics).make(session, [publication])


async def january_and_february(pathways: Pathways) -> None:
    await published(pathways, date(2025, 1, 1), date(2025, 1, 31))
    await published(pathways, date(2025, 2, 1), date(2025, 2, 28))


async def asked(client: httpx.AsyncClient, who: str, path: str) -> httpx.Response:
    return await client.get(path, headers={"Authorization": f"Bearer {who}"})


def by_step(answer: httpx.Response, figure: str) -> list[int | None]:
    return [row[figure] for row in answer.json()["steps"]]


async def test_a_supervisor_gets_the_stock_of_any_day(client: httpx.AsyncClient) -> None:
    answer = await asked(client, "supervisor", "/v1/indicators/stock?on=2025-01-31")
    assert (answer.json()["source"], answer.json()["as_of"], answer.json()["total"]) == ("exact", "2025-01-31", 10)
    assert by_step(answer, "clients") == [3, 7, 0, 0, 0, 0, 0, 0]
    assert answer.json()["steps"][2]["name"]["fi"] == "Toimintakykyä rakentava"
    of_lahti = await asked(client, "supervisor", "/v1/indicators/stock?on=2025-02-10&municipality=398")
    assert by_step(of_lahti, "clients") == [3, 0, 0, 0, 0, 0, 0, 0]


async def test_a_supervisor_gets_the_flow_between_any_two_days(client: httpx.AsyncClient) -> None:
    answer = await asked(client, "supervisor", "/v1/indicators/flow?from=2025-01-20&to=2025-02-10")
    assert by_step(answer, "entered") == [0, 7, 7, 0, 0, 0, 0, 0]
    assert by_step(answer, "left") == [7, 7, 0, 0, 0, 0, 0, 0]
    assert by_step(answer, "moved_up") == [7, 7, 0, 0, 0, 0, 0, 0]
    assert by_step(answer, "moved_down") == [0] * 8
    assert answer.json()["months"] is None


async def test_a_supervisor_gets_transitions(client: httpx.AsyncClient) -> None:
    path = "/v1/indicators/transitions?of=status&sampling=monthly&from=2025-01&to=2025-03"
    answer = (await asked(client, "supervisor", path)).json()
    assert (answer["from"], answer["to"], answer["months"]) == ("2025-01", "2025-03", ["2025-02", "2025-03"])
    assert answer["states"] == ["02", "07"]
    assert answer["counts"] == [[6, 7], [0, 7]]
    of_joensuu = (await asked(client, "supervisor", f"{path}&municipality=167")).json()
    assert of_joensuu["counts"] == [[0, 7], [0, 7]]


async def test_transitions_of_steps_name_them_by_number(client: httpx.AsyncClient) -> None:
    answer = await asked(client, "supervisor", "/v1/indicators/transitions?of=step&from=2025-01&to=2025-02")
    assert (answer.json()["states"], answer.json()["counts"]) == (["0", "1", "2"], [[3, 0, 0], [0, 0, 7], [0, 0, 0]])


async def test_before_the_first_publication_finance_gets_an_empty_answer_that_says_so(
    client: httpx.AsyncClient,
) -> None:
    stock = (await asked(client, "finance", "/v1/indicators/stock?on=2025-02-28")).json()
    assert (stock["as_of"], stock["steps"], stock["total"]) == (None, [], None)
    assert "Nothing has been published" in stock["note"]
    flow = (await asked(client, "finance", "/v1/indicators/flow?from=2025-01-01&to=2025-02-28")).json()
    assert (flow["months"], flow["steps"]) == ([], [])
    moves = (await asked(client, "finance", "/v1/indicators/transitions?of=step&from=2025-01&to=2025-02")).json()
    assert (moves["months"], moves["states"], moves["counts"]) == ([], [], [])


async def test_finance_gets_the_newest_published_stock_not_after_the_day(
    client: httpx.AsyncClient, pathways: Pathways
) -> None:
    await january_and_february(pathways)
    answer = await asked(client, "finance", "/v1/indicators/stock?on=2025-02-27&municipality=167")
    assert (answer.json()["source"], answer.json()["as_of"]) == ("publications", "2025-01-31")
    assert by_step(answer, "clients") == [0, 7, 0, 0, 0, 0, 0, 0]
    newest = await asked(client, "finance", "/v1/indicators/stock?on=2025-03-06&municipality=167")
    assert newest.json()["as_of"] == "2025-02-28"
    assert by_step(newest, "clients") == [0, 0, 7, 0, 0, 0, 0, 0]


async def test_small_counts_and_what_would_give_them_away_are_null_for_finance(
    client: httpx.AsyncClient, pathways: Pathways
) -> None:
    await january_and_february(pathways)
    lahti = await asked(client, "finance", "/v1/indicators/stock?on=2025-03-06&municipality=398")
    assert by_step(lahti, "clients") == [None, 0, 0, 0, 0, 0, 0, 0]
    assert lahti.json()["total"] is None
    everybody = await asked(client, "finance", "/v1/indicators/stock?on=2025-03-06")
    assert by_step(everybody, "clients") == [None, 0, 7, 0, 0, 0, 0, 0]
    flow = await asked(client, "finance", "/v1/indicators/flow?from=2025-01-01&to=2025-02-28")
    assert flow.json()["months"] == ["2025-01", "2025-02"]
    assert by_step(flow, "entered") == [None, 7, 7, 0, 0, 0, 0, 0]
    moves = (await asked(client, "finance", "/v1/indicators/transitions?of=step&from=2025-01&to=2025-02")).json()
    assert (moves["states"], moves["counts"]) == (["0", "1", "2"], [[None, 0, 0], [0, 0, None], [0, 0, 0]])


async def test_a_cells_flow_is_hidden_where_its_stock_at_either_end_is(
    client: httpx.AsyncClient, pathways: Pathways
) -> None:
    await january_and_february(pathways)
    lahti = await asked(client, "finance", "/v1/indicators/flow?from=2025-02-01&to=2025-02-28&municipality=398")
    assert by_step(lahti, "left") == [None, 0, 0, 0, 0, 0, 0, 0]


async def test_a_publication_counts_only_facts_journaled_by_then(client: httpx.AsyncClient, pathways: Pathways) -> None:
    late = replace(of("c1-j0", [service("2025-02-10", "labour_market_training", "S9")])[0], seq=LATEST)
    await pathways.take_in([late])
    await published(pathways, date(2025, 2, 1), date(2025, 2, 28), seq=LATEST - 1)
    answer = await asked(client, "finance", "/v1/indicators/stock?on=2025-03-06&municipality=167")
    assert by_step(answer, "clients") == [0, 0, 7, 0, 0, 0, 0, 0]
    exact = await asked(client, "supervisor", "/v1/indicators/stock?on=2025-03-06&municipality=167")
    assert by_step(exact, "clients") == [0, 0, 6, 0, 1, 0, 0, 0]


async def test_the_gauge_carries_the_newest_publication_and_no_series_where_hidden(
    client: httpx.AsyncClient, pathways: Pathways, registry: CollectorRegistry
) -> None:
    del client  # it only brings the people
    await january_and_february(pathways)
    await PathwayFigures(pathways.database, AUTHORITIES, LADDER, pathways.metrics).show()
    (family,) = [one for one in registry.collect() if one.name == "askelma_clients"]
    series = {(one.labels["municipality"], one.labels["step"]): one.value for one in family.samples}
    assert series["167", "2"] == 7
    assert series["*", "2"] == 7
    assert ("398", "0") not in series
    assert ("*", "0") not in series


@pytest.mark.parametrize(
    ("path", "named"),
    [
        ("stock", "on"),
        ("stock?on=soon", "on"),
        ("stock?on=2025-01-31&municipality=9", "municipality"),
        ("stock?on=2025-01-31&municipality=091", "municipality"),
        ("flow?from=2025-02-01&to=2025-01-31", "to"),
        ("flow?from=2025-02-01", "to"),
        ("transitions?of=mood&from=2025-01&to=2025-02", "of"),
        ("transitions?of=step&sampling=daily&from=2025-01&to=2025-02", "sampling"),
        ("transitions?of=step&from=2025-13&to=2025-02", "from"),
        ("transitions?of=step&from=2025-03&to=2025-02", "to"),
        ("transitions?of=step&from=1925-03&to=2025-02", "to"),
        ("stock?on=2025-01-31&municipalty=398", "municipalty"),
        ("flow?from=2025-02-01&to=2025-02-28&on=2025-02-28", "on"),
    ],
)
async def test_a_wrong_parameter_is_named(client: httpx.AsyncClient, path: str, named: str) -> None:
    answer = await asked(client, "supervisor", f"/v1/indicators/{path}")
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    assert [row["parameter"] for row in answer.json()["errors"]] == [named]


async def test_a_wrong_parameter_is_told_what_it_must_be(client: httpx.AsyncClient) -> None:
    answer = await asked(client, "supervisor", "/v1/indicators/transitions?of=mood&from=2025-13&to=2025-02")
    assert answer.json()["errors"] == [
        {"parameter": "of", "reason": "must be one of status, step, service_type"},
        {"parameter": "from", "reason": "must be a month, such as 2026-06"},
    ]


async def test_published_flow_is_by_whole_months(client: httpx.AsyncClient) -> None:
    answer = await asked(client, "finance", "/v1/indicators/flow?from=2025-01-02&to=2025-01-31")
    assert (answer.status_code, answer.json()["errors"][0]["parameter"]) == (422, "from")


async def test_others_see_no_figures_and_other_authorities_none_of_ours(client: httpx.AsyncClient) -> None:
    assert (await client.get("/v1/indicators/stock?on=2025-01-31")).status_code == 401
    assert (await asked(client, "admin", "/v1/indicators/stock?on=2025-01-31")).status_code == 403
    stranger = await asked(client, "stranger", "/v1/indicators/stock?on=2025-01-31")
    assert stranger.json()["total"] == 0


async def test_a_pathway_is_for_supervisors_and_the_clients_own_coordinator_and_is_logged(
    client: httpx.AsyncClient, pathways: Pathways
) -> None:
    answer = await asked(client, "coordinator", "/v1/pathways/c1-j0")
    assert PATHWAY.validate_json(answer.content).client == "c1-j0"
    assert (await asked(client, "supervisor", "/v1/pathways/c1-j1")).status_code == 200
    for who, name in (("colleague", "c1-j0"), ("stranger", "c1-j0"), ("supervisor", "c1-nobody")):
        assert (await asked(client, who, f"/v1/pathways/{name}")).status_code == 404
    assert (await asked(client, "finance", "/v1/pathways/c1-j0")).status_code == 403
    async with pathways.database.transaction() as session:
        rows = (await session.execute(text("SELECT name, client FROM indicators.opened_client ORDER BY number"))).all()
    assert [tuple(row) for row in rows] == [("k1", "c1-j0"), ("Saara", "c1-j1")]


async def test_the_page_shows_exact_figures_to_a_supervisor(client: httpx.AsyncClient) -> None:
    shown = (await asked(client, "supervisor", "/pathways?lang=en&month=2025-02")).text
    assert "Exact figures as of" in shown
    assert "2 Functioning" in shown
    assert '<td class="number">7</td>' in shown
    assert "Largest transitions between steps" in shown


async def test_the_page_says_that_nothing_is_published_and_then_shows_it(
    client: httpx.AsyncClient, pathways: Pathways
) -> None:
    assert "Nothing has been published yet" in (await asked(client, "finance", "/pathways?lang=en")).text
    await january_and_february(pathways)
    shown = (await asked(client, "finance", "/pathways?lang=en")).text
    assert "Published figures as of" in shown
    assert "··" in shown
    assert "hidden, so that no single client shows" in shown
