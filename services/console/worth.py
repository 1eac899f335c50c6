"""`askelma worth`: what a step up, parking and a month's delay are worth to the municipality."""

from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import Annotated, Final

import httpx
import typer
from rich.table import Table
from rich.text import Text

from services.console.connection import Connection, DataFolder, Token, Url, as_supervisor
from services.console.failures import Failure
from services.console.rebuilding import refusal
from services.console.terminal import output, table
from services.incentives.domain.schemes import Standing
from services.incentives.worth_answer import Observed, SchemeWorth, Worth
from services.indicators.ladder_file import load_ladder

OneScheme = Annotated[str | None, typer.Option("--scheme", "-s", metavar="NAME", help="Only this one.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print the answer as it came, money in cents.")]

_PATIENCE_SECONDS: Final = 600
"""Tables of a large authority take some seconds each, and wait for one another."""
_READ_AS: Final = {
    Standing.LAW: "law",
    Standing.COUNTERFACTUAL: "counterfactual: a law outside its years",
    Standing.PROPOSAL: "proposal, not law",
}
_ERROR: Final = "±"
_SEEN: Final = "seen"


def command(
    data: DataFolder = None, url: Url = None, token: Token = None, scheme: OneScheme = None, *, as_json: AsJson = False
) -> None:
    """Show what progress is worth to the municipality under each scheme, by step and days on benefit.

    One step up reached today, over 12 months; the same a month later; and six months of parking in a service. Reckoned
    from how the authority's clients have moved; the token is a supervisor's.
    """
    answer = _asked(as_supervisor(data, url, token), scheme)
    if as_json:
        typer.echo(answer)
    else:
        _show(Worth.model_validate_json(answer))


def _asked(connection: Connection, scheme: str | None) -> str:
    asked = {"lang": "en"} | ({"scheme": scheme} if scheme else {})
    try:
        answer = httpx.get(
            f"{connection.url}/v1/worth", params=asked, headers=connection.headers, timeout=_PATIENCE_SECONDS
        )
    except httpx.TransportError as error:
        raise Failure(f"No Askelma answers at {connection.url} ({type(error).__name__}). Is it up?") from None
    if not answer.is_success:
        raise Failure(refusal(answer))
    return answer.text


def _show(worth: Worth) -> None:
    out, names = output(), {one.step: one.en for one in load_ladder().steps}
    for scheme in worth.schemes:
        out.print(Text.assemble((scheme.scheme, "bold"), f"  {scheme.label}  ({_READ_AS[scheme.standing]})"))
        out.print(_drawn(worth, scheme, names))
        out.print()
    observed = worth.observed
    out.print(
        f"Whole euros of the municipality's share from {worth.start} to {worth.end}, by days on benefit before it. "
        f"{_ERROR}: the row's largest standard error, of {worth.courses} drawn courses. "
        f"{_SEEN}: client-months from {observed.start} to {observed.end} on the step or on the one above, whichever "
        "are fewer; the fewer, the less a figure says.",
        soft_wrap=True,
    )
    out.print(worth.note, soft_wrap=True)


def _drawn(worth: Worth, scheme: SchemeWorth, names: Mapping[int, str]) -> Table:
    days = [str(day) for day in scheme.days]
    drawn = table(("days on benefit", *days, _ERROR, _SEEN), figures=(*days, _ERROR, _SEEN))
    by_step = [(step, list(rows)) for step, rows in groupby(scheme.steps_up, key=lambda row: row.step)]
    _section(drawn, "one step up today saves")
    for step, rows in by_step:
        figures = _euros([*(row.worth_cents for row in rows), max(row.worth_error_cents for row in rows)])
        drawn.add_row(f"  from {step} {names[step]}", *figures, _seen(worth.observed, step))
    _section(drawn, "a month's delay costs")
    for step, rows in by_step:
        figures = _euros([*(row.delay_cents for row in rows), max(row.delay_error_cents for row in rows)])
        drawn.add_row(f"  from {step} {names[step]}", *figures)
    _section(drawn, f"parking for {worth.parked_months} months saves")
    drawn.add_row("  in a service, unmoved", *_euros([row.cents for row in scheme.parking]))
    return drawn


def _section(drawn: Table, heading: str) -> None:
    drawn.add_section()
    drawn.add_row(Text(heading, "italic"))


def _euros(cents: Sequence[int]) -> list[str]:
    return [str(round(each / 100)) for each in cents]


def _seen(observed: Observed, step: int) -> str:
    months = {one.step: one.months for one in observed.steps}
    return str(min(months[step], months[step + 1]))
