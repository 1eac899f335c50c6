"""Why an embedded system cannot start, in sentences."""

import errno
from collections.abc import Iterator
from contextlib import contextmanager

from services.console.failures import Failure
from services.runtime.embedded.postgres import EmbeddedStoreError


@contextmanager
def told_start_failures(port: int) -> Iterator[None]:
    """Turn what keeps an embedded system from starting into a Failure."""
    try:
        yield
    except EmbeddedStoreError as error:
        raise Failure(str(error)) from None
    except OSError as error:
        raise Failure(_told(error, port)) from None


def _told(error: OSError, port: int) -> str:
    if error.errno == errno.EADDRINUSE:
        return f"Port {port} is in use. Give another with --port, or --port 0 for any free one."
    if error.errno == errno.EACCES and not error.filename:
        return f"Port {port} may not be used by this user. Give one above 1023 with --port."
    where = f" ({error.filename})" if error.filename else ""
    return f"Askelma cannot start: {error.strerror or type(error).__name__}{where}."
