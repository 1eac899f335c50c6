"""All benchmarks, one after the other: `make bench`. Say the machine with the figures, and compare within one run."""

import asyncio
import os
import platform
import sys

from benchmarks.accepting import accepted_per_second
from benchmarks.folding import RUNS, line_of
from benchmarks.sides import lines


def main() -> None:
    """Measure and print, one line for each figure."""
    sys.stdout.write(f"{platform.machine()}, {os.cpu_count()} processors, Python {platform.python_version()}\n")
    sys.stdout.write(f"{asyncio.run(accepted_per_second()):,.0f} events a second accepted over HTTP, 1,000 a request\n")
    for batch, processes in RUNS:
        sys.stdout.write(line_of(batch, processes))
    for line in lines():
        sys.stdout.write(line)


if __name__ == "__main__":
    main()
