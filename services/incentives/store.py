"""Queries of this room, column-wise, one statement for each kind of work; nothing here commits.

A client has one row in `client`; its lock is the lock of everything about the client.
"""

import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

import numpy as np
from sqlalchemy import Row, TextClause, text
from sqlmodel.ext.asyncio.session import AsyncSession

from contracts.envelope import Fact
from contracts.facts import BenefitCounterSet, BenefitPaid, EventRetracted
from services.incentives.domain.costs import CostLines, first_day_of
from services.incentives.domain.money import Ints
from services.incentives.domain.pathways import Change, Handover
from services.incentives.domain.payments import UNKNOWN, CounterSets, Payments, Track, column, key_of, numbered
from services.incentives.domain.reckoning import Ledger
from services.incentives.domain.schemes import BASES, BENEFITS, COUNTERS, Scheme

NO_MUNICIPALITY: Final = ""
"""Stands in a key for a payer that is not known yet."""

EVER: Final = 1
"""The first ordinal: everything is to be reckoned anew."""


_COLUMN: Final = re.compile(r"\[(\w+) (text|int|bigint|date|timestamptz)\]")


def _statement(sql: str) -> TextClause:
    """Return a statement in which `[name type]` stands for a column of values that `array` has written as one text.

    The driver looks at every element of a list several times; one text in its place takes a tenth of the time, and
    half a million elements go through here for every hundred thousand facts.

    Rows are found by `IN (SELECT unnest(…))`: `= ANY(…)` of such a parameter compares every row with every element.
    """
    return text(_COLUMN.sub(r"CAST(CAST(:\1 AS text) AS \2[])", sql))


def array(values: Iterable[object]) -> str:
    """Write `values` as PostgreSQL reads an array from text."""
    return "{" + ",".join(map(_element, values)) + "}"


def arrays(columns: Mapping[str, Iterable[object]]) -> dict[str, str]:
    """Write each of `columns` as an array."""
    return {name: array(values) for name, values in columns.items()}


def _element(value: object) -> str:
    if isinstance(value, int):
        return str(value)
    if value is None:
        return "NULL"
    return '"' + str(value).replace("\\", "\\\\").replace('"', '\\"') + '"'


# --- clients and their pathways --------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of a client beside its facts. `is_told`: an exposure of it exists."""

    client: str
    authority: str
    pathway_revision: int | None
    steps: tuple[Change, ...]
    homes: tuple[Change, ...]
    is_erased: bool
    is_told: bool
    coordinators: tuple[Handover, ...] = ()


@dataclass(frozen=True, slots=True)
class Course:
    """What is to be kept of a pathway."""

    client: str
    revision: int | None
    steps: tuple[Change, ...] = ()
    homes: tuple[Change, ...] = ()
    coordinators: tuple[Handover, ...] = ()


_ADD_CLIENTS: Final = _statement("""
    INSERT INTO incentives.client (client, authority)
    SELECT * FROM unnest([clients text], [authorities text]) AS n(client, authority)
    WHERE n.authority <> '' AND NOT EXISTS (SELECT FROM incentives.client c WHERE c.client = n.client)
    ON CONFLICT DO NOTHING
""")

_KNOWN: Final = """
    SELECT c.client, c.authority, c.pathway_revision, c.step_days, c.steps, c.home_days, c.homes, c.coordinator_days,
           c.coordinators, c.erased_on IS NOT NULL AS is_erased,
           EXISTS (SELECT FROM incentives.exposure e WHERE e.client = c.client) AS is_told
    FROM incentives.client c WHERE {condition}
"""
_LOCK: Final = _statement(
    _KNOWN.format(condition="c.client IN (SELECT unnest([clients text])) ORDER BY c.client FOR UPDATE OF c")
)
_FIND: Final = text(_KNOWN.format(condition="c.client = :client AND c.authority = :authority AND c.erased_on IS NULL"))


async def lock(session: AsyncSession, authorities: Mapping[str, str]) -> dict[str, Known]:
    """Lock the rows of clients (reference → authority), adding those that are new, and return what they hold.

    A client whose authority is not known ("") is not added.
    """
    clients = sorted(authorities)
    await session.execute(
        _ADD_CLIENTS, {"clients": array(clients), "authorities": array(authorities[c] for c in clients)}
    )
    rows = (await session.execute(_LOCK, {"clients": array(clients)})).all()
    return {row.client: _known(row) for row in rows}


async def find(session: AsyncSession, authority: str, client: str) -> Known | None:
    """Return what is known of a client of `authority`, without a lock; None: there is no such client, or no more."""
    row = (await session.execute(_FIND, {"client": client, "authority": authority})).first()
    return None if row is None else _known(row)


def _known(row: Row[tuple[object, ...]]) -> Known:
    return Known(
        row.client,
        row.authority,
        row.pathway_revision,
        tuple(zip(row.step_days, row.steps, strict=True)),
        tuple(zip(row.home_days, row.homes, strict=True)),
        row.is_erased,
        row.is_told,
        tuple(zip(row.coordinator_days, row.coordinators, strict=True)),
    )


_PAID_IN: Final = text("""
    SELECT c.client, c.authority, c.pathway_revision, c.step_days, c.steps, c.home_days, c.homes,
           c.coordinator_days, c.coordinators, FALSE AS is_erased, TRUE AS is_told
    FROM incentives.client c
    WHERE c.client > :last AND c.client IN (SELECT k.client FROM incentives.cost k
                                            WHERE k.authority = :authority
                                              AND k.month IN (SELECT unnest(CAST(:months AS date[]))))
    ORDER BY c.client LIMIT :limit
""")


async def paid_in(session: AsyncSession, authority: str, months: Sequence[date], last: str, limit: int) -> list[Known]:
    """Return up to `limit` clients after `last` with payments posted in any of `months`."""
    asked = {"authority": authority, "months": list(months), "last": last, "limit": limit}
    return [_known(row) for row in await session.execute(_PAID_IN, asked)]


_HOLD: Final = text("LOCK TABLE incentives.client IN SHARE MODE")


async def hold(session: AsyncSession) -> None:
    """Let nobody change anything about any client until this transaction ends; wait for those who are about to.

    Whoever takes in facts or pathways begins with an insert into this table, so all wait there and hold nothing.
    """
    await session.execute(_HOLD)


# Arrays of arrays must be rectangular in PostgreSQL, so courses travel as text.
_KEEP_COURSES: Final = _statement("""
    UPDATE incentives.client c
    SET pathway_revision = n.revision, step_days = CAST(n.step_days AS int[]), steps = CAST(n.steps AS int[]),
        home_days = CAST(n.home_days AS int[]), homes = CAST(n.homes AS int[]),
        coordinator_days = CAST(n.coordinator_days AS int[]), coordinators = CAST(n.coordinators AS text[])
    FROM unnest([clients text], [revisions bigint], [step_days text],
                [steps text], [home_days text], [homes text], [coordinator_days text], [coordinators text])
         AS n(client, revision, step_days, steps, home_days, homes, coordinator_days, coordinators)
    WHERE c.client = n.client
""")


async def keep_courses(session: AsyncSession, courses: Sequence[Course]) -> None:
    """Keep the newest pathways."""
    await session.execute(
        _KEEP_COURSES,
        {
            "clients": array(course.client for course in courses),
            "revisions": array(course.revision for course in courses),
            "step_days": array(array(day for day, _ in course.steps) for course in courses),
            "steps": array(array(value for _, value in course.steps) for course in courses),
            "home_days": array(array(day for day, _ in course.homes) for course in courses),
            "homes": array(array(value for _, value in course.homes) for course in courses),
            "coordinator_days": array(array(day for day, _ in course.coordinators) for course in courses),
            "coordinators": array(array(name for _, name in course.coordinators) for course in courses),
        },
    )


# --- facts -----------------------------------------------------------------------------------------------------------


Touched = list[tuple[str, date]]
"""Clients whose set of facts changed, and from which day of posting on their costs may differ."""

_IDENTITIES: Final = """
    [authorities text], [sources text], [ids text], [clients text]
"""
_UNLESS_RETRACTED: Final = """
    WHERE NOT EXISTS (SELECT FROM incentives.retraction r
                      WHERE (r.authority, r.source, r.id) = (n.authority, n.source, n.id))
    ON CONFLICT DO NOTHING
"""

_ADD_RETRACTIONS: Final = _statement(f"""
    INSERT INTO incentives.retraction (authority, source, id, client) SELECT * FROM unnest({_IDENTITIES})
    ON CONFLICT DO NOTHING
""")  # noqa: S608 - constants of this file

_REMOVE: Final = """
    DELETE FROM incentives.{table} f USING unnest({identities}) AS r(authority, source, id, client)
    WHERE (f.authority, f.source, f.id) = (r.authority, r.source, r.id)
    RETURNING f.client, f.{day} AS day
"""
_REMOVE_RETRACTED: Final = (
    _statement(_REMOVE.format(table="payment", day="posted_on", identities=_IDENTITIES)),
    _statement(_REMOVE.format(table="counter_set", day="set_on", identities=_IDENTITIES)),
)

_ADD_PAYMENTS: Final = _statement(f"""
    INSERT INTO incentives.payment (authority, source, id, client, posted_on, batch, period_start, period_end, days,
                                    benefit, entitlement, basis, paid_cents, basic_part_cents, municipality)
    SELECT n.* FROM unnest({_IDENTITIES}, [posted_on date], [batches text], [starts date],
                [ends date], [days int], [benefits text], [entitlements text],
                [bases text], [paid bigint], [basic_part bigint], [named text])
        AS n(authority, source, id, client, posted_on, batch, period_start, period_end, days, benefit, entitlement,
             basis, paid_cents, basic_part_cents, municipality)
    {_UNLESS_RETRACTED}
    RETURNING client, posted_on AS day
""")  # noqa: S608 - constants of this file

_ADD_COUNTER_SETS: Final = _statement(f"""
    INSERT INTO incentives.counter_set (authority, source, id, client, counter, set_on, days, reason, stated_at)
    SELECT n.* FROM unnest({_IDENTITIES}, [counters text], [set_on date], [days int],
                [reasons text], [stated_at timestamptz])
        AS n(authority, source, id, client, counter, set_on, days, reason, stated_at)
    {_UNLESS_RETRACTED}
    RETURNING client, set_on AS day
""")  # noqa: S608 - constants of this file


async def retract(session: AsyncSession, retractions: Sequence[Fact]) -> Touched:
    """Take facts out of the set for good, whether or not they have come; return what was there."""
    if not retractions:
        return []
    targets = _identities(retractions)
    targets["ids"] = [fact.data.id for fact in retractions if isinstance(fact.data, EventRetracted)]
    written = arrays(targets)
    await session.execute(_ADD_RETRACTIONS, written)
    touched: Touched = []
    for statement in _REMOVE_RETRACTED:
        touched += [(row.client, row.day) for row in await session.execute(statement, written)]
    return touched


async def add_payments(session: AsyncSession, facts: Sequence[Fact]) -> Touched:
    """Put payments into the set; return those that are new to it."""
    paid = [(fact, fact.data) for fact in facts if isinstance(fact.data, BenefitPaid)]
    if not paid:
        return []
    columns = _identities([fact for fact, _ in paid]) | {
        "posted_on": [data.posted_on for _, data in paid],
        "batches": [data.batch for _, data in paid],
        "starts": [data.period_start for _, data in paid],
        "ends": [data.period_end for _, data in paid],
        "days": [data.days for _, data in paid],
        "benefits": [data.benefit for _, data in paid],
        "entitlements": [data.entitlement for _, data in paid],
        "bases": [data.basis for _, data in paid],
        "paid": [data.paid_cents for _, data in paid],
        "basic_part": [data.basic_part_cents for _, data in paid],
        "named": [data.municipality for _, data in paid],
    }
    return [(row.client, row.day) for row in await session.execute(_ADD_PAYMENTS, arrays(columns))]


async def add_counter_sets(session: AsyncSession, facts: Sequence[Fact]) -> Touched:
    """Put counters into the set; return those that are new to it."""
    stated = [(fact, fact.data) for fact in facts if isinstance(fact.data, BenefitCounterSet)]
    if not stated:
        return []
    columns = _identities([fact for fact, _ in stated]) | {
        "counters": [data.counter for _, data in stated],
        "set_on": [data.set_on for _, data in stated],
        "days": [data.days for _, data in stated],
        "reasons": [data.reason for _, data in stated],
        "stated_at": [fact.time for fact, _ in stated],
    }
    return [(row.client, row.day) for row in await session.execute(_ADD_COUNTER_SETS, arrays(columns))]


def _identities(facts: Sequence[Fact]) -> dict[str, list[object]]:
    return {
        "authorities": [fact.authority for fact in facts],
        "sources": [fact.source for fact in facts],
        "ids": [fact.id for fact in facts],
        "clients": [fact.client for fact in facts],
    }


_FORGET: Final = tuple(
    _statement(f"DELETE FROM incentives.{table} WHERE client IN (SELECT unnest([clients text]))")  # noqa: S608 - names from this list
    for table in ("payment", "counter_set", "retraction", "cost", "opened_client", "dead_letter")
)

_ERASE: Final = _statement("""
    UPDATE incentives.client c
    SET erased_on = n.day, pathway_revision = NULL, step_days = '{}', steps = '{}', home_days = '{}', homes = '{}',
        coordinator_days = '{}', coordinators = '{}'
    FROM unnest([clients text], [days date]) AS n(client, day)
    WHERE c.client = n.client
""")

_BURY: Final = _statement("""
    INSERT INTO incentives.exposure AS e (client, authority, revision, pathway_revision, rules, content)
    SELECT c.client, c.authority, 1, 0, '', NULL
    FROM incentives.client c WHERE c.client IN (SELECT unnest([clients text]))
    ON CONFLICT (client) DO UPDATE SET revision = e.revision + 1, pathway_revision = 0, rules = '', content = NULL
    WHERE e.content IS NOT NULL
""")


async def erase(session: AsyncSession, days: Mapping[str, date]) -> None:
    """Delete everything about clients but their references; what is to be told of them is a tombstone."""
    clients = {"clients": array(sorted(days))}
    for statement in _FORGET:
        await session.execute(statement, clients)
    await session.execute(_ERASE, clients | {"days": array(days[client] for client in sorted(days))})
    await session.execute(_BURY, clients)


# --- what the engine reads -------------------------------------------------------------------------------------------

# Dates come as ordinals, words as their place in the engine's lists: numbers from here on.
_PAYMENTS: Final = _statement("""
    SELECT a.number - 1, p.source, p.batch, p.posted_on - DATE '0001-01-01' + 1,
           p.period_start - DATE '0001-01-01' + 1, p.period_end - DATE '0001-01-01' + 1, p.days,
           array_position(CAST(:benefits AS text[]), p.benefit) - 1,
           array_position(CAST(:benefits AS text[]), CASE p.benefit
               WHEN 'general_support' THEN coalesce(p.entitlement, 'labour_market_subsidy') ELSE p.benefit END) - 1,
           array_position(CAST(:bases AS text[]), p.basis) - 1, p.paid_cents, p.basic_part_cents,
           coalesce(CAST(p.municipality AS int), :unknown)
    FROM unnest([clients text]) WITH ORDINALITY AS a(client, number)
    JOIN incentives.payment p ON p.client = a.client
    ORDER BY a.number, p.posted_on, p.batch, p.period_start, p.source, p.id
""")

_COUNTER_SETS: Final = _statement("""
    SELECT a.number - 1, array_position(CAST(:counters AS text[]), s.counter) - 1,
           s.set_on - DATE '0001-01-01' + 1, s.days
    FROM unnest([clients text]) WITH ORDINALITY AS a(client, number)
    JOIN incentives.counter_set s ON s.client = a.client
    ORDER BY a.number, s.set_on, s.stated_at, s.source, s.id
""")


async def ledger(session: AsyncSession, clients: Sequence[Known]) -> Ledger:
    """Return all that counts about `clients`, numbered in the order given, which is that of their references."""
    names = {"clients": array(known.client for known in clients)}
    words = {"benefits": list(BENEFITS), "bases": list(BASES), "unknown": UNKNOWN}
    paid = _columns((await session.execute(_PAYMENTS, names | words)).all(), 13)
    sets = _columns((await session.execute(_COUNTER_SETS, names | {"counters": list(COUNTERS)})).all(), 4)
    client, source, batch, *numbers = paid
    rest = [column(values) for values in numbers]
    return Ledger(
        len(clients),
        Payments(column(client), numbered(zip(client, source, batch, strict=True)), *rest[:-1]),
        rest[-1],
        CounterSets(*(column(values) for values in sets)),
        _track([known.steps for known in clients]),
        _track([known.homes for known in clients]),
    )


def _columns(rows: Sequence[Row[tuple[int, ...]]], width: int) -> list[tuple[int, ...]]:
    return list(zip(*rows, strict=True)) if rows else [()] * width


def _track(courses: Sequence[tuple[Change, ...]]) -> Track:
    client = column(number for number, course in enumerate(courses) for _ in course)
    day = column(day for course in courses for day, _ in course)
    return Track(key_of(client, day), column(value for course in courses for _, value in course))


# --- what follows from it --------------------------------------------------------------------------------------------

_DROP_COSTS: Final = _statement("""
    DELETE FROM incentives.cost c USING unnest([clients text], [months date]) AS n(client, month)
    WHERE c.client = n.client AND c.month >= n.month
""")

_ADD_COSTS: Final = _statement("""
    INSERT INTO incentives.cost (client, month, scheme, municipality, cost_class, authority, payments, days, base_cents,
                                 cents)
    SELECT n.client, n.month, n.scheme, n.municipality, n.cost_class, c.authority, n.payments, n.days, n.base_cents,
           n.cents
    FROM unnest([clients text], [months date], [schemes text],
                [municipalities text], [classes text], [payments bigint],
                [days bigint], [base bigint], [cents bigint])
         AS n(client, month, scheme, municipality, cost_class, payments, days, base_cents, cents)
    JOIN incentives.client c ON c.client = n.client
""")


async def keep_costs(
    session: AsyncSession,
    clients: Sequence[Known],
    lines: Mapping[str, CostLines],
    schemes: Mapping[str, Scheme],
    since: Ints,
) -> None:
    """Replace the costs of each client from month `since` (counted from 1970) on; earlier months stay as they are."""
    names = {"clients": array(known.client for known in clients)}
    await session.execute(_DROP_COSTS, names | {"months": array(first_day_of(month) for month in since.tolist())})
    columns: defaultdict[str, list[object]] = defaultdict(list)
    for scheme, of_scheme in lines.items():
        _append(columns, clients, of_scheme, schemes[scheme], since)
    if columns["clients"]:
        await session.execute(_ADD_COSTS, arrays(columns))


def _append(
    columns: defaultdict[str, list[object]], clients: Sequence[Known], lines: CostLines, scheme: Scheme, since: Ints
) -> None:
    kept = np.flatnonzero(lines.month >= since[lines.client])
    columns["clients"] += [clients[number].client for number in lines.client[kept].tolist()]
    columns["schemes"] += [scheme.name] * len(kept)
    columns["months"] += [first_day_of(month) for month in lines.month[kept].tolist()]
    columns["municipalities"] += [_code(number) for number in lines.municipality[kept].tolist()]
    columns["classes"] += [scheme.classes[position].name for position in lines.cost_class[kept].tolist()]
    columns["payments"] += lines.payments[kept].tolist()
    columns["days"] += lines.days[kept].tolist()
    columns["base"] += lines.base_cents[kept].tolist()
    columns["cents"] += lines.cents[kept].tolist()


def _code(number: int) -> str:
    return NO_MUNICIPALITY if number == UNKNOWN else f"{number:03}"


@dataclass(frozen=True, slots=True)
class Statement:
    """What is to be told of a client: the snapshot's JSON without who and which revision; None: a tombstone."""

    client: str
    authority: str
    revision: int
    pathway_revision: int
    content: bytes | None


_KEEP_EXPOSURES: Final = _statement("""
    INSERT INTO incentives.exposure AS e (client, authority, revision, pathway_revision, rules, content)
    SELECT n.client, n.authority, 1, n.pathway_revision, :rules, n.content
    FROM unnest([clients text], [authorities text], [pathway_revisions bigint],
                CAST(:contents AS bytea[])) AS n(client, authority, pathway_revision, content)
    ON CONFLICT (client) DO UPDATE
    SET revision = e.revision + 1, pathway_revision = excluded.pathway_revision, rules = excluded.rules,
        content = excluded.content
    WHERE e.content IS DISTINCT FROM excluded.content
""")


async def keep_exposures(
    session: AsyncSession, clients: Sequence[Known], contents: Sequence[bytes], rules: str
) -> None:
    """Keep what is to be told of each client; its revision grows where that differs from what was told before."""
    await session.execute(
        _KEEP_EXPOSURES,
        {
            "clients": array(known.client for known in clients),
            "authorities": array(known.authority for known in clients),
            "pathway_revisions": array(known.pathway_revision or 0 for known in clients),
            "contents": list(contents),
            "rules": rules,
        },
    )


_STATEMENTS: Final = """
    SELECT e.client, e.authority, e.revision, e.pathway_revision, e.content
    FROM incentives.exposure e LEFT JOIN incentives.announcement a USING (client)
    WHERE {condition} ORDER BY e.client {limit}
"""
_UNCONFIRMED: Final = "e.revision > coalesce(a.revision, 0)"
_TO_TELL: Final = _statement(
    _STATEMENTS.format(
        condition=f"""
            e.client IN (SELECT unnest([clients text]))
            AND ({_UNCONFIRMED} OR e.client IN (SELECT unnest([anyhow text])))
        """,
        limit="",
    )
)
_GROWN: Final = _statement("""
    SELECT e.client, e.authority, e.revision, e.pathway_revision, e.content
    FROM unnest([clients text], [revisions bigint]) AS n(client, revision)
    JOIN incentives.exposure e ON e.client = n.client AND e.revision > n.revision
""")
_UNTOLD_AFTER: Final = _statement(
    _STATEMENTS.format(condition=f"e.client > :last AND {_UNCONFIRMED}", limit="LIMIT :limit")
)
_ALL_AFTER: Final = _statement(_STATEMENTS.format(condition="e.client > :last", limit="LIMIT :limit"))

_CONFIRM: Final = _statement("""
    INSERT INTO incentives.announcement AS a (client, revision)
    SELECT * FROM unnest([clients text], [revisions bigint])
    ON CONFLICT (client) DO UPDATE SET revision = excluded.revision WHERE a.revision <> excluded.revision
""")


async def to_tell(session: AsyncSession, clients: Collection[str], anyhow: Collection[str]) -> list[Statement]:
    """Return what is to be told of `clients`: all of `anyhow`, of the others what the broker has not confirmed yet."""
    rows = await session.execute(_TO_TELL, {"clients": array(clients), "anyhow": array(anyhow)})
    return [Statement(*row) for row in rows]


async def grown(session: AsyncSession, said: Sequence[Statement]) -> list[Statement]:
    """Return the statements that are newer than those just `said`."""
    return [Statement(*row) for row in await session.execute(_GROWN, _revisions(said))]


async def confirm(session: AsyncSession, said: Sequence[Statement]) -> None:
    """Note which revisions the broker confirmed last."""
    await session.execute(_CONFIRM, _revisions(said))


def _revisions(said: Sequence[Statement]) -> dict[str, str]:
    return {"clients": array(one.client for one in said), "revisions": array(one.revision for one in said)}


async def page_after(session: AsyncSession, last: str, limit: int, *, untold: bool) -> list[Statement]:
    """Return up to `limit` statements of clients after `last`: all, or those not confirmed yet."""
    statement = _UNTOLD_AFTER if untold else _ALL_AFTER
    return [Statement(*row) for row in await session.execute(statement, {"last": last, "limit": limit})]


_OTHER_RULES: Final = _statement("""
    SELECT client, authority FROM incentives.exposure
    WHERE content IS NOT NULL AND rules <> :rules ORDER BY client LIMIT :limit
""")


async def under_other_rules(session: AsyncSession, rules: str, limit: int) -> dict[str, str]:
    """Return up to `limit` clients (reference → authority) whose exposure follows other rule files."""
    rows = await session.execute(_OTHER_RULES, {"rules": rules, "limit": limit})
    return {row.client: row.authority for row in rows}
