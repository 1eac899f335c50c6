"""Every metric of this room."""

from collections.abc import Collection
from typing import Final

from services.runtime.disclosure import TOTAL
from services.runtime.metrics import Meter

ELSEWHERE: Final = "elsewhere"
"""Stands for payers outside the authority, and for those not known yet."""


class IncentiveMetrics:
    """What this room counts about its own work, and the newest published figures."""

    def __init__(
        self, meter: Meter, authorities: Collection[str], municipalities: Collection[str], schemes: Collection[str]
    ) -> None:
        """Declare all; label values come from the lists of authorities, municipalities and schemes."""
        self.taken_in = meter.counter("askelma_benefit_facts_taken_in_total", "Payments and counters new to the set.")
        self.known = meter.counter(
            "askelma_benefit_facts_known_total", "Payments and counters that were in the set already, or retracted."
        )
        self.dropped = meter.counter("askelma_benefit_facts_dropped_total", "Facts that came about an erased client.")
        self.reckoned = meter.counter(
            "askelma_clients_reckoned_total", "Clients whose costs were reckoned from all their payments."
        )
        self.announced = meter.counter("askelma_exposures_announced_total", "Exposure snapshots and tombstones sent.")
        self.seconds = meter.histogram(
            "askelma_reckoning_batch_seconds", "Time from a batch of facts or pathways to its commit."
        )
        self.cost = meter.gauge(
            "askelma_cost_euros",
            "The municipality's share by scheme in the newest published month; absent where hidden. * is the total.",
            {"authority": authorities, "municipality": [*municipalities, ELSEWHERE, TOTAL], "scheme": schemes},
        )
