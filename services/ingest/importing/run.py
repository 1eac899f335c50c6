"""One import: read, sent, and told line by line what could not be used."""

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from services.ingest.importing.mapping import Mapping
from services.ingest.importing.rows import read_rows
from services.ingest.sending import LineProblem, Numbered, SendReport, usable

Send = Callable[[Iterable[Numbered]], Awaitable[SendReport]]


@dataclass(frozen=True, slots=True)
class ImportReport:
    """What became of a file: facts accepted, facts known already, and problems by line."""

    accepted: int
    known: int
    problems: tuple[LineProblem, ...]


async def import_file(path: Path, mapping: Mapping, send: Send) -> ImportReport:
    """Import an export; rows that cannot be used are in the report, and the rest goes on.

    Raises OSError, MappingError, and what `send` raises; sending again what had arrived changes nothing.
    """
    unusable: list[LineProblem] = []
    report = await send(usable(read_rows(path, mapping), unusable))
    problems = sorted(report.problems + unusable, key=lambda problem: problem.line)
    return ImportReport(report.accepted, report.known, tuple(problems))
