"""A webhook by Standard Webhooks 1.0: the same id over all retries, a time and a signature for each attempt."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Final

import httpx
from pydantic import BaseModel
from standardwebhooks import Webhook as Signature

from contracts.dates import Instant
from contracts.snapshots import AlertEvent, AlertRule, AlertState, Severity
from services.notifier.channels.addresses import RefusedAddressError, settle
from services.notifier.channels.configuration import Webhook
from services.notifier.ledger import Leased

# A receiver may ask for patience, but not for more than a day: then the schedule decides.
_LONGEST_RETRY_AFTER_SECONDS: Final = 86_400.0


class AlertData(BaseModel):
    """What a receiver is told: what, how many, and a link. A reference stands for the client, nothing else does."""

    authority: str
    alert: str
    rule: AlertRule
    state: AlertState
    severity: Severity
    since: str
    client: str
    open: int
    link: str


class Envelope(BaseModel):
    """The payload that Standard Webhooks recommends: type, timestamp, data."""

    type: str
    timestamp: Instant
    data: AlertData


def body_of(event: AlertEvent, first: AlertEvent, open_alerts: int, site: str) -> bytes:
    """Return the payload about `event`; `first` is the alert's first event, whose id names the alert for ever."""
    data = AlertData(
        authority=event.authority, alert=str(first.id), rule=event.rule, state=event.state, severity=event.severity,
        since=event.since.isoformat(), client=event.client, open=open_alerts,
        link=f"{site.rstrip('/')}/alerts?rule={event.rule}",
    )  # fmt: skip
    return Envelope(type=f"alert.{event.state}", timestamp=event.at, data=data).model_dump_json().encode()


@dataclass(frozen=True, slots=True)
class Delivered:
    """The receiver has it."""


@dataclass(frozen=True, slots=True)
class Gone:
    """The receiver wants nothing more, ever (410)."""


@dataclass(frozen=True, slots=True)
class Hopeless:
    """Sending the same again will fail the same way."""

    reason: str


@dataclass(frozen=True, slots=True)
class Later:
    """Worth trying again; `after` is how many seconds the receiver asked for, if it did."""

    reason: str
    after: float | None = None


Outcome = Delivered | Gone | Hopeless | Later


class WebhookSender:
    """Sends one message once and says how it went. `now` is the machine's clock: receivers refuse a time far off."""

    def __init__(
        self,
        client: httpx.AsyncClient,
        *,
        private_allowed: bool,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._client = client
        self._private_allowed = private_allowed
        self._now = now

    async def send(self, webhook: Webhook, message: Leased) -> Outcome:
        """Post `message` to `webhook` and return the outcome; never raises for what a receiver or network does."""
        try:
            target = await settle(webhook.url, private_allowed=self._private_allowed)
            response = await self._client.post(
                target.url,
                content=message.body,
                headers={"host": target.host_header, **self._headers(webhook, message)},
                extensions={"sni_hostname": target.server_name},
                follow_redirects=False,
            )
        except RefusedAddressError as refused:
            return Hopeless(str(refused))
        except (httpx.TransportError, OSError) as error:
            return Later(type(error).__name__)
        return outcome_of(response, self._now())

    def _headers(self, webhook: Webhook, message: Leased) -> dict[str, str]:
        now, name = self._now(), str(message.event)
        signature = Signature(webhook.secret.get_secret_value()).sign(name, now, message.body.decode())
        return {
            "content-type": "application/json",
            "user-agent": "Askelma",
            "webhook-id": name,
            "webhook-timestamp": str(int(now.timestamp())),
            "webhook-signature": signature,
        }


def outcome_of(response: httpx.Response, now: datetime) -> Outcome:
    """Return what an answer means: 2xx taken, 410 gone, 429 and 5xx later, a redirect or other 4xx hopeless."""
    status = response.status_code
    if response.is_success:
        return Delivered()
    if status == HTTPStatus.GONE:
        return Gone()
    if response.is_server_error or status in {HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.REQUEST_TIMEOUT}:
        return Later(f"answered {status}", _retry_after(response, now))
    return Hopeless(f"answered {status}")


def _retry_after(response: httpx.Response, now: datetime) -> float | None:
    asked = response.headers.get("retry-after", "")
    try:
        seconds = float(asked) if asked.isdigit() else (parsedate_to_datetime(asked) - now).total_seconds()
    except (ValueError, TypeError):
        return None
    return min(max(seconds, 0.0), _LONGEST_RETRY_AFTER_SECONDS)
