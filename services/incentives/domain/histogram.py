"""The day histogram: what was paid in a month by the number of the counted day, in bins that tell of nobody.

It begins with narrow bins. Edges between them are dropped until no count of clients from 1 to below the smallest shown
can be found: neither in a bin, nor by subtraction between bins, published classes and published totals. Pure.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from functools import cached_property
from typing import Final, Self

import numpy as np
import numpy.typing as npt

from services.incentives.domain.costs import months_of
from services.incentives.domain.engine import Assessment
from services.incentives.domain.money import Ints, parts_of
from services.incentives.domain.payments import Payments, column
from services.incentives.domain.schemes import CostClass, DayLadder, Ground, Mark, Rule, RuledPeriod, Scheme

MILLIONTHS: Final = 1_000_000
"""Of a cent. A part of a payment is kept this finely: whole cents would add up to more than the promised half cent."""

Span = tuple[int, int | None]
"""Days from the first to before the second; None: all from the first on."""

Flags = npt.NDArray[np.bool_]


def counts_alike(one: Rule, other: Rule) -> bool:
    """Tell whether two rules number the same days and share the same money, as far as no progress changes that."""

    def parts(rule: Rule) -> tuple[object, ...]:
        return (rule.counter, rule.count, rule.cost, rule.base, rule.boundary)

    return parts(one) == parts(other)


def spans(rule: Rule) -> tuple[Span, ...]:
    """Return the spans of days that are classes of `rule`, its first ones: of a ladder by step only those that wait."""
    if isinstance(rule.ladder, DayLadder):
        starts = rule.ladder.first_days
        return tuple(zip(starts, (*starts[1:], None), strict=True))
    return ((1, rule.ladder.from_day),)


def candidate_edges(width: int, until: int, rules: Sequence[Rule]) -> tuple[int, ...]:
    """Return the first days of the narrow bins: every `width` days to day `until`, and all thresholds of `rules`."""
    return tuple(sorted({*range(1, until + 1, width), *thresholds(rules)}))


def thresholds(rules: Sequence[Rule]) -> frozenset[int]:
    """Return the days from which on a class of any of `rules` holds, without the first day."""
    return frozenset(end for rule in rules for _, end in spans(rule) if end is not None)


def numbering(scheme: Scheme, edges: Sequence[int]) -> Scheme:
    """Return `scheme`, of one rule, with the bins between `edges` in place of its classes; they cost nothing."""
    (rule,) = scheme.rules()
    nothing = CostClass("", 0, Ground(Mark.PROPOSAL, "bins of the day histogram"))
    ladder = DayLadder(tuple(edges), (nothing,) * len(edges))
    return replace(scheme, periods=(RuledPeriod(replace(rule, ladder=ladder)),))


@dataclass(frozen=True, slots=True)
class DayLines:
    """Pieces of payments by client, payer and bin, one line each. `basic_part` is in millionths of a cent.

    `bin` is the position of the bin's first day among the edges; `pieces` counts pieces of payments.
    """

    client: Ints
    municipality: Ints
    bin: Ints
    days: Ints
    basic_part: Ints
    pieces: Ints

    def of(self, municipality: Flags) -> Self:
        """Return the chosen lines."""
        return type(self)(*(getattr(self, field.name)[municipality] for field in fields(self)))


def day_lines(assessment: Assessment, payments: Payments, payer: Ints, month: int) -> DayLines:
    """Return the pieces of the payments that were posted in `month` (counted from January 1970).

    `assessment` is that of a scheme made by `numbering`; what it does not count is left out.
    """
    pieces = assessment.pieces
    counted = pieces.cost_class < len(assessment.scheme.classes) - 1
    mine = np.flatnonzero(counted & (months_of(payments.posted_on) == month)[pieces.payment])
    payment, days = pieces.payment[mine], pieces.days[mine]
    base = _summed(pieces.base_cents[mine] * MILLIONTHS, payment, len(payments))
    part = parts_of(base[payment], _days_before(payment, days), days, payments.days[payment])
    return DayLines(payments.client[payment], payer[payment], pieces.cost_class[mine], days, part, np.ones_like(days))


def _days_before(payment: Ints, days: Ints) -> Ints:
    """Return how many days of its payment lie before each piece; pieces stand in order of payment and day."""
    running = np.cumsum(days) - days
    _, first, of = np.unique(payment, return_index=True, return_inverse=True)
    return running - running[first][of]


def joined(pages: Sequence[DayLines], clients: Sequence[int]) -> DayLines:
    """Return the lines of all `pages`, whose clients are numbered from 0 in each; `clients` says how many each has."""
    before = np.cumsum([0, *clients])[: len(pages)]
    moved = [replace(page, client=page.client + offset) for page, offset in zip(pages, before, strict=True)]
    return DayLines(*(np.concatenate([column(()), *(getattr(p, f.name) for p in moved)]) for f in fields(DayLines)))


@dataclass(frozen=True, slots=True)
class NarrowBins:
    """One municipality's month in the narrow bins, nothing hidden: never to be published.

    `stays[k]` says in which bins a client of kind `k` has days; there are `clients[k]` such clients.
    """

    edges: tuple[int, ...]
    stays: Flags
    clients: Ints
    days: Ints
    basic_part: Ints
    pieces: Ints

    def counted(self, kept: Ints) -> Ints:
        """Return the clients in each of the bins that begin at `kept` positions."""
        return self.clients @ np.logical_or.reduceat(self.stays, kept, axis=1)

    def among(self, positions: Flags) -> int:
        """Return the clients with days in any of the bins at `positions`."""
        return int(self.clients @ self.stays[:, positions].any(axis=1))


def narrow_bins(lines: DayLines, edges: tuple[int, ...]) -> NarrowBins:
    """Return one municipality's month; a client for whom two of its payers pay counts for each, as in the costs."""
    who = _numbered(np.stack([lines.client, lines.municipality]))
    stays = np.zeros((who.max(initial=-1) + 1, len(edges)), dtype=bool)
    stays[who, lines.bin] = True
    kinds, clients = np.unique(np.packbits(stays, axis=1), axis=0, return_counts=True)
    stays = np.unpackbits(kinds, axis=1, count=len(edges)).astype(bool)
    sums = (_summed(values, lines.bin, len(edges)) for values in (lines.days, lines.basic_part, lines.pieces))
    return NarrowBins(edges, stays, clients, *sums)


def _summed(values: Ints, of: Ints, size: int) -> Ints:
    total = np.zeros(size, dtype=np.int64)
    np.add.at(total, of, values)
    return total


def _numbered(columns: Ints) -> Ints:
    """Return a number for each column, the same for equal ones."""
    return np.unique(columns, axis=1, return_inverse=True)[1].ravel()


@dataclass(frozen=True, slots=True)
class Bin:
    """One published bin. `basic_part` is in millionths of a cent; `to_day` is the last day, None: open.

    `pieces_at_most` is rounded up to a multiple of the smallest count shown, because how many more pieces than clients
    there are would be how many clients were paid twice.
    """

    from_day: int
    to_day: int | None
    clients: int
    days: int
    basic_part: int
    pieces_at_most: int


@dataclass(frozen=True)
class Beside:
    """What is published beside a municipality's month, and what is too small to be told.

    `clients` is the published total; `shown` are published classes that are spans of the days of the histogram;
    `ladders` are those under which a total cost of the same days is published. `thresholds` are the edges to be
    dropped last.
    """

    smallest: int
    clients: int
    thresholds: frozenset[int]
    ladders: tuple[DayLadder, ...]
    shown: frozenset[Span]

    def is_small(self, count: int) -> bool:
        """Tell whether `count` would be hidden."""
        return 0 < count < self.smallest

    def percents(self, edges: Ints) -> Ints:
        """Return the basis points of each narrow bin, a row for each of `ladders` that differs from the others."""
        return np.unique(np.stack([_percents(ladder, edges) for ladder in self.ladders]), axis=0)


def _percents(ladder: DayLadder, days: Ints) -> Ints:
    position = np.searchsorted(column(ladder.first_days), days, side="right") - 1
    return column(cost_class.percent_bp for cost_class in ladder.unrelieved)[position]


@dataclass(frozen=True)
class _Fitting:
    """Finds which edges of one municipality's month must go. Edges are positions among the narrow bins' edges."""

    narrow: NarrowBins
    beside: Beside

    @cached_property
    def _edges(self) -> Ints:
        return column(self.narrow.edges)

    @cached_property
    def _percents(self) -> Ints:
        return self.beside.percents(self._edges)

    @cached_property
    def _levels(self) -> Ints:
        """Return a number for each narrow bin, the same where the percents are."""
        return _numbered(self._percents)

    @cached_property
    def pinned(self) -> Ints:
        """Edges of published classes: without them the difference between a class and a bin would tell of few."""
        days = {day for span in self.beside.shown for day in span if day is not None and day > 1}
        return np.flatnonzero(np.isin(self._edges, sorted(days)))

    @cached_property
    def _is_threshold(self) -> Flags:
        return np.isin(self._edges, sorted(self.beside.thresholds))

    def fitted(self) -> Ints | None:
        """Return the edges that may stay; None where what is published beside leaves no way."""
        kept = np.arange(len(self.narrow.edges))
        while (wrong := self._wrong(kept)) is not None:
            loose = np.setdiff1d(wrong, self.pinned)
            if not len(loose):
                return None
            kept = kept[kept != self._worst(loose, kept)]
        return kept

    def _worst(self, loose: Ints, kept: Ints) -> int:
        """Return the edge to drop: thresholds last, then those beside an empty bin, which join nobody to anybody."""
        counts = self.narrow.counted(kept)
        left = counts[np.searchsorted(kept, loose) - 1]
        right = counts[np.searchsorted(kept, loose)]
        order = np.lexsort((loose, left + right, np.minimum(left, right) == 0, self._is_threshold[loose]))
        return int(loose[order[0]])

    def _wrong(self, kept: Ints) -> Ints | None:
        """Return edges of which one must go, none if no choice of edges helps; None where all is well."""
        for look in (self._small_bin, self._few_pass, self._few_at_other_percents):
            wrong = look(kept)
            if wrong is not None:
                return wrong
        return None

    def _small_bin(self, kept: Ints) -> Ints | None:
        """Look for a bin of few clients."""
        counts = self.narrow.counted(kept)
        small = np.flatnonzero((counts > 0) & (counts < self.beside.smallest))
        return self._around(int(small[0]), kept) if len(small) else None

    @staticmethod
    def _around(place: int, kept: Ints) -> Ints:
        """Return the edges of the bin at `place`, but for the first day, which is none."""
        around = kept[place : place + 2]
        return around[around > 0]

    def _few_pass(self, kept: Ints) -> Ints | None:
        """Look where few clients stand in more than one bin: how many do is what bins have more than their total."""
        for span in (*sorted(self.beside.shown, key=lambda span: (span[0], span[1] or 0)), (1, None)):
            inside = self._inside(kept, span)
            starts = kept[inside]
            if self.beside.is_small(int(self.narrow.counted(kept)[inside].sum()) - self._total(span)):
                passed = starts[1:][self._passing(starts) > 0]
                return passed if len(np.setdiff1d(passed, self.pinned)) else starts[1:]
        return None

    def _inside(self, kept: Ints, span: Span) -> Flags:
        first_days = self._edges[kept]
        return (first_days >= span[0]) & (first_days < (span[1] or first_days[-1] + 1))

    def _total(self, span: Span) -> int:
        if span == (1, None):
            return self.beside.clients
        return self.narrow.among(self._inside(np.arange(len(self._edges)), span))

    def _passing(self, starts: Ints) -> Ints:
        """Return how many clients stand on both sides of each edge between the neighbouring bins at `starts`."""
        stays = np.logical_or.reduceat(self.narrow.stays, starts, axis=1)
        return self.narrow.clients @ (stays[:, :-1] & stays[:, 1:])

    def _few_at_other_percents(self, kept: Ints) -> Ints | None:
        """Look whether the total cost, less each bin at one percent, is the money of few.

        A bin over a threshold holds days at several percents. Whoever assumes one of them for each bin is left with
        the money of those at another. They are enough if in one bin, whichever percent is assumed, they are enough;
        against the totals of two ladders at once that does not help. What only published classes tell is told already.
        """
        loose = np.setdiff1d(kept[1:], self.pinned)
        others = {place: few for place in range(len(kept)) if (few := self._at_other_percents(place, kept))}
        if not len(loose) or not others:
            return None
        if len(self._percents) == 1 and max(others.values()) >= self.beside.smallest:
            return None
        around = self._around(max(others, key=lambda place: (others[place], -place)), kept)
        return around if len(np.setdiff1d(around, self.pinned)) else loose

    def _at_other_percents(self, place: int, kept: Ints) -> int:
        """Return the fewest clients of a bin with days beside one of its percents; 0 where all stand at one."""
        stop = kept[place + 1] if place + 1 < len(kept) else len(self._edges)
        inside = np.arange(len(self._edges))
        inside_bin = (inside >= kept[place]) & (inside < stop)
        levels = np.unique(self._levels[inside_bin])
        if len(levels) == 1:
            return 0
        return min(self.narrow.among(inside_bin & (self._levels != level)) for level in levels)


def fitted_bins(narrow: NarrowBins, beside: Beside) -> tuple[tuple[int, ...], tuple[Bin, ...]] | None:
    """Return the edges that may be published (first days of bins) and the bins that are not empty; None: no way.

    Edges are dropped one by one, thresholds last, until every bin holds no clients or at least the smallest count
    shown, as many pass from bin to bin, and the published total cost tells of no fewer: see `Beside`, decision 0017.
    """
    kept = _Fitting(narrow, beside).fitted()
    if kept is None:
        return None
    clients = narrow.counted(kept).tolist()
    days, part, pieces = (np.add.reduceat(v, kept).tolist() for v in (narrow.days, narrow.basic_part, narrow.pieces))
    edges = tuple(narrow.edges[position] for position in kept.tolist())
    ends = [*(edge - 1 for edge in edges[1:]), None]
    at_most = [-(-count // beside.smallest) * beside.smallest for count in pieces]
    bins = map(Bin, edges, ends, clients, days, part, at_most)
    return edges, tuple(one for one in bins if one.clients)
