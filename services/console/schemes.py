"""`askelma schemes`: check scheme files and draw what they say."""

import os
from pathlib import Path
from typing import Annotated, Final

import typer
from rich.text import Text

from services.console.failures import Failure
from services.console.terminal import output, table
from services.incentives.describing import kind_of, percent, said, unit, years
from services.incentives.domain.schemes import CostClass, Rule, Scheme
from services.incentives.rule_files import RuleFileError, own_scheme_files, rule_book

app = typer.Typer(help="Schemes of cost responsibility: check and draw them.", no_args_is_help=True)

OwnSchemes = Annotated[
    list[Path] | None,
    typer.Argument(
        metavar="[FILE or FOLDER]...",
        help="Scheme files of your own; without any, all schemes in force (ASKELMA_SCHEMES_FOLDER included) are shown.",
        show_default=False,
        exists=True,
        readable=True,
    ),
]

_BAR_PERCENT: Final = 2
"""Percent that one block of a bar stands for: a hundred percent fit half a screen."""


@app.callback()
def _schemes() -> None:
    """Keep `check` a command of its own while it is the only one."""


@app.command()
def check(schemes: OwnSchemes = None) -> None:
    """Check scheme files and draw the ladder of each; a wrong one is refused naming file and field."""
    try:
        named = [file for path in schemes or () for file in (own_scheme_files(path) if path.is_dir() else [path])]
        book = rule_book(own=named if schemes else own_schemes())
    except RuleFileError as error:
        raise Failure(f"These schemes cannot be used:\n{error}") from None
    shown = [book.schemes[file.stem] for file in named] if schemes else list(book.schemes.values())
    for scheme in shown:
        _show(scheme)
    typer.echo(f"{len(shown)} {'scheme' if len(shown) == 1 else 'schemes'} checked; nothing is wrong.")


def own_schemes() -> list[Path]:
    """Return the scheme files of the folder that the environment names. Raises RuleFileError where there is none."""
    folder = os.environ.get("ASKELMA_SCHEMES_FOLDER")
    return own_scheme_files(Path(folder)) if folder else []


def _show(scheme: Scheme) -> None:
    out = output()
    out.print(Text.assemble((scheme.name, "bold"), f"  {scheme.labels['en']}  {kind_of(scheme)}"))
    for period in scheme.periods:
        if len(scheme.periods) > 1:
            out.print(f"  periods {years(period)}: {period.rule.name}")
        else:
            out.print(_parts(period.rule))
            out.print(_ladder(period.rule))
    out.print()


def _parts(rule: Rule) -> object:
    shown = table(("part", "says", "mark"))
    for part, says in said(rule).items():
        shown.add_row(part, says, rule.grounds[part].mark)
    return shown


def _ladder(rule: Rule) -> object:
    shown = table((unit(rule), "percent", "", "mark", "reference"), figures=("percent",))
    for of_class in rule.ladder.classes:
        ground = of_class.ground
        shown.add_row(of_class.name, percent(of_class), _bar(of_class), ground.mark, ground.reference)
    return shown


def _bar(of_class: CostClass) -> str:
    return "█" * -(-of_class.percent_bp // (100 * _BAR_PERCENT))
