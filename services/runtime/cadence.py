"""When months are published: each on the 5th of the next, as of its last day."""

from datetime import date
from typing import Final

from contracts.dates import months_before

PUBLICATION_DAY: Final = 5
"""Day of the month on which the month before is published (cadence of the official statistics' later half)."""


def published_on(month: date) -> date:
    """Return the day on which `month` is published."""
    return months_before(month, -1).replace(day=PUBLICATION_DAY)


def due_month(today: date) -> date:
    """Return the newest month that is to be published by `today`."""
    return months_before(today, 1 if today.day >= PUBLICATION_DAY else 2)
