"""Two rules of cost responsibility in OpenFisca-Core, to be measured against: fi-2015 and fi-2025.

Run by an environment of its own, with the folder of a population and the number of its clients to take. The whole
population is one simulation, month by month, as OpenFisca's documentation has it. Prints one JSON object.
"""

import json
import resource
import sys
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt
from openfisca_core.entities import build_entity
from openfisca_core.indexed_enums import Enum
from openfisca_core.parameters import ParameterNodeAtInstant
from openfisca_core.periods import DateUnit, Period, period
from openfisca_core.populations import Population
from openfisca_core.simulations import SimulationBuilder
from openfisca_core.taxbenefitsystems import TaxBenefitSystem
from openfisca_core.taxscales import SingleAmountTaxScale
from openfisca_core.variables import Variable

FIRST_MONTH: Final = period("2023-07")
INPUTS: Final = ("days", "basic_part_cents", "paid_cents", "benefit", "basis")
WHOLE_BP: Final = 10_000

Numbers = npt.NDArray[np.int64]

Client = build_entity(key="client", plural="clients", label="A client of employment services", is_person=True)


class Benefit(Enum):
    labour_market_subsidy = "Labour market subsidy"
    basic_allowance = "Basic unemployment allowance"
    earnings_related = "Earnings-related allowance"


class Basis(Enum):
    unemployment = "Paid on the basis of unemployment"
    service = "Paid for the time of a service"


class days(Variable):
    value_type, entity, definition_period = int, Client, DateUnit.MONTH
    label = "Paid days of the month's payment"


class basic_part_cents(Variable):
    value_type, entity, definition_period = int, Client, DateUnit.MONTH
    label = "Basic part of the month's payment"


class paid_cents(Variable):
    value_type, entity, definition_period = int, Client, DateUnit.MONTH
    label = "All that was paid"


class benefit(Variable):
    value_type = Enum
    possible_values = Benefit
    default_value = Benefit.labour_market_subsidy
    entity = Client
    definition_period = DateUnit.MONTH
    label = "Benefit that was paid"


class basis(Variable):
    value_type = Enum
    possible_values = Basis
    default_value = Basis.unemployment
    entity = Client
    definition_period = DateUnit.MONTH
    label = "What it was paid for"


class old_law_days(Variable):
    value_type, entity, definition_period = int, Client, DateUnit.MONTH
    label = "Counter of the law before 2025, before the month's payment"

    def formula(client: Population, month: Period) -> Numbers:
        return client("old_law_days", month.last_month) + client("old_law_counted", month.last_month)


class old_law_counted(Variable):
    value_type, entity, definition_period = int, Client, DateUnit.MONTH
    label = "Days that the law before 2025 counts and shares"

    def formula(client: Population, month: Period) -> Numbers:
        is_subsidy = client("benefit", month) == Benefit.labour_market_subsidy
        return client("days", month) * (is_subsidy & (client("basis", month) == Basis.unemployment))


class law_2025_days(Variable):
    value_type, entity, definition_period = int, Client, DateUnit.MONTH
    label = "Counter of the law since 2025, before the month's payment"

    def formula(client: Population, month: Period) -> Numbers:
        return client("law_2025_days", month.last_month) + client("days", month.last_month)


class fi_2015_cents(Variable):
    value_type, entity, definition_period = int, Client, DateUnit.MONTH
    label = "The municipality's share under the law before 2025: the class of the counter at the batch's beginning"

    def formula(client: Population, month: Period, parameters: ParameterNodeAtInstant) -> Numbers:
        percent = parameters(month).fi_2015.calc(client("old_law_days", month))
        shared = client("paid_cents", month) * (client("old_law_counted", month) > 0)
        return (2 * percent.astype(np.int64) * shared + WHOLE_BP) // (2 * WHOLE_BP)


class fi_2025_cents(Variable):
    value_type, entity, definition_period = int, Client, DateUnit.MONTH
    label = "The municipality's share under the law since 2025: each class its own days, rounded by itself"

    def formula(client: Population, month: Period, parameters: ParameterNodeAtInstant) -> Numbers:
        before, all_days = client("law_2025_days", month), client("days", month)
        after, base = before + all_days, client("basic_part_cents", month).astype(np.int64)
        denominator, total = 2 * WHOLE_BP * all_days.astype(np.int64), np.zeros_like(base)
        for lower, upper, percent in classes(parameters(month).fi_2025):
            in_class = np.clip(after, lower, upper) - np.clip(before, lower, upper)
            total += (2 * percent * base * in_class + WHOLE_BP * all_days) // denominator
        return total


def classes(scale: SingleAmountTaxScale) -> list[tuple[int, int, int]]:
    """Return (days before the first, last day, basis points) of the classes that cost the municipality something."""
    lowers = [int(threshold) for threshold in scale.thresholds]
    uppers = [*lowers[1:], np.iinfo(np.int32).max]
    percents = [int(amount) for amount in scale.amounts]
    return [one for one in zip(lowers, uppers, percents, strict=True) if one[2]]


def system() -> TaxBenefitSystem:
    found = TaxBenefitSystem([Client])
    found.add_variables(
        days, basic_part_cents, paid_cents, benefit, basis,
        old_law_days, old_law_counted, law_2025_days, fi_2015_cents, fi_2025_cents,
    )  # fmt: skip
    found.load_parameters(str(Path(__file__).parent / "parameters"))
    return found


def simulated(rules: TaxBenefitSystem, folder: Path, clients: int) -> dict[str, int]:
    """Return the sum of all shares in cents, by scheme."""
    simulation = SimulationBuilder().build_default_simulation(rules, clients)
    for counter in ("old_law", "law_2025"):
        simulation.set_input(f"{counter}_days", FIRST_MONTH, np.load(folder / f"{counter}.npy")[:clients])
    files = {name: folder / f"{name}.by_month.npy" for name in INPUTS}
    totals = {"fi-2015": 0, "fi-2025": 0}
    for number in range(len(np.load(files["days"], mmap_mode="r"))):
        month = FIRST_MONTH.offset(number)
        for name, file in files.items():
            numbers = np.load(file, mmap_mode="r")  # mapped anew each time, so that what was read before is not kept
            simulation.set_input(name, month, np.array(numbers[number, :clients]))
        for scheme in totals:
            totals[scheme] += int(simulation.calculate(f"{scheme.replace('-', '_')}_cents", month).sum(dtype=np.int64))
    return totals


def peak_kib() -> int:
    """Return the most memory this process held; ru_maxrss would tell of the parent's too, from before the exec."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return int(status.split("VmHWM:")[1].split()[0])


if __name__ == "__main__":
    rules = system()
    before = resource.getrusage(resource.RUSAGE_SELF)
    totals = simulated(rules, Path(sys.argv[1]), int(sys.argv[2]))
    after = resource.getrusage(resource.RUSAGE_SELF)
    seconds = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    print(json.dumps({"totals": totals, "cpu_seconds": seconds, "peak_kib": peak_kib()}))
