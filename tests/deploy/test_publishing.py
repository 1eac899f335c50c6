import copy
import re
from collections.abc import Iterator

import pytest
from pydantic import SecretStr

from deploy.dashboards.differences import differences
from deploy.dashboards.names import NAMES
from deploy.dashboards.publish import plan_dashboards, publish_dashboards
from deploy.dashboards.publisher import JsonObject, Plan, PublishingError, lines_of
from deploy.dashboards.settings import FiguresSettings
from tests.deploy.grafana_server import DOCUMENT, TOKEN, Answer, Document, Grafana, serving

SETTINGS = FiguresSettings(
    prometheus_url="http://127.0.0.1:9090",
    database_address="127.0.0.1:5432",
    database_password=SecretStr("reporting-password"),
)
UIDS = ["askelma", "askelma-prometheus", "askelma-figures", "askelma-fi", "askelma-sv", "askelma-en"]


@pytest.fixture(scope="session")
def document() -> Document | None:
    return Document(DOCUMENT) if DOCUMENT.exists() else None


@pytest.fixture
def grafana(document: Document | None) -> Iterator[Grafana]:
    with serving(document) as server:
        yield server
    assert server.violations == []


def publish(grafana: Grafana) -> Plan:
    return publish_dashboards(grafana.url, SecretStr(TOKEN), SETTINGS)


def plan(grafana: Grafana) -> Plan:
    return plan_dashboards(grafana.url, SecretStr(TOKEN), SETTINGS)


def actions(plan: Plan) -> dict[str, str]:
    return {change.uid: change.action for change in plan.changes}


def test_publishing_to_an_empty_grafana_creates_folder_data_sources_and_a_dashboard_in_each_language(
    grafana: Grafana,
) -> None:
    assert actions(publish(grafana)) == dict.fromkeys(UIDS, "create")
    assert list(grafana.folders) == ["askelma"]
    assert sorted(grafana.data_sources) == ["askelma-figures", "askelma-prometheus"]
    assert {one["folderUid"] for one in grafana.dashboards.values()} == {"askelma"}
    assert grafana.passwords == {"askelma-figures": "reporting-password"}


@pytest.mark.skipif(not DOCUMENT.exists(), reason="Grafana's API document lies beside the project and is not shipped")
def test_every_request_is_as_grafanas_own_document_of_its_api_says(grafana: Grafana) -> None:
    publish(grafana)
    grafana.data_sources["askelma-prometheus"]["url"] = "http://elsewhere:9090"
    grafana.dashboards["askelma-fi"]["dashboard"]["title"] = "Edited by hand"
    publish(grafana)
    assert {(method, path.rpartition("/")[0]) for method, path in grafana.writes} == {
        ("POST", ""),
        ("POST", "/dashboards"),
        ("PUT", "/datasources/uid"),
    }
    assert grafana.violations == []


@pytest.mark.skipif(not DOCUMENT.exists(), reason="Grafana's API document lies beside the project and is not shipped")
def test_the_check_against_the_document_sees_a_field_that_grafana_does_not_know() -> None:
    with serving(Document(DOCUMENT)) as server:
        server.instead = lambda _method, path: Answer(200, {"uid": 7}) if path.startswith("/folders") else None
        plan(server)
    assert len(server.violations) == 1
    assert "/api/folders/askelma" in server.violations[0]


def test_publishing_twice_writes_nothing_the_second_time_and_says_unchanged(grafana: Grafana) -> None:
    publish(grafana)
    writes = list(grafana.writes)
    again = publish(grafana)
    assert actions(again) == dict.fromkeys(UIDS, "unchanged")
    assert again.is_empty
    assert grafana.writes == writes


def test_a_plan_says_what_publishing_would_do_and_changes_nothing(grafana: Grafana) -> None:
    said = plan(grafana)
    assert grafana.writes == []
    assert publish(grafana) == said


def test_a_change_by_hand_is_shown_and_published_over(grafana: Grafana) -> None:
    publish(grafana)
    stored = grafana.dashboards["askelma-en"]["dashboard"]
    stored["panels"][1]["title"] = "Mine"
    stored["version"] = 5
    said = publish(grafana)
    (change,) = [one for one in said.changes if one.action != "unchanged"]
    assert change.uid == "askelma-en"
    assert change.differences == ("panels[As of].title: Mine → As of",)
    assert grafana.dashboards["askelma-en"]["dashboard"]["version"] == 6


def test_a_dashboard_moved_elsewhere_comes_back_to_its_folder(grafana: Grafana) -> None:
    publish(grafana)
    grafana.dashboards["askelma-sv"]["folderUid"] = "archive"
    said = publish(grafana)
    assert lines_of(said)[-3:-1] == ["update    dashboard askelma-sv", "          folder: archive → askelma"]
    assert grafana.dashboards["askelma-sv"]["folderUid"] == "askelma"


def test_a_folder_keeps_the_title_that_people_gave_it(grafana: Grafana) -> None:
    publish(grafana)
    grafana.folders["askelma"]["title"] = "Työllisyys"
    publish(grafana)
    assert grafana.folders["askelma"]["title"] == "Työllisyys"


def test_a_data_source_that_lost_its_password_gets_it_again(grafana: Grafana) -> None:
    publish(grafana)
    grafana.passwords.clear()
    said = publish(grafana)
    assert actions(said)["askelma-figures"] == "update"
    assert grafana.passwords == {"askelma-figures": "reporting-password"}


def test_a_dashboard_with_our_uid_but_without_our_tag_is_refused_and_nothing_is_written(grafana: Grafana) -> None:
    foreign = {"uid": "askelma-en", "id": 1, "version": 3, "title": "Budget", "tags": ["finance"], "panels": []}
    grafana.dashboards["askelma-en"] = {"dashboard": foreign, "folderUid": "own"}
    before = copy.deepcopy(grafana.dashboards)
    with pytest.raises(PublishingError, match=r"'Budget' has our uid askelma-en but not our tag 'askelma-managed'"):
        publish(grafana)
    assert grafana.dashboards == before
    assert grafana.writes == []


def test_a_data_source_with_our_uid_that_askelma_did_not_make_is_refused_and_nothing_is_written(
    grafana: Grafana,
) -> None:
    foreign = {"id": 1, "uid": "askelma-figures", "name": "Ledger", "type": "postgres", "jsonData": {}}
    grafana.data_sources["askelma-figures"] = foreign
    with pytest.raises(PublishingError, match=r"'Ledger' has our uid askelma-figures but was not made by Askelma"):
        publish(grafana)
    assert grafana.writes == []


def test_a_provisioned_dashboard_is_refused_with_what_to_do(grafana: Grafana) -> None:
    publish(grafana)
    grafana.provisioned.add("askelma-fi")
    with pytest.raises(PublishingError, match=r"provisioning file on Grafana's machine; remove that"):
        publish(grafana)


def test_a_save_by_somebody_between_plan_and_write_is_not_overwritten(grafana: Grafana) -> None:
    publish(grafana)
    grafana.dashboards["askelma-fi"]["dashboard"]["title"] = "Edited by hand"

    def meanwhile(method: str, path: str) -> Answer | None:
        if (method, path) == ("POST", "/dashboards/db"):
            grafana.dashboards["askelma-fi"]["dashboard"]["version"] = 9
        return None

    grafana.instead = meanwhile
    with pytest.raises(PublishingError, match="someone saved the dashboard meanwhile; publish again"):
        publish(grafana)
    assert grafana.dashboards["askelma-fi"]["dashboard"]["title"] == "Edited by hand"


def test_another_dashboard_of_the_same_title_in_the_folder_is_named_as_the_reason(grafana: Grafana) -> None:
    other = {"uid": "copy", "id": 1, "version": 1, "title": "Askelma", "tags": [NAMES.mark]}
    grafana.dashboards["copy"] = {"dashboard": other, "folderUid": "askelma"}
    with pytest.raises(PublishingError, match="another dashboard in the folder has the same title"):
        publish(grafana)


def test_a_token_that_grafana_does_not_know_is_told_without_the_token(grafana: Grafana) -> None:
    with pytest.raises(PublishingError, match="does not accept the token; make a service account") as refusal:
        publish_dashboards(grafana.url, SecretStr("glsa_wrong"), SETTINGS)
    assert "glsa" not in str(refusal.value)


def test_a_token_without_the_role_is_told_which_role_it_needs(grafana: Grafana) -> None:
    grafana.instead = lambda method, _path: Answer(403, {"message": "Permission denied"}) if method == "POST" else None
    with pytest.raises(PublishingError, match=r"needs the role Admin \(Grafana says: Permission denied\)"):
        publish(grafana)


@pytest.mark.parametrize("status", [200, 404, 502])
@pytest.mark.parametrize("page", [b"<html>hello</html>", b"<p>the message of an error page</p>"])
def test_an_address_where_something_else_answers_is_told(grafana: Grafana, status: int, page: bytes) -> None:
    grafana.instead = lambda _method, _path: Answer(status, page)
    with pytest.raises(PublishingError, match="answers, but not as a Grafana does"):
        publish(grafana)


def test_a_grafana_in_trouble_is_told_in_its_own_words(grafana: Grafana) -> None:
    grafana.instead = lambda _method, _path: Answer(500, {"message": "database is locked"})
    with pytest.raises(PublishingError, match=r"refused: database is locked\."):
        publish(grafana)


def test_an_address_where_nothing_listens_is_told() -> None:
    with serving(None) as stopped:
        pass
    with pytest.raises(PublishingError, match=r"http://127\.0\.0\.1:\d+ cannot be reached; is Grafana running there"):
        publish_dashboards(stopped.url, SecretStr(TOKEN), SETTINGS)


@pytest.mark.parametrize("url", ["grafana.example.fi", "ftp://grafana.example.fi", "http://", "http://host:port"])
def test_what_is_not_an_address_is_refused_by_name(url: str) -> None:
    with pytest.raises(PublishingError, match="is not the address of a Grafana, such as"):
        plan_dashboards(url, SecretStr(TOKEN), SETTINGS)


def test_a_password_inside_the_address_is_not_repeated() -> None:
    with serving(None) as stopped:
        pass
    with pytest.raises(PublishingError) as refusal:
        plan_dashboards(stopped.url.replace("//", "//admin:secret@"), SecretStr(TOKEN), SETTINGS)
    assert "secret" not in str(refusal.value)


def test_without_addresses_the_data_sources_are_left_alone(grafana: Grafana) -> None:
    publish_dashboards(grafana.url, SecretStr(TOKEN), FiguresSettings())
    assert grafana.data_sources == {}
    assert sorted(grafana.dashboards) == ["askelma-en", "askelma-fi", "askelma-sv"]


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"DATABASE_TLS": "perhaps"}, "ASKELMA_FIGURES_DATABASE_TLS: must be one of disable, require"),
        ({"DATABASE_PASSWORD": "s3cret", "DATABASE_PASSWORD_FILE": "/x"}, "is set with and without _FILE; keep one"),
        ({"DATABASE_ADDRESS": "db:5432", "DATABASE_PASSWORD_FILE": "/nowhere"}, "cannot be read: No such file"),
    ],
)
def test_a_wrong_setting_is_named_and_its_value_is_not(
    monkeypatch: pytest.MonkeyPatch, settings: dict[str, str], told: str
) -> None:
    for name, value in settings.items():
        monkeypatch.setenv(f"ASKELMA_FIGURES_{name}", value)
    with pytest.raises(PublishingError, match=re.escape(told)) as refusal:
        plan_dashboards("http://127.0.0.1:1", SecretStr(TOKEN))
    assert "s3cret" not in str(refusal.value)


def test_differences_name_the_place_and_both_values() -> None:
    old: JsonObject = {
        "title": "A",
        "panels": [{"title": "Cost", "unit": "short"}],
        "gone": 1,
        "same": [1, 2],
        "tags": ["x"],
    }
    new: JsonObject = {
        "title": "B",
        "panels": [{"title": "Cost", "unit": "eur"}],
        "came": 2,
        "same": [1, 2],
        "tags": ["x", "y"],
    }
    assert differences(old, new) == (
        "came: added 2",
        "gone: removed",
        "panels[Cost].unit: short → eur",
        "tags: 1 → 2 entries",
        "title: A → B",
    )
