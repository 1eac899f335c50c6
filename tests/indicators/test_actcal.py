"""Two thousand real people: monthly-sampled transitions as published with TraMineR.

Swiss Household Panel sample, distributed with TraMineR; Gabadinho, Ritschard, Müller and Studer (2011), Journal of
Statistical Software 40(4). The data are not part of this project.
"""

import csv
import json
from collections import Counter
from datetime import date
from pathlib import Path

import pytest

from contracts.codes import StatusCode
from contracts.dates import month_end
from contracts.envelope import Fact
from contracts.facts import ClientRegistered, StatusChanged
from services.indicators.domain.figures import matrix_of, transitions_between
from services.indicators.domain.fold import fold
from services.indicators.domain.snapshot import Owner, snapshot_of
from tests.indicators.lives import LADDER, fact

FOLDER = Path(__file__).parents[2].parent / "shared" / "data" / "actcal"

STATES = {"A": ("01", "full_time"), "B": ("01", "long_part_time"), "C": ("01", "short_part_time"), "D": ("02", None)}


@pytest.mark.skipif(not FOLDER.exists(), reason="the Swiss Household Panel sample (shared/data/actcal) is not here")
def test_the_transitions_of_two_thousand_real_people_are_those_published() -> None:
    facts: dict[str, list[Fact]] = {}
    with (FOLDER / "monthly_states.csv").open(encoding="utf-8") as file:
        for row in csv.DictReader(file):
            code, detail = STATES[row["state"]]
            data = StatusChanged(code=StatusCode(code), detail=detail)
            facts.setdefault(row["person"], [fact("2000-01-01", ClientRegistered(municipality="167"), hour=5)])
            facts[row["person"]].append(fact(f"{row['month']}-01", data))
    days = [month_end(date(2000, month, 1)) for month in range(1, 13)]
    counts = Counter[tuple[str, str]]()
    for person, told in facts.items():
        pathway = snapshot_of(fold(told, LADDER), Owner("area", person), 1, LADDER)
        counts.update((origin, end) for _, origin, end in transitions_between(pathway, days, "status"))
    expected = json.loads((FOLDER / "expected.json").read_text())
    matrix = matrix_of(counts)
    assert matrix.states == ("01.full_time", "01.long_part_time", "01.short_part_time", "02")
    assert [list(row) for row in matrix.counts] == expected["monthly_transition_counts"]
