"""Stock, flow and transitions, counted by hand."""

from collections import Counter
from datetime import date, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from contracts.dates import month_end, months_from
from contracts.envelope import Fact
from contracts.snapshots import PathwaySnapshot
from services.indicators.domain.figures import (
    Of,
    flow_between,
    matrix_of,
    stock_on,
    summed,
    transitions_between,
)
from services.indicators.domain.fold import fold
from tests.indicators.lives import (
    LADDER,
    day,
    exited,
    met,
    registered,
    service,
    service_ended,
    snapshot,
    status,
    work,
)
from tests.indicators.test_fold_laws import lives
from tests.indicators.test_fold_laws import snapshot as snapshot_of_pathway

LIFE = (
    registered("2025-01-10", "167"), met("2025-01-20"), service("2025-02-10"), service_ended("2025-03-10"),
    exited("2025-04-10"),
)  # fmt: skip


def flows(told: PathwaySnapshot, first: str, last: str) -> list[tuple[int, str]]:
    return [(step, flow) for _, step, flow in flow_between(told, day(first), day(last))]


def test_stock_counts_clients_with_an_open_spell_at_their_step_and_home() -> None:
    told = snapshot(*LIFE)
    assert [list(stock_on(told, day(on))) for on in ("2025-01-09", "2025-01-10", "2025-02-10", "2025-04-10")] == [
        [], [("167", 0)], [("167", 2)], [],
    ]  # fmt: skip


def test_who_works_after_an_exit_is_not_in_the_stock() -> None:
    told = snapshot(registered("2025-01-10"), work("2025-02-01"), exited("2025-02-10", "03"))
    assert told.step_on(day("2025-02-10")) == 6
    assert list(stock_on(told, day("2025-02-10"))) == []
    assert flows(told, "2025-02-10", "2025-02-10") == [(6, "left")]


def test_flow_counts_every_change_of_step_on_its_day() -> None:
    told = snapshot(*LIFE)
    assert flows(told, "2025-01-01", "2025-12-31") == [
        (0, "entered"),
        (1, "entered"), (0, "left"), (0, "moved_up"),
        (2, "entered"), (1, "left"), (1, "moved_up"),
        (1, "entered"), (2, "left"), (2, "moved_down"),
        (1, "left"),
    ]  # fmt: skip


def test_both_dates_of_a_flow_are_included() -> None:
    told = snapshot(*LIFE)
    assert flows(told, "2025-02-10", "2025-02-10") == [(2, "entered"), (1, "left"), (1, "moved_up")]
    assert flows(told, "2025-02-11", "2025-03-09") == []


def test_what_is_pending_flows_on_its_day() -> None:
    told = snapshot(registered("2025-01-01"), work("2025-01-01"))
    assert flows(told, "2025-07-03", "2025-07-03") == [(7, "entered"), (6, "left"), (6, "moved_up")]


def test_moving_house_is_no_flow() -> None:
    told = snapshot(registered("2025-01-01", "167"), registered("2025-03-01", "398"))
    assert flows(told, "2025-02-01", "2025-12-31") == []


@settings(deadline=None)
@given(life=lives(), first=st.integers(-10, 300), length=st.integers(0, 100))
def test_stock_at_the_end_is_stock_on_the_eve_plus_entered_minus_left(
    life: list[Fact], first: int, length: int
) -> None:
    told = snapshot_of_pathway(fold(life, LADDER))
    start = date(2025, 1, 1) + timedelta(days=first)
    end = start + timedelta(days=length)
    counts = Counter((step, flow) for _, step, flow in flow_between(told, start, end))
    before = Counter(step for _, step in stock_on(told, start - timedelta(days=1)))
    after = Counter(step for _, step in stock_on(told, end))
    for step in range(8):
        assert after[step] == before[step] + counts[step, "entered"] - counts[step, "left"]
        assert counts[step, "left"] >= counts[step, "moved_up"] + counts[step, "moved_down"]


def transitions(told: PathwaySnapshot, of: Of, *days: str) -> list[tuple[str, str, str]]:
    return list(transitions_between(told, [day(one) for one in days], of))


def test_transitions_are_between_neighbouring_month_ends_at_which_the_client_is_observed() -> None:
    told = snapshot(*LIFE)
    ends = ("2024-12-31", "2025-01-31", "2025-02-28", "2025-03-31", "2025-04-30")
    assert transitions(told, "step", *ends) == [("167", "1", "2"), ("167", "2", "1")]


def test_a_sample_is_the_state_at_the_end_of_the_day() -> None:
    told = snapshot(registered("2025-01-01"), status("2025-01-01", "02"), status("2025-01-31", "07"))
    assert transitions(told, "status", "2025-01-30", "2025-01-31") == [("167", "02", "07")]


def test_a_status_is_named_with_its_detail() -> None:
    told = snapshot(registered("2025-01-01"), status("2025-01-01", "02", detail="further"))
    assert transitions(told, "status", "2025-01-31", "2025-02-28") == [("167", "02.further", "02.further")]


def test_who_is_in_no_service_has_no_service_type_and_of_several_the_latest_begun_counts() -> None:
    told = snapshot(registered("2025-01-01"), service("2025-02-10"), service("2025-03-10", "coaching", "S2"))
    ends = ("2025-01-31", "2025-02-28", "2025-03-31")
    assert transitions(told, "service_type", *ends) == [("167", "rehabilitative_work_activity", "coaching")]


def test_a_transition_counts_where_the_client_lived_at_its_origin() -> None:
    told = snapshot(registered("2025-01-01", "167"), registered("2025-02-10", "398"))
    assert transitions(told, "step", "2025-01-31", "2025-02-28", "2025-03-31") == [("167", "0", "0"), ("398", "0", "0")]


def test_a_client_whose_home_nobody_told_is_counted_without_one() -> None:
    told = snapshot(met("2025-01-01"))
    assert list(stock_on(told, day("2025-01-01"))) == [("", 1)]


def test_a_matrix_has_the_states_that_occur_sorted() -> None:
    matrix = matrix_of({("02", "01"): 3, ("07", "02"): None, ("08", "08"): 0})
    assert matrix.states == ("01", "02", "07")
    assert matrix.counts == ((0, 0, 0), (3, 0, 0), (0, None, 0))


def test_a_sum_over_months_is_hidden_where_one_month_is() -> None:
    assert summed([{("a",): 5, ("b",): None}, {("a",): 7, ("b",): 9}, {("c",): 1}]) == {
        ("a",): 12,
        ("b",): None,
        ("c",): 1,
    }


def test_months_and_their_ends() -> None:
    assert list(months_from(day("2024-12-15"), day("2025-02-01"))) == [
        day("2024-12-01"),
        day("2025-01-01"),
        day("2025-02-01"),
    ]
    assert [month_end(day(month)) for month in ("2024-02-01", "2025-12-31")] == [day("2024-02-29"), day("2025-12-31")]


def test_facts_outside_any_spell_are_not_observed() -> None:
    told = snapshot(registered("2025-01-10"), exited("2025-02-10"), status("2025-03-01", "02"))
    assert transitions(told, "status", "2025-02-28", "2025-03-31", "2025-04-30") == []
