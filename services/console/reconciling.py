"""`askelma reconcile`: an insurer's invoice compared with the computed shares of a running Askelma."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated, Final

import httpx
import typer
from pydantic import BaseModel, ValidationError
from rich.table import Table

from contracts.codes import MUNICIPALITIES
from services.console.connection import Connection, DataFolder, Token, Url, as_supervisor
from services.console.failures import FAILED, NOT_SENT, Failure
from services.console.rebuilding import refusal
from services.console.terminal import messages, output, table
from services.incentives.invoice_report import DifferingLine, InvoiceReport, Place, Sum, UnreadableField
from services.incentives.invoice_workbook import workbook

_TIMEOUT: Final = 300
"""Seconds: all payments of the clients concerned are reckoned anew."""
_SHOWN_DIFFERENCES: Final = 100
"""More would bury the first ones; the spreadsheet and the JSON have all."""

_WIDE: Final = 130
"""Characters: below it, a table with all figures would cut words."""

InvoiceFile = Annotated[
    Path,
    typer.Argument(
        metavar="INVOICE.csv", help="The insurer's invoice: UTF-8, separated by ; or ,", exists=True, dir_okay=False,
        show_default=False,
    ),
]  # fmt: skip
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, money in cents, instead of tables.")]
Spreadsheet = Annotated[
    Path | None,
    typer.Option("--xlsx", metavar="REPORT.xlsx", help="Write the report as a spreadsheet too.", dir_okay=False),
]


def command(  # noqa: PLR0913 - one argument for each option
    invoice: InvoiceFile,
    data: DataFolder = None,
    url: Url = None,
    token: Token = None,
    xlsx: Spreadsheet = None,
    *,
    as_json: AsJson = False,
) -> None:
    """Compare an insurer's monthly invoice with what Askelma computes, with a supervisor's token.

    Columns: municipality, month, benefit, class, recipients, euros. Compared is all of the municipalities and months
    that stand on the invoice; each difference comes with its most likely reason. A row that cannot be read is reported
    with its line and field, and the rest is compared. Nothing is stored.

    Ends with 0 where everything agrees, 1 where something differs or could not be read, 2 where the file could not be
    compared.
    """
    report = _compared(invoice, as_supervisor(data, url, token))
    if xlsx is not None:
        _write(xlsx, workbook(report))
    if as_json:
        typer.echo(report.model_dump_json(indent=2))
    else:
        _show(report)
    if not report.agrees:
        raise typer.Exit(FAILED)


def _compared(invoice: Path, connection: Connection) -> InvoiceReport:
    headers = connection.headers | {"Content-Type": "text/csv; charset=utf-8"}
    try:
        content = invoice.read_bytes()
    except OSError as error:
        raise Failure(f"{invoice.name} cannot be read: {error.strerror or type(error).__name__}.", NOT_SENT) from None
    try:
        answer = httpx.post(f"{connection.url}/v1/reconciliations", content=content, headers=headers, timeout=_TIMEOUT)
    except (httpx.TransportError, httpx.InvalidURL) as error:
        raise Failure(f"No Askelma answers at {connection.url} ({type(error).__name__}). Is it up?", NOT_SENT) from None
    if not answer.is_success:
        raise Failure("\n".join([f"{invoice.name} was not compared. {refusal(answer)}", *_faults(answer)]), NOT_SENT)
    try:
        return InvoiceReport.model_validate_json(answer.content)
    except ValidationError:
        raise Failure(f"What answered at {connection.url} is not Askelma. Check the address.", NOT_SENT) from None


class _Faults(BaseModel):
    """What is wrong with a file as a whole, in the problem that says so."""

    errors: list[UnreadableField] = []


def _faults(answer: httpx.Response) -> Iterator[str]:
    try:
        faults = _Faults.model_validate_json(answer.content).errors
    except ValidationError:
        return
    for fault in faults:
        yield _fault(fault)


def _fault(fault: UnreadableField) -> str:
    return f"line {fault.line}, {fault.field}: {fault.reason}"


def _write(path: Path, content: bytes) -> None:
    """Write the spreadsheet, whole or not at all."""
    unfinished = path.with_name(f"{path.name}.unfinished")
    try:
        unfinished.write_bytes(content)
        unfinished.replace(path)
    except OSError as error:
        raise Failure(f"{path} cannot be written: {error.strerror or type(error).__name__}.", NOT_SENT) from None
    messages().print(f"The report is in {path}.", markup=False, soft_wrap=True)


# --- what is shown ---------------------------------------------------------------------------------------------------


def _show(report: InvoiceReport) -> None:
    output().print(_sums(report))
    if report.differences:
        output().print()
        output().print(_differences(report.differences[:_SHOWN_DIFFERENCES], output().width))
        hidden = len(report.differences) - _SHOWN_DIFFERENCES
        for text in [f"and {hidden} more, in --xlsx and --json"] if hidden > 0 else []:
            typer.echo(text)
        typer.echo()
        for one in report.by_reason:
            typer.echo(f"{_words(one.reason)}: {one.meaning}")
    if report.unreadable:
        typer.echo("\nNot compared, as these fields cannot be read:")
        for fault in report.unreadable:
            typer.echo(_fault(fault))


def _sums(report: InvoiceReport) -> Table:
    figures = ("lines", "invoiced €", "computed €", "difference €")
    shown = table(("", *figures), figures=figures)
    shown.add_row("matches", *_figures(report.agreeing))
    for one in report.by_reason:
        shown.add_row(_words(one.reason), *_figures(one))
    shown.add_section()
    for of_class in report.by_class:
        shown.add_row(of_class.cost_class, *_figures(of_class))
    shown.add_section()
    shown.add_row("total", *_figures(report.total), style="bold")
    return shown


def _figures(one: Sum) -> tuple[str, ...]:
    return (str(one.lines), _euros(one.invoiced_cents), _euros(one.computed_cents), _euros(one.difference_cents))


def _differences(differences: Sequence[DifferingLine], width: int) -> Table:
    """Return a line for each difference; on a narrow screen without the figures that it is the difference of."""
    kept = slice(None) if width >= _WIDE else slice(2, 3)
    figures = ("invoiced €", "computed €", "difference €", "recipients")[kept]
    shown = table(("municipality", "month", "benefit", "class", *figures, "likely reason", "elsewhere"), figures)
    for column in shown.columns:
        column.no_wrap, column.overflow = column.header in {*figures, "month", "class"}, "fold"
    for one in differences:
        euros = (_euros(cents) for cents in (one.invoiced_cents, one.computed_cents, one.difference_cents))
        recipients = f"{one.invoiced_recipients} / {one.computed_recipients}"
        elsewhere = ", ".join(_elsewhere(one, other) for other in one.elsewhere)
        shown.add_row(*_about(one), *(*euros, recipients)[kept], _words(one.reason), elsewhere)
    return shown


def _about(place: Place) -> tuple[str, ...]:
    name = MUNICIPALITIES[place.municipality].name_fi if place.municipality in MUNICIPALITIES else ""
    return (f"{place.municipality} {name}".strip(), place.month, _words(place.benefit), place.cost_class)


def _words(code: str) -> str:
    """Return a code as words, which a narrow screen can break."""
    return code.replace("_", " ")


def _elsewhere(here: Place, other: Place) -> str:
    """Return in what the other half of a difference stands elsewhere."""
    return " ".join(there for mine, there in zip(_about(here), _about(other), strict=True) if there != mine)


def _euros(cents: int) -> str:
    sign = "−" if cents < 0 else ""
    return f"{sign}{abs(cents) // 100:,}.{abs(cents) % 100:02d}".replace(",", "\N{NO-BREAK SPACE}")
