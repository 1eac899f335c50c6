"""Routes for admins and services: senders and their keys, quarantine, replay and the journal's watermark."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel, ConfigDict, Field, JsonValue

from contracts.codes import MunicipalityCode
from contracts.dates import Instant
from contracts.facts import DOOR_PAYLOADS
from contracts.text import SourceName
from services.ingest.domain.scopes import Scope
from services.ingest.journaling import ASKELMA
from services.ingest.settings import SenderName
from services.ingest.store import journal, quarantine, senders
from services.ingest.store.journal import LAST_SEQ
from services.runtime.access import ANY_AUTHORITY, Principal, Problem, Role, allow, digest_of, new_token
from services.runtime.clock import Clock
from services.runtime.database import Database

Admin = Annotated[Principal, Depends(allow(Role.ADMIN))]
ServicesOnly = Annotated[Principal, Depends(allow(Role.SERVICE))]
AdminOrService = Annotated[Principal, Depends(allow(Role.ADMIN, Role.SERVICE))]

_MOST_LISTED = 500


class NewSender(BaseModel):
    """A sender to register or to change; empty lists mean any of the authority's."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: SenderName
    types: frozenset[str] = frozenset()
    municipalities: frozenset[MunicipalityCode] = frozenset()
    sources: frozenset[SourceName] = frozenset()


class Replay(BaseModel):
    """Which journal numbers to send again, both included."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    first: Annotated[int, Field(alias="from", ge=0, le=LAST_SEQ)]
    last: Annotated[int, Field(alias="to", ge=0, le=LAST_SEQ)] = LAST_SEQ


def office_routes(database: Database, clock: Clock) -> APIRouter:
    """Return the routes by which the door is kept."""
    router = APIRouter(prefix="/v1", tags=["door"])
    _sender_routes(router, database, clock)
    _journal_routes(router, database, clock)
    return router


def _sender_routes(router: APIRouter, database: Database, clock: Clock) -> None:
    @router.get("/senders")
    async def list_senders(who: Admin) -> list[JsonValue]:
        """List the senders of the admin's authority."""
        async with database.transaction() as session:
            return [_sender(sender) for sender in await senders.senders(session, who.authority)]

    @router.post("/senders", status_code=201)
    async def register_sender(new: NewSender, who: Admin) -> dict[str, str]:
        """Register a sender or change what it may send, and give it a new key, shown this once."""
        unknown = new.types - DOOR_PAYLOADS.keys()
        if unknown:
            raise Problem(422, "Unusable parameters", "types holds what is not a type of fact known here.")
        key = await issue_key(database, clock, _scope(new, who.authority))
        return {"name": new.name, "key": key}

    @router.delete("/senders/{name}/keys")
    async def revoke_keys(name: SenderName, who: Admin) -> dict[str, int]:
        """Revoke all keys of a sender; from then on they open nothing."""
        async with database.transaction() as session:
            revoked = await senders.revoke(session, who.authority, name, clock.now())
        if not revoked:
            raise Problem(404, "Not found", "No sender of this name has a key in use.")
        return {"revoked": revoked}

    @router.get("/quarantine")
    async def list_quarantine(
        who: Admin, before: Annotated[int, Query(ge=0, le=LAST_SEQ)] = LAST_SEQ
    ) -> list[JsonValue]:
        """List refused items, newest first, without their content; `before` is the number to go on from."""
        async with database.transaction() as session:
            items = await quarantine.listed(session, who.authority, before, _MOST_LISTED)
        return [_kept(item) for item in items]


def _journal_routes(router: APIRouter, database: Database, clock: Clock) -> None:
    @router.post("/replay", status_code=202)
    async def replay(asked: Replay, who: AdminOrService) -> dict[str, int]:
        """Send facts again, from a journal number on; receivers know what they have. Admins: of their authority."""
        authority = ANY_AUTHORITY if who.role is Role.SERVICE else who.authority
        async with database.transaction() as session:
            return {"queued": await journal.republish_from(session, asked.first, asked.last, authority)}

    @router.get("/journal/watermark")
    async def watermark(until: Instant, _who: ServicesOnly) -> dict[str, JsonValue]:
        """Give the last journal number before `until`, and whether all up to it has been published."""
        if clock.now() < until:
            return {"seq": 0, "published": False}
        async with database.transaction() as session:
            mark = await journal.watermark(session, until)
        return {"seq": mark.seq, "published": mark.published}


async def issue_key(database: Database, clock: Clock, scope: Scope) -> str:
    """Register a sender, or change its scope, and return a new key; only its digest is kept. Raises Problem."""
    key = new_token()
    async with database.transaction() as session:
        if scope.sender == ASKELMA or not await senders.register(session, scope, clock.now()):
            raise Problem(409, "Name taken", "This name belongs to another sender. Choose another.")
        await senders.add_key(session, scope.sender, digest_of(key), clock.now())
    return key


def _scope(new: NewSender, authority: str) -> Scope:
    return Scope(new.name, authority, new.types, frozenset(new.municipalities), frozenset(new.sources))


def _sender(sender: senders.Sender) -> JsonValue:
    scope = sender.scope
    return {
        "name": scope.sender,
        "types": [*sorted(scope.types)],
        "municipalities": [*sorted(scope.municipalities)],
        "sources": [*sorted(scope.sources)],
        "keys": sender.keys,
        "created_at": _text(sender.created_at),
    }


def _kept(item: quarantine.Kept) -> JsonValue:
    return {
        "number": item.number,
        "sender": item.sender,
        "reason": item.reason,
        "field": item.field,
        "received_at": _text(item.received_at),
        "expires_at": _text(item.expires_at),
    }


def _text(instant: datetime) -> str:
    return instant.isoformat()
