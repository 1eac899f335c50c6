"""The one store, PostgreSQL: transactions that commit at the edge, and notifications."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Collection
from contextlib import asynccontextmanager
from typing import Final

import asyncpg
from sqlalchemy import make_url, text
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.ext.asyncio import AsyncSession as PlainSession
from sqlmodel.ext.asyncio.session import AsyncSession

# Serialization failure, deadlock, lock not available, and the classes 08 (connection), 53 (resources), 57 (operator).
_TRANSIENT_CODES: Final = frozenset({"40001", "40P01", "55P03"})
_TRANSIENT_CLASSES: Final = ("08", "53", "57")
_DRIVERS: Final = frozenset({"asyncpg", "sqlalchemy"})


class BusyError(TimeoutError):
    """Others kept changing the same rows; the same work may succeed when it is asked for again."""


class _Session(AsyncSession):
    """SQLModel's session, but plain statements may be executed too: column-wise inserts have no model to return."""

    execute = PlainSession.execute


class Database:
    """A pool of connections of one service."""

    def __init__(self, url: str, *, service: str, pool: int = 5) -> None:
        self.url = url
        self.service = service
        self._engine: AsyncEngine = create_async_engine(
            url,
            pool_size=pool,
            max_overflow=pool,
            pool_pre_ping=True,
            isolation_level="READ COMMITTED",
            hide_parameters=True,  # they hold what people sent, and errors are printed in places that we do not see
            connect_args={"timeout": 5, "server_settings": {"application_name": f"askelma-{service}", "jit": "off"}},
        )

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[AsyncSession]:
        """Give a session whose work is committed when the block ends, and undone when it raises."""
        async with _Session(self._engine, expire_on_commit=False) as session, session.begin():
            yield session

    async def alive(self) -> bool:
        """Tell whether the database answers."""
        try:
            async with self.transaction() as session:
                await session.execute(text("SELECT 1"))
        except (SQLAlchemyError, OSError, TimeoutError):
            return False
        return True

    async def listen(self, channel: str, *, every: float = 1.0) -> AsyncGenerator[None, None]:
        """Yield at once, then whenever `channel` is notified, and each `every` seconds in case a note was lost.

        Read it inside `contextlib.aclosing`, or its connection outlives a reader that is cancelled.
        """
        woken = asyncio.Event()
        connection: asyncpg.Connection | None = None
        try:
            while True:
                yield
                if connection is None or connection.is_closed():
                    connection = await self._listening(channel, woken)
                await _wait(woken, every)
        finally:
            if connection is not None:
                await connection.close(timeout=1)

    async def _listening(self, channel: str, woken: asyncio.Event) -> "asyncpg.Connection | None":
        try:
            connection = await asyncpg.connect(plain_dsn(self.url), timeout=5)
            try:
                await connection.add_listener(channel, lambda *_: woken.set())
            except BaseException:  # cancelled, too: nobody else knows of the connection yet
                connection.terminate()
                raise
        except (OSError, asyncpg.PostgresError, TimeoutError):
            return None
        return connection

    async def close(self) -> None:
        """End all connections."""
        await self._engine.dispose()


async def _wait(woken: asyncio.Event, longest: float) -> None:
    try:
        await asyncio.wait_for(woken.wait(), longest)
    except TimeoutError:
        return
    woken.clear()


def plain_dsn(url: str) -> str:
    """Return `url` as asyncpg and psql take it: without the driver's name, with their word for the use of TLS."""
    address = make_url(url).set(drivername="postgresql")
    if ssl := address.query.get("ssl"):
        address = address.difference_update_query(["ssl"]).update_query_dict({"sslmode": ssl})
    return address.render_as_string(hide_password=False)


def is_transient(error: BaseException) -> bool:
    """Tell whether the database may do the same work if asked again: it is away, busy, or chose a victim."""
    if isinstance(error, OSError | TimeoutError | PoolTimeoutError):
        return True
    if not isinstance(error, DBAPIError):
        return False
    code = getattr(error.orig, "sqlstate", None) or getattr(error.orig, "pgcode", None) or ""
    return error.connection_invalidated or code in _TRANSIENT_CODES or code.startswith(_TRANSIENT_CLASSES) or not code


def is_away(error: BaseException) -> bool:
    """Tell whether what ended with `error` failed because the database is away or too busy.

    An error of the system, such as a refused connection, counts only where it passed through the database's driver:
    a file of ours that is missing is no outage.
    """
    if isinstance(error, PoolTimeoutError | BusyError):
        return True
    if isinstance(error, asyncpg.PostgresError):  # while connecting, the driver's own errors come unwrapped
        return (error.sqlstate or "").startswith(_TRANSIENT_CLASSES)
    if isinstance(error, DBAPIError):
        return is_transient(error)
    return isinstance(error, OSError) and _came_through(error, _DRIVERS)


def _came_through(error: BaseException, packages: Collection[str]) -> bool:
    trace = error.__traceback__
    while trace is not None:
        if str(trace.tb_frame.f_globals.get("__name__", "")).partition(".")[0] in packages:
            return True
        trace = trace.tb_next
    return False
