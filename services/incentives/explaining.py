"""From facts to euros for one client: payments, counters before and after, classes, percents with their reference."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import date, datetime

import numpy as np
from pydantic import BaseModel
from sqlalchemy import text
from sqlmodel.ext.asyncio.session import AsyncSession

from services.incentives import store
from services.incentives.domain.costs import payers
from services.incentives.domain.engine import Assessment, assess
from services.incentives.domain.money import Ints
from services.incentives.domain.payments import UNKNOWN, StepsOfClients
from services.incentives.domain.schemes import Scheme
from services.incentives.store import Known


class Piece(BaseModel):
    """Days of a payment in one class: share = half-up(percent × base × days in class / days of the payment)."""

    cost_class: str
    days: int
    percent: float
    mark: str
    reference: str
    base_cents: int
    cents: int


class Explained(BaseModel):
    """One payment: the fact that states it, the counter around it, the payer, and its pieces."""

    source: str
    id: str
    posted_on: date
    batch: str
    period_start: date
    period_end: date
    days: int
    benefit: str
    basis: str
    paid_cents: int
    basic_part_cents: int
    municipality: str | None
    counter_before: int
    counter_after: int
    pieces: list[Piece]


class SchemeExplained(BaseModel):
    """All payments under one scheme, in counter order."""

    scheme: str
    kind: str
    total_cents: int
    payments: list[Explained]


_PAYMENTS = text("""
    SELECT source, id, posted_on, batch, period_start, period_end, days, benefit, basis, paid_cents, basic_part_cents
    FROM incentives.payment WHERE client = :client
    ORDER BY posted_on, batch, period_start, source, id
""")
_CLIENT = text("""
    SELECT client, authority, pathway_revision, step_days, steps, home_days, homes FROM incentives.client
    WHERE client = :client AND authority = :authority AND erased_on IS NULL
""")
_OPENED = text("""
    INSERT INTO incentives.opened_client (opened_at, authority, role, name, client)
    VALUES (:opened_at, :authority, :role, :name, :client)
""")


async def note_opening(session: AsyncSession, opened_at: datetime, who: Mapping[str, str], client: str) -> None:
    """Write to the audit log that somebody (authority, role, name) looked at a client."""
    await session.execute(_OPENED, {**who, "opened_at": opened_at, "client": client})


async def explained(
    session: AsyncSession, authority: str, client: str, schemes: Sequence[Scheme]
) -> list[SchemeExplained] | None:
    """Return the chain from facts to euros of a client of `authority`; None: there is no such client."""
    row = (await session.execute(_CLIENT, {"client": client, "authority": authority})).first()
    if row is None:
        return None
    known = Known(
        row.client,
        row.authority,
        row.pathway_revision,
        steps=tuple(zip(row.step_days, row.steps, strict=True)),
        homes=tuple(zip(row.home_days, row.homes, strict=True)),
        is_erased=False,
        is_told=True,
    )
    ledger = await store.ledger(session, [known])
    facts = (await session.execute(_PAYMENTS, {"client": client})).mappings().all()
    payer = payers(ledger.payments, ledger.named, ledger.homes)
    found = [assess(scheme, ledger.payments, ledger.sets, StepsOfClients(ledger.steps), 1) for scheme in schemes]
    return [_under(assessment, [dict(fact) for fact in facts], payer) for assessment in found]


def _under(assessment: Assessment, facts: Sequence[Mapping[str, object]], payer: Ints) -> SchemeExplained:
    pieces = _pieces(assessment)
    payments = [
        Explained.model_validate(
            {
                **fact,
                "municipality": None if payer[number] == UNKNOWN else f"{payer[number]:03}",
                "counter_before": int(assessment.before[number]),
                "counter_after": int(assessment.after[number]),
                "pieces": pieces[number],
            }
        )
        for number, fact in enumerate(facts)
    ]
    scheme, total = assessment.scheme, int(np.sum(assessment.pieces.cents))
    return SchemeExplained(scheme=scheme.name, kind=scheme.kind, total_cents=total, payments=payments)


def _pieces(assessment: Assessment) -> dict[int, list[Piece]]:
    by_payment: dict[int, list[Piece]] = defaultdict(list)
    found = assessment.pieces
    columns = (found.payment, found.cost_class, found.days, found.base_cents, found.cents)
    for payment, position, days, base, cents in zip(*(values.tolist() for values in columns), strict=True):
        of_class = assessment.scheme.classes[position]
        by_payment[payment].append(
            Piece(
                cost_class=of_class.name,
                days=days,
                percent=of_class.percent_bp / 100,
                mark=of_class.ground.mark,
                reference=of_class.ground.reference,
                base_cents=base,
                cents=cents,
            )
        )
    return by_payment
