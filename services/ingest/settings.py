"""Settings of ingest."""

import base64
import binascii
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Annotated

from pydantic import Field, SecretStr, StringConstraints

from services.runtime.settings import Settings, SettingsError

SenderName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9\-]{0,39}$")]
"""The name of a registered sender, which is part of its topic's name."""


class IngestSettings(Settings):
    """What the door needs beyond what all services share.

    `vault_secrets` holds one secret a line, `<version>:<base64 of at least 32 random bytes>`; the newest issues and
    seals, all open. Losing them makes the vault unreadable; showing them shows who is who.
    `allow_temporary_codes` lets made-up identity codes (individual numbers 900-999) pass: demo and tests only.
    `local_key` is the first key of embedded mode's one sender.
    `largest_body` bounds a request; larger means more memory for each request at the same moment.
    """

    vault_secrets: SecretStr
    allow_temporary_codes: bool = False
    door_rules_file: Path | None = None
    largest_body: Annotated[int, Field(ge=1_024)] = 1024 * 1024
    quarantine_days: Annotated[int, Field(ge=1)] = 30
    local_key: SecretStr | None = None
    intake_senders: tuple[SenderName, ...] = ()
    checkpoint_seconds: Annotated[float, Field(gt=0)] = 10.0

    @property
    def quarantine_time(self) -> timedelta:
        """How long a refused item is kept."""
        return timedelta(days=self.quarantine_days)

    def secrets_by_version(self) -> Mapping[int, bytes]:
        """Return the vault's secrets. Raises SettingsError that says what is wrong, never a secret."""
        lines = [line.strip() for line in self.vault_secrets.get_secret_value().splitlines() if line.strip()]
        try:
            return {int(version): _decoded(secret) for version, secret in (line.split(":", 1) for line in lines)}
        except (ValueError, binascii.Error):
            raise SettingsError(
                "ASKELMA_VAULT_SECRETS: each line must be <version>:<base64 of at least 32 random bytes>"
            ) from None


def _decoded(secret: str) -> bytes:
    return base64.b64decode(secret, validate=True)
