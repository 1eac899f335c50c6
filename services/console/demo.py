"""`askelma demo`: a synthetic authority streamed through everything, embedded in one process."""

from importlib import import_module
from pathlib import Path
from typing import Annotated

import typer

from services.demo.feed import Scope, making
from services.demo.stream import CLIENTS

Once = Annotated[bool, typer.Option("--once", help="End when all is processed, instead of staying up.")]
JsonFile = Annotated[
    Path | None, typer.Option("--json", metavar="FILE", help="Write the figures as of the last day.", dir_okay=False)
]
Clients = Annotated[int, typer.Option("--clients", metavar="NUMBER", min=1, help="How many people.")]
Seed = Annotated[int, typer.Option("--seed", metavar="NUMBER", help="The same seed gives the same figures.")]
Port = Annotated[int, typer.Option("--port", "-p", metavar="PORT", min=0, max=65535, help="0: any free port.")]


def command(
    *, once: Once = False, json: JsonFile = None, clients: Clients = CLIENTS, seed: Seed = 1, port: Port = 0
) -> None:
    """Stream a synthetic authority through the whole system, in one process, and show what comes of it.

    Five municipalities, July 2024 to June 2026, with facts that come late, in any order, twice, and wrong and taken
    back. Nobody in it exists. Ends with the address of the pages and stays up until Ctrl-C; nothing is kept.
    """
    scope = Scope(seed=seed, clients=clients)
    with making(scope) as made:  # on another processor, while the services are still being loaded
        import_module("services.console.showing").show(scope, made, json, port, once=once)
