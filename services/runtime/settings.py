"""Settings that services read from the environment: `ASKELMA_<NAME>`, or `ASKELMA_<NAME>_FILE` for one in a file."""

import os
from pathlib import Path
from typing import Annotated, Self

from pydantic import Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, InitSettingsSource, PydanticBaseSettingsSource, SettingsConfigDict

from contracts.faults import fault_of

_PREFIX = "ASKELMA_"


class SettingsError(ValueError):
    """Settings are missing or wrong; the text names each one, never a value."""


class Settings(BaseSettings):
    """What all services share. Rooms subclass it with their own fields.

    `max_batch` bounds one transaction: larger means fewer commits and more memory and longer redelivery after a crash.
    `linger_seconds` is how long a batch that is not full gathers more: less work for each fact in a flood, at the
    price of that delay.
    `poll_interval` is how long a batch may take before the group gives its partitions away; retries in place use a
    third of it at most, so that two replicas never finish the same records at once.
    """

    model_config = SettingsConfigDict(env_prefix=_PREFIX, frozen=True, extra="ignore", hide_input_in_errors=True)

    database_url: str
    kafka: str
    ingest_url: str = "http://127.0.0.1:8080"
    indicators_url: str = "http://127.0.0.1:8080"
    incentives_url: str = "http://127.0.0.1:8080"
    service_token: SecretStr = SecretStr("")
    authorities_file: Path | None = None
    access_file: Path | None = None
    embedded: bool = False
    instance: str | None = None
    max_batch: Annotated[int, Field(ge=1, le=100_000)] = 5_000
    batch_timeout_ms: Annotated[int, Field(ge=1)] = 50
    linger_seconds: Annotated[float, Field(ge=0, le=60)] = 0
    poll_interval_seconds: Annotated[float, Field(gt=0)] = 300
    database_pool: Annotated[int, Field(ge=1)] = 5

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - the library's signature
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - the library's signature
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Take what the program gives, then the environment, then files that the environment names."""
        return init_settings, env_settings, InitSettingsSource(settings_cls, _from_files(settings_cls))

    @classmethod
    def load(cls) -> Self:
        """Read the environment; raise SettingsError that names every setting that is missing or wrong."""
        try:
            return cls()
        except ValidationError as error:
            raise SettingsError(_refusals(error)) from None


def _from_files(settings: type[BaseSettings]) -> dict[str, str]:
    found = {}
    for name in settings.model_fields:
        path = os.environ.get(f"{_PREFIX}{name.upper()}_FILE")
        if path is not None:
            found[name] = _content(name, Path(path))
    return found


def _content(name: str, path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8").strip()
    except OSError:
        raise SettingsError(f"{_PREFIX}{name.upper()}_FILE names a file that cannot be read.") from None


def _refusals(error: ValidationError) -> str:
    rows = error.errors(include_url=False)
    return "; ".join(f"{_PREFIX}{str(row['loc'][0]).upper()} {fault_of(row)}" for row in rows)
