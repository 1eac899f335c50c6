"""The parts of the demo's lives, by hand-written expectations."""

import json
import re
from datetime import UTC, date, datetime
from io import StringIO
from pathlib import Path
from random import Random

import pytest
from rich.console import Console

from services.demo.domain.course import Stretch
from services.demo.domain.payments import Days, divided, due, weekdays
from services.demo.domain.people import identity_code, population
from services.demo.feed import Batch, Scope, batches, feed, making, publication_before
from services.demo.figures import figures
from services.demo.screen import RULES, Move, Reading, Screen
from services.demo.stream import stream
from services.indicators.ladder_file import load_ladder


def test_an_identity_code_has_its_control_character_and_century_sign() -> None:
    assert identity_code(date(1952, 10, 13), 908) == "131052-9085"
    assert identity_code(date(2003, 1, 2), 915) == "020103A915C"


def test_people_are_divided_by_largest_remainders() -> None:
    codes = [person.municipality.code for person in population(Random(1), figures(), 10, date(2024, 7, 1))]  # noqa: S311 - no secrecy wanted
    assert {code: codes.count(code) for code in sorted(set(codes))} == {
        "167": 3,
        "240": 1,
        "285": 1,
        "398": 4,
        "743": 1,
    }


@pytest.mark.parametrize(
    ("start", "end", "expected"),
    [
        (date(2025, 3, 3), date(2025, 3, 10), 5),  # Monday to the next
        (date(2025, 3, 8), date(2025, 3, 10), 0),  # a weekend
        (date(2025, 3, 7), date(2025, 3, 11), 2),  # Friday to Monday
        (date(2025, 3, 1), date(2025, 4, 1), 21),
    ],
)
def test_weekdays_are_counted_from_monday_to_friday(start: date, end: date, expected: int) -> None:
    assert weekdays(start, end) == expected


def test_paid_days_are_divided_after_a_weekday() -> None:
    march = Days(date(2025, 3, 1), date(2025, 4, 1), 21, "unemployment", 1.0)
    first, rest = divided(march, 6)
    assert first == Days(date(2025, 3, 1), date(2025, 3, 11), 6, "unemployment", 1.0)
    assert rest == Days(date(2025, 3, 11), date(2025, 4, 1), 15, "unemployment", 1.0)


def test_a_period_is_divided_where_the_basis_or_the_law_changes() -> None:
    lived = [
        Stretch(date(2024, 12, 2), date(2024, 12, 16), "unemployment"),
        Stretch(date(2024, 12, 16), date(2025, 1, 8), "service"),
        Stretch(date(2025, 1, 8), date(2025, 2, 1), "none"),
    ]
    pieces = due(lived, (date(2024, 12, 9), date(2025, 1, 13)), (date(2025, 1, 1),))
    assert [(p.start, p.end, p.days, p.basis) for p in pieces] == [
        (date(2024, 12, 9), date(2024, 12, 16), 5, "unemployment"),
        (date(2024, 12, 16), date(2025, 1, 1), 12, "service"),
        (date(2025, 1, 1), date(2025, 1, 8), 5, "service"),
    ]


def test_batches_keep_the_order_and_carry_the_instant_of_their_last_event() -> None:
    sendings = list(stream(3, clients=5))
    made = list(batches(sendings, size=7))
    events = [event for sending in sendings for event in sending.events]
    assert [event for batch in made for event in json.loads(batch.body)] == events
    assert max(batch.events for batch in made) == 7
    assert [batch.at for batch in made] == sorted(batch.at for batch in made)
    assert made[-1].at == sendings[-1].at


def test_no_batch_reaches_over_a_day_of_publication() -> None:
    sendings = list(stream(3, clients=40))
    sent = [(sending.at, event["id"]) for sending in sendings for event in sending.events]
    for batch in batches(sendings):
        of_batch, sent = sent[: batch.events], sent[batch.events :]
        assert [event["id"] for event in json.loads(batch.body)] == [name for _, name in of_batch]
        assert {publication_before(at) for at, _ in of_batch} == {publication_before(batch.at)}


@pytest.mark.parametrize(
    ("at", "day"),
    [
        (datetime(2025, 3, 5, 12, tzinfo=UTC), date(2025, 3, 5)),
        (datetime(2025, 3, 4, 22, 30, tzinfo=UTC), date(2025, 3, 5)),  # midnight has passed in Finland
        (datetime(2025, 3, 4, 12, tzinfo=UTC), date(2025, 2, 5)),
        (datetime(2025, 1, 2, 12, tzinfo=UTC), date(2024, 12, 5)),
    ],
)
def test_figures_are_published_on_the_fifth(at: datetime, day: date) -> None:
    assert publication_before(at) == day


async def test_the_feed_of_another_process_is_the_same_stream() -> None:
    with making(Scope(seed=3, clients=5)) as made:
        async with feed(made) as fed:
            events = await fed.events()
            found: list[Batch] = [batch async for batch in fed.batches()]
    assert found == list(batches(stream(3, clients=5)))
    assert events == sum(batch.events for batch in found)


async def test_a_feed_that_nobody_reads_ends_with_its_block() -> None:
    with making(Scope(clients=2000)) as made:
        async with feed(made):
            pass


def test_the_screen_names_the_rules_as_the_page_of_alerts_does() -> None:
    page = (Path(__file__).parents[2] / "services/notifier/templates/notifier/words.html").read_text(encoding="utf-8")
    assert dict(re.findall(r'rule == "(\w+)" %\}\{\{ _\("([^"]+)"\)', page)) == RULES


@pytest.mark.parametrize("width", [80, 100])
def test_the_tables_fit_the_terminal(width: int) -> None:
    screen = Screen()
    screen.expect(1000)
    screen.reading = Reading(
        date(2026, 6, 30),
        {step: named.en for step, named in load_ladder().named.items()},
        {0: 20, 1: 1_400, 7: 340},
        [Move(1, 6, 55), Move(6, 1, 31), Move(6, 7, 9)],
        {date(2026, 6, 1): {"fi-2015": 72_156_780, "fi-2025": 65_156_749, "step-graded": 3_221_100}},
        {"contact_gap": 230},
    )
    written = StringIO()
    Console(width=width, file=written).print(screen)
    lines = written.getvalue().splitlines()
    assert all(len(line) <= width for line in lines)
    text = written.getvalue().replace("\N{NO-BREAK SPACE}", " ")
    for expected in ("1 400", "↓ 6 → 1 Engaged", "7 Sustained employment", "721 568", "651 567", *RULES.values()):
        assert expected in text
