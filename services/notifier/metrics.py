"""Every metric of this room."""

from collections.abc import Collection, Mapping
from typing import Final

from services.notifier.domain.rulebook import RULES
from services.runtime.authorities import Authority
from services.runtime.disclosure import TOTAL
from services.runtime.metrics import Meter

OUTCOMES: Final = ("delivered", "retried", "dead", "disabled")
"""How an attempt to deliver may end."""

ELSEWHERE: Final = "elsewhere"
"""Stands for a home municipality that is not one of the authority's, or not known."""


class Metrics:
    """Operation, live; and `open_alerts`, which only a publication sets."""

    def __init__(self, meter: Meter, channels: Collection[str], authorities: Mapping[str, Authority]) -> None:
        self.looks = meter.counter("askelma_alert_looks_total", "Clients looked at, by what called for it.", {
            "cause": ("pathway", "exposure", "timer"),
        })  # fmt: skip
        self.changes = meter.counter("askelma_alert_changes_total", "Changes of alerts, of all rules together.")
        self.timers_due = meter.gauge("askelma_alert_timers_due", "Clients whose timer has come and who wait.")
        self.erased = meter.counter("askelma_erased_snapshots_total", "Snapshots dropped: their client is erased.")
        self.deliveries = meter.counter("askelma_deliveries_total", "Attempts to deliver, by how they ended.", {
            "channel": channels, "outcome": OUTCOMES,
        })  # fmt: skip
        self.deliveries_waiting = meter.gauge("askelma_deliveries_waiting", "Messages not delivered yet.", {
            "channel": channels,
        })  # fmt: skip
        places = {place for authority in authorities.values() for place in authority.municipalities}
        self.open_alerts = meter.gauge(
            "askelma_open_alerts",
            "Clients with an open alert in the newest publication; a series that is missing is hidden.",
            {"authority": authorities.keys(), "rule": (*RULES, TOTAL), "municipality": places | {ELSEWHERE, TOTAL}},
        )
