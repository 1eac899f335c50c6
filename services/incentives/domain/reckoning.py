"""One reckoning: everything that follows from the payments, counters and pathways of some clients."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from services.incentives.domain.costs import CostLines, cost_lines, payers
from services.incentives.domain.engine import assess
from services.incentives.domain.exposures import Exposure, exposures
from services.incentives.domain.money import Ints
from services.incentives.domain.parameters import Parameters
from services.incentives.domain.payments import CounterSets, Payments, StepsOfClients, Track
from services.incentives.domain.schemes import Scheme


@dataclass(frozen=True, slots=True)
class Ledger:
    """All that counts about some clients, as columns. `named` is the payer named by the insurer, UNKNOWN: none."""

    clients: int
    payments: Payments
    named: Ints
    sets: CounterSets
    steps: Track
    homes: Track


@dataclass(frozen=True, slots=True)
class Reckoning:
    """Cost lines by scheme, and the exposure of each client."""

    lines: Mapping[str, CostLines]
    exposures: Sequence[Exposure]


def reckon(ledger: Ledger, schemes: Mapping[str, Scheme], parameters: Parameters) -> Reckoning:
    """Return costs and exposures of all clients of `ledger` under all `schemes`."""
    payments, sets, steps = ledger.payments, ledger.sets, StepsOfClients(ledger.steps)
    payer = payers(payments, ledger.named, ledger.homes)
    assessments = [assess(scheme, payments, sets, steps, ledger.clients) for scheme in schemes.values()]
    return Reckoning(
        {assessment.scheme.name: cost_lines(assessment, payments, payer) for assessment in assessments},
        exposures(assessments, payments, sets, steps, parameters),
    )
