"""Costs of a whole population recomputed by the engine that ships, in a process of its own: one side of `sides`.

Reads the files of `population` some thousand clients at a time, as the service reads its store, and keeps no more than
that in memory. Run with the folder of a population, how many of its clients to take, and the names of schemes; prints
one JSON object.
"""

import json
import resource
import sys
from collections.abc import Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Final

import numpy as np

from benchmarks.population import COLUMNS, MONTHS, month
from services.incentives.domain.engine import assess
from services.incentives.domain.money import Ints
from services.incentives.domain.payments import CounterSets, Payments, StepsOfClients, Track, key_of
from services.incentives.domain.schemes import COUNTERS
from services.incentives.rule_files import rule_book

AT_ONCE: Final = 3_000
"""Clients assessed in one go. Fewer: the engine's some hundred steps cost more than what they do (twice the time at
500, an eighth more at 2,000). More: no faster, and memory grows, by 12 MiB for each thousand."""
_POSTED_AFTER: Final = 5
"""Days from the end of a month to the posting of its payment."""


File = np.memmap[tuple[int, ...], np.dtype[np.integer]]


def totals(folder: Path, clients: int, schemes: Sequence[str]) -> dict[str, int]:
    """Return what the payments of the first `clients` clients cost under each of `schemes`, in cents."""
    book, found = rule_book(), dict.fromkeys(schemes, 0)
    for size, payments, sets, steps in pages(folder, clients):
        for name in schemes:
            found[name] += int(assess(book.schemes[name], payments, sets, steps, size).pieces.cents.sum())
    return found


def pages(folder: Path, clients: int) -> Iterator[tuple[int, Payments, CounterSets, StepsOfClients]]:
    """Yield the clients some thousand at a time: how many they are, and all that counts about them."""
    steps = _steps(folder)
    counters = [np.load(folder / f"{counter}.npy") for counter in COUNTERS]
    files = [np.load(folder / f"{name}.by_client.npy", mmap_mode="r") for name in COLUMNS]
    for first in range(0, clients, AT_ONCE):
        after = min(first + AT_ONCE, clients)
        low, high = key_of(np.array([first, after]), np.zeros(2, dtype=np.int64))
        mine = slice(*np.searchsorted(steps.keys, (low, high)))
        of_page = Track(steps.keys[mine] - low, steps.values[mine])
        payments, sets = _payments(files, first, after), _sets([one[first:after] for one in counters])
        yield after - first, payments, sets, StepsOfClients(of_page)


def _steps(folder: Path) -> Track:
    # Beside the point, but it shows: once so large a block as this table was freed, the C library keeps what the
    # engine frees instead of giving it back to the system after every page of clients (mallopt(3), M_MMAP_THRESHOLD).
    client, day, step = np.load(folder / "steps.npy").T
    return Track(key_of(client, day), step.copy())


def _payments(files: Sequence[File], first: int, after: int) -> Payments:
    days, basic_part, paid, benefit, basis = (_column(file, first, after) for file in files)
    client, every, posted_on, starts, ends = _calendar(after - first)
    return Payments(client, every, posted_on, starts, ends, days, benefit, benefit, basis, paid, basic_part)


@lru_cache(maxsize=1)
def _calendar(clients: int) -> tuple[Ints, Ints, Ints, Ints, Ints]:
    """Return client, batch and days of the payments of so many clients; each payment is a batch of its own."""
    months = np.array([[day.toordinal() for day in month(number)] for number in range(MONTHS)])
    starts, ends = (np.tile(days, clients) for days in months.T)
    client = np.repeat(np.arange(clients), MONTHS)
    return client, np.arange(len(client)), ends + _POSTED_AFTER, starts, ends


def _column(file: File, first: int, after: int) -> Ints:
    """Return what `file` says of clients `first` to before `after`: read anew, and no more than that."""
    offset = file.offset + first * MONTHS * file.itemsize
    return np.fromfile(str(file.filename), file.dtype, (after - first) * MONTHS, offset=offset).astype(np.int64)


def _sets(counters: Sequence[Ints]) -> CounterSets:
    """Return the counters as set on the day before the first month."""
    clients, kinds = len(counters[0]), len(counters)
    before = month(0)[0].toordinal() - 1
    return CounterSets(
        np.repeat(np.arange(clients), kinds),
        np.tile(np.arange(kinds), clients),
        np.full(clients * kinds, before),
        np.stack(counters, axis=1).ravel(),
    )


def peak_kib() -> int:
    """Return the most memory this process held; ru_maxrss would tell of the parent's too, from before the exec."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return int(status.split("VmHWM:")[1].split()[0])


def main() -> None:
    """Reckon and print what came out and what it took: processor seconds, and peak memory of the process in KiB."""
    before = resource.getrusage(resource.RUSAGE_SELF)
    found = totals(Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3:])
    after = resource.getrusage(resource.RUSAGE_SELF)
    seconds = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    sys.stdout.write(json.dumps({"totals": found, "cpu_seconds": seconds, "peak_kib": peak_kib()}))


if __name__ == "__main__":
    main()
