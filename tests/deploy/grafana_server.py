"""A Grafana for tests: a real HTTP server on loopback that keeps folders, data sources and dashboards in memory.

Where Grafana's own API document is given, every request and every answer is held against it, with unknown fields
refused, and what does not fit ends in `violations`.
"""

import json
import re
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, NamedTuple

from openapi_core import OpenAPI
from openapi_core.testing import MockRequest, MockResponse

DOCUMENT = Path(__file__).parents[3] / "shared" / "data" / "grafana" / "openapi3-9.4.json"
COMMANDS = ("SaveDashboardCommand", "CreateFolderCommand", "AddDataSourceCommand", "UpdateDataSourceCommand")
PATHS = (
    "/folders", "/folders/{folder_uid}", "/datasources", "/datasources/uid/{uid}", "/dashboards/db",
    "/dashboards/uid/{uid}",
)  # fmt: skip
TOKEN = "glsa_made_up_for_tests"


class Answer(NamedTuple):
    status: int
    body: object


@dataclass
class Grafana:
    """What the server holds. Tests look into it and change it as another person at the same Grafana would."""

    folders: dict[str, dict[str, Any]] = field(default_factory=dict)
    data_sources: dict[str, dict[str, Any]] = field(default_factory=dict)
    passwords: dict[str, str] = field(default_factory=dict)
    dashboards: dict[str, dict[str, Any]] = field(default_factory=dict)
    provisioned: set[str] = field(default_factory=set)
    requests: list[tuple[str, str]] = field(default_factory=list)
    violations: list[str] = field(default_factory=list)
    instead: Callable[[str, str], Answer | None] = lambda _method, _path: None
    url: str = ""

    @property
    def writes(self) -> list[tuple[str, str]]:
        return [(method, path) for method, path in self.requests if method != "GET"]

    def answer(self, method: str, path: str, body: Any) -> Answer:
        for expected, pattern, act in ROUTES:
            if method == expected and (match := re.fullmatch(pattern, path)):
                return act(self, *match.groups(), *([body] if method != "GET" else []))
        return Answer(404, {"message": "Not found"})

    def get_folder(self, uid: str) -> Answer:
        return Answer(200, self.folders[uid]) if uid in self.folders else Answer(404, {"message": "folder not found"})

    def create_folder(self, body: dict[str, Any]) -> Answer:
        if body["uid"] in self.folders:
            return Answer(409, {"message": "the folder has been changed by someone else"})
        self.folders[body["uid"]] = {"id": len(self.folders) + 1, "uid": body["uid"], "title": body["title"]}
        return Answer(200, self.folders[body["uid"]])

    def get_data_source(self, uid: str) -> Answer:
        found = self.data_sources.get(uid)
        if found is None:
            return Answer(404, {"message": "Data source not found"})
        return Answer(200, found | {"secureJsonFields": {"password": True} if uid in self.passwords else {}})

    def create_data_source(self, body: dict[str, Any]) -> Answer:
        if body["uid"] in self.data_sources or body["name"] in {s["name"] for s in self.data_sources.values()}:
            return Answer(409, {"message": "data source with the same name already exists"})
        return self._keep_data_source(body, "Datasource added")

    def update_data_source(self, uid: str, body: dict[str, Any]) -> Answer:
        return self._keep_data_source(body | {"uid": uid}, "Datasource updated")

    def _keep_data_source(self, body: dict[str, Any], message: str) -> Answer:
        uid = body["uid"]
        self.passwords.update({uid: body["secureJsonData"]["password"]} if "secureJsonData" in body else {})
        kept = {key: value for key, value in body.items() if key != "secureJsonData"}
        self.data_sources[uid] = kept | {"id": 7, "orgId": 1, "readOnly": False}
        stored = self.data_sources[uid]
        return Answer(200, {"id": 7, "name": stored["name"], "message": message, "datasource": stored})

    def get_dashboard(self, uid: str) -> Answer:
        found = self.dashboards.get(uid)
        if found is None:
            return Answer(404, {"message": "Dashboard not found"})
        meta = {"folderUid": found["folderUid"], "version": found["dashboard"]["version"]}
        return Answer(200, {"dashboard": found["dashboard"], "meta": meta | {"provisioned": uid in self.provisioned}})

    def save_dashboard(self, body: dict[str, Any]) -> Answer:
        board = dict(body["dashboard"])
        uid, found = board["uid"], self.dashboards.get(board["uid"])
        if found is not None and board.get("version") != found["dashboard"]["version"] and not body["overwrite"]:
            text = "The dashboard has been changed by someone else"
            return Answer(412, {"message": text, "status": "version-mismatch"})
        if self._title_is_taken(uid, board["title"], body["folderUid"]):
            text = "A dashboard with the same name in the folder already exists"
            return Answer(412, {"message": text, "status": "name-exists"})
        if board["title"] == self.folders[body["folderUid"]]["title"]:
            return Answer(400, {"message": "Dashboard name cannot be the same as folder"})
        version = found["dashboard"]["version"] + 1 if found else 1
        number = found["dashboard"]["id"] if found else len(self.dashboards) + 1
        self.dashboards[uid] = {"dashboard": board | {"id": number, "version": version}, "folderUid": body["folderUid"]}
        answer = {"id": str(number), "uid": uid, "status": "success", "title": "slug", "version": version}
        return Answer(200, answer | {"url": f"/d/{uid}/slug"})

    def _title_is_taken(self, uid: str, title: str, folder: str) -> bool:
        others = [one for key, one in self.dashboards.items() if key != uid and one["folderUid"] == folder]
        return title in {one["dashboard"]["title"] for one in others}


ROUTES: tuple[tuple[str, str, Callable[..., Answer]], ...] = (
    ("GET", "/folders/([^/]+)", Grafana.get_folder),
    ("POST", "/folders", Grafana.create_folder),
    ("GET", "/datasources/uid/([^/]+)", Grafana.get_data_source),
    ("POST", "/datasources", Grafana.create_data_source),
    ("PUT", "/datasources/uid/([^/]+)", Grafana.update_data_source),
    ("GET", "/dashboards/uid/([^/]+)", Grafana.get_dashboard),
    ("POST", "/dashboards/db", Grafana.save_dashboard),
)


class Document:
    """Grafana's API document, with unknown fields of the commands refused."""

    def __init__(self, path: Path) -> None:
        text = json.loads(path.read_text(encoding="utf-8"))
        # Other paths of the document contradict themselves, for which openapi-core refuses the whole.
        text["paths"] = {path: text["paths"][path] for path in PATHS}
        for command in COMMANDS:
            text["components"]["schemas"][command]["additionalProperties"] = False
        self._document = OpenAPI.from_dict(text)

    def violations(self, request: MockRequest, response: MockResponse) -> list[str]:
        found = list(self._document.iter_request_errors(request))
        found += list(self._document.iter_response_errors(request, response))
        return [f"{request.method} {request.path}: {error} {error.__cause__ or ''}" for error in found]


@contextmanager
def serving(document: Document | None) -> Iterator[Grafana]:
    """Serve an empty Grafana on a free port of loopback until the block ends."""
    grafana = Grafana()
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(grafana, document))
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    grafana.url = f"http://127.0.0.1:{server.server_address[1]}"
    try:
        yield grafana
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _handler(grafana: Grafana, document: Document | None) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self._serve()

        do_POST = do_PUT = do_GET  # noqa: N815 - the names that http.server looks for

        def _serve(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            path = self.path.removeprefix("/api")
            grafana.requests.append((self.command, path))
            answer = self._answer(path, body)
            data = answer.body if isinstance(answer.body, bytes) else json.dumps(answer.body).encode()
            if document is not None and answer.status != 401 and not isinstance(answer.body, bytes):
                self._check(document, body, MockResponse(data, answer.status))
            self._send(answer.status, data)

        def _answer(self, path: str, body: bytes) -> Answer:
            if self.headers.get("Authorization") != f"Bearer {TOKEN}":
                return Answer(401, {"message": "Invalid API key"})
            said = grafana.instead(self.command, path)
            return said or grafana.answer(self.command, path, json.loads(body) if body else None)

        def _check(self, document: Document, body: bytes, response: MockResponse) -> None:
            headers: Mapping[str, Any] = dict(self.headers)
            kind = self.headers.get("Content-Type", "")
            request = MockRequest(
                grafana.url, self.command, self.path, headers=dict(headers), data=body, content_type=kind
            )
            grafana.violations.extend(document.violations(request, response))

        def _send(self, status: int, data: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's own name
            """Say nothing: the requests are kept."""

    return Handler
