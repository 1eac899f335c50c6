"""Databases for tests, and asking them without the code under test."""

import secrets
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import asyncpg
from sqlalchemy import make_url

from services.runtime.database import plain_dsn
from services.runtime.migrations import migrate


class Databases:
    """Makes databases on one server; those with a service's tables are copies: migrating takes longer than copying."""

    def __init__(self, server: str) -> None:
        self._server = server
        self._migrated: dict[str, str] = {}

    @asynccontextmanager
    async def empty(self) -> AsyncIterator[str]:
        """Give the URL of a database with nothing in it, which is dropped in the end."""
        async with self._one("") as url:
            yield url

    @asynccontextmanager
    async def migrated(self, service: str) -> AsyncIterator[str]:
        """Give the URL of a database with the empty tables of `service`, which is dropped in the end."""
        if service not in self._migrated:
            name = await self._create("")
            await migrate(self._url(name), service)
            self._migrated[service] = name
        async with self._one(f"TEMPLATE {self._migrated[service]}") as url:
            yield url

    @asynccontextmanager
    async def _one(self, options: str) -> AsyncIterator[str]:
        name = await self._create(options)
        yield self._url(name)
        await execute(self._server, f"DROP DATABASE {name} WITH (FORCE)")

    async def _create(self, options: str) -> str:
        name = f"t{secrets.token_hex(6)}"
        await execute(self._server, f"CREATE DATABASE {name} {options}")
        return name

    def _url(self, name: str) -> str:
        return make_url(self._server).set(database=name).render_as_string(hide_password=False)


async def connected(url: str) -> "asyncpg.Connection[asyncpg.Record]":
    return await asyncpg.connect(plain_dsn(url))


async def execute(url: str, statement: str) -> None:
    connection = await connected(url)
    try:
        await connection.execute(statement)
    finally:
        await connection.close()


async def ask(url: str, query: str) -> object:
    """Return the one value that `query` asks for."""
    connection = await connected(url)
    try:
        return await connection.fetchval(query)
    finally:
        await connection.close()


async def rows(url: str, query: str) -> Sequence[tuple[object, ...]]:
    """Return all rows, each as a tuple."""
    connection = await connected(url)
    try:
        return [tuple(row) for row in await connection.fetch(query)]
    finally:
        await connection.close()
