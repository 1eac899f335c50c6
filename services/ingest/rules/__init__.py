"""The door's rule file, read and checked once at start."""

from datetime import date
from importlib.resources import files
from pathlib import Path

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError

from contracts.faults import faults_of
from contracts.text import Code
from services.ingest.domain.rules import DoorRules


class RulesError(ValueError):
    """The rule file cannot be used; the text says where and why."""


class _Stated(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")
    source: str


class _Days(_Stated):
    value: int


class _Day(_Stated):
    date: date


class _File(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")
    version: date
    days_ahead: _Days
    earliest: _Day
    benefit_periods_split_on: list[_Day]
    lists: dict[Code, list[Code]]


def load_rules(path: Path | None = None) -> DoorRules:
    """Read the rule file at `path`, or the one that comes with the program. Raises RulesError."""
    source = path or files("services.ingest.rules").joinpath("door.yaml")
    try:
        read = _File.model_validate(yaml.safe_load(source.read_text(encoding="utf-8")))
    except (OSError, yaml.YAMLError) as error:
        raise RulesError(f"door rules: the file cannot be read ({type(error).__name__})") from None
    except ValidationError as error:
        raise RulesError(f"door rules: {faults_of(error)}") from None
    return DoorRules(
        days_ahead=read.days_ahead.value,
        earliest=read.earliest.date,
        split_on=tuple(sorted(day.date for day in read.benefit_periods_split_on)),
        lists={name: frozenset(values) for name, values in read.lists.items()},
    )
