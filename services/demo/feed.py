"""The stream in batches ready to be posted, made by a process of its own.

Making the stream takes seconds of computing. In the process of the services it would keep them from answering the log,
which takes a consumer that is silent for ten seconds for dead.
"""

import asyncio
import json
import signal
import sys
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from itertools import groupby, islice
from subprocess import DEVNULL, PIPE, Popen
from typing import IO, BinaryIO, Final

from contracts.dates import civil_date
from services.demo.domain.events import DoorEvent
from services.demo.stream import CLIENTS, END, START, Sending, everything_sent, sendings
from services.runtime.cadence import due_month, published_on

BATCH_EVENTS: Final = 1000
"""Larger batches are journaled in fewer transactions; with 1,500 a body may pass the door's mebibyte."""


@dataclass(frozen=True, slots=True)
class Batch:
    """Events in the JSON batch format of CloudEvents; `at` is when the last of them is sent."""

    at: datetime
    events: int
    body: bytes


@dataclass(frozen=True, slots=True)
class Scope:
    """What stream to make."""

    seed: int = 1
    clients: int = CLIENTS
    start: date = START
    end: date = END


class Feed:
    """A stream that is being made."""

    def __init__(self, reader: asyncio.StreamReader) -> None:
        self._reader = reader

    async def events(self) -> int:
        """Return how many events there are in all, once it is known. To be asked once, before the batches."""
        line = await self._reader.readline()
        if not line:
            raise OSError("the process that makes the stream has ended")
        return int(line)

    async def batches(self) -> AsyncIterator[Batch]:
        """Yield the batches in their order."""
        while head := await self._reader.readline():
            at, events, length = head.split()
            body = await self._reader.readexactly(int(length))
            yield Batch(datetime.fromisoformat(at.decode()), int(events), body)


def publication_before(at: datetime) -> date:
    """Return the newest day not after `at` on which figures of a month are published."""
    return published_on(due_month(civil_date(at)))


def batches(stream: Iterable[Sending], size: int = BATCH_EVENTS) -> Iterator[Batch]:
    """Yield the events of `stream` in their order, `size` at a time; none reaches over a day of publication."""
    for _, of_period in groupby(stream, key=lambda sending: publication_before(sending.at)):
        sent = ((sending.at, event) for sending in of_period for event in sending.events)
        while some := list(islice(sent, size)):
            yield _batch(some[-1][0], [event for _, event in some])


def _batch(at: datetime, events: list[DoorEvent]) -> Batch:
    return Batch(at, len(events), json.dumps(events, ensure_ascii=False, separators=(",", ":")).encode())


@contextmanager
def making(scope: Scope) -> Iterator[IO[bytes]]:
    """Start making the stream of `scope` and give what comes, to be read by `feed`; leaving the block ends it."""
    command = [sys.executable, "-m", "services.demo.feed", _arguments(scope)]
    # In a group of its own, so that Ctrl-C reaches only who ends it in order.
    with Popen(command, stdin=DEVNULL, stdout=PIPE, process_group=0) as process:  # noqa: S603 - this interpreter
        try:
            if process.stdout is None:
                raise OSError("the process that makes the stream has no output")
            yield process.stdout
        finally:
            process.kill()


@asynccontextmanager
async def feed(made: IO[bytes]) -> AsyncIterator[Feed]:
    """Give a stream as it is being made."""
    reader = asyncio.StreamReader()
    loop = asyncio.get_running_loop()
    transport, _ = await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), made)
    try:
        yield Feed(reader)
    finally:
        transport.close()


def _arguments(scope: Scope) -> str:
    return json.dumps([scope.seed, scope.clients, scope.start.isoformat(), scope.end.isoformat()])


def write(scope: Scope, to: BinaryIO) -> None:
    """Write how many events there are, then each batch after a line with its instant, events and bytes."""
    sent = everything_sent(scope.seed, scope.clients, scope.start, scope.end)
    to.write(f"{len(sent)}\n".encode())
    to.flush()
    to.writelines(_framed(batch) for batch in batches(sendings(sent, scope.seed)))


def _framed(batch: Batch) -> bytes:
    return f"{batch.at.isoformat()} {batch.events} {len(batch.body)}\n".encode() + batch.body


if __name__ == "__main__":
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # nobody reads any more: end without a word
    seed, clients, start, end = json.loads(sys.argv[1])
    write(Scope(seed, clients, date.fromisoformat(start), date.fromisoformat(end)), sys.stdout.buffer)
