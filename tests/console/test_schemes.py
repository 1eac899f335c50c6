"""`askelma schemes check`: what is shown of schemes, and how wrong ones are refused."""

import shutil
from pathlib import Path

import pytest

from services.console.main import main

SHIPPED = Path(__file__).parents[2] / "services" / "incentives" / "rules" / "schemes"
PAYMENTS = "client,period_start,period_end,days,basis,basic_part_cents,counter_before\nA,2026-01-01,2026-01-31,20,{}\n"


@pytest.fixture
def own(tmp_path: Path) -> Path:
    """Return a folder with one scheme of an officer's own: half of every day from the first."""
    folder = tmp_path / "schemes"
    folder.mkdir()
    text = (SHIPPED / "fi-2025.yaml").read_text(encoding="utf-8")
    changed = text.replace("scheme: fi-2025", "scheme: half-at-once").replace("percent: 0,", "percent: 50,")
    (folder / "half-at-once.yaml").write_text(changed, encoding="utf-8")
    return folder


def told(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    said = capsys.readouterr()
    return int(ended.value.code or 0), said.out, said.err


def test_all_schemes_in_force_are_drawn(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = told(capsys, "schemes", "check")
    assert code == 0
    lines = [" ".join(line.split()) for line in out.splitlines()]
    assert "101-200 10 % █████ stated Days 101–200: ten percent of the basic part." in lines
    assert "step-2 40 % ████████████████████ proposal In a low-threshold service." in lines
    assert "a first-time higher step stops the counter for 60 paid days" in out
    assert "periods from 2025-01-01: fi-2025" in out
    assert out.endswith("7 schemes checked; nothing is wrong.\n")


def test_an_officer_s_own_scheme_is_checked_by_its_file_or_its_folder(
    own: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for path in (own, own / "half-at-once.yaml"):
        code, out, _ = told(capsys, "schemes", "check", str(path))
        assert code == 0
        assert out.startswith("half-at-once")
        assert "1-100        50 %" in out
        assert out.endswith("1 scheme checked; nothing is wrong.\n")


def test_the_folder_of_own_schemes_is_in_force_for_checks_and_simulations(
    own: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ASKELMA_SCHEMES_FOLDER", str(own))
    _, out, _ = told(capsys, "schemes", "check")
    assert out.endswith("8 schemes checked; nothing is wrong.\n")
    table = tmp_path / "payments.csv"
    table.write_text(PAYMENTS.format("unemployment,74420,0"), encoding="utf-8")
    _, out, _ = told(capsys, "simulate", str(table), "--scheme", "half-at-once")
    assert "372.10" in out


def test_faults_of_all_files_are_told_at_once(own: Path, capsys: pytest.CaptureFixture[str]) -> None:
    wrong = own / "half-at-once.yaml"
    wrong.write_text(wrong.read_text(encoding="utf-8").replace("value: day", "value: month"), encoding="utf-8")
    shutil.copy(SHIPPED / "progress-pause.yaml", own / "another.yaml")
    code, out, err = told(capsys, "schemes", "check", str(own))
    assert (code, out) == (1, "")
    assert "half-at-once.yaml: boundary.value: " in err
    assert "another.yaml: scheme: is not the file's name; both must be the same" in err


def test_a_scheme_that_takes_a_shipped_one_s_name_is_refused(own: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shutil.copy(SHIPPED / "law.yaml", own / "law.yaml")
    code, _, err = told(capsys, "schemes", "check", str(own))
    assert code == 1
    assert "law.yaml: scheme: there is one of this name already; give it another" in err


def test_a_folder_of_own_schemes_that_is_not_there_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ASKELMA_SCHEMES_FOLDER", str(tmp_path / "nowhere"))
    code, _, err = told(capsys, "schemes", "check")
    assert code == 1
    assert "nowhere: is no folder" in err.replace("\n", "")
