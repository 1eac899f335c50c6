"""Costs over HTTP: exact for supervisors, published for finance, and the page."""

from datetime import date

import httpx
import pytest

from tests.incentives.site import bearer, published
from tests.incentives.streams import Room, paid

pytestmark = pytest.mark.store


async def asked(client: httpx.AsyncClient, who: str, query: str = "from=2025-10&to=2025-10") -> httpx.Response:
    return await client.get(f"/v1/costs?{query}", headers=bearer(who))


async def test_a_supervisor_gets_exact_figures_by_month_municipality_scheme_and_class(
    client: httpx.AsyncClient,
) -> None:
    answer = (await asked(client, "supervisor", "from=2025-10&to=2025-10&scheme=fi-2025")).json()
    assert (answer["source"], answer["as_of"], answer["months"]) == ("exact", "2025-12-06", None)
    rows = [(r["month"], r["municipality"], r["class"], r["clients"], r["days"], r["cents"]) for r in answer["rows"]]
    assert rows == [("2025-10", "398", "101-200", 6, 78, 29022), ("2025-10", "398", "201-300", 6, 42, 31254)]
    assert [(r["percent"], r["standing"], r["mark"]) for r in answer["rows"]] == [
        (10, "law", "stated"), (20, "law", "stated"),
    ]  # fmt: skip
    assert [(t["municipality"], t["clients"], t["cents"]) for t in answer["totals"]] == [
        ("*", 6, 60276), ("398", 6, 60276),
    ]  # fmt: skip
    assert [(s["scheme"], s["cents"]) for s in answer["sums"]] == [("fi-2025", 60276)]


async def test_each_scheme_says_how_it_is_to_be_read(client: httpx.AsyncClient) -> None:
    answer = (await asked(client, "supervisor")).json()
    assert {(row["scheme"], row["standing"]) for row in answer["rows"]} == {
        ("fi-2006", "counterfactual"), ("fi-2015", "counterfactual"), ("fi-2025", "law"), ("law", "law"),
        ("progress-clock", "proposal"), ("progress-pause", "proposal"), ("step-graded", "proposal"),
    }  # fmt: skip


async def test_what_finance_may_not_see_beside_the_law_is_no_scheme_for_it(
    client: httpx.AsyncClient, room: Room
) -> None:
    await published(room)
    answer = (await asked(client, "finance")).json()
    shown = {"fi-2006", "fi-2015", "fi-2025", "law", "step-graded"}
    assert {one["scheme"] for one in answer["sums"]} == shown
    assert {one["scheme"] for one in answer["totals"]} == shown
    for path in ("/v1/costs", "/v1/explain"):
        said = await client.get(f"{path}?month=2025-10&scheme=progress-pause", headers=bearer("finance"))
        assert (said.status_code, said.json()["errors"][0]["parameter"]) == (422, "scheme")
    page = (await client.get("/costs?from=2025-10&to=2025-10&lang=en", headers=bearer("finance"))).text
    assert "Graded by step" in page
    assert "Days since progress" not in page


async def test_before_the_first_publication_finance_gets_an_empty_answer_that_says_so(
    client: httpx.AsyncClient,
) -> None:
    answer = (await asked(client, "finance")).json()
    assert (answer["published"], answer["rows"], answer["totals"]) == (False, [], [])
    assert {one["cents"] for one in answer["sums"]} == {None}
    assert answer["note"].startswith("Nothing has been published for this time yet.")


@pytest.mark.parametrize("month", ["2025-09", "2025-11"])
async def test_a_month_that_was_never_published_is_not_called_hidden(
    client: httpx.AsyncClient, room: Room, month: str
) -> None:
    await published(room)
    answer = (await asked(client, "finance", f"month={month}")).json()
    assert (answer["published"], answer["months"], answer["as_of"]) == (False, [], None)
    assert answer["note"].startswith("Nothing has been published for this time yet.")


async def test_finance_gets_what_was_published_and_nothing_newer(client: httpx.AsyncClient, room: Room) -> None:
    await published(room)
    await room.facts(paid("late", date(2025, 10, 1), date(2025, 10, 31), 20))
    answer = (await asked(client, "finance", "from=2025-09&to=2025-12&scheme=fi-2025")).json()
    assert (answer["source"], answer["published"], answer["as_of"]) == ("publications", True, "2025-10-31")
    assert answer["months"] == ["2025-10"]
    assert [(r["class"], r["clients"], r["cents"]) for r in answer["rows"]] == [
        ("101-200", 6, 29022), ("201-300", 6, 31254),
    ]  # fmt: skip
    assert [(s["scheme"], s["cents"]) for s in answer["sums"]] == [("fi-2025", 60276)]


async def test_a_range_with_a_hidden_month_has_no_sum(client: httpx.AsyncClient, room: Room) -> None:
    await published(room)
    await room.facts(paid("n", date(2025, 11, 1), date(2025, 11, 30), 20))
    await published(room, date(2025, 11, 1), date(2025, 11, 30))
    answer = (await asked(client, "finance", "from=2025-10&to=2025-11&scheme=fi-2025")).json()
    assert {row["cents"] for row in answer["rows"] if row["month"] == "2025-11"} == {None}
    assert [one["cents"] for one in answer["sums"]] == [None]


async def test_a_municipality_narrows_the_answer(client: httpx.AsyncClient) -> None:
    answer = (await asked(client, "supervisor", "from=2025-10&to=2025-10&municipality=167")).json()
    assert answer["rows"] == []
    answer = (await asked(client, "supervisor", "from=2025-10&to=2025-10&municipality=398&scheme=law")).json()
    assert [total["municipality"] for total in answer["totals"]] == ["398"]


async def test_a_month_is_short_for_the_range_of_that_month(client: httpx.AsyncClient) -> None:
    answer = await asked(client, "supervisor", "month=2025-10&scheme=fi-2025")
    assert answer.json() == (await asked(client, "supervisor", "from=2025-10&to=2025-10&scheme=fi-2025")).json()
    assert (answer.json()["from"], answer.json()["to"], answer.json()["class"]) == ("2025-10", "2025-10", None)


@pytest.mark.parametrize("who", ["supervisor", "finance"])
async def test_a_class_narrows_rows_totals_and_sums(client: httpx.AsyncClient, room: Room, who: str) -> None:
    await published(room)
    answer = (await asked(client, who, "month=2025-10&class=201-300&scheme=fi-2025")).json()
    assert answer["class"] == "201-300"
    assert [(r["municipality"], r["class"], r["cents"]) for r in answer["rows"]] == [("398", "201-300", 31254)]
    assert [(t["municipality"], t["days"], t["cents"]) for t in answer["totals"]] == [
        ("*", 42, 31254), ("398", 42, 31254),
    ]  # fmt: skip
    assert [(s["scheme"], s["cents"]) for s in answer["sums"]] == [("fi-2025", 31254)]


@pytest.mark.parametrize("who", ["supervisor", "finance"])
async def test_a_class_without_days_costs_nothing(client: httpx.AsyncClient, room: Room, who: str) -> None:
    await published(room)
    answer = (await asked(client, who, "month=2025-10&class=uncounted&scheme=fi-2025")).json()
    assert (answer["rows"], answer["totals"]) == ([], [])
    assert [one["cents"] for one in answer["sums"]] == [0]


async def test_a_class_is_summed_for_the_schemes_that_have_it(client: httpx.AsyncClient) -> None:
    answer = (await asked(client, "supervisor", "month=2025-10&class=step-2")).json()
    assert [one["scheme"] for one in answer["sums"]] == ["step-graded"]


async def test_a_hidden_class_stays_hidden_when_it_is_asked_for(client: httpx.AsyncClient, room: Room) -> None:
    await room.facts(paid("n", date(2025, 11, 1), date(2025, 11, 30), 20))
    await published(room, date(2025, 11, 1), date(2025, 11, 30))
    answer = (await asked(client, "finance", "month=2025-11&class=201-300&scheme=fi-2025")).json()
    assert [(row["clients"], row["cents"]) for row in answer["rows"]] == [(None, None)]
    assert {one["cents"] for one in [*answer["totals"], *answer["sums"]]} == {None}


async def test_another_authority_sees_nothing(client: httpx.AsyncClient) -> None:
    answer = (await asked(client, "stranger")).json()
    assert (answer["rows"], answer["totals"]) == ([], [])


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("to=2025-10", "from"), ("from=2025-10", "to"), ("from=2025-13&to=2025-10", "from"),
        ("from=2025-10&to=2025-09", "to lies before from"), ("from=1900-01&to=2025-09", "more than 240 months"),
        ("from=2025-10&to=2025-10&scheme=fi-1999", "scheme is none of"),
        ("from=2025-10&to=2025-10&municipality=091", "municipality is not one of your authority"),
        ("from=2025-10&to=2025-10&municipality=x", "municipality"),
        ("", "or month for one month"), ("month=2025-13", "month"),
        ("month=2025-10&from=2025-10", "give either month, or from and to"),
        ("month=2025-10&from=2025-10&to=2025-10", "give either month, or from and to"),
        ("month=2025-10&class=1-2", "class is none of"), ("month=2025-10&class=1-2", "101-200"),
        ("month=2025-10&scheme=fi-2025&class=step-2", "class is none of"),
    ],
)  # fmt: skip
async def test_a_question_that_cannot_be_answered_is_refused(client: httpx.AsyncClient, query: str, field: str) -> None:
    answer = await asked(client, "supervisor", query)
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    assert field in answer.text


async def test_coordinators_and_nobody_get_no_figures(client: httpx.AsyncClient) -> None:
    path = "/v1/costs?from=2025-10&to=2025-10"
    assert (await client.get(path, headers=bearer("coordinator"))).status_code == 403
    assert (await client.get(path)).status_code == 401


async def test_the_page_shows_euros_by_scheme_and_the_classes_of_one(client: httpx.AsyncClient) -> None:
    answer = await client.get("/costs?from=2025-10&to=2025-10&scheme=fi-2025&lang=en", headers=bearer("supervisor"))
    assert answer.status_code == 200
    assert "Exact figures as of" in answer.text
    assert "€602.76" in answer.text
    assert "days 101–200" in answer.text
    assert "counterfactual" in answer.text
    assert "<script" not in answer.text


async def test_the_page_speaks_finnish_with_finnish_amounts(client: httpx.AsyncClient) -> None:
    answer = await client.get(
        "/costs?from=2025-10&to=2025-10", headers=bearer("supervisor") | {"Accept-Language": "fi"}
    )
    assert "602,76\xa0€" in answer.text
    assert "Voimassa oleva laki" in answer.text


async def test_the_page_says_so_before_the_first_publication(client: httpx.AsyncClient) -> None:
    answer = await client.get("/costs?lang=en", headers=bearer("finance"))
    assert "Nothing has been published yet" in answer.text


async def test_the_page_of_published_figures_shows_the_newest_month_by_itself(
    client: httpx.AsyncClient, room: Room
) -> None:
    await published(room)
    answer = await client.get("/costs?lang=en", headers=bearer("finance"))
    assert 'value="2025-10"' in answer.text
    assert "Published figures as of" in answer.text
    assert "€602.76" in answer.text
