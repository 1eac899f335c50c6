"""The day histogram tells nothing of few clients, whatever is published beside it, and loses nothing else."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import date, timedelta
from fractions import Fraction
from importlib.resources import files
from itertools import product
from pathlib import Path
from typing import Final

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.incentives.domain.costs import month_number, months_of
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
)
from services.incentives.domain.payments import NO_STEPS, Payment, column, counter_sets, payments_in_order
from services.incentives.domain.schemes import CostClass, Counter, DayLadder, Ground, Mark
from services.incentives.histograms import DayHistograms, histogram_numbering
from services.incentives.reporting import CostFigure
from services.incentives.rule_files import RuleFileError, rule_book

unhurried = settings(deadline=None)  # how long an example takes is the machine's business
SCHEMES: Final = rule_book().schemes
RULES: Final = [rule for scheme in SCHEMES.values() for rule in scheme.rules()]
FI_2025: Final = SCHEMES["fi-2025"]
SMALLEST: Final = 5

# A small world: bins of 5 days to day 40, and a ladder with thresholds at 11, 21 and 31.
EDGES: Final = (1, 6, 11, 16, 21, 26, 31, 36)
SHARES: Final = (0, 10, 20, 30)
THRESHOLDS: Final = (11, 21, 31)


def ladder(first_days: Sequence[int], percents: Sequence[int]) -> DayLadder:
    ground = Ground(Mark.PROPOSAL, "a test's")
    return DayLadder(tuple(first_days), tuple(CostClass("", 100 * percent, ground) for percent in percents))


LADDER: Final = ladder((1, *THRESHOLDS), SHARES)

Stay = frozenset[int]
"""The narrow bins in which a client has days, by position."""


def lines_of(stays: Sequence[Stay]) -> DayLines:
    """Return five days of 37.21 € for each client in each of its bins, in one piece each."""
    rows = [(client, place) for client, stay in enumerate(stays) for place in sorted(stay)]
    clients, places = column(c for c, _ in rows), column(p for _, p in rows)
    days = np.full(len(rows), 5)
    return DayLines(clients, np.full(len(rows), 398), places, days, days * 3721 * MILLIONTHS, np.ones_like(days))


def beside(clients: int, shown: frozenset[Span] = frozenset(), ladders: tuple[DayLadder, ...] = (LADDER,)) -> Beside:
    return Beside(SMALLEST, clients, frozenset(THRESHOLDS), ladders, shown)


def fitted(
    stays: Sequence[Stay], shown: frozenset[Span] = frozenset()
) -> tuple[tuple[int, ...], tuple[Bin, ...]] | None:
    return fitted_bins(narrow_bins(lines_of(stays), EDGES), beside(len(stays), shown))


def clients(count: int, *bins: int) -> list[Stay]:
    return [frozenset(bins)] * count


# --- by hand ---------------------------------------------------------------------------------------------------------


def test_bins_of_enough_clients_keep_all_edges() -> None:
    found = fitted([*clients(5, 0), *clients(6, 2), *clients(7, 7)])
    assert found is not None
    assert found[0] == EDGES
    assert [(one.from_day, one.to_day, one.clients, one.days) for one in found[1]] == [
        (1, 5, 5, 25), (11, 15, 6, 30), (36, None, 7, 35),
    ]  # fmt: skip


def test_a_bin_of_few_joins_the_neighbour_in_its_own_class_before_it_costs_a_threshold() -> None:
    found = fitted([*clients(20, 1), *clients(3, 2), *clients(9, 3)])
    assert found is not None
    assert found[0] == (1, 6, 11, 21, 26, 31, 36)


def test_a_class_of_few_is_joined_until_the_total_cost_does_not_tell_its_money() -> None:
    """Days 11–20 are of 3 clients. Joined with 21–30 alone, total cost less 20 % of the bin would be their money."""
    stays = [*clients(20, 0), *clients(3, 2), *clients(9, 4), *clients(8, 6)]
    found = fitted(stays)
    assert found is not None
    assert found[0] == (1, 6, 11, 36)
    assert min(left_over(stays, found[0])) == 3 + 8


def test_few_clients_who_pass_an_edge_cost_the_edge() -> None:
    found = fitted([*clients(9, 0), *clients(2, 0, 1), *clients(9, 1)])
    assert found is not None
    assert 6 not in found[0]


def test_a_month_of_few_is_left_out_and_one_of_nobody_is_not() -> None:
    assert fitted(clients(4, 0)) is None
    assert fitted([]) == (EDGES, ())


def test_the_edges_of_published_classes_stay_or_the_month_is_left_out() -> None:
    classes = frozenset({(1, 11), (11, None)})
    stays = [*clients(5, 0), *clients(5, 2), *clients(5, 4), *clients(5, 6)]
    found = fitted(stays, classes)
    assert found is not None
    assert 11 in found[0]
    # Classes that hide nothing by themselves may leave few between them.
    assert fitted([*clients(5, 0), *clients(3, 2), *clients(5, 4)], frozenset({(1, 11), (11, 21), (21, None)})) is None


def test_against_two_ladders_no_threshold_is_given_up_between_others() -> None:
    other = ladder((1, *THRESHOLDS), (0, 50, 10, 5))
    stays = [*clients(20, 0), *clients(3, 2), *clients(9, 4), *clients(8, 6)]
    found = fitted_bins(narrow_bins(lines_of(stays), EDGES), beside(len(stays), ladders=(LADDER, other)))
    assert found is not None
    assert found[0] == (1,)


def test_edges_are_every_so_many_days_and_where_a_class_of_any_scheme_begins() -> None:
    assert candidate_edges(400, 1200, RULES) == (1, 101, 201, 301, 401, 501, 701, 801, 1001)


def test_schemes_of_the_new_counter_number_days_alike_and_the_old_law_does_not() -> None:
    rule = {name: next(scheme.rules()) for name, scheme in SCHEMES.items()}
    assert counts_alike(rule["fi-2025"], rule["step-graded"])
    assert not counts_alike(rule["fi-2025"], rule["fi-2015"])
    assert spans(rule["step-graded"]) == ((1, 101),)


def test_pieces_are_told_in_fives() -> None:
    found = fitted(clients(6, 0))
    assert found is not None
    assert [one.pieces_at_most for one in found[1]] == [10]


# --- laws ------------------------------------------------------------------------------------------------------------

RUNS = st.builds(
    lambda start, length: frozenset(range(start, min(start + length, 8))), st.integers(0, 7), st.integers(1, 3)
)
TORN = st.frozensets(st.integers(0, 7), min_size=1, max_size=3)
POPULATIONS = st.lists(st.tuples(RUNS | TORN, st.integers(1, 9)), max_size=8).map(
    lambda groups: [stay for stay, count in groups for _ in range(count)]
)
CLASSES: Final = frozenset({(1, 11), (11, 21), (21, 31), (31, None)})


def among(stays: Sequence[Stay], first: int, until: int | None) -> int:
    """Count clients with days from `first` to before `until`."""
    return sum(
        any(first <= EDGES[place] and (until is None or EDGES[place] < until) for place in stay) for stay in stays
    )


def bins_between(edges: Sequence[int]) -> list[Span]:
    return list(zip(edges, (*edges[1:], None), strict=True))


def percent_on(day: int) -> int:
    return SHARES[sum(day >= threshold for threshold in THRESHOLDS)]


def left_over(stays: Sequence[Stay], edges: Sequence[int]) -> Iterator[int]:
    """Give, for each way to assume one percent for each bin, how many clients have days at another."""
    owners = []
    for first, until in bins_between(edges):
        places = [place for place, day in enumerate(EDGES) if first <= day and (until is None or day < until)]
        owners.append([
            {number for number, stay in enumerate(stays) for place in places
             if place in stay and percent_on(EDGES[place]) != assumed}
            for assumed in {percent_on(EDGES[place]) for place in places}
        ])  # fmt: skip
    for choice in product(*owners):
        yield len(set().union(*choice))


def are_closed(stays: Sequence[Stay]) -> bool:
    """Tell whether the published costs would hide the classes."""
    counts = [among(stays, *span) for span in CLASSES]
    return any(0 < count < SMALLEST for count in (*counts, sum(counts) - len(stays)))


@unhurried
@given(POPULATIONS)
def test_nothing_that_can_be_worked_out_is_of_few(stays: list[Stay]) -> None:
    shown = frozenset() if are_closed(stays) else CLASSES
    found = fitted(stays, shown)
    if found is None:
        assert 0 < len(stays) < SMALLEST or shown
        return
    edges, bins = found
    assert {one.from_day: one.clients for one in bins} == {
        first: count for first, until in bins_between(edges) if (count := among(stays, first, until))
    }
    few = range(1, SMALLEST)
    assert all(one.clients not in few for one in bins)
    assert sum(one.clients for one in bins) - len(stays) not in few
    assert {until for _, until in shown if until} <= set(edges)
    for first, until in shown:
        inside = sum(one.clients for one in bins if first <= one.from_day and (until is None or one.from_day < until))
        assert inside - among(stays, first, until) not in few
    if len(edges) > 1 and not shown:
        assert all(count not in few for count in left_over(stays, edges))


@unhurried
@given(POPULATIONS.flatmap(lambda stays: st.tuples(st.just(stays), st.permutations(stays))))
def test_edges_are_of_the_narrow_ones_sums_stay_and_order_is_nothing(two: tuple[list[Stay], list[Stay]]) -> None:
    stays, shuffled = two
    found = fitted(stays)
    assert fitted(shuffled) == found
    if found is None:
        return
    edges, bins = found
    assert edges[0] == 1
    assert set(edges) <= set(EDGES)
    assert sum(one.days for one in bins) == 5 * sum(len(stay) for stay in stays)
    assert sum(one.basic_part for one in bins) == 5 * 3721 * MILLIONTHS * sum(len(stay) for stay in stays)


@unhurried
@given(POPULATIONS)
def test_where_every_class_is_of_many_and_nobody_passes_no_threshold_is_dropped(stays: list[Stay]) -> None:
    alone = [frozenset({min(stay)}) for stay in stays]
    classes = [among(alone, *span) for span in CLASSES]
    if any(0 < count < SMALLEST for count in classes):
        return
    found = fitted(alone)
    assert found is not None
    assert set(THRESHOLDS) <= set(found[0])


def test_pages_of_clients_are_joined_as_if_they_were_one() -> None:
    stays = [*clients(5, 0), *clients(6, 2)]
    pages = joined([lines_of(stays[:4]), lines_of([]), lines_of(stays[4:])], [4, 0, 7])
    assert fitted_bins(narrow_bins(pages, EDGES), beside(11)) == fitted(stays)


# --- from payments ---------------------------------------------------------------------------------------------------

MONTH: Final = date(2025, 10, 1)
CLIENTS: Final = 4


def identified(rows: list[Payment]) -> list[Payment]:
    return [replace(row, id=f"{number:03}") for number, row in enumerate(rows)]


@st.composite
def payments(draw: st.DrawFn) -> Payment:
    start = date(2025, 8, 1) + timedelta(days=draw(st.integers(0, 60)))
    return Payment(
        client=draw(st.integers(0, CLIENTS - 1)),
        posted_on=start + timedelta(days=draw(st.integers(20, 50))),
        batch=draw(st.sampled_from("abc")),
        period_start=start,
        period_end=start + timedelta(days=30),
        days=draw(st.integers(1, 40)),
        benefit="general_support",
        basis=draw(st.sampled_from(("unemployment", "service"))),
        paid_cents=200_000,
        basic_part_cents=draw(st.integers(1, 150_000)),
    )


PAYMENTS = st.lists(payments(), max_size=12).map(
    lambda rows: [replace(row, id=f"{n:03}") for n, row in enumerate(rows)]
)
Stated = tuple[int, Counter, date, int]
"""What `counter_sets` takes."""

NEW: Final[Counter] = "law_2025"
COUNTERS = st.lists(
    st.tuples(st.integers(0, CLIENTS - 1), st.just(NEW), st.just(date(2025, 7, 1)), st.integers(0, 900)),
    max_size=CLIENTS,
    unique_by=lambda row: row[0],
)


def from_payments(rows: list[Payment], sets: list[Stated], edges: Sequence[int]) -> DayLines:
    paid = payments_in_order(rows)
    found = assess(numbering(FI_2025, edges), paid, counter_sets(sets), NO_STEPS, CLIENTS)
    return day_lines(found, paid, np.full(len(paid), 398), month_number(MONTH))


@unhurried
@given(PAYMENTS, COUNTERS)
def test_on_edges_a_ladder_costs_what_the_engine_says_within_half_a_cent_for_each_piece(
    rows: list[Payment], sets: list[Stated]
) -> None:
    edges = candidate_edges(10, 1000, RULES)
    lines = from_payments(rows, sets, edges)
    (rule,) = FI_2025.rules()
    assert isinstance(rule.ladder, DayLadder)
    position = np.searchsorted(column(rule.ladder.first_days), column(edges)[lines.bin], side="right") - 1
    percents = column(cost_class.percent_bp for cost_class in rule.ladder.classes)[position]
    asked = Fraction(int(lines.basic_part @ percents), MILLIONTHS * 10_000)
    paid = payments_in_order(rows)
    exact = assess(FI_2025, paid, counter_sets(sets), NO_STEPS, CLIENTS).pieces
    in_month = (months_of(paid.posted_on) == month_number(MONTH))[exact.payment]
    pieces = int(in_month.sum())
    assert lines.days.sum() == exact.days[in_month].sum()
    assert lines.basic_part.sum() == exact.base_cents[in_month].sum() * MILLIONTHS
    assert abs(asked - int(exact.cents[in_month].sum())) <= Fraction(pieces, 2) + Fraction(pieces, MILLIONTHS)
    assert pieces <= lines.pieces.sum()


# --- beside the published costs --------------------------------------------------------------------------------------

HISTOGRAMS: Final = DayHistograms(SCHEMES)
THIRTY: Final = [*clients(27, 0), *clients(3, 15)]
"""The 27 are on days 1 to 10, the three on days 151 to 160."""


def published(scheme: str, cost_class: str, count: int | None, cents: int | None) -> CostFigure:
    return CostFigure(MONTH, "398", scheme, cost_class, count, count, cents, cents)


def edges_beside(stays: Sequence[Stay], *costs: CostFigure) -> tuple[int, ...] | None:
    (month,) = HISTOGRAMS.months(lines_of(stays), {"398"}, costs, SMALLEST)
    return month.edges


def test_a_month_whose_total_is_hidden_is_left_out() -> None:
    assert edges_beside(clients(30, 0), published("fi-2025", "*", None, None)) is None
    assert edges_beside(THIRTY, published("fi-2025", "*", 30, None)) is None
    assert edges_beside(clients(30, 0), published("fi-2025", "*", 30, 0)) is not None


def test_a_class_that_another_scheme_publishes_keeps_its_edge_or_the_month_is_left_out() -> None:
    total = published("fi-2025", "*", 30, 5000)
    waiting = published("step-graded", "1-100", 27, 0)
    found = edges_beside(THIRTY, total)
    assert found is not None
    assert 101 not in found
    assert edges_beside(THIRTY, total, waiting) is None
    elsewhere = [*clients(20, 0), *clients(10, 15)]
    found = edges_beside(elsewhere, total, waiting)
    assert found is not None
    assert 101 in found


def test_who_pays_from_outside_the_authority_stands_together_as_elsewhere() -> None:
    months = HISTOGRAMS.months(lines_of(clients(6, 0)), {"167"}, [], SMALLEST)
    assert [(month.municipality, len(month.bins)) for month in months] == [("167", 0), ("elsewhere", 1)]


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("scheme: fi-2025", "scheme: fi-2015", "counted_as.scheme: is not a scheme of one rule with a ladder by days"),
        ("scheme: fi-2025", "scheme: fi-1999", "such are: fi-2025"),
        ("days: 10 ", "days: 0 ", "histogram.yaml: bins.days: "),
        ("until_day: 1500", "until: 1500", "histogram.yaml: bins.until_day: "),
        ("bins:", "bins: [", "histogram.yaml: is not YAML"),
    ],
)
def test_a_rule_file_that_cannot_be_used_is_refused_by_file_and_field(
    tmp_path: Path, old: str, new: str, told: str
) -> None:
    shipped = files("services.incentives").joinpath("rules", "histogram.yaml").read_text(encoding="utf-8")
    assert old in shipped
    (tmp_path / "histogram.yaml").write_text(shipped.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(RuleFileError) as refusal:
        histogram_numbering(SCHEMES, tmp_path)
    assert told in str(refusal.value)
