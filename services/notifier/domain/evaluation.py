"""All rules over one client: an outlook that any day can be read from."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

from contracts.snapshots import ExposureSnapshot, PathwaySnapshot
from services.notifier.domain.findings import AlertKey, Finding
from services.notifier.domain.periods import registered_below, steps_with_pending
from services.notifier.domain.rulebook import Rulebook
from services.notifier.domain.rules import contact_gap, follow_on, initial_interview, setback, threshold
from services.notifier.domain.working_days import WorkingDays


@dataclass(frozen=True, slots=True)
class Evaluator:
    """The rules, their settings and the calendar they count by."""

    rulebook: Rulebook
    calendar: WorkingDays

    def findings(self, pathway: PathwaySnapshot | None, exposure: ExposureSnapshot | None) -> tuple[Finding, ...]:
        """Return every period in which a rule holds, past and future, as the snapshots tell it.

        A pure function of its arguments: neither the day of asking nor the order of arrival has a part in it. Without
        a pathway nobody knows whether the client is in the population, so nothing is found.
        """
        return tuple(self._found(pathway, exposure)) if pathway else ()

    def _found(self, pathway: PathwaySnapshot, exposure: ExposureSnapshot | None) -> Iterator[Finding]:
        rules = self.rulebook
        steps = steps_with_pending(pathway)
        population = registered_below(pathway, steps, rules.employed_from_step)
        if rules.initial_interview_missing.enabled:
            yield from initial_interview.findings(pathway, population, rules.initial_interview_missing, self.calendar)
        if rules.contact_gap.enabled:
            yield from contact_gap.findings(pathway, population, rules.contact_gap)
        if rules.service_without_follow_on.enabled:
            yield from follow_on.findings(pathway, population, rules.service_without_follow_on)
        if rules.threshold_near.enabled:
            yield from threshold.findings(exposure, population, rules.threshold_near)
        if rules.setback.enabled:
            yield from setback.findings(pathway, steps, rules.setback)

    def settled(
        self, alert: AlertKey, findings: tuple[Finding, ...], exposure: ExposureSnapshot | None, day: date
    ) -> bool:
        """Tell whether facts settled an alert that holds no more by `day`; otherwise its ground vanished."""
        if any(finding.alert == alert and finding.since <= day for finding in findings):
            return True
        settings = self.rulebook.threshold_near
        return alert.rule == "threshold_near" and settings.enabled and threshold.passed(alert.key, exposure, settings)

    def bears(self, exposure: ExposureSnapshot) -> bool:
        """Tell whether `exposure` has a part in what is found; others are found the same without it."""
        settings = self.rulebook.threshold_near
        return settings.enabled and threshold.near(exposure, settings)
