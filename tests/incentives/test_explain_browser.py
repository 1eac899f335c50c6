"""The page of explanations as people meet it: on a desk and on a phone, in three languages, without JavaScript.

What the page is told is fixed here; that it is told the truth is held in `test_explain_routes`.
"""

from collections.abc import Iterator
from dataclasses import asdict
from datetime import UTC, date, datetime

import pytest
from fastapi import FastAPI
from playwright.sync_api import Browser, Page

from services.incentives.domain.payments import Payment, column, counter_sets, payments_in_order, track
from services.incentives.domain.reckoning import Ledger
from services.incentives.explain_routes import SEE_EXPLANATIONS, page_routes
from services.incentives.explaining import Explanations, client_under, steps_told
from services.incentives.explanations import ClientExplained, CounterTold
from services.incentives.reporting import CostFigure, Range
from services.incentives.routes import CostBook, Found
from services.incentives.rule_files import rule_book
from services.runtime.access import Access, Principal, Role
from services.runtime.authorities import Authority
from services.runtime.clock import ManualClock
from services.runtime.database import Database
from services.runtime.web.navigation import NavItem
from services.runtime.web.shell import DemoUser
from services.runtime.web.site import install_site
from tests.rigs.browser import DESKTOP, NARROWEST, PHONE, accessibility_faults, chromium, overflow, page_of, served

pytestmark = pytest.mark.browser

NOW = datetime(2025, 12, 6, 10, tzinfo=UTC)
DEMO = {"demo": Authority("demo", "Demo", "Demo", "Demo", frozenset({"167", "398"}))}
CLIENT = "c1-k3q7m2v9x4b8n5c6z7l2p4r8t3"
USERS = (Principal(Role.SUPERVISOR, "demo", "saara"), Principal(Role.FINANCE, "demo", "kirsi"))
SCHEMES = rule_book().schemes
PAYMENTS = [
    Payment(
        0, date(2025, month, 28), f"batch-of-{month}", date(2025, month, 1), date(2025, month, 28), 19,
        "labour_market_subsidy", "unemployment", 70_699, 70_699, source="kela/maksatus", id=f"maksu-2025-{month}-01",
    )
    for month in (8, 9, 10)
]  # fmt: skip
FIGURES = [
    CostFigure(date(2025, 10, 1), "*", "law", "*", 40, 800, 2_976_800, 223_260),
    CostFigure(date(2025, 10, 1), "*", "law", "101-200", 30, 600, 2_232_600, 223_255, 31, 1),
    CostFigure(date(2025, 10, 1), "*", "law", "201-300", None, None, None, None),
]


class Book(CostBook):
    """Costs of one published month."""

    async def find(self, principal: Principal, asked: Range) -> Found:
        del principal, asked
        return Found(FIGURES, "publications", date(2025, 10, 31), is_published=True, months=[date(2025, 10, 1)])

    async def newest_month(self, principal: Principal) -> date:
        del principal
        return date(2025, 10, 1)


class Told(Explanations):
    """Explains one client, and the figures of the book."""

    async def of_client(self, who: Principal, client: str, scheme: str | None, language: str) -> ClientExplained | None:
        del who
        if client != CLIENT:
            return None
        carried = counter_sets([(0, "law_2025", date(2025, 1, 1), 171)])
        ledger = Ledger(1, payments_in_order(PAYMENTS), column([398] * 3), carried, track([]), track([]))
        return ClientExplained(
            client=client,
            as_of=date(2025, 12, 6),
            note="",
            counters=[
                CounterTold(
                    source="kela", id="c-1", counter="law_2025", on=date(2025, 1, 1), days=171, reason="carried_over"
                )
            ],
            steps=steps_told([(date(2025, 1, 1).toordinal(), 1), (date(2025, 9, 10).toordinal(), 3)]),
            schemes=[client_under(SCHEMES[scheme or "law"], ledger, [asdict(one) for one in PAYMENTS], language)],
        )


def site() -> FastAPI:
    app = FastAPI(openapi_url=None)
    app.state.access = Access()
    people = [DemoUser(principal, principal.name) for principal in USERS]
    for user in people:
        app.state.access.add(user.token, user.principal)
    install_site(app, [NavItem("/costs/explain", "Costs explained", SEE_EXPLANATIONS)], DEMO, people)
    database = Database("postgresql+asyncpg://nobody@127.0.0.1:1/none", service="incentives")  # never asked
    app.include_router(page_routes(Told(Book(database, ManualClock(NOW), SCHEMES, DEMO))))
    return app


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as running:
        yield running


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    with served(site()) as url:
        yield url


def signed_in(open_page: Page, address: str, user: int = 0) -> Page:
    open_page.goto(f"{address}/sign-in")
    open_page.locator("button[name=user]").nth(user).click()
    open_page.wait_for_url(f"{address}/")
    return open_page


@pytest.mark.parametrize(
    ("size", "language", "dark"),
    [(DESKTOP, "en-GB", False), (PHONE, "fi-FI", False), (NARROWEST, "sv-FI", False), (PHONE, "sv-FI", True)],
    ids=["desk", "phone", "narrowest", "dark"],
)
def test_the_page_fits_every_screen_and_is_accessible(
    browser: Browser, address: str, size: tuple[int, int], language: str, *, dark: bool
) -> None:
    with page_of(browser, size, language=language, dark=dark) as open_page:
        signed_in(open_page, address)
        for query in (f"client={CLIENT}&scheme=progress-pause", "month=2025-10"):
            open_page.goto(f"{address}/costs/explain?{query}")
            assert overflow(open_page) == 0, query
            assert accessibility_faults(open_page) == [], query


def test_the_forms_work_without_scripts_and_by_keyboard(browser: Browser, address: str) -> None:
    context = browser.new_context(java_script_enabled=False, locale="en-GB")
    open_page = signed_in(context.new_page(), address)
    open_page.goto(f"{address}/costs/explain")
    field = open_page.get_by_label("Client reference")
    field.fill(f" {CLIENT} ")
    field.press("Enter")
    assert open_page.get_by_text("counter 190 → 209").is_visible()
    open_page.get_by_role("button", name="Show").click()
    assert open_page.get_by_role("row", name="days 101–200").get_by_text("31").is_visible()
    context.close()


def test_what_is_hidden_is_marked_and_explained(browser: Browser, address: str) -> None:
    with page_of(browser, DESKTOP) as open_page:
        signed_in(open_page, address, user=1).goto(f"{address}/costs/explain")
        assert open_page.get_by_text("hidden, so that no single client shows").is_visible()
        assert open_page.get_by_role("row", name="days 201–300").get_by_text("··").count() == 5
        assert open_page.get_by_label("Client reference").count() == 0
