"""`askelma demo`: a synthetic authority streamed through everything, embedded in one process."""

import asyncio
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import AsyncExitStack, contextmanager
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Final

import typer
from rich.live import Live

from contracts.dates import start_of
from services.console.composition import Running, embedded
from services.console.embedding import told_start_failures
from services.console.failures import INTERRUPTED, Failure
from services.console.terminal import messages
from services.console.waiting import stopping, until_done, until_ready, until_stopped
from services.demo.drive import DemoError, System
from services.demo.feed import Scope, feed
from services.demo.figures import figures
from services.demo.run import Demo
from services.demo.screen import Screen
from services.demo.stream import CLIENTS
from services.runtime.authorities import Authority
from services.runtime.clock import ManualClock
from services.runtime.embedded.postgres import forgetful_postgres
from services.runtime.logs import configure

_REFRESHES_A_SECOND: Final = 4
# Two years in two minutes are a flood: fuller batches save more work than the delay costs.
_FLOOD: Final = MappingProxyType({"linger_seconds": 4.0, "max_batch": 20_000})
_COORDINATOR: Final = "398-01"

Once = Annotated[bool, typer.Option("--once", help="End when all is processed, instead of staying up.")]
JsonFile = Annotated[
    Path | None, typer.Option("--json", metavar="FILE", help="Write the figures as of the last day.", dir_okay=False)
]
Clients = Annotated[int, typer.Option("--clients", metavar="NUMBER", min=1, help="How many people.")]
Seed = Annotated[int, typer.Option("--seed", metavar="NUMBER", help="The same seed gives the same figures.")]
Port = Annotated[int, typer.Option("--port", "-p", metavar="PORT", min=0, max=65535, help="0: any free port.")]


def command(
    *, once: Once = False, json: JsonFile = None, clients: Clients = CLIENTS, seed: Seed = 1, port: Port = 0
) -> None:
    """Stream a synthetic authority through the whole system, in one process, and show what comes of it.

    Five municipalities, July 2024 to June 2026, with facts that come late, in any order, twice, and wrong and taken
    back. Nobody in it exists. Ends with the address of the pages and stays up until Ctrl-C; nothing is kept.
    """
    scope = Scope(seed=seed, clients=clients)
    with _folder() as folder, (folder / "askelma.log").open("a", encoding="utf-8") as log:
        configure("askelma", stream=log)
        try:
            asyncio.run(_demo(folder, scope, json, port, once=once))
        except DemoError as error:
            raise Failure(str(error)) from None


@contextmanager
def _folder() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="askelma-demo-"))
    folder.chmod(0o711)  # PostgreSQL, where root starts it, runs as another user and must pass through
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


async def _demo(folder: Path, scope: Scope, result: Path | None, port: int, *, once: bool) -> None:
    clock, screen = ManualClock(start_of(scope.start)), Screen()
    async with AsyncExitStack() as stack:
        stop = stack.enter_context(stopping())
        coming = await stack.enter_async_context(feed(scope))
        with told_start_failures(port):
            running = await stack.enter_async_context(
                embedded(folder, port, clock, _authority(), _COORDINATOR, _FLOOD, forgetful_postgres)
            )
        with Live(screen, console=messages(), refresh_per_second=_REFRESHES_A_SECOND):
            await until_ready(running.host)
            demo = Demo(_system(running, clock), scope, screen).run(coming, result)
            if not await until_done(running.host, stop, demo):
                raise typer.Exit(INTERRUPTED)
        _tell_the_end(running.host.url, once=once)
        if not once:
            await until_stopped(running.host, stop)


def _tell_the_end(url: str, *, once: bool) -> None:
    if once:
        messages().print("All is processed and published. Without --once, the pages would stay up now.")
    else:
        messages().print(f"The pages are at [bold]{url}[/]. Ctrl-C ends the demo.")


def _system(running: Running, clock: ManualClock) -> System:
    keys = running.keys
    return System(running.host.url, keys.ingest_key, keys.supervisor_token, clock, running.host.settled)


def _authority() -> Authority:
    codes = frozenset(each.code for each in figures().municipalities)
    return Authority("demo", "Esimerkkialue", "Exempelområdet", "Example area", codes)
