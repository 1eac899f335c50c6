"""What `askelma dashboards publish` does: the wanted state of Grafana, planned or published."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import cast

from grafana_foundation_sdk.cog.encoder import JSONEncoder
from pydantic import SecretStr

from deploy.dashboards.askelma import askelma_dashboard
from deploy.dashboards.grafana import GrafanaPublisher
from deploy.dashboards.names import LANGUAGES, NAMES, Language, Names
from deploy.dashboards.publisher import DashboardPublisher, DataSource, Folder, JsonObject, Plan, Wanted
from deploy.dashboards.settings import FiguresSettings


def plan_dashboards(url: str, token: SecretStr, settings: FiguresSettings | None = None) -> Plan:
    """Return what publishing would change in the Grafana at `url`, and change nothing. Raises PublishingError."""
    with _publisher(url, token) as publisher:
        return publisher.plan(wanted_state(settings or FiguresSettings.load()))


def publish_dashboards(url: str, token: SecretStr, settings: FiguresSettings | None = None) -> Plan:
    """Bring the Grafana at `url` to the wanted state and return what changed. Raises PublishingError."""
    with _publisher(url, token) as publisher:
        return publisher.publish(wanted_state(settings or FiguresSettings.load()))


def wanted_state(settings: FiguresSettings, names: Names = NAMES) -> Wanted:
    """Return the folder, the data sources that `settings` name, and the dashboard in every language."""
    return Wanted(
        folder=Folder(names.folder_uid, names.folder_title),
        data_sources=(*_prometheus(settings, names), *_database(settings, names)),
        dashboards=tuple(dashboard_json(language, names) for language in LANGUAGES),
        mark=names.mark,
    )


def dashboard_json(language: Language, names: Names = NAMES) -> JsonObject:
    """Return the dashboard as the JSON that Grafana stores."""
    return cast(JsonObject, json.loads(JSONEncoder().encode(askelma_dashboard(language, names))))


def _prometheus(settings: FiguresSettings, names: Names) -> Iterator[DataSource]:
    if settings.prometheus_url is not None:
        yield DataSource(
            names.prometheus_uid,
            "Askelma metrics",
            "prometheus",
            settings.prometheus_url,
            settings={"httpMethod": "POST", "timeInterval": "15s"},
        )


def _database(settings: FiguresSettings, names: Names) -> Iterator[DataSource]:
    if settings.database_address is not None:
        yield DataSource(
            names.database_uid,
            "Askelma published figures",
            "postgres",
            settings.database_address,
            settings.database_user,
            settings.database_name,
            {"sslmode": settings.database_tls, "postgresVersion": 1500, "maxOpenConns": 4},
            settings.password(),
        )


@contextmanager
def _publisher(url: str, token: SecretStr) -> Iterator[DashboardPublisher]:
    publisher = GrafanaPublisher(url, token)
    try:
        yield publisher
    finally:
        publisher.close()
