"""How Grafana reaches the figures, from the environment."""

from pathlib import Path
from typing import Self

from pydantic import SecretStr, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict


class FiguresSettings(BaseSettings):
    """The two data sources as Grafana's own server sees them. One left out is not touched; it must then exist already.

    The password of the reporting role comes as `ASKELMA_FIGURES_DATABASE_PASSWORD` or from the file that
    `ASKELMA_FIGURES_DATABASE_PASSWORD_FILE` names.
    """

    model_config = SettingsConfigDict(env_prefix="ASKELMA_FIGURES_", frozen=True)

    prometheus_url: str | None = None
    database_address: str | None = None
    database_name: str = "askelma"
    database_user: str = "askelma_reporting"
    database_password: SecretStr | None = None
    database_password_file: Path | None = None
    database_tls: str = "verify-full"

    @model_validator(mode="after")
    def _one_password(self) -> Self:
        if self.database_password is not None and self.database_password_file is not None:
            raise ValueError("set ASKELMA_FIGURES_DATABASE_PASSWORD or the one with _FILE, not both")
        return self

    def password(self) -> SecretStr | None:
        """Return the reporting role's password, or None where it is not ours to set."""
        if self.database_password_file is None:
            return self.database_password
        return SecretStr(self.database_password_file.read_text(encoding="utf-8").strip())
