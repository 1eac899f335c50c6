"""Says in words what a scheme's parts do, for the terminal and the documentation."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Final

from services.incentives.domain.schemes import (
    BASES,
    BENEFITS,
    Boundary,
    CostClass,
    Counter,
    DayLadder,
    Days,
    Effect,
    Progress,
    Rule,
    RuledPeriod,
    Scheme,
    ShareBase,
)

_COUNTERS: Final[Mapping[Counter, str]] = {
    "old_law": "obeys the insurer's counter of the old law",
    "law_2025": "obeys the insurer's counter of the law of 2025",
}
_BOUNDARIES: Final[Mapping[Boundary, str]] = {
    "day": "a payment is split at the very day",
    "payment_batch": "the next percent holds from the payment batch after the one that reaches it",
}
_BASES: Final[Mapping[ShareBase, str]] = {
    "paid_cents": "all that was paid",
    "basic_part_cents": "the basic part of what was paid",
}


def said(rule: Rule) -> dict[str, str]:
    """Return what each part of `rule` says but its ladder, by the part's name in the file."""
    return {
        "counter": _COUNTERS[rule.counter],
        "count": _days(rule.count),
        "cost": _days(rule.cost),
        "boundary": _BOUNDARIES[rule.boundary],
        "progress": _effect(rule.effect),
        "base": _BASES[rule.base],
    }


def kind_of(scheme: Scheme) -> str:
    """Tell whether a scheme is law, and when, or a proposal."""
    return "proposal" if scheme.kind == "proposal" else f"law {_span(scheme.law_from, scheme.law_until)}"


def years(period: RuledPeriod) -> str:
    """Tell for which payments a period's rule holds, by the first day of their period."""
    return _span(period.start, period.end)


def _span(start: date | None, end: date | None) -> str:
    named = [f"from {start}" if start else "", f"until {end}" if end else ""]
    return " ".join(part for part in named if part) or "at any time"


def unit(rule: Rule) -> str:
    """Tell what the classes of `rule`'s ladder go by."""
    if not isinstance(rule.ladder, DayLadder):
        return "days, then step"
    return "days since progress" if rule.effect.progress is Progress.CLOCK else "days"


def percent(of_class: CostClass) -> str:
    """Return the municipality's share, such as `12.5 %`."""
    return f"{of_class.percent_bp / 100:g} %"


def _days(days: Days) -> str:
    benefits = [benefit for benefit in BENEFITS if benefit in days.benefits]
    bases = [basis for basis in BASES if basis in days.bases]
    return (
        f"{_named(benefits, len(BENEFITS), 'all benefits')}; "
        f"{_named(bases, len(BASES), 'days of unemployment and in services')}"
    )


def _named(names: Sequence[str], whole: int, every: str) -> str:
    return every if len(names) == whole else ", ".join(name.replace("_", " ") for name in names)


def _effect(effect: Effect) -> str:
    return {
        Progress.NONE: "changes nothing",
        Progress.PERCENT_BY_STEP: "each day has the percent of the step on it",
        Progress.CLOCK: "a first-time higher step begins the days anew",
        Progress.PAUSE: f"a first-time higher step stops the counter for {effect.days} paid days",
        Progress.SET_BACK: f"a first-time higher step takes {effect.days} days off the counter",
        Progress.RELIEF: (
            f"a first-time higher step lowers the percent by {effect.points_bp / 100:g} points "
            f"for {effect.days} paid days"
        ),
    }[effect.progress]
