"""How far the system has come, asked of ingest and the rooms over HTTP."""

from collections.abc import Mapping
from datetime import date, datetime

import httpx
from pydantic import BaseModel, ConfigDict

from services.runtime.settings import Settings


class _Made(BaseModel):
    """What a room answers to another one about its publications."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    months: list[str] = []
    numbers: list[int] = []

    @property
    def by_month(self) -> dict[date, int]:
        return {date.fromisoformat(f"{month}-01"): seq for month, seq in zip(self.months, self.numbers, strict=False)}


class HttpProgress:
    """Asks ingest's and the rooms' published APIs with the services' own token."""

    def __init__(self, settings: Settings) -> None:
        self._urls: Mapping[str, str] = {"indicators": settings.indicators_url, "incentives": settings.incentives_url}
        self._ingest = settings.ingest_url
        self._headers = {"Authorization": f"Bearer {settings.service_token.get_secret_value()}"}
        self._client: httpx.AsyncClient | None = None

    async def journaled_until(self, instant: datetime) -> int | None:
        """Return the journal number that ends at `instant` (0: none) once all before it is on the topic, else None."""
        answer = await self._get(f"{self._ingest}/v1/journal/watermark", {"until": instant.isoformat()})
        if answer is None or not answer["published"]:
            return None
        return int(str(answer["seq"]))

    async def made_by(self, service: str, authority: str) -> Mapping[date, int]:
        """Return the months that `service` has published with their journal numbers; none where it does not answer."""
        query = {"service": service, "authority": authority}
        answer = await self._get(f"{self._urls[service]}/v1/publications", query)
        return _Made.model_validate(answer or {}).by_month

    async def replay(self, seq: int) -> None:
        """Ask ingest to send the facts again from journal number `seq` on. Raises OSError where it does not answer."""
        try:
            answer = await self._connected().post(f"{self._ingest}/v1/replay", json={"from": seq})
        except httpx.TransportError as error:
            raise ConnectionError("ingest does not answer") from error
        if not answer.is_success:
            raise ConnectionError(f"ingest does not replay: it answers {answer.status_code}")

    async def close(self) -> None:
        """Disconnect."""
        if self._client is not None:
            await self._client.aclose()

    def _connected(self) -> httpx.AsyncClient:
        # Kept: a client reads the machine's certificates when it is made, which costs more than a hundred questions.
        if self._client is None:
            self._client = httpx.AsyncClient(headers=self._headers, timeout=30)
        return self._client

    async def _get(self, url: str, query: Mapping[str, str]) -> Mapping[str, object] | None:
        try:
            answer = await self._connected().get(url, params=query)
        except httpx.TransportError:
            return None
        found: Mapping[str, object] = answer.json() if answer.is_success else {}
        return found or None
