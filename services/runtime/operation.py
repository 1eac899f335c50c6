"""Routes for those who run Askelma: is it alive, is it ready, what does it count, what has it published."""

from typing import Annotated

from fastapi import APIRouter, Depends, Request
from fastapi.responses import JSONResponse, PlainTextResponse
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from services.runtime.access import Principal, Role, allow
from services.runtime.publications import made


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

    @router.get("/v1/publications")
    async def publications(
        request: Request, service: str, who: Annotated[Principal, Depends(allow(*Role))], authority: str | None = None
    ) -> dict[str, list[str]]:
        """Give the months that `service` has published, oldest first."""
        host = request.app.state.host
        names = {one.service.name for one in host.hosted}
        asked = authority if who.role is Role.SERVICE and authority else who.authority
        async with host.platform.database.transaction() as session:
            found = await made(session, service, asked) if service in names else []
        return {"months": [publication.month.strftime("%Y-%m") for publication in found]}

    return router
