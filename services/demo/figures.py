"""Reading figures.yaml."""

from datetime import date
from functools import cache
from importlib.resources import files

import yaml
from pydantic import BaseModel, ConfigDict, Field

from services.demo.domain.figures import BasicPart, Benefits, Figures, Municipality, ServiceKind


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class _Municipalities(_Part):
    source: str
    as_of: date
    rows: tuple[Municipality, ...]


class _BasicPart(_Part):
    since: date = Field(alias="from")
    cents_a_day: int


class _BasicParts(_Part):
    source: str
    rows: tuple[_BasicPart, ...]


class _Days(_Part):
    source: str
    days: int


class _Division(_Part):
    day: date
    why: str


class _Benefits(_Part):
    basic_part: _BasicParts
    maximum_days: _Days
    waiting_days: _Days
    divided_on: tuple[_Division, ...]
    new_responsibility_from: date
    general_support_from: date


class _Assumptions(_Part):
    services: tuple[ServiceKind, ...]


class _File(_Part):
    municipalities: _Municipalities
    benefits: _Benefits
    assumptions: _Assumptions


def _benefits(stated: _Benefits) -> Benefits:
    return Benefits(
        basic_parts=tuple(BasicPart(row.since, row.cents_a_day) for row in stated.basic_part.rows),
        maximum_days=stated.maximum_days.days,
        waiting_days=stated.waiting_days.days,
        divided_on=tuple(division.day for division in stated.divided_on),
        new_responsibility_from=stated.new_responsibility_from,
        general_support_from=stated.general_support_from,
    )


@cache
def figures() -> Figures:
    """Return the figures that the demo ships with."""
    text = files("services.demo").joinpath("figures.yaml").read_text(encoding="utf-8")
    content = _File.model_validate(yaml.safe_load(text))
    return Figures(content.municipalities.rows, content.assumptions.services, _benefits(content.benefits))
