"""Alerts over HTTP: JSON lists, published counts, and the page /alerts."""

import base64
import binascii
from collections.abc import Mapping
from datetime import date, timedelta
from typing import Annotated, Final

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import HTMLResponse
from pydantic import BaseModel, TypeAdapter, ValidationError

from contracts.codes import MUNICIPALITIES, MunicipalityCode
from contracts.snapshots import AlertRule, AlertState, Severity
from services.notifier import listing, published
from services.notifier.domain.rulebook import RULES
from services.notifier.listing import Filters, ListedAlert, Place, StateFilter
from services.notifier.metrics import ELSEWHERE
from services.notifier.published import Published, PublishedCount
from services.notifier.reasons import told
from services.runtime.access import Principal, Role, allow
from services.runtime.authorities import Authority
from services.runtime.clock import Clock
from services.runtime.database import Database
from services.runtime.disclosure import TOTAL
from services.runtime.problems import unusable
from services.runtime.web.languages import language_of
from services.runtime.web.shell import page

SEE_CLIENTS: Final = (Role.SUPERVISOR, Role.COORDINATOR)
SEE_FIGURES: Final = (Role.SUPERVISOR, Role.FINANCE, Role.ANALYST)
SEE_PAGE: Final = (*SEE_CLIENTS, Role.FINANCE, Role.ANALYST)

_PAGE_SIZE: Final = 50
_PLACE: Final = TypeAdapter(Place)


class Alert(BaseModel):
    """An alert as the API gives it. `reasons` are `kind:id` of what it rests on."""

    client: str
    rule: AlertRule
    key: str
    since: date
    severity: Severity
    state: AlertState | None
    municipality: str | None
    coordinator: str | None
    reasons: list[str]


class Alerts(BaseModel):
    """A page of alerts; `counts` are of all pages, by rule; `next` asks for the following page as `after`."""

    counts: dict[str, int]
    alerts: list[Alert]
    next: str | None


class PublishedCounts(BaseModel):
    """The newest publication; `open` is null where hidden. `month` is null before the first."""

    month: str | None
    counts: list["PublishedRow"]


class PublishedRow(BaseModel):
    """Clients with an open alert of `rule`; `*` stands for all."""

    rule: str
    municipality: str
    severity: Severity | None
    open: int | None


class Asked(BaseModel):
    """The filters of a list, as they stand in the address."""

    rule: AlertRule | None = None
    municipality: MunicipalityCode | None = None
    state: StateFilter = "open"
    open_on: date | None = None
    after: Annotated[str, Query(max_length=600)] | None = None
    limit: Annotated[int, Query(ge=1, le=1_000)] = _PAGE_SIZE


class Lists:
    """Reads lists for a principal: a supervisor's whole authority, a coordinator's own clients."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    async def alerts(self, principal: Principal, asked: Asked) -> tuple[dict[str, int], list[ListedAlert], str | None]:
        """Return counts by rule, one page, and where the next one begins (None: nowhere)."""
        filters = self._filters(principal, asked)
        after = _place(asked.after) if asked.after else None
        async with self._database.transaction() as session:
            counts = await listing.counts(session, filters)
            found = await listing.alerts(session, filters, after, asked.limit + 1)
        more = len(found) > asked.limit
        found = found[: asked.limit]
        return counts, found, _cursor(found[-1].place) if more else None

    def _filters(self, principal: Principal, asked: Asked) -> Filters:
        latest = self._clock.today() + timedelta(days=1)
        if asked.open_on is not None and asked.open_on > latest:
            raise unusable("open_on", "lies in the future; alerts are known up to today")
        coordinator = principal.name if principal.role is Role.COORDINATOR else None
        return Filters(principal.authority, coordinator, asked.rule, asked.municipality, asked.state, asked.open_on)

    async def published(self, principal: Principal) -> Published | None:
        """Return the newest publication of the principal's authority."""
        async with self._database.transaction() as session:
            return await published.newest(session, principal.authority)


def _cursor(place: Place) -> str:
    return base64.urlsafe_b64encode(_PLACE.dump_json(place)).decode().rstrip("=")


def _place(cursor: str) -> Place:
    try:
        return _PLACE.validate_json(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    except (binascii.Error, ValidationError, ValueError):
        raise unusable("after", "is not a value that a list gave as its next") from None


def api_routes(lists: Lists) -> APIRouter:
    """Return the JSON routes."""
    router = APIRouter()

    @router.get("/v1/alerts")
    async def alerts(
        who: Annotated[Principal, Depends(allow(*SEE_CLIENTS))], asked: Annotated[Asked, Query()]
    ) -> Alerts:
        """Give alerts, the most urgent and oldest first; with `open_on` those that were open on that day."""
        counts, found, following = await lists.alerts(who, asked)
        return Alerts(counts=counts, alerts=[_alert(one) for one in found], next=following)

    @router.get("/v1/alerts/published")
    async def published_counts(who: Annotated[Principal, Depends(allow(*SEE_FIGURES))]) -> PublishedCounts:
        """Give the counts of the newest publication."""
        newest = await lists.published(who)
        if newest is None:
            return PublishedCounts(month=None, counts=[])
        return PublishedCounts(month=newest.month.strftime("%Y-%m"), counts=[_row(row) for row in newest.rows])

    return router


def _alert(one: ListedAlert) -> Alert:
    return Alert(
        client=one.client, rule=one.rule, key=one.key, since=one.since, severity=one.severity, state=one.state,
        municipality=one.municipality, coordinator=one.coordinator, reasons=list(one.reasons),
    )  # fmt: skip


def _row(row: PublishedCount) -> PublishedRow:
    return PublishedRow(rule=row.rule, municipality=row.municipality, severity=row.severity, open=row.open)


def page_routes(lists: Lists, authorities: Mapping[str, Authority]) -> APIRouter:
    """Return the page /alerts: a list for those who see clients, published counts for the others."""
    router = APIRouter(include_in_schema=False)

    @router.get("/alerts")
    async def alerts(
        request: Request,
        who: Annotated[Principal, Depends(allow(*SEE_PAGE))],
        rule: str = "",
        municipality: str = "",
        after: str = "",
    ) -> HTMLResponse:
        if who.role not in SEE_CLIENTS:
            return await _counts_page(request, who, lists)
        asked = Asked(
            rule=next((one for one in RULES if one == rule), None),
            municipality=municipality if municipality in MUNICIPALITIES else None,
            after=after or None,
        )
        counts, found, following = await lists.alerts(who, asked)
        authority = authorities.get(who.authority)
        return page(
            request, "notifier/alerts.html", who,
            rules=RULES, counts=counts, total=sum(counts.values()), asked=asked,
            alerts=[(one, told(one.rule, one.reasons), _name(request, one.municipality)) for one in found],
            places=_places(request, authority), following=following,
        )  # fmt: skip

    return router


async def _counts_page(request: Request, who: Principal, lists: Lists) -> HTMLResponse:
    newest = await lists.published(who)
    return page(
        request, "notifier/published.html", who, rules=RULES, published=newest, table=_by_place(request, newest)
    )


def _by_place(request: Request, newest: Published | None) -> list[tuple[str | None, dict[str, int | None]]]:
    """Return one row for each municipality with an alert or a hidden count, all first: its name, counts by rule."""
    rows: dict[str, dict[str, int | None]] = {}
    for row in newest.rows if newest else ():
        rows.setdefault(row.municipality, {})[row.rule] = row.open
    named = [
        (_name(request, place), counts)
        for place, counts in rows.items()
        if place not in {TOTAL, ELSEWHERE} and any(count != 0 for count in counts.values())
    ]
    elsewhere = rows.get(ELSEWHERE, {})
    beside = [(None, elsewhere)] if any(count != 0 for count in elsewhere.values()) else []
    return [("", rows.get(TOTAL, {})), *sorted(named, key=lambda row: row[0] or ""), *beside]


def _places(request: Request, authority: Authority | None) -> list[tuple[str, str]]:
    codes = authority.municipalities if authority else ()
    return sorted(((code, _name(request, code) or code) for code in codes), key=lambda pair: pair[1])


def _name(request: Request, municipality: str | None) -> str | None:
    known = MUNICIPALITIES.get(municipality or "")
    if known is None:
        return municipality
    return known.name_sv if language_of(request) == "sv" else known.name_fi
