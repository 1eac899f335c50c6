"""An insurer's invoice compared over HTTP, for supervisors: CSV in, a report out, nothing kept."""

import asyncio
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Annotated, Final

from fastapi import APIRouter, Depends, Request
from pydantic import JsonValue

from contracts.dates import months_before
from services.incentives.domain.reconciling import reconcile
from services.incentives.domain.schemes import UNCOUNTED, Scheme
from services.incentives.invoice_files import Invoice, InvoiceError, read_invoice
from services.incentives.invoice_report import InvoiceReport, report_of
from services.incentives.invoiced_shares import shares_of
from services.runtime.access import Principal, Problem, Role, allow
from services.runtime.authorities import Authority
from services.runtime.bodies import body_of
from services.runtime.clock import Clock
from services.runtime.database import Database

_LARGEST_BYTES: Final = 1 << 20
"""A month of all municipalities, benefits and classes of the country takes half of it."""


@dataclass(frozen=True)
class InvoiceDesk:
    """Compares invoices with what `law` says payments cost."""

    database: Database
    clock: Clock
    law: Scheme
    authorities: Mapping[str, Authority]

    async def compare(self, authority: str, content: bytes) -> InvoiceReport:
        """Return what agrees and differs; raises Problem where the file as a whole is no invoice."""
        invoice = self._read(authority, content)
        items = [*(line.item for line in invoice.lines), *invoice.unread]
        shares = await shares_of(self.database, authority, _with_neighbours({item.month for item in items}), self.law)
        # A year of a large authority takes seconds, which nobody else in this process is to wait for.
        found = await asyncio.to_thread(reconcile, invoice.lines, invoice.unread, shares, self.law)
        return report_of(invoice, found, self.law, self.clock.today())

    def _read(self, authority: str, content: bytes) -> Invoice:
        members = self.authorities[authority].municipalities if authority in self.authorities else ()
        classes = [one.name for one in self.law.classes if one.name != UNCOUNTED]
        try:
            return read_invoice(content, members, classes)
        except InvoiceError as error:
            faults: list[JsonValue] = [
                {"line": fault.line, "field": fault.field, "reason": fault.reason} for fault in error.faults
            ]
            raise Problem(
                422, "Unusable invoice", "The file is not an invoice that can be compared; errors lists why.",
                errors=faults,
            ) from None  # fmt: skip


def _with_neighbours(months: Collection[date]) -> set[date]:
    return {months_before(month, distance) for month in months for distance in (-1, 0, 1)}


_DOCUMENTED: Final = {
    "requestBody": {
        "required": True,
        "content": {
            "text/csv": {
                "schema": {"type": "string"},
                "example": "municipality;month;benefit;class;recipients;euros\n"
                "167;2025-10;labour_market_subsidy;101-200;132;9823,44\n",
            }
        },
    }
}


def reconciliation_routes(desk: InvoiceDesk) -> APIRouter:
    """Return the route that compares an invoice."""
    router = APIRouter()

    @router.post("/v1/reconciliations", openapi_extra=_DOCUMENTED)
    async def reconciliation(
        request: Request, who: Annotated[Principal, Depends(allow(Role.SUPERVISOR))]
    ) -> InvoiceReport:
        """Compare an insurer's invoice (CSV) with the computed shares of its municipalities and months.

        Rows that cannot be read are listed with line and field, the rest is compared. Nothing is stored.
        """
        return await desk.compare(who.authority, await body_of(request, _LARGEST_BYTES))

    return router
