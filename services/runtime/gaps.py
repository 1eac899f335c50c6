"""Records that an embedded log dropped before they were read: noticed by their offsets, and fetched again."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Final

from services.runtime.records import Record

_SEQUENCE: Final = "ce_journalseq"

Replay = Callable[[int], Awaitable[None]]


class GapWatch:
    """Looks at one topic for offsets that are missing; `replay(seq)` asks for the facts from a journal number on.

    Only for embedded mode: on a real broker offsets have holes of their own.
    """

    def __init__(self, topic: str | None = None, replay: Replay | None = None) -> None:
        self._topic = topic
        self._replay = replay
        self._next: dict[int, int] = {}
        self._seen: dict[int, int] = {}
        self.found = 0
        self.open = False

    def look(self, records: Sequence[Record]) -> int | None:
        """Return the journal number from which facts are missing, or None."""
        if self._topic is None:
            return None
        missing = [start for record in records if (start := self._step(record)) is not None]
        return min(missing, default=None)

    def _step(self, record: Record) -> int | None:
        if record.topic != self._topic:
            return None
        expected = self._next.get(record.partition, 0)
        last = self._seen.get(record.partition, 0)
        self._next[record.partition] = record.offset + 1
        self._seen[record.partition] = _number(record, last)
        if record.offset <= expected:
            return None
        self.found += 1
        self.open = True
        return last

    async def fill(self, seq: int) -> None:
        """Ask for everything from `seq` on; order does not matter to who reads it."""
        if self._replay is not None:
            await self._replay(seq)
        self.open = False


def _number(record: Record, last: int) -> int:
    """Return the journal number of `record`, or `last` where it has none that is one."""
    number = record.headers.get(_SEQUENCE, "")
    return int(number) if number.isascii() and number.isdigit() else last
