"""What the door asks of facts beyond their form, as read from a dated file."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date


@dataclass(frozen=True, slots=True)
class DoorRules:
    """Bounds on dates, dates at which benefit periods come split, and closed lists by field of the payload."""

    days_ahead: int
    earliest: date
    split_on: tuple[date, ...]
    lists: Mapping[str, frozenset[str]] = field(default_factory=dict)
