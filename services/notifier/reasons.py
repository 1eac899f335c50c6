"""What an alert rests on, read back from its `kind:id` reasons for the sentence that people are shown."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from contracts.snapshots import AlertRule


@dataclass(frozen=True, slots=True)
class Told:
    """The parts of a sentence: `on` is what happened last, `due` what should have been, the rest a class of cost."""

    rule: AlertRule
    on: date | None = None
    due: date | None = None
    days: int | None = None
    cost_class: str = ""
    next_class: str = ""
    from_work: bool = False


def told(rule: AlertRule, reasons: Sequence[str]) -> Told:
    """Return what `reasons` say; what they do not say is None."""
    said = dict(reason.split(":", 1) for reason in reasons if ":" in reason)
    happened = said.get("spell") or said.get("meeting") or said.get("ended") or said.get("fell")
    days = said.get("days", "")
    return Told(
        rule,
        _day(happened),
        _day(said.get("due")),
        int(days) if days.isdigit() else None,
        said.get("class", ""),
        said.get("next", ""),
        "employment" in said,
    )


def _day(text: str | None) -> date | None:
    return date.fromisoformat(text) if text else None
