"""Threshold near: few paid days are left to a dearer class of cost. One alert per class and last counter_set."""

from collections.abc import Iterator, Sequence
from datetime import timedelta

from contracts.snapshots import ExposureSnapshot, SchemeExposure
from services.notifier.domain.findings import Finding
from services.notifier.domain.periods import DAY, Period, within
from services.notifier.domain.rulebook import ThresholdNear


def findings(
    exposure: ExposureSnapshot | None, population: Sequence[Period], settings: ThresholdNear
) -> Iterator[Finding]:
    """Yield while the last payment is fresh; the snapshot knows the present class only."""
    standing = exposure.under(settings.scheme) if exposure else None
    if (
        exposure is None
        or standing is None
        or exposure.last_posted_on is None
        or not _near(standing, exposure, settings)
    ):
        return
    posted = exposure.last_posted_on
    fresh = Period(posted, posted + timedelta(days=settings.posted_within_days.on(posted)) + DAY)
    for part in within(fresh, population):
        yield Finding(
            "threshold_near", _key(standing.cost_class, exposure), part.start, part.end, settings.severity,
            (f"class:{standing.cost_class}", f"next:{standing.next_class}", f"days:{standing.days_to_next}"),
        )  # fmt: skip


def passed(key: str, exposure: ExposureSnapshot | None, settings: ThresholdNear) -> bool:
    """Tell whether facts led the client on from `key`, rather than that its ground vanished.

    They did where the counter was set anew later, where a dearer class was reached, or where the class still ends soon
    (then it is the client who left the population, or payments ceased).
    """
    standing = exposure.under(settings.scheme) if exposure else None
    if exposure is None or standing is None:
        return False
    cost_class, _, counter_set = key.partition("@")
    now_set = exposure.last_counter_set_on.isoformat() if exposure.last_counter_set_on else ""
    if now_set != counter_set:
        return now_set > counter_set
    if standing.cost_class != cost_class:
        return _lower_bound(standing.cost_class) > _lower_bound(cost_class)
    return _near(standing, exposure, settings)


def _near(standing: SchemeExposure, exposure: ExposureSnapshot, settings: ThresholdNear) -> bool:
    if standing.days_to_next is None or exposure.last_posted_on is None:
        return False
    return standing.days_to_next <= settings.paid_days.on(exposure.last_posted_on)


def _key(cost_class: str, exposure: ExposureSnapshot) -> str:
    counter_set = exposure.last_counter_set_on
    return f"{cost_class}@{counter_set.isoformat()}" if counter_set else cost_class


def _lower_bound(cost_class: str) -> int:
    first = cost_class.partition("-")[0]
    return int(first) if first.isdigit() else 0
