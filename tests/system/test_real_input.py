"""2,000 real people through the running system: published transition counts come out of monthly states.

Swiss Household Panel sample as distributed with TraMineR and Sequenzo; cite Gabadinho, Ritschard, Müller and Studer
(2011), Journal of Statistical Software 40(4). The data is not shipped; without it these tests are left out.
"""

import asyncio
import json
import random
import sys
from pathlib import Path

import pytest

from tests.system.conftest import Start, System

pytestmark = [
    pytest.mark.wire,
    pytest.mark.skipif(
        not (DATA := Path(__file__).parents[2].parent / "shared" / "data" / "actcal").is_dir(),
        reason="the monthly states of 2,000 real people are not shipped",
    ),
]

MAPPING = Path(__file__).with_name("monthly_states.toml")
STATES = ["01.full_time", "01.part_time", "01.short_hours", "02"]  # A, B, C, D of the data
YEAR = {"from": "2000-01", "to": "2000-12"}


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


def shuffled_with_a_fifth_doubled(folder: Path) -> Path:
    header, *rows = (DATA / "monthly_states.csv").read_text(encoding="utf-8").splitlines()
    chance = random.Random(5)  # noqa: S311 - a shuffle, no secret
    rows += chance.sample(rows, len(rows) // 5)
    chance.shuffle(rows)
    file = folder / "shuffled.csv"
    file.write_text("\n".join((header, *rows)), encoding="utf-8")
    return file


async def assert_published_counts(system: System) -> None:
    await system.settled()
    answer = await system.asked("/v1/indicators/transitions", of="status", sampling="monthly", **YEAR)
    assert isinstance(answer, dict)
    assert answer["states"] == STATES
    assert answer["counts"] == json.loads((DATA / "expected.json").read_text())["monthly_transition_counts"]


@pytest.mark.timeout(600)
async def test_monthly_states_as_they_are_and_imported_again_give_the_published_transitions(start: Start) -> None:
    async with start() as system:
        await imported(DATA / "monthly_states.csv", system)
        await assert_published_counts(system)
        again = await imported(DATA / "monthly_states.csv", system)
        assert "0 facts accepted" in again
        await assert_published_counts(system)


@pytest.mark.timeout(600)
async def test_monthly_states_shuffled_with_a_fifth_doubled_give_the_same(start: Start, tmp_path: Path) -> None:
    async with start() as system:
        await imported(shuffled_with_a_fifth_doubled(tmp_path), system)
        await assert_published_counts(system)
