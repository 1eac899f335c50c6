"""Every route, with the wrong role's and the wrong authority's credentials."""

import json
import re
from collections.abc import Iterator
from typing import Final

import httpx
import pytest
from fastapi import FastAPI
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute

from services.demo.domain.events import DoorEvent
from services.demo.stream import stream
from services.runtime.access import Access, Allowed, Principal, Role
from services.runtime.authorities import WHOLE_COUNTRY, Authority
from services.runtime.operation import operation_routes
from services.runtime.web import sign_in
from services.runtime.web.site import install_site
from tests.system.conftest import Start, System

pytestmark = pytest.mark.wire

OPEN: Final = {"/health", "/ready", "/metrics", "/sign-in", "/sign-out"}
"""Routes for anybody: they hold nothing of anybody."""
KEYED: Final = {"/v1/events"}
"""Takes keys of senders, whose tests are ingest's."""

CLIENTS: Final = 12
NOBODY: Final = f"c1-{26 * 'a'}"
CLIENT: Final = re.compile(r"c\d+-[a-z2-7]{26}")
ELSEWHERE: Final = Authority("elsewhere", "Muualla", "Annanstans", "Elsewhere", WHOLE_COUNTRY.municipalities)

SPAN: Final = {"from": "2025-07", "to": "2026-06"}
QUERIES: Final[dict[str, dict[str, str]]] = {
    "/v1/indicators/stock": {"on": "2026-06-30"},
    "/v1/indicators/flow": {"from": "2026-01-01", "to": "2026-06-30"},
    "/v1/indicators/transitions": {"of": "step", **SPAN},
    "/v1/costs": SPAN,
    "/v1/explain": SPAN,
    "/v1/publications": {"service": "indicators"},
    "/v1/journal/watermark": {"until": "2026-06-30T00:00:00Z"},
}
OF_CLIENTS: Final[dict[str, dict[str, str]]] = {"/v1/explain": {"client": "{client}"}}
"""What those who may see clients ask instead."""
BODIES: Final[dict[str, dict[str, object]]] = {
    "/v1/replay": {"from": 0, "to": 0},
    "/v1/senders": {"name": "registry"},
}

WITHOUT_EFFECT: Final = {
    ("DELETE", "/v1/senders/{name}/keys"): 404,
    ("POST", "/v1/publications"): 409,
    ("POST", "/v1/reconciliations"): 422,
}
"""What those who may come in are answered where there is nothing to do."""


def routes_of(system: System) -> list[APIRoute]:
    routers = [router for one in system.running.host.hosted for router in one.service.routers]
    routes = [route for router in (*routers, operation_routes(), sign_in.router) for route in router.routes]
    return [route for route in routes if isinstance(route, APIRoute)]


def allowed(route: APIRoute) -> list[Allowed]:
    return [found.call for found in flattened(route.dependant) if isinstance(found.call, Allowed)]


def flattened(dependant: Dependant) -> Iterator[Dependant]:
    for each in dependant.dependencies:
        yield each
        yield from flattened(each)


class Door:
    """The running system's routes, with tokens for every role here and elsewhere."""

    def __init__(self, system: System) -> None:
        self.app = FastAPI()
        access = self.app.state.access = Access()
        self.app.state.host = system.running.host
        for role in Role:
            for authority in (WHOLE_COUNTRY, ELSEWHERE):
                access.add(f"{role}@{authority.id}", Principal(role, authority.id, "coordinator-1"))
        install_site(self.app, [], {each.id: each for each in (WHOLE_COUNTRY, ELSEWHERE)})
        for one in system.running.host.hosted:
            for router in one.service.routers:
                self.app.include_router(router)
        self.app.include_router(operation_routes())

    async def ask(self, method: str, path: str, client: str, token: str = "") -> httpx.Response:
        transport = httpx.ASGITransport(self.app)
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        filled = path.replace("{client}", client).replace("{name}", "nobody")
        sees_clients = token.partition("@")[0] in {Role.SUPERVISOR, Role.COORDINATOR}
        query = OF_CLIENTS.get(path, QUERIES.get(path, {})) if sees_clients else QUERIES.get(path, {})
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost", timeout=60) as http:
            return await http.request(
                method,
                filled,
                params={name: value.replace("{client}", client) for name, value in query.items()}
                if method == "GET"
                else {},
                json=BODIES.get(path),
                headers=headers,
            )


async def fill(system: System) -> str:
    """Let a few people live in the system, and return one of them."""
    events: list[DoorEvent] = [event for sending in stream(7, clients=CLIENTS) for event in sending.events]
    await system.send(events)
    await system.settled()
    found = CLIENT.search(json.dumps(await system.asked("/v1/alerts", limit="1")))
    assert found is not None
    return found[0]


async def test_every_route_is_for_listed_roles_and_nobody_else_comes_in(start: Start) -> None:
    async with start() as system:
        door, client = Door(system), await fill(system)
        for route in routes_of(system):
            if route.path in OPEN | KEYED:
                continue
            assert len(allowed(route)) == 1, f"{route.path} does not say who may come in"
            for method in route.methods or ():
                await lets_in_only(door, method, route.path, client, allowed(route)[0].roles)


async def lets_in_only(door: Door, method: str, path: str, client: str, roles: frozenset[Role]) -> None:
    assert (await door.ask(method, path, client)).status_code == 401, path
    assert (await door.ask(method, path, client, "made-up")).status_code == 401, path
    for role in Role:
        answer = await door.ask(method, path, client, f"{role}@{WHOLE_COUNTRY.id}")
        welcome = {200, 404} if role is Role.COORDINATOR else {200, 201, 202, WITHOUT_EFFECT.get((method, path), 200)}
        assert answer.status_code in (welcome if role in roles else {403}), f"{role} at {method} {path}: {answer.text}"


async def test_nobody_sees_anything_of_another_authority(start: Start) -> None:
    async with start() as system:
        door = Door(system)
        before = await seen_elsewhere(system, door, NOBODY)
        client = await fill(system)
        after = await seen_elsewhere(system, door, client)
        here = await door.ask("GET", "/v1/alerts", client, f"{Role.SUPERVISOR}@{WHOLE_COUNTRY.id}")
    assert CLIENT.search(here.text)
    assert before == after
    assert not CLIENT.search(json.dumps(after))


async def seen_elsewhere(system: System, door: Door, client: str) -> dict[str, tuple[int, str]]:
    """Return what each role of another authority is answered at each route that changes nothing."""
    seen = {}
    for route in routes_of(system):
        for role in allowed(route)[0].roles - {Role.SERVICE} if allowed(route) else ():
            if route.methods == {"GET"}:
                answer = await door.ask("GET", route.path, client, f"{role}@{ELSEWHERE.id}")
                seen[f"{role} {route.path}"] = (answer.status_code, answer.text)
    return seen
