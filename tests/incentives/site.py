"""This room's routes behind the shell, over six clients of Lahti in October 2025, and who asks them."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, date, datetime

import httpx
from fastapi import FastAPI
from sqlalchemy import text

from services.incentives import explain_routes
from services.incentives.explaining import Explanations
from services.incentives.publishing import CostFigures
from services.incentives.routes import CostBook, api_routes, page_routes
from services.runtime.access import Access, Principal, Role
from services.runtime.authorities import Authority
from services.runtime.clock import ManualClock
from services.runtime.publications import Publication
from services.runtime.web.site import install_site
from tests.incentives.streams import ANN, AUTHORITY, MUNICIPALITIES, RULES, Room, counter, paid, pathway

AREA = Authority(AUTHORITY, "Alue", "Området", "The area", frozenset(MUNICIPALITIES))
OTHER = Authority("other", "Toinen", "Andra", "The other", frozenset({"091"}))
AUTHORITIES = {AUTHORITY: AREA, "other": OTHER}
WHO = {
    "supervisor": Principal(Role.SUPERVISOR, AUTHORITY, "Saara"),
    "finance": Principal(Role.FINANCE, AUTHORITY, "Kirsi"),
    "coordinator": Principal(Role.COORDINATOR, AUTHORITY, "kaisa-1"),
    "successor": Principal(Role.COORDINATOR, AUTHORITY, "leo-2"),
    "stranger": Principal(Role.SUPERVISOR, "other", "Sami"),
}
NAMES = [ANN, *(f"c1-{number}" for number in range(1, 6))]
NOW = datetime(2025, 12, 6, 10, tzinfo=UTC)


@asynccontextmanager
async def site(room: Room) -> AsyncIterator[httpx.AsyncClient]:
    """Give a client of the routes. All six people are Kaisa's but the last, who is nobody's."""
    app = FastAPI()
    access = app.state.access = Access()
    for token, principal in WHO.items():
        access.add(token, principal)
    install_site(app, [], AUTHORITIES)
    book = CostBook(room.database, ManualClock(NOW), RULES.schemes, AUTHORITIES)
    explanations = Explanations(book)
    for routes in (api_routes(book), page_routes(book)):
        app.include_router(routes)
    for routes in (explain_routes.api_routes(explanations), explain_routes.page_routes(explanations)):
        app.include_router(routes)
    await fill(room)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://localhost") as given:
        yield given


async def fill(room: Room) -> None:
    hers = [(date(2024, 1, 1), "kaisa-1")]
    await room.pathways(
        *(pathway(1, [(date(2024, 1, 1), "398")], client=name, coordinators=hers) for name in NAMES[:-1]),
        pathway(1, [(date(2024, 1, 1), "398")], client=NAMES[-1]),
    )
    await room.facts(
        *(counter(f"c{number}", date(2025, 10, 1), 187, client=name) for number, name in enumerate(NAMES)),
        *(
            paid(f"p{number}", date(2025, 10, 1), date(2025, 10, 31), 20, client=name)
            for number, name in enumerate(NAMES)
        ),
    )


async def published(room: Room, month: date = date(2025, 10, 1), last: date = date(2025, 10, 31)) -> None:
    figures = CostFigures(room.database, AUTHORITIES, RULES.schemes, room.metrics)
    publication = Publication(AUTHORITY, month, last, 7, NOW)
    async with room.database.transaction() as session:
        await session.execute(
            text("INSERT INTO incentives.publication VALUES (:a, :m, :d, 7, :n)"),
            {"a": AUTHORITY, "m": month, "d": last, "n": NOW},
        )
        await figures.make(session, [publication])


def bearer(who: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {who}"}
