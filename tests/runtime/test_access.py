import json
from pathlib import Path
from typing import Annotated

import httpx
import pytest
from fastapi import Depends, FastAPI, Request, Response

from services.runtime.access import COOKIE, Access, Principal, Role, allow, digest_of, install_problems, new_token
from services.runtime.problems import Problem

FINANCE = Principal(Role.FINANCE, "itu", "Finance officer")
SUPERVISOR = Principal(Role.SUPERVISOR, "itu", "Supervisor")


class Desk:
    """A site with one page for finance, one form for supervisors and one route that fails."""

    def __init__(self, access: Access) -> None:
        app = FastAPI()
        app.state.access = access
        install_problems(app)

        @app.get("/money")
        async def money(
            principal: Annotated[Principal, Depends(allow(Role.FINANCE))], month: int = 1
        ) -> dict[str, str | int]:
            return {"name": principal.name, "month": month}

        @app.post("/change")
        async def change(principal: Annotated[Principal, Depends(allow(Role.SUPERVISOR))]) -> str:
            return principal.name

        @app.get("/fails")
        async def fails() -> None:
            raise RuntimeError("about 131052-308T")

        self.app = app

    def client(self, **headers: str) -> httpx.AsyncClient:
        transport = httpx.ASGITransport(self.app, raise_app_exceptions=False)
        return httpx.AsyncClient(transport=transport, base_url="http://desk", headers=headers)


class Clock:
    def __init__(self) -> None:
        self.seconds = 1_000_000.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def access(clock: Clock) -> Access:
    access = Access(now=clock)
    access.add("finance-token", FINANCE)
    access.add("supervisor-token", SUPERVISOR)
    return access


@pytest.fixture
def desk(access: Access) -> Desk:
    return Desk(access)


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def test_a_token_names_its_bearer_and_no_other_text_does(access: Access) -> None:
    assert access.principal_of("finance-token") == FINANCE
    assert access.principal_of("finance-toke") is None
    assert access.principal_of("") is None
    assert access.principal_of(digest_of("finance-token")) is None


def test_a_token_that_was_never_set_lets_nobody_in() -> None:
    access = Access()
    access.add("", SUPERVISOR)
    assert access.principal_of("") is None


def test_fresh_tokens_differ_and_are_long() -> None:
    assert len({new_token() for _ in range(50)}) == 50
    assert len(new_token()) >= 43


def test_an_access_file_gives_its_bearers(tmp_path: Path) -> None:
    file = tmp_path / "access.json"
    entry = {"token_sha256": digest_of("t"), "role": "analyst", "authority": "itu", "name": "Analyst"}
    file.write_text(json.dumps([entry]))
    assert Access.load(file).principal_of("t") == Principal(Role.ANALYST, "itu", "Analyst")


def test_a_wrong_access_file_is_refused_by_entry_and_field_without_its_values(tmp_path: Path) -> None:
    file = tmp_path / "access.json"
    entry = {"token_sha256": "plain-secret", "role": "king", "authority": "itu", "name": "Analyst"}
    file.write_text(json.dumps([entry]))
    with pytest.raises(ValueError, match=r"0\.token_sha256.*0\.role") as refusal:
        Access.load(file)
    assert "plain-secret" not in str(refusal.value)


async def test_a_bearer_of_the_right_role_comes_in(desk: Desk) -> None:
    async with desk.client(**bearer("finance-token")) as client:
        answer = await client.get("/money")
    assert answer.json() == {"name": "Finance officer", "month": 1}


@pytest.mark.parametrize(
    "headers", [{}, bearer("wrong"), {"Authorization": "Basic Zm9vOmJhcg=="}, {"Authorization": "Bearer"}]
)
async def test_who_is_not_known_gets_401_and_how_to_ask(desk: Desk, headers: dict[str, str]) -> None:
    async with desk.client(**headers) as client:
        answer = await client.get("/money")
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == "Bearer"
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["title"] == "Not signed in"


async def test_another_role_gets_403_that_names_who_may(desk: Desk) -> None:
    async with desk.client(**bearer("supervisor-token")) as client:
        answer = await client.get("/money")
    assert answer.status_code == 403
    assert (answer.json()["role"], answer.json()["roles"]) == ("supervisor", ["finance"])


async def test_a_person_without_a_name_is_led_to_sign_in_and_back(desk: Desk) -> None:
    async with desk.client(Accept="text/html") as client:
        answer = await client.get("/money?month=3")
    assert (answer.status_code, answer.headers["location"]) == (303, "/sign-in?next=%2Fmoney%3Fmonth%3D3")


async def test_a_wrong_token_beside_a_good_cookie_does_not_come_in(desk: Desk, access: Access) -> None:
    async with desk.client(Cookie=f"{COOKIE}={access.session_for('finance-token')}", **bearer("wrong")) as client:
        assert (await client.get("/money")).status_code == 401


async def test_a_signed_in_person_comes_in(desk: Desk, access: Access) -> None:
    async with desk.client(Cookie=f"{COOKIE}={access.session_for('finance-token')}") as client:
        assert (await client.get("/money")).json()["name"] == "Finance officer"


def test_a_session_ends_after_a_working_day(access: Access, clock: Clock) -> None:
    cookie = access.session_for("finance-token")
    clock.seconds += 8 * 3600 - 1
    assert access.principal_of_session(cookie) == FINANCE
    clock.seconds += 1
    assert access.principal_of_session(cookie) is None


@pytest.mark.parametrize("forge", ["", "a.b.c", "{digest}.99999999999.{mac}", "{digest}.1.{mac}", "é.1.2"])
def test_a_forged_session_is_nobody(access: Access, forge: str) -> None:
    digest, _, mac = access.session_for("finance-token").split(".")
    assert access.principal_of_session(forge.format(digest=digest, mac=mac)) is None


def test_a_session_signed_with_another_secret_is_nobody(access: Access) -> None:
    other = Access(secret=b"another")
    other.add("finance-token", FINANCE)
    assert access.principal_of_session(other.session_for("finance-token")) is None


async def test_a_form_is_taken_from_our_own_pages_only(desk: Desk, access: Access) -> None:
    async with desk.client(Cookie=f"{COOKIE}={access.session_for('supervisor-token')}") as client:
        assert (await client.post("/change", headers={"Origin": "http://desk"})).status_code == 200
        assert (await client.post("/change", headers={"Origin": "http://elsewhere"})).status_code == 403
        assert (await client.post("/change", headers={"Sec-Fetch-Site": "cross-site"})).status_code == 403


async def test_a_wrong_parameter_is_named_but_its_value_is_not_told(desk: Desk) -> None:
    async with desk.client(**bearer("finance-token")) as client:
        answer = await client.get("/money?month=131052-308T")
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["parameter"] == "month"
    assert "131052" not in answer.text


async def test_an_unknown_address_and_method_are_problems_too(desk: Desk) -> None:
    async with desk.client() as client:
        missing, method = await client.get("/nowhere"), await client.delete("/money")
    assert (missing.status_code, missing.json()["title"]) == (404, "Not found")
    assert (method.status_code, method.headers["allow"]) == (405, "GET")
    assert method.headers["content-type"] == "application/problem+json"


async def test_an_unexpected_error_tells_nothing_of_itself(desk: Desk) -> None:
    async with desk.client() as client:
        answer = await client.get("/fails")
    assert answer.status_code == 500
    assert answer.json()["title"] == "Internal error"
    assert "131052" not in answer.text
    assert "RuntimeError" not in answer.text


async def test_a_person_sees_a_problem_as_a_page_where_there_is_a_shell(desk: Desk) -> None:
    def page(_request: Request, problem: Problem) -> Response:
        return Response(f"<h1>{problem.title}</h1>", problem.status, media_type="text/html")

    desk.app.state.problem_page = page
    async with desk.client(Accept="text/html") as client:
        assert (await client.get("/nowhere")).text == "<h1>Not found</h1>"


def test_a_route_for_nobody_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one role"):
        allow()
