"""Snapshots are evaluated as of a day by whoever reads them, and say the same over the wire."""

from datetime import UTC, date, datetime

import pytest

from contracts.codes import MUNICIPALITIES, StatusCode
from contracts.snapshots import (
    ALERT,
    PATHWAY,
    AlertEvent,
    ExposureSnapshot,
    MunicipalityInterval,
    PathwaySnapshot,
    PendingChange,
    ServiceEpisode,
    Spell,
    StatusInterval,
    StepInterval,
    pathway_body,
    pathway_from,
    snapshot_id,
)

PATHWAY_OF_ONE = PathwaySnapshot(
    authority="area",
    client="c1-a",
    revision=3,
    as_of=date(2026, 3, 1),
    as_of_seq=17,
    rules="abc",
    spells=(Spell(date(2026, 1, 1), date(2026, 2, 1), "03"), Spell(date(2026, 2, 10))),
    municipalities=(MunicipalityInterval(date(2026, 1, 1), None, "167"),),
    statuses=(
        StatusInterval(date(2026, 1, 1), date(2026, 2, 1), StatusCode("02")),
        StatusInterval(date(2026, 2, 10), None, StatusCode("01"), "full_time"),
    ),
    steps=(StepInterval(date(2026, 1, 1), date(2026, 2, 1), 0), StepInterval(date(2026, 2, 10), None, 6)),
    services=(
        ServiceEpisode("e1", "s", "coaching", "p", date(2026, 1, 5), end=date(2026, 1, 20)),
        ServiceEpisode("e2", "s", "work_trial", "p", date(2026, 1, 10)),
    ),
    pending=(PendingChange(date(2026, 8, 12), 7, StatusCode("01"), "full_time"),),
)


def test_a_snapshot_says_the_same_after_the_wire() -> None:
    assert PATHWAY.validate_json(PATHWAY.dump_json(PATHWAY_OF_ONE)) == PATHWAY_OF_ONE
    assert pathway_from(PATHWAY.dump_json(PATHWAY_OF_ONE)) == PATHWAY_OF_ONE
    assert pathway_body(PATHWAY_OF_ONE) == PATHWAY.dump_json(PATHWAY_OF_ONE)


def test_what_is_no_snapshot_is_refused_by_place_and_without_its_value() -> None:
    with pytest.raises(ValueError, match=r"\$\.revision") as refused:
        pathway_from(b'{"authority":"area","client":"c1-a","revision":"010190-999X"}')
    assert "010190" not in str(refused.value)


def test_an_interval_holds_from_its_first_day_until_before_its_end() -> None:
    assert PATHWAY_OF_ONE.step_on(date(2026, 1, 31)) == 0
    assert PATHWAY_OF_ONE.step_on(date(2026, 2, 1)) is None
    assert PATHWAY_OF_ONE.step_on(date(2026, 2, 10)) == 6
    assert PATHWAY_OF_ONE.spell_on(date(2026, 2, 5)) is None
    assert PATHWAY_OF_ONE.municipality_on(date(2025, 12, 31)) is None


def test_a_pending_change_holds_from_its_day_on_without_a_new_revision() -> None:
    assert PATHWAY_OF_ONE.step_on(date(2026, 8, 11)) == 6
    assert PATHWAY_OF_ONE.step_on(date(2026, 8, 12)) == 7
    assert PATHWAY_OF_ONE.status_on(date(2026, 8, 12)) == "01.full_time"


def test_a_status_is_named_by_code_and_by_detail_where_there_is_one() -> None:
    assert PATHWAY_OF_ONE.status_on(date(2026, 1, 15)) == "02"
    assert PATHWAY_OF_ONE.status_on(date(2026, 2, 15)) == "01.full_time"


def test_of_overlapping_services_the_latest_begun_names_the_type() -> None:
    assert PATHWAY_OF_ONE.service_type_on(date(2026, 1, 7)) == "coaching"
    assert PATHWAY_OF_ONE.service_type_on(date(2026, 1, 15)) == "work_trial"


def test_a_revision_has_one_id_however_often_it_is_announced() -> None:
    told = snapshot_id(PathwaySnapshot, "c1-abc", 3)
    assert snapshot_id(PathwaySnapshot, "c1-abc", 3) == told
    assert snapshot_id(PathwaySnapshot, "c1-abc", 4) != told
    assert snapshot_id(ExposureSnapshot, "c1-abc", 3) != told


def test_each_change_of_an_alert_has_an_id_of_its_own() -> None:
    at = datetime(2026, 3, 1, 6, tzinfo=UTC)
    first, second = (
        AlertEvent("area", "c1-a", "contact_gap", "2026-01-01", change, "raised", at, date(2026, 3, 1), "medium")
        for change in (1, 2)
    )
    assert first.id != second.id
    assert ALERT.validate_json(ALERT.dump_json(first)).id == first.id


def test_all_municipalities_of_2026_are_known_by_number() -> None:
    assert len(MUNICIPALITIES) == 308
    assert MUNICIPALITIES["167"].name_sv == "Joensuu"
    assert MUNICIPALITIES["091"].name_sv == "Helsingfors"
