from datetime import date

from contracts.snapshots import StepInterval
from services.indicators.domain.timeline import stated

D1, D2, D3 = date(2025, 1, 1), date(2025, 1, 2), date(2025, 1, 3)


def test_a_statement_opens_an_interval_and_closes_the_one_before() -> None:
    first = stated((), D1, StepInterval(D1, None, 0))
    assert stated(first, D2, StepInterval(D2, None, 1)) == (StepInterval(D1, D2, 0), StepInterval(D2, None, 1))


def test_the_last_statement_of_a_day_wins_and_what_it_replaced_vanishes() -> None:
    row = (StepInterval(D1, D2, 0), StepInterval(D2, None, 1))
    assert stated(row, D2, StepInterval(D2, None, 2)) == (StepInterval(D1, D2, 0), StepInterval(D2, None, 2))


def test_a_statement_taken_back_on_its_day_joins_its_neighbours_again() -> None:
    row = (StepInterval(D1, D2, 0), StepInterval(D2, None, 1))
    assert stated(row, D2, StepInterval(D2, None, 0)) == (StepInterval(D1, None, 0),)


def test_the_same_value_said_again_changes_nothing() -> None:
    row = (StepInterval(D1, None, 0),)
    assert stated(row, D2, StepInterval(D2, None, 0)) is row


def test_nothing_may_hold_for_a_while_and_the_same_value_after_it_is_another_interval() -> None:
    ended = stated((StepInterval(D1, None, 0),), D2, None)
    assert ended == (StepInterval(D1, D2, 0),)
    assert stated(ended, D3, StepInterval(D3, None, 0)) == (StepInterval(D1, D2, 0), StepInterval(D3, None, 0))
    assert stated(ended, D2, StepInterval(D2, None, 0)) == (StepInterval(D1, None, 0),)


def test_nothing_stated_of_nothing_is_nothing() -> None:
    assert stated((), D1, None) == ()
    assert stated((StepInterval(D1, None, 0),), D1, None) == ()
