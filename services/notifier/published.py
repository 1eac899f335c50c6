"""Published counts: clients with an open alert on the last day of a month, by rule and municipality, disclosed."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

from sqlalchemy import text
from sqlmodel.ext.asyncio.session import AsyncSession

from contracts.snapshots import Severity
from services.notifier import listing
from services.notifier.domain.rulebook import Rulebook
from services.notifier.metrics import ELSEWHERE, Metrics
from services.runtime.authorities import Authority
from services.runtime.database import Database
from services.runtime.disclosure import Key, Table, disclose, smallest_shown_on
from services.runtime.publications import Publication


@dataclass(frozen=True, slots=True)
class PublishedCount:
    """Clients with an open alert of one rule in one municipality (`*`: all), None where hidden."""

    rule: str
    municipality: str
    severity: Severity | None
    open: int | None


@dataclass(frozen=True, slots=True)
class Published:
    """The counts of one month's publication."""

    month: date
    rows: Sequence[PublishedCount]


async def newest(session: AsyncSession, authority: str) -> Published | None:
    """Return the newest publication's counts, None before the first."""
    rows = list(await session.execute(_NEWEST, {"authority": authority}))
    if not rows:
        return None
    return Published(rows[0].month, [PublishedCount(*row[1:]) for row in rows])


class AlertFigures:
    """What the runtime calls when a month is due: `make` writes the table, `show` sets the gauge."""

    def __init__(
        self, database: Database, authorities: Mapping[str, Authority], rulebook: Rulebook, metrics: Metrics
    ) -> None:
        self._database = database
        self._authorities = authorities
        self._severities = rulebook.severities
        self._metrics = metrics

    async def make(self, session: AsyncSession, publications: Sequence[Publication]) -> None:
        """Write the counts of one authority's publications."""
        for publication in publications:
            await self._make(session, publication)

    async def _make(self, session: AsyncSession, publication: Publication) -> None:
        municipalities = self._authorities[publication.authority].municipalities
        found = await listing.clients_open_on(session, publication.authority, publication.as_of)
        cells = counted(found, self._severities, municipalities)
        shown = disclose(Table(("rule", "municipality"), cells), smallest_shown_on(publication.as_of))
        await session.execute(
            _PUBLISH,
            {
                "authority": publication.authority,
                "month": publication.month,
                "rules": [rule for rule, _ in shown],
                "municipalities": [place for _, place in shown],
                "severities": [self._severities.get(rule) for rule, _ in shown],
                "opens": list(shown.values()),
            },
        )

    async def show(self) -> None:
        """Set the gauge from the newest publication of each authority; a hidden figure has no series."""
        self._metrics.open_alerts.clear()
        async with self._database.transaction() as session:
            for authority in self._authorities:
                published = await newest(session, authority)
                for row in published.rows if published else ():
                    if row.open is not None:
                        self._metrics.open_alerts.labels(
                            authority=authority, rule=row.rule, municipality=row.municipality
                        ).set(row.open)


def counted(
    found: Mapping[tuple[str, str | None], int], rules: Collection[str], municipalities: Collection[str]
) -> dict[Key, int]:
    """Return one cell for each rule and municipality, zeros too; homes outside the authority count as elsewhere."""
    cells: dict[Key, int] = {(rule, place): 0 for rule in rules for place in (*municipalities, ELSEWHERE)}
    for (rule, municipality), number in found.items():
        place = municipality if municipality in municipalities else ELSEWHERE
        cells[rule, place or ELSEWHERE] = cells.get((rule, place or ELSEWHERE), 0) + number
    return cells


_NEWEST: Final = text("""
    SELECT month, rule, municipality, severity, open FROM notifier.published_alerts
    WHERE authority = :authority
      AND month = (SELECT max(month) FROM notifier.published_alerts WHERE authority = :authority)
    ORDER BY rule, municipality
""")

_PUBLISH: Final = text("""
    INSERT INTO notifier.published_alerts (authority, month, rule, municipality, severity, open)
    SELECT :authority, :month, told.rule, told.municipality, told.severity, told.open
    FROM unnest(CAST(:rules AS text[]), CAST(:municipalities AS text[]), CAST(:severities AS text[]),
                CAST(:opens AS int[])) AS told(rule, municipality, severity, open)
""")
