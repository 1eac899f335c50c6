"""Registry exports: which rows give which events, and what of them ends in the journal."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Final

import pytest
from pydantic import JsonValue

from services.ingest.importing import ImportReport, MappingError, import_file, load_mapping, read_rows
from services.ingest.sending import EventSender, LineProblem, Numbered, SendReport
from tests.ingest.running import Ingest

EXAMPLES: Final = Path(__file__).parents[2] / "docs" / "examples"

MONTHLY: Final = """
version = 1
source = "panel"
[table.code]
A = "01"
B = "01"
C = "01"
D = "02"
[table.detail]
A = "full_time"
B = "part_time"
C = "short_hours"
[[fact]]
type = "status.changed"
id = "{person}-{month}"
subject = "case:{person}"
time = { column = "month", format = "%Y-%m" }
[fact.data]
code = { column = "state", table = "code" }
detail = { column = "state", table = "detail", optional = true }
"""

ONE_FACT: Final = """
version = 1
source = "registry"
[[fact]]
type = "client.exited"
id = "exit-{nr}"
subject = "case:{nr}"
time = { column = "day" }
data = { reason = { column = "reason" } }
"""


def written(folder: Path, mapping: str, rows: str | bytes) -> tuple[Path, Path]:
    (folder / "map.toml").write_text(mapping, encoding="utf-8")
    (folder / "rows.csv").write_bytes(rows if isinstance(rows, bytes) else rows.encode())
    return folder / "rows.csv", folder / "map.toml"


def events(folder: Path, mapping: str, rows: str | bytes) -> list[dict[str, JsonValue] | LineProblem]:
    file, map_file = written(folder, mapping, rows)
    read = read_rows(file, load_mapping(map_file))
    return [one if isinstance(one, LineProblem) else json.loads(one.event) for one in read]


def problems(folder: Path, mapping: str, rows: str | bytes) -> list[LineProblem]:
    return [one for one in events(folder, mapping, rows) if isinstance(one, LineProblem)]


async def test_a_month_of_a_panel_becomes_a_status_on_its_first_day(tmp_path: Path) -> None:
    assert events(tmp_path, MONTHLY, "person,sex,month,state\n7,woman,2000-07,B\n7,woman,2000-12,D\n") == [
        {
            "specversion": "1.0", "id": "7-2000-07", "source": "panel", "type": "fi.askelma.status.changed.v1",
            "subject": "case:7", "time": "2000-07-01T00:00:00+03:00", "datacontenttype": "application/json",
            "data": {"code": "01", "detail": "part_time"},
        },
        {
            "specversion": "1.0", "id": "7-2000-12", "source": "panel", "type": "fi.askelma.status.changed.v1",
            "subject": "case:7", "time": "2000-12-01T00:00:00+02:00", "datacontenttype": "application/json",
            "data": {"code": "02"},
        },
    ]  # fmt: skip


async def test_a_row_may_give_several_facts_and_a_last_day_is_one_earlier_than_the_end() -> None:
    read = list(read_rows(EXAMPLES / "registry.csv", load_mapping(EXAMPLES / "registry.toml")))
    facts = [(one.line, json.loads(one.event)) for one in read if isinstance(one, Numbered)]
    assert len(read) == len(facts) == 10
    assert [(event["type"].split(".")[3], event["time"]) for line, event in facts if line == 3] == [
        ("registered", "2026-02-10T00:00:00+02:00"),
        ("changed", "2026-03-16T00:00:00+02:00"),
        ("started", "2026-03-16T00:00:00+02:00"),
        ("ended", "2026-06-13T00:00:00+03:00"),
    ]


async def test_a_row_that_cannot_be_used_is_a_problem_with_its_line_and_no_value(tmp_path: Path) -> None:
    found = problems(tmp_path, MONTHLY, "person,month,state\n1,2000-01,A\n2,2000-13,A\n3,2000-01,X\n4,2000-01\n")
    assert found == [
        LineProblem(3, "status.changed: column month holds no date written as %Y-%m."),
        LineProblem(4, "status.changed: column state holds a value that table code does not list."),
        LineProblem(5, "The row does not have as many cells as the header."),
    ]


async def test_a_row_in_another_encoding_spoils_only_itself(tmp_path: Path) -> None:
    rows = b"nr,day,reason\n1,2026-01-01,03\n2,2026-01-01,\xe4\n3,2026-01-01,03\n"
    assert problems(tmp_path, ONE_FACT, rows) == [
        LineProblem(3, "The row is not text in the encoding that the mapping names.")
    ]


async def test_latin_letters_semicolons_and_a_mark_of_order_are_read(tmp_path: Path) -> None:
    extra = '[file]\nencoding = "latin-1"\ndelimiter = ";"'
    rows = "nr;day;reason;nimi\n1;2026-01-01;03;Väinö\n".encode("latin-1")
    assert problems(tmp_path, ONE_FACT + extra, rows) == []
    assert problems(tmp_path, ONE_FACT, b"\xef\xbb\xbfnr,day,reason\n1,2026-01-01,03\n") == []


async def test_money_and_numbers_are_read_as_finns_write_them(tmp_path: Path) -> None:
    mapping = """
version = 1
source = "insurer"
[file]
decimal = ","
[[fact]]
type = "benefit.paid"
id = "pay-{nr}"
subject = "case:{nr}"
time = { column = "posted" }
[fact.data]
benefit = "labour_market_subsidy"
basis = "unemployment"
batch = { column = "nr" }
period_start = { column = "from", as = "date", format = "%d.%m.%Y" }
period_end = { column = "to", as = "date", format = "%d.%m.%Y" }
days = { column = "days", as = "integer" }
paid_cents = { column = "paid", as = "euros" }
basic_part_cents = { column = "paid", as = "euros" }
posted_on = { column = "posted", as = "date" }
"""
    good, bad, worse = events(
        tmp_path,
        mapping,
        "nr,from,to,days,paid,posted\n"
        '1,4.5.2026,31.5.2026,20,"1 744,20",2026-06-03\n'
        '2,4.5.2026,31.5.2026,20,"744,205",2026-06-03\n'
        "3,4.5.2026,31.5.2026,20.0,744,2026-06-03\n",
    )
    assert isinstance(good, dict)
    assert isinstance(good["data"], dict)
    assert (good["data"]["paid_cents"], good["data"]["period_start"]) == (174420, "2026-05-04")
    assert bad == LineProblem(3, "benefit.paid: column paid holds an amount with more than two decimals.")
    assert worse == LineProblem(4, "benefit.paid: column days holds no whole number.")


async def test_a_condition_that_does_not_hold_gives_no_fact_and_no_problem(tmp_path: Path) -> None:
    extra = 'when = [{ column = "reason", one_of = ["03", "01"] }, { column = "day", filled = true }]'
    rows = "nr,day,reason\n1,2026-01-01,03\n2,2026-01-01,05\n3,,03\n"
    assert [e["id"] for e in events(tmp_path, ONE_FACT + extra, rows) if isinstance(e, dict)] == ["exit-1"]


async def test_scores_are_a_table_of_columns(tmp_path: Path) -> None:
    mapping = """
version = 1
source = "survey"
[[fact]]
type = "assessment.recorded"
id = "a-{nr}"
subject = "case:{nr}"
time = { column = "day" }
[fact.data]
instrument = "kykyviisari"
[fact.data.scores]
work_ability = { column = "a", as = "decimal" }
function = { column = "b", as = "decimal", optional = true }
"""
    (event,) = events(tmp_path, mapping, "nr,day,a,b\n1,2026-01-01,6.5,\n")
    assert isinstance(event, dict)
    assert event["data"] == {"instrument": "kykyviisari", "scores": {"work_ability": 6.5}}


@pytest.mark.parametrize(
    ("mapping", "named"),
    [
        ("version = 2", "version"),
        ("version = 1\nsource = ", "not TOML"),
        (ONE_FACT + "colour = 1", "colour"),
        (ONE_FACT.replace("client.exited", "client.left"), "not a type of fact"),
        (ONE_FACT.replace("reason = {", "cause = {"), "cause"),
        (ONE_FACT.replace('column = "reason"', 'column = "reason", table = "r"'), "table.r"),
        (ONE_FACT.replace("case:{nr}", "hetu:{nr}"), "identity code"),
        (ONE_FACT + '[file]\nencoding = "klingon"', "encoding"),
        (ONE_FACT + "when = [{ column = 'nr' }]", "exactly one"),
    ],
)
def test_a_mapping_that_cannot_be_used_is_refused_by_its_place(tmp_path: Path, mapping: str, named: str) -> None:
    (tmp_path / "map.toml").write_text(mapping, encoding="utf-8")
    with pytest.raises(MappingError, match=named):
        load_mapping(tmp_path / "map.toml")


def test_a_file_without_a_column_of_the_mapping_is_refused(tmp_path: Path) -> None:
    with pytest.raises(MappingError, match="no column month"):
        events(tmp_path, MONTHLY, "person;month;state\n1;2000-01;A\n".replace("month", "kuukausi").replace(";", ","))


async def imported(ingest: Ingest, file: Path, mapping: Path) -> ImportReport:
    sender = EventSender(ingest.client, "http://ingest", ingest.key)

    async def send(events: Iterable[Numbered]) -> SendReport:
        return await sender.send(events)

    return await import_file(file, load_mapping(mapping), send)


@pytest.mark.store
async def test_the_example_of_the_documentation_does_what_it_says(ingest: Ingest) -> None:
    report = await imported(ingest, EXAMPLES / "registry.csv", EXAMPLES / "registry.toml")
    assert (report.accepted, report.known) == (8, 0)
    assert [(problem.line, problem.reason.partition(";")[0]) for problem in report.problems] == [
        (5, "data.identity_code is not a valid personal identity code"),
        (5, "data.code is not an employment code"),
    ]


@pytest.mark.store
async def test_importing_a_file_twice_changes_nothing(ingest: Ingest, tmp_path: Path) -> None:
    rows = ["1,2000-01,A", "1,2000-02,B", "2,2000-01,D"]
    first = written(tmp_path, MONTHLY, "\n".join(["person,month,state", *rows]))
    assert await imported(ingest, *first) == ImportReport(3, 0, ())
    again = written(tmp_path, MONTHLY, "\n".join(["person,month,state", *rows[::-1], *rows]))
    assert await imported(ingest, *again) == ImportReport(0, 6, ())
    assert len(await ingest.journal()) == 3
