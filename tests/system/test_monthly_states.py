"""Monthly states of people, imported through the running system, give the transitions that stand in them.

Once of 40 invented people, once of 2,000 real ones: the Swiss Household Panel sample as distributed with TraMineR and
Sequenzo; cite Gabadinho, Ritschard, Müller and Studer (2011), Journal of Statistical Software 40(4). The real data is
not shipped; without it those tests are left out.
"""

import asyncio
import csv
import json
import random
import sys
from collections import Counter
from itertools import pairwise
from pathlib import Path
from typing import Final

import pytest

from tests.system.conftest import Start, System

REAL: Final = Path(__file__).parents[2].parent / "shared" / "data" / "actcal" / "monthly_states.csv"
INVENTED: Final = Path(__file__).with_name("monthly_states.csv")
MAPPING: Final = INVENTED.with_suffix(".toml")
STATES: Final = {"A": "01.full_time", "B": "01.part_time", "C": "01.short_hours", "D": "02"}
YEAR: Final = {"from": "2000-01", "to": "2000-12"}

pytestmark = [pytest.mark.wire, pytest.mark.timeout(600)]
of_the_real = pytest.mark.skipif(not REAL.is_file(), reason="the monthly states of 2,000 real people are not shipped")
of_both = pytest.mark.parametrize(
    "data", [pytest.param(INVENTED, id="invented"), pytest.param(REAL, id="real", marks=of_the_real)]
)


def transitions(data: Path) -> list[list[int]]:
    """Count by hand how often each state follows on each, month after month of the same person."""
    with data.open(encoding="utf-8", newline="") as file:
        rows = sorted((row["person"], row["month"], row["state"]) for row in csv.DictReader(file))
    counts = Counter((one[2], other[2]) for one, other in pairwise(rows) if one[0] == other[0])
    return [[counts[origin, destination] for destination in STATES] for origin in STATES]


async def imported(file: Path, system: System) -> str:
    """Run `askelma import` on `file` and return what it says."""
    connection = ("--url", system.running.host.url, "--key", system.running.keys.ingest_key)
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", "from services.console.main import main; main()"),
        *("import", str(file), "--mapping", str(MAPPING), *connection),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    output, _ = await process.communicate()
    assert process.returncode == 0, output.decode()
    return output.decode()


def shuffled_with_a_fifth_doubled(data: Path, folder: Path) -> Path:
    header, *rows = data.read_text(encoding="utf-8").splitlines()
    chance = random.Random(5)  # noqa: S311 - a shuffle, no secret
    rows += chance.sample(rows, len(rows) // 5)
    chance.shuffle(rows)
    file = folder / "shuffled.csv"
    file.write_text("\n".join((header, *rows)), encoding="utf-8")
    return file


async def assert_counted(data: Path, system: System) -> None:
    await system.settled()
    answer = await system.asked("/v1/indicators/transitions", of="status", sampling="monthly", **YEAR)
    assert isinstance(answer, dict)
    assert answer["states"] == list(STATES.values())
    assert answer["counts"] == transitions(data)


@of_the_real
def test_counting_by_hand_gives_what_was_published_of_the_real_people() -> None:
    published = json.loads(REAL.with_name("expected.json").read_text())
    assert transitions(REAL) == published["monthly_transition_counts"]


@of_both
async def test_monthly_states_as_they_are_and_imported_again_give_their_transitions(start: Start, data: Path) -> None:
    async with start() as system:
        await imported(data, system)
        await assert_counted(data, system)
        assert "0 facts accepted" in await imported(data, system)
        await assert_counted(data, system)


@of_both
async def test_monthly_states_shuffled_with_a_fifth_doubled_give_the_same(
    start: Start, data: Path, tmp_path: Path
) -> None:
    async with start() as system:
        await imported(shuffled_with_a_fifth_doubled(data, tmp_path), system)
        await assert_counted(data, system)
