"""How far the system has come, asked of ingest and the rooms over HTTP."""

from collections.abc import Mapping
from datetime import date, datetime

import httpx

from services.runtime.settings import Settings


class HttpProgress:
    """Asks ingest's and the rooms' published APIs with the services' own token."""

    def __init__(self, settings: Settings) -> None:
        self._urls: Mapping[str, str] = {"indicators": settings.indicators_url, "incentives": settings.incentives_url}
        self._ingest = settings.ingest_url
        self._headers = {"Authorization": f"Bearer {settings.service_token.get_secret_value()}"}

    async def journaled_until(self, instant: datetime) -> int | None:
        """Return the journal number that ends at `instant` once all before it is on the topic, else None."""
        answer = await self._get(f"{self._ingest}/v1/journal/watermark", {"until": instant.isoformat()})
        if answer is None or not answer["published"]:
            return None
        return int(answer["seq"])

    async def made_by(self, service: str, authority: str, month: date) -> bool:
        """Tell whether `service` has made its publication of `month`."""
        query = {"service": service, "authority": authority}
        answer = await self._get(f"{self._urls[service]}/v1/publications", query)
        return answer is not None and month.strftime("%Y-%m") in answer["months"]

    async def replay(self, seq: int) -> None:
        """Ask ingest to send the facts again from journal number `seq` on."""
        async with httpx.AsyncClient(headers=self._headers, timeout=30) as client:
            (await client.post(f"{self._ingest}/v1/replay", json={"from": seq})).raise_for_status()

    async def _get(self, url: str, query: Mapping[str, str]) -> dict[str, str] | None:
        try:
            async with httpx.AsyncClient(headers=self._headers, timeout=10) as client:
                answer = await client.get(url, params=query)
        except httpx.TransportError:
            return None
        found: dict[str, str] = answer.json() if answer.is_success else {}
        return found or None
