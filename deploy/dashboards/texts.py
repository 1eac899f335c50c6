"""The words on the dashboards in Finnish, Swedish and English."""

from functools import cache
from importlib.resources import files

import yaml
from pydantic import BaseModel, ConfigDict

from deploy.dashboards.names import Language


class Words(BaseModel):
    """One text in every language."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    fi: str
    sv: str
    en: str

    def in_(self, language: Language) -> str:
        """Return the text in `language`."""
        return {"fi": self.fi, "sv": self.sv, "en": self.en}[language]


class PanelWords(BaseModel):
    """What a panel, or a dashboard, is called and what it tells."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    title: Words
    description: Words


class Texts(BaseModel):
    """The whole of `texts.yaml`; an unknown or missing key refuses the file."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    dashboard: PanelWords
    authority: Words
    languages: Words
    nothing_published: Words
    nothing_measured: Words
    rows: dict[str, Words]
    panels: dict[str, PanelWords]
    steps: dict[str, Words]
    schemes: dict[str, Words]
    rules: dict[str, Words]


@cache
def texts() -> Texts:
    """Return the texts that ship with the dashboards."""
    return Texts.model_validate(yaml.safe_load(files("deploy.dashboards").joinpath("texts.yaml").read_text("utf-8")))
