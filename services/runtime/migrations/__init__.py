"""Alembic migrations: one schema per service, its version table in it, runtime's own tables in each."""

import asyncio
from pathlib import Path
from typing import Final

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text
from sqlalchemy.ext.asyncio import create_async_engine

from services.runtime.database import Database

SERVICES: Final = ("ingest", "indicators", "incentives", "notifier")

_HERE: Final = Path(__file__).parent
# Any fixed number: replicas that start together migrate one after another.
_LOCK: Final = 4_617_303


async def migrate(url: str, service: str) -> None:
    """Bring the schema of `service` up to date, creating it where it is missing. Safe to run at every start."""
    engine = create_async_engine(url)
    try:
        async with engine.connect() as connection:
            await connection.execute(text(f"SELECT pg_advisory_lock({_LOCK})"))
            # IF NOT EXISTS would ask for the right to create schemas even where there is nothing to create.
            exists = text("SELECT EXISTS (SELECT FROM pg_namespace WHERE nspname = :name)")
            if not (await connection.execute(exists, {"name": service})).scalar():
                await connection.execute(text(f"CREATE SCHEMA {service}"))
            await connection.commit()
            await connection.run_sync(_upgrade, service)
            await connection.execute(text(f"SELECT pg_advisory_unlock({_LOCK})"))
            await connection.commit()
    finally:
        await engine.dispose()


def _upgrade(connection: Connection, service: str) -> None:
    for branch in _branches(service):
        config = _config(service, branch)
        config.attributes["connection"] = connection
        command.upgrade(config, "head")


def _branches(service: str) -> tuple[str, ...]:
    return ("runtime", service)


def _config(service: str, branch: str) -> Config:
    config = Config()
    config.set_main_option("script_location", str(_HERE))
    config.set_main_option("version_locations", str(_HERE.parent.parent / branch / "migrations" / "versions"))
    config.set_main_option("path_separator", "os")
    config.attributes["schema"] = service
    config.attributes["version_table"] = f"{'runtime' if branch == 'runtime' else 'schema'}_version"
    return config


def _heads(service: str) -> dict[str, str | None]:
    found = {}
    for branch in _branches(service):
        config = _config(service, branch)
        found[config.attributes["version_table"]] = ScriptDirectory.from_config(config).get_current_head()
    return found


async def is_current(database: Database, service: str) -> bool:
    """Tell whether the schema of `service` is the one that this program expects."""
    heads = await asyncio.to_thread(_heads, service)
    async with database.transaction() as session:
        for table, head in heads.items():
            if head is None:
                continue
            exists = (await session.execute(text("SELECT to_regclass(:name)"), {"name": f"{service}.{table}"})).scalar()
            if exists is None:
                return False
            found = (await session.execute(text(f"SELECT version_num FROM {service}.{table}"))).scalar()  # noqa: S608 - names from code
            if found != head:
                return False
    return True
