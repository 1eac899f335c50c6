"""The demo's figures, asked of the services' HTTP API as a supervisor: a few for the screen, all for the file."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Final, TypeAlias, TypeVar

import httpx
from pydantic import BaseModel

from contracts.dates import months_before
from services.demo.domain.events import Json
from services.demo.screen import RULES, Move, Reading

ALL: Final = "*"
"""Stands for all municipalities together."""

_SHOWN_MONTHS: Final = 4

ByMunicipality: TypeAlias = dict[str, Json]


class _Step(BaseModel):
    step: int
    name: dict[str, str]
    clients: int


class _Stock(BaseModel):
    steps: list[_Step]


class _StepFlow(BaseModel):
    step: int
    entered: int
    left: int
    moved_up: int
    moved_down: int


class _Flow(BaseModel):
    steps: list[_StepFlow]


class _Transitions(BaseModel):
    states: list[str]
    counts: list[list[int]]


class _CostTotal(BaseModel):
    month: str
    municipality: str | None
    scheme: str
    cents: int


class _Costs(BaseModel):
    totals: list[_CostTotal]


class _Alerts(BaseModel):
    counts: dict[str, int]


class _Publications(BaseModel):
    months: list[str]


Answer = TypeVar("Answer", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class Supervisor:
    """Asks the services with a supervisor's token, whose figures are exact."""

    client: httpx.AsyncClient
    token: str

    async def ask(self, model: type[Answer], path: str, query: Mapping[str, str]) -> Answer:
        """Return the answer to one question. Raises httpx.HTTPError where there is none."""
        headers = {"Authorization": f"Bearer {self.token}"}
        answer = await self.client.get(path, params=dict(query), headers=headers)
        return model.model_validate_json(answer.raise_for_status().content)

    async def reading(self, day: date) -> Reading:
        """Return what the screen shows as of `day`."""
        stock = await self._stock(day, None)
        moves = await self._transitions(months_before(day, 1), day)
        costs = await self._costs(months_before(day, _SHOWN_MONTHS - 1), day)
        alerts = await self.ask(_Alerts, "/v1/alerts", {"limit": "1"})
        return Reading(
            day,
            {each.step: each.name["en"] for each in stock.steps},
            {each.step: each.clients for each in stock.steps},
            _moves(moves),
            _monthly(costs),
            alerts.counts,
        )

    async def published(self, service: str, month: date) -> bool:
        """Tell whether a service has made its publication of a month."""
        made = await self.ask(_Publications, "/v1/publications", {"service": service})
        return _as_text(month) in made.months

    async def figures(self, start: date, end: date, municipalities: tuple[str, ...]) -> dict[str, Json]:
        """Return the exact figures of the window, as of its last day. Money is in cents."""
        places, alerts = (None, *municipalities), await self._alerts(end)
        return {
            "as_of": end.isoformat(),
            "stock": {place or ALL: _stock_json(await self._stock(end, place)) for place in places},
            "flow": {place or ALL: _flow_json(await self._flow(start, end, place)) for place in places},
            "transitions": _transitions_json(await self._transitions(start, end)),
            "costs": _costs_json(await self._costs(start, end)),
            "alerts": {rule: alerts.get(rule, 0) for rule in sorted(RULES | alerts)},
        }

    async def _alerts(self, day: date) -> dict[str, int]:
        return (await self.ask(_Alerts, "/v1/alerts", {"open_on": day.isoformat(), "limit": "1"})).counts

    async def _stock(self, day: date, place: str | None) -> _Stock:
        return await self.ask(_Stock, "/v1/indicators/stock", {"on": day.isoformat()} | _of(place))

    async def _flow(self, start: date, end: date, place: str | None) -> _Flow:
        query = {"from": start.isoformat(), "to": end.isoformat()}
        return await self.ask(_Flow, "/v1/indicators/flow", query | _of(place))

    async def _transitions(self, start: date, end: date) -> _Transitions:
        query = {"of": "step", "sampling": "monthly", "from": _as_text(start), "to": _as_text(end)}
        return await self.ask(_Transitions, "/v1/indicators/transitions", query)

    async def _costs(self, start: date, end: date) -> _Costs:
        return await self.ask(_Costs, "/v1/costs", {"from": _as_text(start), "to": _as_text(end)})


def _of(place: str | None) -> dict[str, str]:
    return {} if place is None else {"municipality": place}


def _as_text(month: date) -> str:
    return f"{month:%Y-%m}"


def _moves(found: _Transitions) -> list[Move]:
    steps = [int(state) for state in found.states]
    return [
        Move(origin, to, clients)
        for origin, row in zip(steps, found.counts, strict=True)
        for to, clients in zip(steps, row, strict=True)
        if clients
    ]


def _monthly(costs: _Costs) -> dict[date, dict[str, int]]:
    monthly: dict[date, dict[str, int]] = {}
    for total in costs.totals:
        if total.municipality == ALL:
            monthly.setdefault(date.fromisoformat(f"{total.month}-01"), {})[total.scheme] = total.cents
    return monthly


def _stock_json(found: _Stock) -> Json:
    return {str(each.step): each.clients for each in found.steps}


def _flow_json(found: _Flow) -> Json:
    return {str(each.step): each.model_dump(exclude={"step"}) for each in found.steps}


def _transitions_json(found: _Transitions) -> Json:
    return found.model_dump()


def _costs_json(found: _Costs) -> Json:
    nested: dict[str, dict[str, dict[str, int]]] = {}
    for total in found.totals:
        by_month = nested.setdefault(total.scheme, {}).setdefault(total.month, {})
        by_month[total.municipality or "unknown"] = total.cents
    return {scheme: {month: dict(places) for month, places in months.items()} for scheme, months in nested.items()}
