"""Sends events to ingest's HTTP API in batches, as `askelma send`, `askelma import` and the demo do."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Literal

import httpx
from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic_core import from_json

BATCH: Final = 1_000
"""Events in a request. More: longer waits for each answer. Fewer: more of ingest's time goes into transactions."""

LARGEST_BYTES: Final = 900 * 1024
"""Bytes in a request, below the mebibyte that ingest takes."""

_FIRST_PAUSE: Final = 0.5
_LONGEST_PAUSE: Final = 30.0
_FIRST_PATIENCE: Final = 10.0
_BUSY: Final = frozenset({429, 502, 503, 504})
_TIMEOUT: Final = httpx.Timeout(60, connect=10)


@dataclass(frozen=True, slots=True)
class Numbered:
    """One event as JSON, with the line of the file that it comes from."""

    line: int
    event: bytes


@dataclass(frozen=True, slots=True)
class LineProblem:
    """A line that could not be used, and why; never what it holds."""

    line: int
    reason: str


@dataclass(slots=True)
class SendReport:
    """What became of the events sent so far."""

    accepted: int = 0
    known: int = 0
    problems: list[LineProblem] = field(default_factory=list)

    @property
    def done(self) -> int:
        """How many events have had their answer."""
        return self.accepted + self.known + len(self.problems)


class SendError(Exception):
    """Ingest took nothing of a request and will not take it if it is sent again; the text says why."""


class _Receipt(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")

    index: int
    status: Literal["accepted", "known", "refused"]
    detail: str = ""


class _Answer(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")

    title: str = ""
    detail: str = ""
    receipts: list[_Receipt] | None = None


Progress = Callable[[SendReport], None]


def _no_progress(_report: SendReport) -> None:
    """Tell nobody."""


class EventSender:
    """Sends events with one key; what is not answered is sent again, which changes nothing where it had arrived.

    Raises SendError where ingest refuses a whole request, and where it stays away longer than `patience` seconds;
    for one that has never answered, ten seconds are enough to see that the address is wrong.
    """

    def __init__(  # noqa: PLR0913 - the last three have defaults that only tests and the demo change
        self,
        client: httpx.AsyncClient,
        url: str,
        key: str,
        *,
        progress: Progress = _no_progress,
        patience: float = 600.0,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._client = client
        self._url = f"{url.rstrip('/')}/v1/events"
        self._headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/cloudevents-batch+json"}
        self._progress = progress
        self._patience = patience
        self._sleep = sleep
        self._has_answered = False

    async def send(self, events: Iterable[Numbered]) -> SendReport:
        """Send all and return the report; `progress` is told after each batch."""
        report = SendReport()
        for batch in batches(events):
            answer = await self._answered(b"[" + b",".join(one.event for one in batch) + b"]")
            _note(report, batch, answer)
            self._progress(report)
        return report

    async def _answered(self, body: bytes) -> _Answer:
        waited, pause = 0.0, _FIRST_PAUSE
        while True:
            response = await self._response(body)
            self._has_answered |= response is not None
            if response is not None and response.status_code not in _BUSY:
                return _read(response)
            wait = _asked_pause(response) or pause
            waited += wait
            patience = self._patience if self._has_answered else min(self._patience, _FIRST_PATIENCE)
            if waited > patience:
                raise SendError(
                    f"Ingest did not answer for {patience:.0f} seconds. See whether it runs, and at this address."
                )
            await self._sleep(wait)
            pause = min(2 * pause, _LONGEST_PAUSE)

    async def _response(self, body: bytes) -> httpx.Response | None:
        try:
            return await self._client.post(self._url, content=body, headers=self._headers, timeout=_TIMEOUT)
        except httpx.TransportError:
            return None


def _asked_pause(response: httpx.Response | None) -> float | None:
    asked = response.headers.get("retry-after", "") if response is not None else ""
    return min(float(asked), _LONGEST_PAUSE) if asked.isdecimal() else None


def _read(response: httpx.Response) -> _Answer:
    try:
        answer = _Answer.model_validate_json(response.content)
    except ValidationError:
        raise SendError(f"What answered with status {response.status_code} is not ingest. Check the address.") from None
    if answer.receipts is None:
        raise SendError(f"Ingest refused with status {response.status_code}: {answer.title}. {answer.detail}")
    return answer


def _note(report: SendReport, batch: list[Numbered], answer: _Answer) -> None:
    for receipt in answer.receipts or ():
        if receipt.status == "accepted":
            report.accepted += 1
        elif receipt.status == "known":
            report.known += 1
        else:
            report.problems.append(LineProblem(batch[receipt.index].line, receipt.detail))


def batches(events: Iterable[Numbered]) -> Iterator[list[Numbered]]:
    """Cut `events` into batches that ingest takes."""
    batch: list[Numbered] = []
    size = 2
    for one in events:
        if batch and (len(batch) == BATCH or size + len(one.event) + 1 > LARGEST_BYTES):
            yield batch
            batch, size = [], 2
        batch.append(one)
        size += len(one.event) + 1
    if batch:
        yield batch


def read_jsonl(path: Path) -> Iterator[Numbered | LineProblem]:
    """Read a file with one event in JSON on each line; empty lines are passed over. Raises OSError."""
    with path.open("rb") as file:
        for number, line in enumerate(file, start=1):
            text = line.strip()
            if text:
                yield _numbered(number, text)


def _numbered(number: int, text: bytes) -> Numbered | LineProblem:
    try:
        text.decode("utf-8")
        value = from_json(text, allow_inf_nan=False)
    except UnicodeDecodeError:
        return LineProblem(number, "The line is not UTF-8 text.")
    except ValueError:
        return LineProblem(number, "The line is not JSON.")
    return Numbered(number, text) if isinstance(value, dict) else LineProblem(number, "The line is no JSON object.")


async def send_file(path: Path, sender: EventSender) -> SendReport:
    """Send a file of events, one in JSON on each line; lines that are none are in the report. Raises OSError."""
    unusable: list[LineProblem] = []
    report = await sender.send(usable(read_jsonl(path), unusable))
    report.problems = sorted(report.problems + unusable, key=lambda problem: problem.line)
    return report


def usable(lines: Iterable[Numbered | LineProblem], unusable: list[LineProblem]) -> Iterator[Numbered]:
    """Pass on what can be sent and put the rest into `unusable`."""
    for line in lines:
        if isinstance(line, LineProblem):
            unusable.append(line)
        else:
            yield line
