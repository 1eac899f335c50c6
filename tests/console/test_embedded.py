"""`askelma up`, `send`, `import`, `rebuild` and `demo` as a newcomer runs them: processes of their own."""

import json
import os
import signal
import socket
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import psutil
import pytest

from services.demo.stream import stream

pytestmark = [pytest.mark.wire, pytest.mark.timeout(600)]

ROOT = Path(__file__).parents[2]
ASKELMA = (sys.executable, "-c", "from services.console.main import main; main()")
PATIENCE_SECONDS = 240
INVOICE = "docs/examples/invoice.csv"


def askelma(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    command = [*ASKELMA, *map(str, arguments)]
    return subprocess.run(  # noqa: S603 - our own command
        command, cwd=ROOT, capture_output=True, text=True, timeout=PATIENCE_SECONDS, check=False
    )


@contextmanager
def up(folder: Path) -> Iterator[dict[str, str]]:
    """Run `askelma up` on a folder and give what it wrote for scripts; end it as Ctrl-C does."""
    address = folder / "askelma.json"
    address.unlink(missing_ok=True)
    command = [*ASKELMA, "up", "--data", str(folder), "--port", "0"]
    process = subprocess.Popen(  # noqa: S603 - our own command
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    try:
        _wait_for(address, process)
        yield json.loads(address.read_text(encoding="utf-8"))
    finally:
        process.send_signal(signal.SIGINT)
        said, _ = process.communicate(timeout=PATIENCE_SECONDS)
    assert process.returncode == 0, said
    assert "Traceback" not in said


def _wait_for(path: Path, process: subprocess.Popen[str]) -> None:
    end = time.monotonic() + PATIENCE_SECONDS
    while not path.exists():
        assert process.poll() is None, process.communicate()[0]
        assert time.monotonic() < end, "askelma up did not become ready"
        time.sleep(0.2)


def stock(system: dict[str, str], day: str, role: str = "supervisor_token") -> dict[int, int]:
    answer = httpx.get(
        f"{system['url']}/v1/indicators/stock",
        params={"on": day},
        headers={"Authorization": f"Bearer {system[role]}"},
        timeout=60,
    )
    return {each["step"]: each["clients"] for each in answer.raise_for_status().json()["steps"] if each["clients"]}


def stock_becomes(system: dict[str, str], day: str, expected: dict[int, int]) -> bool:
    end = time.monotonic() + PATIENCE_SECONDS
    while stock(system, day) != expected:
        if time.monotonic() > end:
            return False
        time.sleep(0.3)
    return True


def written(path: Path, seed: int) -> Path:
    """Write the demo's events about ten people to a file, and a line that is none."""
    lines = [json.dumps(event) for sending in stream(seed, clients=10) for event in sending.events]
    path.write_text("\n".join([*lines, "no json", ""]), encoding="utf-8")
    return path


@pytest.fixture
def events(tmp_path: Path) -> Path:
    return written(tmp_path / "events.jsonl", seed=5)


@dataclass(frozen=True)
class Up:
    """A running `askelma up`: its folder, and what it wrote for scripts."""

    folder: Path
    told: dict[str, str]


@pytest.fixture(scope="module")
def running(session_folder: Path) -> Iterator[Up]:
    """Give one for all tests that leave it running."""
    folder = session_folder / "up"
    folder.mkdir(mode=0o711)
    with up(folder) as told:
        yield Up(folder, told)


def test_up_keeps_what_it_accepted_and_its_keys_over_a_restart(folder: Path, events: Path) -> None:
    with up(folder) as system:
        assert set(system) == {"url", "kafka", "ingest_key", "supervisor_token", "finance_token"}
        assert stat.S_IMODE((folder / "askelma.json").stat().st_mode) == 0o600
        imported = askelma("import", "docs/examples/registry.csv", "-m", "docs/examples/registry.toml", "-d", folder)
        assert imported.stdout.splitlines()[0] == "8 facts accepted, 0 known already, 2 refused"
        assert imported.stdout.count("\nline 5: ") == 2
        assert imported.returncode == 1
        sent = askelma("send", events, "--data", folder)
        assert sent.returncode == 1
        accepted = int(sent.stdout.split()[0])
        assert accepted > 100
        assert sent.stdout.splitlines()[-1].endswith("The line is not JSON.")
        assert stock_becomes(system, "2026-03-20", found := stock_after_settling(system, "2026-03-20"))
    assert not (folder / "askelma.json").exists(), "an address where nobody answers any more misleads"
    with up(folder) as again:
        assert keys_of(again) == keys_of(system)
        assert stock_becomes(again, "2026-03-20", found)
        repeated = askelma("send", events, "--url", again["url"], "--key", again["ingest_key"])
        assert repeated.stdout.startswith("0 facts accepted, ")
        rebuilt = askelma("rebuild", "--data", folder)
        assert rebuilt.stdout == f"{accepted + 8} facts are on their way to the services again.\n"
        assert stock_becomes(again, "2026-03-20", found)


def more_are_counted(system: dict[str, str], day: str, before: dict[int, int]) -> bool:
    """Tell whether more clients are counted within the patience of a test than `before`."""
    end = time.monotonic() + PATIENCE_SECONDS
    while sum(stock(system, day).values()) <= sum(before.values()):
        if time.monotonic() > end:
            return False
        time.sleep(0.3)
    return True


def keys_of(system: dict[str, str]) -> dict[str, str]:
    return {name: key for name, key in system.items() if name not in {"url", "kafka"}}


def stock_after_settling(system: dict[str, str], day: str) -> dict[int, int]:
    """Return the stock once it has stopped changing."""
    last, calm = stock(system, day), 0
    while calm < 10:
        time.sleep(0.5)
        now = stock(system, day)
        calm, last = (calm + 1 if now == last and now else 0), now
    return last


def test_a_folder_serves_one_system_at_a_time(running: Up) -> None:
    second = askelma("up", "--data", running.folder, "--port", "0")
    assert (running.folder / "askelma.json").exists(), "it is the first one's"
    assert second.returncode == 1
    assert "is in use by another running askelma" in second.stderr


def test_a_port_in_use_is_told(folder: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        (folder / "askelma.json").write_text("of a run that was killed", encoding="utf-8")
        said = askelma("up", "--data", folder, "--port", str(port))
    assert said.returncode == 1
    assert said.stderr == f"Port {port} is in use. Give another with --port, or --port 0 for any free one.\n"
    assert not (folder / "askelma.json").exists()


def test_up_takes_events_over_the_kafka_whose_address_it_writes(running: Up, tmp_path: Path) -> None:
    before = stock(running.told, "2026-03-20")
    events = written(tmp_path / "over-kafka.jsonl", seed=6)
    sent = askelma("send", events, "--kafka", running.told["kafka"], "--sender", "local")
    assert " events written to askelma.intake.local.v1" in sent.stdout
    assert more_are_counted(running.told, "2026-03-20", before)


def test_up_goes_on_when_its_postgresql_was_killed(running: Up, tmp_path: Path) -> None:
    before = stock(running.told, "2026-03-20")
    server = psutil.Process(int((running.folder / "postgres" / "data" / "postmaster.pid").read_text().split()[0]))
    server.kill()
    server.wait(30)
    sent = askelma("send", written(tmp_path / "after-a-fall.jsonl", seed=8), "--data", running.folder)
    assert int(sent.stdout.split()[0]) > 100
    assert more_are_counted(running.told, "2026-03-20", before)


EXPECTED = [
    ("101-200", 2605, "class_boundary"), ("201-300", -5209, "class_boundary"), ("301-400", 24559, "late_payment"),
    ("701-", 37210, "move"), ("101-200", -3721, "not_invoiced"), ("401-700", 14884, "missing_facts"),
]  # fmt: skip
"""Class, difference in cents and reason, as docs/invoices.md says; nobody else of these tests lives in Kontiolahti."""


def test_the_example_of_an_invoice_is_compared_as_its_page_says(running: Up, tmp_path: Path) -> None:
    sent = askelma("send", "docs/examples/invoice-facts.jsonl", "--data", running.folder)
    assert sent.stdout.startswith("22 facts accepted, "), sent.stdout
    assert differences_become(running.folder, EXPECTED) == EXPECTED
    report, by_token = tmp_path / "report.xlsx", ("--token", running.told["supervisor_token"])
    said = askelma("reconcile", INVOICE, "--url", running.told["url"], *by_token, "--xlsx", report)
    assert said.returncode == 1
    lines = [" ".join(line.split()) for line in said.stdout.splitlines()]
    assert "total 8 1 280.03 576.75 703.28" in lines
    assert "276 Kontiolahti 2025-10 labour market subsidy 701- 372.10 0.00 372.10 1 / 0 move 167 Joensuu" in lines
    assert lines[-1].startswith("line 8, euros: is not an amount of euros")
    assert report.read_bytes().startswith(b"PK")
    refused = askelma("reconcile", INVOICE, "--url", running.told["url"], "--token", running.told["finance_token"])
    assert (refused.returncode, refused.stdout) == (2, "")
    assert refused.stderr.startswith("invoice.csv was not compared. Askelma refused (403): Your role may not do this.")


def differences_become(folder: Path, expected: list[tuple[str, int, str]]) -> list[tuple[str, int, str]]:
    """Compare until the facts that were just sent have had their effect; return what differs then."""
    end = time.monotonic() + PATIENCE_SECONDS
    while True:
        told = json.loads(askelma("reconcile", INVOICE, "--data", folder, "--json").stdout)
        found = [(one["class"], one["difference_cents"], one["reason"]) for one in told["differences"]]
        if found == expected or time.monotonic() > end:
            return found
        time.sleep(0.3)


def test_worth_draws_what_progress_is_worth_under_a_scheme(running: Up) -> None:
    said = askelma("worth", "--data", running.folder, "--scheme", "fi-2015")
    lines = [" ".join(line.split()) for line in said.stdout.splitlines()]
    assert (said.returncode, said.stderr) == (0, "")
    assert lines[0] == "fi-2015 The law of 2015–2024 (counterfactual: a law outside its years)"
    assert lines[1] == "days on benefit 0 300 1000 ± seen"
    assert "in a service, unmoved 0 2400 3360" in lines
    assert sum(line.startswith("from 5 Supported work ") for line in lines) == 2
    told = json.loads(askelma("worth", "--data", running.folder, "--scheme", "fi-2015", "--json").stdout)
    assert [scheme["scheme"] for scheme in told["schemes"]] == ["fi-2015"]


def test_worth_is_not_for_finance_officers(running: Up) -> None:
    said = askelma("worth", "--url", running.told["url"], "--token", running.told["finance_token"])
    assert (said.returncode, said.stdout) == (1, "")
    assert said.stderr.startswith("Askelma refused (403): Your role may not do this.")


def test_a_wrong_key_is_told_in_a_sentence(running: Up, events: Path) -> None:
    said = askelma("send", events, "--url", running.told["url"], "--key", "wrong")
    assert said.returncode == 2
    assert "status 401" in said.stderr
    assert "Traceback" not in said.stderr


def test_a_month_is_explained_as_text_and_as_json(running: Up) -> None:
    asked = ("explain", "--month", "2026-01", "--municipality", "398", "--scheme", "law")
    told = askelma(*asked, "--data", running.folder)
    assert (told.returncode, told.stderr) == (0, "")
    assert told.stdout.startswith("Costs of 2026-01, municipality 398, as of ")
    token = running.told["finance_token"]
    published = askelma(*asked, "--json", "--url", running.told["url"], "--key", token)
    assert json.loads(published.stdout)["source"] == "publications"
    refused = askelma("explain", "--client", "c1-nobody", "--data", running.folder)
    assert (refused.returncode, refused.stdout) == (1, "")
    assert refused.stderr == "Askelma refused (404): You have no client of that reference.\n"


def test_the_same_demo_writes_the_same_figures(tmp_path: Path) -> None:
    first, second = tmp_path / "first.json", tmp_path / "second.json"
    for path in (first, second):
        said = askelma("demo", "--once", "--json", path, "--clients", "25")
        assert said.returncode == 0, said.stderr
        assert "All is processed and published." in said.stderr
    assert first.read_bytes() == second.read_bytes()
    figures = json.loads(first.read_text(encoding="utf-8"))
    assert set(figures) == {"alerts", "as_of", "clients", "costs", "flow", "seed", "stock", "transitions"}
    assert figures["as_of"] == "2026-06-30"
    assert set(figures["costs"]) >= {"fi-2015", "fi-2025", "law", "step-graded"}
    assert sum(map(sum, figures["transitions"]["counts"])) > 0
    _adds_up(figures["stock"])


def _adds_up(by_place: dict[str, dict[str, int]]) -> None:
    everywhere = by_place.pop("*")
    assert sum(everywhere.values()) > 0
    for step, clients in everywhere.items():
        assert clients == sum(place[step] for place in by_place.values())


def test_a_demo_that_is_interrupted_ends_in_order(folder: Path) -> None:
    process = subprocess.Popen(  # noqa: S603 - our own command
        [*ASKELMA, "demo", "--clients", "300"],
        cwd=ROOT, env=os.environ | {"TMPDIR": str(folder)}, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    end = time.monotonic() + PATIENCE_SECONDS
    while not list(folder.glob("askelma-demo-*/postgres/data/postmaster.pid")):
        assert process.poll() is None, process.communicate()[1]
        assert time.monotonic() < end
        time.sleep(0.2)
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=PATIENCE_SECONDS)
    assert process.returncode == 130
    assert "Traceback" not in said
    assert list(folder.iterdir()) == []
