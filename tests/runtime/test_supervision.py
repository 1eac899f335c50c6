"""Work in the background outlives a database that is away; a fault of ours ends the process with its name."""

import asyncio

from services.runtime.hosting import supervised
from tests.conftest import ExpectedErrors


async def test_what_is_away_delays_background_work_and_does_not_end_it() -> None:
    failure: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    turns = iter([ConnectionRefusedError(), None])
    done = asyncio.Event()

    async def work() -> None:
        error = next(turns)
        if error is not None:
            raise error
        done.set()

    await supervised(failure, "notifier.publications", work)
    assert done.is_set()
    assert not failure.done()


async def test_a_fault_of_ours_is_told_with_the_name_of_the_part(expected_errors: ExpectedErrors) -> None:
    expected_errors.allow("background_failed")
    failure: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    async def work() -> None:
        raise KeyError("010170-999R")

    await supervised(failure, "notifier.publications", work)
    assert failure.result() == "notifier.publications stopped: KeyError"
