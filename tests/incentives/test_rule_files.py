"""Rule files: what they say is law, and how a wrong one is refused."""

import shutil
from datetime import date
from pathlib import Path

import pytest

from services.incentives.domain.schemes import Mark, Standing
from services.incentives.rule_files import RuleFileError, rule_book

SHIPPED = Path(__file__).parents[2] / "services" / "incentives" / "rules"


@pytest.fixture
def rules(tmp_path: Path) -> Path:
    return Path(shutil.copytree(SHIPPED, tmp_path / "rules"))


def edited(folder: Path, file: str, old: str, new: str) -> str:
    path = folder / file
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(RuleFileError) as caught:
        rule_book(folder)
    return str(caught.value)


def test_three_laws_what_is_invoiced_and_three_proposals_are_shipped() -> None:
    kinds = {name: scheme.kind for name, scheme in rule_book().schemes.items()}
    laws = dict.fromkeys(("fi-2006", "fi-2015", "fi-2025", "law"), "law")
    assert kinds == laws | dict.fromkeys(("progress-clock", "progress-pause", "step-graded"), "proposal")


@pytest.mark.parametrize("name", ["progress-clock", "progress-pause", "step-graded"])
def test_every_value_of_a_proposal_is_marked_as_one(name: str) -> None:
    rule = rule_book().schemes[name].periods[0].rule
    marks = {ground.mark for ground in rule.grounds.values()} | {c.ground.mark for c in rule.ladder.classes}
    assert marks == {Mark.PROPOSAL}


def test_a_scheme_outside_its_years_is_a_counterfactual() -> None:
    names = ("fi-2006", "fi-2015", "fi-2025", "law", "progress-pause")
    schemes = [rule_book().schemes[name] for name in names]
    law, otherwise, proposal = Standing.LAW, Standing.COUNTERFACTUAL, Standing.PROPOSAL
    by_month = {
        date(2014, 12, 1): [law, otherwise, otherwise, otherwise, proposal],
        date(2015, 1, 1): [otherwise, law, otherwise, law, proposal],
        date(2024, 12, 1): [otherwise, law, otherwise, law, proposal],
        date(2025, 1, 1): [otherwise, otherwise, law, law, proposal],
    }
    for month, standing in by_month.items():
        assert [scheme.standing_in(month) for scheme in schemes] == standing


@pytest.mark.parametrize(
    ("percent_bp", "day", "cents"),
    [
        (4000, date(2025, 10, 1), 32_001),  # 37.21 × 21.5 × 40 % = 320.006
        (1000, date(2021, 7, 1), 7_263),  # 33.78 × 21.5 × 10 % = 72.627
        (5000, date(2017, 1, 1), 34_830),  # 32.40 × 21.5 × 50 %
        (0, date(2025, 1, 1), 0),
    ],
)
def test_a_month_of_full_benefit_follows_the_dated_amounts(percent_bp: int, day: date, cents: int) -> None:
    assert rule_book().parameters.month_cents(percent_bp, day) == cents


def test_the_hash_changes_with_any_file(rules: Path) -> None:
    before = rule_book(rules).hash
    path = rules / "parameters.yaml"
    path.write_text(path.read_text(encoding="utf-8") + "# checked\n", encoding="utf-8")
    assert rule_book(rules).hash != before


@pytest.mark.parametrize(
    ("file", "old", "new", "said"),
    [
        ("schemes/fi-2025.yaml", "percent: 40", "percent: 140", "fi-2025.yaml: ladder.classes.4.percent: "),
        ("schemes/fi-2025.yaml", "percent: 40", "percent: 40.125", "fi-2025.yaml: ladder.classes.4.percent: "),
        ("schemes/fi-2025.yaml", "mark: stated", "mark: certain", "fi-2025.yaml: count.mark: "),
        ("schemes/fi-2025.yaml", "from_day: 201", "from_day: 101", "fi-2025.yaml: ladder: from_day of the first class"),
        ("schemes/fi-2025.yaml", "from_day: 1,", "from_day: 2,", "fi-2025.yaml: ladder: from_day of the first class"),
        ("schemes/fi-2025.yaml", "value: law_2025", "value: law_2035", "fi-2025.yaml: counter.value: "),
        ("schemes/fi-2025.yaml", "law_from: 2025-01-01", "law_from: null", "fi-2025.yaml: law_from: "),
        ("schemes/fi-2025.yaml", "law_until: null", "law_until: 2024-01-01", "fi-2025.yaml: law_until: "),
        ("schemes/fi-2025.yaml", "partial_days: whole", "partial_days: half", "fi-2025.yaml: count.partial_days: "),
        ("schemes/fi-2025.yaml", "scheme: fi-2025", "scheme: fi-2026", "fi-2025.yaml: scheme: is not the file's name"),
        ("schemes/fi-2025.yaml", "  sv: Lagen", "  se: Lagen", "fi-2025.yaml: labels: gives the name in fi, sv and en"),
        ("schemes/fi-2025.yaml", "scheme: fi-2025", "- scheme", "fi-2025.yaml: is not YAML"),
        ("schemes/fi-2025.yaml", "law_from", "law_form", "fi-2025.yaml: law_from: is missing"),
        ("schemes/step-graded.yaml", "value: day", "value: payment_batch", "step-graded.yaml: boundary: "),
        ("schemes/step-graded.yaml", "percent_by_step", "none", "step-graded.yaml: progress: percent_by_step goes"),
        ("schemes/fi-2025.yaml", "value: none", "value: clock", "fi-2025.yaml: progress: clock goes with a ladder"),
        ("schemes/progress-clock.yaml", "value: clock", "value: none", "progress-clock.yaml: progress: clock goes"),
        ("schemes/progress-pause.yaml", "value: day", "value: payment_batch", "progress-pause.yaml: boundary: pause"),
        ("schemes/progress-pause.yaml", "  paid_days: 60\n", "", "progress-pause.yaml: progress.paid_days: is missing"),
        ("schemes/progress-pause.yaml", "paid_days: 60", "paid_days: 0", "progress-pause.yaml: progress.paid_days: "),
        ("schemes/progress-pause.yaml", "value: pause", "value: relief", "progress-pause.yaml: progress.points: "),
        ("schemes/progress-pause.yaml", "value: pause", "value: prize", "progress-pause.yaml: progress: "),
        (
            "schemes/progress-clock.yaml",
            "value: clock",
            "value: clock\n  paid_days: 5",
            "progress-clock.yaml: progress.",
        ),
        ("schemes/step-graded.yaml", "{step: 3,", "{step: 2,", "step-graded.yaml: ladder: steps lists each of 0 to 7"),
        (
            "schemes/law.yaml",
            "scheme: fi-2015",
            "scheme: fi-2016",
            "law.yaml: periods: there is no scheme file fi-2016",
        ),
        ("schemes/law.yaml", "until: 2025-01-01", "until: 2025-02-01", "law.yaml: periods: each begins on the day"),
        ("parameters.yaml", "from: 2021-01-01", "from: 2016-01-01", "parameters.yaml: basic_part: the dates rise"),
        ("parameters.yaml", "cents: 3721", "cents: 37.21", "parameters.yaml: basic_part.2.cents: "),
    ],
)
def test_a_wrong_rule_file_is_refused_naming_file_and_field(
    rules: Path, file: str, old: str, new: str, said: str
) -> None:
    assert said in edited(rules, file, old, new)
