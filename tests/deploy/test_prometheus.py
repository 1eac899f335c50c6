import re
from pathlib import Path

import pytest
import yaml
from prometheus_client import CollectorRegistry, start_http_server

from services.runtime.metrics import Meter
from tests.deploy.prometheus_server import FOLDER, prometheus, promtool, wait_until_scraped

RULES = yaml.safe_load((FOLDER / "rules.yml").read_text(encoding="utf-8"))
ALERTS = [rule for group in RULES["groups"] for rule in group["rules"]]


def test_the_configuration_and_the_rules_are_valid() -> None:
    done = promtool("check", "config", "prometheus.yml")
    assert done.returncode == 0, done.stderr


def test_the_rules_fire_and_stay_silent_as_their_own_tests_say() -> None:
    done = promtool("test", "rules", "rules.test.yml")
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_alert_is_tried_in_the_rules_own_tests() -> None:
    tried = re.findall(r"alertname: (\w+)", (FOLDER / "rules.test.yml").read_text(encoding="utf-8"))
    assert {rule["alert"] for rule in ALERTS} == set(tried)


@pytest.mark.parametrize("rule", ALERTS, ids=lambda rule: rule["alert"])
def test_every_alert_says_what_it_means_and_names_a_runbook_that_names_it(rule: dict[str, dict[str, str]]) -> None:
    notes = rule["annotations"]
    assert notes["summary"]
    assert notes["description"]
    runbook = FOLDER.parents[1] / notes["runbook_url"]
    assert f"`{rule['alert']}`" in runbook.read_text(encoding="utf-8")


@pytest.mark.wire
def test_a_real_prometheus_scrapes_our_metrics_and_keeps_the_label_service(tmp_path: Path) -> None:
    registry = CollectorRegistry()
    meter = Meter(registry, "indicators")
    lag = meter.gauge("askelma_consumer_lag_records", "Records not yet read.", {"topic": ["askelma.facts.v1"]})
    lag.labels(topic="askelma.facts.v1").set(12)
    server, thread = start_http_server(0, "127.0.0.1", registry)
    try:
        with prometheus(tmp_path, [f"127.0.0.1:{server.server_port}"]) as running:
            wait_until_scraped(running, "askelma", 1)
            (series,) = running.query('sum by (service, topic) (askelma_consumer_lag_records{job="askelma"})')
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
    assert series["metric"] == {"service": "indicators", "topic": "askelma.facts.v1"}
    assert series["value"][1] == "12"
