"""The migrations make the tables that the code knows, on every PostgreSQL that Askelma runs on."""

from typing import Final

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection
from sqlalchemy.dialects.postgresql.base import ischema_names
from sqlalchemy.ext.asyncio import create_async_engine
from sqlmodel import SQLModel

from services.ingest.store.tables import SCHEMA, Xid8

pytestmark = pytest.mark.store


OURS: Final = {table.name for table in SQLModel.metadata.tables.values() if table.schema == SCHEMA}


def differences(connection: Connection) -> list[object]:
    def ours(name: str | None, kind: str, _parents: object) -> bool:
        return {"schema": name == SCHEMA, "table": name in OURS}.get(kind, True)

    def of_ours(item: object, _name: str | None, kind: str, *_: object) -> bool:
        return kind != "table" or getattr(item, "schema", None) == SCHEMA

    options = {"include_schemas": True, "include_name": ours, "include_object": of_ours}
    return list(compare_metadata(MigrationContext.configure(connection, opts=options), SQLModel.metadata))


@pytest.fixture
def _knows_xid8(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(ischema_names, "xid8", Xid8)


@pytest.mark.usefixtures("_knows_xid8")
async def test_the_migrations_make_the_tables_of_the_code(ingest_url: str) -> None:
    assert "journal" in OURS
    engine = create_async_engine(ingest_url)
    async with engine.connect() as connection:
        found = await connection.run_sync(differences)
    await engine.dispose()
    assert found == []
