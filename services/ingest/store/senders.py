"""Who may send: registration, keys, and the scope behind a key."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import text
from sqlmodel.ext.asyncio.session import AsyncSession

from services.ingest.domain.scopes import Scope


class UnknownSenderError(LookupError):
    """No sender of this name is registered for the authority."""


@dataclass(frozen=True, slots=True)
class Sender:
    """A registered sender as an admin sees it."""

    scope: Scope
    keys: int
    created_at: datetime


_REGISTER = text("""
    INSERT INTO ingest.sender (name, authority, types, municipalities, sources, created_at)
    VALUES (:name, :authority, CAST(:types AS text[]), CAST(:municipalities AS text[]), CAST(:sources AS text[]), :now)
    ON CONFLICT (name) DO UPDATE
    SET types = EXCLUDED.types, municipalities = EXCLUDED.municipalities, sources = EXCLUDED.sources
    WHERE sender.authority = EXCLUDED.authority
    RETURNING 1
""")
_ADD_KEY = text("""
    INSERT INTO ingest.sender_key (digest, sender, created_at) VALUES (:digest, :sender, :now)
    ON CONFLICT (digest) DO NOTHING
""")
_REVOKE = text("""
    UPDATE ingest.sender_key AS k SET revoked_at = :now FROM ingest.sender AS s
    WHERE k.sender = s.name AND s.name = :name AND s.authority = :authority AND k.revoked_at IS NULL
    RETURNING 1
""")
_BY_KEY = text("""
    SELECT s.* FROM ingest.sender_key AS k JOIN ingest.sender AS s ON s.name = k.sender
    WHERE k.digest = :digest AND k.revoked_at IS NULL
""")
_BY_NAME = text("SELECT * FROM ingest.sender WHERE name = :name")
_ALL = text("""
    SELECT s.*, (SELECT count(*) FROM ingest.sender_key AS k WHERE k.sender = s.name AND k.revoked_at IS NULL) AS keys
    FROM ingest.sender AS s WHERE s.authority = :authority ORDER BY s.name
""")


async def register(session: AsyncSession, scope: Scope, now: datetime) -> bool:
    """Register a sender or change its scope; False where the name belongs to another authority."""
    done = await session.execute(
        _REGISTER,
        {
            "name": scope.sender,
            "authority": scope.authority,
            "types": sorted(scope.types),
            "municipalities": sorted(scope.municipalities),
            "sources": sorted(scope.sources),
            "now": now,
        },
    )
    return done.scalar() is not None


async def add_key(session: AsyncSession, sender: str, digest: str, now: datetime) -> None:
    """Keep the digest of a sender's key; one that is kept already stays as it is, revoked ones too."""
    await session.execute(_ADD_KEY, {"sender": sender, "digest": digest, "now": now})


async def revoke(session: AsyncSession, authority: str, sender: str, now: datetime) -> int:
    """Revoke all keys of a sender and return how many there were."""
    return len((await session.execute(_REVOKE, {"authority": authority, "name": sender, "now": now})).all())


async def scope_of_key(session: AsyncSession, digest: str) -> Scope | None:
    """Return what the bearer of a key may send, or None for a key that is unknown or revoked."""
    row = (await session.execute(_BY_KEY, {"digest": digest})).first()
    return _scope(row.name, row.authority, row.types, row.municipalities, row.sources) if row else None


async def scope_of_sender(session: AsyncSession, name: str) -> Scope | None:
    """Return what a sender may send that is known by its own topic."""
    row = (await session.execute(_BY_NAME, {"name": name})).first()
    return _scope(row.name, row.authority, row.types, row.municipalities, row.sources) if row else None


async def senders(session: AsyncSession, authority: str) -> Sequence[Sender]:
    """Return the senders of an authority by name, with how many keys of each are in use."""
    rows = await session.execute(_ALL, {"authority": authority})
    return [
        Sender(_scope(row.name, row.authority, row.types, row.municipalities, row.sources), row.keys, row.created_at)
        for row in rows
    ]


def _scope(
    name: str, authority: str, types: Collection[str], municipalities: Collection[str], sources: Collection[str]
) -> Scope:
    return Scope(name, authority, frozenset(types), frozenset(municipalities), frozenset(sources))
