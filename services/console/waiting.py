"""Waiting for a running system: until it is ready, and until somebody ends it."""

import asyncio
import signal
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from typing import Final, Literal

from services.console.failures import Failure
from services.runtime.hosting import Host

_READY_POLL_SECONDS: Final = 0.1
_STOPPING: Final = (signal.SIGINT, signal.SIGTERM)


@contextmanager
def stopping() -> Iterator[asyncio.Event]:
    """Give an event that Ctrl-C or a supervisor's SIGTERM sets, so that everything ends in order."""
    loop, stop = asyncio.get_running_loop(), asyncio.Event()
    for number in _STOPPING:
        loop.add_signal_handler(number, stop.set)
    try:
        yield stop
    finally:
        for number in _STOPPING:
            loop.remove_signal_handler(number)


async def until_ready(host: Host) -> None:
    """Return when every service can do its work. Raises Failure if a part of the process dies before."""
    while await host.ready():
        _raise_failure(host)
        await asyncio.sleep(_READY_POLL_SECONDS)


async def until_done(host: Host, stop: asyncio.Event, work: Coroutine[None, None, None]) -> bool:
    """Do `work` and tell whether it came to its end; `stop` ends it before. Raises Failure if a part dies meanwhile."""
    doing, watching = asyncio.create_task(work), asyncio.create_task(until_stopped(host, stop))
    try:
        await asyncio.wait([doing, watching], return_when=asyncio.FIRST_COMPLETED)
        for ended in (task for task in (watching, doing) if task.done()):
            await ended
        return doing.done()
    finally:
        for task in (doing, watching):
            task.cancel()
        await asyncio.gather(doing, watching, return_exceptions=True)


async def until_stopped(host: Host, stop: asyncio.Event) -> None:
    """Return when `stop` is set. Raises Failure if a part of the process dies, naming it."""
    stopped = asyncio.create_task(stop.wait())
    try:
        waited: list[asyncio.Future[Literal[True]] | asyncio.Future[str]] = [stopped, host.failure]
        await asyncio.wait(waited, return_when=asyncio.FIRST_COMPLETED)
        _raise_failure(host)
    finally:
        stopped.cancel()


def _raise_failure(host: Host) -> None:
    if host.failure.done():
        raise Failure(f"A part of the system ended: {host.failure.result()}. What was accepted is kept.")
