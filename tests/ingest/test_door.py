"""What the door takes and what it refuses, each refusal with its reason and place, none with a value."""

from dataclasses import asdict
from datetime import UTC, date, datetime
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import JsonValue

from services.ingest.domain.bindings import structured
from services.ingest.domain.door import Accepted, Door
from services.ingest.domain.refusals import Reason, Refused
from services.ingest.domain.subjects import Kind, Subject
from services.ingest.rules import load_rules
from tests.ingest.running import Event, Examine, Example

CODE: Final = "140385-901E"
OTHER_CODE: Final = "010190-902S"


def refusal(outcome: Accepted | Refused) -> tuple[Reason, str | None]:
    assert isinstance(outcome, Refused), outcome
    return outcome.reason, outcome.field


def accepted(outcome: Accepted | Refused) -> Accepted:
    assert isinstance(outcome, Accepted), outcome
    return outcome


def with_data(event: Event, **fields: JsonValue) -> Event:
    data = event["data"]
    assert isinstance(data, dict)
    return event | {"data": data | fields}


def without(event: Event, field: str) -> Event:
    data = event["data"]
    assert isinstance(data, dict)
    return event | {"data": {name: value for name, value in data.items() if name != field}}


@pytest.mark.parametrize("name", ["specversion", "id", "source", "type", "subject", "time"])
def test_an_event_without_an_attribute_is_refused_by_its_name(examine: Examine, example: Example, name: str) -> None:
    event = example("status.changed")
    del event[name]
    assert refusal(examine(event)) == (Reason.MISSING_ATTRIBUTE, name)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("specversion", "0.3"),
        ("id", "a~1"),
        ("id", ""),
        ("id", "with space"),
        ("id", 7),
        ("source", "1st"),
        ("source", "x" * 121),
        ("time", "2026-03-02"),
        ("time", "2026-03-02T09:15:00"),
        ("time", "2026-02-30T09:15:00Z"),
        ("time", "0001-01-01T00:00:00+14:00"),
        ("time", 1_767_225_600),
        ("datacontenttype", "text/xml"),
        ("subject", ["case:1"]),
    ],
)
def test_an_attribute_that_is_not_of_its_form_is_refused_by_its_name(
    examine: Examine, example: Example, name: str, value: JsonValue
) -> None:
    assert refusal(examine(example("status.changed") | {name: value})) == (Reason.WRONG_ATTRIBUTE, name)


def test_an_unknown_attribute_is_refused_and_named_if_harmless(examine: Examine, example: Example) -> None:
    event = example("status.changed")
    assert refusal(examine(event | {"authority": "lahti"})) == (Reason.UNKNOWN_ATTRIBUTE, "authority")
    assert refusal(examine(event | {CODE: "x"})) == (Reason.UNKNOWN_ATTRIBUTE, None)


def test_bytes_in_base64_are_refused_with_what_to_do(examine: Examine, example: Example) -> None:
    refused = examine(example("status.changed") | {"data_base64": "e30="})
    assert refusal(refused) == (Reason.UNKNOWN_ATTRIBUTE, "data_base64")
    assert isinstance(refused, Refused)
    assert refused.text == "holds bytes; Askelma takes JSON, so send it as data"


def test_what_tracing_and_schemas_add_is_dropped(examine: Examine, example: Example) -> None:
    plain = example("status.changed")
    traced = plain | {"traceparent": "00-1-2-01", "tracestate": "a=b", "dataschema": "https://schemas.example/status"}
    assert examine(traced) == examine(plain)


@pytest.mark.parametrize("kind", ["fi.askelma.status.guessed.v1", "fi.askelma.status.changed.v2", "com.example.x"])
def test_an_unknown_type_is_refused(examine: Examine, example: Example, kind: str) -> None:
    assert refusal(examine(example("status.changed") | {"type": kind})) == (Reason.UNKNOWN_TYPE, "type")


def test_a_missing_field_is_named(examine: Examine, example: Example) -> None:
    assert refusal(examine(without(example("service.ended"), "outcome"))) == (Reason.MISSING_FIELD, "data.outcome")


def test_an_event_without_data_lacks_the_fields_of_its_type(examine: Examine, example: Example) -> None:
    event = example("client.exited")
    del event["data"]
    assert refusal(examine(event)) == (Reason.MISSING_FIELD, "data.reason")


@pytest.mark.parametrize("data", [None, [], "text", 3])
def test_data_that_are_no_object_are_refused(examine: Examine, example: Example, data: JsonValue) -> None:
    assert refusal(examine(example("client.exited") | {"data": data})) == (Reason.UNREADABLE, "data")


@pytest.mark.parametrize(
    ("kind", "field", "value"),
    [
        ("benefit.paid", "days", "20"),
        ("benefit.paid", "days", 0),
        ("benefit.paid", "paid_cents", 744.2),
        ("benefit.paid", "period_start", "4.5.2026"),
        ("benefit.paid", "period_start", 20_000),
        ("client.exited", "reason", "14"),
        ("employment.started", "weekly_hours", 81),
        ("service.started", "service_type", "Kuntouttava työtoiminta"),
        ("assessment.recorded", "scores", {}),
    ],
)
def test_a_wrong_value_is_refused_by_its_field(
    examine: Examine, example: Example, kind: str, field: str, value: JsonValue
) -> None:
    assert refusal(examine(with_data(example(kind), **{field: value}))) == (Reason.WRONG_FIELD, f"data.{field}")


def test_a_wrong_value_is_told_what_it_must_be(examine: Examine, example: Example) -> None:
    refused = examine(with_data(example("benefit.paid"), days="20"))
    assert isinstance(refused, Refused)
    assert (refused.field, refused.text) == ("data.days", "must be a whole number")


def test_an_unknown_field_is_named_only_if_its_name_is_harmless(examine: Examine, example: Example) -> None:
    event = example("client.moved")
    assert refusal(examine(with_data(event, municipalty="167"))) == (Reason.UNKNOWN_FIELD, "data.municipalty")
    assert refusal(examine(with_data(event, **{"Maija Malliesimerkki": "167"}))) == (Reason.UNKNOWN_FIELD, "data")
    assert refusal(examine(with_data(event, **{CODE: 1}))) == (Reason.UNKNOWN_FIELD, "data")


def test_an_identity_code_as_a_field_is_taken_only_with_a_registration(examine: Examine, example: Example) -> None:
    outcome = examine(with_data(example("client.moved"), identity_code=CODE))
    assert refusal(outcome) == (Reason.UNKNOWN_FIELD, "data.identity_code")


@pytest.mark.parametrize("kind", ["client.registered", "client.moved", "benefit.paid", "survey.answered"])
@pytest.mark.parametrize("number", ["999", "5", "joensuu", 167])
def test_an_unknown_municipality_is_refused(examine: Examine, example: Example, kind: str, number: JsonValue) -> None:
    outcome = examine(with_data(example(kind), municipality=number))
    assert refusal(outcome) == (Reason.UNKNOWN_MUNICIPALITY, "data.municipality")


def test_an_unknown_status_code_is_refused(examine: Examine, example: Example) -> None:
    assert refusal(examine(with_data(example("status.changed"), code="09"))) == (Reason.UNKNOWN_STATUS, "data.code")


def test_a_value_outside_the_installations_list_is_refused(example: Example) -> None:
    rules = load_rules()
    strict = type(rules)(rules.days_ahead, rules.earliest, rules.split_on, {"channel": frozenset({"phone"})})
    sent = structured(example("meeting.held"))
    outcome = Door(strict, temporary=True).examine(sent.attributes, sent.data, date(2026, 7, 5))
    assert refusal(outcome) == (Reason.WRONG_FIELD, "data.channel")


def test_tomorrow_is_taken_and_the_day_after_tomorrow_is_not(examine: Examine, example: Example) -> None:
    event = example("status.changed")
    accepted(examine(event | {"time": "2026-07-06T23:59:59+03:00"}))
    assert refusal(examine(event | {"time": "2026-07-07T00:00:00+03:00"})) == (Reason.IN_FUTURE, "time")


def test_a_day_stated_in_the_payload_may_not_lie_ahead_either(examine: Examine, example: Example) -> None:
    outcome = examine(with_data(example("benefit.paid"), posted_on="2026-07-07"))
    assert refusal(outcome) == (Reason.IN_FUTURE, "data.posted_on")


def test_a_planned_end_may_lie_ahead(examine: Examine, example: Example) -> None:
    accepted(examine(with_data(example("service.started"), planned_end="2029-01-01")))


def test_the_day_of_a_payment_is_that_of_its_posting(examine: Examine, example: Example) -> None:
    event = accepted(examine(example("benefit.paid") | {"time": "2026-06-05T10:00:00Z"}))
    assert event.day == date(2026, 6, 3)
    assert event.time == datetime(2026, 6, 5, 10, tzinfo=UTC)


def test_a_payment_over_a_change_of_law_must_come_split(examine: Examine, example: Example) -> None:
    event = with_data(example("benefit.paid"), posted_on="2025-01-20", period_end="2025-01-05")
    assert refusal(examine(with_data(event, period_start="2024-12-09"))) == (
        Reason.PERIOD_NOT_SPLIT,
        "data.period_start",
    )
    accepted(examine(with_data(event, period_start="2025-01-01")))
    accepted(examine(with_data(event, period_start="2024-12-09", period_end="2024-12-31")))


@pytest.mark.parametrize(
    ("sent", "subject"),
    [
        (f"hetu:{CODE}", Subject(Kind.HETU, CODE)),
        ("hetu:140385-901e", Subject(Kind.HETU, CODE)),
        ("hetu:150502A903B", Subject(Kind.HETU, "150502A903B")),
        ("case:2026-00417", Subject(Kind.CASE, "2026-00417")),
        ("2026-00417", Subject(Kind.CASE, "2026-00417")),
        ("ref:c1-abcdefghijklmnopqrstuvwxyz", Subject(Kind.REF, "c1-abcdefghijklmnopqrstuvwxyz")),
    ],
)
def test_a_client_is_named_by_code_case_or_reference(
    examine: Examine, example: Example, sent: str, subject: Subject
) -> None:
    assert accepted(examine(example("status.changed") | {"subject": sent})).subject == subject


@pytest.mark.parametrize(
    ("sent", "reason"),
    [
        ("hetu:140385-901F", Reason.WRONG_IDENTITY_CODE),
        ("hetu:310285-901E", Reason.WRONG_IDENTITY_CODE),
        ("hetu:140385 901E", Reason.WRONG_IDENTITY_CODE),
        ("hetu:", Reason.WRONG_IDENTITY_CODE),
        (CODE, Reason.PERSONAL_DATA),
        (f"case:{CODE}", Reason.PERSONAL_DATA),
        (CODE.lower(), Reason.PERSONAL_DATA),
        ("client/c1-abcdefghijklmnopqrstuvwxyz", Reason.WRONG_SUBJECT),
        ("c1-abcdefghijklmnopqrstuvwxyz", Reason.WRONG_SUBJECT),
        ("ref:c1-short", Reason.WRONG_SUBJECT),
        ("person:12", Reason.WRONG_SUBJECT),
        ("survey/employers-2026", Reason.WRONG_SUBJECT),
        ("case:", Reason.WRONG_SUBJECT),
        ("", Reason.WRONG_SUBJECT),
        ("Maija Malliesimerkki", Reason.WRONG_SUBJECT),
    ],
)
def test_a_subject_of_another_form_is_refused(examine: Examine, example: Example, sent: str, reason: Reason) -> None:
    assert refusal(examine(example("status.changed") | {"subject": sent})) == (reason, "subject")


@pytest.mark.parametrize(
    ("kind", "sent"),
    [
        ("survey.answered", f"hetu:{CODE}"),
        ("survey.answered", "survey/other"),
        ("survey.answered", "offer/employers-2026"),
        ("offer.published", "case:1"),
        ("offer.withdrawn", "offer/other"),
    ],
)
def test_surveys_and_offers_take_only_their_own_subject(
    examine: Examine, example: Example, kind: str, sent: str
) -> None:
    assert refusal(examine(example(kind) | {"subject": sent}))[1] == "subject"


def test_a_made_up_identity_code_is_refused_in_production(example: Example) -> None:
    sent = structured(example("status.changed"))
    outcome = Door(load_rules(), temporary=False).examine(sent.attributes, sent.data, date(2026, 7, 5))
    assert refusal(outcome) == (Reason.WRONG_IDENTITY_CODE, "subject")


def test_the_code_of_a_registration_must_be_valid_and_its_subjects(examine: Examine, example: Example) -> None:
    event = example("client.registered")
    wrong = (Reason.WRONG_IDENTITY_CODE, "data.identity_code")
    assert refusal(examine(with_data(event, identity_code="140385-901F"))) == wrong
    assert refusal(examine(with_data(event, identity_code="Maija"))) == wrong
    assert refusal(examine(event | {"subject": f"hetu:{OTHER_CODE}"})) == wrong


def test_code_and_name_do_not_go_inside(examine: Examine, example: Example) -> None:
    event = accepted(examine(example("client.registered")))
    assert event.identity_code == CODE
    assert event.display_name == "Maija Malliesimerkki"
    assert event.body == (
        b'{"municipality":"167","birth_year":1985,"gender":"female","language":"fi","education_level":"upper_secondary"}'
    )


@pytest.mark.parametrize(
    ("kind", "fields", "place"),
    [
        ("service.started", {"episode": f"e-{CODE}"}, "data.episode"),
        ("plan.agreed", {"plan": CODE}, "data.plan"),
        ("meeting.held", {"channel": "x140385a901e"}, "data.channel"),
        ("client.registered", {"display_name": f"Maija {CODE}"}, "data.display_name"),
        ("offer.published", {"texts": {"fi": f"Kysy {CODE}"}}, "data.texts"),
        ("assessment.recorded", {"scores": {"x140385a901e": 4}}, "data.scores"),
        ("survey.answered", {"strata": {"size": "x140385a901e"}}, "data.strata"),
        ("event.retracted", {"id": CODE}, "data.id"),
    ],
)
def test_an_identity_code_hidden_in_a_field_is_refused(
    examine: Examine, example: Example, kind: str, fields: dict[str, JsonValue], place: str
) -> None:
    assert refusal(examine(with_data(example(kind), **fields))) == (Reason.PERSONAL_DATA, place)


@pytest.mark.parametrize("name", ["id", "source"])
def test_an_identity_code_in_an_attribute_is_refused(examine: Examine, example: Example, name: str) -> None:
    assert refusal(examine(example("status.changed") | {name: f"x-{CODE}"})) == (Reason.PERSONAL_DATA, name)


@pytest.mark.parametrize("text", ["Soita 040 123 4567", "matti.meikalainen@example.fi", "<b>Tule</b>"])
def test_an_offer_that_names_an_address_is_refused(examine: Examine, example: Example, text: str) -> None:
    assert refusal(examine(with_data(example("offer.published"), texts={"fi": text})))[1] == "data.texts"


@pytest.mark.parametrize(
    ("fields", "place"),
    [
        ({"source": "registry/other"}, "data.source"),
        ({"type": "fi.askelma.event.retracted.v1"}, "data.type"),
        ({"type": "fi.askelma.client.erased.v1"}, "data.type"),
        ({"type": "fi.askelma.no.such.v1"}, "data.type"),
    ],
)
def test_a_retraction_takes_out_only_facts_of_its_own_source(
    examine: Examine, example: Example, fields: dict[str, JsonValue], place: str
) -> None:
    assert refusal(examine(with_data(example("event.retracted"), **fields))) == (Reason.WRONG_RETRACTION, place)


def test_a_retraction_of_an_offer_has_the_offers_subject(examine: Examine, example: Example) -> None:
    event = with_data(example("event.retracted"), type="fi.askelma.offer.published.v1")
    assert refusal(examine(event)) == (Reason.WRONG_SUBJECT, "subject")
    assert accepted(examine(event | {"subject": "offer/workshop-7"})).subject == Subject(Kind.OFFER, "workshop-7")


def test_two_ways_to_write_the_same_statement_are_one(examine: Examine, example: Example) -> None:
    event = example("assessment.recorded")
    again = with_data(event, scores={"function": 7.5, "work_ability": 6.0})
    again["time"], again["subject"] = "2026-03-02T07:15:00Z", "2026-00417"
    assert accepted(examine(again)).canonical == accepted(examine(event)).canonical


def test_an_absent_field_and_null_say_the_same(examine: Examine, example: Example) -> None:
    event = example("status.changed")
    nulled, absent = with_data(event, until=None), without(event, "until")
    assert accepted(examine(nulled)).canonical == accepted(examine(absent)).canonical


def test_another_statement_has_other_canonical_bytes(examine: Examine, example: Example) -> None:
    event = example("client.registered")
    other = with_data(event, display_name="Maija Malli")
    assert accepted(examine(other)).canonical != accepted(examine(event)).canonical


CANARY: Final = "kanarialintu"


@given(
    st.sampled_from(["id", "source", "subject", "time", "type", "specversion", "datacontenttype", "extra"]), st.text()
)
def test_no_refusal_of_an_attribute_echoes_what_was_sent(name: str, tail: str) -> None:
    event: Event = {"specversion": "1.0", "id": "a", "source": "s", "subject": "1", "time": "2026-01-01T00:00:00Z"}
    event |= {"type": "fi.askelma.client.exited.v1", "data": {"reason": "03"}, name: f"{{{CANARY} {tail}"}
    sent = structured(event)
    outcome = Door(load_rules(), temporary=True).examine(sent.attributes, sent.data, date(2026, 7, 5))
    assert isinstance(outcome, Refused)
    assert CANARY not in str(asdict(outcome))


@given(
    st.sampled_from(["episode", "service", "service_type", "provider", "project", "planned_end", "{kanarialintu"]),
    st.one_of(st.text(), st.lists(st.text()), st.dictionaries(st.text(), st.text())),
)
def test_no_refusal_of_a_field_echoes_what_was_sent(name: str, tail: JsonValue) -> None:
    data: dict[str, JsonValue] = {"episode": "e", "service": "s", "service_type": "t", "provider": "p"}
    value: JsonValue = f"{{{CANARY} {tail}" if isinstance(tail, str) else [f"{{{CANARY}", tail]
    event: Event = {"specversion": "1.0", "id": "a", "source": "s", "subject": "1", "time": "2026-01-01T00:00:00Z"}
    event |= {"type": "fi.askelma.service.started.v1", "data": data | {name: value}}
    sent = structured(event)
    outcome = Door(load_rules(), temporary=True).examine(sent.attributes, sent.data, date(2026, 7, 5))
    assert isinstance(outcome, Refused)
    assert CANARY not in str(asdict(outcome))
