"""The embedded system as a whole: restarts in the middle of a stream change no figure."""

import itertools
from datetime import UTC, datetime

import pytest

from services.demo.domain.events import DoorEvent
from services.demo.stream import stream
from tests.system.conftest import Start, System

pytestmark = pytest.mark.wire

END = datetime(2026, 6, 30, 20, tzinfo=UTC)
CLIENTS = 40


async def figures(system: System) -> dict[str, object]:
    """Return what a supervisor sees of the whole authority, but for references, which differ between systems."""
    span = {"from": "2024-07", "to": "2026-06"}
    return {
        "stock": await system.asked("/v1/indicators/stock", on="2026-06-30"),
        "flow": await system.asked("/v1/indicators/flow", **{"from": "2026-01-01", "to": "2026-06-30"}),
        "steps": await system.asked("/v1/indicators/transitions", of="step", sampling="monthly", **span),
        "statuses": await system.asked("/v1/indicators/transitions", of="status", sampling="monthly", **span),
        "costs": await system.asked("/v1/costs", **span),
        "alerts": await open_alerts(system),
    }


async def open_alerts(system: System) -> list[tuple[str, str]]:
    listed = await system.asked("/v1/alerts", limit="1000")
    assert isinstance(listed, dict)
    return sorted((alert["rule"], alert["key"]) for alert in listed["alerts"])


async def test_two_restarts_in_the_middle_of_a_stream_end_in_the_figures_of_a_single_pass(start: Start) -> None:
    events: list[DoorEvent] = list(
        itertools.chain.from_iterable(sending.events for sending in stream(7, clients=CLIENTS))
    )
    third = len(events) // 3
    async with start(END) as system:
        await system.send(events[:third])  # and stopped at once: much of it is journaled and nothing more
    async with start(END) as system:
        await system.send(events[third : 2 * third])
    async with start(END) as system:
        await system.send(events[2 * third :])
        await system.settled()
        interrupted = await figures(system)
    async with start(END, name="another") as system:
        await system.send(events)
        await system.settled()
        single_pass = await figures(system)
    assert interrupted == single_pass
    assert single_pass["alerts"]
    assert "cents" in str(single_pass["costs"])
