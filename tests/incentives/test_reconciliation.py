"""Invoices over HTTP: the comparison with exact payments, who may ask, and the report as a spreadsheet."""

import io
import re
import zipfile
from collections.abc import AsyncIterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Final
from xml.etree import ElementTree as ET

import httpx
import pytest
from fastapi import FastAPI

from services.incentives.invoice_report import InvoiceReport
from services.incentives.invoice_workbook import workbook
from services.incentives.reconciliation_routes import InvoiceDesk, reconciliation_routes
from services.runtime.access import Access, Principal, Role
from services.runtime.authorities import Authority
from services.runtime.clock import ManualClock
from services.runtime.web.site import install_site
from tests.incentives.streams import AUTHORITY, MUNICIPALITIES, RULES, Room, counter, erased, paid, pathway

AREA: Final = Authority(AUTHORITY, "Alue", "Området", "The area", frozenset(MUNICIPALITIES))
OTHER: Final = Authority("other", "Toinen", "Andra", "The other", frozenset({"167", "091"}))
AUTHORITIES: Final = {AUTHORITY: AREA, "other": OTHER}
HEADER: Final = "municipality;month;benefit;class;recipients;euros"
EXAMPLE: Final = (Path(__file__).parents[2] / "docs/examples/invoice.csv").read_text("utf-8").replace("276;", "167;")
START, END, POSTED = date(2025, 10, 1), date(2025, 10, 28), date(2025, 10, 31)


@pytest.fixture
async def client(room: Room) -> AsyncIterator[httpx.AsyncClient]:
    """Give a client of the route, over the payments of the documentation's example."""
    app = FastAPI()
    access = app.state.access = Access()
    for role in Role:
        access.add(role.value, Principal(role, AUTHORITY, "somebody"))
    access.add("stranger", Principal(Role.SUPERVISOR, "other", "Sami"))
    install_site(app, [], AUTHORITIES)
    desk = InvoiceDesk(
        room.database, ManualClock(datetime(2025, 12, 6, 10, tzinfo=UTC)), RULES.schemes["law"], AUTHORITIES
    )
    app.include_router(reconciliation_routes(desk))
    await fill(room)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://localhost") as given:
        yield given


async def fill(room: Room) -> None:
    counters = {"c1-1": 150, "c1-2": 187, "c1-3": 350, "c1-4": 450, "c1-5": 720, "c1-6": 120, "c1-7": 110, "c1-8": 150}
    homes = {name: [(date(2024, 1, 1), "167")] for name in counters} | {
        "c1-5": [(date(2024, 1, 1), "167"), (date(2025, 10, 20), "398")]
    }
    await room.pathways(*(pathway(1, homes[name], client=name) for name in counters))
    short = (date(2025, 10, 6), date(2025, 10, 17), 10)
    await room.facts(
        *(counter(f"counter-{name}", START, days, client=name) for name, days in counters.items()),
        paid("paid-1", START, END, 20, client="c1-1", posted_on=POSTED),
        paid("paid-2", START, END, 20, client="c1-2", posted_on=POSTED),
        paid("paid-3", START, date(2025, 10, 30), 22, client="c1-3", posted_on=date(2025, 11, 3)),
        paid("paid-4", START, date(2025, 10, 30), 22, client="c1-4", posted_on=POSTED),
        paid("paid-5", START, END, 20, client="c1-5", posted_on=POSTED),
        paid("paid-6", *short, client="c1-6", posted_on=POSTED, benefit="basic_allowance"),
        paid("paid-7", *short, client="c1-7", posted_on=POSTED, benefit="earnings_related"),
        paid("paid-8", START, END, 20, client="c1-8", posted_on=POSTED),
    )
    await room.facts(erased("c1-8"))


async def asked(client: httpx.AsyncClient, content: str | bytes, who: str = "supervisor") -> httpx.Response:
    headers = {"Authorization": f"Bearer {who}", "Content-Type": "text/csv"}
    return await client.post("/v1/reconciliations", content=content, headers=headers)


@pytest.mark.store
async def test_each_difference_of_the_example_has_its_reason_from_the_exact_payments(client: httpx.AsyncClient) -> None:
    answer = (await asked(client, EXAMPLE)).raise_for_status().json()
    assert (answer["as_of"], answer["scheme"]) == ("2025-12-06", "law")
    assert [
        (one["benefit"], one["class"], one["difference_cents"], one["reason"],
         [(there["municipality"], there["month"], there["class"]) for there in one["elsewhere"]])
        for one in answer["differences"]
    ] == [
        ("labour_market_subsidy", "101-200", 2605, "class_boundary", [("167", "2025-10", "201-300")]),
        ("labour_market_subsidy", "201-300", -5209, "class_boundary", [("167", "2025-10", "101-200")]),
        ("labour_market_subsidy", "301-400", 24559, "late_payment", [("167", "2025-11", "301-400")]),
        ("labour_market_subsidy", "701-", 37210, "move", [("398", "2025-10", "701-")]),
        ("basic_allowance", "101-200", -3721, "not_invoiced", []),
        ("earnings_related", "401-700", 14884, "missing_facts", []),
    ]  # fmt: skip
    assert [(one["benefit"], one["class"], one["computed_cents"]) for one in answer["matches"]] == [
        ("labour_market_subsidy", "401-700", 32745), ("earnings_related", "101-200", 3721),
    ]  # fmt: skip
    assert answer["total"] == {
        "lines": 8, "invoiced_cents": 128003, "computed_cents": 57675, "difference_cents": 70328,
    }  # fmt: skip
    assert answer["agreeing"]["invoiced_cents"] == 36466
    assert [(one["line"], one["field"]) for one in answer["unreadable"]] == [(8, "euros")]


@pytest.mark.store
async def test_the_answer_names_no_client_and_nothing_is_kept(client: httpx.AsyncClient, room: Room) -> None:
    before = [await room.count(table) for table in ("payment", "cost", "opened_client")]
    answer = await asked(client, EXAMPLE)
    assert not re.search(r"c1-\d|paid-\d|kela", answer.text)
    assert [await room.count(table) for table in ("payment", "cost", "opened_client")] == before


@pytest.mark.store
async def test_supervisors_compare_for_their_own_authority_and_nobody_else_does(client: httpx.AsyncClient) -> None:
    for role in Role:
        assert (await asked(client, EXAMPLE, role.value)).status_code == (200 if role is Role.SUPERVISOR else 403)
    assert (await client.post("/v1/reconciliations", content=EXAMPLE)).status_code == 401
    answer = (await asked(client, EXAMPLE, "stranger")).json()
    assert answer["total"]["computed_cents"] == 0
    assert {one["reason"] for one in answer["differences"]} == {"missing_facts"}


@pytest.mark.store
async def test_a_file_that_is_no_invoice_is_refused_and_the_columns_are_named(client: httpx.AsyncClient) -> None:
    answer = await asked(client, "municipality;month;benefit;class;recipients\n")
    assert (answer.status_code, answer.headers["content-type"]) == (422, "application/problem+json")
    assert answer.json()["errors"] == [
        {"line": 1, "field": "euros", "reason": "this column is missing; it may also be called eurot or euro"}
    ]
    assert (await asked(client, b"x" * (1 << 20) + b"x")).status_code == 413


@pytest.mark.store
async def test_an_invoice_without_a_readable_row_compares_nothing(client: httpx.AsyncClient) -> None:
    answer = (await asked(client, f"{HEADER}\nYhteensä;;;;;1280,03\n")).json()
    assert (answer["matches"], answer["differences"], answer["total"]["lines"]) == ([], [], 0)
    assert [one["field"] for one in answer["unreadable"]] == HEADER.split(";")[:-1]


# --- the spreadsheet -------------------------------------------------------------------------------------------------

NAMESPACE: Final = {"x": "http://schemas.openxmlformats.org/spreadsheetml/2006/main"}
REPORT: Final = InvoiceReport.model_validate(
    {
        "as_of": "2025-12-06", "scheme": "law",
        "total": {"lines": 2, "invoiced_cents": 69955, "computed_cents": 32745, "difference_cents": 37210},
        "agreeing": {"lines": 1, "invoiced_cents": 32745, "computed_cents": 32745, "difference_cents": 0},
        "by_class": [
            {"class": "701-", "percent": 50, "lines": 2, "invoiced_cents": 69955, "computed_cents": 32745,
             "difference_cents": 37210},
        ],
        "by_reason": [
            {"reason": "move", "meaning": "…", "lines": 1, "invoiced_cents": 37210, "computed_cents": 0,
             "difference_cents": 37210},
        ],
        "matches": [
            {"municipality": "167", "month": "2025-10", "benefit": "labour_market_subsidy", "class": "401-700",
             "invoiced_recipients": 1, "computed_recipients": 1, "invoiced_cents": 32745, "computed_cents": 32745,
             "difference_cents": 0},
        ],
        "differences": [
            {"municipality": "167", "month": "2025-10", "benefit": "labour_market_subsidy", "class": "701-",
             "invoiced_recipients": 1, "computed_recipients": 0, "invoiced_cents": 37210, "computed_cents": 0,
             "difference_cents": 37210, "reason": "move", "elsewhere": [
                 {"municipality": "398", "month": "2025-10", "benefit": "labour_market_subsidy", "class": "701-"}]},
        ],
        "unreadable": [{"line": 8, "field": "euros", "reason": "=1+1"}],
    }
)  # fmt: skip


def sheets_of(content: bytes) -> dict[str, list[list[str]]]:
    """Return the cells of each sheet as they are stored: texts, and numbers as they are written."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        assert archive.testzip() is None
        shared = ["".join(text.itertext()) for text in tree(archive, "xl/sharedStrings.xml").findall("x:si", NAMESPACE)]
        names = [str(sheet.get("name")) for sheet in tree(archive, "xl/workbook.xml").iterfind(".//x:sheet", NAMESPACE)]
        return {
            name: [
                [value_of(cell, shared) for cell in row.findall("x:c", NAMESPACE)]
                for row in tree(archive, f"xl/worksheets/sheet{number}.xml").iterfind(".//x:row", NAMESPACE)
            ]
            for number, name in enumerate(names, 1)
        }


def tree(archive: zipfile.ZipFile, name: str) -> ET.Element:
    return ET.fromstring(archive.read(name))  # noqa: S314 - written by the code under test


def value_of(cell: ET.Element, shared: list[str]) -> str:
    assert cell.find("x:f", NAMESPACE) is None, "a formula"
    value = cell.findtext("x:v", "", NAMESPACE)
    return shared[int(value)] if cell.get("t") == "s" else value


def test_the_spreadsheet_has_a_sheet_for_each_part_of_the_report() -> None:
    sheets = sheets_of(workbook(REPORT))
    assert list(sheets) == ["Summary", "Matches", "Differences", "Unreadable rows", "Definitions"]
    assert sheets["Summary"] == [
        ["What", "Lines", "Invoiced €", "Computed €", "Difference €"],
        ["All", "2", "699.55", "327.45", "372.1"],
        ["Matches", "1", "327.45", "327.45", "0"],
        ["Class 701-", "2", "699.55", "327.45", "372.1"],
        ["Reason move", "1", "372.1", "0", "372.1"],
        ["Fields that could not be read", "1"],
    ]
    assert sheets["Matches"][1:] == [
        ["167", "Joensuu", "2025-10", "labour_market_subsidy", "401-700", "1", "1", "327.45", "327.45", "0"]
    ]
    [difference] = sheets["Differences"][1:]
    assert difference[:11] == [
        "167", "Joensuu", "2025-10", "labour_market_subsidy", "701-", "1", "0", "372.1", "0", "372.1", "move",
    ]  # fmt: skip
    assert difference[12] == "398 Lahti 2025-10 labour_market_subsidy 701-"


def test_every_reason_is_defined_and_a_text_is_never_a_formula() -> None:
    sheets = sheets_of(workbook(REPORT))
    terms = [row[0] for row in sheets["Definitions"]]
    assert terms[-8:] == [
        "unreadable_row", "repeated_line", "recipients", "move", "late_payment", "class_boundary", "missing_facts",
        "not_invoiced",
    ]  # fmt: skip
    assert sheets["Unreadable rows"][1] == ["8", "euros", "=1+1"]
