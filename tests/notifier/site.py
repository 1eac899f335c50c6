"""The notifier's routes behind the shell, as a process serves them."""

from fastapi import FastAPI

from services.notifier.routes import SEE_PAGE, Lists, api_routes, page_routes
from services.runtime.access import Access, Principal, Role
from services.runtime.web.navigation import NavItem
from services.runtime.web.site import install_site
from tests.notifier.conftest import AUTHORITIES, Room

PEOPLE = {
    "supervisor": Principal(Role.SUPERVISOR, "demo", "supervisor"),
    "coach-1": Principal(Role.COORDINATOR, "demo", "coach-1"),
    "coach-2": Principal(Role.COORDINATOR, "demo", "coach-2"),
    "finance": Principal(Role.FINANCE, "demo", "finance"),
    "analyst": Principal(Role.ANALYST, "demo", "analyst"),
    "admin": Principal(Role.ADMIN, "demo", "admin"),
    "elsewhere": Principal(Role.SUPERVISOR, "kuopio", "supervisor"),
}
"""Whom each token, of the same name, lets in."""


def site(room: Room) -> FastAPI:
    app = FastAPI(openapi_url=None)
    app.state.access = Access()
    for token, principal in PEOPLE.items():
        app.state.access.add(token, principal)
    lists = Lists(room.database, room.clock)
    install_site(app, [NavItem("/alerts", "Alerts", SEE_PAGE)], AUTHORITIES)
    app.include_router(api_routes(lists))
    app.include_router(page_routes(lists, AUTHORITIES))
    return app
