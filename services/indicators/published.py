"""The published tables: figures that have passed disclosure control, by authority and month. None is hidden."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Final

from sqlalchemy import text
from sqlmodel.ext.asyncio.session import AsyncSession

from services.indicators.domain.figures import FLOWS, Flow, Of
from services.runtime.disclosure import Key
from services.runtime.publications import Publication

Shown = Mapping[Key, int | None]


@dataclass(frozen=True, slots=True)
class Figures:
    """One month's figures as published; `*` in a key stands for all municipalities, or for all steps.

    `stock` by (municipality, step); `flow` by (municipality, step, what happened); `transitions` by (of,
    municipality, origin, destination), where a key that is absent counts 0.
    """

    stock: Shown
    flow: Shown
    transitions: Shown


async def write(session: AsyncSession, publication: Publication, figures: Figures) -> None:
    """Write the figures of one publication."""
    named = {"authority": publication.authority, "month": publication.month}
    places = sorted(figures.stock)
    await session.execute(
        _WRITE_STOCK,
        named | _columns(places, ("municipalities", "steps")) | {"clients": [figures.stock[key] for key in places]},
    )
    by_flow = {f"{flow}_": [figures.flow.get((*key, flow), 0) for key in places] for flow in FLOWS}
    await session.execute(_WRITE_FLOW, named | _columns(places, ("municipalities", "steps")) | by_flow)
    pairs = sorted(key for key, count in figures.transitions.items() if count != 0)
    await session.execute(
        _WRITE_TRANSITIONS,
        named
        | _columns(pairs, ("ofs", "municipalities", "origins", "destinations"))
        | {"clients": [figures.transitions[key] for key in pairs]},
    )


def _columns(keys: list[Key], names: tuple[str, ...]) -> dict[str, list[str]]:
    return {name: [key[place] for key in keys] for place, name in enumerate(names)}


async def stock(session: AsyncSession, authority: str, month: date, municipality: str) -> dict[str, int | None]:
    """Return clients by step, `*` for all steps, as published for `month`."""
    asked = {"authority": authority, "month": month, "municipality": municipality}
    return {row.step: row.clients for row in await session.execute(_STOCK, asked)}


async def flow(
    session: AsyncSession, authority: str, months: list[date], municipality: str
) -> list[dict[tuple[str, ...], int | None]]:
    """Return for each of `months` what was published by (step, what happened)."""
    asked = {"authority": authority, "months": months, "municipality": municipality}
    tables: dict[date, dict[tuple[str, ...], int | None]] = {month: {} for month in months}
    for row in await session.execute(_FLOW, asked):
        counts: Mapping[Flow, int | None] = {
            "entered": row.entered, "left": row.left, "moved_up": row.moved_up, "moved_down": row.moved_down,
        }  # fmt: skip
        tables[row.month] |= {(row.step, flow): counts[flow] for flow in FLOWS}
    return list(tables.values())


async def transitions(
    session: AsyncSession, authority: str, months: list[date], of: Of, municipality: str
) -> list[dict[tuple[str, ...], int | None]]:
    """Return for each of `months` the published counts by (origin, destination)."""
    asked = {"authority": authority, "months": months, "of": of, "municipality": municipality}
    tables: dict[date, dict[tuple[str, ...], int | None]] = {month: {} for month in months}
    for row in await session.execute(_TRANSITIONS, asked):
        tables[row.month][row.origin, row.destination] = row.clients
    return list(tables.values())


async def newest_stock(session: AsyncSession, authority: str) -> Shown:
    """Return clients by (municipality, step) of the newest publication; empty before the first."""
    rows = await session.execute(_NEWEST_STOCK, {"authority": authority})
    return {(row.municipality, row.step): row.clients for row in rows}


_WRITE_STOCK: Final = text("""
    INSERT INTO indicators.published_stock (authority, month, municipality, step, clients)
    SELECT :authority, CAST(:month AS date), * FROM unnest(
        CAST(:municipalities AS text[]), CAST(:steps AS text[]), CAST(:clients AS bigint[]))
""")
_WRITE_FLOW: Final = text("""
    INSERT INTO indicators.published_flow
        (authority, month, municipality, step, entered, "left", moved_up, moved_down)
    SELECT :authority, CAST(:month AS date), * FROM unnest(
        CAST(:municipalities AS text[]), CAST(:steps AS text[]), CAST(:entered_ AS bigint[]),
        CAST(:left_ AS bigint[]), CAST(:moved_up_ AS bigint[]), CAST(:moved_down_ AS bigint[]))
""")
_WRITE_TRANSITIONS: Final = text("""
    INSERT INTO indicators.published_transitions
        (authority, month, "of", municipality, origin, destination, clients)
    SELECT :authority, CAST(:month AS date), * FROM unnest(
        CAST(:ofs AS text[]), CAST(:municipalities AS text[]), CAST(:origins AS text[]),
        CAST(:destinations AS text[]), CAST(:clients AS bigint[]))
""")
_STOCK: Final = text("""
    SELECT step, clients FROM indicators.published_stock
    WHERE authority = :authority AND month = :month AND municipality = :municipality
""")
_FLOW: Final = text("""
    SELECT month, step, entered, "left", moved_up, moved_down FROM indicators.published_flow
    WHERE authority = :authority AND month = ANY(:months) AND municipality = :municipality
""")
_TRANSITIONS: Final = text("""
    SELECT month, origin, destination, clients FROM indicators.published_transitions
    WHERE authority = :authority AND month = ANY(:months) AND "of" = :of AND municipality = :municipality
""")
_NEWEST_STOCK: Final = text("""
    SELECT municipality, step, clients FROM indicators.published_stock s
    WHERE authority = :authority
      AND month = (SELECT max(month) FROM indicators.published_stock WHERE authority = :authority)
""")
