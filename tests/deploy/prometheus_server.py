"""A real Prometheus on loopback for tests."""

import contextlib
import json
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import yaml

from tests.rigs.parts import free_port, program

FOLDER = Path(__file__).parents[2] / "deploy" / "prometheus"
START_TIMEOUT_S = 60


def promtool(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run promtool on files of `deploy/prometheus`."""
    command = [program("promtool", "checks queries and rules"), *arguments]
    return subprocess.run(command, check=False, capture_output=True, text=True, cwd=FOLDER)  # noqa: S603 - fixed


@dataclass
class Prometheus:
    """A running Prometheus."""

    url: str

    def ask(self, path: str, **parameters: str) -> Any:
        with urllib.request.urlopen(f"{self.url}/api/v1/{path}?{urlencode(parameters)}", timeout=10) as answer:  # noqa: S310 - loopback
            return json.load(answer)["data"]

    def query(self, expression: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.ask("query", query=expression)["result"]
        return found


@contextmanager
def prometheus(folder: Path, targets: Sequence[str]) -> Iterator[Prometheus]:
    """Run Prometheus with our own configuration, but for the targets and a quicker scrape, until the block ends."""
    port = free_port()
    config = yaml.safe_load((FOLDER / "prometheus.yml").read_text(encoding="utf-8"))
    config["global"] = {"scrape_interval": "1s", "evaluation_interval": "1s"}
    config["rule_files"] = [str(FOLDER / name) for name in config["rule_files"]]
    config["scrape_configs"][0]["static_configs"] = [{"targets": list(targets)}]
    (folder / "prometheus.yml").write_text(yaml.safe_dump(config), encoding="utf-8")
    command = [
        program("prometheus", "scrapes and answers queries"), f"--config.file={folder / 'prometheus.yml'}",
        f"--storage.tsdb.path={folder / 'tsdb'}", f"--web.listen-address=127.0.0.1:{port}", "--log.level=error",
    ]  # fmt: skip
    with (folder / "prometheus.log").open("wb") as log:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)  # noqa: S603 - fixed
    try:
        yield _ready(Prometheus(f"http://127.0.0.1:{port}"), process, folder / "prometheus.log")
    finally:
        process.terminate()
        process.wait(START_TIMEOUT_S)


def _ready(server: Prometheus, process: subprocess.Popen[bytes], log: Path) -> Prometheus:
    deadline = time.monotonic() + START_TIMEOUT_S
    while time.monotonic() < deadline:
        assert process.poll() is None, log.read_text()
        with contextlib.suppress(urllib.error.URLError, ConnectionError):
            server.ask("status/runtimeinfo")
            return server
        time.sleep(0.1)
    raise TimeoutError(f"Prometheus does not answer: {log.read_text()}")


def wait_until_scraped(server: Prometheus, job: str, targets: int) -> None:
    """Return once `targets` targets of `job` have been scraped with success."""
    deadline = time.monotonic() + START_TIMEOUT_S
    while time.monotonic() < deadline:
        if len(server.query(f'up{{job="{job}"}} == 1')) == targets:
            return
        time.sleep(0.2)
    raise TimeoutError(f"not scraped: {server.ask('targets')['activeTargets']}")
