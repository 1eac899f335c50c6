"""What a comparison of an invoice tells: figures by class and reason, matches, differences and unreadable rows."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import Annotated, Final

from pydantic import BaseModel, ConfigDict, Field

from contracts.text import Month
from services.incentives.domain.invoices import Compared, Item
from services.incentives.domain.likely_reasons import Reason
from services.incentives.domain.reconciling import Difference, Reconciliation
from services.incentives.domain.schemes import Scheme
from services.incentives.invoice_files import Invoice

MEANINGS: Final[Mapping[Reason, str]] = {
    Reason.UNREADABLE_ROW: "A row of the invoice about the same could not be read.",
    Reason.REPEATED_LINE: "The same line stands on the invoice more than once.",
    Reason.RECIPIENTS: "The euros agree; only the recipients are counted otherwise.",
    Reason.MOVE: "The same amount is another municipality's: one side knows of a move that the other does not.",
    Reason.LATE_PAYMENT: "The same amount stands in a neighbouring month: it was posted late, or just beside the turn.",
    Reason.CLASS_BOUNDARY: "The same days stand in a neighbouring class: the day counters differ at a boundary.",
    Reason.MISSING_FACTS: "More was invoiced than computed, and it is found nowhere else: facts are missing here.",
    Reason.NOT_INVOICED: "More was computed than invoiced: not invoiced yet, or taken back without a retraction here.",
}
"""What each reason says, in the order in which they are tried."""


class Place(BaseModel):
    """What a figure is about; `month` is that of posting."""

    model_config = ConfigDict(serialize_by_alias=True, validate_by_name=True)

    municipality: str
    month: Month
    benefit: str
    cost_class: Annotated[str, Field(alias="class")]


class ComparedLine(Place):
    """Invoiced beside computed; differences are invoiced less computed, money is cents."""

    invoiced_recipients: int
    computed_recipients: int
    invoiced_cents: int
    computed_cents: int
    difference_cents: int


class DifferingLine(ComparedLine):
    """A difference; `elsewhere` is where the other half of it stands, as far as that is known."""

    reason: Reason
    elsewhere: list[Place]


class UnreadableField(BaseModel):
    """A field of the invoice that cannot be read; its row was not compared."""

    line: int
    field: str
    reason: str


class Sum(BaseModel):
    """How many lines were compared, and what they come to in cents."""

    lines: int
    invoiced_cents: int
    computed_cents: int
    difference_cents: int


class ClassSum(Sum):
    """The sum of one class of cost."""

    model_config = ConfigDict(serialize_by_alias=True, validate_by_name=True)

    cost_class: Annotated[str, Field(alias="class")]
    percent: float


class ReasonSum(Sum):
    """The sum of the differences that have one reason."""

    reason: Reason
    meaning: str


class InvoiceReport(BaseModel):
    """An invoice compared with what was computed under `scheme` from all facts accepted until `as_of`."""

    as_of: date
    scheme: str
    total: Sum
    agreeing: Sum
    by_class: list[ClassSum]
    by_reason: list[ReasonSum]
    matches: list[ComparedLine]
    differences: list[DifferingLine]
    unreadable: list[UnreadableField]

    @property
    def agrees(self) -> bool:
        """Tell whether every row could be read and agrees."""
        return not self.differences and not self.unreadable


def report_of(invoice: Invoice, found: Reconciliation, scheme: Scheme, as_of: date) -> InvoiceReport:
    """Return what is told of a comparison."""
    return InvoiceReport(
        as_of=as_of,
        scheme=scheme.name,
        total=Sum.model_validate(_added(found.compared)),
        agreeing=Sum.model_validate(_added(found.matches)),
        by_class=_by_class(found.compared, scheme),
        by_reason=_by_reason(found.differences),
        matches=[ComparedLine.model_validate(_line(one)) for one in found.matches],
        differences=[
            DifferingLine.model_validate(
                {**_line(one.compared), "reason": one.reason, "elsewhere": [_place(item) for item in one.elsewhere]}
            )
            for one in found.differences
        ],
        unreadable=[
            UnreadableField(line=fault.line, field=fault.field, reason=fault.reason) for fault in invoice.faults
        ],
    )


def _place(item: Item) -> dict[str, object]:
    return {
        "municipality": item.municipality,
        "month": f"{item.month:%Y-%m}",
        "benefit": item.benefit,
        "cost_class": item.cost_class,
    }


def _line(one: Compared) -> dict[str, object]:
    return {
        **_place(one.item),
        "invoiced_recipients": one.invoiced.recipients,
        "computed_recipients": one.computed.recipients,
        "invoiced_cents": one.invoiced.cents,
        "computed_cents": one.computed.cents,
        "difference_cents": one.cents,
    }


def _added(lines: Sequence[Compared]) -> dict[str, object]:
    return {
        "lines": len(lines),
        "invoiced_cents": sum(one.invoiced.cents for one in lines),
        "computed_cents": sum(one.computed.cents for one in lines),
        "difference_cents": sum(one.cents for one in lines),
    }


def _by_class(compared: Iterable[Compared], scheme: Scheme) -> list[ClassSum]:
    lines = defaultdict(list)
    for one in compared:
        lines[one.item.cost_class].append(one)
    return [
        ClassSum.model_validate({"cost_class": one.name, "percent": one.percent_bp / 100, **_added(lines[one.name])})
        for one in scheme.classes
        if one.name in lines
    ]


def _by_reason(differences: Iterable[Difference]) -> list[ReasonSum]:
    lines = defaultdict(list)
    for one in differences:
        lines[one.reason].append(one.compared)
    return [
        ReasonSum.model_validate({"reason": reason, "meaning": meaning, **_added(lines[reason])})
        for reason, meaning in MEANINGS.items()
        if reason in lines
    ]
