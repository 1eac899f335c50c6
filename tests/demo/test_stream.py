"""What the demo's stream is made of, and that the door can use all of it."""

import json
import re
from collections import Counter, defaultdict
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from itertools import pairwise

import pytest
from stdnum.fi import hetu

from contracts.dates import civil_date
from contracts.facts import DOOR_PAYLOADS, BenefitPaid
from services.demo.domain.events import DoorEvent
from services.demo.figures import figures
from services.demo.stream import END, START, Sending, stream
from services.ingest.domain.door import Accepted, Door
from services.ingest.rules import load_rules

IDENTITY_CODE = re.compile(r"(?<!\d)\d{6}[-+A-FU-Ya-fu-y]\d{3}[0-9A-Ya-y](?![0-9A-Za-z])")


@pytest.fixture(scope="module")
def demo() -> list[Sending]:
    """Make the stream as the demo sends it."""
    return list(stream(1))


@pytest.fixture(scope="module")
def whole() -> list[Sending]:
    """Make a smaller authority's whole stream, for what holds event by event."""
    return list(stream(2, clients=800))


@pytest.fixture(scope="module")
def facts(whole: list[Sending]) -> dict[tuple[str, str], DoorEvent]:
    return {(event["source"], event["id"]): event for sending in whole for event in sending.events}


@pytest.fixture(scope="module")
def true_facts(facts: dict[tuple[str, str], DoorEvent]) -> list[DoorEvent]:
    taken_back = {(str(e["data"]["source"]), str(e["data"]["id"])) for e in facts.values() if _is(e, "event.retracted")}
    return [e for name, e in facts.items() if name not in taken_back and not _is(e, "event.retracted")]


def _is(event: DoorEvent, kind: str) -> bool:
    return event["type"] == f"fi.askelma.{kind}.v1"


def _day(event: DoorEvent) -> date:
    return civil_date(datetime.fromisoformat(event["time"]))


def _as_bytes(sendings: Sequence[Sending]) -> bytes:
    return json.dumps([(s.at.isoformat(), s.events) for s in sendings], ensure_ascii=False).encode()


def test_the_same_seed_gives_the_same_bytes_and_another_seed_does_not() -> None:
    once, again, other = (_as_bytes(list(stream(seed, clients=40))) for seed in (7, 7, 8))
    assert once == again
    assert once != other


def test_there_are_at_least_a_hundred_thousand_facts_about_three_thousand_clients(demo: list[Sending]) -> None:
    events = [event for sending in demo for event in sending.events]
    assert len({(event["source"], event["id"]) for event in events}) >= 100_000
    assert len({event["subject"] for event in events}) == 3000


def test_the_door_takes_every_event_on_the_day_it_is_sent(whole: list[Sending]) -> None:
    door = Door(load_rules(), temporary=True)
    for sending in whole:
        for event in sending.events:
            attributes = {name: value for name, value in event.items() if name != "data"}
            answer = door.examine(attributes, json.dumps(event["data"]).encode(), civil_date(sending.at))
            assert isinstance(answer, Accepted), answer


def test_nothing_is_dated_later_than_the_day_after_its_sending(whole: list[Sending]) -> None:
    assert all(_day(e) <= civil_date(sending.at) + timedelta(days=1) for sending in whole for e in sending.events)


def test_sendings_follow_each_other_within_the_window(whole: list[Sending]) -> None:
    assert all(one.at < next_one.at for one, next_one in pairwise(whole))
    assert civil_date(whole[0].at) == START
    assert civil_date(whole[-1].at) == END


def test_some_facts_come_late_doubled_out_of_order_and_retracted(
    whole: list[Sending], facts: dict[tuple[str, str], DoorEvent]
) -> None:
    sent = [(sending.at, event) for sending in whole for event in sending.events if _day(event) >= START]
    late = sum(civil_date(at) > _day(event) + timedelta(days=1) for at, event in sent)
    backwards = sum(one["time"] > other["time"] for (_, one), (_, other) in pairwise(sent))
    doubled = sum(len(sending.events) for sending in whole) - len(facts)
    retracted = sum(_is(event, "event.retracted") for event in facts.values())
    assert 0.03 < late / len(sent) < 0.08
    assert backwards / len(sent) > 0.2
    assert 0.01 < doubled / len(facts) < 0.03
    assert 0.005 < retracted / len(facts) < 0.02


def test_some_retractions_arrive_before_what_they_retract(whole: list[Sending]) -> None:
    first_sent: dict[tuple[str, str], datetime] = {}
    retracted: dict[tuple[str, str], datetime] = {}
    for sending in whole:
        for event in sending.events:
            first_sent.setdefault((event["source"], event["id"]), sending.at)
            if _is(event, "event.retracted"):
                retracted.setdefault((str(event["data"]["source"]), str(event["data"]["id"])), sending.at)
    assert sum(first_sent[name] > at for name, at in retracted.items() if name in first_sent) > 10


def test_a_doubled_fact_is_the_same_both_times(whole: list[Sending]) -> None:
    seen: dict[tuple[str, str], str] = {}
    for event in (event for sending in whole for event in sending.events):
        text = json.dumps(event, sort_keys=True)
        assert seen.setdefault((event["source"], event["id"]), text) == text


def test_municipalities_have_their_share_of_clients(facts: dict[tuple[str, str], DoorEvent]) -> None:
    homes: dict[str, str] = {}
    for event in sorted(facts.values(), key=lambda each: each["time"]):
        if _is(event, "client.registered"):
            homes.setdefault(event["subject"], str(event["data"]["municipality"]))
    counts, rows = Counter(homes.values()), figures().municipalities
    everyone = sum(row.jobseekers for row in rows)
    assert all(counts[row.code] == pytest.approx(800 * row.jobseekers / everyone, abs=3) for row in rows)


def test_services_have_the_mix_of_their_municipality(true_facts: list[DoorEvent]) -> None:
    """Time spent in labour market training against other services, as in the register, within sampling error."""
    begun = {str(e["data"]["episode"]): e for e in true_facts if _is(e, "service.started")}
    ends = {str(e["data"]["episode"]): _day(e) for e in true_facts if _is(e, "service.ended")}
    days: dict[tuple[str, bool], int] = defaultdict(int)
    for name, event in begun.items():
        home = str(event["data"]["service"]).split("-")[1]
        length = (ends.get(name, END) - max(_day(event), START)).days
        days[home, event["data"]["service_type"] == "labour_market_training"] += max(0, length)
    for row in figures().municipalities:
        in_training, in_others = days[row.code, True], days[row.code, False]
        others = row.coaching + row.work_or_training_try_out + row.other_services
        expected = row.labour_market_training / (row.labour_market_training + others)
        assert in_training / (in_training + in_others) == pytest.approx(expected, abs=0.2)


def test_coaching_is_not_begun_where_the_register_knows_none(true_facts: list[DoorEvent]) -> None:
    places = [str(e["data"]["service"]) for e in true_facts if e["data"].get("service_type") == "coaching"]
    assert places
    assert not [place for place in places if place.split("-")[1] in {"285", "743"}]


def test_about_as_many_are_in_services_as_in_the_register(true_facts: list[DoorEvent]) -> None:
    """The activation rate of the five municipalities is 15.2 % in June 2026; ours is near it."""
    status: dict[str, str] = {}
    for event in sorted(true_facts, key=lambda each: each["time"]):
        if _is(event, "status.changed"):
            status[event["subject"]] = str(event["data"]["code"])
        elif _is(event, "client.exited"):
            status.pop(event["subject"], None)
    counts = Counter(status.values())
    active = counts["07"] + counts["00"]
    assert 0.11 < active / (active + counts["02"] + counts["03"]) < 0.19


def test_people_register_before_and_during_the_whole_time(true_facts: list[DoorEvent]) -> None:
    first: dict[str, date] = {}
    for event in true_facts:
        if _is(event, "client.registered"):
            first[event["subject"]] = min(_day(event), first.get(event["subject"], date.max))
    before = sum(day < START for day in first.values())
    months = Counter((day.year, day.month) for day in first.values() if day >= START)
    assert 0.45 < before / len(first) < 0.65
    assert len(months) == 24
    assert min(months.values()) >= 3


def test_an_identity_code_stands_only_in_the_subject_and_its_own_field(whole: list[Sending]) -> None:
    for event in (event for sending in whole for event in sending.events):
        rest = {name: value for name, value in event["data"].items() if name != "identity_code"}
        assert not IDENTITY_CODE.search(json.dumps(event | {"subject": "", "data": rest}))


def test_no_identity_code_can_be_a_persons(facts: dict[tuple[str, str], DoorEvent]) -> None:
    codes = {e["subject"].removeprefix("hetu:") for e in facts.values() if e["subject"].startswith("hetu:")}
    codes |= {str(e["data"]["identity_code"]) for e in facts.values() if "identity_code" in e["data"]}
    assert len(codes) == 800
    assert all(hetu.is_valid(code, allow_temporary=True) and not hetu.is_valid(code) for code in codes)


def test_a_client_known_by_case_number_says_once_who_it_is(true_facts: list[DoorEvent]) -> None:
    cases = {e["subject"] for e in true_facts if e["subject"].startswith("case:")}
    named = Counter(e["subject"] for e in true_facts if "identity_code" in e["data"])
    assert named == Counter(cases)
    assert {e["source"] for e in true_facts if e["subject"].startswith("case:")} == {"demo/client-records"}


def _paid(true_facts: list[DoorEvent]) -> list[BenefitPaid]:
    return [BenefitPaid.model_validate(e["data"]) for e in true_facts if _is(e, "benefit.paid")]


def test_payments_are_posted_two_to_five_days_after_their_period(true_facts: list[DoorEvent]) -> None:
    for event in (e for e in true_facts if _is(e, "benefit.paid")):
        payment = BenefitPaid.model_validate(event["data"])
        assert _day(event) == payment.posted_on
        assert payment.posted_on.weekday() < 5
        assert payment.posted_on > payment.period_end


def test_payments_count_weekdays_and_never_cross_a_change_of_law(true_facts: list[DoorEvent]) -> None:
    wrong_and_not_yet_taken_back = 0
    for payment in _paid(true_facts):
        length = (payment.period_end - payment.period_start).days + 1
        weekdays = sum((payment.period_start + timedelta(days=i)).weekday() < 5 for i in range(length))
        wrong_and_not_yet_taken_back += payment.days != weekdays
        for cut in figures().benefits.divided_on:
            assert not payment.period_start < cut <= payment.period_end
    assert wrong_and_not_yet_taken_back < 20


def test_general_support_takes_the_place_of_two_benefits_from_may_2026(true_facts: list[DoorEvent]) -> None:
    after = {(p.benefit, p.entitlement) for p in _paid(true_facts) if p.period_start >= date(2026, 5, 1)}
    before = {(p.benefit, p.entitlement) for p in _paid(true_facts) if p.period_start < date(2026, 5, 1)}
    assert after == {
        ("general_support", "labour_market_subsidy"),
        ("general_support", "basic_allowance"),
        ("earnings_related", None),
    }
    assert before == {("labour_market_subsidy", None), ("basic_allowance", None), ("earnings_related", None)}


def test_the_basic_part_is_full_or_reduced_and_only_earnings_add_to_it(true_facts: list[DoorEvent]) -> None:
    payments = _paid(true_facts)
    full = sum(p.basic_part_cents == 3721 * p.days for p in payments)
    assert 0.8 < full / len(payments) < 0.97
    assert all(p.basic_part_cents <= 3721 * p.days for p in payments)
    assert all((p.paid_cents > p.basic_part_cents) == (p.benefit == "earnings_related") for p in payments)


def test_nobody_is_paid_twice_for_a_day(true_facts: list[DoorEvent]) -> None:
    periods: dict[str, list[BenefitPaid]] = defaultdict(list)
    for event in true_facts:
        if _is(event, "benefit.paid"):
            periods[event["subject"]].append(BenefitPaid.model_validate(event["data"]))
    for payments in periods.values():
        payments.sort(key=lambda p: p.period_start)
        assert all(one.period_end < other.period_start for one, other in pairwise(payments))


def test_the_counter_of_the_new_law_is_carried_over_at_the_turn_of_the_year(true_facts: list[DoorEvent]) -> None:
    carried = Counter(
        (str(e["data"]["counter"]), str(e["data"]["on"]))
        for e in true_facts
        if _is(e, "benefit.counter_set") and e["data"]["reason"] == "carried_over"
    )
    assert set(carried) == {("old_law", "2024-07-01"), ("law_2025", "2025-01-01")}
    assert min(carried.values()) > 100


def test_every_kind_of_fact_about_clients_occurs(true_facts: list[DoorEvent]) -> None:
    others = {"survey.answered", "offer.published", "offer.withdrawn", "event.retracted", "client.erased"}
    expected = set(DOOR_PAYLOADS) - {f"fi.askelma.{kind}.v1" for kind in others}
    assert {event["type"] for event in true_facts} == expected


def test_an_empty_window_is_refused() -> None:
    with pytest.raises(ValueError, match="an end that is not before its start"):
        list(stream(1, start=END, end=START))
