"""What a step up, parking and a month's delay are worth, by hand; and the movements that they are reckoned from."""

from dataclasses import replace
from datetime import date
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.incentives.domain.movements import (
    NOTHING_SEEN,
    STATES,
    Movements,
    PaidPeriods,
    last_weekdays,
    movements_seen,
    paid_on,
    state_of,
)
from services.incentives.domain.payments import UNKNOWN, column, track
from services.incentives.domain.schemes import Benefit, CostClass, DayLadder, Scheme
from services.incentives.domain.worth import (
    STARTS,
    Draws,
    Estimate,
    Incentives,
    StepUp,
    incentive_tables,
    starting_days,
)
from services.incentives.rule_files import rule_book

RULES = rule_book()
TODAY = date(2026, 6, 17)
FEW = Draws(courses=20, seed=7)
UNPAID, UNEMPLOYED, IN_SERVICE = 0, paid_on("unemployment"), paid_on("service")


def number(step: int, way: int) -> int:
    return int(state_of(column([step]), column([way]))[0])


def movements(*moves: tuple[tuple[int, int], tuple[int, int], int]) -> Movements:
    """Return movements of (step, way) to (step, way), so many client-months each."""
    counts = np.zeros((STATES, STATES), dtype=np.int64)
    for origin, to, months in moves:
        counts[number(*origin), number(*to)] += months
    return Movements(counts)


def tables(seen: Movements = NOTHING_SEEN, draws: Draws = FEW, today: date = TODAY) -> dict[str, Incentives]:
    return incentive_tables(RULES.schemes, RULES.parameters, seen, today, draws)


def step_up(table: Incentives, step: int, days: int) -> StepUp:
    return next(one for one in table.steps_up if (one.step, one.days) == (step, days))


def parking(table: Incentives) -> dict[int, int]:
    return {one.days: one.cents for one in table.parking}


STAYING = tables()
"""Twelve months of 21 and 22 days, 258 days at 37.21 €: 781.41 € and 818.62 € a month, 9,600.18 € a year."""


# --- where everybody stays, by hand ----------------------------------------------------------------------------------


def test_a_step_up_that_lasts_saves_the_difference_of_the_percents() -> None:
    # From step 2 at 40 % to step 3 at 30 %: six months of 312.56 € less 234.42 € and six of 327.45 € less 245.59 €.
    assert step_up(STAYING["step-graded"], 2, 100).worth == Estimate(6 * (31256 - 23442) + 6 * (32745 - 24559), 0)


def test_the_days_that_wait_save_nothing() -> None:
    # Of 258 days from 0, 100 wait: four months (86 days) and 14 of the next 21. What is left are 7 + 151 days. Of the
    # fifth month, 7 × 37.21 € at 40 % are 104.19 €, at 30 % 78.14 €; then three months of 21 days, four of 22.
    saved = (10419 - 7814) + 3 * (31256 - 23442) + 4 * (32745 - 24559)
    assert step_up(STAYING["step-graded"], 2, 0).worth.cents == saved


def test_a_month_s_delay_costs_that_month_at_the_higher_percent() -> None:
    # The first of the months that begin in June 2026 has 21 days.
    assert step_up(STAYING["step-graded"], 2, 100).delay == Estimate(31256 - 23442, 0)


def test_between_steps_of_one_percent_nothing_is_worth_anything() -> None:
    table = STAYING["step-graded"]
    assert {step_up(table, step, 100).worth.cents for step in (0, 6)} == {0}


def test_a_pause_saves_the_days_at_the_end_of_the_year() -> None:
    # 258 days from 0: 100 at 10 % and 58 at 20 %; with 60 days stopped 98 at 10 %. 372.10 + 431.64 − 364.66 €, and
    # payments that lie across a class are rounded in each.
    assert step_up(STAYING["progress-pause"], 2, 0).worth.cents == pytest.approx(37210 + 43164 - 36466, abs=5)


def test_a_clock_that_begins_anew_is_worth_the_more_the_higher_it_stood() -> None:
    worths = [step_up(STAYING["progress-clock"], 2, days).worth.cents for days in (0, 100, 200, 300, 400, 700)]
    # Anew: 100 days at 10 % and 58 at 20 %. From 700: 258 at 50 %, less that.
    assert worths[-1] == pytest.approx(480009 - 37210 - 43164, abs=5)
    assert worths == sorted(worths)


@pytest.mark.parametrize("scheme", ["fi-2006", "fi-2015", "fi-2025", "law"])
def test_under_schemes_that_look_at_time_alone_a_step_without_movement_is_worth_nothing(scheme: str) -> None:
    assert {(one.worth, one.delay) for one in STAYING[scheme].steps_up} == {(Estimate(0, 0), Estimate(0, 0))}


# --- parking ---------------------------------------------------------------------------------------------------------


def test_parking_is_worth_half_a_year_s_share_under_the_law_of_2015_and_nothing_before_300_days() -> None:
    # Six months, 129 days: three of 21 days at 50 %, 390.71 €, and three of 22, 409.31 €; or 70 %.
    assert parking(STAYING["fi-2015"]) == {
        0: 0, 300: 3 * 39071 + 3 * 40931, 1000: 3 * 54699 + 3 * 57303,
    }  # fmt: skip


@pytest.mark.parametrize("scheme", ["fi-2025", "law", "step-graded", "progress-clock", "progress-pause"])
def test_parking_is_worth_nothing_where_service_days_cost_as_others_do(scheme: str) -> None:
    assert set(parking(STAYING[scheme]).values()) == {0}


# --- with movements --------------------------------------------------------------------------------------------------


def test_a_step_up_to_work_saves_the_benefit_of_the_year() -> None:
    seen = movements(((6, UNPAID), (6, UNPAID), 10**9))
    # At fi-2025 from 700 days: all of the year at 50 %.
    assert step_up(tables(seen)["fi-2025"], 5, 700).worth == Estimate(6 * 39071 + 6 * 40931, 0)
    assert step_up(tables(seen)["fi-2025"], 5, 700).delay == Estimate(39071, 0)


def test_somebody_who_comes_down_again_at_once_saves_one_month() -> None:
    seen = movements(((6, UNPAID), (1, UNEMPLOYED), 10**9), ((1, UNEMPLOYED), (1, UNEMPLOYED), 10**9))
    worth = step_up(tables(seen)["fi-2025"], 5, 700).worth
    assert worth == Estimate(39071, 0)


def test_an_even_chance_is_worth_about_half_and_its_error_is_told() -> None:
    seen = movements(((6, UNPAID), (6, UNPAID), 10**9), ((6, UNEMPLOYED), (6, UNEMPLOYED), 10**9))
    worth = step_up(tables(seen, Draws(400, 7))["fi-2025"], 5, 700).worth
    whole = 6 * 39071 + 6 * 40931
    assert worth.error_cents == pytest.approx(whole / 2 / 20, rel=0.01)
    assert abs(worth.cents - whole / 2) < 4 * worth.error_cents


def test_nobody_paid_costs_nobody_anything() -> None:
    seen = movements(*(((step, UNPAID), (step, UNPAID), 10**9) for step in range(8)))
    assert {one.worth.cents for table in tables(seen).values() for one in table.steps_up} == {0}


counts = st.lists(st.integers(0, STATES * STATES - 1), max_size=60).map(
    lambda moves: Movements(np.bincount(moves, minlength=STATES * STATES).reshape(STATES, STATES))
)


@settings(deadline=None, max_examples=8)
@given(seen=counts)
def test_laws_of_incentive_tables(seen: Movements) -> None:
    found = tables(seen)
    assert found == tables(seen), "the same seed gives the same table"
    assert found["law"] == found["fi-2025"], "one rule under two names has one table"
    assert found["fi-2015"] == alone(RULES.schemes["fi-2015"], seen), "what stands beside a scheme changes nothing"
    nil = alone(free(RULES.schemes["fi-2025"]), seen)
    assert {one.worth for one in nil.steps_up} == {Estimate(0, 0)}, "percents of nil give nil"
    assert set(parking(nil).values()) == {0}


def alone(scheme: Scheme, seen: Movements) -> Incentives:
    return incentive_tables({"alone": scheme}, RULES.parameters, seen, TODAY, FEW)["alone"]


def free(scheme: Scheme) -> Scheme:
    """Return a scheme by days with all percents nil."""
    [period] = scheme.periods
    assert isinstance(period.rule.ladder, DayLadder)
    classes = tuple(CostClass(one.name, 0, one.ground) for one in period.rule.ladder.unrelieved)
    rule = replace(period.rule, ladder=replace(period.rule.ladder, unrelieved=classes))
    return replace(scheme, periods=(replace(period, rule=rule),))


def test_another_seed_draws_other_courses() -> None:
    seen = movements(((6, UNPAID), (6, UNPAID), 10), ((6, UNEMPLOYED), (6, UNEMPLOYED), 10))
    assert tables(seen) != tables(seen, Draws(20, 8))


def test_starting_days_are_the_counters_from_which_classes_begin() -> None:
    starts = {name: starting_days(scheme, TODAY) for name, scheme in RULES.schemes.items()}
    assert starts["fi-2015"] == (0, 300, 1000)
    assert starts["law"] == starts["fi-2025"] == (0, 100, 200, 300, 400, 700)
    assert starts["step-graded"] == (0, 100)
    assert starting_days(RULES.schemes["law"], date(1999, 1, 1)) == (0,)


@pytest.mark.parametrize(
    ("day", "benefit", "cents"),
    [
        (date(2022, 12, 31), "labour_market_subsidy", 3378), (date(2026, 4, 30), "labour_market_subsidy", 3721),
        (date(2026, 5, 1), "general_support", 3721),
    ],
)  # fmt: skip
def test_a_full_day_is_that_of_the_benefit_of_its_time(day: date, benefit: Benefit, cents: int) -> None:
    assert RULES.parameters.full_day(day) == (benefit, Fraction(cents))


def test_the_law_of_the_months_decides_not_that_of_the_day() -> None:
    # From October 2024: three months of the old law, then nine of the new one, with 300 days in both counters.
    table = tables(movements(((6, UNPAID), (6, UNPAID), 10**9)), today=date(2024, 10, 1))["law"]
    old = 39071 + 40931 + 39071
    # 194 days under fi-2025 from 300: 100 at 30 %, 94 at 40 %.
    assert table.days == (0, 300, 1000)
    assert step_up(table, 5, 300).worth.cents == pytest.approx(old + 111630 + 139910, abs=5)
    assert len(table.steps_up) == len(STARTS) * 3


# --- movements -------------------------------------------------------------------------------------------------------

MAY_TO_JULY = last_weekdays([date(2026, 5, 1), date(2026, 6, 1), date(2026, 7, 1)])


def periods(*rows: tuple[int, date, date, int, int]) -> PaidPeriods:
    client, start, end, days, basis = zip(*rows, strict=True)
    starts, ends = (column(day.toordinal() for day in each) for each in (start, end))
    return PaidPeriods(column(client), starts, ends, column(days), column(basis))


def seen_moves(clients: int, steps: list[tuple[int, date, int]], paid: PaidPeriods) -> dict[tuple[int, int], int]:
    found = movements_seen(clients, track([(c, day.toordinal(), s) for c, day, s in steps]), paid, MAY_TO_JULY).counts
    return {(int(a), int(b)): int(found[a, b]) for a, b in zip(*np.nonzero(found), strict=True)}


def test_months_are_looked_at_on_their_last_weekday() -> None:
    assert [date.fromordinal(day) for day in MAY_TO_JULY.tolist()] == [
        date(2026, 5, 29), date(2026, 6, 30), date(2026, 7, 31),
    ]  # fmt: skip


def test_movements_are_counted_from_month_to_month() -> None:
    paid = periods(
        (0, date(2026, 5, 1), date(2026, 5, 29), 21, 0),  # covers the end of May: unemployed
        (0, date(2026, 6, 8), date(2026, 7, 5), 20, 1),  # and that of June: in a service
    )
    steps = [(0, date(2026, 1, 1), 1), (0, date(2026, 6, 8), 2), (0, date(2026, 7, 6), 6)]
    assert seen_moves(1, steps, paid) == {
        (number(1, UNEMPLOYED), number(2, IN_SERVICE)): 1, (number(2, IN_SERVICE), number(6, UNPAID)): 1,
    }  # fmt: skip


def test_who_was_never_paid_is_not_looked_at_and_who_was_paid_earlier_is() -> None:
    steps = [(client, date(2026, 1, 1), 1) for client in range(3)]
    paid = periods(
        (0, date(2025, 5, 1), date(2025, 5, 31), 22, 0),  # long ago
        (1, date(2026, 6, 15), date(2026, 7, 12), 20, 0),  # from June on
    )
    assert seen_moves(3, steps, paid) == {
        (number(1, UNPAID), number(1, UNPAID)): 2, (number(1, UNEMPLOYED), number(1, UNPAID)): 1,
    }  # fmt: skip


@pytest.mark.parametrize(("in_service", "way"), [(4, UNEMPLOYED), (10, IN_SERVICE), (12, IN_SERVICE)])
def test_the_basis_of_most_days_tells_how_somebody_is_paid(in_service: int, way: int) -> None:
    may = (date(2026, 5, 1), date(2026, 5, 31))
    found = seen_moves(1, [], periods((0, *may, in_service, 1), (0, *may, 10, 0)))
    nobody = number(UNKNOWN, UNPAID)
    assert found == {(number(UNKNOWN, way), nobody): 1, (nobody, nobody): 1}


def test_from_where_nobody_was_seen_to_move_nobody_moves() -> None:
    every = np.arange(STATES)
    assert NOTHING_SEEN.following(every, np.full(STATES, 0.999999)).tolist() == every.tolist()


def test_a_month_of_staying_is_added_to_what_was_seen() -> None:
    seen = movements(((1, UNEMPLOYED), (2, UNEMPLOYED), 3))
    here, above = number(1, UNEMPLOYED), number(2, UNEMPLOYED)
    drawn = seen.following(np.full(4, here), np.array([0.0, 0.24, 0.25, 0.99]))
    assert drawn.tolist() == [here, here, above, above]


def test_movements_of_pages_add_up() -> None:
    both = movements(((1, UNPAID), (2, UNPAID), 3)) + movements(((1, UNEMPLOYED), (2, UNPAID), 4))
    assert (both.observed(1), both.observed(2)) == (7, 0)
