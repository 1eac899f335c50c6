"""Applies the roles of `roles.sql` and the questions of `reporting.sql`, and gives passwords to roles that have one.

`python -m deploy.database.roles` does so for the database of ASKELMA_DATABASE_URL, with the passwords that stand in
files named like their roles in the folder ASKELMA_ROLE_PASSWORDS.
"""

import asyncio
import os
import sys
from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path
from typing import Final

import asyncpg
from pydantic import SecretStr
from sqlalchemy.exc import ArgumentError

from services.runtime.database import plain_dsn

URL_SETTING: Final = "ASKELMA_DATABASE_URL"
PASSWORDS_SETTING: Final = "ASKELMA_ROLE_PASSWORDS"
REPORTING: Final = "askelma_reporting"
SCRIPTS: Final = ("roles.sql", "reporting.sql")
ROLES: Final = ("askelma_ingest", "askelma_indicators", "askelma_incentives", "askelma_notifier", REPORTING)


class RolesError(Exception):
    """The roles cannot be applied; the text says why and what to do."""


async def apply_roles(database_url: str, passwords: Mapping[str, SecretStr] | None = None) -> None:
    """Bring roles, owners, rights and the functions for reporting to what SCRIPTS say; run it after every migration.

    `database_url` is that of the database's owner. `passwords` gives a password by role, one of ROLES; a role without
    one keeps what it has. Raises RolesError.
    """
    unknown = sorted((passwords or {}).keys() - set(ROLES))
    if unknown:
        raise RolesError(f"There is no role {unknown[0]!r}; a password can be given to {', '.join(ROLES)}.")
    try:
        connection = await asyncpg.connect(plain_dsn(database_url))
    except (ArgumentError, ValueError):
        raise RolesError("The address is not one of a database, such as postgresql://owner@host/askelma.") from None
    except (OSError, asyncpg.PostgresError) as error:
        raise RolesError(f"The database cannot be reached as its owner: {error}.") from None
    try:
        async with connection.transaction():
            for script in SCRIPTS:
                await connection.execute(files("deploy.database").joinpath(script).read_text(encoding="utf-8"))
            for role, password in (passwords or {}).items():
                await _give_password(connection, role, password)
    except asyncpg.InsufficientPrivilegeError as error:
        raise RolesError(f"The role in the URL may not do this ({error}); use the owner of the database.") from None
    finally:
        await connection.close()


async def _give_password(connection: asyncpg.Connection, role: str, password: SecretStr) -> None:
    # ALTER ROLE takes no parameters; the server quotes.
    statement = "SELECT format('ALTER ROLE %I LOGIN PASSWORD %L', $1::text, $2::text)"
    await connection.execute(await connection.fetchval(statement, role, password.get_secret_value()))


def passwords_in(folder: Path) -> dict[str, SecretStr]:
    """Return the password of every role that has a file of its name in `folder`; other files are left alone."""
    found = {role: folder / role for role in ROLES}
    return {role: SecretStr(path.read_text("utf-8").strip()) for role, path in found.items() if path.is_file()}


def main() -> None:
    """Apply the roles as the environment says; tell what is wrong in a sentence and exit with 1."""
    url, url_file = os.environ.get(URL_SETTING), os.environ.get(f"{URL_SETTING}_FILE")
    folder = os.environ.get(PASSWORDS_SETTING)
    if not url and not url_file:
        sys.exit(f"{URL_SETTING}, the address of the database as its owner, is missing.")
    try:
        address = url or Path(str(url_file)).read_text("utf-8").strip()
        asyncio.run(apply_roles(address, passwords_in(Path(folder)) if folder else None))
    except RolesError as error:
        sys.exit(str(error))
    except OSError as error:
        sys.exit(f"{error.filename}, which a setting names, cannot be read: {error.strerror}.")


if __name__ == "__main__":
    main()
