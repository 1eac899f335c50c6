"""The publisher on Grafana's HTTP API (9.4 and newer), by the `grafana-api` package."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final, NoReturn, cast
from urllib.parse import SplitResult, quote, urlsplit

import requests
from grafana_api.grafana_api import GrafanaClientError, GrafanaException, GrafanaUnauthorizedError
from grafana_api.grafana_face import GrafanaFace
from pydantic import SecretStr

from deploy.dashboards.differences import differences
from deploy.dashboards.publisher import Change, DataSource, Folder, Json, JsonObject, Plan, PublishingError, Wanted

TIMEOUT_SECONDS: Final = 15.0
# Grafana sets these itself on every save.
SET_BY_GRAFANA: Final = frozenset({"id", "version", "iteration"})
MANAGED_BY: Final = "managedBy"
CONFLICTS: Final = {
    "version-mismatch": "someone saved the dashboard meanwhile; publish again to see what differs now",
    "name-exists": "another dashboard in the folder has the same title; rename or delete that one",
    "plugin-dashboard": "a plugin owns the dashboard with this uid; remove it from the plugin",
}


@dataclass(frozen=True, slots=True)
class _Step:
    """A change and what makes it."""

    change: Change
    write: Callable[[], object]


class GrafanaPublisher:
    """A DashboardPublisher on one Grafana, known by its address and a service account's token (role Admin)."""

    def __init__(self, url: str, token: SecretStr) -> None:
        address = _address(url)
        prefix = address.path.strip("/")
        host = str(address.hostname)
        self._url = f"{address.scheme}://{host}{f':{address.port}' if address.port else ''}{address.path}"
        self._face = GrafanaFace(
            auth=token.get_secret_value(),
            host=f"[{host}]" if ":" in host else host,
            port=address.port,
            url_path_prefix=f"{prefix}/" if prefix else "",
            protocol=address.scheme,
            timeout=TIMEOUT_SECONDS,
        )

    def close(self) -> None:
        """Give back the connections."""
        self._face.api.s.close()

    def plan(self, wanted: Wanted) -> Plan:
        """Return what `publish` would change."""
        with self._explained():
            return Plan(tuple(step.change for step in self._steps(wanted)))

    def publish(self, wanted: Wanted) -> Plan:
        """Make the changes; all are worked out before the first is written, so a refusal leaves all as it was."""
        with self._explained():
            steps = self._steps(wanted)
            for step in steps:
                if step.change.action != "unchanged":
                    step.write()
        return Plan(tuple(step.change for step in steps))

    def _steps(self, wanted: Wanted) -> list[_Step]:
        return [
            self._folder_step(wanted.folder),
            *(self._data_source_step(source, wanted.mark) for source in wanted.data_sources),
            *(self._dashboard_step(board, wanted) for board in wanted.dashboards),
        ]

    def _folder_step(self, folder: Folder) -> _Step:
        found = _found(lambda: self._face.folder.get_folder(folder.uid))
        change = Change("folder", folder.uid, "create" if found is None else "unchanged")
        return _Step(change, lambda: self._face.folder.create_folder(folder.title, folder.uid))

    def _data_source_step(self, source: DataSource, mark: str) -> _Step:
        # The package's own look-ups go by name or sequence number, neither of which is stable.
        path = f"/datasources/uid/{quote(source.uid, safe='')}"
        found = _found(lambda: self._face.api.GET(path))
        body = _with_secret(_data_source_body(source, mark), source)
        if found is None:
            create = Change("data source", source.uid, "create")
            return _Step(create, lambda: self._face.datasource.create_datasource(body))
        lines = _data_source_differences(found, source, mark)
        change = Change("data source", source.uid, "update" if lines else "unchanged", lines)
        return _Step(change, lambda: self._face.api.PUT(path, json=body))

    def _dashboard_step(self, board: JsonObject, wanted: Wanted) -> _Step:
        uid = str(board["uid"])
        found = _found(lambda: self._face.dashboard.get_dashboard(uid))
        if found is None:
            body = _save_command({**board, "id": None, "version": 0}, wanted)
            return _Step(Change("dashboard", uid, "create"), lambda: self._face.dashboard.update_dashboard(body))
        stored, meta = _ours(found, uid, wanted.mark)
        lines = _dashboard_differences(stored, meta, board, wanted)
        body = _save_command({**board, "id": stored["id"], "version": stored["version"]}, wanted)
        change = Change("dashboard", uid, "update" if lines else "unchanged", lines)
        return _Step(change, lambda: self._face.dashboard.update_dashboard(body))

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except GrafanaException as error:
            _explain(error, self._url)
        except TypeError:
            # The package looks for "message" in an error page as if it were JSON, and trips over a page that has it.
            raise PublishingError(_not_a_grafana(self._url)) from None
        except requests.exceptions.RequestException as error:
            raise PublishingError(_unreachable(error, self._url)) from None


def _address(url: str) -> SplitResult:
    refusal = PublishingError(f"{url!r} is not the address of a Grafana, such as https://grafana.example.fi")
    try:
        address = urlsplit(url)
        is_usable = address.scheme in {"http", "https"} and bool(address.hostname) and address.port != 0
    except ValueError:
        raise refusal from None
    if not is_usable:
        raise refusal
    return address


def _found(ask: Callable[[], object]) -> JsonObject | None:
    try:
        return cast(JsonObject, ask())
    except GrafanaClientError as error:
        if error.status_code == requests.codes.not_found and isinstance(error.response, dict):
            return None
        raise


def _data_source_body(source: DataSource, mark: str) -> JsonObject:
    return {
        "uid": source.uid,
        "name": source.name,
        "type": source.type,
        "access": "proxy",
        "url": source.url,
        "user": source.user,
        "database": source.database,
        "jsonData": {**source.settings, MANAGED_BY: mark},
    }


def _with_secret(body: JsonObject, source: DataSource) -> JsonObject:
    if source.secret is None:
        return body
    return {**body, "secureJsonData": {"password": source.secret.get_secret_value()}}


def _data_source_differences(found: JsonObject, source: DataSource, mark: str) -> tuple[str, ...]:
    settings = found.get("jsonData")
    if not isinstance(settings, dict) or settings.get(MANAGED_BY) != mark:
        raise PublishingError(
            f"The data source {found.get('name')!r} has our uid {source.uid} but was not made by Askelma; "
            "delete it or give it another uid, then publish again."
        )
    body = _data_source_body(source, mark)
    lines = differences({key: found.get(key) for key in body}, body)
    secrets = found.get("secureJsonFields")
    has_secret = isinstance(secrets, dict) and bool(secrets.get("password"))
    return lines if source.secret is None or has_secret else (*lines, "password: not set")


def _ours(found: JsonObject, uid: str, mark: str) -> tuple[JsonObject, JsonObject]:
    stored, meta = cast(JsonObject, found["dashboard"]), cast(JsonObject, found["meta"])
    tags = stored.get("tags")
    if not isinstance(tags, list) or mark not in tags:
        raise PublishingError(
            f"The dashboard {stored.get('title')!r} has our uid {uid} but not our tag {mark!r}, so it is not ours; "
            "move it to another uid, or give it the tag if it may be overwritten."
        )
    if meta.get("provisioned"):
        raise PublishingError(
            f"The dashboard {uid} comes from a provisioning file on Grafana's machine; remove that, then publish again."
        )
    return stored, meta


def _dashboard_differences(stored: JsonObject, meta: JsonObject, board: JsonObject, wanted: Wanted) -> tuple[str, ...]:
    lines = differences(_without_own(stored), _without_own(board))
    if meta.get("folderUid") == wanted.folder.uid:
        return lines
    return (f"folder: {meta.get('folderUid') or 'General'} → {wanted.folder.uid}", *lines)


def _without_own(board: JsonObject) -> Json:
    # A round trip, so that a number or a tuple compares as Grafana gives it back.
    return cast(Json, json.loads(json.dumps({key: board[key] for key in board if key not in SET_BY_GRAFANA})))


def _save_command(board: JsonObject, wanted: Wanted) -> JsonObject:
    # Without `overwrite` Grafana refuses to write over a version that the plan has not seen.
    return {
        "dashboard": board,
        "folderUid": wanted.folder.uid,
        "message": "Published by askelma dashboards publish",
        "overwrite": False,
    }


def _explain(error: GrafanaException, url: str) -> NoReturn:
    if not isinstance(error.response, dict):
        raise PublishingError(_not_a_grafana(url)) from None
    answer = error.response
    said = CONFLICTS.get(str(answer.get("status"))) or answer.get("message") or f"status {error.status_code}"
    if isinstance(error, GrafanaUnauthorizedError):
        text = f"Grafana at {url} does not accept the token; make a service account of role Admin and use its token."
    elif error.status_code == requests.codes.forbidden:
        text = f"The token may not do this at {url}; its service account needs the role Admin (Grafana says: {said})."
    else:
        text = f"Grafana at {url} refused: {said}."
    raise PublishingError(text) from None


def _unreachable(error: requests.exceptions.RequestException, url: str) -> str:
    match error:
        case requests.exceptions.JSONDecodeError():
            return _not_a_grafana(url)
        case requests.exceptions.SSLError():
            return f"The certificate of {url} cannot be trusted; check it, or the address."
        case requests.exceptions.Timeout():
            return f"{url} did not answer within {TIMEOUT_SECONDS:.0f} seconds; try again when Grafana is less busy."
        case _:
            return f"{url} cannot be reached; is Grafana running there, and is the address right?"


def _not_a_grafana(url: str) -> str:
    return f"{url} answers, but not as a Grafana does; check the address, and its path if a proxy adds one."
