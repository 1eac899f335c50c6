"""Empties the ledger: leases what is due, sends it, writes down how it went."""

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from typing import Final

import httpx
import structlog
from sqlalchemy.exc import SQLAlchemyError

from services.notifier import ledger
from services.notifier.channels.configuration import Webhook
from services.notifier.channels.webhook import Delivered, Gone, Hopeless, Later, Outcome, WebhookSender
from services.notifier.ledger import DELIVERIES_CHANNEL, Leased
from services.notifier.metrics import Metrics
from services.runtime.database import Database

# Sent side by side. Larger: a storm is over sooner. Smaller: kinder to a small receiver.
_AT_ONCE: Final = 10
# Beyond the time-out of one attempt, for the answer to be written down before somebody else tries.
_LEASE_MARGIN_SECONDS: Final = 30.0
_PAUSE_SECONDS: Final = 1.0

_log = structlog.get_logger("courier")


@dataclass(frozen=True, slots=True)
class Patience:
    """How long to wait for an answer, and before each further attempt; after the last one a message is dead."""

    timeout_seconds: float
    retry_seconds: tuple[float, ...]


class Courier:
    """Delivers through all webhooks of this process; several processes share one ledger."""

    def __init__(self, database: Database, webhooks: Sequence[Webhook], patience: Patience, metrics: Metrics) -> None:
        self._database = database
        self._webhooks: Mapping[str, Webhook] = {webhook.name: webhook for webhook in webhooks}
        self._patience = patience
        self._metrics = metrics

    async def run(self, *, private_allowed: bool) -> None:
        """Deliver for ever; a database that is away delays."""
        if not self._webhooks:
            return
        async with (
            httpx.AsyncClient(timeout=self._patience.timeout_seconds, trust_env=False) as client,
            aclosing(self._database.listen(DELIVERIES_CHANNEL)) as notes,
        ):
            sender = WebhookSender(client, private_allowed=private_allowed)
            async for _ in notes:
                await self._empty(sender)

    async def _empty(self, sender: WebhookSender) -> None:
        try:
            while await self.turn(sender):
                pass
            await self._show_waiting()
        except (SQLAlchemyError, OSError, TimeoutError) as error:
            _log.warning("courier_waits", reason=type(error).__name__)
            await asyncio.sleep(_PAUSE_SECONDS)

    async def turn(self, sender: WebhookSender) -> int:
        """Send what is due, at most a handful, and return how many attempts were made."""
        usable = await self._usable()
        async with self._database.transaction() as session:
            lease = self._patience.timeout_seconds + _LEASE_MARGIN_SECONDS
            messages = await ledger.lease(session, usable, lease, _AT_ONCE)
        await asyncio.gather(*(self._deliver(sender, usable[message.channel], message) for message in messages))
        return len(messages)

    async def _usable(self) -> dict[str, Webhook]:
        async with self._database.transaction() as session:
            disabled = await ledger.disabled(session)
        return {
            name: webhook for name, webhook in self._webhooks.items() if (name, webhook.address_sha256) not in disabled
        }

    async def _deliver(self, sender: WebhookSender, webhook: Webhook, message: Leased) -> None:
        # An attempt that hangs beyond every time-out of its parts must end before its lease does.
        try:
            outcome = await asyncio.wait_for(sender.send(webhook, message), self._patience.timeout_seconds)
        except TimeoutError:
            outcome = Later("no answer in time")
        await self._note(webhook, message, outcome)

    async def _note(self, webhook: Webhook, message: Leased, outcome: Outcome) -> None:
        async with self._database.transaction() as session:
            match outcome:
                case Delivered():
                    told = "delivered"
                    await ledger.finish(session, message, "delivered", "")
                case Gone():
                    told = "disabled"
                    await ledger.disable(session, webhook.name, webhook.address_sha256)
                case Later(reason, after) if message.attempts < len(self._patience.retry_seconds):
                    told = "retried"
                    wait = max(self._patience.retry_seconds[message.attempts], after or 0.0)
                    await ledger.postpone(session, message, wait, reason)
                case Later(reason) | Hopeless(reason):
                    told = "dead"
                    await ledger.finish(session, message, "dead", reason)
        self._metrics.deliveries.labels(channel=webhook.name, outcome=told).inc()
        if told in {"dead", "disabled"}:
            _log.warning("delivery_failed", channel=webhook.name, outcome=told, id=str(message.event))

    async def _show_waiting(self) -> None:
        async with self._database.transaction() as session:
            waiting = await ledger.waiting(session)
        for name in self._webhooks:
            self._metrics.deliveries_waiting.labels(channel=name).set(waiting.get(name, 0))
