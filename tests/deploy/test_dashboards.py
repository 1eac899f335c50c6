import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from grafana_foundation_sdk.models.dashboard import Dashboard

from deploy.dashboards.names import LANGUAGES, NAMES, Language
from deploy.dashboards.panels import HIDDEN_SIGN
from deploy.dashboards.publish import dashboard_json
from deploy.dashboards.texts import texts
from services.notifier.domain.rulebook import RULES
from services.runtime.web.formats import HIDDEN
from services.runtime.web.languages import translations
from tests.deploy.metric_names import declared_metrics
from tests.deploy.prometheus_server import promtool

by_language = pytest.mark.parametrize("language", LANGUAGES)
GRID_WIDTH = 24
DOCS = Path(__file__).parents[2] / "docs"


def board(language: Language) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads(json.dumps(dashboard_json(language)))
    return loaded


def panels(language: Language = "en") -> list[dict[str, Any]]:
    return [panel for panel in board(language)["panels"] if panel["type"] != "row"]


def expressions() -> list[str]:
    return [target["expr"] for panel in panels() for target in panel["targets"] if "expr" in target]


@by_language
def test_every_panel_has_a_title_a_description_and_a_unit(language: Language) -> None:
    for panel in panels(language):
        assert panel["title"]
        assert len(panel["description"]) > len(panel["title"])
        assert panel["fieldConfig"]["defaults"]["unit"]


@by_language
def test_panels_lie_inside_the_grid_and_never_on_each_other(language: Language) -> None:
    taken: set[tuple[int, int]] = set()
    for panel in board(language)["panels"]:
        place = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert not cells & taken
        assert max(x for x, _ in cells) < GRID_WIDTH
        taken |= cells


def test_each_language_has_a_uid_and_a_title_of_its_own_and_the_same_panels() -> None:
    boards = [board(language) for language in LANGUAGES]
    assert [one["uid"] for one in boards] == ["askelma-fi", "askelma-sv", "askelma-en"]
    assert len({one["title"] for one in boards}) == len(LANGUAGES)
    assert len({tuple(panel["id"] for panel in one["panels"]) for one in boards}) == 1


def test_panel_ids_are_unique() -> None:
    ids = [panel["id"] for panel in board("fi")["panels"]]
    assert len(set(ids)) == len(ids)


def test_the_same_code_gives_the_same_dashboard() -> None:
    assert json.dumps(dashboard_json("sv")) == json.dumps(dashboard_json("sv"))


def test_the_dashboard_carries_the_tag_by_which_the_publisher_knows_its_own() -> None:
    assert NAMES.mark in board("fi")["tags"]


def test_a_variable_is_found_by_its_id_as_by_its_name() -> None:
    assert [(one["id"], one["name"]) for one in board("fi")["templating"]["list"]] == [("authority", "authority")]


def test_every_target_asks_a_data_source_by_its_stable_uid() -> None:
    uids = {panel["datasource"]["uid"] for panel in panels()}
    assert uids == {"askelma-prometheus", "askelma-figures"}


def test_the_dashboard_is_what_the_sdk_itself_reads_back() -> None:
    assert Dashboard.from_json(board("en")).uid == "askelma-en"


@by_language
def test_steps_have_the_names_of_the_glossary(language: Language) -> None:
    glossary = (DOCS / "glossary.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (\d) \| ([^|]+) \| ([^|]+) \| ([^|]+) \|$", glossary, flags=re.MULTILINE)
    place = {"en": 1, "fi": 2, "sv": 3}[language]
    assert [words.in_(language) for words in texts().steps.values()] == [f"{row[0]} {row[place]}" for row in rows]


@pytest.mark.parametrize("language", ["fi", "sv"])
def test_rules_have_the_names_of_the_coordinators_pages(language: Language) -> None:
    words = translations(language)
    assert [words.gettext(rule.en) for rule in texts().rules.values()] == [
        rule.in_(language) for rule in texts().rules.values()
    ]


def test_the_panels_show_the_rules_by_which_clients_are_watched() -> None:
    assert list(texts().rules) == list(RULES)


def test_a_hidden_figure_is_shown_as_on_the_pages() -> None:
    assert HIDDEN_SIGN == HIDDEN


def test_every_metric_that_a_panel_or_a_rule_asks_for_is_declared_by_a_service() -> None:
    rules = yaml.safe_load((Path("deploy") / "prometheus" / "rules.yml").read_text(encoding="utf-8"))
    asked = expressions() + [rule["expr"] for group in rules["groups"] for rule in group["rules"]]
    names = {name for expression in asked for name in re.findall(r"\baskelma_[a-z_]+", expression)}
    assert names
    assert names - declared_metrics() == set()


def test_every_promql_of_a_panel_parses(tmp_path: Path) -> None:
    rules = [{"record": f"panel:{number}", "expr": expr} for number, expr in enumerate(expressions())]
    path = tmp_path / "panels.yml"
    path.write_text(yaml.safe_dump({"groups": [{"name": "panels", "rules": rules}]}), encoding="utf-8")
    done = promtool("check", "rules", str(path))
    assert done.returncode == 0, done.stderr


def test_a_broken_promql_would_be_seen(tmp_path: Path) -> None:
    path = tmp_path / "broken.yml"
    path.write_text("groups: [{name: broken, rules: [{record: 'a', expr: 'sum by (step (x)'}]}]", encoding="utf-8")
    assert promtool("check", "rules", str(path)).returncode != 0
