"""Costs over HTTP: the JSON API and the page /costs."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Annotated, Final, Literal, NamedTuple

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import HTMLResponse
from pydantic import BaseModel, ConfigDict, Field

from contracts.codes import MUNICIPALITIES, MunicipalityCode
from contracts.dates import months_before
from contracts.text import MONTH, Month
from services.incentives import reporting
from services.incentives.domain.costs import month_number
from services.incentives.domain.schemes import CostClass, Mark, Scheme, Standing
from services.incentives.reporting import CostFigure, Range
from services.incentives.store import NO_MUNICIPALITY
from services.runtime.access import Principal, Role, allow
from services.runtime.authorities import Authority
from services.runtime.clock import Clock
from services.runtime.database import Database
from services.runtime.disclosure import TOTAL
from services.runtime.problems import unusable
from services.runtime.publications import made
from services.runtime.web.languages import language_of
from services.runtime.web.shell import page

SEE_PUBLISHED: Final = (Role.FINANCE, Role.ANALYST)
SEE_COSTS: Final = (Role.SUPERVISOR, *SEE_PUBLISHED)

_MOST_MONTHS: Final = 240
"""Twenty years: longer than any scheme's life, short enough for one answer."""
_SHOWN_MONTHS: Final = 12

Source = Literal["exact", "publications"]


class CostRow(BaseModel):
    """Costs of one month, payer, scheme and class; amounts are cents, null where hidden.

    `municipality` is null where no payer is known; `elsewhere` gathers payers outside the authority in publications.
    `standing` says how to read the figure: as law, as a counterfactual (a law outside its years) or as a proposal.
    """

    model_config = ConfigDict(serialize_by_alias=True)

    month: str
    municipality: str | None
    scheme: str
    cost_class: Annotated[str, Field(serialization_alias="class")]
    percent: float
    reference: str
    mark: Mark
    standing: Standing
    clients: int | None
    days: int | None
    base_cents: int | None
    cents: int | None


class CostTotal(BaseModel):
    """Costs of one month, payer and scheme over all classes, or of the class asked for; `*` is all municipalities."""

    month: str
    municipality: str | None
    scheme: str
    standing: Standing
    clients: int | None
    days: int | None
    cents: int | None


class SchemeSum(BaseModel):
    """The sum of the months shown, all municipalities and classes asked for; null where one of them is hidden."""

    scheme: str
    label: str
    kind: str
    cents: int | None


class Costs(BaseModel):
    """An answer about costs. `class` null: all classes; one that is named narrows rows, totals and sums alike.

    For who sees publications only, `months` are those of the range that have been published, and `published` is false
    where there is none; of exact figures, `months` is null.
    """

    start: Annotated[str, Field(serialization_alias="from")]
    end: Annotated[str, Field(serialization_alias="to")]
    cost_class: Annotated[str | None, Field(serialization_alias="class")]
    as_of: date | None
    source: Source
    published: bool
    months: list[str] | None
    note: str
    rows: list[CostRow]
    totals: list[CostTotal]
    sums: list[SchemeSum]

    model_config = ConfigDict(serialize_by_alias=True)


class Asked(BaseModel):
    """What is asked, as it stands in the address: `month`, or `from` and `to`."""

    start: Annotated[Month | None, Field(alias="from")] = None
    end: Annotated[Month | None, Field(alias="to")] = None
    month: Month | None = None
    municipality: MunicipalityCode | None = None
    scheme: Annotated[str, Field(max_length=40)] | None = None
    cost_class: Annotated[str | None, Field(alias="class", max_length=40)] = None
    lang: Annotated[str | None, Field(description="Language of labels: fi, sv or en; read by `language_of`.")] = None

    def months(self) -> tuple[date, date]:
        """Return the first days of the first and the last month; raises Problem where they are not told or twice."""
        if self.month is not None:
            if self.start is not None or self.end is not None:
                raise unusable("month", "stands beside from or to; give either month, or from and to")
            return _first_day(self.month), _first_day(self.month)
        if self.start is None or self.end is None:
            missing = "to" if self.end is None else "from"
            raise unusable(missing, "is missing; give from and to, or month for one month, each as YYYY-MM")
        return _first_day(self.start), _first_day(self.end)


def _first_day(month: str) -> date:
    return date.fromisoformat(f"{month}-01")


class Found(NamedTuple):
    """Figures and where they come from; `months` are those of the range that are published, None for exact ones."""

    figures: list[CostFigure]
    source: Source
    as_of: date | None
    is_published: bool
    months: Sequence[date] | None = None


@dataclass(frozen=True)
class CostBook:
    """Reads costs for a principal: exact ones for supervisors, published ones for all others."""

    database: Database
    clock: Clock
    schemes: Mapping[str, Scheme]
    authorities: Mapping[str, Authority]

    def schemes_for(self, principal: Principal) -> Mapping[str, Scheme]:
        """Return the schemes whose figures the principal may see: with published figures, those that are published."""
        if principal.role not in SEE_PUBLISHED:
            return self.schemes
        return {name: scheme for name, scheme in self.schemes.items() if scheme.is_published}

    def range_of(self, principal: Principal, asked: Asked) -> Range:
        """Return the range asked for; raises Problem for one that cannot be."""
        start, end = asked.months()
        if end < start:
            raise unusable("to", "lies before from")
        if month_number(end) - month_number(start) >= _MOST_MONTHS:
            raise unusable("to", f"lies more than {_MOST_MONTHS} months after from")
        schemes = self.schemes_for(principal)
        if asked.scheme is not None and asked.scheme not in schemes:
            raise unusable("scheme", f"is none of {', '.join(schemes)}")
        members = (
            self.authorities[principal.authority].municipalities if principal.authority in self.authorities else ()
        )
        if asked.municipality is not None and asked.municipality not in members:
            raise unusable("municipality", "is not one of your authority")
        classes = _class_names([one for name, one in schemes.items() if asked.scheme in {None, name}])
        if asked.cost_class is not None and asked.cost_class not in classes:
            raise unusable("class", f"is none of {', '.join(classes)}")
        return Range(start, end, asked.municipality, asked.scheme, asked.cost_class)

    async def find(self, principal: Principal, asked: Range) -> Found:
        """Return what the principal may see of the range."""
        async with self.database.transaction() as session:
            if principal.role is Role.SUPERVISOR:
                figures = await reporting.exact_figures(session, principal.authority, asked)
                return Found(figures, "exact", self.clock.today(), True)  # noqa: FBT003 - a named field
            publications = await made(session, "incentives", principal.authority)
            figures = await reporting.published_figures(session, principal.authority, asked)
        within = [one for one in publications if asked.start <= one.month <= asked.end]
        as_of = within[-1].as_of if within else None
        return Found(figures, "publications", as_of, bool(within), [one.month for one in within])

    async def newest_month(self, principal: Principal) -> date:
        """Return the month that a page shows last: the newest published one, for supervisors this one."""
        today = self.clock.today().replace(day=1)
        if principal.role is Role.SUPERVISOR:
            return today
        async with self.database.transaction() as session:
            publications = await made(session, "incentives", principal.authority)
        return publications[-1].month if publications else today


def api_routes(book: CostBook) -> APIRouter:
    """Return the JSON routes."""
    router = APIRouter()

    @router.get("/v1/costs")
    async def costs(
        request: Request, who: Annotated[Principal, Depends(allow(*SEE_COSTS))], asked: Annotated[Asked, Query()]
    ) -> Costs:
        """Give costs by month of posting, payer, scheme and class: exact for supervisors, published for others."""
        wanted = book.range_of(who, asked)
        found = await book.find(who, wanted)
        label = language_of(request)
        return Costs(
            start=f"{wanted.start:%Y-%m}",
            end=f"{wanted.end:%Y-%m}",
            cost_class=wanted.cost_class,
            as_of=found.as_of,
            source=found.source,
            published=found.is_published,
            months=None if found.months is None else [f"{month:%Y-%m}" for month in found.months],
            note=note_on(found),
            rows=[_row(figure, book.schemes) for figure in found.figures if _is_row(figure, wanted)],
            totals=[_total(figure, book.schemes) for figure in found.figures if figure.cost_class == wanted.of],
            sums=[
                SchemeSum(
                    scheme=name,
                    label=scheme.labels[label],
                    kind=scheme.kind,
                    cents=sum_of(found, name, wanted.municipality or TOTAL, wanted.of),
                )
                for name, scheme in book.schemes_for(who).items()
                if wanted.scheme in {None, name} and _has(scheme, wanted.cost_class)
            ],
        )

    return router


def _class_names(schemes: Iterable[Scheme]) -> list[str]:
    """Return the names of the classes of `schemes`, each once and in their order."""
    return list(dict.fromkeys(of_class.name for scheme in schemes for of_class in scheme.classes))


def note_on(found: Found) -> str:
    """Say in words what the figures found are."""
    if not found.is_published:
        return "Nothing has been published for this time yet. Figures of a month are published on the 5th of the next."
    if found.source == "publications":
        return "Published figures; null is hidden, so that no single client shows."
    return "Exact figures, for supervisors only."


def _is_row(figure: CostFigure, wanted: Range) -> bool:
    is_asked_for = wanted.cost_class in {None, figure.cost_class}
    return is_asked_for and not figure.is_total and figure.municipality != TOTAL


def _row(figure: CostFigure, schemes: Mapping[str, Scheme]) -> CostRow:
    of_class = class_of(schemes[figure.scheme], figure.cost_class)
    return CostRow(
        month=figure.month.strftime("%Y-%m"),
        municipality=_municipality(figure),
        scheme=figure.scheme,
        cost_class=figure.cost_class,
        percent=of_class.percent_bp / 100,
        reference=of_class.ground.reference,
        mark=of_class.ground.mark,
        standing=schemes[figure.scheme].standing_in(figure.month),
        clients=figure.clients,
        days=figure.days,
        base_cents=figure.base_cents,
        cents=figure.cents,
    )


def _total(figure: CostFigure, schemes: Mapping[str, Scheme]) -> CostTotal:
    return CostTotal(
        month=figure.month.strftime("%Y-%m"),
        municipality=_municipality(figure),
        scheme=figure.scheme,
        standing=schemes[figure.scheme].standing_in(figure.month),
        clients=figure.clients,
        days=figure.days,
        cents=figure.cents,
    )


def _has(scheme: Scheme, cost_class: str | None) -> bool:
    return cost_class is None or any(one.name == cost_class for one in scheme.classes)


def _municipality(figure: CostFigure) -> str | None:
    return None if figure.municipality == NO_MUNICIPALITY else figure.municipality


def class_of(scheme: Scheme, name: str) -> CostClass:
    """Return the class of that name; for one that the scheme has no more, the one of uncounted days."""
    return next((one for one in scheme.classes if one.name == name), scheme.classes[-1])


def sum_of(found: Found, scheme: str, place: str, cost_class: str = TOTAL) -> int | None:
    """Return the cents of all months; None where one is hidden, or where nothing of the scheme was published."""
    mine = [figure for figure in found.figures if figure.municipality == place and figure.scheme == scheme]
    if found.source == "publications" and not any(figure.is_total for figure in mine):
        return None
    return _added([figure.cents for figure in mine if figure.cost_class == cost_class])


# --- the page --------------------------------------------------------------------------------------------------------


class Column(NamedTuple):
    """A scheme as the page heads it."""

    name: str
    label: str
    kind: str


class Cell(NamedTuple):
    """An amount and how to read it; None: no payments in that month."""

    cents: int | None
    standing: Standing


class ClassLine(NamedTuple):
    """One class of the chosen scheme over all months shown; figures are None where one of them is hidden."""

    name: str
    percent: float
    reference: str
    mark: Mark
    days: int | None
    cents: int | None


@dataclass(frozen=True)
class Shown:
    """What the page tells: a month a row and a scheme a column, then the classes of the chosen scheme."""

    asked: Asked
    found: Found
    columns: Sequence[Column]
    months: Sequence[tuple[date, Mapping[str, Cell]]]
    sums: Mapping[str, int | None]
    chosen: Column
    classes: Sequence[ClassLine]
    places: Sequence[tuple[str, str]]


def page_routes(book: CostBook) -> APIRouter:
    """Return the page /costs."""
    router = APIRouter(include_in_schema=False)

    @router.get("/costs")
    async def costs(  # noqa: PLR0913, PLR0917 - one argument for each field of the form
        request: Request,
        who: Annotated[Principal, Depends(allow(*SEE_COSTS))],
        start: Annotated[str, Query(alias="from")] = "",
        end: Annotated[str, Query(alias="to")] = "",
        municipality: str = "",
        scheme: str = "",
    ) -> HTMLResponse:
        asked = _asked(start, end, municipality, scheme, await book.newest_month(who), book.schemes_for(who))
        wanted = book.range_of(who, asked)
        found = await book.find(who, Range(wanted.start, wanted.end, wanted.municipality))
        return page(request, "incentives/costs.html", who, shown=_shown(language_of(request), who, book, asked, found))

    return router


def _asked(  # noqa: PLR0913, PLR0917 - the fields of the form and what stands in for empty ones
    start: str, end: str, municipality: str, scheme: str, newest: date, schemes: Mapping[str, Scheme]
) -> Asked:
    first = months_before(newest, _SHOWN_MONTHS - 1)
    return Asked.model_validate(
        {
            "from": start if re.match(MONTH, start) else f"{first:%Y-%m}",
            "to": end if re.match(MONTH, end) else f"{newest:%Y-%m}",
            "municipality": municipality if municipality in MUNICIPALITIES else None,
            "scheme": scheme if scheme in schemes else "law",
        }
    )


def _shown(language: str, who: Principal, book: CostBook, asked: Asked, found: Found) -> Shown:
    schemes = book.schemes_for(who)
    columns = [Column(name, scheme.labels[language], scheme.kind) for name, scheme in schemes.items()]
    place = asked.municipality or TOTAL
    return Shown(
        asked=asked,
        found=found,
        columns=columns,
        months=_months(found.figures, place, schemes),
        sums={name: sum_of(found, name, place) for name in schemes},
        chosen=next(column for column in columns if column.name == asked.scheme),
        classes=_class_lines(found.figures, place, schemes[asked.scheme or "law"]),
        places=places_of(book.authorities.get(who.authority), language),
    )


def _months(
    figures: Sequence[CostFigure], place: str, schemes: Mapping[str, Scheme]
) -> list[tuple[date, dict[str, Cell]]]:
    rows: dict[date, dict[str, Cell]] = {}
    for figure in figures:
        if figure.is_total and figure.municipality == place:
            standing = schemes[figure.scheme].standing_in(figure.month)
            rows.setdefault(figure.month, {})[figure.scheme] = Cell(figure.cents, standing)
    return sorted(rows.items())


def _class_lines(figures: Sequence[CostFigure], place: str, scheme: Scheme) -> list[ClassLine]:
    mine = [f for f in figures if f.scheme == scheme.name and f.municipality == place and not f.is_total]
    return [
        ClassLine(
            of_class.name,
            of_class.percent_bp / 10_000,
            of_class.ground.reference,
            of_class.ground.mark,
            _added([figure.days for figure in mine if figure.cost_class == of_class.name]),
            _added([figure.cents for figure in mine if figure.cost_class == of_class.name]),
        )
        for of_class in scheme.classes
        if any(figure.cost_class == of_class.name for figure in mine)
    ]


def _added(amounts: Sequence[int | None]) -> int | None:
    return None if None in amounts else sum(amount for amount in amounts if amount is not None)


def places_of(authority: Authority | None, language: str) -> list[tuple[str, str]]:
    """Return number and name of the municipalities of `authority`, by name."""
    known = [MUNICIPALITIES[code] for code in (authority.municipalities if authority else ())]
    return sorted(((one.code, one.name_sv if language == "sv" else one.name_fi) for one in known), key=lambda p: p[1])
