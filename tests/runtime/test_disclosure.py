from collections import defaultdict
from collections.abc import Iterator, Mapping
from datetime import date
from itertools import product
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.runtime.disclosure import (
    TOTAL,
    Key,
    Table,
    disclose,
    disclose_amounts,
    disclose_matrices,
    smallest_shown_on,
)

Shown = Mapping[Key, int | None]

unhurried = settings(deadline=None)  # how long an example takes is the machine's business


def test_a_hidden_count_hides_its_row_its_column_and_the_grand_total() -> None:
    table = Table(
        ("municipality", "step"),
        {("167", "1"): 12, ("167", "2"): 3, ("240", "1"): 7, ("240", "2"): 0, ("398", "1"): 20, ("398", "2"): 9},
    )
    assert disclose(table) == {
        ("167", "1"): 12, ("167", "2"): None, ("167", "*"): None,
        ("240", "1"): 7, ("240", "2"): 0, ("240", "*"): 7,
        ("398", "1"): 20, ("398", "2"): 9, ("398", "*"): 29,
        ("*", "1"): 39, ("*", "2"): None, ("*", "*"): None,
    }  # fmt: skip


def test_a_table_without_small_counts_is_shown_whole() -> None:
    assert disclose(Table(("step",), {("0",): 5, ("1",): 0, ("2",): 6})) == {
        ("0",): 5,
        ("1",): 0,
        ("2",): 6,
        ("*",): 11,
    }


def test_what_is_absent_counts_nobody_and_is_shown() -> None:
    shown = disclose(Table(("a", "b"), {("x", "u"): 5, ("y", "v"): 6}))
    assert shown["x", "v"] == 0
    assert shown["*", "*"] == 11


def test_a_table_without_cells_shows_nothing() -> None:
    assert disclose(Table(("step",), {})) == {}


def test_money_hides_with_the_count_of_its_clients() -> None:
    shown = disclose(Table(("class",), {("1-100",): 0, ("101-200",): 4, ("201-300",): 8}))
    assert disclose_amounts(shown, {("101-200",): 14884, ("201-300",): 59536}) == {
        ("1-100",): 0,
        ("101-200",): None,
        ("201-300",): 59536,
        ("*",): None,
    }


def test_totals_of_money_are_the_sums_of_their_parts() -> None:
    shown = disclose(Table(("a", "b"), {("x", "u"): 5, ("x", "v"): 6, ("y", "u"): 7}))
    amounts = disclose_amounts(shown, {("x", "u"): 1, ("x", "v"): 10, ("y", "u"): 100})
    assert (amounts["x", "*"], amounts["*", "u"], amounts["*", "*"]) == (11, 101, 111)


@pytest.mark.parametrize("key", [("b",), ("*",), ("a",)])
def test_money_without_clients_is_refused(key: Key) -> None:
    shown = disclose(Table(("class",), {("a",): 0}))
    with pytest.raises(ValueError, match="no client is counted"):
        disclose_amounts(shown, {key: 1})


@pytest.mark.parametrize(
    ("cells", "reason"),
    [
        ({("a", "b"): 1}, "one category for each"),
        ({("*",): 1}, "without its totals"),
        ({("a",): -1}, "not negative"),
    ],
)
def test_a_malformed_table_is_refused(cells: dict[Key, int], reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        Table(("step",), cells)


def test_the_smallest_figure_shown_is_dated_and_its_first_entry_reaches_back() -> None:
    assert smallest_shown_on(date(2000, 12, 31)) == 5
    assert smallest_shown_on(date(2026, 6, 30)) == 5


# Matrices, which have no totals of their own.

OF_MATRICES = ("municipality", "origin", "destination")


def matrix(text: str, place: str = "398") -> dict[Key, int]:
    """Read counts row by row; rows and columns are named a, b, c."""
    rows = [line.split() for line in text.split("|")]
    return {(place, "abc"[i], "abc"[j]): int(n) for i, row in enumerate(rows) for j, n in enumerate(row)}


def drawn(shown: Shown, place: str = "398") -> str:
    """Write a matrix as `matrix` reads it, a dot for what is hidden."""
    mine = sorted((key[1:], count) for key, count in shown.items() if key[0] == place)
    rows: defaultdict[str, list[str]] = defaultdict(list)
    for (row, _), count in mine:
        rows[row].append("." if count is None else str(count))
    return " | ".join(" ".join(row) for row in rows.values())


@pytest.mark.parametrize(
    ("counts", "shown"),
    [
        ("20 30 | 40 50", "20 30 | 40 50"),
        ("20 3 9 | 30 8 40 | 7 0 60", "20 . . | 30 . . | 7 0 60"),
        ("4 4 0 | 50 2 7 | 4 3 50", ". . 0 | 50 . . | . . ."),
        ("20 0 0 | 0 3 0 | 0 0 30", ". . 0 | . . 0 | 0 0 30"),
        ("0 2 2 | 0 50 0 | 60 0 70", "0 . . | . . 0 | . 0 ."),
    ],
    ids=["no small count", "least of each line", "least of the rest", "on the diagonal", "alone in a row"],
)
def test_with_a_small_count_others_of_its_lines_are_hidden(counts: str, shown: str) -> None:
    assert drawn(disclose_matrices(Table(OF_MATRICES, matrix(counts)))) == shown


def test_five_clients_who_are_each_alone_in_their_cell_do_not_follow_from_their_number() -> None:
    cells: dict[Key, int] = {("398", "a", destination): 1 for destination in "bcdef"}
    shown = disclose_matrices(Table(OF_MATRICES, {**cells, ("398", "a", "a"): 40}))
    assert shown["398", "a", "a"] is None


def test_a_cell_of_all_places_is_hidden_just_where_a_part_of_it_is() -> None:
    shown = disclose_matrices(
        Table(OF_MATRICES, matrix("90 3 | 80 70") | matrix("60 20 | 50 40", "240") | matrix("9 30 | 9 31", "167"))
    )
    assert drawn(shown, "398") == ". . | . ."
    assert drawn(shown, "240") == ". . | . ."
    assert drawn(shown, "*") == ". . | . ."


def test_what_is_no_matrix_by_place_is_refused() -> None:
    with pytest.raises(ValueError, match="place, row and column"):
        disclose_matrices(Table(("row", "column"), {}))


# Attacks. An attacker knows the published numbers, that counts are whole and not negative, and the rule itself.

COUNTS = st.one_of(st.integers(0, 12), st.just(0), st.integers(5, 400))


@st.composite
def tables(draw: st.DrawFn) -> Table:
    sizes = draw(st.lists(st.integers(1, 4), min_size=2, max_size=3))
    keys = list(product(*([f"{place}{each}" for each in range(size)] for place, size in enumerate(sizes))))
    counts = draw(st.lists(COUNTS, min_size=len(keys), max_size=len(keys)))
    return Table(tuple(f"d{place}" for place in range(len(sizes))), dict(zip(keys, counts, strict=True)))


def parts(shown: Shown, total: Key, place: int) -> Iterator[Key]:
    for key in shown:
        same_elsewhere = all(a == b for at, (a, b) in enumerate(zip(key, total, strict=True)) if at != place)
        if same_elsewhere and key[place] != TOTAL:
            yield key


def equations(shown: Shown) -> Iterator[tuple[Key, list[Key]]]:
    for key in shown:
        for place, category in enumerate(key):
            if category == TOTAL:
                yield key, list(parts(shown, key, place))


Bounds = dict[Key, tuple[float, float]]


def tightened(shown: Shown) -> Bounds:
    """Propagate bounds through every "total = sum of parts" until nothing moves."""
    bounds: Bounds = {key: (0.0, float("inf")) if count is None else (count, count) for key, count in shown.items()}
    before: Bounds = {}
    while before != bounds:
        before = dict(bounds)
        for total, of in equations(shown):
            narrow(bounds, total, of)
    return bounds


def narrow(bounds: Bounds, total: Key, of: list[Key]) -> None:
    lows, highs = [bounds[key][0] for key in of], [bounds[key][1] for key in of]
    low, high = bounds[total]
    bounds[total] = (max(low, sum(lows)), min(high, sum(highs)))
    for place, key in enumerate(of):
        other_lows = sum(lows[:place] + lows[place + 1 :])
        other_highs = sum(highs[:place] + highs[place + 1 :])
        bounds[key] = (max(bounds[key][0], low - other_highs), min(bounds[key][1], high - other_lows))


@unhurried
@given(tables())
def test_no_hidden_number_follows_by_sums_and_differences(table: Table) -> None:
    shown = disclose(table)
    bounds = tightened(shown)
    assert [key for key, count in shown.items() if count is None and bounds[key][0] == bounds[key][1]] == []


@unhurried
@given(tables())
def test_no_total_is_shown_beside_a_hidden_part(table: Table) -> None:
    shown = disclose(table)
    assert [
        total for total, of in equations(shown) if shown[total] is not None and any(shown[key] is None for key in of)
    ] == []


@unhurried
@given(tables())
def test_what_is_shown_is_true_and_small_counts_are_hidden(table: Table) -> None:
    shown = disclose(table)
    for key, count in shown.items():
        true = exact(table, key)
        assert count in {None, true}
        assert count is None or not 0 < true < 5


@unhurried
@given(tables())
def test_a_shown_amount_stands_on_a_shown_count_only(table: Table) -> None:
    shown = disclose(table)
    amounts = disclose_amounts(shown, {key: 3721 * count for key, count in table.cells.items() if count})
    assert {key for key, cents in amounts.items() if cents is None} == {
        k for k, count in shown.items() if count is None
    }


def test_who_knows_the_rule_still_cannot_tell_a_hidden_count_from_another() -> None:
    """Every 2 × 2 table of counts up to 6, grouped by what is published of it: a hidden cell could be several."""
    worlds: defaultdict[tuple[tuple[Key, int | None], ...], list[dict[Key, int]]] = defaultdict(list)
    keys: list[Key] = list(product("ab", "uv"))
    for counts in product(range(7), repeat=4):
        cells = dict(zip(keys, counts, strict=True))
        worlds[tuple(disclose(Table(("d", "e"), cells)).items())].append(cells)
    for published, alike in worlds.items():
        hidden = [key for key, count in published if count is None and TOTAL not in key]
        assert all(len({world[key] for world in alike}) == 4 for key in hidden)


@st.composite
def matrices(draw: st.DrawFn) -> Table:
    sizes = draw(st.tuples(st.integers(1, 3), st.integers(1, 4), st.integers(1, 4)))
    keys = list(product(*([f"{place}{each}" for each in range(size)] for place, size in enumerate(sizes))))
    counts = draw(st.lists(COUNTS, min_size=len(keys), max_size=len(keys)))
    return Table(OF_MATRICES, dict(zip(keys, counts, strict=True)))


def lines_of(shown: Shown) -> Iterator[list[Key]]:
    """Give every row, column and whole of every matrix, and every cell at all places."""
    for picked in product((True, False), repeat=3):
        if picked[0] or picked == (False, True, True):
            lines: defaultdict[Key, list[Key]] = defaultdict(list)
            for key in shown:
                if picked[0] or key[0] != TOTAL:
                    lines[tuple(part for part, kept in zip(key, picked, strict=True) if kept)].append(key)
            yield from lines.values()


def exact(table: Table, key: Key) -> int:
    return sum(n for cell, n in table.cells.items() if all(k in {TOTAL, c} for k, c in zip(key, cell, strict=True)))


def span(counts: list[int]) -> set[tuple[int, int]]:
    """Return what each of several hidden counts can be for who knows their sum and that none is negative."""
    total = sum(counts)
    return {(total, total)} if len(counts) == 1 else {(0, total)}


@unhurried
@given(matrices())
def test_no_small_count_of_a_matrix_follows_from_the_true_total_of_a_line(table: Table) -> None:
    """Totals of fewer than five are hidden elsewhere too; the total of a line of one cell is that cell."""
    shown = disclose_matrices(table)
    for line in lines_of(shown):
        hidden = [exact(table, key) for key in line if shown[key] is None]
        known = sum(exact(table, key) for key in line) >= 5
        if hidden and known and len(line) > 1:
            assert all(high - low >= 5 for low, high in span(hidden))
            assert set(hidden) != {1}


@unhurried
@given(matrices())
def test_the_matrix_of_all_places_gives_no_hidden_part_and_hides_nothing_for_show(table: Table) -> None:
    shown = disclose_matrices(table)
    for total in (key for key in shown if key[0] == TOTAL):
        of = [key for key in shown if key[1:] == total[1:] and key[0] != TOTAL]
        assert (shown[total] is None) == any(shown[key] is None for key in of)


@unhurried
@given(matrices())
def test_what_is_shown_of_a_matrix_is_true_and_its_small_counts_are_hidden(table: Table) -> None:
    shown = disclose_matrices(table)
    for key, count in shown.items():
        true = exact(table, key)
        assert count in {None, true}
        assert count is None or not 0 < true < 5
    assert all(shown[key] is None for key, count in table.cells.items() if 0 < count < 5)


@unhurried
@given(matrices(), st.randoms(use_true_random=False))
def test_what_a_matrix_shows_does_not_depend_on_the_order_of_its_cells(table: Table, chance: Random) -> None:
    cells = list(table.cells.items())
    chance.shuffle(cells)
    assert disclose_matrices(Table(OF_MATRICES, dict(cells))) == disclose_matrices(table)
