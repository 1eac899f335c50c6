"""The settings of the stall rules as values; the files that hold the figures are read at the edge."""

from bisect import bisect_right
from dataclasses import dataclass
from datetime import date

from contracts.snapshots import AlertRule, Severity


@dataclass(frozen=True, slots=True)
class Figure:
    """A whole number that changes by date: `values[i]` holds from `starts[i]` on, in ascending order."""

    starts: tuple[date, ...]
    values: tuple[int, ...]

    def on(self, day: date) -> int:
        """Return the figure in force on `day`; before the first date, the first one."""
        if len(self.values) == 1:
            return self.values[0]
        return self.values[max(bisect_right(self.starts, day) - 1, 0)]


@dataclass(frozen=True, slots=True)
class RuleSettings:
    """What every rule has: whether it is used at all, and how grave its alerts are."""

    enabled: bool
    severity: Severity


@dataclass(frozen=True, slots=True)
class InitialInterviewMissing(RuleSettings):
    """Working days from registration within which the initial interview is due."""

    working_days: Figure


@dataclass(frozen=True, slots=True)
class ContactGap(RuleSettings):
    """Months from one meeting within which the next is due."""

    months: Figure


@dataclass(frozen=True, slots=True)
class ServiceWithoutFollowOn(RuleSettings):
    """Days after the end of a service within which something should follow."""

    days: Figure


@dataclass(frozen=True, slots=True)
class ThresholdNear(RuleSettings):
    """How near the next class of cost is (paid days), and how fresh the last payment must be (days)."""

    scheme: str
    paid_days: Figure
    posted_within_days: Figure


@dataclass(frozen=True, slots=True)
class Setback(RuleSettings):
    """Steps and days that make a fall: see `domain.rules.setback`."""

    from_step: Figure
    bridge_days: Figure
    work_days: Figure
    open_days: Figure


@dataclass(frozen=True, slots=True)
class Rulebook:
    """All rules of one file. `digest` tells two contents apart; `employed_from_step` bounds the population."""

    name: str
    digest: str
    employed_from_step: int
    initial_interview_missing: InitialInterviewMissing
    contact_gap: ContactGap
    service_without_follow_on: ServiceWithoutFollowOn
    threshold_near: ThresholdNear
    setback: Setback

    @property
    def severities(self) -> dict[str, Severity]:
        """How grave the alerts of each rule in use are."""
        settings: dict[str, RuleSettings] = {
            "initial_interview_missing": self.initial_interview_missing,
            "contact_gap": self.contact_gap,
            "service_without_follow_on": self.service_without_follow_on,
            "threshold_near": self.threshold_near,
            "setback": self.setback,
        }
        return {rule: one.severity for rule, one in settings.items() if one.enabled}


RULES: tuple[AlertRule, ...] = (
    "initial_interview_missing", "contact_gap", "service_without_follow_on", "threshold_near", "setback",
)  # fmt: skip
"""The rules at work, in the order of domain.md section 7."""
