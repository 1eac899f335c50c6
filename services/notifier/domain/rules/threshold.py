"""Threshold near: few paid days are left to a dearer class of cost. One alert per class and last counter_set."""

from collections.abc import Iterator, Sequence
from datetime import date, timedelta

from contracts.snapshots import ExposureSnapshot, SchemeExposure
from services.notifier.domain.findings import Finding
from services.notifier.domain.periods import DAY, Period, within
from services.notifier.domain.rulebook import ThresholdNear


def findings(
    exposure: ExposureSnapshot | None, population: Sequence[Period], settings: ThresholdNear
) -> Iterator[Finding]:
    """Yield while the last payment is fresh; the snapshot knows the present class only."""
    found = _near_its_end(exposure, settings) if exposure else None
    if exposure is None or found is None:
        return
    standing, posted = found
    fresh = Period(posted, posted + timedelta(days=settings.posted_within_days.on(posted)) + DAY)
    for part in within(fresh, population):
        yield Finding(
            "threshold_near", _key(standing.cost_class, exposure), part.start, part.end, settings.severity,
            (f"class:{standing.cost_class}", f"next:{standing.next_class}", f"days:{standing.days_to_next}"),
        )  # fmt: skip


def near(exposure: ExposureSnapshot, settings: ThresholdNear) -> bool:
    """Tell whether `exposure` can open an alert at all; one that cannot need not be looked at again."""
    return _near_its_end(exposure, settings) is not None


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
    return near(exposure, settings)


def _near_its_end(exposure: ExposureSnapshot, settings: ThresholdNear) -> tuple[SchemeExposure, date] | None:
    standing, posted = exposure.under(settings.scheme), exposure.last_posted_on
    if standing is None or standing.days_to_next is None or posted is None:
        return None
    return (standing, posted) if standing.days_to_next <= settings.paid_days.on(posted) else None


def _key(cost_class: str, exposure: ExposureSnapshot) -> str:
    counter_set = exposure.last_counter_set_on
    return f"{cost_class}@{counter_set.isoformat()}" if counter_set else cost_class


def _lower_bound(cost_class: str) -> int:
    first = cost_class.partition("-")[0]
    return int(first) if first.isdigit() else 0
