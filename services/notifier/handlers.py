"""What the notifier does with snapshots: keep the newest of each client, look, and tell what changed.

A record may come again, late or twice: a revision not above the stored one is ignored, and a look that finds what is
stored changes nothing.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from sqlmodel.ext.asyncio.session import AsyncSession

from contracts.snapshots import ExposureSnapshot, PathwaySnapshot, exposure_from, pathway_from
from services.notifier import store
from services.notifier.lookout import Lookout, Sight
from services.notifier.metrics import Metrics
from services.notifier.store import Known, NewExposure
from services.runtime.database import Database
from services.runtime.records import Record, Tombstone, decode_exposure, decode_pathway

S = TypeVar("S", PathwaySnapshot, ExposureSnapshot)


@dataclass(frozen=True, slots=True)
class Told(Generic[S]):
    """A snapshot and its record's body: kept as it came, so that nothing is written anew."""

    snapshot: S
    body: bytes


def read_pathway(record: Record) -> Told[PathwaySnapshot] | Tombstone:
    """Read a record of the pathways topic; raises UnreadableFactError."""
    read = decode_pathway(record)
    return read if isinstance(read, Tombstone) else Told(read, record.body or b"")


def read_exposure(record: Record) -> Told[ExposureSnapshot] | Tombstone:
    """Read a record of the exposures topic; raises UnreadableFactError."""
    read = decode_exposure(record)
    return read if isinstance(read, Tombstone) else Told(read, record.body or b"")


class Handlers:
    """The readers' other half; every call is one transaction."""

    def __init__(self, database: Database, lookout: Lookout, metrics: Metrics) -> None:
        self._database = database
        self._lookout = lookout
        self._metrics = metrics

    async def pathways(self, items: Sequence[Told[PathwaySnapshot] | Tombstone]) -> None:
        """Keep the newest pathways and look at their clients."""
        newest = _newest(items)
        async with self._database.transaction() as session:
            await self._erase(session, items)
            known = await self._locked(session, newest)
            fresh = {
                client: told
                for client, told in newest.items()
                if client in known and told.snapshot.revision > known[client].pathway_revision
            }
            exposures = await self._bearing(session, [known[client] for client in fresh])
            await self._lookout.look(
                session,
                [
                    Sight(
                        told.snapshot,
                        exposures.get(client),
                        known[client].looked_on,
                        told.body,
                        told.snapshot.revision,
                    )
                    for client, told in fresh.items()
                ],
                "pathway",
            )

    async def _bearing(self, session: AsyncSession, known: Iterable[Known]) -> dict[str, ExposureSnapshot]:
        # An exposure that is not near can neither open an alert nor have left one open, so it need not be read.
        near = [one.client for one in known if one.near]
        found = await store.exposures_of(session, near) if near else {}
        return {client: exposure_from(body) for client, body in found.items()}

    async def exposures(self, items: Sequence[Told[ExposureSnapshot] | Tombstone]) -> None:
        """Keep the newest exposures and look at the clients on whom they bear, or bore until now."""
        newest = _newest(items)
        async with self._database.transaction() as session:
            await self._erase(session, items)
            known = await self._locked(session, newest)
            fresh = {
                client: told.snapshot
                for client, told in newest.items()
                if client in known and told.snapshot.revision > known[client].exposure_revision
            }
            kept = [
                NewExposure(client, new.revision, newest[client].body, self._lookout.evaluator.bears(new))
                for client, new in fresh.items()
            ]
            if kept:
                await store.keep_exposures(session, kept)
            concerned = [new.client for new in kept if new.near or known[new.client].near]
            pathways = await store.pathways_of(session, concerned) if concerned else {}
            await self._lookout.look(
                session,
                [
                    Sight(pathway_from(body), fresh[client], known[client].looked_on)
                    for client, body in pathways.items()
                ],
                "exposure",
            )

    async def _locked(self, session: AsyncSession, newest: dict[str, Told[S]]) -> dict[str, Known]:
        authority_of = {client: told.snapshot.authority for client, told in newest.items()}
        known = await store.lock(session, authority_of) if authority_of else {}
        self._metrics.erased.labels().inc(len(newest) - len(known))
        return known

    async def _erase(self, session: AsyncSession, items: Collection[Told[S] | Tombstone]) -> None:
        erased = {item.client for item in items if isinstance(item, Tombstone)}
        if erased:
            await store.erase(session, erased)


def _newest(items: Iterable[Told[S] | Tombstone]) -> dict[str, Told[S]]:
    """Return the snapshot with the highest revision of each client, in order of client as rows are locked."""
    newest: dict[str, Told[S]] = {}
    for item in items:
        if isinstance(item, Tombstone):
            continue
        before = newest.get(item.snapshot.client)
        if before is None or before.snapshot.revision < item.snapshot.revision:
            newest[item.snapshot.client] = item
    return dict(sorted(newest.items()))
