"""The scenario files, to the cent."""

from datetime import date
from decimal import Decimal

import pytest

from services.incentives.domain.engine import assess
from services.incentives.domain.payments import (
    NO_STEPS,
    counter_sets,
    payments_in_order,
)
from services.incentives.domain.schemes import Counter
from tests.incentives.scenarios import SCHEMES, Scenario, StatedPayment, cents, scenarios

ALL = list(scenarios())


@pytest.mark.parametrize("scenario", [s for _, s in ALL if s.expect], ids=[name for name, s in ALL if s.expect])
def test_a_scenario_costs_what_its_file_says(scenario: Scenario) -> None:
    assert scenario.found() == list(scenario.expect)


@pytest.mark.parametrize("scenario", [s for _, s in ALL if s.total], ids=[name for name, s in ALL if s.total])
def test_a_scenario_costs_its_total(scenario: Scenario) -> None:
    assert sum((piece.euros for piece in scenario.found()), Decimal()) == scenario.total


@pytest.mark.parametrize("scenario", [s for _, s in ALL if s.cumulative], ids=[n for n, s in ALL if s.cumulative])
def test_a_spell_costs_its_running_total(scenario: Scenario) -> None:
    assert scenario.running_total() == scenario.cumulative


PUBLISHED_2025 = {
    "whole country": (
        ("30950446.33", "52953920.83", "65095806.33", "158417049.58", "473716014.55"), "781133237.62",
    ),
    "Joensuu": (("520240.75", "922799.38", "1143154.57", "2832934.70", "8813830.65"), "14232960.05"),
    "Lahti": (("741012.64", "1251476.19", "1546632.82", "3956248.50", "16504523.14"), "23999893.29"),
}  # fmt: skip


@pytest.mark.parametrize(("classes", "total"), PUBLISHED_2025.values(), ids=PUBLISHED_2025.keys())
def test_published_sums_of_2025_follow_from_the_basic_part_of_each_class(classes: tuple[str, ...], total: str) -> None:
    scheme = SCHEMES["fi-2025"]
    first_days, percents = (101, 201, 301, 401, 701), (10, 20, 30, 40, 50)
    sums = [Decimal(text) for text in classes]
    bases = [
        (of_class * 100 / percent).quantize(Decimal("0.01")) for of_class, percent in zip(sums, percents, strict=True)
    ]
    payments = payments_in_order(
        StatedPayment.model_validate({"period": ("2025-01-01", "2025-12-31"), "days": 1, "basic_part": base}).payment(
            n, n
        )
        for n, base in enumerate(bases)
    )
    carried: list[tuple[int, Counter, date, int]] = [
        (client, "law_2025", date(2025, 1, 1), first - 1) for client, first in enumerate(first_days)
    ]
    found = assess(scheme, payments, counter_sets(carried), NO_STEPS, len(carried)).pieces.cents.tolist()
    assert found == [cents(of_class) for of_class in sums]
    assert sum(found) == cents(Decimal(total))
