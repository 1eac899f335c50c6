"""All benchmarks, one after the other: `make bench`. Say the machine with the figures, and compare within one run."""

import asyncio
import os
import platform
import sys

from benchmarks.accepting import accepted_per_second
from benchmarks.folding import folded_per_second, lines_of

BATCHES = (5_000, 20_000)


def main() -> None:
    """Measure and print, one line for each figure."""
    sys.stdout.write(f"{platform.machine()}, {os.cpu_count()} processors, Python {platform.python_version()}\n")
    sys.stdout.write(f"{asyncio.run(accepted_per_second()):,.0f} events a second accepted over HTTP, 1,000 a request\n")
    for batch in BATCHES:
        sys.stdout.write(lines_of(asyncio.run(folded_per_second(batch)), batch))


if __name__ == "__main__":
    main()
