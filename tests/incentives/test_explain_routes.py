"""Explanations over HTTP: clients for who may see them, figures equal to those of /v1/costs, as JSON, text and page."""

import json
import re
from datetime import date
from html import unescape

import httpx
import pytest
from sqlalchemy import text

from tests.incentives.site import NAMES, bearer, published
from tests.incentives.streams import ANN, RULES, Room, counter, paid, pathway

pytestmark = pytest.mark.store

NOBODY = "c1-nobody"
OCTOBER = "month=2025-10"


async def explained(client: httpx.AsyncClient, who: str, query: str) -> httpx.Response:
    return await client.get(f"/v1/explain?{query}", headers=bearer(who))


async def openings(room: Room) -> list[tuple[str, str, str]]:
    async with room.database.transaction() as session:
        rows = await session.execute(text("SELECT name, role, client FROM incentives.opened_client ORDER BY number"))
        return [(row.name, row.role, row.client) for row in rows]


async def test_a_client_is_explained_from_facts_to_euros_and_that_is_written_down(
    client: httpx.AsyncClient, room: Room
) -> None:
    answer = (await explained(client, "supervisor", f"client={ANN}&scheme=law")).json()
    [told] = answer["schemes"]
    [payment] = told["payments"]
    assert (answer["client"], told["scheme"], told["cents"]) == (ANN, "law", 10046)
    assert (payment["source"], payment["id"], payment["municipality"]) == ("kela", "p0", "398")
    assert (payment["rule"], payment["counter_before"], payment["counter_after"]) == ("fi-2025", 187, 207)
    assert [(p["class"], p["days"], p["percent"], p["base_cents"], p["cents"]) for p in payment["pieces"]] == [
        ("101-200", 13, 10, 48373, 4837), ("201-300", 7, 20, 26047, 5209),
    ]  # fmt: skip
    assert payment["pieces"][0]["formula"] == "10 % × 744.20 € × 13/20 d = 48.373 € → 48.37 €"
    assert [(one["counter"], one["id"], one["days"]) for one in answer["counters"]] == [("law_2025", "c0", 187)]
    assert told["months"] == [{"month": "2025-10", "municipality": "398", "standing": "law", "cents": 10046}]
    assert [rule["rule"] for rule in told["rules"]][-2:] == ["fi-2015", "fi-2025"]
    assert await openings(room) == [("Saara", "supervisor", ANN)]


async def test_coordinators_see_their_own_clients_and_learn_of_no_others(client: httpx.AsyncClient, room: Room) -> None:
    assert (await explained(client, "coordinator", f"client={ANN}")).status_code == 200
    refused = [
        await explained(client, who, f"client={name}")
        for who, name in (("coordinator", NAMES[-1]), ("successor", ANN), ("coordinator", NOBODY), ("stranger", ANN))
    ]
    assert {answer.status_code for answer in refused} == {404}
    assert len({answer.text for answer in refused}) == 1
    assert await openings(room) == [("kaisa-1", "coordinator", ANN)]


async def test_a_client_who_was_handed_over_is_the_successor_s_from_that_day_on(
    client: httpx.AsyncClient, room: Room
) -> None:
    held = [(date(2024, 1, 1), "kaisa-1"), (date(2025, 12, 6), "leo-2"), (date(2025, 12, 7), "kaisa-1")]
    await room.pathways(pathway(2, [(date(2024, 1, 1), "398")], coordinators=held))
    assert (await explained(client, "coordinator", f"client={ANN}")).status_code == 404
    assert (await explained(client, "successor", f"client={ANN}")).status_code == 200
    await room.pathways(pathway(3, [(date(2024, 1, 1), "398")], coordinators=[*held[:1], (date(2025, 12, 1), None)]))
    assert (await explained(client, "successor", f"client={ANN}")).status_code == 404


async def test_who_sees_no_clients_and_who_sees_no_figures_is_told_so(client: httpx.AsyncClient) -> None:
    assert (await explained(client, "finance", f"client={ANN}")).status_code == 403
    assert (await explained(client, "coordinator", OCTOBER)).status_code == 403
    assert (await client.get(f"/v1/explain?{OCTOBER}")).status_code == 401
    assert (await client.get(f"/v1/costs/explain/{ANN}", headers=bearer("supervisor"))).status_code == 404


@pytest.mark.parametrize("who", ["supervisor", "finance"])
@pytest.mark.parametrize(
    "query", [f"{OCTOBER}&municipality=398", OCTOBER, f"{OCTOBER}&class=201-300", "from=2025-09&to=2025-12"]
)
async def test_an_explanation_sums_to_the_figure_that_it_explains(
    client: httpx.AsyncClient, room: Room, who: str, query: str
) -> None:
    await room.facts(paid("other", date(2025, 9, 1), date(2025, 9, 30), 19, client=NAMES[1], municipality="167"))
    await published(room)
    costs = (await client.get(f"/v1/costs?{query}", headers=bearer(who))).json()
    told = (await explained(client, who, query)).json()
    assert [(one["scheme"], one["cents"]) for one in told["schemes"]] == [
        (one["scheme"], one["cents"]) for one in costs["sums"]
    ]
    assert any(one["cents"] for one in told["schemes"])
    for scheme in told["schemes"]:
        assert sum(row["cents"] for row in scheme["rows"]) == scheme["cents"]
        assert sum(total["cents"] for total in scheme["totals"]) == scheme["cents"]


async def test_what_clients_cost_in_a_month_sums_to_the_exact_figure(client: httpx.AsyncClient, room: Room) -> None:
    await room.facts(paid("late", date(2025, 9, 1), date(2025, 9, 30), 21, posted_on=date(2025, 10, 7)))
    chains = [(await explained(client, "supervisor", f"client={name}&scheme=law")).json() for name in NAMES]
    months = [month for chain in chains for month in chain["schemes"][0]["months"]]
    told = (await explained(client, "supervisor", f"{OCTOBER}&municipality=398&scheme=law")).json()
    assert sum(month["cents"] for month in months) == told["schemes"][0]["cents"]


async def test_finance_gets_published_sums_with_grounds_and_rounding_and_nothing_of_a_client(
    client: httpx.AsyncClient, room: Room
) -> None:
    await published(room)
    answer = await explained(client, "finance", f"{OCTOBER}&municipality=398&scheme=fi-2025")
    told = answer.json()
    [scheme] = told["schemes"]
    assert (told["source"], told["as_of"], told["months"]) == ("publications", "2025-10-31", ["2025-10"])
    assert [(row["class"], row["payments"], row["percent"], row["formula"]) for row in scheme["rows"]] == [
        ("101-200", 6, 10, "10 % × 2902.38 € = 290.238 €, rounded by payment − 0.018 € = 290.22 €"),
        ("201-300", 6, 20, "20 % × 1562.82 € = 312.564 €, rounded by payment − 0.024 € = 312.54 €"),
    ]
    assert scheme["rows"][0]["reference"] == "Days 101–200: ten percent of the basic part."
    assert not re.search(r"c1-|\"p\d|counter_before|kela\"", answer.text)


async def test_what_is_hidden_stays_hidden_in_its_explanation(client: httpx.AsyncClient, room: Room) -> None:
    await room.facts(paid("n", date(2025, 11, 1), date(2025, 11, 30), 20))
    await published(room, date(2025, 11, 1), date(2025, 11, 30))
    [scheme] = (await explained(client, "finance", "month=2025-11&scheme=fi-2025")).json()["schemes"]
    hidden = ("clients", "payments", "days", "base_cents", "unrounded_cents", "cents", "formula")
    assert {row[name] for row in scheme["rows"] for name in hidden} == {None}
    assert scheme["cents"] is None
    empty = (await explained(client, "finance", "month=2025-12&scheme=fi-2025")).json()
    assert (empty["published"], empty["schemes"][0]["rows"]) == (False, [])


async def test_text_says_the_same_as_json(client: httpx.AsyncClient, room: Room) -> None:
    await published(room)
    chain = await explained(client, "supervisor", f"client={ANN}&scheme=law&format=text")
    assert chain.headers["content-type"] == "text/plain; charset=utf-8"
    for line in (
        "Counter law_2025 set to 187 on 2025-10-01 (carried_over): fact c0 of kela",
        "Payment of 2025-10-31: fact p0 of kela, batch b-p0",
        "  payer 398; fi-2025, counter 187 → 207; basic_part_cents 744.20 €",
        "  101-200: 10 % × 744.20 € × 13/20 d = 48.373 € → 48.37 €",
        "    [UNCONFIRMED] Taken over from the law before; not confirmed for 2025.",
        "Total: 100.46 €",
    ):
        assert line in chain.text.splitlines()
    figures = await explained(client, "finance", f"{OCTOBER}&municipality=398&scheme=fi-2025&format=text")
    assert "    6 clients, 6 payments, 78 days" in figures.text.splitlines()
    assert "Total: 602.76 €" in figures.text.splitlines()


@pytest.mark.parametrize(
    ("query", "reason"),
    [
        ("", "give client, or month"), ("municipality=398", "give client, or month"),
        (f"client={ANN}&{OCTOBER}", "month stands beside client"), ("client=010190-123A", "client"),
        (f"client={ANN}&scheme=fi-1999", "scheme is none of"),
        (f"{OCTOBER}&municipality=091", "not one of your authority"),
        (f"{OCTOBER}&class=1-2", "class is none of"), (f"{OCTOBER}&format=pdf", "format"),
        (f"{OCTOBER}&kunta=398", "is not a parameter of this address"),
    ],
)  # fmt: skip
async def test_a_question_that_cannot_be_answered_is_refused(
    client: httpx.AsyncClient, query: str, reason: str
) -> None:
    answer = await explained(client, "supervisor", query)
    assert answer.status_code == 422
    assert reason in json.dumps(answer.json())
    assert "010190" not in answer.text


# --- the page --------------------------------------------------------------------------------------------------------


async def test_every_figure_of_the_costs_page_leads_to_its_explanation(client: httpx.AsyncClient, room: Room) -> None:
    await published(room)
    for who in ("supervisor", "finance"):
        costs = await client.get("/costs?from=2025-10&to=2025-10&scheme=fi-2025&lang=en", headers=bearer(who))
        links = re.findall(r'<a href="(/costs/explain\?[^"]+)">([^<]+)</a>', costs.text)
        schemes = [one for one in RULES.schemes.values() if who == "supervisor" or one.is_published]
        assert len(links) == 2 * len(schemes) + 2, "a month and a sum of each scheme, and two classes of one"
        for address, figure in links:
            page = await client.get(f"{unescape(address)}&lang=en", headers=bearer(who))
            assert page.status_code == 200
            assert figure.strip() in page.text


async def test_the_page_of_a_client_shows_the_chain(client: httpx.AsyncClient) -> None:
    for who in ("supervisor", "coordinator"):
        page = await client.get(f"/costs/explain?client={ANN}&scheme=law&lang=en", headers=bearer(who))
        told = re.sub(r"\s+", " ", re.sub(r"<[^>]+>", "", page.text))
        assert "10% × €744.20 × 13/20 d = €48.373 → €48.37" in told
        assert "counter 187 → 207" in told
        assert "fact p0 of kela" in told
        assert "Taken over from the law before; not confirmed for 2025. unconfirmed" in told
        assert "<script" not in page.text


async def test_the_page_speaks_finnish_and_swedish(client: httpx.AsyncClient) -> None:
    for language, said in (("fi", "laskuri 187 → 207"), ("sv", "räknaren 187 → 207")):
        page = await client.get(f"/costs/explain?client={ANN}&lang={language}", headers=bearer("supervisor"))
        assert said in page.text
        assert "48,373\xa0€" in page.text


async def test_the_page_says_where_nothing_is_found(client: httpx.AsyncClient, room: Room) -> None:
    for sought in (NOBODY, NAMES[-1], "not a reference!"):
        page = await client.get(
            "/costs/explain", params={"client": sought, "lang": "en"}, headers=bearer("coordinator")
        )
        assert page.status_code == 404
        assert "You have no client of that reference." in page.text
    assert await openings(room) == []
    assert (
        "Nothing has been published yet" in (await client.get("/costs/explain?lang=en", headers=bearer("finance"))).text
    )


async def test_the_page_offers_what_the_role_may_ask(client: httpx.AsyncClient) -> None:
    pages = {
        who: (await client.get("/costs/explain?lang=en", headers=bearer(who))).text
        for who in ("supervisor", "finance", "coordinator")
    }
    assert {who for who, page in pages.items() if 'name="client"' in page} == {"supervisor", "coordinator"}
    assert {who for who, page in pages.items() if 'name="municipality"' in page} == {"supervisor", "finance"}


async def test_a_client_without_payments_is_told_to_have_none(client: httpx.AsyncClient, room: Room) -> None:
    await room.pathways(pathway(1, [(date(2024, 1, 1), "398")], client="c1-new"))
    await room.facts(counter("c-new", date(2025, 10, 1), 3, client="c1-new"))
    page = await client.get("/costs/explain?client=c1-new&lang=en", headers=bearer("supervisor"))
    assert "No payments to this client are known." in page.text
