"""Query parameters that no route knows."""

from collections.abc import AsyncIterator
from typing import Annotated

import httpx
import pytest
from fastapi import APIRouter, FastAPI, Query
from pydantic import BaseModel, Field, JsonValue

from services.runtime.parameters import install_parameters
from services.runtime.problems import install_problems


class Span(BaseModel):
    """A model of parameters, one of them under another name."""

    start: Annotated[int, Field(alias="from")] = 1
    end: Annotated[int, Field(alias="to")] = 2


def routes() -> APIRouter:
    router = APIRouter(prefix="/v1")

    @router.get("/spans/{name}")
    async def spans(name: str, span: Annotated[Span, Query()], limit: int = 5) -> dict[str, JsonValue]:
        return {"name": name, "start": span.start, "limit": limit}

    @router.post("/spans/{name}")
    async def change(name: str) -> str:
        return name

    @router.get("/page", include_in_schema=False)
    async def page() -> str:
        return "page"

    return router


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    app = FastAPI()
    install_problems(app)
    install_parameters(app)
    app.include_router(routes())
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://desk") as given:
        yield given


async def test_parameters_that_a_route_declares_are_taken(client: httpx.AsyncClient) -> None:
    answer = await client.get("/v1/spans/a?from=3&to=4&limit=6")
    assert answer.json() == {"name": "a", "start": 3, "limit": 6}


async def test_each_unknown_parameter_is_named_with_the_known_ones(client: httpx.AsyncClient) -> None:
    answer = await client.get("/v1/spans/a?form=3&to=4&start=1")
    assert (answer.status_code, answer.headers["content-type"]) == (422, "application/problem+json")
    assert answer.json()["detail"] == "form is not a parameter of this address; known are from, to, limit."
    assert [each["parameter"] for each in answer.json()["errors"]] == ["form", "start"]


async def test_a_method_has_parameters_of_its_own(client: httpx.AsyncClient) -> None:
    answer = await client.post("/v1/spans/a?limit=6")
    assert (answer.status_code, answer.json()["errors"]) == (
        422,
        [{"parameter": "limit", "reason": "is not a parameter of this address; this address takes none"}],
    )


async def test_a_name_that_may_be_personal_is_not_repeated(client: httpx.AsyncClient) -> None:
    answer = await client.get("/v1/spans/a?131052-308T=1")
    assert answer.json()["errors"][0]["parameter"] == "?"
    assert "131052" not in answer.text


async def test_pages_take_any_parameter(client: httpx.AsyncClient) -> None:
    assert (await client.get("/v1/page?from=a-newsletter")).status_code == 200
