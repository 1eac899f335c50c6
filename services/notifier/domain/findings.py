"""What a rule says of one client: when which key holds. An alert follows from it and from a date, nothing else."""

from dataclasses import dataclass
from datetime import date
from typing import NamedTuple

from contracts.snapshots import AlertRule, Severity
from services.notifier.domain.periods import Period


class AlertKey(NamedTuple):
    """What an alert is about, once per client."""

    rule: AlertRule
    key: str


@dataclass(frozen=True, slots=True)
class Finding:
    """The rule holds for `key` from `since` until before `until` (None: until a fact comes).

    `reasons` are `kind:id` of what it rests on. One key may hold more than once, in periods that do not overlap. An
    empty period says that a fact came on the very day on which the rule began to hold: settled, where it would
    otherwise seem never to have held.
    """

    rule: AlertRule
    key: str
    since: date
    until: date | None
    severity: Severity
    reasons: tuple[str, ...]

    @property
    def alert(self) -> AlertKey:
        """Which alert this finding opens."""
        return AlertKey(self.rule, self.key)

    def holds_on(self, day: date) -> bool:
        """Tell whether the key holds on `day`."""
        return Period(self.since, self.until).holds_on(day)
