"""The door over HTTP: CloudEvents in structured, binary and batched mode; one clear answer for each."""

from collections.abc import Sequence
from typing import Annotated, Final

from fastapi import APIRouter, Depends, Request, Response
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from pydantic import JsonValue
from pydantic_core import to_json

from services.ingest.domain.bindings import (
    BATCH,
    HTTP_PREFIX,
    PLAIN,
    STRUCTURED,
    Sent,
    UnreadableError,
    binary_http,
    media_type,
    parsed,
    structured,
)
from services.ingest.domain.refusals import Reason, Refused
from services.ingest.domain.scopes import Scope
from services.ingest.journaling import Outcome, Taken
from services.ingest.reception import Reception
from services.ingest.store.senders import scope_of_key
from services.runtime.access import Access, Problem, digest_of
from services.runtime.bodies import body_of
from services.runtime.database import Database
from services.runtime.problems import MEDIA_TYPE

_BEARER: Final = HTTPBearer(auto_error=False, description="A sender's key, as `Authorization: Bearer <key>`.")

_STATUS: Final = {Reason.ID_REUSE: 409, Reason.OUT_OF_SCOPE: 403}
_TITLES: Final = {403: "Outside the key's scope", 409: "Id used again", 422: "Event refused"}


def event_routes(reception: Reception, database: Database, largest_body: int) -> APIRouter:
    """Return the route by which senders' events come in."""
    router = APIRouter(tags=["events"])

    @router.post("/v1/events", response_class=Response, openapi_extra=_DOCUMENTED)
    async def receive_events(
        request: Request, bearer: Annotated[HTTPAuthorizationCredentials | None, Depends(_BEARER)]
    ) -> Response:
        """Take events of the bearer; what is answered with 2xx is in the journal."""
        scope = await _scope(database, request.app.state.access, bearer)
        kind = _kind(request)
        events = _events(kind, request, await body_of(request, largest_body))
        outcomes = await reception.receive(scope, events, "http")
        return _for_batch(outcomes) if kind == BATCH else _for_one(outcomes[0])

    return router


async def _scope(database: Database, access: Access, bearer: HTTPAuthorizationCredentials | None) -> Scope:
    scope = None
    if bearer is not None:
        async with database.transaction() as session:
            scope = await scope_of_key(session, digest_of(bearer.credentials))
        if scope is None and access.principal_of(bearer.credentials) is not None:
            raise _refused_key(
                "Not a sender's key",
                "This token is a person's or a service's. Events need a sender's key; an administrator registers "
                "senders and gives out their keys.",
            )
    if scope is None:
        raise _refused_key("Unknown key", "Send a sender's key that is in use as Authorization: Bearer <key>.")
    return scope


def _refused_key(title: str, detail: str) -> Problem:
    return Problem(401, title, detail, headers={"WWW-Authenticate": "Bearer"})


def _kind(request: Request) -> str:
    if request.headers.get("content-encoding", "identity") != "identity":
        raise Problem(415, "Encoding not taken", "Send the body as it is, without Content-Encoding.")
    kind = media_type(request.headers.get("content-type", ""))
    is_event = any(name.startswith(HTTP_PREFIX) for name in request.headers)
    if kind in {STRUCTURED, BATCH} or (kind == PLAIN and is_event):
        return kind
    raise Problem(
        415,
        "Media type not taken",
        f"Send one event as {STRUCTURED}, several as {BATCH}, both in UTF-8, or one as {PLAIN} with its attributes "
        f"in headers that begin with {HTTP_PREFIX}.",
    )


def _events(kind: str, request: Request, body: bytes) -> list[Sent]:
    try:
        value = parsed(body)
    except UnreadableError as error:
        raise _unreadable(f"Nothing was taken: {error}.") from None
    if kind == PLAIN:
        return [binary_http(request.headers, body, value)]
    if kind == STRUCTURED:
        if not isinstance(value, dict):
            raise _unreadable("Nothing was taken: one event is a JSON object.")
        return [structured(value)]
    if not isinstance(value, list):
        raise _unreadable("Nothing was taken: a batch is a JSON array of events.")
    return [structured(item) for item in value]


def _unreadable(detail: str) -> Problem:
    return Problem(400, "Unreadable request", detail)


def _for_one(outcome: Outcome) -> Response:
    if not isinstance(outcome, Refused):
        return _json({"status": _status(outcome)})
    status = _STATUS.get(outcome.reason, 422)
    raise Problem(status, _TITLES[status], _said(outcome), reason=str(outcome.reason), field=outcome.field)


def _for_batch(outcomes: Sequence[Outcome]) -> Response:
    receipts: list[JsonValue] = [_receipt(index, outcome) for index, outcome in enumerate(outcomes)]
    refused = sum(isinstance(outcome, Refused) for outcome in outcomes)
    if not outcomes or refused < len(outcomes):
        return _json({"receipts": receipts})
    problem = Problem(422, "Batch refused", "No event of this batch can be used; receipts say why.", receipts=receipts)
    return _json(problem.document, 422, MEDIA_TYPE)


def _receipt(index: int, outcome: Outcome) -> JsonValue:
    if not isinstance(outcome, Refused):
        return {"index": index, "status": _status(outcome)}
    said = {"reason": str(outcome.reason), "field": outcome.field, "detail": _said(outcome)}
    return {"index": index, "status": "refused", **said}


def _status(outcome: Taken) -> str:
    return "accepted" if outcome.new else "known"


def _said(refused: Refused) -> str:
    return f"{refused.field} {refused.text}." if refused.field else f"{refused.text[:1].upper()}{refused.text[1:]}."


def _json(value: JsonValue, status: int = 200, kind: str = PLAIN) -> Response:
    return Response(to_json(value), status, media_type=kind)


_DOCUMENTED: Final = {
    "requestBody": {
        "required": True,
        "content": {
            STRUCTURED: {"schema": {"type": "object"}},
            BATCH: {"schema": {"type": "array", "items": {"type": "object"}}},
            PLAIN: {"schema": {"type": "object"}},
        },
    }
}
