"""Explanations over HTTP: `/v1/explain` as JSON or text, and the page /costs/explain."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Annotated, Final, Literal

from fastapi import APIRouter, Depends, Query, Request, Response
from fastapi.responses import HTMLResponse, PlainTextResponse
from pydantic import BaseModel, Field, TypeAdapter, ValidationError

from contracts.codes import MUNICIPALITIES
from contracts.text import MONTH, Reference
from services.incentives.domain.schemes import Scheme
from services.incentives.explaining import Explanations
from services.incentives.explanation_text import client_text, figures_text
from services.incentives.explanations import ClientExplained, FiguresExplained
from services.incentives.routes import SEE_COSTS, Asked, places_of
from services.runtime.access import Principal, Problem, Role, allow
from services.runtime.problems import unusable
from services.runtime.web.languages import language_of
from services.runtime.web.shell import page

SEE_CLIENTS: Final = (Role.SUPERVISOR, Role.COORDINATOR)
SEE_EXPLANATIONS: Final = (*SEE_COSTS, Role.COORDINATOR)

_REFERENCE: Final = TypeAdapter(Reference)
_TEXT: Final[dict[int | str, dict[str, object]]] = {200: {"content": {"text/plain": {}}}}


class AskedExplanation(Asked):
    """What is to be explained: a client, or a figure of `/v1/costs` by the same parameters as there."""

    client: Reference | None = None
    format: Literal["json", "text"] = "json"

    def asks_one_thing(self) -> None:
        """Raise Problem where neither a client nor months are told, or both."""
        of_figures = {
            "month": self.month, "from": self.start, "to": self.end, "municipality": self.municipality,
            "class": self.cost_class,
        }  # fmt: skip
        told = [name for name, value in of_figures.items() if value is not None]
        if self.client is None and not {"month", "from", "to"} & {*told}:
            raise unusable("client", "or month is missing; give client, or month, each with or without scheme")
        if self.client is not None and told:
            raise unusable(told[0], "stands beside client; a client is explained over all months and payers")


def api_routes(explanations: Explanations) -> APIRouter:
    """Return the API route."""
    router = APIRouter()

    @router.get("/v1/explain", response_model=ClientExplained | FiguresExplained, responses=_TEXT)
    async def explain(
        request: Request,
        who: Annotated[Principal, Depends(allow(*SEE_EXPLANATIONS))],
        asked: Annotated[AskedExplanation, Query()],
    ) -> ClientExplained | FiguresExplained | Response:
        """Explain a client's costs, payment by payment, or a figure of `/v1/costs`, class by class.

        Clients are for supervisors and, their own, for coordinators; that one was opened is written to the audit log.
        """
        asked.asks_one_thing()
        language = language_of(request)
        if asked.client is None:
            figures = await _figures(explanations, who, asked, language)
            return figures if asked.format == "json" else PlainTextResponse(figures_text(figures))
        chain = await _client(explanations, who, asked.client, asked.scheme, language)
        if chain is None:
            raise Problem(404, "Not found", "You have no client of that reference.")
        return chain if asked.format == "json" else PlainTextResponse(client_text(chain))

    return router


async def _client(
    explanations: Explanations, who: Principal, client: str, scheme: str | None, language: str
) -> ClientExplained | None:
    _needs(who, SEE_CLIENTS)
    schemes = explanations.book.schemes_for(who)
    if scheme is not None and scheme not in schemes:
        raise unusable("scheme", f"is none of {', '.join(schemes)}")
    return await explanations.of_client(who, client, scheme, language)


async def _figures(explanations: Explanations, who: Principal, asked: Asked, language: str) -> FiguresExplained:
    _needs(who, SEE_COSTS)
    return await explanations.of_figures(who, explanations.book.range_of(who, asked), language)


def _needs(who: Principal, roles: Sequence[Role]) -> None:
    if who.role not in roles:
        raise Problem(
            403,
            "Not for this role",
            "Your role may not do this. Ask a colleague whose role may, or your administrator.",
            role=who.role,
            roles=[*sorted(roles)],
        )


# --- the page --------------------------------------------------------------------------------------------------------


class Sought(BaseModel):
    """What stands in the page's address. Whatever cannot be meant is passed over, as on /costs."""

    client: Annotated[str, Field(max_length=200)] = ""
    month: str = ""
    start: Annotated[str, Field(alias="from")] = ""
    end: Annotated[str, Field(alias="to")] = ""
    municipality: str = ""
    scheme: str = ""
    cost_class: Annotated[str, Field(alias="class")] = ""


@dataclass(frozen=True)
class Shown:
    """What the page tells: a client or figures; with neither, the client `sought` was not found, or none was given."""

    sought: str
    asked: Asked
    client: ClientExplained | None
    figures: FiguresExplained | None
    schemes: Sequence[tuple[str, str]]
    places: Sequence[tuple[str, str]]
    sees_clients: bool
    sees_figures: bool

    @property
    def status(self) -> int:
        """The HTTP status of the page."""
        return 404 if self.sought and self.client is None else 200


def page_routes(explanations: Explanations) -> APIRouter:
    """Return the page /costs/explain."""
    router = APIRouter(include_in_schema=False)

    @router.get("/costs/explain")
    async def explain(
        request: Request,
        who: Annotated[Principal, Depends(allow(*SEE_EXPLANATIONS))],
        sought: Annotated[Sought, Query()],
    ) -> HTMLResponse:
        shown = await _shown(explanations, who, sought, language_of(request))
        told = {"shown": shown, "municipalities": MUNICIPALITIES}
        return page(request, "incentives/explain.html", who, shown.status, **told)

    return router


async def _shown(explanations: Explanations, who: Principal, sought: Sought, language: str) -> Shown:
    book, client, figures = explanations.book, None, None
    schemes = book.schemes_for(who)
    asked = _asked(sought, await book.newest_month(who), schemes)
    reference = sought.client.strip()
    if reference and _is_reference(reference):
        client = await _client(explanations, who, reference, asked.scheme, language)
    elif not reference and who.role in SEE_COSTS:
        figures = await _figures(explanations, who, asked, language)
    return Shown(
        sought=reference,
        asked=asked,
        client=client,
        figures=figures,
        schemes=[(name, scheme.labels[language]) for name, scheme in schemes.items()],
        places=places_of(book.authorities.get(who.authority), language),
        sees_clients=who.role in SEE_CLIENTS,
        sees_figures=who.role in SEE_COSTS,
    )


def _asked(sought: Sought, newest: date, schemes: Mapping[str, Scheme]) -> Asked:
    month, start, end = (given if re.match(MONTH, given) else "" for given in (sought.month, sought.start, sought.end))
    scheme = sought.scheme if sought.scheme in schemes else "law"
    return Asked.model_validate(
        {
            "from": month or start or end or f"{newest:%Y-%m}",
            "to": month or end or start or f"{newest:%Y-%m}",
            "municipality": sought.municipality if sought.municipality in MUNICIPALITIES else None,
            "scheme": scheme,
            "class": next((one.name for one in schemes[scheme].classes if one.name == sought.cost_class), None),
        }
    )


def _is_reference(text: str) -> bool:
    try:
        _REFERENCE.validate_python(text)
    except ValidationError:
        return False
    return True
