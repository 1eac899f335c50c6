"""The day histogram of a publication: reckoned from the payments, fitted to what is published beside it, written."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Annotated, Final

import numpy as np
import yaml
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError
from sqlalchemy import text
from sqlmodel.ext.asyncio.session import AsyncSession

from contracts.faults import fault_of
from services.incentives import store
from services.incentives.domain.costs import month_number, payers
from services.incentives.domain.engine import assess
from services.incentives.domain.histogram import (
    MILLIONTHS,
    Beside,
    Bin,
    DayLines,
    Span,
    candidate_edges,
    counts_alike,
    day_lines,
    fitted_bins,
    joined,
    narrow_bins,
    numbering,
    spans,
    thresholds,
)
from services.incentives.domain.payments import NO_STEPS
from services.incentives.domain.reckoning import Ledger
from services.incentives.domain.schemes import DayLadder, Effect, Mark, Rule, Scheme
from services.incentives.metrics import ELSEWHERE
from services.incentives.reporting import CostFigure
from services.incentives.rule_files import RuleFileError
from services.runtime.disclosure import TOTAL, smallest_shown_on
from services.runtime.publications import Publication

_FILE: Final = "histogram.yaml"
_PAGE: Final = 1_000
"""Clients reckoned in one go, for some tens of milliseconds; larger: the event loop waits longer for each."""


class _Form(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class _Grounded(_Form):
    mark: Mark
    reference: Annotated[str, StringConstraints(min_length=1, strip_whitespace=True)]


class _CountedAs(_Grounded):
    scheme: str


class _Bins(_Grounded):
    days: Annotated[int, Field(ge=1)]
    until_day: Annotated[int, Field(ge=1, le=10_000)]


class _HistogramForm(_Form):
    counted_as: _CountedAs
    bins: _Bins


@dataclass(frozen=True)
class Numbering:
    """How days are numbered and in which narrow bins: by `scheme`, of one rule, between `edges`."""

    scheme: Scheme
    edges: tuple[int, ...]

    @property
    def rule(self) -> Rule:
        """The rule that counts."""
        return self.scheme.periods[0].rule


def histogram_numbering(schemes: Mapping[str, Scheme], folder: Traversable | None = None) -> Numbering:
    """Read how days are numbered from the rule file of `folder` (default: the one shipped). Raises RuleFileError."""
    form = _read((folder or files("services.incentives").joinpath("rules")).joinpath(_FILE))
    scheme = schemes.get(form.counted_as.scheme)
    if scheme is None or not _numbers_days(scheme):
        fitting = ", ".join(name for name, one in schemes.items() if _numbers_days(one))
        raise RuleFileError(
            f"{_FILE}: counted_as.scheme: is not a scheme of one rule with a ladder by days, the boundary day, no "
            f"progress, and the same days under count and cost; such are: {fitting}"
        )
    rules = [rule for one in schemes.values() for rule in one.rules()]
    return Numbering(scheme, candidate_edges(form.bins.days, form.bins.until_day, rules))


def _numbers_days(scheme: Scheme) -> bool:
    rules = list(scheme.rules())
    rule = rules[0]
    by_day = isinstance(rule.ladder, DayLadder) and rule.boundary == "day"
    return len(rules) == 1 and by_day and rule.effect == Effect() and rule.count == rule.cost


def _read(file: Traversable) -> _HistogramForm:
    try:
        return _HistogramForm.model_validate(yaml.safe_load(file.read_text(encoding="utf-8")))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise RuleFileError(f"{_FILE}: is not YAML: {str(error).splitlines()[0]}") from None
    except ValidationError as error:
        rows = error.errors(include_url=False)
        faults = (f"{_FILE}: {'.'.join(map(str, row['loc']))}: {fault_of(row)}" for row in rows)
        raise RuleFileError("\n".join(faults)) from None


@dataclass(frozen=True)
class Month:
    """One municipality's month as published: `edges` None and no bins where it is left out."""

    municipality: str
    edges: tuple[int, ...] | None
    bins: tuple[Bin, ...]


class DayHistograms:
    """Makes the day histograms of publications."""

    def __init__(self, schemes: Mapping[str, Scheme]) -> None:
        """Read the rule file. Raises RuleFileError."""
        self._numbering = histogram_numbering(schemes)
        self._fine = numbering(self._numbering.scheme, self._numbering.edges)
        self._thresholds = thresholds([rule for scheme in schemes.values() for rule in scheme.rules()])
        self._alike = {
            name: [rule for rule in scheme.rules() if counts_alike(rule, self._numbering.rule)]
            for name, scheme in schemes.items()
        }

    async def publish(
        self,
        session: AsyncSession,
        members: Collection[str],
        costs: Mapping[Publication, Sequence[CostFigure]],
    ) -> None:
        """Write the months of one authority's publications, for each of `members` and for elsewhere.

        `costs` are the figures that are published beside them.
        """
        lines = await self._lines(session, list(costs))
        for publication, beside in costs.items():
            smallest = smallest_shown_on(publication.as_of)
            months = self.months(lines[publication.month], members, beside, smallest)
            await _write(session, publication, self._numbering.scheme.name, months)

    async def _lines(self, session: AsyncSession, publications: Sequence[Publication]) -> dict[date, DayLines]:
        """Return the lines of each month, in one pass through the clients: each needs all its payments."""
        authority, months = publications[0].authority, [publication.month for publication in publications]
        pages: dict[date, list[DayLines]] = {month: [] for month in months}
        sizes: list[int] = []
        last = ""
        while known := await store.paid_in(session, authority, months, last, _PAGE):
            ledger = await store.ledger(session, known)
            for month, lines in self._of_page(ledger, months).items():
                pages[month].append(lines)
            sizes.append(len(known))
            last = known[-1].client
        return {month: joined(of_month, sizes) for month, of_month in pages.items()}

    def _of_page(self, ledger: Ledger, months: Sequence[date]) -> dict[date, DayLines]:
        payments = ledger.payments
        assessment = assess(self._fine, payments, ledger.sets, NO_STEPS, ledger.clients)
        payer = payers(payments, ledger.named, ledger.homes)
        return {month: day_lines(assessment, payments, payer, month_number(month)) for month in months}

    def months(
        self, lines: DayLines, members: Collection[str], costs: Sequence[CostFigure], smallest: int
    ) -> list[Month]:
        """Return what of `lines` may be published beside `costs`, one month for each municipality and for elsewhere."""
        numbers = {int(code): code for code in sorted(members)}
        inside = {code: lines.municipality == number for number, code in numbers.items()}
        outside = ~np.isin(lines.municipality, list(numbers))
        places = inside | ({ELSEWHERE: outside} if outside.any() else {})
        return [self._month(place, lines.of(mine), costs, smallest) for place, mine in places.items()]

    def _month(self, place: str, lines: DayLines, costs: Sequence[CostFigure], smallest: int) -> Month:
        mine = [figure for figure in costs if figure.municipality == place]
        of_all = [figure for figure in mine if figure.is_total and figure.scheme == self._numbering.scheme.name]
        total = of_all[0] if of_all else CostFigure(date.min, place, "", TOTAL, 0, 0, 0, 0)
        if total.clients is None or total.cents is None:
            return Month(place, None, ())
        beside = Beside(smallest, total.clients, self._thresholds, self._ladders(), self._shown(mine))
        found = fitted_bins(narrow_bins(lines, self._numbering.edges), beside)
        return Month(place, *found) if found else Month(place, None, ())

    def _ladders(self) -> tuple[DayLadder, ...]:
        rules = (rule for alike in self._alike.values() for rule in alike)
        return tuple(rule.ladder for rule in rules if isinstance(rule.ladder, DayLadder))

    def _shown(self, costs: Sequence[CostFigure]) -> frozenset[Span]:
        """Return the classes of a municipality that are published and are spans of the same days."""
        shown = {(figure.scheme, figure.cost_class) for figure in costs if figure.clients is not None}
        return frozenset(
            span
            for scheme, rules in self._alike.items()
            for rule in rules
            for cost_class, span in zip(rule.ladder.classes, spans(rule), strict=False)
            if (scheme, cost_class.name) in shown
        )


_PUBLISH_MONTHS: Final = text("""
    INSERT INTO incentives.published_day_months (authority, month, municipality, as_of, counted_as, edges)
    SELECT :authority, :month, n.municipality, :as_of, :counted_as, CAST(n.edges AS int[])
    FROM unnest(CAST(:municipalities AS text[]), CAST(:edges AS text[])) AS n(municipality, edges)
""")
_PUBLISH_BINS: Final = text("""
    INSERT INTO incentives.published_day_bins
           (authority, month, municipality, from_day, to_day, clients, days, basic_part_cents, pieces_at_most)
    SELECT :authority, :month, n.municipality, n.from_day, n.to_day, n.clients, n.days,
           CAST(n.millionths AS numeric) / :millionths, n.pieces_at_most
    FROM unnest(CAST(:municipalities AS text[]), CAST(:from_days AS int[]), CAST(:to_days AS int[]),
                CAST(:clients AS bigint[]), CAST(:days AS bigint[]), CAST(:parts AS bigint[]),
                CAST(:pieces AS bigint[]))
        AS n(municipality, from_day, to_day, clients, days, millionths, pieces_at_most)
""")


async def _write(session: AsyncSession, publication: Publication, counted_as: str, months: Sequence[Month]) -> None:
    about = {"authority": publication.authority, "month": publication.month}
    lists = {
        "municipalities": [month.municipality for month in months],
        "edges": [month.edges and store.array(month.edges) for month in months],
    }
    await session.execute(_PUBLISH_MONTHS, about | lists | {"as_of": publication.as_of, "counted_as": counted_as})
    bins = [(month.municipality, one) for month in months for one in month.bins]
    columns = {
        "municipalities": [place for place, _ in bins],
        "from_days": [one.from_day for _, one in bins],
        "to_days": [one.to_day for _, one in bins],
        "clients": [one.clients for _, one in bins],
        "days": [one.days for _, one in bins],
        "parts": [one.basic_part for _, one in bins],
        "pieces": [one.pieces_at_most for _, one in bins],
    }
    await session.execute(_PUBLISH_BINS, about | columns | {"millionths": MILLIONTHS})
