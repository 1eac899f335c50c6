"""What progress is worth, over HTTP: the incentive table of every scheme."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Annotated, Final

from fastapi import APIRouter, Depends, Query, Request
from pydantic import BaseModel, Field

from contracts.dates import months_before
from services.incentives.domain.movements import Movements
from services.incentives.domain.schemes import STEPS, Scheme
from services.incentives.domain.worth import MONTHS, PARKED_MONTHS, Draws, Incentives, incentive_tables
from services.incentives.observing import months_seen, movements_of
from services.incentives.rule_files import RuleBook
from services.incentives.worth_answer import Observed, ObservedStep, ParkingRow, SchemeWorth, StepUpRow, Worth
from services.runtime.access import Principal, Role, allow
from services.runtime.clock import Clock
from services.runtime.database import Database
from services.runtime.problems import unusable
from services.runtime.web.languages import Language, language_of

_DRAWS: Final = Draws(courses=1_000, seed=2025)
"""Enough that the standard error is a few euros to some tens a year; four times as many would halve it."""

_NOTE: Final = (
    "Exact movements, for supervisors only. Every paid month is a full month of benefit; who moves is not who would be"
    " moved, so a worth is an expectation and no promise."
)


class Asked(BaseModel):
    """What is asked, as it stands in the address."""

    scheme: Annotated[str, Field(max_length=40)] | None = None
    lang: Annotated[str | None, Field(description="Language of labels: fi, sv or en; read by `language_of`.")] = None


@dataclass(frozen=True)
class WorthBook:
    """Makes incentive tables from an authority's exact movements, one at a time: each takes a core and some memory."""

    database: Database
    clock: Clock
    rules: RuleBook
    draws: Draws = _DRAWS
    _turn: asyncio.Lock = field(default_factory=asyncio.Lock, init=False, repr=False)

    async def worth(self, authority: str, schemes: Mapping[str, Scheme], language: Language) -> Worth:
        """Return the tables of `schemes`; the event loop goes on meanwhile."""
        today = self.clock.today()
        months = months_seen(today)
        async with self._turn:
            movements = await movements_of(self.database, authority, months)
            tables = await asyncio.to_thread(
                incentive_tables, schemes, self.rules.parameters, movements, today, self.draws
            )
        return Worth(
            as_of=today,
            start=f"{today:%Y-%m}",
            end=f"{months_before(today, 1 - MONTHS):%Y-%m}",
            parked_months=PARKED_MONTHS,
            courses=self.draws.courses,
            seed=self.draws.seed,
            source="exact",
            note=_NOTE,
            observed=_observed(movements, months[0], months[-1]),
            schemes=[_scheme(schemes[name], table, today, language) for name, table in tables.items()],
        )


def worth_routes(book: WorthBook) -> APIRouter:
    """Return the JSON route."""
    router = APIRouter()

    @router.get("/v1/worth")
    async def worth(
        request: Request, who: Annotated[Principal, Depends(allow(Role.SUPERVISOR))], asked: Annotated[Asked, Query()]
    ) -> Worth:
        """Give what one step up, parking and a month's delay are worth under every scheme, or the one asked for."""
        schemes = book.rules.schemes
        if asked.scheme is not None and asked.scheme not in schemes:
            raise unusable("scheme", f"is none of {', '.join(schemes)}")
        wanted = {name: scheme for name, scheme in schemes.items() if asked.scheme in {None, name}}
        return await book.worth(who.authority, wanted, language_of(request))

    return router


def _observed(movements: Movements, start: date, end: date) -> Observed:
    steps = [ObservedStep(step=step, months=movements.observed(step)) for step in STEPS]
    return Observed(start=f"{start:%Y-%m}", end=f"{end:%Y-%m}", steps=steps)


def _scheme(scheme: Scheme, table: Incentives, today: date, language: Language) -> SchemeWorth:
    return SchemeWorth(
        scheme=scheme.name,
        label=scheme.labels[language],
        kind=scheme.kind,
        standing=scheme.standing_in(today.replace(day=1)),
        days=list(table.days),
        steps_up=[
            StepUpRow(
                step=one.step, days=one.days, worth_cents=one.worth.cents, worth_error_cents=one.worth.error_cents,
                delay_cents=one.delay.cents, delay_error_cents=one.delay.error_cents,
            )
            for one in table.steps_up
        ],
        parking=[ParkingRow(days=one.days, cents=one.cents) for one in table.parking],
    )  # fmt: skip
