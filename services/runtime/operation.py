"""Routes for those who run Askelma: is it alive, is it ready, what does it count, what has it published."""

from datetime import date
from typing import Annotated

from fastapi import APIRouter, Depends, Request
from fastapi.responses import JSONResponse, PlainTextResponse
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from pydantic import BaseModel, JsonValue

from services.runtime.access import Principal, Problem, Role, allow
from services.runtime.problems import unusable
from services.runtime.publications import made


class FirstOne(BaseModel):
    """The publication that an administrator made."""

    month: str
    as_of: date


def operation_routes() -> APIRouter:
    """Return the routes that every process has: health, readiness, metrics, publications made."""
    router = APIRouter()

    @router.get("/health")
    async def health() -> dict[str, str]:
        """Say that the process lives."""
        return {"status": "alive"}

    @router.get("/ready")
    async def ready(request: Request) -> JSONResponse:
        """Say whether every service can do its work, and if not, why."""
        reasons = await request.app.state.host.ready()
        return JSONResponse({"ready": not reasons, "reasons": reasons}, 503 if reasons else 200)

    @router.get("/metrics")
    async def metrics(request: Request) -> PlainTextResponse:
        """Give all metrics in the text format of Prometheus, readiness as of now among them."""
        host = request.app.state.host
        await host.ready()
        return PlainTextResponse(generate_latest(host.platform.registry), media_type=CONTENT_TYPE_LATEST)

    _publication_routes(router)
    return router


def _publication_routes(router: APIRouter) -> None:
    @router.get("/v1/publications")
    async def publications(
        request: Request, service: str, who: Annotated[Principal, Depends(allow(*Role))], authority: str | None = None
    ) -> dict[str, JsonValue]:
        """Give the months that `service` has published, oldest first; to services also their journal numbers."""
        host = request.app.state.host
        names = [one.service.name for one in host.hosted]
        if service not in names:
            raise unusable("service", f"is not one that answers here; these are {', '.join(names)}")
        asked = authority if who.role is Role.SERVICE and authority else who.authority
        async with host.platform.database.transaction() as session:
            found = await made(session, service, asked)
        months: list[JsonValue] = [_text(publication.month) for publication in found]
        if who.role is not Role.SERVICE:
            return {"months": months}
        return {"months": months, "numbers": [publication.seq for publication in found]}

    @router.post("/v1/publications", status_code=201)
    async def begin_publications(request: Request, who: Annotated[Principal, Depends(allow(Role.ADMIN))]) -> FirstOne:
        """Make the first publication of the admin's authority now, of the last whole month; the other rooms follow."""
        found = [one.publications for one in request.app.state.host.hosted if one.publications]
        beginning = next((one for one in found if one.begins), None)
        if beginning is None:
            raise Problem(404, "Not here", "The first publication begins in indicators. Send this to its address.")
        publication = await beginning.begin(who.authority)
        return FirstOne(month=_text(publication.month), as_of=publication.as_of)


def _text(month: date) -> str:
    return month.strftime("%Y-%m")
