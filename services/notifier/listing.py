"""What people are shown of alerts: lists by filter and page, alerts open on a day, published counts."""

from dataclasses import dataclass
from datetime import date
from typing import Final, Literal, NamedTuple

from sqlalchemy import TextClause, text
from sqlmodel.ext.asyncio.session import AsyncSession

from contracts.snapshots import AlertRule, AlertState, Severity

StateFilter = Literal["open", "closed", "all"]


@dataclass(frozen=True, slots=True)
class Filters:
    """Which alerts are asked for. `open_on` asks what was open on a day, as the facts known now tell it."""

    authority: str
    coordinator: str | None = None
    rule: AlertRule | None = None
    municipality: str | None = None
    state: StateFilter = "open"
    open_on: date | None = None


class Place(NamedTuple):
    """Where a page ends: lists are in order of urgency, age, client, rule and key."""

    urgency: int
    since: date
    client: str
    rule: str
    key: str


@dataclass(frozen=True, slots=True)
class ListedAlert:
    """An alert in a list; `state` is None where a day in the past is asked for."""

    client: str
    rule: AlertRule
    key: str
    since: date
    severity: Severity
    state: AlertState | None
    municipality: str | None
    coordinator: str | None
    reasons: tuple[str, ...]
    urgency: int

    @property
    def place(self) -> Place:
        """Where it stands in its list."""
        return Place(self.urgency, self.since, self.client, self.rule, self.key)


async def alerts(session: AsyncSession, filters: Filters, after: Place | None, most: int) -> list[ListedAlert]:
    """Return one page of alerts, the most urgent and oldest first."""
    statement = _PAGE_OPEN_ON if filters.open_on else _PAGE
    place = after or Place(-1, date.min, "", "", "")
    rows = await session.execute(
        statement,
        _asked(filters) | {f"after_{name}": value for name, value in place._asdict().items()} | {"most": most},
    )
    return [
        ListedAlert(
            row.client, row.rule, row.key, row.since, row.severity, row.state, row.municipality, row.coordinator,
            tuple(row.reasons), row.urgency,
        )
        for row in rows
    ]  # fmt: skip


async def counts(session: AsyncSession, filters: Filters) -> dict[str, int]:
    """Return how many alerts there are by rule, all pages together."""
    rows = await session.execute(_COUNTS_OPEN_ON if filters.open_on else _COUNTS, _asked(filters))
    return {row.rule: row.number for row in rows}


def _asked(filters: Filters) -> dict[str, object]:
    asked: dict[str, object] = {
        "authority": filters.authority,
        "coordinator": filters.coordinator,
        "rule": filters.rule,
        "municipality": filters.municipality,
    }
    return asked | ({"day": filters.open_on} if filters.open_on else {"state": filters.state})


async def clients_open_on(session: AsyncSession, authority: str, day: date) -> dict[tuple[str, str | None], int]:
    """Return how many clients have an alert open on `day`, by rule and home municipality on that day."""
    rows = await session.execute(_OPEN_CLIENTS, {"authority": authority, "day": day})
    return {(row.rule, row.municipality): row.number for row in rows}


_ALERTS: Final = """
    SELECT client, rule, key, since, severity, state, municipality, coordinator, reasons FROM notifier.alert
    WHERE authority = :authority
      AND CASE CAST(:state AS text) WHEN 'open' THEN open WHEN 'closed' THEN NOT open ELSE true END
"""

# What holds on a day is read from the periods that the rules found, not from the history of alerts: the history tells
# when Askelma came to know, the periods tell what was so.
_HOLDING: Final = """
    SELECT client.client, found.rule, found.key, found.since, found.severity, CAST(NULL AS text) AS state,
           home.municipality, client.coordinator, found.reasons
    FROM notifier.client
    CROSS JOIN LATERAL jsonb_to_recordset(client.findings)
        AS found(rule text, key text, since date, until date, severity text, reasons jsonb)
    LEFT JOIN LATERAL (
        SELECT municipality
        FROM jsonb_to_recordset(client.homes) AS told("start" date, "end" date, municipality text)
        WHERE told."start" <= :day AND (told."end" IS NULL OR :day < told."end")
        ORDER BY told."start" DESC LIMIT 1
    ) AS home ON true
    WHERE client.authority = :authority AND found.since <= :day AND (found.until IS NULL OR :day < found.until)
"""

_FILTERED: Final = """
    WITH listed AS ({source}), filtered AS (
        SELECT *, CASE severity WHEN 'high' THEN 0 WHEN 'medium' THEN 1 ELSE 2 END AS urgency FROM listed
        WHERE (CAST(:coordinator AS text) IS NULL OR coordinator = :coordinator)
          AND (CAST(:rule AS text) IS NULL OR rule = :rule)
          AND (CAST(:municipality AS text) IS NULL OR municipality = :municipality)
    )
"""

_IN_ORDER: Final = """
    SELECT * FROM filtered
    WHERE (urgency, since, client, rule, key)
        > (CAST(:after_urgency AS int), CAST(:after_since AS date), CAST(:after_client AS text),
           CAST(:after_rule AS text), CAST(:after_key AS text))
    ORDER BY urgency, since, client, rule, key LIMIT :most
"""

_BY_RULE: Final = "SELECT rule, count(*) AS number FROM filtered GROUP BY rule ORDER BY rule"


def _query(source: str, rest: str) -> TextClause:
    return text(_FILTERED.format(source=source) + rest)


_PAGE: Final = _query(_ALERTS, _IN_ORDER)
_PAGE_OPEN_ON: Final = _query(_HOLDING, _IN_ORDER)
_COUNTS: Final = _query(_ALERTS, _BY_RULE)
_COUNTS_OPEN_ON: Final = _query(_HOLDING, _BY_RULE)

_OPEN_CLIENTS: Final = text(f"""
    WITH listed AS ({_HOLDING})
    SELECT rule, municipality, count(DISTINCT client) AS number FROM listed GROUP BY rule, municipality
""")  # noqa: S608 - the source is a constant of this module
