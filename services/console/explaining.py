"""`askelma explain`: from the facts about a client, or from a month's percents and bases, to euros."""

from collections.abc import Mapping
from typing import Annotated

import httpx
import typer

from services.console.connection import Connection, DataFolder, Token, Url, as_supervisor
from services.console.failures import MISUSED, Failure
from services.console.rebuilding import refusal

Client = Annotated[str | None, typer.Option("--client", metavar="REF", help="A client, by reference.")]
Month = Annotated[str | None, typer.Option("--month", metavar="YYYY-MM", help="A month of payment.")]
Municipality = Annotated[
    str | None, typer.Option("--municipality", metavar="NUMBER", help="With --month: only this payer, such as 398.")
]
SchemeName = Annotated[str | None, typer.Option("--scheme", "-s", metavar="NAME", help="Only this scheme.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, money in cents, instead of text.")]


def command(  # noqa: PLR0913 - one for each option
    *,
    client: Client = None,
    month: Month = None,
    municipality: Municipality = None,
    scheme: SchemeName = None,
    as_json: AsJson = False,
    data: DataFolder = None,
    url: Url = None,
    token: Token = None,
) -> None:
    """Explain what a client or a month costs: rules with their grounds, formulas and rounding.

    A client is explained payment by payment, to a supervisor or the client's coordinator, and that is written to the
    audit log; a month is explained class by class, also to finance. The token is that of who asks.
    """
    if (client is None) == (month is None):
        raise Failure("Say what to explain: --client REF, or --month YYYY-MM.", MISUSED)
    if client is not None and municipality is not None:
        raise Failure("--municipality goes with --month; a client is explained over all payers.", MISUSED)
    asked = {"client": client, "month": month, "municipality": municipality, "scheme": scheme}
    told = {name: value for name, value in asked.items() if value is not None}
    told["format"] = "json" if as_json else "text"
    typer.echo(_explained(as_supervisor(data, url, token), told).rstrip("\n"))


def _explained(connection: Connection, asked: Mapping[str, str]) -> str:
    try:
        answer = httpx.get(f"{connection.url}/v1/explain", params=asked, headers=connection.headers, timeout=60)
    except httpx.TransportError as error:
        raise Failure(f"No Askelma answers at {connection.url} ({type(error).__name__}). Is it up?") from None
    if not answer.is_success:
        raise Failure(refusal(answer))
    return answer.text
