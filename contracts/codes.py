"""Lists that law or statistics fix: municipalities, status codes, reasons of exit."""

import csv
from enum import StrEnum
from importlib.resources import files
from typing import Annotated, Final, Literal, NamedTuple

from pydantic import AfterValidator, StringConstraints

from contracts.text import MUNICIPALITY


class Municipality(NamedTuple):
    """A municipality of Finland: its number of three digits and its names."""

    code: str
    name_fi: str
    name_sv: str


def _municipalities() -> dict[str, Municipality]:
    lines = files("contracts").joinpath("municipalities.csv").read_text(encoding="utf-8").splitlines()
    return {row["code"]: Municipality(**row) for row in csv.DictReader(lines)}


MUNICIPALITIES: Final = _municipalities()
"""The 308 municipalities of 2026 by number (Statistics Finland, classification of municipalities, CC BY 4.0)."""


def _known(code: str) -> str:
    if code not in MUNICIPALITIES:
        raise ValueError("is not the number of a municipality of Finland, such as 167 for Joensuu")
    return code


MunicipalityCode = Annotated[str, StringConstraints(pattern=MUNICIPALITY), AfterValidator(_known)]


class StatusCode(StrEnum):
    """Employment codes (työllisyyskoodi) of the official register."""

    EMPLOYED_BY_MEASURES = "00"
    OPEN_WORK = "01"
    UNEMPLOYED = "02"
    LAID_OFF = "03"
    SHORTENED_WEEK = "04"
    OUTSIDE_LABOUR_FORCE = "05"
    UNEMPLOYMENT_PENSION = "06"
    IN_SERVICE = "07"
    IN_EDUCATION = "08"


UNEMPLOYED: Final = frozenset({StatusCode.UNEMPLOYED, StatusCode.LAID_OFF})
"""Who counts as an unemployed jobseeker in the official statistics."""

ExitReason = Literal["00", "01", "02", "03", "04", "05", "06", "07", "08", "09", "10", "11", "12", "13"]
"""Reasons for which a registration ends, as the official register codes them."""
