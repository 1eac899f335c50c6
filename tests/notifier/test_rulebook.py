"""The rule file: what is shipped, and what is refused with its place."""

from datetime import date
from pathlib import Path
from typing import Any

import pytest
import yaml

from services.indicators.ladder_file import load_ladder
from services.notifier.rulebook_file import SHIPPED, RuleFileError, read_rulebook


def test_the_shipped_file_holds_the_figures_of_the_domain_by_date() -> None:
    rules = read_rulebook()
    interview = rules.initial_interview_missing.working_days
    assert (interview.on(date(2025, 12, 31)), interview.on(date(2026, 1, 1))) == (5, 10)
    assert rules.contact_gap.months.on(date(2026, 6, 1)) == 3
    assert rules.service_without_follow_on.days.on(date(2026, 6, 1)) == 30
    near = rules.threshold_near
    assert (near.paid_days.on(date(2026, 6, 1)), near.posted_within_days.on(date(2026, 6, 1))) == (20, 60)
    fall = rules.setback
    figures = (fall.from_step, fall.bridge_days, fall.work_days, fall.open_days)
    assert [figure.on(date(2026, 6, 1)) for figure in figures] == [5, 14, 184, 90]


def test_a_setback_is_what_falls_short_of_the_ladders_sustained_employment() -> None:
    fall, sustained = read_rulebook().setback, load_ladder().sustained
    today = date(2026, 6, 1)
    assert (fall.work_days.on(today), fall.bridge_days.on(today)) == (sustained.from_day, sustained.bridge_days)


def test_every_rule_of_the_shipped_file_names_its_ground_and_source() -> None:
    for rule in yaml.safe_load(SHIPPED.read_text(encoding="utf-8"))["rules"].values():
        assert rule["ground"] in {"law", "statistics", "proposal"}
        assert rule["source"]


def changed(tmp_path: Path, *path: str, value: Any) -> Path:
    content = yaml.safe_load(SHIPPED.read_text(encoding="utf-8"))
    place = content
    for name in path[:-1]:
        place = place[name]
    place[path[-1]] = value
    file = tmp_path / "rules.yaml"
    file.write_text(yaml.safe_dump(content), encoding="utf-8")
    return file


@pytest.mark.parametrize(
    ("path", "value", "said"),
    [
        (("rules", "contact_gap", "months"), {}, "rules.contact_gap.months"),
        (("rules", "contact_gap", "months"), {"soon": 3}, "rules.contact_gap.months"),
        (("rules", "contact_gap", "months"), {"2026-01-01": -1}, "rules.contact_gap.months"),
        (("rules", "contact_gap", "severity"), "grave", "rules.contact_gap.severity"),
        (("rules", "contact_gap", "source"), "", "rules.contact_gap.source"),
        (("rules", "contact_gap", "weeks"), 3, "rules.contact_gap.weeks"),
        (("rules", "setback", "enabled"), None, "rules.setback.enabled"),
        (("working_days", "holidays"), "SE", "working_days.holidays"),
    ],
)
def test_a_file_that_cannot_be_used_is_refused_with_the_place(
    tmp_path: Path, path: tuple[str, ...], value: object, said: str
) -> None:
    with pytest.raises(RuleFileError, match=said):
        read_rulebook(changed(tmp_path, *path, value=value))


def test_a_missing_or_broken_file_is_named(tmp_path: Path) -> None:
    broken = tmp_path / "broken.yaml"
    broken.write_text("rules: [")
    for file, said in ((tmp_path / "none.yaml", "cannot be read"), (broken, "is not YAML")):
        with pytest.raises(RuleFileError, match=said):
            read_rulebook(file)


def test_another_content_has_another_digest(tmp_path: Path) -> None:
    other = read_rulebook(changed(tmp_path, "rules", "contact_gap", "enabled", value=False))
    assert other.digest != read_rulebook().digest
    assert "contact_gap" not in other.severities
