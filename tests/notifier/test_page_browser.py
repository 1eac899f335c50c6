"""The page of alerts as people meet it: on a desk and on a phone, in three languages, without JavaScript.

What the page is told is fixed here; that it is told the truth is held in `test_routes`.
"""

from collections.abc import Iterator
from datetime import date

import pytest
from fastapi import FastAPI
from playwright.sync_api import Browser, Page

from services.notifier.listing import ListedAlert
from services.notifier.published import Published, PublishedCount
from services.notifier.routes import SEE_PAGE, Asked, Lists, page_routes
from services.runtime.access import Access, Principal
from services.runtime.authorities import Authority
from services.runtime.web.navigation import NavItem
from services.runtime.web.shell import DemoUser
from services.runtime.web.site import install_site
from tests.notifier.site import PEOPLE
from tests.rigs.browser import DESKTOP, NARROWEST, PHONE, accessibility_faults, chromium, overflow, page_of, served

pytestmark = pytest.mark.browser

SINCE = date(2026, 4, 16)
CLIENT = "c1-k3q7m2v9x4b8n5c6z7l2p4r8t3"
DEMO = {"demo": Authority("demo", "Demo", "Demo", "Demo", frozenset({"167", "240", "285", "398", "743"}))}


def listed(rule: str, severity: str, *reasons: str) -> ListedAlert:
    return ListedAlert(CLIENT, rule, "k", SINCE, severity, "raised", "167", "coach-1", reasons, 0)  # type: ignore[arg-type]


ALERTS = [
    listed("initial_interview_missing", "high", "spell:2026-04-01", "due:2026-04-15"),
    listed("setback", "high", "employment:W1", "fell:2026-04-01"),
    listed("setback", "high", "step:6@2026-01-01", "fell:2026-04-01"),
    listed("contact_gap", "medium", "meeting:2026-01-15", "due:2026-04-15"),
    listed("service_without_follow_on", "medium", "service:S1", "ended:2026-03-17"),
    listed("threshold_near", "low", "class:101-200", "next:201-300", "days:12"),
]


class Told(Lists):
    """Lists that say what this test gives them."""

    def __init__(self) -> None:
        """Need no database."""

    async def alerts(self, principal: Principal, asked: Asked) -> tuple[dict[str, int], list[ListedAlert], str | None]:
        del principal
        found = [one for one in ALERTS if asked.rule in {None, one.rule}]
        return {one.rule: 1 for one in found}, found, "more" if asked.rule is None else None

    async def published(self, principal: Principal) -> Published | None:
        del principal
        rows = [
            ("contact_gap", "*", None),
            ("contact_gap", "167", None),
            ("contact_gap", "398", 12),
            ("setback", "*", 0),
        ]
        return Published(date(2026, 6, 1), [PublishedCount(rule, place, "medium", n) for rule, place, n in rows])


def site() -> FastAPI:
    app = FastAPI(openapi_url=None)
    app.state.access = Access()
    people = [DemoUser(PEOPLE[name], name) for name in ("coach-1", "finance")]
    for user in people:
        app.state.access.add(user.token, user.principal)
    install_site(app, [NavItem("/alerts", "Alerts", SEE_PAGE)], DEMO, people)
    app.include_router(page_routes(Told(), DEMO))
    return app


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as running:
        yield running


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    with served(site()) as url:
        yield url


def open_alerts(open_page: Page, address: str, user: int = 0) -> None:
    open_page.goto(f"{address}/sign-in")
    open_page.locator("button[name=user]").nth(user).click()
    open_page.wait_for_url(f"{address}/")
    open_page.goto(f"{address}/alerts")


@pytest.mark.parametrize("user", [0, 1], ids=["coordinator", "finance"])
@pytest.mark.parametrize("size", [DESKTOP, PHONE, NARROWEST], ids=["desk", "phone", "narrowest"])
@pytest.mark.parametrize("language", ["fi-FI", "sv-FI", "en-GB"])
def test_the_page_fits_every_screen_and_is_accessible(
    browser: Browser, address: str, user: int, size: tuple[int, int], language: str
) -> None:
    with page_of(browser, size, language=language) as open_page:
        open_alerts(open_page, address, user)
        assert overflow(open_page) == 0
        assert accessibility_faults(open_page) == []


def test_the_page_is_accessible_in_the_dark(browser: Browser, address: str) -> None:
    with page_of(browser, PHONE, dark=True) as open_page:
        open_alerts(open_page, address)
        assert accessibility_faults(open_page) == []


def test_filters_work_without_scripts(browser: Browser, address: str) -> None:
    context = browser.new_context(java_script_enabled=False, locale="en-GB")
    open_page = context.new_page()
    open_alerts(open_page, address)
    assert open_page.locator("tbody tr").count() == len(ALERTS)
    open_page.get_by_label("Why").select_option("setback")
    open_page.get_by_role("button", name="Show").click()
    assert open_page.locator("tbody tr").count() == 2
    assert open_page.get_by_label("Why").input_value() == "setback"
    assert "rule=setback" in open_page.url
    context.close()


def test_what_is_hidden_is_marked_and_explained(browser: Browser, address: str) -> None:
    with page_of(browser, DESKTOP) as open_page:
        open_alerts(open_page, address, user=1)
        assert open_page.get_by_text("hidden, so that no single client shows").is_visible()
        assert open_page.get_by_role("row", name="Lahti").get_by_text("12").is_visible()
