"""Costs of a whole population, our engine and OpenFisca-Core side by side: processor seconds, memory, equal totals.

Each side runs in a process of its own on one thread, reads the same made-up population from files, and tells what its
reckoning took, reading included, its start and the making of the population not. Memory is the most that the process
ever held (VmHWM of Linux): interpreter, libraries, what it read and what it reckoned. OpenFisca-Core is AGPL: it is
only measured against, in an environment of its own under build/; where that cannot be installed, our side runs alone.
"""

import hashlib
import json
import os
import subprocess
import sys
import tempfile
import venv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from benchmarks.population import MONTHS, write_population

CLIENTS: Final = 350_000
SCHEMES: Final = ("fi-2015", "fi-2025", "law", "step-graded")
SHARED: Final = ("fi-2015", "fi-2025")
"""The schemes that both sides know."""
_HERE: Final = Path(__file__).parent
_REPOSITORY: Final = _HERE.parent
_OPENFISCA: Final = _HERE / "openfisca"
_ONE_THREAD: Final = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "NUMEXPR_NUM_THREADS": "1"}
_KIB: Final = 1024


@dataclass(frozen=True, slots=True)
class Taken:
    """What one side found, in cents by scheme, and what it took."""

    totals: dict[str, int]
    cpu_seconds: float
    peak_kib: int

    def __str__(self) -> str:
        return f"{self.cpu_seconds:.2f} s of processor time, {self.peak_kib / _KIB:.0f} MiB at most"


def ours(folder: Path, clients: int, schemes: Sequence[str]) -> Taken:
    """Run the engine that ships."""
    return _taken([sys.executable, "-m", "benchmarks.costs", str(folder), str(clients), *schemes])


def openfisca(python: Path, folder: Path, clients: int) -> Taken:
    """Run the same two rules in OpenFisca-Core."""
    return _taken([str(python), str(_OPENFISCA / "rules.py"), str(folder), str(clients)])


def _taken(command: list[str]) -> Taken:
    environment = os.environ | _ONE_THREAD
    done = subprocess.run(  # noqa: S603 — programs of this repository
        command, cwd=_REPOSITORY, env=environment, check=True, stdout=subprocess.PIPE, text=True
    )
    return Taken(**json.loads(done.stdout))


def openfisca_python() -> Path | None:
    """Return the Python that has OpenFisca-Core, installed first where it is not yet; None: it cannot be."""
    lock = _OPENFISCA / "requirements.lock"
    folder = _REPOSITORY / "build" / f"openfisca-{hashlib.sha256(lock.read_bytes()).hexdigest()[:12]}"
    python, done = folder / "bin" / "python", folder / "installed"
    if not done.exists():
        venv.create(folder, with_pip=True, clear=True)
        install = [
            "-m",
            "pip",
            "--disable-pip-version-check",
            "--quiet",
            "install",
            "--require-hashes",
            "-r",
            str(lock),
        ]
        if subprocess.run([str(python), *install], check=False).returncode:  # noqa: S603 — pip, with our lock
            return None
        done.touch()
    return python


def lines() -> Iterator[str]:
    """Measure, and yield a line for each figure."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_population(folder, CLIENTS)
        for clients in (CLIENTS // 4, CLIENTS // 2, CLIENTS):
            taken = ours(folder, clients, SCHEMES)
            each = clients * MONTHS * len(SCHEMES) / taken.cpu_seconds
            yield (
                f"costs of {clients:,} clients × {MONTHS} payments × {len(SCHEMES)} schemes: {taken}, "
                f"{each:,.0f} payments a second and scheme\n"
            )
        yield from _side_by_side(folder)


def _side_by_side(folder: Path) -> Iterator[str]:
    own = ours(folder, CLIENTS, SHARED)
    yield f"the schemes {' and '.join(SHARED)} alone: {own}\n"
    python = openfisca_python()
    if python is None:
        yield "OpenFisca-Core could not be installed (see above), so there is nothing to compare with\n"
        return
    theirs = openfisca(python, folder, CLIENTS)
    assert theirs.totals == own.totals, f"the sides differ: {own.totals} and {theirs.totals}"
    yield (
        f"the same in OpenFisca-Core: {theirs}; totals equal to the cent; "
        f"{theirs.cpu_seconds / own.cpu_seconds:.1f} times our time, {theirs.peak_kib / own.peak_kib:.1f} times our "
        "memory\n"
    )


if __name__ == "__main__":
    for line in lines():
        sys.stdout.write(line)
        sys.stdout.flush()
