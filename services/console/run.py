"""`askelma run`: one service as a process of its own, on the broker and database that the environment names."""

import asyncio
from contextlib import AsyncExitStack
from typing import Annotated

import typer
from aiokafka.errors import KafkaError

from services.console.composition import alone
from services.console.embedding import told_start_failures
from services.console.failures import MISUSED, Failure
from services.console.store import told_store_failures
from services.console.waiting import stopping, until_stopped
from services.runtime.clock import Clock, SystemClock
from services.runtime.logs import configure
from services.runtime.migrations import SERVICES

ServiceName = Annotated[str, typer.Argument(metavar="SERVICE", help=f"{', '.join(SERVICES)}.", show_default=False)]
Address = Annotated[str, typer.Option("--host", metavar="ADDRESS", help="Address to listen on.")]
Port = Annotated[int, typer.Option("--port", "-p", metavar="PORT", min=0, max=65535)]


def command(service: ServiceName, host: Address = "127.0.0.1", port: Port = 8080) -> None:
    """Run one service until SIGTERM or Ctrl-C. Settings come from the environment, as ASKELMA_<NAME>.

    It brings its tables up to this version first. Several of one service share the work; give each an
    ASKELMA_INSTANCE of its own.
    """
    if service not in SERVICES:
        raise Failure(f"There is no service {service}; there are {', '.join(SERVICES)}.", MISUSED)
    configure(service)
    with told_start_failures(port), told_store_failures():
        asyncio.run(serve(service, host, port, SystemClock()))


async def serve(service: str, host: str, port: int, clock: Clock) -> None:
    """Run one service until somebody ends it. Raises Failure where the log does not answer or a part dies."""
    async with AsyncExitStack() as stack:
        stop = stack.enter_context(stopping())
        try:
            running = await stack.enter_async_context(alone(service, host, port, clock))
        except KafkaError as error:
            raise Failure(f"The Kafka that ASKELMA_KAFKA names does not answer ({type(error).__name__}).") from None
        await until_stopped(running, stop)
