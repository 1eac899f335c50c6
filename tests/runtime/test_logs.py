import ast
import asyncio
import io
import json
import logging
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.runtime.logs import KEYS, LONGEST, MASK, configure, log_of, masked
from tests.conftest import ExpectedErrors

Lines = list[dict[str, object]]

CANARIES = [
    "131052-308T",
    "131052+308T",
    "010594Y9032",
    "010125a901k",
    "matti.meikalainen@example.org",
    "c1-abcdefghijklmnopqrstuvwx27",
]
HARMLESS = [
    "2026-06-30",
    "askelma.facts.v1",
    "167",
    "offset 1234567890123",
    "client.registered",
    "2026-06-30T12:00:00Z",
]


class Written:
    """What was logged since the start of the test."""

    def __init__(self, stream: io.StringIO) -> None:
        self._stream = stream

    @property
    def text(self) -> str:
        return self._stream.getvalue()

    @property
    def lines(self) -> Lines:
        return [json.loads(line) for line in self.text.splitlines()]


@pytest.fixture
def written(expected_errors: ExpectedErrors) -> Iterator[Written]:
    expected_errors.allow("")
    root, names = logging.getLogger(), ("uvicorn", "uvicorn.error", "uvicorn.access", "faststream", "aiokafka", "httpx")
    before = root.handlers, root.level, {name: logging.getLogger(name).level for name in names}
    stream = io.StringIO()
    configure("ingest", stream=stream)
    yield Written(stream)
    root.handlers, root.level = before[0], before[1]
    for name, level in before[2].items():
        logging.getLogger(name).setLevel(level)


def test_a_line_is_one_json_object_with_time_level_service_and_event(written: Written) -> None:
    log_of("ingest").info("facts accepted", count=3)
    (line,) = written.lines
    assert list(line)[:4] == ["timestamp", "level", "service", "event"]
    assert (line["level"], line["service"], line["event"], line["count"]) == ("info", "ingest", "facts accepted", 3)
    assert str(line["timestamp"]).endswith("Z")


def test_in_one_process_for_all_each_service_speaks_for_itself(written: Written) -> None:
    log_of("notifier").info("awake")
    log_of("runtime").info("awake", service="indicators")
    logging.getLogger("uvicorn.error").info("started")
    assert [line["service"] for line in written.lines] == ["notifier", "indicators", "ingest"]


def test_a_key_outside_the_closed_set_is_left_out_and_counted(written: Written) -> None:
    log_of("ingest").info("registered", display_name="Matti", count=1)
    (line,) = written.lines
    assert "display_name" not in line
    assert "Matti" not in written.text
    assert (line["left_out"], line["count"]) == (1, 1)


@pytest.mark.parametrize("canary", CANARIES)
def test_nothing_personal_passes_in_whatever_way_it_comes(written: Written, canary: str) -> None:
    log = log_of("ingest")
    said = f"refused {canary}"
    log.warning(said, reason=f"subject hetu:{canary} is unknown", file=Path(canary), kind=[canary])
    logging.getLogger("aiokafka").error("cannot read %s", canary)
    try:
        int(canary)
    except ValueError as error:
        log.exception("failed", error=error)
        logging.getLogger("uvicorn.error").exception("Exception in ASGI application")
    assert canary.lower() not in written.text.lower()
    assert len(written.lines) == 4


@given(st.text(), st.sampled_from(CANARIES), st.text())
def test_a_canary_is_masked_in_any_surroundings(before: str, canary: str, after: str) -> None:
    if canary.startswith("c1-") or "@" in canary:
        before, after = f"{before} ", f" {after}"
    assert canary not in masked(before + canary + after)


@pytest.mark.parametrize("text", HARMLESS)
def test_everyday_values_stay_readable(text: str) -> None:
    assert masked(text) == text


def test_passwords_and_tokens_are_masked() -> None:
    assert masked("postgresql+asyncpg://ingest:pass@db/askelma") == f"postgresql+asyncpg://{MASK}@db/askelma"
    assert masked("Authorization: Bearer abc.def") == f"Authorization: Bearer {MASK}"


def test_of_an_exception_its_class_and_place_are_told_but_not_its_text(written: Written) -> None:
    def fold() -> None:
        raise LookupError("Matti Meikäläinen")

    try:
        fold()
    except LookupError:
        log_of("indicators").exception("fold failed")
    (line,) = written.lines
    assert line["error"] == "LookupError"
    assert isinstance(line["where"], list)
    assert line["where"][-1].startswith("tests/runtime/test_logs.py:")
    assert line["where"][-1].endswith(" fold")
    assert "Matti" not in written.text


async def test_of_a_lost_task_only_the_first_line_is_told(written: Written) -> None:
    asyncio.get_running_loop().call_exception_handler(
        {"message": "Task exception was never retrieved", "exception": ValueError("Matti"), "future": "Matti"}
    )
    (line,) = written.lines
    assert line["event"] == "Task exception was never retrieved"
    assert "Matti" not in written.text


def test_everyday_lines_of_servers_and_clients_are_not_told(written: Written) -> None:
    logging.getLogger("uvicorn.access").info("GET /v1/clients/c1-abc")
    logging.getLogger("httpx").info("POST http://elsewhere/v1/events")
    assert written.text == ""


def test_a_long_text_is_cut(written: Written) -> None:
    log_of("ingest").info("x" * 100_000)
    assert len(str(written.lines[0]["event"])) == LONGEST


def _calls() -> Iterator[tuple[str, str]]:
    root = Path(__file__).parents[2]
    for file in sorted((root / "services").rglob("*.py")):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if _logs(node):
                assert isinstance(node, ast.Call)
                for keyword in node.keywords:
                    yield f"{file.relative_to(root)}:{node.lineno}", keyword.arg or "**"


def _logs(node: ast.AST) -> bool:
    if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
        return False
    levels = {"debug", "info", "warning", "error", "exception", "critical"}
    of = node.func.value
    name = of.id if isinstance(of, ast.Name) else of.attr if isinstance(of, ast.Attribute) else ""
    return node.func.attr in levels and name.lower().strip("_") in {"log", "logger"}


def test_every_key_that_the_services_log_is_in_the_closed_set() -> None:
    assert [(place, key) for place, key in _calls() if key not in KEYS | {"exc_info"}] == []
