"""Every metric of this room."""

from collections.abc import Collection

from services.indicators.domain.figures import ELSEWHERE
from services.runtime.disclosure import TOTAL
from services.runtime.metrics import Meter


class IndicatorMetrics:
    """What this room counts about its own work, and the newest published figures."""

    def __init__(self, meter: Meter, authorities: Collection[str], municipalities: Collection[str], steps: int) -> None:
        """Declare all; label values come from the lists of authorities, municipalities and steps."""
        self.folded = meter.counter("askelma_facts_folded_total", "Facts new to the set and folded into a pathway.")
        self.known = meter.counter("askelma_facts_repeated_total", "Facts that were in the set already, or retracted.")
        self.dropped = meter.counter("askelma_facts_dropped_total", "Facts that came about an erased client.")
        self.refolded = meter.counter("askelma_pathways_refolded_total", "Pathways folded again from all their facts.")
        self.announced = meter.counter("askelma_snapshots_announced_total", "Pathway snapshots and tombstones sent.")
        self.fold_seconds = meter.histogram("askelma_fold_batch_seconds", "Time from a batch of facts to their commit.")
        self.clients = meter.gauge(
            "askelma_clients",
            "Clients with an open spell by step, from the newest publication; absent where hidden. * is the total.",
            {
                "authority": authorities,
                "municipality": [*municipalities, ELSEWHERE, TOTAL],
                "step": [str(step) for step in range(steps)],
            },
        )
