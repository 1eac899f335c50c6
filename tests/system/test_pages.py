"""All pages of the running system, for every demo user: accessible, no wider than the screen, in three languages."""

import asyncio
from typing import Final, NamedTuple

import pytest
from playwright.sync_api import Browser, Page

from services.demo.domain.events import DoorEvent
from services.demo.stream import stream
from tests.rigs.browser import DESKTOP, PHONE, accessibility_faults, chromium, overflow, page_of
from tests.system.conftest import Start

pytestmark = [pytest.mark.wire, pytest.mark.browser]

CLIENTS: Final = 10
USERS: Final = ("Supervisor", "Finance officer", "Coordinator", "Administrator")


class View(NamedTuple):
    """How somebody looks at a page."""

    size: tuple[int, int]
    language: str
    dark: bool


VIEWS: Final = (
    (View(DESKTOP, "en-GB", dark=False), USERS),
    (View(PHONE, "fi-FI", dark=False), USERS[:2]),
    (View(DESKTOP, "sv-FI", dark=True), USERS[:1]),
)
"""Each view, and for whom; a page that several may open is the same page for all of them."""


async def test_every_page_is_accessible_and_fits_for_every_user(start: Start) -> None:
    events: list[DoorEvent] = [event for sending in stream(7, clients=CLIENTS) for event in sending.events]
    async with start() as system:
        await system.send(events)
        await system.settled()
        seen = await asyncio.to_thread(walk, system.running.host.url)
    assert {"/alerts", "/costs", "/pathways"} <= seen


def walk(address: str) -> set[str]:
    """Open every page that the navigation offers to each user, in each view; return the paths opened."""
    with chromium() as browser:
        return {path for view, users in VIEWS for user in users for path in walk_as(browser, address, user, view)}


def walk_as(browser: Browser, address: str, user: str, view: View) -> list[str]:
    with page_of(browser, view.size, language=view.language, dark=view.dark) as page:
        page.goto(f"{address}/sign-in")
        page.locator("button[name=user]").nth(USERS.index(user)).click()
        page.wait_for_url(f"{address}/")
        paths = [link.get_attribute("href") or "" for link in page.locator("nav.rooms a").all()]
        for path in ("/", *paths):
            page.goto(address + path)
            holds(page, f"{path} for {user} in {view.language}")
        return paths


def holds(page: Page, where: str) -> None:
    assert accessibility_faults(page) == [], where
    assert overflow(page) == 0, where
    assert page.locator("h1").count() == 1, where
