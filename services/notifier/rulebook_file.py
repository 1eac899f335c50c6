"""Reads a rule file: YAML with dated figures, their ground and source. Refuses what it does not understand."""

from datetime import date
from hashlib import sha256
from pathlib import Path
from typing import Annotated, Final, Literal

import holidays
import yaml
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, TypeAdapter, ValidationError

from contracts.faults import faults_of
from contracts.snapshots import Severity
from services.notifier.domain.rulebook import (
    ContactGap,
    Figure,
    InitialInterviewMissing,
    Rulebook,
    ServiceWithoutFollowOn,
    Setback,
    ThresholdNear,
)
from services.notifier.domain.working_days import WorkingDays

SHIPPED: Final = Path(__file__).parent / "rules" / "stall-2026.yaml"
# Laying out a year costs some milliseconds; beyond these years weekdays alone count, which no open alert rests on.
_CALENDAR_YEARS: Final = range(2000, 2041)


class RuleFileError(ValueError):
    """The rule file cannot be used. The text names the file, the place in it and what is wrong."""


_Dated = Annotated[dict[date, Annotated[int, Field(ge=0, le=3660)]], Field(min_length=1)]
_DATED: Final[TypeAdapter[dict[date, int]]] = TypeAdapter(_Dated)


def _as_figure(values: object) -> Figure:
    dated = sorted(_DATED.validate_python(values).items())
    return Figure(tuple(start for start, _ in dated), tuple(value for _, value in dated))


_Figure = Annotated[Figure, BeforeValidator(_as_figure)]


class _Grounded(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    ground: Literal["law", "statistics", "proposal"]
    source: Annotated[str, Field(min_length=1)]


class _Population(_Grounded):
    below_step: Annotated[int, Field(ge=0, le=7)]


class _WorkingDays(_Grounded):
    holidays: Literal["FI"]


class _Rule(_Grounded):
    enabled: bool
    severity: Severity


class _InitialInterview(_Rule):
    working_days: _Figure


class _ContactGap(_Rule):
    months: _Figure


class _FollowOn(_Rule):
    days: _Figure


class _Threshold(_Rule):
    scheme: Literal["law"]
    paid_days: _Figure
    posted_within_days: _Figure


class _Setback(_Rule):
    from_step: _Figure
    bridge_days: _Figure
    work_days: _Figure
    open_days: _Figure


class _Rules(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    initial_interview_missing: _InitialInterview
    contact_gap: _ContactGap
    service_without_follow_on: _FollowOn
    threshold_near: _Threshold
    setback: _Setback


class _RuleFile(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    name: Annotated[str, Field(pattern=r"^[a-z0-9-]{1,40}$")]
    title: str
    population: _Population
    working_days: _WorkingDays
    rules: _Rules


def read_rulebook(path: Path = SHIPPED) -> Rulebook:
    """Read the rule file at `path`. Raises RuleFileError."""
    try:
        text = path.read_bytes()
        file = _RuleFile.model_validate(yaml.safe_load(text))
    except OSError as error:
        raise RuleFileError(f"{path}: cannot be read: {error.strerror}") from None
    except yaml.YAMLError as error:
        raise RuleFileError(f"{path}: is not YAML: {' '.join(str(error).split())}") from None
    except ValidationError as error:
        raise RuleFileError(f"{path}: {faults_of(error)}") from None
    return _rulebook(file, sha256(text).hexdigest()[:16])


def _rulebook(file: _RuleFile, digest: str) -> Rulebook:
    rules = file.rules
    interview, gap, follow_on = rules.initial_interview_missing, rules.contact_gap, rules.service_without_follow_on
    near, fall = rules.threshold_near, rules.setback
    return Rulebook(
        file.name,
        digest,
        file.population.below_step,
        InitialInterviewMissing(interview.enabled, interview.severity, interview.working_days),
        ContactGap(gap.enabled, gap.severity, gap.months),
        ServiceWithoutFollowOn(follow_on.enabled, follow_on.severity, follow_on.days),
        ThresholdNear(near.enabled, near.severity, near.scheme, near.paid_days, near.posted_within_days),
        Setback(
            fall.enabled, fall.severity, fall.from_step, fall.bridge_days, fall.work_days, fall.open_days
        ),
    )  # fmt: skip


def finnish_working_days() -> WorkingDays:
    """Return Finland's working days: the package `holidays` knows the public holidays and eves by year."""
    first, last = date(_CALENDAR_YEARS[0], 1, 1), date(_CALENDAR_YEARS[-1], 12, 31)
    return WorkingDays(holidays.country_holidays("FI", years=_CALENDAR_YEARS), first, last)
