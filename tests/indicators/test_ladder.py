"""The ladder file: what comes with Askelma, and what a wrong one is told."""

from importlib.resources import files
from pathlib import Path

import pytest

from services.indicators.domain.ladder import LadderError
from services.indicators.ladder_file import ladder_from, load_ladder

TEXT = files("services.indicators.rules").joinpath("ladder-2024.yaml").read_text(encoding="utf-8")


def test_the_shipped_ladder_has_eight_named_steps_and_names_its_source() -> None:
    ladder = load_ladder()
    assert [step.step for step in ladder.steps] == list(range(8))
    assert all(step.fi and step.sv and step.en for step in ladder.steps)
    assert ladder.source
    assert (ladder.sustained.from_day, ladder.sustained.bridge_days) == (184, 14)


def test_the_hash_is_the_contents_own() -> None:
    assert ladder_from(TEXT.encode()).rules == load_ladder().rules
    assert ladder_from(TEXT.encode() + b"\n# another\n").rules != load_ladder().rules


@pytest.mark.parametrize(
    ("right", "wrong", "told"),
    [
        ("education: 4", "education: 9", "education: 9 is not one of the steps"),
        ("education: 4", "education: high", "education: must be a whole number"),
        ("    coaching: 3", "    coaching: 8", "services.steps.coaching: 8 is not one of the steps"),
        ("  otherwise: 2", "  otherwise: -1", "services.otherwise: -1 is not one of the steps"),
        ("\neducation: 4", "", "education: is missing"),
        ('"00": 5', '"99": 5', "statuses.steps.99: must be one of 00, 01"),
        ("  from_day: 184", "  from_day: 0", "sustained.from_day: must be 2 or more"),
        ("  bridge_days: 14", "  bridge_days: -1", "sustained.bridge_days: must not be negative"),
        ("{step: 3,", "{step: 9,", "steps: must be numbered 0, 1, 2"),
        ("self_employed: 6, ", "", "employment.steps.self_employed: is missing"),
        ("steps:\n", "steps: [\n", "is not YAML"),
    ],
)
def test_a_wrong_ladder_is_refused_with_the_field_named(right: str, wrong: str, told: str) -> None:
    assert right in TEXT
    with pytest.raises(LadderError) as refused:
        ladder_from(TEXT.replace(right, wrong, 1).encode())
    assert str(refused.value).startswith(told)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(LadderError, match=r"ladder-2031\.yaml: cannot be read"):
        load_ladder(tmp_path / "ladder-2031.yaml")
