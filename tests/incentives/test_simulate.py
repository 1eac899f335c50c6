"""A finance officer's own table: what it gives, and how it is refused."""

import json
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.incentives.simulate import PaymentTableError, UnknownSchemeError, simulate

unhurried = settings(deadline=None)  # how long an example takes is the machine's business
HEADER = "client,period_start,period_end,days,basis,basic_part_cents"
SPLIT = f"{HEADER},counter_before\nA,2025-10-01,2025-10-31,20,unemployment,74420,187\n"


def brief(csv_text: str, scheme: str) -> list[tuple[str, str, int, int]]:
    return [(row.client, row.cost_class, row.days, row.cents) for row in simulate(csv_text, scheme).rows]


def refused(csv_text: str, scheme: str = "fi-2025") -> str:
    with pytest.raises(PaymentTableError) as caught:
        simulate(csv_text, scheme)
    return str(caught.value)


def test_a_payment_is_split_between_classes() -> None:
    assert json.loads(simulate(SPLIT, "fi-2025").as_json()) == {
        "scheme": "fi-2025",
        "total_cents": 10046,
        "rows": [
            {
                "client": "A", "period_start": "2025-10-01", "period_end": "2025-10-31",
                "class": "101-200", "days": 13, "percent": 10, "cents": 4837,
            },
            {
                "client": "A", "period_start": "2025-10-01", "period_end": "2025-10-31",
                "class": "201-300", "days": 7, "percent": 20, "cents": 5209,
            },
        ],
    }  # fmt: skip


def test_the_table_for_the_terminal_shows_euros_and_the_total() -> None:
    heading, lines = simulate(SPLIT, "fi-2025").as_table()
    assert heading == ("client", "period", "class", "days", "percent", "euros")
    assert lines == [
        ("A", "2025-10-01 – 2025-10-31", "101-200", "13", "10 %", "48.37"),
        ("A", "2025-10-01 – 2025-10-31", "201-300", "7", "20 %", "52.09"),
        ("total", "", "", "20", "", "100.46"),
    ]


@pytest.mark.parametrize(
    "dressed", [SPLIT.replace(",", ";"), "\ufeff" + SPLIT, SPLIT.replace("\n", "\r\n"), "\n" + SPLIT]
)
def test_semicolons_a_byte_order_mark_and_other_line_ends_change_nothing(dressed: str) -> None:
    assert simulate(dressed, "fi-2025") == simulate(SPLIT, "fi-2025")


def test_free_days_give_rows_too() -> None:
    assert brief(f"{HEADER}\nA,2025-01-01,2025-01-31,22,unemployment,81862\n", "fi-2025") == [("A", "1-100", 22, 0)]


def test_rows_come_in_the_order_of_the_file_and_days_are_counted_in_the_order_of_posting() -> None:
    table = f"""{HEADER},counter_before
A,2025-03-01,2025-03-31,20,unemployment,74420,90
B,2025-01-01,2025-01-31,20,unemployment,74420,
A,2025-01-01,2025-01-31,20,unemployment,74420,
"""
    assert brief(table, "fi-2025") == [
        ("A", "101-200", 20, 7442),
        ("B", "1-100", 20, 0),
        ("A", "1-100", 10, 0),
        ("A", "101-200", 10, 3721),
    ]


def test_rows_of_one_day_without_a_batch_are_batches_in_the_order_of_their_periods() -> None:
    table = f"""{HEADER},posted_on,counter_before
A,2019-02-01,2019-02-28,20,unemployment,64800,2019-03-01,290
A,2019-01-01,2019-01-31,20,unemployment,64800,2019-03-01,
"""
    assert brief(table, "fi-2015") == [("A", "301-1000", 20, 32400), ("A", "1-300", 20, 0)]


def test_rows_that_are_equal_in_order_keep_that_of_the_file() -> None:
    rows = "".join(
        f"A,2019-01-01,2019-01-31,{days},unemployment,{days * 3240},\n" for days in (7, 5, 9, 3, 2, 6, 4, 8, 1, 10, 11)
    )
    table = f"{HEADER},counter_before\n" + rows.replace("22680,\n", "22680,292\n", 1)
    assert [row[1] for row in brief(table, "fi-2015")] == ["1-300", "1-300", *["301-1000"] * 9]


def test_days_beyond_the_limit_inside_the_reaching_batch_keep_the_lower_class() -> None:
    table = f"""{HEADER},batch,posted_on,counter_before
A,2019-01-01,2019-01-15,10,unemployment,32400,january,2019-02-01,295
A,2019-01-16,2019-01-31,12,unemployment,38880,january,2019-02-01,
A,2019-02-01,2019-02-15,11,unemployment,35640,february,2019-03-01,
"""
    assert brief(table, "fi-2015") == [("A", "1-300", 10, 0), ("A", "1-300", 12, 0), ("A", "301-1000", 11, 17820)]


def test_service_days_are_uncounted_under_the_old_law() -> None:
    table = f"{HEADER},counter_before\nA,2019-01-01,2019-01-31,22,service,71280,400\n"
    assert brief(table, "fi-2015") == [("A", "uncounted", 22, 0)]


def test_the_old_law_shares_all_that_was_paid() -> None:
    table = f"{HEADER},paid_cents,counter_before\nA,2019-01-01,2019-01-31,20,unemployment,64800,75260,400\n"
    assert brief(table, "fi-2015") == [("A", "301-1000", 20, 37630)]


def test_under_law_each_law_has_a_counter_of_its_own() -> None:
    table = f"""{HEADER},counter_before
A,2024-12-16,2024-12-31,12,unemployment,44652,400
A,2025-01-01,2025-01-15,8,unemployment,29768,250
"""
    assert brief(table, "law") == [("A", "301-1000", 12, 22326), ("A", "201-300", 8, 5954)]


def test_under_law_a_counter_stated_once_says_nothing_of_the_other_law() -> None:
    table = f"""{HEADER},counter_before
A,2024-12-16,2024-12-31,12,unemployment,44652,400
A,2025-01-01,2025-01-15,8,unemployment,29768,
"""
    assert brief(table, "law") == [("A", "301-1000", 12, 22326), ("A", "1-100", 8, 0)]


def test_a_counter_holds_before_the_first_payment_even_if_a_later_row_is_posted_earlier() -> None:
    table = f"""{HEADER},counter_before
A,2025-02-01,2025-02-28,20,unemployment,74420,390
A,2025-01-01,2025-01-31,20,unemployment,74420,
"""
    assert brief(table, "fi-2025") == [
        ("A", "401-700", 20, 29768), ("A", "301-400", 10, 11163), ("A", "401-700", 10, 14884),
    ]  # fmt: skip


def test_the_proposal_takes_the_step_of_each_row() -> None:
    table = f"""{HEADER},step,counter_before
A,2025-10-01,2025-10-31,20,unemployment,74420,3,90
A,2025-11-01,2025-11-30,20,unemployment,74420,6,
"""
    assert brief(table, "step-graded") == [("A", "1-100", 10, 0), ("A", "step-3", 10, 11163), ("A", "step-6", 20, 0)]


def test_a_header_alone_costs_nothing() -> None:
    assert json.loads(simulate(HEADER, "law").as_json()) == {"scheme": "law", "total_cents": 0, "rows": []}


GOOD = {
    "client": "A", "period_start": "2025-10-01", "period_end": "2025-10-31", "days": "20", "basis": "unemployment",
    "basic_part_cents": "74420",
}  # fmt: skip


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("client", ""), ("period_start", "1.10.2025"), ("period_start", "2025-02-30"), ("period_end", ""),
        ("period_end", "2025-09-30"), ("days", "0"), ("days", "-3"), ("days", "20.5"), ("days", "801"), ("days", "²"),
        ("basis", "leisure"), ("basic_part_cents", "0"), ("basic_part_cents", "-1"), ("basic_part_cents", "744,20"),
        ("paid_cents", "0"), ("posted_on", "soon"), ("benefit", "pension"), ("entitlement", "earnings_related"),
        ("entitlement", "basic_allowance"), ("step", "8"), ("counter_before", "-1"), ("counter_before", "many"),
    ],
)  # fmt: skip
def test_a_bad_cell_refuses_the_file_naming_line_and_field_but_not_the_value(field: str, value: str) -> None:
    row = GOOD | {field: value}
    good = ";".join(GOOD.get(name, "") for name in row)
    said = refused(f"{';'.join(row)}\n{good}\n{';'.join(row.values())}\n")
    assert said.startswith(f"line 3, {field}: ")
    assert len(value) < 3 or value not in said


def test_the_basic_part_is_never_more_than_what_was_paid() -> None:
    said = refused(f"{HEADER},paid_cents\nA,2025-10-01,2025-10-31,20,unemployment,74420,74419\n")
    assert said == "line 2, basic_part_cents: is more than paid_cents, of which it is a part"


def test_all_bad_rows_are_named_at_once() -> None:
    row = "A,2025-10-01,2025-10-31,x,unemployment,74420\n"
    said = refused(f"{HEADER}\n{row * 25}").splitlines()
    assert said[0].startswith("line 2, days: ")
    assert said[19].startswith("line 21, days: ")
    assert said[20] == "and 5 more"


def test_a_missing_column_is_named() -> None:
    said = refused("client,period_start,period_end,days,basis\nA,2025-10-01,2025-10-31,20,unemployment\n")
    assert said == "line 1, basic_part_cents: this column is missing"


def test_the_proposal_needs_the_column_step() -> None:
    assert refused(SPLIT, "step-graded") == "line 1, step: this column is missing; step-graded needs it"


def test_the_proposal_needs_a_step_on_every_row() -> None:
    said = refused(f"{HEADER},step\nA,2025-10-01,2025-10-31,20,unemployment,74420,\n", "step-graded")
    assert said == "line 2, step: is empty"


def test_a_table_without_a_header_repeats_nothing_of_its_first_row() -> None:
    said = refused("131052-308T,2025-10-01,2025-10-31,20,unemployment,74420\n")
    assert "131052" not in said
    assert "line 1, column 1: is none of the columns client," in said


def test_a_column_that_stands_twice_is_refused() -> None:
    assert refused(f"{HEADER},days\n") == "line 1, days: this column stands twice"


def test_a_row_with_too_few_cells_is_refused() -> None:
    said = refused(f"{HEADER}\nA,2025-10-01,2025-10-31,20,unemployment\n")
    assert said.splitlines()[0] == "line 2, line: has 5 cells where the header has 6"


def test_a_counter_on_a_later_row_is_refused() -> None:
    row = "A,2025-10-01,2025-10-31,20,unemployment,74420,187\n"
    said = refused(f"{HEADER},counter_before\n{row}{row}")
    assert said.startswith("line 3, counter_before: stands only on a client's first row")


def test_a_period_over_the_change_of_law_must_come_split_under_law() -> None:
    table = f"{HEADER}\nA,2024-12-16,2025-01-15,20,unemployment,74420\n"
    assert refused(table, "law") == (
        "line 2, period_end: the period runs over 2025-01-01, when the law changed; split the row there"
    )
    assert brief(table, "fi-2025") == [("A", "1-100", 20, 0)]


def test_a_period_before_any_known_law_is_refused_under_law() -> None:
    said = refused(f"{HEADER}\nA,2014-12-01,2014-12-31,20,unemployment,64800\n", "law")
    assert said.startswith("line 2, period_start: no law that is known here holds for it")


def test_a_batch_with_two_days_of_posting_is_refused() -> None:
    said = refused(f"""{HEADER},batch,posted_on
A,2019-01-01,2019-01-15,10,unemployment,32400,january,2019-02-01
A,2019-01-16,2019-01-31,12,unemployment,38880,january,2019-02-02
""")
    assert said == "line 3, posted_on: differs from that of an earlier row of the same batch"


def test_broken_quotation_marks_are_refused() -> None:
    assert refused(f'{HEADER}\n"A"x,2025-10-01\n').startswith("line 2, line: its quotation marks")


def test_an_empty_file_is_refused() -> None:
    assert refused(" \n").startswith("line 1, header: the table is empty")


def test_an_unknown_scheme_is_refused_with_the_names_of_those_there_are() -> None:
    with pytest.raises(
        UnknownSchemeError, match="fi-2006, fi-2015, fi-2025, law, progress-clock, progress-pause, step-graded"
    ):
        simulate(SPLIT, "fi-1999")


@unhurried
@given(st.text(max_size=200))
def test_whatever_stands_in_the_file_it_is_read_or_refused(text: str) -> None:
    with suppress(PaymentTableError):
        assert simulate(f"{HEADER}\n{text}", "law").total_cents >= 0
