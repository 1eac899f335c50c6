"""Facts on a topic: read back as they were written, ordered by what they say, refused without repeating it."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta, timezone

import pytest

from contracts.envelope import Fact, UnknownTypeError, UnreadableFactError, body_of, fact_from, headers_of
from contracts.facts import (
    PAYLOADS,
    BenefitCounterSet,
    BenefitPaid,
    ClientMoved,
    ClientRegistered,
    MeetingHeld,
    Payload,
)

MOMENT = datetime(2026, 3, 29, 0, 30, 15, 250_000, tzinfo=UTC)


def fact(data: Payload, *, identity: str = "f1", time: datetime = MOMENT, source: str = "sys:a") -> Fact:
    return Fact(source, identity, data.type, "client/c1-a", time, "area", MOMENT, 41, data)


def payment(batch: str, start: date, *, days: int = 20) -> BenefitPaid:
    return BenefitPaid(
        benefit="labour_market_subsidy",
        basis="unemployment",
        batch=batch,
        period_start=start,
        period_end=start + timedelta(days=27),
        days=days,
        paid_cents=74_420,
        basic_part_cents=74_420,
        posted_on=date(2026, 3, 2),
    )


def test_a_fact_is_read_back_as_it_was_written() -> None:
    written = fact(ClientRegistered(municipality="167", birth_year=1990))
    assert fact_from(headers_of(written), body_of(written.data)) == written


def test_a_field_that_is_called_otherwise_in_python_keeps_its_name_on_the_wire() -> None:
    data = BenefitCounterSet.model_validate({"counter": "old_law", "days": 3, "on": "2026-01-01", "reason": "reset"})
    assert b'"on":"2026-01-01"' in body_of(data)
    assert fact(data).day == date(2026, 1, 1)


def test_a_newer_sender_may_write_fields_that_are_not_known_here() -> None:
    headers = headers_of(fact(ClientMoved(municipality="167")))
    read = fact_from(headers, b'{"municipality":"398","street_numbering":"new"}')
    assert read.data == ClientMoved(municipality="398")


def test_a_fact_of_a_type_not_known_here_is_told_apart_from_a_broken_one() -> None:
    headers = headers_of(fact(ClientMoved(municipality="167")))
    with pytest.raises(UnknownTypeError):
        fact_from(headers | {"ce_type": "fi.askelma.client.promoted.v1"}, b"{}")
    with pytest.raises(UnreadableFactError):
        fact_from(headers | {"ce_type": "com.example.other"}, b"{}")


@pytest.mark.parametrize(
    "missing", ["ce_id", "ce_source", "ce_time", "ce_authority", "ce_recordedtime", "ce_journalseq"]
)
def test_a_fact_without_what_identifies_it_cannot_be_read(missing: str) -> None:
    headers = headers_of(fact(ClientMoved(municipality="167")))
    del headers[missing]
    with pytest.raises(UnreadableFactError, match=missing):
        fact_from(headers, b'{"municipality":"167"}')


@pytest.mark.parametrize(
    "body", [b'{"municipality":"010190-999X"}', b'{"municipality":"010190-999X"', b"\xff\xfe010190-999X"]
)
def test_what_cannot_be_read_is_not_repeated(body: bytes) -> None:
    with pytest.raises(UnreadableFactError) as refused:
        fact_from(headers_of(fact(ClientMoved(municipality="167"))), body)
    assert "010190" not in str(refused.value)


def test_a_time_without_a_zone_cannot_be_read() -> None:
    headers = headers_of(fact(ClientMoved(municipality="167"))) | {"ce_time": "2026-03-29T00:30:15"}
    with pytest.raises(UnreadableFactError, match="zone"):
        fact_from(headers, b'{"municipality":"167"}')


def test_the_civil_day_of_a_fact_is_the_one_in_finland_on_the_night_of_the_clock_change() -> None:
    assert fact(ClientMoved(municipality="167"), time=datetime(2026, 3, 28, 22, 30, tzinfo=UTC)).day == date(
        2026, 3, 29
    )
    assert fact(ClientMoved(municipality="167"), time=datetime(2026, 10, 25, 21, 30, tzinfo=UTC)).day == date(
        2026, 10, 25
    )


def test_the_same_instant_told_in_another_zone_sorts_the_same() -> None:
    meeting = MeetingHeld(kind="initial", channel="phone")
    elsewhere = MOMENT.astimezone(timezone(timedelta(hours=3)))
    assert fact(meeting).sort_key == fact(meeting, time=elsewhere).sort_key


def test_a_payment_stands_at_its_posting_by_batch_and_period_whatever_time_its_event_bears() -> None:
    first = fact(payment("b1", date(2026, 2, 2)), identity="z")
    second = fact(payment("b1", date(2026, 2, 16)), identity="a", time=MOMENT - timedelta(days=9))
    third = fact(payment("b2", date(2026, 1, 1)), identity="a")
    assert first.day == date(2026, 3, 2)
    assert sorted([third, second, first], key=lambda f: f.sort_key) == [first, second, third]


def test_of_one_day_what_closes_comes_before_what_opens() -> None:
    names = [
        "service.ended", "client.exited", "client.registered", "client.moved", "benefit.counter_set", "status.changed",
        "service.started", "employment.changed", "meeting.held",
    ]  # fmt: skip
    ranks = [PAYLOADS[f"fi.askelma.{name}.v1"].rank for name in names]
    assert ranks == sorted(ranks)
    assert len(set(ranks)) == len(ranks)


def test_equal_facts_of_two_sources_have_one_order() -> None:
    meeting = MeetingHeld(kind="initial", channel="phone")
    one, two = fact(meeting, source="sys:a"), fact(meeting, source="sys:b")
    assert one.sort_key < two.sort_key
    assert replace(one, seq=99).sort_key == one.sort_key
