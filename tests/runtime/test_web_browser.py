"""The shell as people meet it: in a browser, on a desk and on a phone, by keyboard, in light and dark."""

from collections.abc import Iterator
from typing import Annotated

import pytest
from fastapi import Depends, FastAPI, Request, Response
from jinja2 import ChoiceLoader, DictLoader
from playwright.sync_api import Browser, Page

from services.runtime.access import Access, Principal, Role, allow
from services.runtime.authorities import WHOLE_COUNTRY
from services.runtime.web.navigation import NavItem
from services.runtime.web.shell import DemoUser, page
from services.runtime.web.site import install_site
from tests.rigs.browser import (
    DESKTOP,
    NARROWEST,
    PHONE,
    accessibility_faults,
    chromium,
    overflow,
    page_of,
    served,
)

pytestmark = pytest.mark.browser

SUPERVISOR = Principal(Role.SUPERVISOR, "finland", "supervisor")
ITEMS = [
    NavItem("/stock", "Stock and flow", (Role.SUPERVISOR,), "Clients by step on a day, and who moved."),
    NavItem("/costs", "Costs", (Role.SUPERVISOR,), "What each month cost under each scheme."),
    NavItem("/alerts", "Alerts", (Role.SUPERVISOR,)),
]
WIDE = """{% extends "layout.html" %}
{% from "parts.html" import hidden_note, scrolling with context %}
{% block content %}<h1>Stock and flow</h1>
{% call scrolling("wide") %}<table><caption id="wide">Clients by step</caption>
<thead><tr><th scope="col">Municipality</th>{% for step in range(30) %}<th scope="col" class="number">Step {{ step }}</th>{% endfor %}</tr></thead>
<tbody><tr><th scope="row">Joensuu</th>{% for step in range(30) %}<td class="number">{{ (step * 1234)|number }}</td>{% endfor %}</tr></tbody>
</table>{% endcall %}{{ hidden_note() }}{% endblock %}"""  # noqa: E501 - HTML reads best in whole lines


def site() -> FastAPI:
    app = FastAPI(openapi_url=None)
    access = app.state.access = Access()
    access.add("token", SUPERVISOR)
    install_site(app, ITEMS, {WHOLE_COUNTRY.id: WHOLE_COUNTRY}, [DemoUser(SUPERVISOR, "token")])

    for environment in app.state.shell.environments.values():
        environment.loader = ChoiceLoader([environment.loader, DictLoader({"wide.html": WIDE})])

    @app.get("/stock")
    async def stock(request: Request, principal: Annotated[Principal, Depends(allow(Role.SUPERVISOR))]) -> Response:
        return page(request, "wide.html", principal)

    return app


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as running:
        yield running


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    with served(site()) as url:
        yield url


def sign_in(open_page: Page, address: str) -> None:
    open_page.goto(f"{address}/sign-in")
    open_page.locator("button[name=user]").click()
    open_page.wait_for_url(f"{address}/")


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("size", [DESKTOP, PHONE], ids=["desk", "phone"])
def test_every_page_of_the_shell_is_accessible(
    browser: Browser, address: str, size: tuple[int, int], *, dark: bool
) -> None:
    with page_of(browser, size, dark=dark) as open_page:
        open_page.goto(f"{address}/sign-in")
        assert accessibility_faults(open_page) == []
        sign_in(open_page, address)
        assert accessibility_faults(open_page) == []
        open_page.goto(f"{address}/stock")
        assert accessibility_faults(open_page) == []


@pytest.mark.parametrize(
    ("size", "language"),
    [(PHONE, "fi-FI"), (PHONE, "sv-FI"), (PHONE, "en-GB"), (NARROWEST, "fi-FI"), (DESKTOP, "sv-FI")],
)
def test_no_page_is_wider_than_the_screen(browser: Browser, address: str, size: tuple[int, int], language: str) -> None:
    with page_of(browser, size, language=language) as open_page:
        open_page.goto(f"{address}/sign-in")
        assert overflow(open_page) == 0
        sign_in(open_page, address)
        assert overflow(open_page) == 0
        open_page.goto(f"{address}/stock")
        assert overflow(open_page) == 0


def test_a_wide_table_scrolls_in_its_own_region_also_by_keyboard(browser: Browser, address: str) -> None:
    with page_of(browser, PHONE) as open_page:
        sign_in(open_page, address)
        open_page.goto(f"{address}/stock")
        region = open_page.get_by_role("region", name="Clients by step")
        region.focus()
        open_page.keyboard.press("ArrowRight")
        open_page.wait_for_function("document.querySelector('.scroll').scrollLeft > 0")


def test_the_keyboard_alone_signs_in_and_skips_to_the_content(browser: Browser, address: str) -> None:
    with page_of(browser, DESKTOP) as open_page:
        open_page.goto(f"{address}/sign-in")
        open_page.keyboard.press("Tab")
        skip = open_page.get_by_role("link", name="Skip to the content")
        assert skip.evaluate("link => link === document.activeElement && link.getBoundingClientRect().top >= 0")
        open_page.keyboard.press("Enter")
        open_page.keyboard.press("Tab")
        open_page.keyboard.press("Enter")
        open_page.wait_for_url(f"{address}/")


def test_focus_shows_on_every_control(browser: Browser, address: str) -> None:
    with page_of(browser, DESKTOP) as open_page:
        sign_in(open_page, address)
        for _ in range(9):
            open_page.keyboard.press("Tab")
            assert open_page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"


def test_pages_work_without_scripts_and_remember_the_language(browser: Browser, address: str) -> None:
    context = browser.new_context(java_script_enabled=False, locale="en-GB")
    open_page = context.new_page()
    sign_in(open_page, address)
    open_page.get_by_role("link", name="Svenska").click()
    assert open_page.locator("html").get_attribute("lang") == "sv"
    open_page.goto(f"{address}/")
    assert open_page.locator("html").get_attribute("lang") == "sv"
    context.close()
