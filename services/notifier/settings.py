"""Settings of the notifier."""

from pathlib import Path
from typing import Annotated

from pydantic import Field

from services.runtime.settings import Settings

_MINUTE = 60.0
_HOUR = 60 * _MINUTE


class NotifierSettings(Settings):
    """What this room reads from the environment beside the shared settings.

    `public_url` is where people reach the pages, for links in messages; without it, `ingest_url`, which is the same
    where all services are one process. `webhook_retry_seconds` are the pauses before further attempts: quick at first
    for a receiver that restarts, then slower, together two days; after the last one a message is dead.
    """

    rules_file: Path | None = None
    webhooks_file: Path | None = None
    public_url: str | None = None
    webhook_timeout_seconds: Annotated[float, Field(gt=0, le=60)] = 15
    webhook_retry_seconds: tuple[Annotated[float, Field(ge=0)], ...] = (
        5, 30, 2 * _MINUTE, 10 * _MINUTE, 30 * _MINUTE, 2 * _HOUR, 5 * _HOUR, 10 * _HOUR, 14 * _HOUR, 16 * _HOUR,
    )  # fmt: skip
    timer_batch: Annotated[int, Field(ge=1, le=10_000)] = 1_000
