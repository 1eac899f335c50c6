"""Bodies of requests, read whole up to a size."""

from fastapi import Request
from starlette.requests import ClientDisconnect

from services.runtime.problems import Problem


async def body_of(request: Request, largest: int) -> bytes:
    """Return the body; raises Problem 413 where it has more than `largest` bytes, 400 where it ends too early."""
    too_large = Problem(413, "Too large", f"A request has at most {largest} bytes. Divide it into several.")
    if int(request.headers.get("content-length", "0")) > largest:
        raise too_large
    chunks: list[bytes] = []
    size = 0
    try:
        async for chunk in request.stream():
            size += len(chunk)
            if size > largest:
                raise too_large
            chunks.append(chunk)
    except ClientDisconnect:
        raise Problem(400, "Unreadable request", "The request ended before its body did.") from None
    return b"".join(chunks)
