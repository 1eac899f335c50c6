"""A made-up population for the benchmark of costs, written as .npy files so that every side reads the same.

Each client has one payment a month, in a payment batch of its own, from July 2023 to June 2026: half of the months
lie under the law before 2025, half under the one since. Each payment stands in the files twice, once with the
payments of a client side by side (the order in which the product stores them), once with those of a month side by
side (the order of OpenFisca), so that no side pays for the other's order.
"""

from datetime import date
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

MONTHS: Final = 36
COLUMNS: Final = ("days", "basic_part_cents", "paid_cents", "benefit", "basis")
"""What the files of payments are called after; benefit and basis are numbers in the order of the engine's lists."""
FIRST_MONTH: Final = 2023 * 12 + 6
"""July 2023, in months since the year 0."""
SEED: Final = 20_230_701
_STEPS: Final = range(8)
_MOST_CHANGES: Final = 3

Numbers = npt.NDArray[np.integer]


def write_population(folder: Path, clients: int) -> None:
    """Write payments of `clients` clients, their counters before the first one, and the changes of their steps."""
    chance = np.random.default_rng(SEED)
    for name, numbers in _payments(chance, clients).items():
        np.save(folder / f"{name}.by_client.npy", numbers)
        np.save(folder / f"{name}.by_month.npy", np.ascontiguousarray(numbers.T))
    for counter in ("old_law", "law_2025"):
        np.save(folder / f"{counter}.npy", chance.integers(0, 1_200, clients) * (chance.random(clients) < 1 / 2))
    np.save(folder / "steps.npy", _step_changes(chance, clients))


def month(number: int) -> tuple[date, date]:
    """Return the first and the last day of the month of payment `number` (0, 1, …)."""
    first = [date((FIRST_MONTH + more) // 12, (FIRST_MONTH + more) % 12 + 1, 1) for more in (number, number + 1)]
    return first[0], date.fromordinal(first[1].toordinal() - 1)


def _payments(chance: np.random.Generator, clients: int) -> dict[str, Numbers]:
    """Return a row of monthly payments for each client: whole months mostly, partly paid and in services at times."""
    size = (clients, MONTHS)
    days = np.where(chance.random(size) < 2 / 3, 21, chance.integers(1, 24, size)).astype(np.int8)
    basic_part = days * np.where(chance.random(size) < 3 / 4, 3721, chance.integers(500, 3721, size))
    above = days * chance.integers(0, 6_000, (clients, 1)) * (chance.random((clients, 1)) < 1 / 3)
    return {
        "days": days,
        "basic_part_cents": basic_part.astype(np.int32),
        "paid_cents": (basic_part + above).astype(np.int32),
        "benefit": np.repeat(chance.choice(3, (clients, 1), p=(0.7, 0.1, 0.2)), MONTHS, axis=1).astype(np.int8),
        "basis": (chance.random(size) < 1 / 5).astype(np.int8),
    }


def _step_changes(chance: np.random.Generator, clients: int) -> Numbers:
    """Return (client, ordinal of the first day, step), sorted: the first step holds before every payment."""
    first, last = month(0)[0].toordinal(), month(MONTHS - 1)[1].toordinal()
    days = np.sort(chance.integers(first, last, (clients, _MOST_CHANGES)), axis=1)
    days[:, 0] = first
    steps = chance.integers(_STEPS.start, _STEPS.stop, days.shape)
    client = np.repeat(np.arange(clients), _MOST_CHANGES)
    changes = np.stack((client, days.ravel(), steps.ravel()), axis=1)
    same_day = (np.diff(changes[:, 0]) == 0) & (np.diff(changes[:, 1]) == 0)
    return changes[np.concatenate(([True], ~same_day))]
