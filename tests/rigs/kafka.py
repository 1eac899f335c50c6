"""A real Apache Kafka 4 for tests: one KRaft node on Java 17, its jars by Maven, no container."""

import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Final
from xml.etree import ElementTree as ET

from confluent_kafka import Consumer, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient, OffsetSpec  # type: ignore[attr-defined]
from confluent_kafka.cimpl import NewTopic

from tests.rigs.parts import Guard, free_port, left_out, program

POM: Final = Path(__file__).with_name("kafka-pom.xml")
JARS: Final = Path(__file__).parents[2] / "build" / "kafka"
START_TIMEOUT_S: Final = 60
STOP_TIMEOUT_S: Final = 30

# Small and quick to start: a test broker lives for minutes and serves a handful of clients.
JVM: Final = ("-Xms256m", "-Xmx768m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Djava.awt.headless=true")

SETTINGS: Final = {
    "process.roles": "broker,controller",
    "node.id": "1",
    "controller.listener.names": "CONTROLLER",
    "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
    "auto.create.topics.enable": "false",
    "group.initial.rebalance.delay.ms": "0",
    "offsets.topic.replication.factor": "1",
    "offsets.topic.num.partitions": "4",
    "transaction.state.log.replication.factor": "1",
    "transaction.state.log.min.isr": "1",
    "share.coordinator.state.topic.replication.factor": "1",
    "share.coordinator.state.topic.min.isr": "1",
    "num.network.threads": "2",
    "num.io.threads": "2",
    "log.cleaner.dedupe.buffer.size": "16777216",
    "log.segment.bytes": "16777216",
}


def kafka_jars() -> Path:
    """Return the folder of Kafka's jars; fetch them once, or leave the test out where that cannot be."""
    folder = JARS / kafka_version()
    if not folder.exists():
        fetch(folder)
    return folder


def kafka_version() -> str:
    version = ET.parse(POM).findtext(".//{*}dependency/{*}version")  # noqa: S314 - our own file
    assert version is not None
    return version


def fetch(folder: Path) -> None:
    maven = program("mvn", "fetches Kafka's jars")
    JARS.mkdir(parents=True, exist_ok=True)
    unfinished = Path(tempfile.mkdtemp(dir=JARS))
    command = (maven, "-q", "-B", "-ntp", "-f", str(POM), "dependency:copy-dependencies")
    done = subprocess.run(  # noqa: S603 - a fixed command
        [*command, f"-DoutputDirectory={unfinished}"],
        check=False,
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
    )
    if done.returncode != 0:
        shutil.rmtree(unfinished)
        left_out(f"Maven cannot fetch Kafka's jars: {done.stdout.strip()[-300:]}")
    with suppress(OSError):  # another run was faster; its jars are as good
        unfinished.rename(folder)


class RealKafka:
    """One broker that can be stopped, killed and started again on what it had written."""

    def __init__(self, folder: Path) -> None:
        """Keep all data in `folder`; nothing runs before `start`."""
        self.java = program("java", "runs Kafka")
        self.jars = kafka_jars()
        self.folder = folder
        self.port = free_port()
        self.address = f"127.0.0.1:{self.port}"
        self._settings = folder / "server.properties"
        self._process: subprocess.Popen[bytes] | None = None
        self._write_settings(free_port())

    def _write_settings(self, controller: int) -> None:
        settings = SETTINGS | {
            "controller.quorum.bootstrap.servers": f"127.0.0.1:{controller}",
            "listeners": f"PLAINTEXT://{self.address},CONTROLLER://127.0.0.1:{controller}",
            "log.dirs": str(self.folder / "data"),
        }
        self._settings.write_text("".join(f"{name}={value}\n" for name, value in settings.items()))

    def _java(self, *arguments: str) -> list[str]:
        return [self.java, *JVM, "-cp", f"{self.jars}/*", *arguments]

    def start(self) -> None:
        """Start the broker and wait until it answers."""
        if not (self.folder / "data").exists():
            self._format()
        with (self.folder / "kafka.log").open("ab") as log:
            self._process = subprocess.Popen(  # noqa: S603 - a fixed command
                self._java("kafka.Kafka", str(self._settings)), stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                start_new_session=True,
            )  # fmt: skip
        self._guard = Guard(self._process.pid)
        self._wait_until_it_answers()

    def _format(self) -> None:
        name = "YWJjZGVmZ2hpamtsbW5vcA"  # any 16 bytes; the tests' brokers never meet
        command = self._java("kafka.tools.StorageTool", "format", "--standalone", "-t", name, "-c", str(self._settings))
        subprocess.run(command, check=True, capture_output=True)  # noqa: S603 - a fixed command

    def _wait_until_it_answers(self) -> None:
        deadline = time.monotonic() + START_TIMEOUT_S
        while time.monotonic() < deadline:
            assert self._process is not None
            assert self._process.poll() is None, (self.folder / "kafka.log").read_text()[-2000:]
            with suppress(KafkaException):
                self._admin().list_topics(timeout=1)
                self._wake_coordinator()
                return
        raise TimeoutError(f"Kafka does not answer: {(self.folder / 'kafka.log').read_text()[-2000:]}")

    def _wake_coordinator(self) -> None:
        """Ask for an offset: the first question of that kind makes the broker create its topic of offsets."""
        asking = Consumer({"bootstrap.servers": self.address, "group.id": "tests.first", "log_level": "0"})
        try:
            asking.committed([TopicPartition("tests.first", 0)], timeout=5)
        finally:
            asking.close()

    def _admin(self) -> AdminClient:
        return AdminClient({"bootstrap.servers": self.address, "log_level": "0"})

    def create_topics(self, partitions: Mapping[str, int], **settings: str) -> None:
        """Create topics, name to number of partitions, and wait until each partition is led."""
        topics = [NewTopic(name, number, 1, config=settings) for name, number in partitions.items()]
        admin = self._admin()  # must outlive its answers
        for created in admin.create_topics(topics).values():
            created.result(timeout=30)
        for name, number in partitions.items():
            for place in range(number):
                self._wait_until_led(admin, TopicPartition(name, place))

    def _wait_until_led(self, admin: AdminClient, place: TopicPartition) -> None:
        """Wait until the partition's leader serves it, which is later than its being named."""
        deadline = time.monotonic() + START_TIMEOUT_S
        while time.monotonic() < deadline:
            asked = admin.list_offsets({place: OffsetSpec.earliest()})  # type: ignore[no-untyped-call]
            with suppress(KafkaException):
                asked[place].result(timeout=START_TIMEOUT_S)
                return
            time.sleep(0.02)
        raise TimeoutError(f"Kafka has no leader for {place}")

    def ensure_topics(self, partitions: Mapping[str, int]) -> None:
        """Create those of the topics that are not there yet."""
        there = self._admin().list_topics(timeout=10).topics
        missing = {name: number for name, number in partitions.items() if name not in there}
        if missing:
            self.create_topics(missing)

    def stop(self) -> None:
        """Stop in good order."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """Kill -9."""
        self._end(signal.SIGKILL)

    def _end(self, number: signal.Signals) -> None:
        if self._process is None:
            return
        process, self._process = self._process, None
        self._guard.leave()
        process.send_signal(number)
        try:
            process.wait(STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            os.kill(process.pid, signal.SIGKILL)
            process.wait()


if __name__ == "__main__":  # what CI fetches before the tests, so that no test waits for Maven
    kafka_jars()
