"""Asking a PostgreSQL without the code under test."""

from collections.abc import Sequence

import asyncpg

from services.runtime.database import plain_dsn


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
