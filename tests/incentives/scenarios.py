"""Reads scenario files: situation, payments, steps, and what each class costs, in words of the field and in euros."""

from collections.abc import Iterator
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Literal, Self

import numpy as np
import yaml
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, model_validator

from services.incentives.domain.costs import first_day_of, months_of, payers
from services.incentives.domain.engine import Assessment, assess
from services.incentives.domain.money import Ints
from services.incentives.domain.payments import (
    UNKNOWN,
    Payment,
    Payments,
    StepsOfClients,
    column,
    counter_sets,
    payments_in_order,
    track,
)
from services.incentives.domain.schemes import Basis, Benefit, Counter
from services.incentives.rule_files import rule_book

SCHEMES = rule_book().schemes


class _Stated(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


def cents(euros: Decimal) -> int:
    assert euros * 100 == int(euros * 100), f"{euros} euros are no whole cents"
    return int(euros * 100)


class StatedCounter(_Stated):
    client: str = "client"
    counter: Counter
    day: date
    days: int
    reason: Literal["carried_over", "reset", "transfer", "correction"] = "correction"


class StatedStep(_Stated):
    start: Annotated[date, Field(alias="from")]
    step: int


class StatedHome(_Stated):
    start: Annotated[date, Field(alias="from")]
    municipality: str


class StatedPayment(_Stated):
    client: str = "client"
    period: tuple[date, date]
    days: int
    per_day: Decimal | None = None
    basic_part: Decimal | None = None
    paid: Decimal | None = None
    basis: Basis = "unemployment"
    benefit: Benefit = "labour_market_subsidy"
    entitlement: Benefit = "labour_market_subsidy"
    batch: str | None = None
    posted: date | None = None
    named: str | None = None

    @model_validator(mode="after")
    def _gives_one_amount(self) -> Self:
        if (self.per_day is None) == (self.basic_part is None):
            raise ValueError("give per_day or basic_part")
        return self

    def payment(self, client: int, number: int) -> Payment:
        basic_part = cents(self.basic_part if self.basic_part is not None else (self.per_day or Decimal()) * self.days)
        return Payment(
            client=client,
            posted_on=self.posted or self.period[1],
            batch=self.batch or f"own-{number:03}",
            period_start=self.period[0],
            period_end=self.period[1],
            days=self.days,
            benefit=self.benefit,
            basis=self.basis,
            paid_cents=cents(self.paid) if self.paid else basic_part,
            basic_part_cents=basic_part,
            entitlement=self.entitlement,
            id=f"{number:06}",
        )


class Expected(_Stated):
    client: str = "client"
    cost_class: Annotated[str, Field(alias="class")]
    days: int
    euros: Decimal
    payer: str | None = None
    month: str | None = None

    def as_stated_in(self, stated: Self | None) -> Self:
        """Leave out payer and month where the scenario states none: they are none of its business."""
        unstated = [name for name in ("payer", "month") if stated and getattr(stated, name) is None]
        return self.model_copy(update=dict.fromkeys(unstated))


class Spell(_Stated):
    """Payments of equal length, one after the other."""

    start: Annotated[date, Field(alias="from")]
    batch_days: int
    days: int
    per_day: Decimal

    def payments(self) -> Iterator[StatedPayment]:
        for number in range(self.days // self.batch_days):
            begin = self.start + timedelta(days=28 * number)
            yield StatedPayment(period=(begin, begin + timedelta(days=27)), days=self.batch_days, per_day=self.per_day)


class Scenario(_Stated):
    title: str
    source: str
    scheme: str
    counters: tuple[StatedCounter, ...] = ()
    steps: tuple[StatedStep, ...] = ()
    homes: tuple[StatedHome, ...] = ()
    payments: tuple[StatedPayment, ...] = ()
    spell: Spell | None = None
    expect: tuple[Expected, ...] = ()
    total: Decimal | None = None
    cumulative: dict[int, Decimal] = {}

    def clients(self) -> list[str]:
        return list(dict.fromkeys([*(p.client for p in self.stated()), *(c.client for c in self.counters)]))

    def stated(self) -> tuple[StatedPayment, ...]:
        return (*self.payments, *(self.spell.payments() if self.spell else ()))

    def in_order(self) -> list[tuple[StatedPayment, Payment]]:
        number = {client: position for position, client in enumerate(self.clients())}
        both = [(stated, stated.payment(number[stated.client], n)) for n, stated in enumerate(self.stated())]
        return sorted(both, key=lambda pair: pair[1].counter_order)

    def assessed(self) -> tuple[Assessment, Payments]:
        clients = self.clients()
        payments = payments_in_order(payment for _, payment in self.in_order())
        sets = counter_sets([(clients.index(c.client), c.counter, c.day, c.days) for c in self.counters])
        steps = track([(0, step.start.toordinal(), step.step) for step in self.steps])
        return assess(SCHEMES[self.scheme], payments, sets, StepsOfClients(steps), len(clients)), payments

    def payers(self, payments: Payments) -> Ints:
        homes = track([(0, home.start.toordinal(), int(home.municipality)) for home in self.homes])
        named = column(int(stated.named) if stated.named else UNKNOWN for stated, _ in self.in_order())
        return payers(payments, named, homes)

    def found(self) -> list[Expected]:
        """Return what the engine says, in the words of `expect` and in its order: by client, as the file lists them."""
        assessment, payments = self.assessed()
        payer, month = self.payers(payments), months_of(payments.posted_on)
        pieces, clients = assessment.pieces, self.clients()
        every = [
            Expected.model_validate(
                {
                    "client": clients[payments.client[payment]],
                    "class": assessment.scheme.classes[pieces.cost_class[row]].name,
                    "days": int(pieces.days[row]),
                    "euros": Decimal(int(pieces.cents[row])) / 100,
                    "payer": None if payer[payment] == UNKNOWN else f"{payer[payment]:03}",
                    "month": first_day_of(int(month[payment])).strftime("%Y-%m"),
                }
            )
            for row, payment in enumerate(pieces.payment)
        ]
        return [piece.as_stated_in(stated) for piece, stated in zip(every, self._padded(len(every)), strict=False)]

    def _padded(self, length: int) -> list[Expected | None]:
        return [*self.expect, *[None] * (length - len(self.expect))]

    def running_total(self) -> dict[int, Decimal]:
        assessment, payments = self.assessed()
        after = np.cumsum(payments.days)[assessment.pieces.payment]
        return {day: Decimal(int(assessment.pieces.cents[after <= day].sum())) / 100 for day in self.cumulative}


_FILE = TypeAdapter(list[Scenario])


def scenarios() -> Iterator[tuple[str, Scenario]]:
    for file in sorted(Path(__file__).with_name("scenarios").glob("*.yaml")):
        for scenario in _FILE.validate_python(yaml.safe_load(file.read_text(encoding="utf-8"))):
            yield f"{scenario.scheme}: {scenario.title}", scenario
