"""Sending a file's facts: progress while it runs, and the report that people read in the end."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from services.console.failures import FAILED
from services.console.terminal import messages
from services.ingest.sending import LineProblem, SendReport

_SHOWN_PROBLEMS: Final = 100
"""More would bury the first; who mends these sees the others on the next run, which changes nothing that arrived."""


class Delivery:
    """Shows how many lines have had their answer."""

    def __init__(self, progress: Progress, lines: int) -> None:
        self._progress = progress
        self._task = progress.add_task("Sending", total=lines)

    def __call__(self, report: SendReport) -> None:
        """Note how far it is."""
        self._progress.update(self._task, completed=report.done)


@contextmanager
def delivery(path: Path) -> Iterator[Delivery]:
    """Give what shows progress through the lines of `path`, on standard error where somebody looks."""
    console = messages()
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        yield Delivery(progress, _lines_of(path))


def _lines_of(path: Path) -> int:
    with path.open("rb") as file:
        return sum(1 for line in file if line.strip())


def tell(accepted: int, known: int, problems: Sequence[LineProblem]) -> None:
    """Print what became of a file's facts; ends the command with 1 where a line could not be used."""
    facts = f"{accepted} fact{'' if accepted == 1 else 's'}"
    typer.echo(f"{facts} accepted, {known} known already, {len(problems)} refused")
    for problem in problems[:_SHOWN_PROBLEMS]:
        typer.echo(f"line {problem.line}: {problem.reason}")
    if len(problems) > _SHOWN_PROBLEMS:
        typer.echo(f"and {len(problems) - _SHOWN_PROBLEMS} more")
    if problems:
        raise typer.Exit(FAILED)
