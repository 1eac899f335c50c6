"""Every sentence of the ladder, told as a life and what Askelma makes of it."""

from dataclasses import replace

import pytest

from contracts.envelope import Fact
from contracts.facts import (
    AssessmentRecorded,
    BenefitCounterSet,
    ClientMoved,
    ClientRegistered,
    CoordinatorAssigned,
    ServiceReferred,
)
from contracts.snapshots import Meeting, PendingChange, Spell
from tests.indicators.lives import (
    day,
    education,
    education_ended,
    exited,
    fact,
    hours,
    met,
    paid,
    planned,
    registered,
    service,
    service_ended,
    signs,
    snapshot,
    spells,
    status,
    steps,
    work,
    work_ended,
)

# --- the steps


def test_who_is_registered_and_not_yet_met_stands_on_step_0() -> None:
    assert steps(registered("2025-01-01")) == [("2025-01-01", None, 0)]


@pytest.mark.parametrize("engaging", [met("2025-01-10"), planned("2025-01-10")])
def test_the_initial_interview_or_a_plan_lifts_to_step_1(engaging: Fact) -> None:
    assert steps(registered("2025-01-01"), engaging) == [
        ("2025-01-01", "2025-01-10", 0),
        ("2025-01-10", None, 1),
    ]


def test_another_meeting_than_the_initial_one_does_not_engage() -> None:
    assert steps(registered("2025-01-01"), met("2025-01-10", "job_search")) == [("2025-01-01", None, 0)]


@pytest.mark.parametrize(
    ("kind", "step"),
    [
        ("rehabilitative_work_activity", 2), ("social_rehabilitation", 2), ("coaching", 3), ("career_guidance", 3),
        ("work_trial", 3), ("training_try_out", 3), ("labour_market_training", 4), ("never_heard_of", 2),
    ],
)  # fmt: skip
def test_an_open_service_stands_on_the_step_of_its_type(kind: str, step: int) -> None:
    assert snapshot(registered("2025-01-01"), service("2025-01-10", kind)).step_on(day("2025-01-10")) == step


def test_waiting_between_services_stands_on_step_1_without_any_meeting() -> None:
    assert steps(registered("2025-01-01"), service("2025-01-10"), service_ended("2025-02-10")) == [
        ("2025-01-01", "2025-01-10", 0),
        ("2025-01-10", "2025-02-10", 2),
        ("2025-02-10", None, 1),
    ]


def test_education_is_step_4() -> None:
    assert steps(registered("2025-01-01"), education("2025-01-10"), education_ended("2025-06-01")) == [
        ("2025-01-01", "2025-01-10", 0),
        ("2025-01-10", "2025-06-01", 4),
        ("2025-06-01", None, 0),
    ]


@pytest.mark.parametrize(
    ("kind", "weekly", "step"),
    [
        ("subsidised", None, 5), ("start_up_grant", None, 5), ("open", None, 6), ("self_employed", None, 6),
        ("open", 18, 6), ("open", 17.5, 5), ("self_employed", 10, 5), ("subsidised", 10, 5),
    ],
)  # fmt: skip
def test_work_stands_on_the_step_of_its_kind_and_hours(kind: str, weekly: float | None, step: int) -> None:
    life = snapshot(registered("2025-01-01"), work("2025-01-10", kind, hours=weekly))
    assert life.step_on(day("2025-01-10")) == step


def test_more_hours_lift_part_time_work_to_open_employment() -> None:
    life = [registered("2025-01-01"), work("2025-01-01", hours=10), hours("2025-03-01", 30)]
    assert steps(*life) == [("2025-01-01", "2025-03-01", 5), ("2025-03-01", None, 6)]


def test_of_several_open_episodes_the_highest_counts() -> None:
    life = [
        registered("2025-01-01"),
        education("2025-01-10"),
        service("2025-02-01", "coaching"),
        education_ended("2025-03-01"),
    ]
    assert steps(*life) == [
        ("2025-01-01", "2025-01-10", 0),
        ("2025-01-10", "2025-03-01", 4),
        ("2025-03-01", None, 3),
    ]


# --- status


@pytest.mark.parametrize(
    ("code", "step"),
    [("00", 5), ("01", 6), ("02", 0), ("03", 0), ("04", 0), ("05", 0), ("06", 0), ("07", 1), ("08", 4)],
)
def test_with_no_episode_open_the_status_gives_the_step(code: str, step: int) -> None:
    assert steps(registered("2025-01-01"), status("2025-01-01", code)) == [("2025-01-01", None, step)]


def test_a_status_from_before_an_episode_does_not_count_beside_it() -> None:
    life = [registered("2025-01-01"), status("2025-01-05", "01"), service("2025-01-10")]
    assert snapshot(*life).step_on(day("2025-01-10")) == 2


def test_a_status_of_the_day_on_which_an_episode_began_does_not_count_beside_it() -> None:
    life = [registered("2025-01-01"), status("2025-01-10", "01"), service("2025-01-10")]
    assert snapshot(*life).step_on(day("2025-01-10")) == 2


def test_a_status_later_than_the_start_of_every_open_episode_counts_if_higher() -> None:
    life = [registered("2025-01-01"), service("2025-01-10"), status("2025-01-20", "08")]
    assert snapshot(*life).step_on(day("2025-01-20")) == 4
    assert snapshot(*life, service("2025-02-01", "coaching", "S2")).step_on(day("2025-02-01")) == 3


def test_a_status_on_the_base_never_lowers_an_open_episode() -> None:
    life = [registered("2025-01-01"), service("2025-01-10"), status("2025-01-20", "02")]
    assert snapshot(*life).step_on(day("2025-01-20")) == 2


@pytest.mark.parametrize(
    ("code", "begun", "ended"),
    [
        ("00", work("2025-01-10", "subsidised"), work_ended("2025-03-01")),
        ("01", work("2025-01-10"), work_ended("2025-03-01")),
        ("08", education("2025-01-10"), education_ended("2025-03-01", "interrupted")),
    ],
)
def test_an_ended_episode_uses_up_earlier_statuses_of_its_kind(code: str, begun: Fact, ended: Fact) -> None:
    life = snapshot(registered("2025-01-01"), status("2025-01-05", code), begun, ended)
    assert life.step_on(day("2025-03-01")) == 0
    assert life.status_on(day("2025-03-01")) == code  # what was stated stays stated


def test_an_ended_service_uses_up_status_07() -> None:
    outside = [registered("2024-01-01"), exited("2024-02-01"), status("2025-01-05", "07"), service("2025-01-10")]
    assert snapshot(*outside).step_on(day("2025-01-10")) == 2
    assert snapshot(*outside, service_ended("2025-03-01")).step_on(day("2025-03-01")) is None


def test_an_ended_episode_does_not_use_up_statuses_of_another_kind() -> None:
    life = [registered("2025-01-01"), status("2025-01-05", "08"), work("2025-01-10"), work_ended("2025-03-01")]
    assert snapshot(*life).step_on(day("2025-03-01")) == 4


def test_a_status_stated_again_after_the_episode_counts_again() -> None:
    life = [registered("2025-01-01"), status("2025-01-05", "01"), work("2025-01-10"), work_ended("2025-03-01")]
    again = snapshot(*life, status("2025-03-05", "01"))
    assert [again.step_on(day(on)) for on in ("2025-03-04", "2025-03-05")] == [6, 6]  # a bridge of four days
    assert [(s.start, s.end) for s in again.statuses] == [(day("2025-01-05"), None)]


@pytest.mark.parametrize("code", ["02", "03", "05", "06"])
def test_a_later_status_without_work_ends_employment_as_inferred(code: str) -> None:
    life = snapshot(registered("2025-01-01"), work("2025-01-10"), status("2025-03-01", code))
    assert [(w.end, w.inferred, w.reason) for w in life.employments] == [(day("2025-03-01"), True, None)]
    assert life.step_on(day("2025-03-01")) == 0


@pytest.mark.parametrize("code", ["00", "01", "04", "07", "08"])
def test_other_statuses_leave_employment_open(code: str) -> None:
    life = snapshot(registered("2025-01-01"), work("2025-01-10"), status("2025-03-01", code))
    assert [w.end for w in life.employments] == [None]


def test_a_status_of_the_day_on_which_work_began_leaves_it_open() -> None:
    life = snapshot(registered("2025-01-01"), status("2025-01-10", "02"), work("2025-01-10"))
    assert [w.end for w in life.employments] == [None]


def test_the_end_that_work_itself_states_on_that_day_is_not_inferred() -> None:
    life = snapshot(registered("2025-01-01"), work("2025-01-10"), status("2025-03-01", "02"), work_ended("2025-03-01"))
    assert [(w.inferred, w.reason) for w in life.employments] == [(False, "fixed_term_over")]


# --- what falls due by itself


def test_a_status_holds_until_before_its_last_day_and_is_pending_before() -> None:
    life = [registered("2025-01-01"), status("2025-01-05", "08", until="2025-02-01")]
    told = snapshot(*life)
    assert told.pending == (PendingChange(day("2025-02-01"), 0, None),)
    assert [told.step_on(day(on)) for on in ("2025-01-31", "2025-02-01")] == [4, 0]
    assert [told.status_on(day(on)) for on in ("2025-01-31", "2025-02-01")] == ["08", None]


def test_what_was_pending_is_told_as_an_interval_once_a_later_fact_is_in() -> None:
    life = [registered("2025-01-01"), status("2025-01-05", "08", until="2025-02-01"), met("2025-03-01", "other")]
    told = snapshot(*life)
    assert told.pending == ()
    assert [(s.start, s.end) for s in told.statuses] == [(day("2025-01-05"), day("2025-02-01"))]
    assert steps(*life) == [("2025-01-01", "2025-01-05", 0), ("2025-01-05", "2025-02-01", 4), ("2025-02-01", None, 0)]


def test_a_new_status_on_the_day_the_old_one_runs_out_simply_follows() -> None:
    told = snapshot(registered("2025-01-01"), status("2025-01-05", "08", "2025-02-01"), status("2025-02-01", "01"))
    assert [(s.code, s.end) for s in told.statuses] == [("08", day("2025-02-01")), ("01", None)]
    assert [change.step for change in told.pending] == [7]


def test_an_earlier_status_replaced_takes_its_end_with_it() -> None:
    told = snapshot(registered("2025-01-01"), status("2025-01-05", "08", "2025-02-01"), status("2025-01-20", "02"))
    assert told.pending == ()
    assert told.status_on(day("2025-03-01")) == "02"


def test_a_status_that_is_over_on_its_own_day_holds_on_none() -> None:
    told = snapshot(registered("2025-01-01"), status("2025-01-05", "01"), status("2025-01-10", "08", "2025-01-10"))
    assert [(s.code, s.end) for s in told.statuses] == [("01", day("2025-01-10"))]
    assert told.step_on(day("2025-01-10")) == 0


def test_step_7_begins_on_the_184th_day_of_step_6() -> None:
    told = snapshot(registered("2025-01-01"), work("2025-01-01"))
    assert told.pending == (PendingChange(day("2025-07-03"), 7, None),)
    assert [told.step_on(day(on)) for on in ("2025-07-02", "2025-07-03")] == [6, 7]
    assert [s.step for s in told.steps] == [6]


def test_step_7_is_an_interval_once_a_later_fact_is_in() -> None:
    life = [registered("2025-01-01"), work("2025-01-01"), met("2025-07-03", "other")]
    assert steps(*life) == [("2025-01-01", "2025-07-03", 6), ("2025-07-03", None, 7)]


def test_183_days_of_work_are_not_sustained() -> None:
    life = [registered("2025-01-01"), work("2025-01-01"), work_ended("2025-07-03")]
    assert steps(*life) == [("2025-01-01", "2025-07-03", 6), ("2025-07-03", None, 0)]


def test_a_gap_of_14_days_counts_as_work_once_work_resumes_its_days_included() -> None:
    life = [registered("2025-01-01"), work("2025-01-01"), work_ended("2025-03-01")]
    assert steps(*life)[-1] == ("2025-03-01", None, 0)
    told = snapshot(*life, work("2025-03-15", episode="W2"))
    assert steps(*life, work("2025-03-15", episode="W2")) == [("2025-01-01", None, 6)]
    assert told.pending == (PendingChange(day("2025-07-03"), 7, None),)


def test_a_gap_of_15_days_starts_the_count_anew() -> None:
    life = [registered("2025-01-01"), work("2025-01-01"), work_ended("2025-03-01"), work("2025-03-16", episode="W2")]
    assert steps(*life) == [("2025-01-01", "2025-03-01", 6), ("2025-03-01", "2025-03-16", 0), ("2025-03-16", None, 6)]
    assert snapshot(*life).pending == (PendingChange(day("2025-09-15"), 7, None),)


def test_the_184th_day_may_lie_in_the_gap() -> None:
    life = [registered("2025-01-01"), work("2025-01-01"), work_ended("2025-06-30")]
    assert steps(*life, work("2025-07-10", episode="W2")) == [("2025-01-01", "2025-07-03", 6), ("2025-07-03", None, 7)]


def test_sustained_work_with_a_short_gap_stays_sustained() -> None:
    life = [registered("2025-01-01"), work("2025-01-01"), work_ended("2025-09-01")]
    assert steps(*life)[-2:] == [("2025-07-03", "2025-09-01", 7), ("2025-09-01", None, 0)]
    assert steps(*life, work("2025-09-10", episode="W2"))[-1] == ("2025-07-03", None, 7)


def test_a_service_in_the_gap_is_bridged_too() -> None:
    life = [registered("2025-01-01"), work("2025-01-01"), work_ended("2025-03-01"), service("2025-03-03")]
    assert steps(*life, service_ended("2025-03-08"), work("2025-03-10", episode="W2")) == [("2025-01-01", None, 6)]


def test_several_short_gaps_make_one_stretch() -> None:
    life = [registered("2025-01-01"), work("2025-01-01"), work_ended("2025-02-01"), work("2025-02-10", episode="W2")]
    life += [work_ended("2025-04-01", "W2"), work("2025-04-05", episode="W3")]
    assert steps(*life) == [("2025-01-01", None, 6)]


def test_work_that_only_flickers_within_a_day_bridges_nothing() -> None:
    life = [registered("2025-01-01"), work("2025-01-01"), work_ended("2025-03-01")]
    life += [status("2025-03-10", "01"), service("2025-03-10")]
    assert steps(*life) == [("2025-01-01", "2025-03-01", 6), ("2025-03-01", "2025-03-10", 0), ("2025-03-10", None, 2)]


def test_a_change_of_job_within_a_day_is_no_gap() -> None:
    life = [registered("2025-01-01"), work("2025-01-01"), work_ended("2025-03-01"), work("2025-03-01", episode="W2")]
    assert steps(*life) == [("2025-01-01", None, 6)]


# --- spells


def test_exit_ends_spell_status_and_open_services() -> None:
    told = snapshot(
        registered("2025-01-01"), status("2025-01-01", "07"), service("2025-01-10"), exited("2025-02-01", "05")
    )
    assert told.spells == (Spell(day("2025-01-01"), day("2025-02-01"), "05"),)
    assert [s.end for s in told.statuses] == [day("2025-02-01")]
    assert [(s.end, s.outcome) for s in told.services] == [(day("2025-02-01"), None)]
    assert told.step_on(day("2025-02-01")) is None


def test_work_and_education_go_on_past_an_exit_to_their_own_end() -> None:
    life = [registered("2025-01-01"), work("2025-01-10"), education("2025-01-20"), exited("2025-02-01", "03")]
    told = snapshot(*life)
    assert [w.end for w in told.employments] == [None]
    assert [e.end for e in told.educations] == [None]
    assert told.step_on(day("2025-08-01")) == 7
    over = [*life, work_ended("2025-03-01"), education_ended("2025-04-01")]
    assert steps(*over)[-2:] == [("2025-01-10", "2025-03-01", 6), ("2025-03-01", "2025-04-01", 4)]


def test_an_exit_takes_the_end_of_the_status_with_it() -> None:
    told = snapshot(registered("2025-01-01"), status("2025-01-05", "08", "2025-03-01"), exited("2025-02-01"))
    assert told.pending == ()


def test_a_status_stated_after_the_exit_still_gives_a_step() -> None:
    life = [registered("2025-01-01"), exited("2025-02-01", "03"), status("2025-02-01", "01")]
    assert steps(*life) == [("2025-01-01", "2025-02-01", 0), ("2025-02-01", None, 6)]
    assert steps(*life, status("2025-04-01", "02"))[-1] == ("2025-02-01", "2025-04-01", 6)


def test_each_spell_begins_on_base_0() -> None:
    life = [registered("2025-01-01"), met("2025-01-05"), exited("2025-02-01"), registered("2025-04-01")]
    assert steps(*life) == [
        ("2025-01-01", "2025-01-05", 0),
        ("2025-01-05", "2025-02-01", 1),
        ("2025-04-01", None, 0),
    ]


def test_a_meeting_between_spells_does_not_engage_in_the_next() -> None:
    life = [registered("2025-01-01"), exited("2025-02-01"), met("2025-03-01"), registered("2025-04-01")]
    assert steps(*life)[-1] == ("2025-04-01", None, 0)


def test_a_registration_inside_a_spell_only_updates_attributes() -> None:
    again = fact("2025-03-01", ClientRegistered(municipality="398", birth_year=1980, language="sv"))
    told = snapshot(registered("2025-01-01"), met("2025-01-05"), again)
    assert told.spells == (Spell(day("2025-01-01")),)
    assert (told.birth_year, told.language, told.gender) == (1980, "sv", None)
    assert told.municipality_on(day("2025-03-01")) == "398"
    assert told.step_on(day("2025-03-01")) == 1


def test_attributes_not_said_again_stay() -> None:
    first = fact("2025-01-01", ClientRegistered(municipality="398", birth_year=1980, gender="female"))
    told = snapshot(first, registered("2025-03-01"))
    assert (told.birth_year, told.gender) == (1980, "female")


@pytest.mark.parametrize(
    "first", [met("2025-01-05"), paid("2025-01-05"), status("2025-01-05", "02"), work("2025-01-05")]
)
def test_where_no_spell_is_known_the_first_fact_opens_one(first: Fact) -> None:
    assert spells(first, registered("2025-02-01")) == [("2025-01-05", None)]


def test_after_an_exit_only_a_registration_opens_a_spell() -> None:
    life = [registered("2025-01-01"), exited("2025-02-01"), service("2025-03-01")]
    assert spells(*life) == [("2025-01-01", "2025-02-01")]
    assert steps(*life)[-1] == ("2025-03-01", None, 2)


def test_an_exit_and_a_new_registration_on_one_day_are_two_spells() -> None:
    life = [registered("2025-01-01"), met("2025-01-05"), exited("2025-02-01"), registered("2025-02-01")]
    assert spells(*life) == [("2025-01-01", "2025-02-01"), ("2025-02-01", None)]
    assert steps(*life)[-1] == ("2025-02-01", None, 0)


# --- zero length


def test_an_exit_that_finds_nothing_open_closes_a_registration_of_its_day_at_zero_length() -> None:
    assert spells(exited("2025-02-01"), registered("2025-02-01")) == [("2025-02-01", "2025-02-01")]
    earlier = [registered("2024-01-01"), exited("2024-02-01")]
    assert spells(*earlier, exited("2025-02-01"), registered("2025-02-01"))[1:] == [("2025-02-01", "2025-02-01")]


def test_an_exit_that_finds_nothing_open_closes_status_and_service_of_its_day_but_not_work() -> None:
    facts = [exited("2025-02-01"), registered("2025-02-01"), status("2025-02-01", "02"), service("2025-02-01")]
    told = snapshot(*facts, work("2025-02-01"))
    assert told.statuses == ()
    assert [(s.start, s.end) for s in told.services] == [(day("2025-02-01"), day("2025-02-01"))]
    assert [w.end for w in told.employments] == [None]
    assert steps(*facts) == []


def test_an_exit_as_the_first_fact_leaves_a_spell_of_zero_length() -> None:
    assert spells(exited("2025-02-01"), met("2025-03-01")) == [("2025-02-01", "2025-02-01")]


def test_an_exit_with_an_end_before_it_on_the_first_day_still_closes_what_starts_on_it() -> None:
    facts = [service_ended("2025-02-01"), exited("2025-02-01"), registered("2025-02-01"), service("2025-02-01")]
    assert spells(*facts) == [("2025-02-01", "2025-02-01")]
    assert steps(*facts) == []


@pytest.mark.parametrize(
    ("begun", "ended"),
    [
        (service("2025-02-01"), service_ended("2025-02-01", "interrupted")),
        (work("2025-02-01", hour=8), work_ended("2025-02-01")),
        (education("2025-02-01"), education_ended("2025-02-01", "interrupted")),
    ],
)
def test_an_end_that_finds_nothing_open_closes_its_episode_of_that_day_at_zero_length(begun: Fact, ended: Fact) -> None:
    told = snapshot(registered("2025-01-01"), met("2025-01-02"), begun, ended)
    closed = [(s.start, s.end) for s in told.services]
    closed += [(w.start, w.end) for w in told.employments]
    closed += [(e.start, e.end) for e in told.educations]
    assert closed == [(day("2025-02-01"), day("2025-02-01"))]
    assert [s.step for s in told.steps] == [0, 1]


def test_an_end_that_finds_nothing_open_leaves_later_and_other_episodes_alone() -> None:
    facts = [registered("2025-01-01"), service_ended("2025-02-01"), service("2025-02-01", episode="S2")]
    told = snapshot(*facts, service("2025-02-02"))
    assert [s.end for s in told.services] == [None, None]


def test_a_status_of_the_very_day_is_not_used_up_by_an_episode_of_zero_length() -> None:
    life = [registered("2025-01-01"), status("2025-02-01", "01"), work("2025-02-01"), work_ended("2025-02-01")]
    assert snapshot(*life).step_on(day("2025-02-01")) == 6
    earlier = [registered("2025-01-01"), status("2025-01-15", "01"), work("2025-02-01"), work_ended("2025-02-01")]
    assert snapshot(*earlier).step_on(day("2025-02-01")) == 0


def test_an_episode_may_be_entered_again_after_its_end() -> None:
    life = [registered("2025-01-01"), service("2025-01-10"), service_ended("2025-02-01"), service("2025-03-01")]
    assert [(s.start, s.end) for s in snapshot(*life).services] == [
        (day("2025-01-10"), day("2025-02-01")),
        (day("2025-03-01"), None),
    ]


def test_a_start_said_again_of_an_open_episode_only_updates_it() -> None:
    life = [registered("2025-01-01"), work("2025-01-10", hours=10), work("2025-02-01", hours=30)]
    (only,) = snapshot(*life).employments
    assert (only.start, only.weekly_hours) == (day("2025-01-10"), 30)


# --- dated attributes


def test_the_last_statement_of_a_day_wins() -> None:
    moved = fact("2025-01-01", ClientMoved(municipality="398"))
    told = snapshot(registered("2025-01-01", "167"), moved)
    assert [(m.start, m.municipality) for m in told.municipalities] == [(day("2025-01-01"), "398")]


def test_equal_neighbours_are_one_interval() -> None:
    told = snapshot(registered("2025-01-01"), status("2025-01-01", "02"), status("2025-02-01", "02"))
    assert [(s.start, s.end) for s in told.statuses] == [(day("2025-01-01"), None)]


def test_a_detail_makes_another_status() -> None:
    life = [status("2025-01-01", "02"), status("2025-02-01", "02", detail="further")]
    told = snapshot(*life)
    assert [told.status_on(day(on)) for on in ("2025-01-31", "2025-02-01")] == ["02", "02.further"]


def test_nobody_may_be_responsible() -> None:
    facts = [
        fact("2025-01-02", CoordinatorAssigned(coordinator="k1")),
        fact("2025-02-01", CoordinatorAssigned(coordinator=None)),
    ]
    told = snapshot(registered("2025-01-01"), *facts)
    assert [told.coordinator_on(day(on)) for on in ("2025-01-01", "2025-01-02", "2025-02-01")] == [None, "k1", None]


# --- signs and activity


def test_signs_of_progress_are_dated() -> None:
    facts = [registered("2025-01-01"), planned("2025-01-10"), planned("2025-02-10")]
    facts += [service("2025-02-01", "work_trial"), service_ended("2025-03-01")]
    facts += [service("2025-03-01", "labour_market_training", "S2")]
    facts += [service_ended("2025-04-01", "interrupted", "S2", qualification="hygiene_passport")]
    facts += [work("2025-05-01", hours=20), hours("2025-06-01", 15), hours("2025-07-01", 30)]
    facts += [education("2025-08-01"), education_ended("2025-09-01")]
    assert signs(*facts) == [
        ("2025-01-10", "plan_agreed"),
        ("2025-03-01", "service_completed"),
        ("2025-03-01", "try_out_done"),
        ("2025-04-01", "qualification_gained"),
        ("2025-07-01", "hours_grown"),
        ("2025-09-01", "qualification_gained"),
    ]


def test_a_service_not_completed_is_no_sign() -> None:
    assert signs(service("2025-02-01"), service_ended("2025-03-01", "no_show")) == []


def assessed(on: str, instrument: str, **scores: float) -> Fact:
    return fact(on, AssessmentRecorded.model_validate({"instrument": instrument, "scores": scores}))


def test_an_assessment_is_a_sign_when_it_rises_by_the_margin() -> None:
    facts = [assessed("2025-01-01", "kykyviisari", work_ability=5, mood=9)]
    assert signs(*facts, assessed("2025-03-01", "kykyviisari", work_ability=5.5, mood=10)) == []
    assert signs(*facts, assessed("2025-03-01", "kykyviisari", work_ability=6, mood=1)) == [
        ("2025-03-01", "assessment_risen")
    ]


def test_of_3x10d_the_mean_of_the_items_both_times_have_counts() -> None:
    facts = [assessed("2025-01-01", "3x10d", home=5, friends=5, money=1)]
    assert signs(*facts, assessed("2025-03-01", "3x10d", home=8, friends=4)) == [("2025-03-01", "assessment_risen")]
    assert signs(*facts, assessed("2025-03-01", "3x10d", home=7, friends=4)) == []
    assert signs(*facts, assessed("2025-03-01", "kykyviisari", work_ability=9)) == []


def test_payments_counters_and_assignments_are_no_activity() -> None:
    counter = {"counter": "law_2025", "days": 100, "on": "2025-04-01", "reason": "carried_over"}
    facts = [registered("2025-01-01"), met("2025-02-01"), paid("2025-03-01")]
    facts += [fact("2025-04-01", BenefitCounterSet.model_validate(counter))]
    facts += [fact("2025-05-01", CoordinatorAssigned(coordinator="k1"))]
    assert snapshot(*facts).last_activity_on == day("2025-02-01")


def test_what_changes_nothing_is_no_activity() -> None:
    facts = [registered("2025-01-01"), status("2025-01-05", "02")]
    facts += [registered("2025-02-01"), status("2025-02-05", "02"), service_ended("2025-03-01")]
    assert snapshot(*facts).last_activity_on == day("2025-01-05")


def test_meetings_plans_and_referrals_are_kept_once() -> None:
    referral = ServiceReferred(episode="S1", service="V1", service_type="coaching", provider="T1")
    facts = [met("2025-01-05"), met("2025-01-05"), planned("2025-01-06"), fact("2025-01-07", referral)]
    told = snapshot(*facts)
    assert told.meetings == (Meeting(day("2025-01-05"), "initial"),)
    assert [plan.plan for plan in told.plans] == ["P1"]
    assert [r.service_type for r in told.referrals] == ["coaching"]


def test_a_snapshot_names_its_newest_fact() -> None:
    late = replace(met("2025-01-05"), seq=900_000)
    told = snapshot(late, registered("2025-03-01"))
    assert (told.as_of, told.as_of_seq) == (day("2025-03-01"), 900_000)
