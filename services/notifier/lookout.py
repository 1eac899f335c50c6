"""Looks at clients whose rows are locked: from snapshots to findings, changes, outbox and ledger, in one transaction.

Whatever calls for a look (a snapshot, a timer, a new rule file), it is the same look, so that what is open never
depends on what came first.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Final, Literal

from pydantic import TypeAdapter
from sqlmodel.ext.asyncio.session import AsyncSession

from contracts.snapshots import AlertEvent, ExposureSnapshot, MunicipalityInterval, PathwaySnapshot
from services.notifier import ledger, store
from services.notifier.channels.configuration import Webhook
from services.notifier.channels.webhook import body_of
from services.notifier.domain.evaluation import Evaluator
from services.notifier.domain.life import Moment, Verdict, verdict
from services.notifier.ledger import Message
from services.notifier.metrics import Metrics
from services.notifier.store import Looked
from services.runtime.clock import Clock

# The loop is given a chance to answer others after so many looks, some tens of milliseconds.
_LOOKS_AT_A_STRETCH: Final = 100

_HOMES: Final[TypeAdapter[tuple[MunicipalityInterval, ...]]] = TypeAdapter(tuple[MunicipalityInterval, ...])


@dataclass(frozen=True, slots=True)
class Sight:
    """One client to look at. `body` and `revision` are the pathway's where it is to be stored.

    `exposure` may be None where it bears on no rule. `looked_on` is the newest day of an earlier look.
    """

    pathway: PathwaySnapshot
    exposure: ExposureSnapshot | None
    looked_on: date | None
    body: bytes | None = None
    revision: int | None = None


class Lookout:
    """The rules, the clock they are asked by, and the channels to be told."""

    def __init__(
        self, evaluator: Evaluator, clock: Clock, webhooks: Sequence[Webhook], site: str, metrics: Metrics
    ) -> None:
        """`site` is the address of the pages, for links in messages."""
        self.evaluator = evaluator
        self.clock = clock
        self._webhooks = webhooks
        self._site = site
        self._metrics = metrics

    async def look(
        self, session: AsyncSession, sights: Sequence[Sight], cause: Literal["pathway", "exposure", "timer"]
    ) -> None:
        """Look at `sights`, whose rows the caller has locked, and store everything that follows."""
        if not sights:
            return
        stored = await store.alerts_of(session, [sight.pathway.client for sight in sights])
        today, now = self.clock.today(), self.clock.now()
        looks = []
        for number, sight in enumerate(sights, 1):
            # Never as of an earlier day than before: another process's clock may be ahead of this one's.
            moment = Moment(max(today, sight.looked_on or today), now)
            seen = verdict(sight.pathway, sight.exposure, stored[sight.pathway.client], self.evaluator, moment)
            looks.append(self._looked(sight, seen, moment.day))
            if number % _LOOKS_AT_A_STRETCH == 0:
                await asyncio.sleep(0)
        await store.keep(session, looks, self.evaluator.rulebook.digest)
        await self._tell(session, [event for look in looks for event in look.verdict.changes])
        self._metrics.looks.labels(cause=cause).inc(len(sights))

    def _looked(self, sight: Sight, seen: Verdict, day: date) -> Looked:
        near = sight.exposure is not None and self.evaluator.bears(sight.exposure)
        return Looked(seen, day, homes_json(sight.pathway.municipalities), near, sight.body, sight.revision)

    async def _tell(self, session: AsyncSession, events: Sequence[AlertEvent]) -> None:
        if not events:
            return
        await store.record(session, events)
        wanted = [(webhook, event) for webhook in self._webhooks for event in events if webhook.wants(event)]
        if wanted:
            counts = await ledger.open_counts(session, {event.authority for event in events})
            await ledger.enqueue(
                session,
                [
                    self._message(webhook, event, counts.get((event.authority, event.rule), 0))
                    for webhook, event in wanted
                ],
            )
        self._metrics.changes.labels().inc(len(events))

    def _message(self, webhook: Webhook, event: AlertEvent, open_alerts: int) -> Message:
        body = body_of(event, replace(event, change=1), open_alerts, self._site)
        return Message(webhook.name, event.id, event.client, event.authority, body)


def homes_json(homes: tuple[MunicipalityInterval, ...]) -> str:
    """Write the dated municipalities as the queries of `listing` read them."""
    return _HOMES.dump_json(homes).decode()
