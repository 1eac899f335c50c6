"""What ingest answers while its journal cannot be reached."""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from services.runtime.access import Problem
from services.runtime.database import is_transient


@contextmanager
def told_if_away() -> Iterator[None]:
    """Turn a database that is away or too busy into the problem 503; other errors pass."""
    try:
        yield
    except (SQLAlchemyError, OSError, TimeoutError) as error:
        if not is_transient(error) and not isinstance(error, PoolTimeoutError):
            raise
        raise Problem(
            503,
            "Journal away",
            "The journal cannot be reached now, and nothing of this request was taken. Send it again in a moment.",
            headers={"Retry-After": "5"},
        ) from None
