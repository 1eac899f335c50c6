"""The golden scenarios of the stall rules: YAML that a coordinator can read."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, time
from pathlib import Path
from typing import Any

import pytest
import yaml

from contracts.snapshots import EXPOSURE, PATHWAY, AlertEvent, ExposureSnapshot, PathwaySnapshot
from services.notifier.domain.evaluation import Evaluator
from services.notifier.domain.findings import AlertKey
from services.notifier.domain.life import Moment, verdict
from services.notifier.rulebook_file import finnish_working_days, read_rulebook

FOLDER = Path(__file__).parent / "scenarios"
Scenario = dict[str, Any]


class Loader(yaml.SafeLoader):
    """YAML without YAML 1.1's habit of reading `on` as true."""


Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if not tag.endswith(":bool")]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def scenarios(kind: str) -> Iterator[Any]:
    for file in sorted(FOLDER.glob("*.yaml")):
        for scenario in yaml.load(file.read_text(encoding="utf-8"), Loader):  # noqa: S506 - it is a safe loader
            if kind in scenario:
                yield pytest.param(scenario, id=f"{file.stem}: {scenario['name']}")


@pytest.fixture(scope="module")
def evaluator() -> Evaluator:
    return Evaluator(read_rulebook(), finnish_working_days())


def pathway_from(parts: Scenario) -> PathwaySnapshot:
    intervals = {
        name: [{"end": None} | row for row in parts[name]] if name == "steps" else parts[name] for name in parts
    }
    blank = {"authority": "demo", "client": "c1-a", "revision": 1, "as_of": "2026-01-01", "as_of_seq": 1, "rules": "r"}
    return PATHWAY.validate_python(blank | intervals)


def exposure_from(row: Scenario) -> ExposureSnapshot:
    law = {
        "scheme": "law", "days": 0, "cost_class": row["class"], "percent_bp": 0, "days_to_next": row["left"],
        "next_class": row["next"], "month_cents": 0, "next_month_cents": None, "total_cents": 0,
    }  # fmt: skip
    return EXPOSURE.validate_python(
        {
            "authority": "demo", "client": "c1-a", "revision": 1, "pathway_revision": 1, "rules": "r",
            "old_law_days": 0, "law_2025_days": 0, "last_counter_set_on": row.get("counter_set"),
            "last_posted_on": row["posted"], "schemes": [law],
        }
    )  # fmt: skip


@pytest.mark.parametrize("scenario", [*scenarios("open")])
def test_on_each_day_exactly_the_expected_alerts_are_open(scenario: Scenario, evaluator: Evaluator) -> None:
    pathway = pathway_from(scenario["pathway"]) if "pathway" in scenario else None
    exposure = exposure_from(scenario["exposure"]) if "exposure" in scenario else None
    findings = evaluator.findings(pathway, exposure)
    found = {
        day: [
            f"{finding.rule} {finding.key} {finding.since}"
            for finding in findings
            if finding.holds_on(day) and finding.rule not in scenario.get("ignore", ())
        ]
        for day in scenario["open"]
    }
    assert found == scenario["open"]


@pytest.mark.parametrize("scenario", [*scenarios("story")])
def test_a_story_makes_exactly_the_expected_changes(scenario: Scenario, evaluator: Evaluator) -> None:
    parts: Scenario = {}
    exposure = None
    stored: dict[AlertKey, AlertEvent] = {}
    for chapter in scenario["story"]:
        parts |= chapter.get("pathway", {})
        exposure = exposure_from(chapter["exposure"]) if "exposure" in chapter else exposure
        moment = Moment(chapter["on"], noon(chapter["on"]))
        seen = verdict(pathway_from(parts), exposure, stored, evaluator, moment).changes
        assert sorted(f"{event.state} {event.rule} {event.key}" for event in seen) == sorted(chapter["changes"])
        stored |= {AlertKey(event.rule, event.key): event for event in seen}
        assert verdict(pathway_from(parts), exposure, stored, evaluator, moment).changes == ()


def noon(day: date) -> datetime:
    return datetime.combine(day, time(12), UTC)
