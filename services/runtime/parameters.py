"""Query parameters that a JSON route does not declare are refused: a misspelt filter must not widen an answer."""

from collections.abc import Sequence
from typing import Final

from fastapi import Depends, FastAPI, Request
from fastapi.routing import APIRoute
from pydantic import BaseModel, Field

from services.runtime.problems import unknown_parameters


class _Parameter(BaseModel):
    name: str
    place: str = Field(alias="in")


class _Operation(BaseModel):
    parameters: Sequence[_Parameter] = ()


_NOTHING: Final[dict[str, object]] = {}


def install_parameters(app: FastAPI) -> None:
    """Make every JSON route of `app` refuse, with 422, query parameters that `/openapi.json` does not list for it.

    Call it before routes are added. What is not in the description, such as pages, takes any parameter.
    """
    app.router.dependencies.append(Depends(_only_known))


async def _only_known(request: Request) -> None:
    if not request.query_params:
        return
    known = _known(request)
    if known is not None and (unknown := [name for name in request.query_params if name not in known]):
        raise unknown_parameters(unknown, known)


def _known(request: Request) -> list[str] | None:
    """Return the names of the query parameters of the route that matched, None: it is not in the description."""
    route = request.scope["route"]
    assert isinstance(route, APIRoute)  # noqa: S101 - only those have dependencies
    described = request.app.openapi()["paths"].get(route.path_format, _NOTHING).get(request.method.lower())
    if described is None:
        return None
    return [one.name for one in _Operation.model_validate(described).parameters if one.place == "query"]
