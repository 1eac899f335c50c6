"""What the commands say, above all when they cannot do their work."""

import json
from importlib.metadata import version
from pathlib import Path

import pytest

from services.console.main import COMMANDS, main
from tests.conftest import ExpectedErrors

PAYMENTS = """client;period_start;period_end;days;basis;basic_part_cents;counter_before
A;2025-10-01;2025-10-28;20;unemployment;74420;187
B;2025-10-01;2025-10-31;22;unemployment;81862;450
"""


class Said:
    """What a command wrote and how it ended."""

    def __init__(self, code: int, out: str, err: str) -> None:
        self.code, self.out, self.err = code, out, err


class Askelma:
    """Runs commands as a shell would, in this process."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self._capsys = capsys

    def __call__(self, *arguments: str) -> Said:
        with pytest.raises(SystemExit) as ended:
            main(arguments)
        out, err = self._capsys.readouterr()
        code = ended.value.code
        return Said(code if isinstance(code, int) else 0, out, err)


@pytest.fixture
def askelma(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Askelma:
    for name in ("ASKELMA_DATABASE_URL", "ASKELMA_KAFKA", "ASKELMA_DEBUG"):
        monkeypatch.delenv(name, raising=False)
    return Askelma(capsys)


@pytest.fixture
def payments(tmp_path: Path) -> Path:
    path = tmp_path / "payments.csv"
    path.write_text(PAYMENTS, encoding="utf-8")
    return path


def test_help_lists_every_command(askelma: Askelma) -> None:
    said = askelma("--help")
    assert said.code == 0
    for command in COMMANDS:
        assert command.name in said.out
        assert command.summary.split(",")[0][:40] in said.out


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.name)
def test_every_command_says_what_it_does(askelma: Askelma, command: object) -> None:
    said = askelma(getattr(command, "name", ""), "--help")
    assert said.code == 0
    assert "Usage: askelma" in said.out
    assert said.err == ""


def test_the_version_is_that_of_the_package(askelma: Askelma) -> None:
    said = askelma("--version")
    assert (said.code, said.out) == (0, f"askelma {version('askelma')}\n")


NOWHERE = ("--url", "http://127.0.0.1:1", "--key", "k")


@pytest.mark.parametrize("content", [b"", b'{"id": 1\n'])
def test_sending_tells_what_became_of_a_file_by_how_it_ends(askelma: Askelma, tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "events.jsonl"
    path.write_bytes(content)
    said = askelma("send", str(path), *NOWHERE)
    lines = content.count(b"\n")
    assert (said.code, said.out.splitlines()[0]) == (lines, f"0 facts accepted, 0 known already, {lines} refused")


def test_a_mapping_that_cannot_be_used_sends_nothing(askelma: Askelma, tmp_path: Path) -> None:
    mapping = tmp_path / "map.toml"
    mapping.write_text("version = 2\n", encoding="utf-8")
    said = askelma("import", "docs/examples/registry.csv", "--mapping", str(mapping), *NOWHERE)
    assert (said.code, said.out) == (2, "")
    assert said.err == ("map.toml cannot be used: version: must be 1; source: is missing; fact: is missing.\n")


def test_without_an_address_nothing_is_sent(askelma: Askelma, payments: Path) -> None:
    assert askelma("send", str(payments)).code == 2
    stopped = askelma("send", str(payments), "--data", str(payments.parent))
    assert (stopped.code, stopped.out) == (2, "")
    assert "does not run, or is not ready yet" in stopped.err


def test_an_unknown_command_is_a_misuse(askelma: Askelma) -> None:
    said = askelma("simulat")
    assert said.code == 2
    assert "No such command 'simulat'" in said.err


def test_simulate_prints_classes_and_the_total_in_euros(askelma: Askelma, payments: Path) -> None:
    said = askelma("simulate", str(payments), "--scheme", "fi-2025")
    lines = [line.split() for line in said.out.splitlines() if line[:1] in {"A", "B", "t"}]
    assert said.code == 0
    assert lines == [
        ["A", "2025-10-01", "–", "2025-10-28", "101-200", "13", "10", "%", "48.37"],
        ["A", "2025-10-01", "–", "2025-10-28", "201-300", "7", "20", "%", "52.09"],
        ["B", "2025-10-01", "–", "2025-10-31", "401-700", "22", "40", "%", "327.45"],
        ["total", "42", "427.91"],
    ]


def test_simulate_prints_json_with_cents(askelma: Askelma, payments: Path) -> None:
    said = askelma("simulate", str(payments), "--scheme", "fi-2025", "--json")
    answer = json.loads(said.out)
    assert answer["scheme"] == "fi-2025"
    assert answer["total_cents"] == 42791
    assert answer["rows"][0] == {
        "client": "A", "period_start": "2025-10-01", "period_end": "2025-10-28",
        "class": "101-200", "days": 13, "percent": 10, "cents": 4837,
    }  # fmt: skip


def test_simulate_names_line_and_field_of_a_bad_row_and_not_its_value(askelma: Askelma, payments: Path) -> None:
    payments.write_text(PAYMENTS.replace(";22;", ";pari;"), encoding="utf-8")
    said = askelma("simulate", str(payments), "--scheme", "fi-2025")
    assert said.code == 1
    assert said.out == ""
    assert said.err.splitlines() == [
        "payments.csv cannot be used; nothing was computed.",
        "line 3, days: is not a whole number from 1 to 800",
    ]


def test_simulate_lists_the_schemes_where_one_is_unknown(askelma: Askelma, payments: Path) -> None:
    said = askelma("simulate", str(payments), "--scheme", "fi-1066")
    assert said.code == 2
    assert "fi-2006, fi-2015, fi-2025, law, progress-clock, progress-pause, step-graded" in said.err


def test_simulate_says_where_a_table_is_not_utf8(askelma: Askelma, payments: Path) -> None:
    payments.write_bytes(PAYMENTS.replace("A;", "Äijö;", 1).encode("latin-1"))
    said = askelma("simulate", str(payments), "--scheme", "fi-2025")
    assert said.code == 1
    assert said.err.startswith("payments.csv is not UTF-8 text (byte 74).")


def test_an_invoice_that_nobody_compares_is_told(askelma: Askelma, tmp_path: Path) -> None:
    report = tmp_path / "report.xlsx"
    said = askelma("reconcile", "docs/examples/invoice.csv", *NOWHERE, "--xlsx", str(report))
    assert (said.code, said.out) == (2, "")
    assert said.err == "No Askelma answers at http://127.0.0.1:1 (ConnectError). Is it up?\n"
    assert not report.exists()


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ((), "Say what to explain"), (("--client", "c1-a", "--month", "2025-10"), "Say what to explain"),
        (("--client", "c1-a", "--municipality", "398"), "--municipality goes with --month"),
        (("--month", "2025-10"), "Say where Askelma runs"),
    ],
)  # fmt: skip
def test_explain_asks_for_one_thing_and_for_where_askelma_runs(
    askelma: Askelma, options: tuple[str, ...], said: str
) -> None:
    stopped = askelma("explain", *options)
    assert (stopped.code, stopped.out) == (2, "")
    assert said in stopped.err


def test_explain_says_where_nobody_answers(askelma: Askelma) -> None:
    stopped = askelma("explain", "--month", "2025-10", *NOWHERE)
    assert (stopped.code, stopped.out) == (1, "")
    assert stopped.err.startswith("No Askelma answers at http://127.0.0.1:1 (ConnectError).")


def test_a_missing_file_is_a_misuse(askelma: Askelma) -> None:
    said = askelma("simulate", "no-such.csv", "--scheme", "law")
    assert said.code == 2
    assert "does not exist" in " ".join(said.err.split())


def test_a_missing_setting_is_named(askelma: Askelma) -> None:
    said = askelma("migrate")
    assert said.code == 1
    assert "ASKELMA_DATABASE_URL" in said.err
    assert "Traceback" not in said.err


def test_an_unknown_service_is_a_misuse(askelma: Askelma) -> None:
    said = askelma("migrate", "alerts")
    assert said.code == 2
    assert said.err == "There is no service alerts; there are ingest, indicators, incentives, notifier.\n"


def test_a_database_that_does_not_answer_is_told_without_its_address_or_password(
    askelma: Askelma, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ASKELMA_DATABASE_URL", "postgresql+asyncpg://clerk:s3cret@127.0.0.1:1/askelma")
    said = askelma("dead", "list")
    assert said.code == 1
    assert said.err.startswith("The database of ASKELMA_DATABASE_URL does not answer")
    assert "s3cret" not in said.err


def test_a_cluster_that_does_not_answer_is_named(askelma: Askelma, expected_errors: ExpectedErrors) -> None:
    expected_errors.allow("^aiokafka: Unable connect")
    said = askelma("topics", "apply", "--kafka", "127.0.0.1:1")
    assert said.code == 1
    assert "Kafka at 127.0.0.1:1 refused or did not answer" in said.err


def test_topics_access_prints_a_line_for_each_right(askelma: Askelma) -> None:
    said = askelma("topics", "access", "--sender", "lahti")
    lines = said.out.splitlines()
    assert said.code == 0
    assert lines
    assert all(line.startswith("--allow-principal User:") for line in lines)
    assert any("askelma.intake.lahti.v1" in line for line in lines)
