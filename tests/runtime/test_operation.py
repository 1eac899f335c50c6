"""Small parts of the ground: gaps, the limit of dead letters, metrics, settings, migrations, topics."""

from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry, generate_latest

from contracts.topics import FACTS
from services.runtime.database import Database, plain_dsn
from services.runtime.deadletters import Limit, Tally, TooManyDeadLettersError
from services.runtime.gaps import GapWatch
from services.runtime.metrics import LabelValueError, Meter
from services.runtime.migrations import is_current, migrate
from services.runtime.records import Record
from services.runtime.settings import Settings, SettingsError


def record(offset: int, seq: int, partition: int = 0) -> Record:
    return Record(FACTS.name, partition, offset, b"client/a", {"ce_journalseq": str(seq)}, b"{}")


async def test_a_hole_in_the_offsets_asks_for_a_replay_from_the_last_fact_seen() -> None:
    asked: list[int] = []

    async def replay(seq: int) -> None:
        asked.append(seq)

    watch = GapWatch(FACTS.name, replay)
    assert watch.look([record(0, 11), record(1, 12)]) is None
    start = watch.look([record(5, 40), record(0, 13, partition=1)])
    assert start == 12
    assert watch.open
    await watch.fill(start)
    assert asked == [12]
    assert not watch.open


def test_a_first_offset_above_zero_is_a_gap_from_the_beginning() -> None:
    assert GapWatch(FACTS.name).look([record(3, 40)]) == 0


def test_records_that_are_read_again_are_no_gap() -> None:
    watch = GapWatch(FACTS.name)
    watch.look([record(0, 11), record(1, 12), record(2, 13)])
    assert watch.look([record(1, 12), record(2, 13), record(3, 14)]) is None


def test_parking_stops_when_too_many_in_a_row_cannot_be_used() -> None:
    tally = Tally(Limit(in_a_row=3))
    for _ in range(2):
        tally.parked()
    tally.used()
    for _ in range(2):
        tally.parked()
    with pytest.raises(TooManyDeadLettersError):
        tally.parked()


def test_parking_stops_when_too_large_a_share_cannot_be_used() -> None:
    tally = Tally(Limit(in_a_row=50, share=0.2, window=100, at_least=10))
    for _ in range(9):
        tally.parked()
        tally.used()
        tally.used()
    with pytest.raises(TooManyDeadLettersError):
        tally.parked()


def test_a_few_bad_records_among_many_good_ones_never_stop_anything() -> None:
    tally = Tally(Limit(in_a_row=5, share=0.2, window=100, at_least=10))
    for _ in range(500):
        tally.parked()
        for _ in range(9):
            tally.used()


def test_two_services_of_one_process_share_a_metric_and_keep_their_series_apart() -> None:
    registry = CollectorRegistry()
    for service in ("indicators", "incentives"):
        Meter(registry, service).counter("askelma_things_total", "Things.", {"topic": ["a"]}).labels(topic="a").inc()
    text = generate_latest(registry).decode()
    assert 'askelma_things_total{service="indicators",topic="a"} 1.0' in text
    assert 'askelma_things_total{service="incentives",topic="a"} 1.0' in text
    assert "_created" not in text


def test_a_label_takes_no_value_outside_its_list_and_the_error_does_not_repeat_it() -> None:
    family = Meter(CollectorRegistry(), "ingest").gauge("askelma_things", "Things.", {"topic": ["a"]})
    with pytest.raises(LabelValueError) as refused:
        family.labels(topic="010190-999X")
    assert "010190" not in str(refused.value)


def test_figures_that_are_cleared_disappear_for_this_service_only() -> None:
    registry = CollectorRegistry()
    mine, other = (Meter(registry, s).gauge("askelma_clients", "Clients.", {"step": ["0"]}) for s in ("one", "two"))
    mine.labels(step="0").set(9)
    other.labels(step="0").set(8)
    mine.clear()
    assert 'service="one"' not in generate_latest(registry).decode()
    assert 'service="two"' in generate_latest(registry).decode()


def test_every_setting_that_is_missing_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ASKELMA_DATABASE_URL", raising=False)
    monkeypatch.delenv("ASKELMA_KAFKA", raising=False)
    monkeypatch.setenv("ASKELMA_MAX_BATCH", "many")
    with pytest.raises(SettingsError) as refused:
        Settings.load()
    assert all(name in str(refused.value) for name in ("ASKELMA_DATABASE_URL", "ASKELMA_KAFKA", "ASKELMA_MAX_BATCH"))
    assert "many" not in str(refused.value)


def test_what_a_url_says_of_tls_reaches_whoever_connects_without_the_pool() -> None:
    assert plain_dsn("postgresql+asyncpg://a@db/x?ssl=require") == "postgresql://a@db/x?sslmode=require"
    assert plain_dsn("postgresql+asyncpg://a@db/x") == "postgresql://a@db/x"


def test_a_secret_may_come_from_a_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "url").write_text("postgresql+asyncpg://somewhere/x\n")
    monkeypatch.setenv("ASKELMA_KAFKA", "127.0.0.1:9092")
    monkeypatch.setenv("ASKELMA_DATABASE_URL_FILE", str(tmp_path / "url"))
    assert Settings.load().database_url == "postgresql+asyncpg://somewhere/x"


@pytest.mark.store
@pytest.mark.parametrize("service", ["ingest", "indicators", "incentives", "notifier"])
async def test_migrating_twice_is_as_good_as_once(database_url: str, service: str) -> None:
    database = Database(database_url, service=service)
    assert not await is_current(database, service)
    await migrate(database_url, service)
    await migrate(database_url, service)
    assert await is_current(database, service)
    await database.close()
