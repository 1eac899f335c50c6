"""`askelma import`: sends the facts of a registry's export."""

import asyncio
from pathlib import Path
from typing import Annotated

import httpx
import typer

from services.console.connection import Connection, DataFolder, Key, Url, as_sender
from services.console.delivering import delivery, tell
from services.console.failures import NOT_SENT, Failure
from services.ingest.importing import ImportReport, Mapping, MappingError, import_file, load_mapping
from services.ingest.sending import EventSender, SendError

Export = Annotated[
    Path, typer.Argument(metavar="FILE", help="The export, CSV.", exists=True, dir_okay=False, show_default=False)
]
MappingFile = Annotated[
    Path,
    typer.Option(
        "--mapping", "-m", metavar="MAP.toml", help="Which column means what.", exists=True, dir_okay=False,
        show_default=False,
    ),
]  # fmt: skip


def command(export: Export, mapping: MappingFile, data: DataFolder = None, url: Url = None, key: Key = None) -> None:
    """Send the facts of a registry's export through the door, as a sender would.

    A mapping file says which column means what. A row that cannot be used is reported with its line and the reason;
    the rest goes on. Importing the same file again changes nothing.

    Ends with 0 where all could be used, 1 where some were refused, 2 where the file could not be sent.
    """
    try:
        checked = load_mapping(mapping)
        report = asyncio.run(_imported(export, checked, as_sender(data, url, key)))
    except (MappingError, SendError) as error:
        raise Failure(str(error), NOT_SENT) from None
    except OSError as error:
        raise Failure(f"{export.name} cannot be read: {error.strerror or type(error).__name__}.", NOT_SENT) from None
    tell(report.accepted, report.known, report.problems)


async def _imported(export: Path, mapping: Mapping, connection: Connection) -> ImportReport:
    with delivery(export) as progress:
        async with httpx.AsyncClient() as client:
            sender = EventSender(client, connection.url, connection.key, progress=progress)
            return await import_file(export, mapping, sender.send)
