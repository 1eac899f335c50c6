"""`askelma rebuild`: sends the journal's facts to all services again."""

from typing import Annotated

import httpx
import typer

from services.console.connection import Connection, DataFolder, Key, Url, as_admin
from services.console.failures import Failure
from services.runtime.problems import MEDIA_TYPE

FirstNumber = Annotated[int, typer.Option("--from", metavar="NUMBER", min=0, help="The first number of the journal.")]


def command(data: DataFolder = None, url: Url = None, key: Key = None, first: FirstNumber = 0) -> None:
    """Send the facts of the journal to all services again, while they run.

    What they know already changes nothing, so a rebuild can be done at any time and any number of times. It needs an
    admin's token as the key. Progress shows in the services' lag.
    """
    queued = _replayed(as_admin(data, url, key), first)
    typer.echo(f"{queued} facts are on their way to the services again.")


def _replayed(connection: Connection, first: int) -> int:
    try:
        answer = httpx.post(
            f"{connection.url}/v1/replay", json={"from": first}, headers=connection.headers, timeout=600
        )
    except httpx.TransportError as error:
        raise Failure(f"No Askelma answers at {connection.url} ({type(error).__name__}). Is it up?") from None
    if not answer.is_success:
        raise Failure(refusal(answer))
    return int(answer.json()["queued"])


def refusal(answer: httpx.Response) -> str:
    """Return what Askelma says about a request that it refused."""
    if answer.headers.get("content-type", "").startswith(MEDIA_TYPE):
        return f"Askelma refused ({answer.status_code}): {answer.json().get('detail') or answer.json().get('title')}"
    return f"Askelma refused ({answer.status_code})."
