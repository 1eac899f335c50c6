"""Invoices against computed shares: what agrees, what differs, and which reason is tried before which."""

from collections.abc import Sequence
from datetime import date, timedelta
from itertools import count
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contracts.dates import month_end
from services.incentives.domain.invoices import InvoiceLine, Item, Share
from services.incentives.domain.likely_reasons import Reason
from services.incentives.domain.reconciling import Reconciliation, reconcile
from services.incentives.rule_files import rule_book

LAW = rule_book().schemes["law"]
CLASSES = ("101-200", "201-300", "301-400", "401-700", "701-")
SEPTEMBER, OCTOBER, NOVEMBER = date(2025, 9, 1), date(2025, 10, 1), date(2025, 11, 1)
FREE, TENTH, FIFTH = "1-100", "101-200", "201-300"
numbers = count(1)


def item(cost_class: str = TENTH, month: date = OCTOBER, municipality: str = "167") -> Item:
    return Item(municipality, month, "labour_market_subsidy", cost_class)


def line(cents: int, recipients: int = 1, about: Item | None = None) -> InvoiceLine:
    return InvoiceLine(next(numbers), about or item(), recipients, cents)


def share(  # noqa: PLR0913 - what a share has
    cents: int,
    client: int = 1,
    about: Item | None = None,
    *,
    day: int = 15,
    period_end: date | None = None,
    homes: Sequence[str] = (),
    payment: int | None = None,
    base: int = 0,
) -> Share:
    """Return a share of a payment posted on a day of the month, by default for a period that ended the day before."""
    about = about or item()
    posted_on = about.month.replace(day=day)
    ended = period_end or posted_on - timedelta(days=1)
    number = next(numbers) if payment is None else payment
    return Share(about, client, number, posted_on, ended, base, cents, frozenset(homes or [about.municipality]))


def compared(lines: Sequence[InvoiceLine], shares: Sequence[Share], unread: Sequence[Item] = ()) -> Reconciliation:
    return reconcile(lines, unread, shares, LAW)


def reasons(
    lines: Sequence[InvoiceLine], shares: Sequence[Share], unread: Sequence[Item] = ()
) -> list[tuple[Item, int, Reason, tuple[Item, ...]]]:
    """Return each difference: what it is about, its cents, its reason and where the other half of it stands."""
    found = compared(lines, shares, unread).differences
    return [(one.compared.item, one.compared.cents, one.reason, one.elsewhere) for one in found]


def test_equal_euros_and_recipients_are_a_match() -> None:
    found = compared([line(14884, 2)], [share(7442, 1), share(7442, 2)])
    assert [(one.item, one.cents) for one in found.matches] == [(item(), 0)]
    assert found.differences == ()


def test_a_client_with_two_payments_is_one_recipient() -> None:
    assert compared([line(14884, 1)], [share(7442), share(7442)]).differences == ()


def test_lines_about_the_same_are_added_up_and_corrections_taken_off() -> None:
    assert compared([line(20000, 1), line(-12558, 0)], [share(7442)]).differences == ()


def test_other_municipalities_and_months_are_not_compared() -> None:
    elsewhere = [share(1, 2, item(municipality="398")), share(2, 3, item(month=NOVEMBER))]
    assert compared([line(7442)], [share(7442), *elsewhere]).differences == ()


def test_days_that_cost_nothing_need_not_be_invoiced() -> None:
    assert compared([line(7442)], [share(7442), share(0, 2, item(FREE))]).differences == ()


def test_what_is_compared_comes_by_municipality_month_and_class() -> None:
    items = [item("701-", OCTOBER), item(FIFTH, SEPTEMBER, "398"), item(TENTH, OCTOBER), item("301-400", SEPTEMBER)]
    found = compared([line(100, 1, one) for one in items], [])
    assert [one.item for one in found.compared] == [items[3], items[2], items[0], items[1]]


# --- each reason -----------------------------------------------------------------------------------------------------


def test_a_row_that_could_not_be_read_explains_what_was_not_found_on_the_invoice() -> None:
    assert reasons([line(1, 1, item(FIFTH))], [share(7442), share(1, 2, item(FIFTH))], [item()]) == [
        (item(), -7442, Reason.UNREADABLE_ROW, ())
    ]


def test_an_unreadable_row_alone_lets_its_municipality_and_month_be_compared() -> None:
    assert reasons([], [share(5209, 1, item(FIFTH))], [item()]) == [(item(FIFTH), -5209, Reason.NOT_INVOICED, ())]


def test_a_line_that_stands_twice_is_told() -> None:
    assert reasons([line(7442), line(7442)], [share(7442)]) == [(item(), 7442, Reason.REPEATED_LINE, ())]


def test_two_lines_of_which_none_is_the_difference_are_no_repetition() -> None:
    assert reasons([line(7442), line(5000)], [share(7442)]) == [(item(), 5000, Reason.MISSING_FACTS, ())]


def test_recipients_alone_may_differ() -> None:
    assert reasons([line(7442, 2)], [share(7442)]) == [(item(), 0, Reason.RECIPIENTS, ())]


def test_the_same_amount_missing_in_another_municipality_is_a_move() -> None:
    lahti = item(municipality="398")
    assert reasons([line(7442), line(0, 0, lahti)], [share(7442, 1, lahti)]) == [
        (item(), 7442, Reason.MOVE, (lahti,)),
        (lahti, -7442, Reason.MOVE, (item(),)),
    ]


def test_the_same_amount_missing_in_the_next_month_is_a_late_payment() -> None:
    later = item(month=NOVEMBER)
    assert reasons([line(7442), line(0, 0, later)], [share(7442, 1, later)]) == [
        (item(), 7442, Reason.LATE_PAYMENT, (later,)),
        (later, -7442, Reason.LATE_PAYMENT, (item(),)),
    ]


def test_the_same_amount_two_months_later_is_not_called_a_late_payment() -> None:
    later = item(month=date(2025, 12, 1))
    assert [reason for _, _, reason, _ in reasons([line(7442), line(0, 0, later)], [share(7442, 1, later)])] == [
        Reason.MISSING_FACTS, Reason.NOT_INVOICED,
    ]  # fmt: skip


def test_the_same_days_in_the_neighbouring_class_are_a_matter_of_its_boundary() -> None:
    """7 of 20 days: 26.05 € at ten percent, 52.09 € at twenty."""
    assert reasons([line(7442), line(0, 0, item(FIFTH))], [share(4837), share(5209, 1, item(FIFTH))]) == [
        (item(), 2605, Reason.CLASS_BOUNDARY, (item(FIFTH),)),
        (item(FIFTH), -5209, Reason.CLASS_BOUNDARY, (item(),)),
    ]


def test_days_may_be_split_otherwise_between_three_classes() -> None:
    """Ten days too many at 20 %, five too few at 10 % and five at 30 %, of 37.21 € each."""
    invoiced = [line(1861), line(14884, 2, item(FIFTH)), line(5582, 1, item("301-400"))]
    computed = [share(3721), share(7442, 2, item(FIFTH)), share(11163, 3, item("301-400"))]
    assert {reason for _, _, reason, _ in reasons(invoiced, computed)} == {Reason.CLASS_BOUNDARY}


def test_opposite_differences_of_other_days_are_no_matter_of_the_boundary() -> None:
    found = reasons([line(9442), line(0, 0, item(FIFTH))], [share(7442), share(5209, 1, item(FIFTH))])
    assert [reason for _, _, reason, _ in found] == [Reason.MISSING_FACTS, Reason.NOT_INVOICED]


def test_classes_of_two_laws_are_no_neighbours() -> None:
    """701- and 1001- are the last classes of two laws; 14.00 € at 70 % and 10.00 € at 50 % are the same base."""
    old = item("1001-")
    found = reasons([line(1400, 1, old), line(0, 0, item("701-"))], [share(1000, 1, item("701-"))])
    assert [reason for _, _, reason, _ in found] == [Reason.MISSING_FACTS, Reason.NOT_INVOICED]


def test_a_difference_explains_only_one_other() -> None:
    lahti, kemi = item(municipality="398"), item(municipality="240")
    computed = [share(7442, 1, lahti), share(7442, 2, kemi)]
    assert [(about.municipality, reason) for about, _, reason, _ in reasons(
        [line(7442), line(0, 0, lahti), line(0, 0, kemi)], computed
    )] == [("167", Reason.MOVE), ("240", Reason.MOVE), ("398", Reason.NOT_INVOICED)]  # fmt: skip


def test_a_client_who_has_moved_away_is_found_where_the_client_lives_now() -> None:
    lahti = item(municipality="398")
    assert reasons([line(7442)], [share(7442, 1, lahti, homes=["167", "398"]), share(7442, 2, lahti)]) == [
        (item(), 7442, Reason.MOVE, (lahti,))
    ]


def test_a_client_who_has_moved_here_may_be_invoiced_at_the_home_before() -> None:
    computed = [share(7442, 1, homes=["167", "398"]), share(7442, 2)]
    assert reasons([line(7442)], computed) == [(item(), -7442, Reason.MOVE, (item(municipality="398"),))]


def test_two_clients_who_would_fit_are_no_evidence_of_a_move() -> None:
    lahti = item(municipality="398")
    computed = [share(7442, number, lahti, homes=["167", "398"]) for number in (1, 2)]
    assert reasons([line(7442)], computed) == [(item(), 7442, Reason.MISSING_FACTS, ())]


def test_what_is_invoiced_elsewhere_and_agrees_there_explains_nothing() -> None:
    lahti = item(municipality="398")
    computed = [share(7442, 1, lahti, homes=["167", "398"])]
    assert reasons([line(7442), line(7442, 1, lahti)], computed) == [(item(), 7442, Reason.MISSING_FACTS, ())]


@pytest.mark.parametrize("days", [(3,), (3, 4)])
def test_what_was_posted_just_after_the_turn_of_the_month_is_a_late_payment(days: Sequence[int]) -> None:
    later = item(month=NOVEMBER)
    posted = [share(3721, day, later, day=day, period_end=date(2025, 11, 2)) for day in days]
    rest = [share(3721, 9, later, day=20), share(3721, 10, later, day=20)]
    assert reasons([line(3721 * len(days))], [*posted, *rest]) == [
        (item(), 3721 * len(days), Reason.LATE_PAYMENT, (later,))
    ]


def test_what_was_posted_just_before_the_turn_may_be_invoiced_with_the_next_month() -> None:
    computed = [share(5000, 1), share(3721, 2, day=30), share(3721, 3, day=31)]
    assert reasons([line(5000)], computed) == [(item(), -7442, Reason.LATE_PAYMENT, (item(month=NOVEMBER),))]


def test_what_was_posted_at_the_end_of_the_month_before_may_be_invoiced_with_this_one() -> None:
    before = item(month=SEPTEMBER)
    assert reasons([line(3721)], [share(7442, 1, before), share(3721, 2, before, day=30)]) == [
        (item(), 3721, Reason.LATE_PAYMENT, (before,))
    ]


def test_all_of_a_month_is_no_matter_of_its_turn() -> None:
    assert reasons([line(100, 1, item(FIFTH))], [share(100, 1, item(FIFTH)), share(3721, 1, day=31)]) == [
        (item(), -3721, Reason.NOT_INVOICED, ())
    ]


def test_a_client_who_was_paid_after_the_month_of_the_period_is_a_late_payment() -> None:
    later = item(month=NOVEMBER)
    late = share(3721, 1, later, day=20, period_end=month_end(OCTOBER))
    rest = [share(7442, 2, later, day=5), share(3721, 3, later, day=25), share(3721, 4, later, day=20)]
    assert reasons([line(3721)], [late, *rest]) == [(item(), 3721, Reason.LATE_PAYMENT, (later,))]


def test_a_client_who_was_paid_late_may_have_been_invoiced_the_month_before() -> None:
    late = share(3721, 1, day=20, period_end=month_end(SEPTEMBER))
    assert reasons([line(14884, 2)], [late, share(7442, 2, day=5), share(7442, 3, day=25)]) == [
        (item(), -3721, Reason.LATE_PAYMENT, (item(month=SEPTEMBER),))
    ]


def test_payments_that_are_split_where_the_municipality_begins_to_pay_leave_room_for_a_difference() -> None:
    """Three of twenty days cost; the insurer counts five."""
    computed = [share(1116, 1, payment=900, base=11163), share(0, 1, item(FREE), payment=900, base=63257)]
    assert reasons([line(1861)], computed) == [(item(), 745, Reason.CLASS_BOUNDARY, (item(FREE),))]


def test_what_the_split_payments_leave_no_room_for_is_no_matter_of_the_boundary() -> None:
    computed = [share(1116, 1, payment=900, base=11163), share(0, 1, item(FREE), payment=900, base=63257)]
    assert reasons([line(7443)], computed) == [(item(), 6327, Reason.MISSING_FACTS, ())]


def test_more_invoiced_than_known_anywhere_means_that_facts_are_missing() -> None:
    assert reasons([line(14884, 2)], [share(7442)]) == [(item(), 7442, Reason.MISSING_FACTS, ())]


def test_more_computed_than_invoiced_has_not_been_invoiced() -> None:
    assert reasons([line(7442)], [share(7442, 1), share(3721, 2)]) == [(item(), -3721, Reason.NOT_INVOICED, ())]


# --- which reason comes first ----------------------------------------------------------------------------------------


def test_a_move_comes_before_a_late_payment_and_this_before_a_class_boundary() -> None:
    """The same 14.88 € could be one of Lahti, one of November, or the same base at twenty percent, 29.77 €."""
    lahti, later, fifth = item(municipality="398"), item(month=NOVEMBER), item(FIFTH)
    lines = {lahti: 1488, later: 1488, fifth: 2977}
    for about, expected in zip(lines, [Reason.MOVE, Reason.LATE_PAYMENT, Reason.CLASS_BOUNDARY], strict=True):
        left = list(lines)[list(lines).index(about) :]
        found = reasons([line(1488), *(line(0, 0, one) for one in left)], [share(lines[one], 1, one) for one in left])
        assert {reason for one, _, reason, _ in found if one in {item(), about}} == {expected}


def test_differences_that_explain_each_other_come_before_payments_that_do() -> None:
    lahti, fifth = item(municipality="398"), item(FIFTH)
    moved = share(2605, 7, lahti, homes=["167", "398"])
    found = reasons([line(7442), line(0, 0, fifth)], [share(4837), share(5209, 1, fifth), moved])
    assert {reason for _, _, reason, _ in found} == {Reason.CLASS_BOUNDARY}


# --- laws ------------------------------------------------------------------------------------------------------------

items = st.builds(item, st.sampled_from([FREE, *CLASSES]), st.sampled_from([OCTOBER, NOVEMBER]),
                  st.sampled_from(["167", "398"]))  # fmt: skip
invoices = st.lists(st.builds(line, st.integers(-500, 5000), st.integers(0, 5), items), max_size=12)
homes = st.lists(st.sampled_from(["167", "240", "398"]), max_size=3)
computations = st.lists(
    st.builds(share, st.integers(0, 5000), st.integers(1, 4), items, day=st.integers(2, 28), homes=homes), max_size=12
)


@settings(deadline=None)
@given(invoices, computations)
def test_every_line_is_compared_once_and_the_sums_are_those_of_the_invoice(
    lines: list[InvoiceLine], shares: list[Share]
) -> None:
    found = compared(lines, shares)
    about = [one.item for one in found.compared]
    assert len(about) == len(set(about))
    assert {one.item for one in lines} <= set(about)
    assert sum(one.invoiced.cents for one in found.compared) == sum(one.cents for one in lines)
    places = {one.item.place for one in lines}
    assert sum(one.computed.cents for one in found.compared) == sum(s.cents for s in shares if s.item.place in places)


@settings(deadline=None)
@given(computations)
def test_an_invoice_made_of_the_shares_agrees(shares: list[Share]) -> None:
    clients: dict[Item, set[int]] = {}
    for one in shares:
        clients.setdefault(one.item, set()).add(one.client)
    lines = [
        line(sum(s.cents for s in shares if s.item == about), len(found), about) for about, found in clients.items()
    ]
    assert compared(lines, shares).differences == ()


@settings(deadline=None)
@given(invoices, computations, st.randoms())
def test_the_order_of_lines_and_payments_changes_nothing(
    lines: list[InvoiceLine], shares: list[Share], chance: Random
) -> None:
    shuffled_lines, shuffled_shares = list(lines), list(shares)
    chance.shuffle(shuffled_lines)
    chance.shuffle(shuffled_shares)
    assert compared(shuffled_lines, shuffled_shares) == compared(lines, shares)
