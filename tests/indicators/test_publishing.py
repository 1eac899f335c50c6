"""What a month's counts show of one municipality, seen by who puts its tables side by side."""

from datetime import UTC, date, datetime

from services.indicators.domain.figures import Of
from services.indicators.published import Figures
from services.indicators.publishing import MonthCounts
from services.runtime.publications import Publication
from tests.indicators.lives import registered, service, snapshot, status

FEBRUARY = Publication("area", date(2025, 2, 1), date(2025, 2, 28), 1, datetime(2025, 3, 5, tzinfo=UTC))
STEPS = 8

WAITS = snapshot(registered("2025-01-10"), status("2025-01-10", "02"))
WITHDREW = snapshot(registered("2025-01-10"), status("2025-01-10", "02"), status("2025-02-10", "05"))
SERVED = snapshot(registered("2025-01-10"), status("2025-01-10", "07"), service("2025-01-20"))


def february(waiting: int, withdrew: int, served: int) -> Figures:
    """Count clients who stay at 02, go from 02 to 05, and stay at 07; only the last are not on step 0."""
    counts = MonthCounts(FEBRUARY, {"167"})
    for told in [WAITS] * waiting + [WITHDREW] * withdrew + [SERVED] * served:
        counts.add(told)
    return counts.disclosed(STEPS)


def matrix(figures: Figures, of: Of, place: str = "167") -> dict[tuple[str, str], int | None]:
    return {(i, j): n for (what, where, i, j), n in figures.transitions.items() if (what, where) == (of, place)}


def test_a_small_transition_of_status_does_not_follow_from_the_clients_of_a_step() -> None:
    figures = february(waiting=17, withdrew=3, served=0)
    assert matrix(figures, "step") == {("0", "0"): 20}
    assert matrix(figures, "status") == {("02", "02"): None, ("02", "05"): None}


def test_a_small_transition_does_not_follow_where_other_clients_stand_beside_it() -> None:
    figures = february(waiting=17, withdrew=3, served=12)
    assert matrix(figures, "step") == {("0", "0"): 20, ("0", "2"): 0, ("2", "0"): 0, ("2", "2"): 12}
    assert matrix(figures, "status") == {
        ("02", "02"): None, ("02", "05"): None, ("02", "07"): None,
        ("07", "02"): None, ("07", "05"): 0, ("07", "07"): None,
    }  # fmt: skip


def test_large_transitions_are_shown_in_all_matrices_and_for_all_municipalities() -> None:
    figures = february(waiting=17, withdrew=5, served=12)
    shown = {
        ("02", "02"): 17, ("02", "05"): 5, ("02", "07"): 0,
        ("07", "02"): 0, ("07", "05"): 0, ("07", "07"): 12,
    }  # fmt: skip
    assert matrix(figures, "status") == matrix(figures, "status", "*") == shown
    assert matrix(figures, "service_type") == {("rehabilitative_work_activity", "rehabilitative_work_activity"): 12}


def test_what_is_hidden_of_a_municipality_is_hidden_of_all_together() -> None:
    figures = february(waiting=17, withdrew=3, served=12)
    assert matrix(figures, "status", "*") == matrix(figures, "status")
