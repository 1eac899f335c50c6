"""One service as `askelma run` runs it, but by a clock that a test sets.

`python -m tests.system.clocked SERVICE PORT FILE`: the clock's instant stands in FILE, so that several processes have
one time and a restarted one has it again.
"""

import asyncio
import sys
from datetime import date, datetime
from pathlib import Path
from typing import Final

from contracts.dates import civil_date
from services.console.run import serve
from services.runtime.logs import configure

_LOOK_AGAIN_S: Final = 0.2


class FileClock:
    """Stands still at the instant in `path` until `set` writes another, in whatever process."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def now(self) -> datetime:
        return datetime.fromisoformat(self._path.read_text())

    def today(self) -> date:
        return civil_date(self.now())

    def set(self, instant: datetime) -> None:
        unfinished = self._path.with_suffix(".unfinished")
        unfinished.write_text(instant.isoformat())
        unfinished.replace(self._path)

    async def sleep_until(self, instant: datetime) -> None:
        while self.now() < instant:  # noqa: ASYNC110 - another process sets it
            await asyncio.sleep(_LOOK_AGAIN_S)


if __name__ == "__main__":
    name, port, file = sys.argv[1:]
    configure(name)
    asyncio.run(serve(name, "127.0.0.1", int(port), FileClock(Path(file))))
