"""What the demo shows in a terminal while it runs: how far it is, and the figures as they stand."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Final

from rich import box
from rich.bar import Bar
from rich.console import Group, RenderableType
from rich.panel import Panel
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn
from rich.table import Table

SCHEMES: Final = ("fi-2015", "fi-2025", "step-graded")
RULES: Final = {
    "initial_interview_missing": "Initial interview missing",
    "contact_gap": "No contact for a long time",
    "service_without_follow_on": "Service ended, nothing followed",
    "threshold_near": "Cost class about to rise",
    "setback": "Setback",
}
"""The rules as the page of alerts names them."""

_SHOWN_MOVES: Final = 8
_SHOWN_MONTHS: Final = 4


@dataclass(frozen=True, slots=True)
class Move:
    """How many clients were on one step at the end of a month and on another a month later."""

    origin: int
    to: int
    clients: int


@dataclass(frozen=True, slots=True)
class Reading:
    """The figures as they stand on `day`; `steps` are the ladder's names, `costs` in cents by month and scheme."""

    day: date
    steps: Mapping[int, str] = field(default_factory=dict)
    stock: Mapping[int, int] = field(default_factory=dict)
    moves: Sequence[Move] = ()
    costs: Mapping[date, Mapping[str, int]] = field(default_factory=dict)
    alerts: Mapping[str, int] = field(default_factory=dict)


class Screen:
    """The progress bar above four tables."""

    def __init__(self) -> None:
        self._progress = Progress(
            TextColumn("[bold]{task.description}"), BarColumn(bar_width=None), MofNCompleteColumn(),
            TextColumn("facts"), TimeElapsedColumn(), expand=True,
        )  # fmt: skip
        self._task: TaskID = self._progress.add_task("Making the stream", total=None)
        self.reading: Reading | None = None

    def phase(self, text: str) -> None:
        """Say what is going on."""
        self._progress.update(self._task, description=text)

    def expect(self, events: int) -> None:
        """Say how many facts there will be."""
        self._progress.update(self._task, total=events)

    def advance(self, events: int) -> None:
        """Note facts that were taken."""
        self._progress.advance(self._task, events)

    def __rich__(self) -> RenderableType:
        return Group(self._progress, tables(self.reading)) if self.reading else self._progress


def tables(reading: Reading) -> RenderableType:
    """Return the four tables, two beside two; they fit into 80 columns."""
    grid = Table.grid(expand=True, padding=(0, 1))
    grid.add_column(ratio=1)
    grid.add_column(ratio=1)
    day = f"{reading.day:%-d.%-m.%Y}"
    grid.add_row(_panel(f"Clients by step, {day}", _stock(reading)), _panel("Largest transitions", _moves(reading)))
    grid.add_row(_panel("Municipal share, € a month", _costs(reading)), _panel("Open alerts", _alerts(reading)))
    return grid


def _panel(title: str, content: RenderableType) -> Panel:
    return Panel(content, title=title, title_align="left", border_style="dim", box=box.ROUNDED)


def _table() -> Table:
    return Table(box=None, expand=True, show_header=False, padding=(0, 1, 0, 0), pad_edge=False)


def _stock(reading: Reading) -> Table:
    table = _table()
    table.add_column(no_wrap=True)
    table.add_column(ratio=1)
    table.add_column(justify="right", no_wrap=True)
    most = max(reading.stock.values(), default=0) or 1
    for step, name in reading.steps.items():
        clients = reading.stock.get(step, 0)
        table.add_row(f"[dim]{step}[/] {name}", Bar(most, 0, clients, color="cyan"), _number(clients))
    return table


def _moves(reading: Reading) -> Table:
    table = _table()
    table.add_column(no_wrap=True, ratio=1)
    table.add_column(justify="right", no_wrap=True)
    largest = sorted(
        (move for move in reading.moves if move.origin != move.to), key=lambda m: (-m.clients, m.origin, m.to)
    )
    for move in largest[:_SHOWN_MOVES]:
        style = "green" if move.to > move.origin else "yellow"
        sign = "↑" if move.to > move.origin else "↓"
        table.add_row(f"[{style}]{sign}[/] {move.origin} → {move.to} {reading.steps[move.to]}", _number(move.clients))
    _fill(table, len(reading.steps) - len(largest))
    return table


def _costs(reading: Reading) -> Table:
    table = Table(box=None, expand=True, padding=(0, 1, 0, 0), pad_edge=False, header_style="dim")
    table.add_column("", no_wrap=True)
    for scheme in SCHEMES:
        table.add_column(scheme, justify="right", no_wrap=True)
    months = sorted(reading.costs)[-_SHOWN_MONTHS:]
    for month in months:
        table.add_row(f"{month:%-m/%Y}", *(_euros(reading.costs[month].get(scheme, 0)) for scheme in SCHEMES))
    _fill(table, _SHOWN_MONTHS - len(months))
    return table


def _alerts(reading: Reading) -> Table:
    table = _table()
    table.add_column(no_wrap=True, ratio=1)
    table.add_column(justify="right", no_wrap=True)
    for rule, name in RULES.items():
        table.add_row(name, _number(reading.alerts.get(rule, 0)))
    return table


def _fill(table: Table, rows: int) -> None:
    """Add empty rows, so that neighbours are equally high and nothing jumps as figures come."""
    for _ in range(rows):
        table.add_row(" ")


def _number(value: int) -> str:
    return f"{value:,}".replace(",", "\N{NO-BREAK SPACE}")


def _euros(cents: int) -> str:
    return _number((cents + 50) // 100)
