"""What `askelma demo` does once it is loaded: starts everything embedded, streams, shows, and tells the end."""

import asyncio
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import AsyncExitStack, contextmanager
from pathlib import Path
from types import MappingProxyType
from typing import IO, Final

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
from services.runtime.authorities import Authority
from services.runtime.clock import ManualClock
from services.runtime.embedded.postgres import forgetful_postgres
from services.runtime.logs import configure

_REFRESHES_A_SECOND: Final = 4
# Two years in two minutes are a flood: fuller batches save more work than the delay costs.
_FLOOD: Final = MappingProxyType({"linger_seconds": 4.0, "max_batch": 20_000})
_COORDINATOR: Final = "398-01"


def show(scope: Scope, made: IO[bytes], result: Path | None, port: int, *, once: bool) -> None:
    """Stream what is being `made` through an embedded system; the figures go to `result`. Raises Failure."""
    with _folder() as folder, (folder / "askelma.log").open("a", encoding="utf-8") as log:
        configure("askelma", stream=log)
        try:
            asyncio.run(_show(folder, scope, made, result, port, once=once))
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


async def _show(  # noqa: PLR0913 - what the command was given
    folder: Path, scope: Scope, made: IO[bytes], result: Path | None, port: int, *, once: bool
) -> None:
    clock, screen = ManualClock(start_of(scope.start)), Screen()
    async with AsyncExitStack() as stack:
        stop = stack.enter_context(stopping())
        coming = await stack.enter_async_context(feed(made))
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
