"""`askelma simulate`: what a finance officer's own table of payments would cost under a scheme."""

from pathlib import Path
from typing import Annotated

import typer

from services.console.failures import MISUSED, Failure
from services.console.schemes import own_schemes
from services.console.terminal import output, table
from services.incentives.rule_files import RuleFileError
from services.incentives.simulate import PaymentTableError, Simulation, UnknownSchemeError, simulate

PaymentsFile = Annotated[
    Path, typer.Argument(metavar="PAYMENTS.csv", help="The table of payments: UTF-8, separated by , or ;", exists=True,
                         dir_okay=False, readable=True, show_default=False)
]  # fmt: skip
SchemeName = Annotated[
    str, typer.Option("--scheme", "-s", metavar="NAME", help="One of `askelma schemes check`.", show_default=False)
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, money in cents, instead of a table.")]


def command(payments: PaymentsFile, scheme: SchemeName, *, as_json: AsJson = False) -> None:
    """Compute what a table of payments costs the municipality under a scheme.

    Columns: client, period_start, period_end, days, basis, basic_part_cents; optionally paid_cents, batch, posted_on,
    benefit, entitlement, step, counter_before. A row that cannot be used refuses the file and names line and field.
    """
    result = _simulated(payments, scheme)
    if as_json:
        typer.echo(result.as_json())
    else:
        _show(result)


def _simulated(payments: Path, scheme: str) -> Simulation:
    try:
        return simulate(payments.read_text(encoding="utf-8"), scheme, own_schemes())
    except UnicodeDecodeError as error:
        raise Failure(f"{payments.name} is not UTF-8 text (byte {error.start}). Save it as CSV in UTF-8.") from None
    except UnknownSchemeError as error:
        raise Failure(f"{str(error)[0].upper()}{str(error)[1:]}.", MISUSED) from None
    except RuleFileError as error:
        raise Failure(f"A scheme file of your own cannot be used:\n{error}") from None
    except PaymentTableError as error:
        raise Failure(f"{payments.name} cannot be used; nothing was computed.\n{error}") from None


def _show(result: Simulation) -> None:
    heading, lines = result.as_table()
    shown = table(heading, figures=("days", "percent", "euros"))
    for line in lines[:-1]:
        shown.add_row(*line)
    shown.add_section()
    shown.add_row(*lines[-1], style="bold")
    shown.title, shown.title_justify = result.label, "left"
    output().print(shown)
