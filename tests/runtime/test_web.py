"""The shell as a program sees it: sign-in, languages, navigation, headers."""

from collections.abc import Mapping
from typing import Annotated

import httpx
import pytest
from fastapi import Depends, FastAPI, Request, Response

from services.runtime.access import COOKIE, Access, Principal, Role, allow
from services.runtime.authorities import Authority
from services.runtime.web.navigation import NavItem
from services.runtime.web.shell import DemoUser, page
from services.runtime.web.site import install_site

SUPERVISOR = Principal(Role.SUPERVISOR, "itu", "supervisor")
FINANCE = Principal(Role.FINANCE, "itu", "Kirsi")
MACHINE = Principal(Role.SERVICE, "itu", "indicators")
ITU = Authority("itu", "Idän työllisyysalue", "Östra sysselsättningsområdet", "Eastern employment area", frozenset())
ITEMS = [
    NavItem("/stock", "Stock and flow", (Role.SUPERVISOR, Role.FINANCE), "Clients by step on a day."),
    NavItem("/alerts", "Alerts", (Role.SUPERVISOR,)),
]


def site() -> FastAPI:
    app = FastAPI(openapi_url=None)
    access = app.state.access = Access()
    for token, principal in {"s-token": SUPERVISOR, "f-token": FINANCE, "m-token": MACHINE}.items():
        access.add(token, principal)
    install_site(app, ITEMS, {"itu": ITU}, [DemoUser(SUPERVISOR, "s-token"), DemoUser(FINANCE, "f-token")])

    @app.get("/stock", include_in_schema=False)
    async def stock(request: Request, principal: Annotated[Principal, Depends(allow(Role.SUPERVISOR))]) -> Response:
        return page(request, "start.html", principal, offered=[])

    return app


def browser(base_url: str = "http://localhost:8080", **headers: str) -> httpx.AsyncClient:
    given = {"Accept": "text/html", "Accept-Language": "en", **headers}
    return httpx.AsyncClient(transport=httpx.ASGITransport(site()), base_url=base_url, headers=given)


async def test_a_stranger_is_led_to_sign_in() -> None:
    async with browser() as client:
        answer = await client.get("/", follow_redirects=True)
    assert answer.url.path == "/sign-in"
    assert "<h1>Sign in</h1>" in answer.text


async def test_a_token_opens_the_start_page_with_what_its_role_may_see() -> None:
    async with browser() as client:
        answer = await client.post("/sign-in", data={"token": " f-token "}, follow_redirects=True)
    assert answer.status_code == 200
    assert "Finance officer Kirsi, Eastern employment area" in answer.text
    assert 'href="/stock"' in answer.text
    assert 'href="/alerts"' not in answer.text


async def test_the_cookie_is_for_this_site_only_and_out_of_reach_of_scripts() -> None:
    async with browser() as client:
        here = (await client.post("/sign-in", data={"token": "f-token"})).headers["set-cookie"].lower()
    async with browser("https://askelma.example") as client:
        afar = (await client.post("/sign-in", data={"token": "f-token"})).headers["set-cookie"].lower()
    assert here.startswith(COOKIE)
    assert "httponly" in here
    assert "samesite=strict" in here
    assert "secure" not in here
    assert "secure" in afar


@pytest.mark.parametrize("form", [{"token": "wrong"}, {"token": ""}, {"token": "m-token"}, {"user": "7"}, {}])
async def test_who_is_not_a_known_person_is_not_let_in(form: dict[str, str]) -> None:
    async with browser() as client:
        answer = await client.post("/sign-in", data=form)
    assert answer.status_code == 401
    assert "set-cookie" not in answer.headers
    assert "not known here" in answer.text
    assert "wrong" not in answer.text.replace("notice wrong", "")


async def test_a_demo_user_comes_in_by_a_click_on_this_machine() -> None:
    async with browser() as client:
        answer = await client.post("/sign-in", data={"user": "1"}, follow_redirects=True)
    assert "Kirsi" in answer.text


async def test_demo_users_are_neither_shown_nor_served_under_a_foreign_name() -> None:
    async with browser("http://rebound.example") as client:
        assert "demo user" not in (await client.get("/sign-in")).text
        assert (await client.post("/sign-in", data={"user": "0"})).status_code == 401


async def test_a_form_of_another_site_signs_nobody_in_or_out() -> None:
    async with browser(Origin="http://elsewhere.example") as client:
        assert (await client.post("/sign-in", data={"user": "0"})).status_code == 403
        assert (await client.post("/sign-out")).status_code == 403


async def test_after_sign_in_people_arrive_where_they_were_going() -> None:
    async with browser() as client:
        assert 'value="/stock?month=2026-06"' in (await client.get("/stock?month=2026-06", follow_redirects=True)).text
        answer = await client.post("/sign-in", data={"token": "s-token", "after": "/stock?month=2026-06"})
    assert answer.headers["location"] == "/stock?month=2026-06"


@pytest.mark.parametrize("after", ["//evil.example", "https://evil.example", "/\\evil.example", "stock", "/a\nb"])
async def test_nobody_is_sent_to_another_site_after_sign_in(after: str) -> None:
    async with browser() as client:
        answer = await client.post("/sign-in", data={"token": "s-token", "after": after})
    assert answer.headers["location"] == "/"


async def test_sign_out_forgets_the_person() -> None:
    async with browser() as client:
        await client.post("/sign-in", data={"token": "s-token"})
        assert (await client.get("/")).status_code == 200
        await client.post("/sign-out")
        assert (await client.get("/")).status_code == 303


@pytest.mark.parametrize(
    ("accepted", "language"),
    [
        ("sv", "sv"),
        ("en-GB,en;q=0.9,fi;q=0.1", "en"),
        ("sv-FI;q=0.4, fi-FI;q=0.9", "fi"),
        ("de, fr;q=0.8", "fi"),
        ("", "fi"),
        ("en;q=wrong, ;;, sv;q=0", "fi"),
    ],
)
async def test_pages_speak_the_language_of_the_browser_or_finnish(accepted: str, language: str) -> None:
    async with browser(**{"Accept-Language": accepted}) as client:
        answer = await client.get("/sign-in")
    assert f'<html lang="{language}">' in answer.text
    assert answer.headers["content-language"] == language


async def test_a_chosen_language_is_kept() -> None:
    async with browser() as client:
        assert '<html lang="sv">' in (await client.get("/sign-in?lang=sv")).text
        assert '<html lang="sv">' in (await client.get("/sign-in")).text
        assert '<html lang="sv">' in (await client.get("/sign-in?lang=xx")).text


async def test_the_language_switch_keeps_the_rest_of_the_address() -> None:
    async with browser() as client:
        text = (await client.get("/sign-in?next=%2Fstock")).text
    assert 'href="/sign-in?next=%2Fstock&amp;lang=sv"' in text


async def test_every_answer_carries_the_security_headers_and_pages_are_not_kept() -> None:
    expected: Mapping[str, str] = {
        "x-content-type-options": "nosniff",
        "referrer-policy": "same-origin",
        "cache-control": "no-store",
    }
    async with browser() as client:
        for path in ("/sign-in", "/nowhere", "/"):
            answer = await client.get(path)
            assert expected.items() <= dict(answer.headers).items()
            assert "default-src 'self'" in answer.headers["content-security-policy"]
            assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]


async def test_the_style_may_be_kept_a_while() -> None:
    async with browser() as client:
        answer = await client.get("/static/askelma.css")
    assert answer.headers["content-type"].startswith("text/css")
    assert answer.headers["cache-control"] == "public, max-age=3600"


async def test_nothing_is_loaded_from_another_host() -> None:
    async with browser() as client:
        for path in ("/sign-in", "/static/askelma.css"):
            assert "//" not in (await client.get(path)).text.replace("http://www.w3.org/2000/svg", "")


async def test_a_person_sees_a_problem_as_a_page_and_a_program_as_a_document() -> None:
    async with browser() as client:
        person = await client.get("/nowhere")
        program = await client.get("/nowhere", headers={"Accept": "*/*"})
    assert "<h1>Not found</h1>" in person.text
    assert person.status_code == program.status_code == 404
    assert program.headers["content-type"] == "application/problem+json"


async def test_a_page_for_another_role_says_so() -> None:
    async with browser() as client:
        await client.post("/sign-in", data={"user": "1"})
        answer = await client.get("/stock")
    assert answer.status_code == 403
    assert "<h1>Not for this role</h1>" in answer.text
    assert "Kirsi" in answer.text
