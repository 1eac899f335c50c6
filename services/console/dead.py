"""`askelma dead`: records that a service could not use, and their second chance."""

import asyncio
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from typing import Annotated, TypeVar

import typer
from aiokafka.errors import KafkaError

from services.console.failures import MISUSED, Failure
from services.console.store import StoreSettings, told_store_failures
from services.console.terminal import output, table
from services.runtime.database import Database
from services.runtime.deadletters import DeadLetter, listed, taken_for_replay
from services.runtime.migrations import SERVICES
from services.runtime.publisher import PublishError, publishing
from services.runtime.settings import Settings

app = typer.Typer(help="Records that a service could not use.", no_args_is_help=True)

ServiceName = Annotated[str, typer.Argument(metavar="SERVICE", help=f"{', '.join(SERVICES)}.", show_default=False)]
Number = Annotated[int, typer.Argument(metavar="NUMBER", help="As `askelma dead list` shows it.", show_default=False)]
OnlyService = Annotated[str | None, typer.Option("--service", metavar="SERVICE", help="Only those of one service.")]
T = TypeVar("T")


@app.command("list")
def list_letters(service: OnlyService = None) -> None:
    """List the parked records of all services, oldest first: where they stood, and why they could not be used."""
    names = [_known(service)] if service else list(SERVICES)
    letters = [letter for name in names for letter in _run(_listed(name))]
    if not letters:
        typer.echo("Nothing is parked.")
        return
    shown = table(("service", "number", "parked at", "record", "replayed", "reason"), figures=("number",))
    for letter in letters:
        replayed = "yes" if letter.replayed else "no"
        shown.add_row(letter.service, str(letter.number), _moment(letter), _place(letter), replayed, letter.reason)
    output().print(shown)


@app.command()
def show(service: ServiceName, number: Number) -> None:
    """Show one parked record: where it stood and why it could not be used, never what it says."""
    letter = next((each for each in _run(_listed(_known(service))) if each.number == number), None)
    if letter is None:
        raise _no_such(service, number)
    rows = {
        "service": letter.service,
        "number": str(letter.number),
        "record": _place(letter),
        "parked at": _moment(letter),
        "replayed": "yes" if letter.replayed else "no",
        "reason": letter.reason,
    }
    for name, value in rows.items():
        typer.echo(f"{name:10} {value}")


@app.command()
def replay(service: ServiceName, number: Number) -> None:
    """Send one parked record to its topic again, as it came. Doing so twice changes nothing."""
    topic = _run(_replayed(_known(service), number))
    if topic is None:
        raise _no_such(service, number)
    typer.echo(f"Number {number} of {service} was sent to {topic} again.")


def _known(service: str) -> str:
    if service not in SERVICES:
        raise Failure(f"There is no service {service}; there are {', '.join(SERVICES)}.", MISUSED)
    return service


def _no_such(service: str, number: int) -> Failure:
    return Failure(f"{service} has no parked record {number}; `askelma dead list` shows what there is.")


def _place(letter: DeadLetter) -> str:
    return f"{letter.topic}/{letter.partition}/{letter.offset}"


def _moment(letter: DeadLetter) -> str:
    return letter.parked_at[:19].replace("T", " ")


def _run(work: Coroutine[None, None, T]) -> T:
    with told_store_failures():
        return asyncio.run(work)


@asynccontextmanager
async def _database(settings: Settings, service: str) -> AsyncIterator[Database]:
    database = Database(settings.database_url, service=service, pool=1)
    try:
        yield database
    finally:
        await database.close()


async def _listed(service: str) -> list[DeadLetter]:
    async with _database(StoreSettings.load(), service) as database, database.transaction() as session:
        return await listed(session, service)


async def _replayed(service: str, number: int) -> str | None:
    settings = Settings.load()
    async with _database(settings, service) as database, database.transaction() as session:
        letter = await taken_for_replay(session, service, number)
        if letter is None:
            return None
        try:
            async with publishing(settings.kafka, "console") as publisher:
                await publisher.send([letter])  # before the commit: what was not sent is not marked as sent
        except (KafkaError, OSError, PublishError) as error:
            raise Failure(f"Kafka did not take the record ({type(error).__name__}); nothing has changed.") from None
    return letter.topic
