"""Laws of the fold that hold for any set of facts."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from contracts.codes import StatusCode
from contracts.envelope import Fact
from contracts.facts import (
    AssessmentRecorded,
    BenefitCounterSet,
    BenefitPaid,
    ClientExited,
    ClientMoved,
    ClientRegistered,
    CoordinatorAssigned,
    EducationEnded,
    EducationStarted,
    EmploymentChanged,
    EmploymentEnded,
    EmploymentStarted,
    MeetingHeld,
    Payload,
    PlanAgreed,
    ServiceEnded,
    ServiceReferred,
    ServiceStarted,
    StatusChanged,
)
from contracts.snapshots import Dated, PathwaySnapshot
from services.indicators.domain.fold import continued, fold, folded_by
from services.indicators.domain.pathway import UNKNOWN, Pathway
from services.indicators.domain.snapshot import Owner, snapshot_of
from tests.indicators.lives import CLIENT, LADDER

FIRST = date(2025, 1, 1)
DAYS = 240  # so that bridges and the 184th day occur

# The machine may be busy: a slow example is no wrong one.
unhurried = settings(deadline=None)

episodes = st.sampled_from(["A", "B"])
# Half of them from a handful, so that facts of one day and gaps around 14 and 184 days are common.
numbers = st.one_of(st.integers(0, DAYS), st.sampled_from([0, 100, 114, 115, 183, 184]))
days = numbers.map(lambda number: FIRST + timedelta(days=number))
municipalities = st.sampled_from(["167", "398"])
service_types = st.sampled_from(["coaching", "labour_market_training", "work_trial", "unheard_of"])
kinds = st.sampled_from(["open", "subsidised", "start_up_grant", "self_employed"])
weekly = st.sampled_from([None, 10.0, 20.0, 38.0])


def _benefit(posted_on: date, batch: str) -> Payload:
    said = {
        "benefit": "labour_market_subsidy", "basis": "unemployment", "batch": batch, "period_start": posted_on,
        "period_end": posted_on, "days": 1, "paid_cents": 3721, "basic_part_cents": 3721, "posted_on": posted_on,
    }  # fmt: skip
    return BenefitPaid.model_validate(said)


payloads: st.SearchStrategy[Payload] = st.one_of(
    st.builds(ClientRegistered, municipality=municipalities, birth_year=st.sampled_from([None, 1980])),
    st.builds(ClientMoved, municipality=municipalities),
    st.builds(CoordinatorAssigned, coordinator=st.sampled_from([None, "k1", "k2"])),
    st.builds(StatusChanged, code=st.sampled_from(list(StatusCode)), until=st.one_of(st.none(), days)),
    st.builds(StatusChanged, code=st.just(StatusCode.OPEN_WORK)),
    st.builds(PlanAgreed, plan=episodes),
    st.builds(MeetingHeld, kind=st.sampled_from(["initial", "other"]), channel=st.just("phone")),
    st.builds(
        ServiceReferred, episode=episodes, service=st.just("V"), service_type=service_types, provider=st.just("T")
    ),
    st.builds(
        ServiceStarted, episode=episodes, service=st.just("V"), service_type=service_types, provider=st.just("T")
    ),
    st.builds(ServiceEnded, episode=episodes, outcome=st.sampled_from(["completed", "interrupted"])),
    st.builds(EmploymentStarted, episode=episodes, kind=kinds, weekly_hours=weekly),
    st.builds(EmploymentChanged, episode=episodes, weekly_hours=weekly.filter(bool)),
    st.builds(EmploymentEnded, episode=episodes, reason=st.just("over")),
    st.builds(EducationStarted, episode=episodes, level=st.just("upper_secondary")),
    st.builds(EducationEnded, episode=episodes, outcome=st.sampled_from(["graduated", "interrupted"])),
    st.builds(_benefit, posted_on=days, batch=episodes),
    st.builds(BenefitCounterSet, counter=st.just("law_2025"), days=st.just(3), on=days, reason=st.just("reset")),
    st.builds(AssessmentRecorded, instrument=st.just("3x10d"), scores=st.just({"home": 3.0})),
    st.builds(ClientExited, reason=st.sampled_from(["03", "06"])),
)


@st.composite
def lives(draw: st.DrawFn) -> list[Fact]:
    """Draw distinct facts about one client; several may share a day, even an hour."""
    told = draw(st.lists(st.tuples(days, st.sampled_from([8, 12]), payloads), max_size=14))
    return [
        Fact("registry", f"f{number}", data.type, f"client/{CLIENT}", at, "area", at, number, data)
        for number, (on, hour, data) in enumerate(told, start=1)
        for at in [datetime.combine(on, time(hour), UTC)]
    ]


def snapshot(pathway: Pathway) -> PathwaySnapshot:
    return snapshot_of(pathway, Owner("area", CLIENT), 1, LADDER)


def taken_in(chunks: list[list[Fact]]) -> Pathway:
    """Take facts in as the service does: continue a kept pathway where that may be, else fold all that is stored."""
    stored: dict[tuple[str, str], Fact] = {}
    pathway = UNKNOWN
    for chunk in chunks:
        new = {(f.source, f.id): f for f in chunk if (f.source, f.id) not in stored}
        stored |= new
        pathway = continued(pathway, new.values(), LADDER) or fold(stored.values(), LADDER)
    return pathway


@unhurried
@given(life=lives(), data=st.data())
def test_any_order_repetition_and_chunking_gives_the_pathway_of_one_sorted_pass(
    life: list[Fact], data: st.DataObject
) -> None:
    doubled = life + data.draw(st.lists(st.sampled_from(life), max_size=5) if life else st.just([]))
    shuffled = data.draw(st.permutations(doubled))
    cuts = sorted(data.draw(st.lists(st.integers(0, len(shuffled)), max_size=4)))
    chunks = [shuffled[start:end] for start, end in pairwise([0, *cuts, len(shuffled)])]
    assert taken_in(chunks) == fold(life, LADDER)


@unhurried
@given(life=lives())
def test_facts_that_come_one_by_one_in_order_are_continued_only(life: list[Fact]) -> None:
    pathway = UNKNOWN
    for fact in sorted(life, key=lambda fact: fact.sort_key):
        further = continued(pathway, [fact], LADDER)
        assert further is not None
        pathway = further
    assert pathway == fold(life, LADDER)


@unhurried
@given(life=lives(), data=st.data())
def test_what_was_known_by_each_of_some_journal_numbers_is_the_fold_of_the_facts_up_to_it(
    life: list[Fact], data: st.DataObject
) -> None:
    seqs = sorted(data.draw(st.lists(st.integers(0, 20), max_size=5)))
    expected = [fold([fact for fact in life if fact.seq <= seq], LADDER) for seq in seqs]
    assert list(folded_by(data.draw(st.permutations(life)), seqs, LADDER)) == expected


@unhurried
@given(life=lives())
def test_dated_intervals_are_in_order_apart_or_different_and_never_empty(life: list[Fact]) -> None:
    told = snapshot(fold(life, LADDER))
    rows: list[Sequence[Dated]] = [told.municipalities, told.coordinators, told.statuses, told.steps]
    for intervals in rows:
        assert all(one.end is None or one.start < one.end for one in intervals)
        for before, after in pairwise(intervals):
            assert before.end is not None
            assert before.end <= after.start
    for one, other in pairwise(told.steps):
        assert one.end != other.start or one.step != other.step
    for status, next_status in pairwise(told.statuses):
        assert status.end != next_status.start or status.state != next_status.state


@unhurried
@given(life=lives())
def test_only_the_last_spell_may_be_open_and_spells_do_not_overlap(life: list[Fact]) -> None:
    for before, after in pairwise(fold(life, LADDER).spells):
        assert before.end is not None
        assert before.end <= after.start


@unhurried
@given(life=lives(), later=st.integers(1, 400))
def test_what_is_pending_comes_true_when_nothing_else_happens(life: list[Fact], later: int) -> None:
    pathway = fold(life, LADDER)
    told = snapshot(pathway)
    if not life or not told.spells:
        return
    at = datetime.combine(told.as_of + timedelta(days=later), time(12), UTC)
    nobody = CoordinatorAssigned(coordinator="k9")
    neutral = Fact("registry", "z", nobody.type, f"client/{CLIENT}", at, "area", at, 99, nobody)
    then = snapshot(fold([*life, neutral], LADDER))
    for ahead in range(-DAYS, 500, 7):
        day = told.as_of + timedelta(days=ahead)
        assert then.step_on(day) == told.step_on(day)
        assert then.status_on(day) == told.status_on(day)


@unhurried
@given(life=lives())
def test_pending_changes_lie_ahead_in_order_and_change_something(life: list[Fact]) -> None:
    told = snapshot(fold(life, LADDER))
    assert all(change.on > told.as_of for change in told.pending)
    assert [change.on for change in told.pending] == sorted({change.on for change in told.pending})
    for change in told.pending:
        eve = change.on - timedelta(days=1)
        assert (told.step_on(eve), told.status_on(eve)) != (told.step_on(change.on), told.status_on(change.on))


def episodes_of(told: PathwaySnapshot) -> list[Sequence[Dated]]:
    return [told.services, told.employments, told.educations]


@unhurried
@given(life=lives())
def test_registered_clients_always_stand_on_a_step_and_on_none_once_nothing_is_open(life: list[Fact]) -> None:
    pathway = fold(life, LADDER)
    told = snapshot(pathway)
    if pathway.is_registered:
        assert told.step_on(told.as_of) is not None
    elif not any(episode.end is None for row in episodes_of(told) for episode in row):
        assert pathway.standing is not None or told.step_on(told.as_of) is None
