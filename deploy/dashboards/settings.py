"""How Grafana reaches the figures, from the environment."""

from pathlib import Path
from typing import Literal, Self

from pydantic import SecretStr, ValidationError, model_validator
from pydantic_core import ErrorDetails
from pydantic_settings import BaseSettings, SettingsConfigDict

from contracts.faults import fault_of
from deploy.dashboards.publisher import PublishingError


class FiguresSettings(BaseSettings):
    """The two data sources as Grafana's own server sees them. One left out is not touched; it must then exist already.

    The password of the reporting role comes as `ASKELMA_FIGURES_DATABASE_PASSWORD` or from the file that
    `ASKELMA_FIGURES_DATABASE_PASSWORD_FILE` names.
    """

    model_config = SettingsConfigDict(env_prefix="ASKELMA_FIGURES_", frozen=True, hide_input_in_errors=True)

    prometheus_url: str | None = None
    database_address: str | None = None
    database_name: str = "askelma"
    database_user: str = "askelma_reporting"
    database_password: SecretStr | None = None
    database_password_file: Path | None = None
    database_tls: Literal["disable", "require", "verify-ca", "verify-full"] = "verify-full"

    @classmethod
    def load(cls) -> Self:
        """Read the environment; raise PublishingError that names every setting that is wrong."""
        try:
            return cls()
        except ValidationError as error:
            raise PublishingError("; ".join(map(_refusal, error.errors(include_input=False)))) from None

    @model_validator(mode="after")
    def _one_password(self) -> Self:
        if self.database_password is not None and self.database_password_file is not None:
            raise ValueError("is set with and without _FILE; keep one of them")
        return self

    def password(self) -> SecretStr | None:
        """Return the reporting role's password, or None where it is not ours to set. Raises PublishingError."""
        if self.database_password_file is None:
            return self.database_password
        try:
            return SecretStr(self.database_password_file.read_text(encoding="utf-8").strip())
        except OSError as error:
            name = "ASKELMA_FIGURES_DATABASE_PASSWORD_FILE"
            raise PublishingError(f"The file that {name} names cannot be read: {error.strerror}.") from None


def _refusal(error: ErrorDetails) -> str:
    setting = error["loc"][0] if error["loc"] else "database_password"
    return f"ASKELMA_FIGURES_{str(setting).upper()}: {fault_of(error)}"
