"""The database of commands that look into a running installation's tables."""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.exc import InterfaceError, OperationalError, ProgrammingError

from services.console.failures import Failure
from services.runtime.settings import Settings


class StoreSettings(Settings):
    """Settings of commands that need the database alone."""

    kafka: str = ""


@contextmanager
def told_store_failures() -> Iterator[None]:
    """Turn what a database that cannot be used raises into sentences; they never hold its address or password."""
    try:
        yield
    except (OSError, OperationalError, InterfaceError) as error:
        raise Failure(
            f"The database of ASKELMA_DATABASE_URL does not answer ({type(error).__name__}). "
            "Check the address and that PostgreSQL is up."
        ) from None
    except ProgrammingError as error:
        reason = type(error.orig.__cause__ or error.orig).__name__ if error.orig else type(error).__name__
        raise Failure(
            f"The database refused ({reason}). Run `askelma migrate`, with a role that owns the tables."
        ) from None
