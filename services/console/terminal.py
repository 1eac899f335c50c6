"""What commands print: tables for people, plain lines where nobody looks."""

import sys
from collections.abc import Sequence
from typing import Final

from rich import box
from rich.console import Console
from rich.table import Table

# Where output goes to a file or another program, lines are never broken to fit a screen.
_NO_SCREEN_WIDTH: Final = 1000


def output() -> Console:
    """Return the console for results, standard output."""
    return Console(width=None if sys.stdout.isatty() else _NO_SCREEN_WIDTH, highlight=False, soft_wrap=False)


def messages() -> Console:
    """Return the console for what is told beside the results, standard error."""
    return Console(stderr=True, highlight=False)


def table(heading: Sequence[str], figures: Sequence[str] = ()) -> Table:
    """Return an empty table whose columns `figures` are set flush right."""
    made = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False, header_style="bold")
    for name in heading:
        made.add_column(name, justify="right" if name in figures else "left", no_wrap=name in figures)
    return made
