"""`askelma migrate`: brings the tables of services up to this version."""

import asyncio
from typing import Annotated

import typer

from services.console.failures import MISUSED, Failure
from services.console.store import StoreSettings, told_store_failures
from services.console.terminal import output
from services.runtime.migrations import SERVICES, migrate

Services = Annotated[
    list[str] | None, typer.Argument(metavar="[SERVICE]...", help=f"All, if none is named: {', '.join(SERVICES)}.")
]


def command(services: Services = None) -> None:
    """Bring the tables of services up to this version; safe to run again.

    The database is that of ASKELMA_DATABASE_URL. Its role must own the schemas, or be allowed to create them.
    """
    wanted = services or list(SERVICES)
    for name in wanted:
        if name not in SERVICES:
            raise Failure(f"There is no service {name}; there are {', '.join(SERVICES)}.", MISUSED)
    asyncio.run(_migrated(StoreSettings.load().database_url, wanted))


async def _migrated(url: str, services: list[str]) -> None:
    for service in services:
        with told_store_failures():
            await migrate(url, service)
        output().print(f"{service:10}  up to date")
