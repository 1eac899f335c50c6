"""The declared tables are those that the migrations make."""

import pytest
from sqlalchemy import inspect
from sqlalchemy.ext.asyncio import create_async_engine
from sqlmodel import SQLModel

from services.notifier import tables

pytestmark = pytest.mark.store

OWN = {name: table for name, table in SQLModel.metadata.tables.items() if table.schema == tables.SCHEMA}


async def test_migrations_make_exactly_the_declared_columns(room_url: str) -> None:
    engine = create_async_engine(room_url)
    async with engine.connect() as connection:
        found = await connection.run_sync(
            lambda sync: {
                name: {
                    (column["name"], column["nullable"])
                    for column in inspect(sync).get_columns(table.name, table.schema)
                }
                for name, table in OWN.items()
            }
        )
    await engine.dispose()
    declared = {name: {(column.name, bool(column.nullable)) for column in table.columns} for name, table in OWN.items()}
    assert found == declared
