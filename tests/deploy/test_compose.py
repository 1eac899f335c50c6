import re
from pathlib import Path
from typing import Any

import yaml

from deploy.database.roles import PASSWORDS_SETTING, ROLES
from services.ingest.settings import IngestSettings
from services.runtime.migrations import SERVICES

DEPLOY = Path(__file__).parents[2] / "deploy"
COMPOSE: dict[str, Any] = yaml.safe_load((DEPLOY / "compose.yaml").read_text(encoding="utf-8"))


def test_every_service_of_askelma_runs_as_a_process_of_its_own() -> None:
    run = {name: one["command"][:3] for name, one in COMPOSE["services"].items() if "command" in one}
    assert run == {service: ["run", service, "--host"] for service in SERVICES}


def test_prometheus_asks_every_service_and_nothing_else() -> None:
    config = yaml.safe_load((DEPLOY / "prometheus" / "prometheus.yml").read_text(encoding="utf-8"))
    (job,) = config["scrape_configs"]
    assert job["static_configs"] == [{"targets": [f"{service}:8080" for service in SERVICES]}]


def test_every_setting_is_one_that_the_program_reads() -> None:
    named = {name for one in COMPOSE["services"].values() for name in one.get("environment", {})}
    asked = {name.removesuffix("_FILE") for name in named if name.startswith("ASKELMA_")} - {PASSWORDS_SETTING}
    known = {f"ASKELMA_{field.upper()}".removesuffix("_FILE") for field in IngestSettings.model_fields}
    assert asked - known == set()


def test_every_secret_is_declared_and_every_file_is_told_in_the_readme() -> None:
    used = {secret(one) for service in COMPOSE["services"].values() for one in service.get("secrets", [])}
    assert used == set(COMPOSE["secrets"])
    readme = (DEPLOY / "README.md").read_text(encoding="utf-8")
    told = set(re.findall(r"`([a-z_.]+)`", readme.partition("## The example of production")[2]))
    files = {Path(one["file"]).name for one in COMPOSE["secrets"].values()}
    services_urls = {f"{service}_database_url" for service in SERVICES}
    assert files - services_urls - told == set()


def test_every_role_gets_its_password_when_all_is_prepared() -> None:
    assert set(ROLES) <= set(COMPOSE["services"]["prepare"]["secrets"])


def secret(entry: str | dict[str, str]) -> str:
    return entry if isinstance(entry, str) else entry["source"]
