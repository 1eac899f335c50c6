"""Where commands find a running Askelma, and with which key they come."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Final

import typer

from services.console.failures import MISUSED, Failure

ADDRESS_FILE: Final = "askelma.json"
"""In the folder of an embedded system while it runs: its addresses and first keys, readable by its owner only."""

KEYS_FILE: Final = "keys.json"
"""In the same folder: all keys, also those that only commands on the same machine use."""

DataFolder = Annotated[
    Path | None,
    typer.Option("--data", "-d", metavar="DIR", help="The folder of a running `askelma up`: address and key are there.",
                 file_okay=False, exists=True),
]  # fmt: skip
Url = Annotated[
    str | None, typer.Option("--url", metavar="URL", envvar="ASKELMA_URL", help="Where Askelma runs.", show_envvar=True)
]
Key = Annotated[
    str | None, typer.Option("--key", metavar="KEY", envvar="ASKELMA_KEY", help="The key to come with.")
]  # fmt: skip

Token = Annotated[
    str | None,
    typer.Option("--token", "--key", metavar="TOKEN", envvar="ASKELMA_KEY", help="The token to come with."),
]


@dataclass(frozen=True, slots=True)
class Connection:
    """An address, and the key or token that opens it."""

    url: str
    key: str

    @property
    def headers(self) -> dict[str, str]:
        """The HTTP headers by which the key is shown."""
        return {"Authorization": f"Bearer {self.key}"}


def as_sender(data: Path | None, url: str | None, key: str | None) -> Connection:
    """Return the connection of a sender: what is given, else what the folder says."""
    return _connection(data, url, key, ADDRESS_FILE, "ingest_key")


def as_supervisor(data: Path | None, url: str | None, token: str | None) -> Connection:
    """Return the connection of a supervisor: what is given, else what the folder says."""
    return _connection(data, url, token, ADDRESS_FILE, "supervisor_token")


def as_admin(data: Path | None, url: str | None, key: str | None) -> Connection:
    """Return the connection of an admin: what is given, else what the folder says."""
    return _connection(data, url, key, KEYS_FILE, "admin_token")


def _connection(data: Path | None, url: str | None, key: str | None, file: str, name: str) -> Connection:
    if data is None:
        if url is None or key is None:
            raise Failure("Say where Askelma runs: --data DIR of a running `askelma up`, or --url and --key.", MISUSED)
        return Connection(url.rstrip("/"), key)
    return Connection(_said(data / ADDRESS_FILE, "url"), key or _said(data / file, name))


def _said(path: Path, name: str) -> str:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        return str(content[name])
    except FileNotFoundError:
        text = f"{path} does not exist: `askelma up --data {path.parent}` does not run, or is not ready yet."
        raise Failure(text, MISUSED) from None
    except PermissionError:
        raise Failure(f"{path} can be read by its owner only.", MISUSED) from None
    except (ValueError, KeyError, TypeError):
        raise Failure(f"{path} is not what `askelma up` wrote; start it again.", MISUSED) from None
