"""Fixtures of all tests: the real parts, and the watch over what a test leaves behind."""

import asyncio
import gc
import inspect
import logging
import os
import re
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio
import structlog

from contracts.topics import DEAD
from services.runtime.embedded.log import embedded_log
from services.runtime.embedded.postgres import throwaway_postgres
from tests.rigs.kafka import RealKafka
from tests.rigs.logs import PARTITIONS, Log
from tests.rigs.postgres import SystemPostgres
from tests.rigs.store import Databases

# Dozens of processes of ours are started: without their bytecode each compiles anew all that it imports.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)

# --- the real parts ------------------------------------------------------------------------------------------------


@pytest.fixture
def folder() -> Iterator[Path]:
    """Give a new folder through which other users may pass, as PostgreSQL's needs."""
    yield from open_folder()


@pytest.fixture(scope="session")
def session_folder() -> Iterator[Path]:
    yield from open_folder()


def open_folder() -> Iterator[Path]:
    path = Path(tempfile.mkdtemp(prefix="askelma-test-"))
    path.chmod(0o711)
    yield path
    shutil.rmtree(path, ignore_errors=True)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def postgres_url(request: pytest.FixtureRequest) -> AsyncIterator[str]:
    """Give the URL of a PostgreSQL for the session: the wheel's, or the operating system's where CI asks for it."""
    if os.environ.get("ASKELMA_TEST_POSTGRES") == "system":
        yield request.getfixturevalue("system_postgres").url
        return
    async with throwaway_postgres() as url:
        yield url


@pytest.fixture(scope="session")
def databases(postgres_url: str) -> Databases:
    """Give a maker of databases on the session's PostgreSQL."""
    return Databases(postgres_url)


@pytest.fixture
async def database_url(databases: Databases) -> AsyncIterator[str]:
    """Give the URL of a fresh database."""
    async with databases.empty() as url:
        yield url


@pytest.fixture(scope="session")
def system_postgres(session_folder: Path) -> Iterator[SystemPostgres]:
    """Give the operating system's PostgreSQL 15, running; a test that stops it starts it again."""
    (session_folder / "postgres").mkdir(mode=0o711)
    server = SystemPostgres(session_folder / "postgres")
    server.start()
    yield server
    server.stop()


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def log() -> AsyncIterator[str]:
    """Give the address of a mock cluster that all tests share: use topics and groups of your own."""
    async with embedded_log() as address:
        yield address


@pytest.fixture
async def own_log() -> AsyncIterator[str]:
    """Give the address of a new, empty mock cluster."""
    async with embedded_log() as address:
        yield address


@pytest.fixture(scope="session")
def real_kafka(session_folder: Path) -> Iterator[RealKafka]:
    """Give a real Kafka 4 that all tests share: use topics and groups of your own; leave it running."""
    yield from running_kafka(session_folder / "kafka")


@pytest.fixture(scope="session")
def kafka(real_kafka: RealKafka) -> str:
    """Give the address of the session's real Kafka 4."""
    return real_kafka.address


@pytest.fixture(params=[pytest.param("log", id="mock"), pytest.param("real_kafka", id="real", marks=pytest.mark.kafka)])
def any_log(request: pytest.FixtureRequest) -> Log:
    """Give the mock cluster, then the real Kafka: what holds on one must hold on the other."""
    found = request.getfixturevalue(request.param)
    if isinstance(found, RealKafka):
        found.ensure_topics({DEAD.name: PARTITIONS})
        return Log(found.address, found.create_topics)
    return Log(found, lambda _: None)


@pytest.fixture
def own_kafka(folder: Path) -> Iterator[RealKafka]:
    """Give a real Kafka 4 of the test's own, to be stopped, killed and started as it likes."""
    yield from running_kafka(folder / "kafka")


def running_kafka(path: Path) -> Iterator[RealKafka]:
    path.mkdir()
    broker = RealKafka(path)
    broker.start()
    yield broker
    broker.stop()


# --- what a test leaves behind -------------------------------------------------------------------------------------


class ExpectedErrors:
    """The error logs that a test means to provoke."""

    def __init__(self) -> None:
        self._patterns: list[str] = []

    def allow(self, pattern: str) -> None:
        """Let pass what matches the regular expression anywhere in `logger: message`."""
        self._patterns.append(pattern)

    def unexpected(self, lines: list[str]) -> list[str]:
        return [line for line in lines if not any(re.search(pattern, line) for pattern in self._patterns)]


@pytest.fixture
def expected_errors() -> ExpectedErrors:
    """Give the list of error logs that this test may cause: `expected_errors.allow("broker .* away")`."""
    return ExpectedErrors()


@pytest.fixture(scope="module", autouse=True)
def _everything_in_sight() -> None:
    """Let the collector see everything once a file; after each test only what is new, which spares half a second."""
    gc.unfreeze()


@pytest.fixture(autouse=True)
def _nothing_unexpected(expected_errors: ExpectedErrors) -> Iterator[None]:
    """Fail the test that logs an error it did not announce, and collect what it left, so that leaks show here."""
    lines: list[str] = []
    usual = logging.getLogRecordFactory()

    def factory(*args: object, **kwargs: object) -> logging.LogRecord:
        record = usual(*args, **kwargs)
        if (record.levelno or 0) >= logging.ERROR:  # a copy is begun without a level
            lines.append(f"{record.name}: {record.getMessage()}")
        return record

    structlog.configure(
        processors=[structlog.processors.format_exc_info, structlog.processors.JSONRenderer(default=str)],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
    )
    logging.setLogRecordFactory(factory)
    yield
    gc.collect()
    gc.freeze()
    logging.setLogRecordFactory(usual)
    unexpected = expected_errors.unexpected(lines)
    if unexpected:
        pytest.fail("unexpected error logs:\n" + "\n".join(unexpected), pytrace=False)


@pytest.fixture
async def _no_task_left() -> AsyncIterator[None]:
    """Fail the async test that leaves a task running after all its fixtures have been torn down."""
    yield
    await asyncio.sleep(0)
    left = asyncio.all_tasks() - {asyncio.current_task()}
    names = sorted(f"{task.get_name()}: {task.get_coro()}" for task in left if not task.cancelling())
    if names:
        pytest.fail("tasks left running:\n" + "\n".join(names), pytrace=False)


LONGEST = ("tests/system/", "tests/console/test_embedded", "tests/demo/test_stream", "tests/runtime/test_delivery")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put async tests under the watch for tasks, and the longest files first, so that no process ends long after."""
    items.sort(key=lambda item: not any(part in item.nodeid for part in LONGEST))
    for item in items:
        if isinstance(item, pytest.Function) and inspect.iscoroutinefunction(item.obj):
            item.fixturenames.insert(0, "_no_task_left")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say plainly what was left out, and why."""
    skipped = [report for report in terminalreporter.getreports("skipped") if isinstance(report, pytest.TestReport)]
    if not skipped:
        return
    terminalreporter.section("left out")
    reasons = [reason_of(report) for report in skipped]
    for reason in sorted(set(reasons)):
        terminalreporter.line(f"{reasons.count(reason)} tests: {reason}")


def reason_of(report: pytest.TestReport) -> str:
    return str(report.longrepr[2]).removeprefix("Skipped: ") if isinstance(report.longrepr, tuple) else "no reason"
