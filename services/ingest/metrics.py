"""Every metric of ingest, declared once. No label tells of a municipality or a type of fact."""

from dataclasses import dataclass
from typing import Final, Literal

from prometheus_client import Counter, Gauge, Histogram

from services.ingest.domain.refusals import Reason
from services.runtime.metrics import Family, Meter

Way = Literal["http", "topic"]
WAYS: Final = ("http", "topic")


@dataclass(frozen=True)
class IngestMetrics:
    """What the door counts."""

    accepted: Family[Counter]
    known: Family[Counter]
    refused: Family[Counter]
    journal_seconds: Family[Histogram]
    unpublished: Family[Gauge]
    quarantined: Family[Gauge]
    intake_gaps: Family[Counter]


def ingest_metrics(meter: Meter) -> IngestMetrics:
    """Declare the metrics of ingest."""
    way = {"way": WAYS}
    refusals = {"reason": [str(reason) for reason in Reason], "way": WAYS}
    return IngestMetrics(
        accepted=meter.counter("askelma_facts_accepted_total", "Facts that the journal took.", way),
        known=meter.counter("askelma_facts_known_total", "Events that the journal already had.", way),
        refused=meter.counter("askelma_events_refused_total", "Events that the door refused.", refusals),
        journal_seconds=meter.histogram("askelma_journal_seconds", "Time to journal one request or batch."),
        unpublished=meter.gauge("askelma_facts_unpublished", "Facts that the broker has not confirmed."),
        quarantined=meter.gauge("askelma_quarantine_items", "Refused items that are kept, sealed."),
        intake_gaps=meter.counter("askelma_intake_gaps_total", "Gaps seen on the embedded intake topic."),
    )
