"""Benchmarks measure what they say: the smallest run of one that needs no Kafka ends with everything in the journal."""

from pathlib import Path

import numpy as np
import pytest

from benchmarks.accepting import accepted_per_second
from benchmarks.costs import totals
from benchmarks.population import COLUMNS, MONTHS, write_population


@pytest.mark.store
async def test_what_the_benchmark_of_the_door_counts_is_in_the_journal() -> None:
    assert await accepted_per_second(400) > 0


def test_the_benchmark_of_costs_reckons_what_one_payment_after_the_other_sums_to(tmp_path: Path) -> None:
    write_population(tmp_path, 40)
    law_2025, old_law = (np.load(tmp_path / f"{name}.npy").tolist() for name in ("law_2025", "old_law"))
    columns = [np.load(tmp_path / f"{name}.by_client.npy").tolist() for name in COLUMNS]
    new = old = 0
    for client in range(40):
        for number in range(MONTHS):
            days, basic_part, paid, benefit, basis = (column[client][number] for column in columns)
            new += share_of_2025(law_2025[client], days, basic_part)
            law_2025[client] += days
            if benefit == basis == 0:  # labour market subsidy on the basis of unemployment
                old += half_up(paid * share_of_2015(old_law[client]), 100)
                old_law[client] += days
    assert totals(tmp_path, 40, ["fi-2015", "fi-2025"]) == {"fi-2015": old, "fi-2025": new}


def test_both_orders_of_a_population_hold_the_same_payments(tmp_path: Path) -> None:
    write_population(tmp_path, 5)
    for name in COLUMNS:
        by_client, by_month = (np.load(tmp_path / f"{name}.{order}.npy") for order in ("by_client", "by_month"))
        assert by_client.T.tolist() == by_month.tolist()


def share_of_2015(counter: int) -> int:
    return 0 if counter < 300 else 50 if counter < 1000 else 70


def share_of_2025(counter: int, days: int, basic_part: int) -> int:
    """Return the share of one payment in cents, rounded once for each class its days lie in."""
    classes = [percent_of_day(number) for number in range(counter + 1, counter + days + 1)]
    return sum(half_up(percent * basic_part * classes.count(percent), 100 * days) for percent in set(classes))


def percent_of_day(number: int) -> int:
    return next((percent for last, percent in LADDER if number <= last), 50)


LADDER = ((100, 0), (200, 10), (300, 20), (400, 30), (700, 40))


def half_up(numerator: int, denominator: int) -> int:
    return (2 * numerator + denominator) // (2 * denominator)
