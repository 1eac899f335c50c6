"""Queries of the watch over clients: snapshots, findings, alerts, outbox. Callers commit.

Rows are written column by column, one statement a batch: a statement a row would take longer than all the rules.
"""

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

from pydantic import TypeAdapter
from sqlalchemy import Row, text
from sqlmodel.ext.asyncio.session import AsyncSession

from contracts.snapshots import ALERT, AlertEvent
from contracts.topics import ALERTS
from services.notifier.domain.findings import AlertKey, Finding
from services.notifier.domain.life import Verdict, is_open
from services.runtime.publisher import Outgoing

_FINDINGS: Final[TypeAdapter[tuple[Finding, ...]]] = TypeAdapter(tuple[Finding, ...])

OUTBOX_CHANNEL: Final = "askelma_notifier_outbox"
"""Notified when alert events wait for the relay."""


@dataclass(frozen=True, slots=True)
class Known:
    """What was stored of a client before this batch; the caller holds the row's lock."""

    client: str
    pathway_revision: int
    exposure_revision: int
    near: bool
    looked_on: date | None


@dataclass(frozen=True, slots=True)
class Due:
    """A client whose timer has come, with both snapshots as they came from their topics."""

    client: str
    pathway: bytes
    exposure: bytes | None
    looked_on: date | None


async def lock(session: AsyncSession, authority_of: Mapping[str, str]) -> dict[str, Known]:
    """Lock the rows of these clients in sorted order, making those that are missing; erased ones are left out."""
    clients = sorted(authority_of)
    await session.execute(_ENSURE, {"clients": clients, "authorities": [authority_of[client] for client in clients]})
    rows = await session.execute(_LOCK, {"clients": clients})
    return {row.client: Known(*row) for row in rows}


async def pathways_of(session: AsyncSession, clients: Collection[str]) -> dict[str, bytes]:
    """Return the stored pathway snapshots of `clients`, as they came."""
    rows = await session.execute(_PATHWAYS, {"clients": list(clients)})
    return {row.client: row.pathway for row in rows}


async def exposures_of(session: AsyncSession, clients: Collection[str]) -> dict[str, bytes]:
    """Return the stored exposure snapshots of `clients`, as they came."""
    rows = await session.execute(_EXPOSURES, {"clients": list(clients)})
    return {row.client: row.exposure for row in rows}


@dataclass(frozen=True, slots=True)
class NewExposure:
    """An exposure snapshot to keep, as it came, and whether it bears on the rules."""

    client: str
    revision: int
    body: bytes
    near: bool


async def keep_exposures(session: AsyncSession, exposures: Sequence[NewExposure]) -> None:
    """Store the newest exposure snapshots; nobody has looked at them yet."""
    await session.execute(
        _KEEP_EXPOSURES,
        {
            "clients": [one.client for one in exposures],
            "revisions": [one.revision for one in exposures],
            "bodies": [one.body for one in exposures],
            "nears": [one.near for one in exposures],
        },
    )


@dataclass(frozen=True, slots=True)
class Looked:
    """A look at one client to keep: the verdict as of `on`, and the pathway snapshot if it is a new one."""

    verdict: Verdict
    on: date
    homes: str
    near: bool
    pathway: bytes | None = None
    revision: int | None = None


async def keep(session: AsyncSession, looks: Sequence[Looked], rules: str) -> None:
    """Store what the looks found, under the rule file with the digest `rules`."""
    await session.execute(
        _KEEP,
        {
            "rules": rules,
            "clients": [look.verdict.client.client for look in looks],
            "pathways": [look.pathway for look in looks],
            "revisions": [look.revision for look in looks],
            "nears": [look.near for look in looks],
            "municipalities": [look.verdict.client.municipality for look in looks],
            "coordinators": [look.verdict.client.coordinator for look in looks],
            "homes": [look.homes for look in looks],
            "findings": [findings_json(look.verdict.findings) for look in looks],
            "nexts": [look.verdict.next_on for look in looks],
            "days": [look.on for look in looks],
        },
    )


def findings_json(findings: tuple[Finding, ...]) -> str:
    """Write findings as the queries of `listing` read them."""
    return _FINDINGS.dump_json(findings).decode()


async def alerts_of(session: AsyncSession, clients: Collection[str]) -> dict[str, dict[AlertKey, AlertEvent]]:
    """Return all alerts of `clients`, open and closed, each as its newest event."""
    found: dict[str, dict[AlertKey, AlertEvent]] = {client: {} for client in clients}
    for row in await session.execute(_ALERTS, {"clients": list(clients)}):
        found[row.client][AlertKey(row.rule, row.key)] = _event(row)
    return found


def _event(row: Row[tuple[object, ...]]) -> AlertEvent:
    return AlertEvent(
        row.authority, row.client, row.rule, row.key, row.change, row.state, row.at, row.since,
        row.severity, row.municipality, row.coordinator, tuple(row.reasons),
    )  # fmt: skip


async def record(session: AsyncSession, events: Sequence[AlertEvent]) -> None:
    """Store changes: the alert as it now is, its history, and what the relay is to send."""
    columns = {
        "clients": [event.client for event in events],
        "rules": [event.rule for event in events],
        "keys": [event.key for event in events],
        "authorities": [event.authority for event in events],
        "changes": [event.change for event in events],
        "states": [event.state for event in events],
        "opens": [is_open(event) for event in events],
        "ats": [event.at for event in events],
        "sinces": [event.since for event in events],
        "severities": [event.severity for event in events],
        "municipalities": [event.municipality for event in events],
        "coordinators": [event.coordinator for event in events],
        "reasons": [json.dumps(event.reasons) for event in events],
        "ids": [str(event.id) for event in events],
        "bodies": [ALERT.dump_json(event) for event in events],
    }
    await session.execute(_RECORD, columns)
    await session.execute(_NOTIFY, {"channel": OUTBOX_CHANNEL})


async def take_outbox(session: AsyncSession, most: int) -> Sequence[Outgoing]:
    """Take up to `most` events out of the outbox, oldest first; rows that another relay holds are skipped."""
    rows = await session.execute(_TAKE, {"most": most})
    return [
        Outgoing(
            ALERTS.name,
            row.client,
            row.body,
            {"content-type": "application/json", "ce_id": str(row.id), "ce_authority": row.authority},
        )
        for row in sorted(rows, key=lambda row: row.number)
    ]


async def take_due(session: AsyncSession, today: date, most: int) -> list[Due]:
    """Lock up to `most` clients whose timer has come by `today`; those that another scheduler holds are skipped."""
    rows = await session.execute(_DUE, {"today": today, "most": most})
    return [Due(*row) for row in rows]


async def count_due(session: AsyncSession, today: date) -> int:
    """Return how many clients wait for a look by `today`."""
    return int((await session.execute(_COUNT_DUE, {"today": today})).scalar_one())


async def put_off(session: AsyncSession, client: str, day: date) -> None:
    """Set the timer of a client to `day`."""
    await session.execute(_PUT_OFF, {"client": client, "day": day})


async def outbox_is_empty(session: AsyncSession) -> bool:
    """Tell whether the relay has nothing left to send."""
    return not (await session.execute(text("SELECT EXISTS (SELECT FROM notifier.outbox)"))).scalar_one()


async def wake_all_of_other_rules(session: AsyncSession, rules: str, today: date) -> None:
    """Set the timers of all clients who were last looked at under another rule file."""
    await session.execute(_WAKE, {"rules": rules, "today": today})


async def erase(session: AsyncSession, clients: Collection[str]) -> None:
    """Delete everything about `clients` and keep their references, so that they do not come back."""
    named = {"clients": sorted(clients)}
    for statement in _ERASE:
        await session.execute(statement, named)


_ENSURE: Final = text("""
    INSERT INTO notifier.client (client, authority)
    SELECT told.client, told.authority
    FROM unnest(CAST(:clients AS text[]), CAST(:authorities AS text[])) AS told(client, authority)
    WHERE NOT EXISTS (SELECT FROM notifier.erased WHERE erased.client = told.client)
    ORDER BY told.client
    ON CONFLICT DO NOTHING
""")

_LOCK: Final = text("""
    SELECT client, pathway_revision, exposure_revision, near, looked_on
    FROM notifier.client WHERE client = ANY(:clients) ORDER BY client FOR UPDATE
""")

_PATHWAYS: Final = text(
    "SELECT client, pathway FROM notifier.client WHERE client = ANY(:clients) AND pathway IS NOT NULL"
)

_EXPOSURES: Final = text(
    "SELECT client, exposure FROM notifier.client WHERE client = ANY(:clients) AND exposure IS NOT NULL"
)

_KEEP_EXPOSURES: Final = text("""
    UPDATE notifier.client
    SET exposure = told.exposure, exposure_revision = told.revision, near = told.near
    FROM unnest(CAST(:clients AS text[]), CAST(:revisions AS bigint[]), CAST(:bodies AS bytea[]),
                CAST(:nears AS boolean[])) AS told(client, revision, exposure, near)
    WHERE client.client = told.client
""")

_KEEP: Final = text("""
    UPDATE notifier.client
    SET pathway = COALESCE(told.pathway, client.pathway),
        pathway_revision = COALESCE(told.revision, client.pathway_revision),
        near = told.near, municipality = told.municipality, coordinator = told.coordinator,
        homes = CAST(told.homes AS jsonb), findings = CAST(told.findings AS jsonb),
        next_on = told.next_on, looked_on = told.looked_on, rules = :rules
    FROM unnest(CAST(:clients AS text[]), CAST(:pathways AS bytea[]), CAST(:revisions AS bigint[]),
                CAST(:nears AS boolean[]), CAST(:municipalities AS text[]), CAST(:coordinators AS text[]),
                CAST(:homes AS text[]), CAST(:findings AS text[]), CAST(:nexts AS date[]), CAST(:days AS date[]))
         AS told(client, pathway, revision, near, municipality, coordinator, homes, findings, next_on, looked_on)
    WHERE client.client = told.client
""")

_ALERTS: Final = text("SELECT * FROM notifier.alert WHERE client = ANY(:clients)")

_RECORD: Final = text("""
    WITH told AS (
        SELECT * FROM unnest(
            CAST(:clients AS text[]), CAST(:rules AS text[]), CAST(:keys AS text[]), CAST(:authorities AS text[]),
            CAST(:changes AS int[]), CAST(:states AS text[]), CAST(:opens AS boolean[]), CAST(:ats AS timestamptz[]),
            CAST(:sinces AS date[]), CAST(:severities AS text[]), CAST(:municipalities AS text[]),
            CAST(:coordinators AS text[]), CAST(:reasons AS text[]), CAST(:ids AS text[]), CAST(:bodies AS bytea[])
        ) WITH ORDINALITY AS e(client, rule, key, authority, change, state, open, at, since, severity, municipality,
                               coordinator, reasons, id, body, place)
    ), kept AS (
        INSERT INTO notifier.alert (client, rule, key, authority, change, state, open, at, since, severity,
                                    municipality, coordinator, reasons)
        SELECT client, rule, key, authority, change, state, open, at, since, severity, municipality, coordinator,
               CAST(reasons AS jsonb)
        FROM told
        ON CONFLICT (client, rule, key) DO UPDATE
        SET change = EXCLUDED.change, state = EXCLUDED.state, open = EXCLUDED.open, at = EXCLUDED.at,
            since = EXCLUDED.since, severity = EXCLUDED.severity, municipality = EXCLUDED.municipality,
            coordinator = EXCLUDED.coordinator, reasons = EXCLUDED.reasons
    ), remembered AS (
        INSERT INTO notifier.alert_change (client, rule, key, authority, change, state, at, since, severity,
                                           municipality, coordinator, reasons, id)
        SELECT client, rule, key, authority, change, state, at, since, severity, municipality, coordinator,
               CAST(reasons AS jsonb), CAST(id AS uuid)
        FROM told
    )
    INSERT INTO notifier.outbox (client, authority, id, body)
    SELECT client, authority, CAST(id AS uuid), body FROM told ORDER BY place
""")

_NOTIFY: Final = text("SELECT pg_notify(:channel, '')")

_TAKE: Final = text("""
    DELETE FROM notifier.outbox
    WHERE number IN (SELECT number FROM notifier.outbox ORDER BY number LIMIT :most FOR UPDATE SKIP LOCKED)
    RETURNING number, client, authority, id, body
""")

_DUE: Final = text("""
    SELECT client, pathway, exposure, looked_on FROM notifier.client
    WHERE next_on <= :today AND pathway IS NOT NULL
    ORDER BY client LIMIT :most FOR UPDATE SKIP LOCKED
""")

_COUNT_DUE: Final = text("SELECT count(*) FROM notifier.client WHERE next_on <= :today AND pathway IS NOT NULL")

_PUT_OFF: Final = text("UPDATE notifier.client SET next_on = :day WHERE client = :client")

_WAKE: Final = text("""
    UPDATE notifier.client SET next_on = :today
    WHERE pathway IS NOT NULL AND rules IS DISTINCT FROM :rules AND (next_on IS NULL OR next_on > :today)
""")

_ERASE: Final = tuple(
    text(statement)
    for statement in (
        "INSERT INTO notifier.erased (client) SELECT unnest(CAST(:clients AS text[])) ON CONFLICT DO NOTHING",
        "DELETE FROM notifier.client WHERE client = ANY(:clients)",
        "DELETE FROM notifier.alert WHERE client = ANY(:clients)",
        "DELETE FROM notifier.alert_change WHERE client = ANY(:clients)",
        "DELETE FROM notifier.outbox WHERE client = ANY(:clients)",
        "DELETE FROM notifier.delivery WHERE client = ANY(:clients)",
        "DELETE FROM notifier.dead_letter WHERE client = ANY(:clients)",
    )
)
