"""From facts to euros: every cent of an explanation follows from the numbers that stand beside it."""

from dataclasses import asdict, replace
from datetime import date, timedelta
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.incentives.domain.money import exact_share, half_up
from services.incentives.domain.payments import UNKNOWN, Payment, column, counter_sets, payments_in_order, track
from services.incentives.domain.reckoning import Ledger
from services.incentives.domain.schemes import BASES, BENEFITS, Days, Progress, RuledPeriod, Scheme
from services.incentives.explaining import client_under, steps_told
from services.incentives.explanations import ClientUnderScheme, EffectTold, rules_told
from services.incentives.formulas import euros, relation, share_formula, sum_formula, written
from services.incentives.rule_files import rule_book

unhurried = settings(deadline=None)  # how long an example takes is the machine's business
SCHEMES = rule_book().schemes
OCTOBER = Payment(
    0, date(2025, 10, 31), "b", date(2025, 10, 1), date(2025, 10, 31), 20, "labour_market_subsidy", "unemployment",
    74_420, 74_420, source="kela", id="p",
)  # fmt: skip


def explained(scheme: Scheme, rows: list[Payment], before: int = 0) -> ClientUnderScheme:
    ordered = sorted(rows, key=lambda row: row.counter_order)
    ledger = Ledger(
        1,
        payments_in_order(ordered),
        column([398] * len(ordered)),
        counter_sets([(0, "law_2025", date(2025, 1, 1), before), (0, "old_law", date(2015, 1, 1), before)]),
        track([(0, date(2024, 1, 1).toordinal(), 2), (0, date(2025, 10, 10).toordinal(), 4)]),
        track([]),
    )
    return client_under(scheme, ledger, [asdict(row) for row in ordered], "en")


def test_a_payment_that_is_split_shows_each_class_with_its_formula() -> None:
    told = explained(SCHEMES["fi-2025"], [OCTOBER], before=187)
    [payment] = told.payments
    assert (payment.rule, payment.counter_before, payment.counter_after) == ("fi-2025", 187, 207)
    assert [(piece.cost_class, piece.formula, piece.unrounded_cents) for piece in payment.pieces] == [
        ("101-200", "10 % × 744.20 € × 13/20 d = 48.373 € → 48.37 €", "48373/10"),
        ("201-300", "20 % × 744.20 € × 7/20 d = 52.094 € → 52.09 €", "26047/5"),
    ]
    assert (payment.cents, told.cents, told.months[0].cents) == (10_046, 10_046, 10_046)


def test_days_that_a_scheme_lets_the_state_pay_cost_nothing_and_say_on_what_ground() -> None:
    [payment] = explained(SCHEMES["fi-2015"], [replace(OCTOBER, basis="service")], before=500).payments
    assert [(piece.cost_class, piece.percent, piece.cents) for piece in payment.pieces] == [("uncounted", 0, 0)]
    assert (payment.counter_before, payment.counter_after) == (500, 500)


def test_days_that_count_and_do_not_cost_show_nil_per_cent_with_the_ground_for_it() -> None:
    rule = SCHEMES["fi-2025"].periods[0].rule
    in_services_free = replace(rule, cost=Days(rule.cost.benefits, frozenset({"unemployment"}), "own"))
    scheme = replace(SCHEMES["fi-2025"], periods=(RuledPeriod(in_services_free),))
    [payment] = explained(scheme, [replace(OCTOBER, basis="service")], before=187).payments
    assert [(piece.cost_class, piece.percent, piece.cents) for piece in payment.pieces] == [
        ("101-200", 0, 0), ("201-300", 0, 0),
    ]  # fmt: skip
    assert {piece.reference for piece in payment.pieces} == {rule.grounds["cost"].reference}


def test_a_payment_from_before_the_first_law_says_that_no_rule_holds() -> None:
    early = replace(OCTOBER, period_start=date(1999, 1, 1), period_end=date(1999, 1, 31), posted_on=date(1999, 1, 31))
    [payment] = explained(SCHEMES["law"], [early]).payments
    assert (payment.rule, payment.counter_before, payment.counter_after, payment.cents) == (None, None, None, 0)


STARTS = st.integers(0, 900).map(lambda days: date(2024, 1, 1) + timedelta(days=days))


@st.composite
def payments(draw: st.DrawFn) -> Payment:
    start = draw(STARTS)
    end, basic = start + timedelta(days=draw(st.integers(0, 60))), draw(st.integers(1, 300_000))
    return replace(
        OCTOBER,
        period_start=start,
        period_end=end,
        posted_on=end,
        batch=draw(st.sampled_from("abc")),
        days=draw(st.integers(1, 70)),
        benefit=draw(st.sampled_from(BENEFITS)),
        basis=draw(st.sampled_from(BASES)),
        basic_part_cents=basic,
        paid_cents=basic + draw(st.integers(0, 9_999)),
    )


@unhurried
@given(st.sampled_from(sorted(SCHEMES)), st.lists(payments(), max_size=8), st.integers(0, 1_100))
def test_pieces_sum_to_their_payment_payments_to_the_months_and_these_to_the_total(
    name: str, rows: list[Payment], before: int
) -> None:
    told = explained(SCHEMES[name], [replace(row, id=str(number)) for number, row in enumerate(rows)], before)
    for payment in told.payments:
        assert sum(piece.cents for piece in payment.pieces) == payment.cents
        assert sum(piece.days for piece in payment.pieces) == payment.days
        for piece in payment.pieces:
            exact = exact_share(round(piece.percent * 100), payment.base_cents, piece.days, payment.days)
            assert Fraction(piece.unrounded_cents) == exact
            assert piece.cents == half_up(exact.numerator, exact.denominator)
    assert sum(payment.cents for payment in told.payments) == told.cents == sum(month.cents for month in told.months)


@pytest.mark.parametrize("name", sorted(SCHEMES))
def test_a_scheme_names_its_parts_once_with_mark_and_reference(name: str) -> None:
    for rule, period in zip(rules_told(SCHEMES[name]), SCHEMES[name].periods, strict=True):
        assert {part.part: part.reference for part in rule.parts} == {
            part: ground.reference for part, ground in period.rule.grounds.items()
        }
        assert all(part.said for part in rule.parts)
        assert [one.cost_class for one in rule.classes] == [one.name for one in period.rule.ladder.classes]


def test_a_scheme_tied_to_progress_says_what_a_rise_does() -> None:
    parts = {part.part: part for part in rules_told(SCHEMES["progress-pause"])[0].parts}
    assert parts["progress"].value == EffectTold(progress=Progress.PAUSE, days=60, points=0)
    assert parts["progress"].said == "a first-time higher step stops the counter for 60 paid days"
    told = explained(SCHEMES["progress-pause"], [OCTOBER], before=187)
    assert told.needs_steps
    assert (told.payments[0].counter_before, told.payments[0].counter_after) == (187, 194)


def test_steps_tell_which_of_them_were_rises() -> None:
    course = [(date(2025, 1, day).toordinal(), step) for day, step in enumerate((2, 1, UNKNOWN, 2, 3), 1)]
    assert [(one.start.day, one.step, one.rise) for one in steps_told(course)] == [
        (1, 2, False), (2, 1, False), (3, None, False), (4, 2, False), (5, 3, True),
    ]  # fmt: skip
    assert steps_told([]) == []


def test_what_is_not_confirmed_is_marked_so() -> None:
    [rule] = rules_told(SCHEMES["fi-2025"])
    assert {part.part for part in rule.parts if part.mark == "unconfirmed"} == {"payer"}


@pytest.mark.parametrize(
    ("cents", "shown"),
    [
        (Fraction(37_210), "= 372.10 €"), (Fraction(48_373, 10), "= 48.373 €"), (Fraction(1, 2), "= 0.005 €"),
        (Fraction(1, 3), "≈ 0.003333 €"), (Fraction(99_999_999, 1_000_000), "≈ 0.999999 €"), (Fraction(0), "= 0.00 €"),
        (Fraction(-9, 5), "= −0.018 €"),
    ],
)  # fmt: skip
def test_an_amount_before_rounding_is_written_out_or_cut_and_never_rounded(cents: Fraction, shown: str) -> None:
    assert f"{relation(cents)} {euros(cents)}" == shown


@given(st.integers(0, 10**12), st.integers(1, 10**6))
def test_what_is_written_is_never_more_than_what_is(numerator: int, denominator: int) -> None:
    cents = Fraction(numerator, denominator)
    assert 0 <= cents - Fraction(written(cents)) * 100 < Fraction(1, 10_000)


def test_formulas_keep_the_decimals_of_percents() -> None:
    exact = Fraction(625, 10)
    assert share_formula(12.5, 1000, (1, 2), exact, 63) == "12.5 % × 10.00 € × 1/2 d = 0.625 € → 0.63 €"
    assert sum_formula(10.0, 290_238, Fraction(290_238, 10), 29_022) == (
        "10 % × 2902.38 € = 290.238 €, rounded by payment − 0.018 € = 290.22 €"
    )
    assert sum_formula(0.0, 5, Fraction(0), 0) == "0 % × 0.05 € = 0.00 €, rounded by payment + 0.00 € = 0.00 €"


def test_a_payer_that_is_not_known_is_told_as_none() -> None:
    ledger_of_nobody = replace(
        Ledger(1, payments_in_order([OCTOBER]), column([UNKNOWN]), counter_sets([]), track([]), track([]))
    )
    told = client_under(SCHEMES["law"], ledger_of_nobody, [asdict(OCTOBER)], "en")
    assert (told.payments[0].municipality, told.months[0].municipality) == (None, None)
