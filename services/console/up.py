"""`askelma up`: everything in one process, on what a folder holds."""

import asyncio
import json
import os
from contextlib import AsyncExitStack, ExitStack
from pathlib import Path
from typing import Annotated

import typer

from services.console.composition import Running, embedded
from services.console.connection import ADDRESS_FILE
from services.console.embedding import told_start_failures
from services.console.terminal import messages
from services.console.waiting import stopping, until_ready, until_stopped
from services.runtime.clock import SystemClock
from services.runtime.embedded.postgres import held, made
from services.runtime.logs import configure

DataFolder = Annotated[
    Path,
    typer.Option(
        "--data", "-d", metavar="DIR", help="Where everything is kept; made if missing.", file_okay=False,
        show_default=False,
    ),
]  # fmt: skip
Port = Annotated[int, typer.Option("--port", "-p", metavar="PORT", min=0, max=65535, help="0: any free port.")]


def command(data: DataFolder, port: Port = 8080) -> None:
    """Run everything in one process, on loopback only, and keep what is accepted in a folder.

    Addresses and keys stand in DIR/askelma.json, readable by its owner only, from when the system is ready until it
    ends; the keys stay the same when it is started again. Ctrl-C ends it; nothing accepted is lost, however it ends.
    """
    address = data / ADDRESS_FILE
    with ExitStack() as stack:
        with told_start_failures(port):
            stack.enter_context(held(made(data)))
        address.unlink(missing_ok=True)  # of a run that was killed
        stack.callback(address.unlink, missing_ok=True)
        log = stack.enter_context((data / "askelma.log").open("a", encoding="utf-8"))
        configure("askelma", stream=log)
        asyncio.run(_up(data, port))


async def _up(data: Path, port: int) -> None:
    async with AsyncExitStack() as stack:
        stop = stack.enter_context(stopping())
        with told_start_failures(port):
            running = await stack.enter_async_context(embedded(data, port, SystemClock()))
        await until_ready(running.host)
        write_address(data / ADDRESS_FILE, running)
        messages().print(f"Askelma is up at [bold]{running.host.url}[/]; keys are in {data / ADDRESS_FILE}.")
        messages().print("Ctrl-C ends it.", style="dim")
        await until_stopped(running.host, stop)


def write_address(path: Path, running: Running) -> None:
    """Write addresses and first keys for scripts, readable by the owner only; the file appears whole or not at all."""
    keys = running.keys
    content = {
        "url": running.host.url,
        "kafka": running.host.platform.settings.kafka,
        "ingest_key": keys.ingest_key,
        "supervisor_token": keys.supervisor_token,
        "finance_token": keys.finance_token,
    }
    unfinished = path.with_suffix(".unfinished")
    descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        json.dump(content, file, indent=2)
        file.write("\n")
    unfinished.replace(path)
