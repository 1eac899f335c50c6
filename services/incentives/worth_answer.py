"""What `/v1/worth` answers: incentive tables as their readers get them."""

from datetime import date
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from services.incentives.domain.schemes import Kind, Standing


class StepUpRow(BaseModel):
    """What the step above `step` is worth from `days` on, in cents of the municipality's share, over 12 months.

    `worth_cents` is saved if it is reached today; `delay_cents` of that is lost if it is reached a month later. Each
    has the standard error of the drawn mean.
    """

    step: int
    days: int
    worth_cents: int
    worth_error_cents: int
    delay_cents: int
    delay_error_cents: int


class ParkingRow(BaseModel):
    """What the municipality saves by six months in a service without progress, against six unemployed."""

    days: int
    cents: int


class SchemeWorth(BaseModel):
    """The incentive table of one scheme; `days` on benefit are those from which a class of its ladder begins."""

    scheme: str
    label: str
    kind: Kind
    standing: Standing
    days: list[int]
    steps_up: list[StepUpRow]
    parking: list[ParkingRow]


class ObservedStep(BaseModel):
    """How many client-months were seen to begin on a step: the fewer, the less a worth from or to it says."""

    step: int
    months: int


class Observed(BaseModel):
    """What the movements were seen from: the ends of the months `from` and `to`, both included."""

    model_config = ConfigDict(serialize_by_alias=True, validate_by_name=True)

    start: Annotated[str, Field(alias="from")]
    end: Annotated[str, Field(alias="to")]
    steps: list[ObservedStep]


class Worth(BaseModel):
    """Incentive tables for the months `from` to `to`, both included; the same facts on the same day give the same."""

    model_config = ConfigDict(serialize_by_alias=True, validate_by_name=True)

    as_of: date
    start: Annotated[str, Field(alias="from")]
    end: Annotated[str, Field(alias="to")]
    parked_months: int
    courses: int
    seed: int
    source: Literal["exact"]
    note: str
    observed: Observed
    schemes: list[SchemeWorth]
