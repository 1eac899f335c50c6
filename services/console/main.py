"""The `askelma` command."""

import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module
from importlib.metadata import version as version_of
from typing import Annotated, Final

import typer

from services.console.failures import FAILED, INTERRUPTED, Failure
from services.console.terminal import messages
from services.runtime.authorities import AuthoritiesError
from services.runtime.settings import SettingsError

_TRYING: Final = "Try it"
_FACTS: Final = "Facts and figures"
_RUNNING: Final = "Run it"


@dataclass(frozen=True, slots=True)
class Command:
    """A command, or a group of them. Its module has the function `command`, or the Typer `app` of the group."""

    name: str
    module: str
    summary: str
    panel: str


COMMANDS: Final = (
    Command("demo", "demo", "Stream a synthetic authority through the whole system.", _TRYING),
    Command("up", "up", "Run everything in one process, on what a folder holds.", _TRYING),
    Command("send", "sending", "Send a file of CloudEvents, one a line.", _FACTS),
    Command("import", "importing", "Send the facts of a registry's export, by a mapping file.", _FACTS),
    Command("explain", "explaining", "Explain what a client or a month costs, from facts to euros.", _FACTS),
    Command("simulate", "simulating", "Compute what a table of payments costs under a scheme.", _FACTS),
    Command("worth", "worth", "What a step up, parking and a month's delay are worth under every scheme.", _FACTS),
    Command("schemes", "schemes", "Schemes of cost responsibility: check and draw them.", _FACTS),
    Command("reconcile", "reconciling", "Compare an insurer's invoice with the computed shares.", _FACTS),
    Command("run", "run", "Run one service.", _RUNNING),
    Command("migrate", "migrating", "Bring the tables of services up to this version.", _RUNNING),
    Command("rebuild", "rebuilding", "Send the journal's facts to all services again.", _RUNNING),
    Command("dead", "dead", "Records that a service could not use.", _RUNNING),
    Command("topics", "topics", "Kafka topics and who may use them.", _RUNNING),
    Command("dashboards", "dashboards", "Grafana dashboards.", _RUNNING),
)


def program(wanted: str | None = None) -> typer.Typer:
    """Return the program with the command `wanted` loaded and all others by name only.

    One command needs a database, another numpy, a third Grafana's library: loading all would make each wait seconds.
    """
    app = typer.Typer(
        name="askelma",
        help="Askelma follows how clients of municipal employment services move, step by step, towards work.",
        no_args_is_help=True,
        rich_markup_mode="markdown",
        pretty_exceptions_enable=False,
        add_completion=False,
    )
    for command in COMMANDS:
        _add(app, command, load=command.name == wanted)
    app.callback()(_options)
    return app


def _add(app: typer.Typer, command: Command, *, load: bool) -> None:
    if not load:
        app.command(command.name, help=command.summary, rich_help_panel=command.panel)(_nothing)
        return
    module = import_module(f"services.console.{command.module}")
    if hasattr(module, "app"):
        app.add_typer(module.app, name=command.name, help=command.summary, rich_help_panel=command.panel)
    else:
        app.command(command.name, rich_help_panel=command.panel)(module.command)


def _tell_version(asked: bool) -> None:  # noqa: FBT001 - typer calls it so
    if asked:
        typer.echo(f"askelma {version_of('askelma')}")
        raise typer.Exit


def _nothing() -> None:
    """Stand for a command that is listed and not loaded."""


def _options(
    *,
    version: Annotated[
        bool, typer.Option("--version", help="Show which version this is.", callback=_tell_version, is_eager=True)
    ] = False,
) -> None:
    """Take what is said before any command."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Run one command and end the process: 0 done, 1 failed, 2 misused, 130 interrupted."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    try:
        program(next((each for each in given if not each.startswith("-")), None))(args=given, prog_name="askelma")
    except Failure as failure:
        _end(str(failure), failure.code)
    except KeyboardInterrupt:  # typer tells those that come while a command runs; this one came before
        sys.exit(INTERRUPTED)
    except (SettingsError, AuthoritiesError) as error:
        _end(f"The settings cannot be used: {error}", FAILED)
    except Exception as error:
        if os.environ.get("ASKELMA_DEBUG"):
            raise
        _end(
            f"Something went wrong that should not ({type(error).__name__}); please report it. "
            "With ASKELMA_DEBUG=1 in the environment you see where.",
            FAILED,
        )


def _end(text: str, code: int) -> None:
    messages().print(text, style="red", markup=False, soft_wrap=True)
    sys.exit(code)
