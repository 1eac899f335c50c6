"""Finds the chain from facts to euros: of a client, payment by payment, or of a month's figures, class by class."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from fractions import Fraction
from typing import Final

import numpy as np
from sqlalchemy import text
from sqlmodel.ext.asyncio.session import AsyncSession

from services.incentives import store
from services.incentives.domain.costs import payers
from services.incentives.domain.engine import Assessment, assess
from services.incentives.domain.money import exact_share
from services.incentives.domain.pathways import Change, coordinator_on
from services.incentives.domain.payments import UNKNOWN, Payments, StepsOfClients, chosen, column, rises
from services.incentives.domain.reckoning import Ledger
from services.incentives.domain.schemes import CostClass, Rule, Scheme
from services.incentives.explanations import (
    ClientExplained,
    ClientUnderScheme,
    CounterTold,
    FigureRow,
    FiguresExplained,
    FiguresUnderScheme,
    MonthCost,
    MonthTotal,
    PaymentTold,
    Piece,
    StepTold,
    class_told,
    rules_told,
)
from services.incentives.formulas import share_formula, sum_formula
from services.incentives.reporting import CostFigure, Range
from services.incentives.routes import CostBook, Found, class_of, note_on, sum_of
from services.runtime.access import Principal, Role
from services.runtime.disclosure import TOTAL

_NO_RULE_SHARES: Final = "paid_cents"
"""What stands as the base of a payment that no rule holds for."""

_PAYMENTS: Final = text("""
    SELECT source, id, posted_on, batch, period_start, period_end, days, benefit, basis, paid_cents, basic_part_cents
    FROM incentives.payment WHERE client = :client
    ORDER BY posted_on, batch, period_start, source, id
""")
_COUNTERS: Final = text("""
    SELECT source, id, counter, set_on AS on, days, reason
    FROM incentives.counter_set WHERE client = :client
    ORDER BY set_on, stated_at, source, id
""")
_OPENED: Final = text("""
    INSERT INTO incentives.opened_client (opened_at, authority, role, name, client)
    VALUES (:opened_at, :authority, :role, :name, :client)
""")

Fact = Mapping[str, object]


@dataclass(frozen=True)
class Explanations:
    """Explains to a principal what it may see; a `language` is that of the schemes' labels."""

    book: CostBook

    async def of_client(self, who: Principal, client: str, scheme: str | None, language: str) -> ClientExplained | None:
        """Explain a client's costs, and note that it was opened; None: there is no client whom `who` may see.

        Supervisors see all clients of their authority, coordinators those who are theirs today.
        """
        schemes = [one for name, one in self.book.schemes.items() if scheme in {None, name}]
        today = self.book.clock.today()
        async with self.book.database.transaction() as session:
            known = await store.find(session, who.authority, client)
            if known is None or not _may_see(who, known, today):
                return None
            ledger = await store.ledger(session, [known])
            payments = (await session.execute(_PAYMENTS, {"client": client})).mappings().all()
            counters = (await session.execute(_COUNTERS, {"client": client})).mappings().all()
            await _note_opening(session, self.book.clock.now(), who, client)
        return ClientExplained(
            client=client,
            as_of=today,
            note="From all facts accepted so far. That this was opened is written to the audit log.",
            counters=[CounterTold.model_validate(dict(counter)) for counter in counters],
            steps=steps_told([change for change in known.steps if change[0] <= today.toordinal()]),
            schemes=[client_under(one, ledger, [dict(payment) for payment in payments], language) for one in schemes],
        )

    async def of_figures(self, who: Principal, wanted: Range, language: str) -> FiguresExplained:
        """Explain the figures of a range of months as `/v1/costs` gives them: exact or published ones."""
        return figures_explained(self.book.schemes_for(who), await self.book.find(who, wanted), wanted, language)


def _may_see(who: Principal, known: store.Known, today: date) -> bool:
    return who.role is Role.SUPERVISOR or coordinator_on(known.coordinators, today) == who.name


async def _note_opening(session: AsyncSession, at: datetime, who: Principal, client: str) -> None:
    about = {"authority": who.authority, "role": who.role.value, "name": who.name}
    await session.execute(_OPENED, {**about, "opened_at": at, "client": client})


# --- a client --------------------------------------------------------------------------------------------------------


def client_under(scheme: Scheme, ledger: Ledger, facts: Sequence[Fact], language: str) -> ClientUnderScheme:
    """Explain what `scheme` makes of a ledger of one client, whose payments `facts` state in the same order."""
    assessment = assess(scheme, ledger.payments, ledger.sets, StepsOfClients(ledger.steps), 1)
    payer = payers(ledger.payments, ledger.named, ledger.homes).tolist()
    chain = _Chain(assessment, ledger.payments)
    payments = [chain.payment(number, fact, payer[number]) for number, fact in enumerate(facts)]
    return ClientUnderScheme(
        scheme=scheme.name,
        label=scheme.labels[language],
        kind=scheme.kind,
        needs_steps=scheme.needs_steps(),
        cents=sum(payment.cents for payment in payments),
        months=_months(scheme, payments),
        payments=payments,
        rules=rules_told(scheme),
    )


def steps_told(steps: Sequence[Change]) -> list[StepTold]:
    """Return a client's steps with the day each began, and which of them were rises."""
    days, values = column(day for day, _ in steps), column(value for _, value in steps)
    found, nobody_else = rises(np.zeros_like(days), days, values), np.zeros_like(days)
    risen = found.number(nobody_else, days) - found.number(nobody_else, days - 1)
    return [
        StepTold(start=date.fromordinal(day), step=None if step == UNKNOWN else step, rise=bool(is_rise))
        for (day, step), is_rise in zip(steps, risen.tolist(), strict=True)
    ]


def _months(scheme: Scheme, payments: Sequence[PaymentTold]) -> list[MonthCost]:
    sums: defaultdict[tuple[date, str | None], int] = defaultdict(int)
    for payment in payments:
        sums[payment.posted_on.replace(day=1), payment.municipality] += payment.cents
    return [
        MonthCost(month=f"{month:%Y-%m}", municipality=payer, standing=scheme.standing_in(month), cents=cents)
        for (month, payer), cents in sums.items()
    ]


class _Chain:
    """One assessment of one client, read payment by payment."""

    def __init__(self, assessment: Assessment, payments: Payments) -> None:
        self._scheme = assessment.scheme
        self._counters = list(zip(assessment.before.tolist(), assessment.after.tolist(), strict=True))
        self._costs = {rule.name: chosen(payments, rule.cost).tolist() for rule in self._scheme.rules()}
        found = assessment.pieces
        columns = (found.payment, found.cost_class, found.days, found.base_cents, found.cents)
        self._pieces: defaultdict[int, list[tuple[int, int, int, int]]] = defaultdict(list)
        for number, *piece in zip(*(values.tolist() for values in columns), strict=True):
            self._pieces[number].append((piece[0], piece[1], piece[2], piece[3]))

    def payment(self, number: int, fact: Fact, payer: int) -> PaymentTold:
        """Return the payment of that number, stated by `fact`."""
        rule = self._rule(fact)
        pieces = self._told(number, rule)
        before, after = self._counters[number]
        return PaymentTold.model_validate(
            {
                **fact,
                "municipality": None if payer == UNKNOWN else f"{payer:03}",
                "rule": rule.name if rule else None,
                "base": rule.base if rule else _NO_RULE_SHARES,
                "base_cents": sum(piece.base_cents for piece in pieces),
                "counter_before": before if rule else None,
                "counter_after": after if rule else None,
                "cents": sum(piece.cents for piece in pieces),
                "pieces": pieces,
            }
        )

    def _rule(self, fact: Fact) -> Rule | None:
        start = fact["period_start"]
        assert isinstance(start, date)  # noqa: S101 - so the table has it
        position = self._scheme.period_on(start)
        return None if position is None else self._scheme.periods[position].rule

    def _told(self, number: int, rule: Rule | None) -> list[Piece]:
        mine = self._pieces[number]
        days, base = sum(piece[1] for piece in mine), sum(piece[2] for piece in mine)
        costs = rule is None or self._costs[rule.name][number]
        classes = [self._scheme.classes[position] for position, *_ in mine]
        return [
            _piece(of_class if costs or rule is None else _free(of_class, rule), piece, base, days)
            for of_class, (_, *piece) in zip(classes, mine, strict=True)
        ]


def _free(of_class: CostClass, rule: Rule) -> CostClass:
    """Return the class for days that are counted in it and cost nothing, with the ground for that."""
    return of_class if of_class.percent_bp == 0 else CostClass(of_class.name, 0, rule.grounds["cost"])


def _piece(of_class: CostClass, piece: Sequence[int], base_cents: int, paid_days: int) -> Piece:
    days, base_of_days, cents = piece
    exact = exact_share(of_class.percent_bp, base_cents, days, paid_days)
    told = class_told(of_class)
    return Piece(
        cost_class=told.cost_class,
        days=days,
        percent=told.percent,
        mark=told.mark,
        reference=told.reference,
        base_cents=base_of_days,
        unrounded_cents=str(exact),
        cents=cents,
        formula=share_formula(told.percent, base_cents, (days, paid_days), exact, cents),
    )


# --- figures ---------------------------------------------------------------------------------------------------------


def figures_explained(schemes: Mapping[str, Scheme], found: Found, wanted: Range, language: str) -> FiguresExplained:
    """Explain the figures that were found for a range of months."""
    chosen_ones = [one for name, one in schemes.items() if wanted.scheme in {None, name}]
    having = [one for one in chosen_ones if wanted.cost_class in {None, *(each.name for each in one.classes)}]
    return FiguresExplained(
        start=f"{wanted.start:%Y-%m}",
        end=f"{wanted.end:%Y-%m}",
        municipality=wanted.municipality,
        cost_class=wanted.cost_class,
        as_of=found.as_of,
        source=found.source,
        published=found.is_published,
        months=None if found.months is None else [f"{month:%Y-%m}" for month in found.months],
        note=note_on(found),
        schemes=[_figures(one, found, wanted, language) for one in having],
    )


def _figures(scheme: Scheme, found: Found, wanted: Range, language: str) -> FiguresUnderScheme:
    place = wanted.municipality or TOTAL
    mine = [one for one in found.figures if one.scheme == scheme.name and one.municipality == place]
    rows = [one for one in mine if not one.is_total and wanted.cost_class in {None, one.cost_class}]
    order = {one.name: position for position, one in enumerate(scheme.classes)}
    rows.sort(key=lambda one: (one.month, order.get(one.cost_class, len(order))))
    return FiguresUnderScheme(
        scheme=scheme.name,
        label=scheme.labels[language],
        kind=scheme.kind,
        cents=sum_of(found, scheme.name, place, wanted.of),
        totals=[_total(scheme, one) for one in mine if one.cost_class == wanted.of],
        rows=[_row(scheme, one) for one in rows],
        rules=rules_told(scheme),
    )


def _total(scheme: Scheme, figure: CostFigure) -> MonthTotal:
    return MonthTotal(
        month=f"{figure.month:%Y-%m}",
        standing=scheme.standing_in(figure.month),
        clients=figure.clients,
        days=figure.days,
        cents=figure.cents,
    )


def _row(scheme: Scheme, figure: CostFigure) -> FigureRow:
    of_class = class_of(scheme, figure.cost_class)
    told = class_told(of_class)
    exact = _unrounded(scheme, of_class, figure)
    return FigureRow(
        month=f"{figure.month:%Y-%m}",
        cost_class=figure.cost_class,
        standing=scheme.standing_in(figure.month),
        percent=told.percent,
        mark=told.mark,
        reference=told.reference,
        clients=figure.clients,
        payments=figure.payments,
        days=figure.days,
        base_cents=figure.base_cents,
        unrounded_cents=None if exact is None else str(exact),
        cents=figure.cents,
        formula=None if exact is None else sum_formula(told.percent, figure.base_cents or 0, exact, figure.cents or 0),
    )


def _unrounded(scheme: Scheme, of_class: CostClass, figure: CostFigure) -> Fraction | None:
    """Return percent × base in cents; None: hidden, or not what these days cost."""
    if figure.base_cents is None or figure.cents is None or not all(_all_cost(rule) for rule in scheme.rules()):
        return None
    return exact_share(of_class.percent_bp, figure.base_cents, 1, 1)


def _all_cost(rule: Rule) -> bool:
    """Tell whether the municipality pays a share of every day that the rule counts."""
    count, cost = rule.count, rule.cost
    return (
        count.benefits <= cost.benefits and count.bases <= cost.bases and count.general_support == cost.general_support
    )
