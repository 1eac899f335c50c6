"""Indicators over HTTP: the JSON API, a client's pathway, and the page /pathways."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Annotated, Final, Literal, NamedTuple

from fastapi import APIRouter, Depends, Query, Request, Response
from fastapi.responses import HTMLResponse
from pydantic import BaseModel, ConfigDict, Field

from contracts.codes import MUNICIPALITIES, MunicipalityCode
from contracts.dates import month_end
from contracts.text import MONTH, MUNICIPALITY, Month
from services.indicators.domain.figures import Matrix, Of
from services.indicators.domain.ladder import Step
from services.indicators.figure_book import FigureBook, Flows, Source, Stock, Transitions
from services.runtime.access import Principal, Problem, Role, allow
from services.runtime.problems import unusable
from services.runtime.web.languages import language_of
from services.runtime.web.shell import page

SEE_FIGURES: Final = (Role.SUPERVISOR, Role.FINANCE, Role.ANALYST)
_SEE_CLIENTS: Final = (Role.SUPERVISOR, Role.COORDINATOR)

_MOST_MONTHS: Final = 240
"""Twenty years: longer than any register here reaches back, short enough for one answer."""
_MONTHS_ON_PAGE: Final = 12
_LARGEST: Final = 10


class StepClients(BaseModel):
    """How many clients stand on a step; null: hidden."""

    step: int
    name: dict[str, str]
    clients: int | None


class StockAnswer(BaseModel):
    """Clients by step as of a day; `as_of` null: nothing has been published yet."""

    as_of: date | None
    municipality: str | None
    source: Source
    note: str
    steps: list[StepClients]
    total: int | None


class StepFlow(BaseModel):
    """What happened at a step: who came to it from anywhere, and who left it, some of them up or down the ladder."""

    step: int
    name: dict[str, str]
    entered: int | None
    left: int | None
    moved_up: int | None
    moved_down: int | None


class FlowAnswer(BaseModel):
    """Flow by step between two days, both included; of publications the `months` that were summed."""

    model_config = ConfigDict(serialize_by_alias=True)

    first: Annotated[date, Field(serialization_alias="from")]
    last: Annotated[date, Field(serialization_alias="to")]
    municipality: str | None
    source: Source
    note: str
    months: list[str] | None
    steps: list[StepFlow]


class TransitionsAnswer(BaseModel):
    """Monthly-sampled transitions: `counts[i][j]` from `states[i]` to `states[j]`; null: hidden.

    `months` are those at whose end a counted transition arrived.
    """

    model_config = ConfigDict(serialize_by_alias=True)

    of: Of
    sampling: Literal["monthly"]
    first: Annotated[str, Field(serialization_alias="from")]
    last: Annotated[str, Field(serialization_alias="to")]
    municipality: str | None
    source: Source
    note: str
    months: list[str]
    states: list[str]
    counts: list[list[int | None]]


class AskedStock(BaseModel):
    """What is asked of the stock, as it stands in the address."""

    on: date
    municipality: MunicipalityCode | None = None


class AskedFlow(BaseModel):
    """What is asked of the flow."""

    first: Annotated[date, Field(alias="from")]
    last: Annotated[date, Field(alias="to")]
    municipality: MunicipalityCode | None = None


class AskedTransitions(BaseModel):
    """What is asked of transitions."""

    of: Of
    sampling: Literal["monthly"] = "monthly"
    first: Annotated[Month, Field(alias="from")]
    last: Annotated[Month, Field(alias="to")]
    municipality: MunicipalityCode | None = None


def _in_order(first: date, last: date) -> None:
    if last < first:
        raise unusable("to", "lies before from")
    if (last.year - first.year) * 12 + last.month - first.month >= _MOST_MONTHS:
        raise unusable("to", f"lies more than {_MOST_MONTHS} months after from")


def _place(book: FigureBook, who: Principal, municipality: str | None) -> str | None:
    authority = book.authorities.get(who.authority)
    if municipality is not None and (authority is None or municipality not in authority.municipalities):
        raise unusable("municipality", "is not one of your authority")
    return municipality


def _whole_months(first: date, last: date) -> None:
    if first.day != 1:
        raise unusable("from", "is not the first day of a month; published figures are by whole months")
    if last != month_end(last):
        raise unusable("to", "is not the last day of a month; published figures are by whole months")


def _note(source: Source, is_empty: bool) -> str:  # noqa: FBT001 - both belong to one sentence
    if source == "exact":
        return "Exact figures, for supervisors only."
    if is_empty:
        return "Nothing has been published for this time yet. Figures of a month are published on the 5th of the next."
    return "Published figures; null is hidden, so that no single client shows."


def _names(step: Step) -> dict[str, str]:
    return {"fi": step.fi, "sv": step.sv, "en": step.en}


def _as_text(month: date) -> str:
    return month.strftime("%Y-%m")


def _first_day(month: str) -> date:
    return date.fromisoformat(f"{month}-01")


def _stock_answer(book: FigureBook, asked: AskedStock, found: Stock) -> StockAnswer:
    return StockAnswer(
        as_of=found.as_of,
        municipality=asked.municipality,
        source=found.source,
        note=_note(found.source, is_empty=found.as_of is None),
        steps=[
            StepClients(step=step, name=_names(book.ladder.named[step]), clients=clients)
            for step, clients in found.by_step.items()
        ],
        total=found.total,
    )


def _flow_answer(book: FigureBook, asked: AskedFlow, found: Flows) -> FlowAnswer:
    return FlowAnswer(
        first=asked.first,
        last=asked.last,
        municipality=asked.municipality,
        source=found.source,
        note=_note(found.source, is_empty=not found.months),
        months=None if found.source == "exact" else [_as_text(month) for month in found.months],
        steps=[
            StepFlow.model_validate({"step": step, "name": _names(book.ladder.named[step]), **counts})
            for step, counts in found.by_step.items()
        ],
    )


def _transitions_answer(asked: AskedTransitions, found: Transitions) -> TransitionsAnswer:
    return TransitionsAnswer(
        of=asked.of,
        sampling=asked.sampling,
        first=asked.first,
        last=asked.last,
        municipality=asked.municipality,
        source=found.source,
        note=_note(found.source, is_empty=not found.months),
        months=[_as_text(month) for month in found.months],
        states=list(found.matrix.states),
        counts=[list(row) for row in found.matrix.counts],
    )


def api_routes(book: FigureBook) -> APIRouter:
    """Return the JSON routes."""
    router = APIRouter()

    @router.get("/v1/indicators/stock")
    async def stock(
        who: Annotated[Principal, Depends(allow(*SEE_FIGURES))], asked: Annotated[AskedStock, Query()]
    ) -> StockAnswer:
        """Give clients by step on a day; who sees publications gets the newest one as of a day not after it."""
        found = await book.stock(who, asked.on, _place(book, who, asked.municipality))
        return _stock_answer(book, asked, found)

    @router.get("/v1/indicators/flow")
    async def flow(
        who: Annotated[Principal, Depends(allow(*SEE_FIGURES))], asked: Annotated[AskedFlow, Query()]
    ) -> FlowAnswer:
        """Give how many entered and left each step between two days, both included."""
        _in_order(asked.first, asked.last)
        if not book.is_exact(who):
            _whole_months(asked.first, asked.last)
        found = await book.flow(who, asked.first, asked.last, _place(book, who, asked.municipality))
        return _flow_answer(book, asked, found)

    @router.get("/v1/indicators/transitions")
    async def transitions(
        who: Annotated[Principal, Depends(allow(*SEE_FIGURES))], asked: Annotated[AskedTransitions, Query()]
    ) -> TransitionsAnswer:
        """Give the transitions between the ends of neighbouring months, of clients observed at both."""
        first, last = _first_day(asked.first), _first_day(asked.last)
        _in_order(first, last)
        place = _place(book, who, asked.municipality)
        return _transitions_answer(asked, await book.transitions(who, first, last, asked.of, place))

    @router.get("/v1/pathways/{client}", responses={200: {"description": "The pathway snapshot"}})
    async def pathway(client: str, who: Annotated[Principal, Depends(allow(*_SEE_CLIENTS))]) -> Response:
        """Give a client's pathway to a supervisor or the client's coordinator; that it was opened is logged."""
        told = await book.pathway(who, client)
        if told is None:
            raise Problem(404, "Not found", "You have no client of that reference.")
        return Response(told, media_type="application/json")

    return router


# --- the page --------------------------------------------------------------------------------------------------------


class Move(NamedTuple):
    """One of the largest transitions between steps."""

    origin: str
    destination: str
    clients: int | None


class Line(NamedTuple):
    """A step with its stock, share and flow, as the page shows them."""

    step: int
    name: str
    clients: int | None
    flow: Mapping[str, int | None]


@dataclass(frozen=True)
class Shown:
    """What the page tells; `as_of` None: nothing is published yet."""

    source: Source
    as_of: date | None
    first: date
    month: str
    municipality: str
    lines: list[Line]
    total: int | None
    moves: list[Move]
    moves_from: date | None
    places: list[tuple[str, str]]


def page_routes(book: FigureBook) -> APIRouter:
    """Return the page /pathways."""
    router = APIRouter(include_in_schema=False)

    @router.get("/pathways")
    async def pathways(
        request: Request,
        who: Annotated[Principal, Depends(allow(*SEE_FIGURES))],
        month: Annotated[str, Query(pattern=f"{MONTH}|^$")] = "",
        municipality: Annotated[str, Query(pattern=f"{MUNICIPALITY}|^$")] = "",
    ) -> HTMLResponse:
        """Show clients by step, how they moved in a month, and the largest transitions of the year up to it."""
        asked = _first_day(month) if month else None
        shown = await _shown(book, who, asked, municipality, language_of(request))
        return page(request, "indicators/pathways.html", who, shown=shown)

    return router


async def _shown(book: FigureBook, who: Principal, month: date | None, municipality: str, language: str) -> Shown:
    day = book.newest_day(who, await book.publications(who))
    place = _place(book, who, municipality or None)
    on = min(day, month_end(month)) if month else day
    found = await book.overview(who, on, _MONTHS_ON_PAGE, place)
    last = found.stock.as_of or day
    names = {step: getattr(named, language) for step, named in book.ladder.named.items()}
    return Shown(
        source=found.stock.source,
        as_of=found.stock.as_of,
        first=last.replace(day=1),
        month=_as_text(last),
        municipality=municipality,
        lines=_lines(found.stock, found.flow, names),
        total=found.stock.total,
        moves=_largest(found.transitions.matrix, names),
        moves_from=_first_reading(found.transitions),
        places=_places(book, who, language),
    )


def _first_reading(found: Transitions) -> date | None:
    """Return the month before the first in which a transition arrived: there it left from."""
    return min(found.months) - timedelta(days=1) if found.months else None


def _lines(stock: Stock, flows: Flows, names: Mapping[int, str]) -> list[Line]:
    return [
        Line(step, names[step], clients, {str(flow): count for flow, count in flows.by_step.get(step, {}).items()})
        for step, clients in stock.by_step.items()
    ]


def _largest(matrix: Matrix, names: Mapping[int, str]) -> list[Move]:
    """Return the largest counts between different steps; hidden ones come last."""
    moves = [
        Move(f"{origin} {names[int(origin)]}", f"{destination} {names[int(destination)]}", clients)
        for origin, row in zip(matrix.states, matrix.counts, strict=True)
        for destination, clients in zip(matrix.states, row, strict=True)
        if origin != destination and clients
    ]
    return sorted(moves, key=lambda move: -(move.clients or 0))[:_LARGEST]


def _places(book: FigureBook, who: Principal, language: str) -> list[tuple[str, str]]:
    authority = book.authorities.get(who.authority)
    codes = authority.municipalities if authority else ()
    named = [
        (code, MUNICIPALITIES[code].name_sv if language == "sv" else MUNICIPALITIES[code].name_fi) for code in codes
    ]
    return sorted(named, key=lambda place: place[1])
