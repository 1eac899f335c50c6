"""A refused value is told in the product's words: after the name of the field, and never with what was sent."""

import ast
from datetime import date, datetime
from enum import StrEnum
from typing import Annotated, Final, Literal

import pytest
from pydantic import AfterValidator, AwareDatetime, Field, TypeAdapter, ValidationError

from contracts.codes import MunicipalityCode, StatusCode
from contracts.facts import DOOR_PAYLOADS
from contracts.faults import fault_of
from contracts.text import FORMS, Code, FactId, Hash, Language, Month, Reference, RoleAddress, SourceName
from tests.house.source import modules

SENT: Final = "131052-308T"


class Shade(StrEnum):
    LIGHT = "light"
    DARK = "dark"


def _never(value: str) -> str:
    raise ValueError(f"{value} is not welcome")


CASES: Final[list[tuple[object, object, str]]] = [
    (int, "many", "must be a whole number"),
    (int, 1.5, "must be a whole number"),
    (float, "much", "must be a number"),
    (bool, "perhaps", "must be true or false"),
    (str, 7, "must be text"),
    (date, "1.2.2026", "must be a date, such as 2026-01-31"),
    (date, datetime(2026, 1, 1, 5), "must be a date, such as 2026-01-31"),  # noqa: DTZ001 - that is what is wrong
    (AwareDatetime, "2026-01-01T00:00", "must be a time with zone, such as 2026-01-31T09:00:00+02:00"),
    (Annotated[int, Field(gt=0)], 0, "must be more than 0"),
    (Annotated[int, Field(ge=1)], 0, "must be at least 1"),
    (Annotated[int, Field(lt=9)], 9, "must be less than 9"),
    (Annotated[int, Field(le=800)], 801, "must be at most 800"),
    (Annotated[str, Field(min_length=1)], "", "must have at least 1 character"),
    (Annotated[str, Field(max_length=3)], SENT, "must have at most 3 characters"),
    (Annotated[list[int], Field(min_length=2)], [1], "must have at least 2 items"),
    (Literal["a", "b", "c"], SENT, "must be one of a, b, c"),
    (Literal["a"], SENT, "must be a"),
    (Shade, SENT, "must be one of light, dark"),
    (list[int], SENT, "must be a list"),
    (dict[str, int], SENT, "must be an object with named fields"),
    (Month, SENT, "must be a month, such as 2026-06"),
    (MunicipalityCode, "7", "must be the three digits of a municipality, such as 167 for Joensuu"),
    (MunicipalityCode, "999", "is not the number of a municipality of Finland, such as 167 for Joensuu"),
    (Annotated[str, Field(pattern="^x$")], SENT, "is not of its form"),
    (Annotated[str, AfterValidator(_never)], SENT, "is not of its form"),
    (StatusCode, SENT, "must be one of 00, 01, 02, 03, 04, 05, 06, 07, 08"),
]


def adapter(form: object) -> TypeAdapter[object]:
    return TypeAdapter(form)  # type: ignore[arg-type] # annotated types are no types to mypy


@pytest.mark.parametrize(("form", "sent", "said"), CASES)
def test_a_fault_is_a_sentence_of_the_product(form: object, sent: object, said: str) -> None:
    with pytest.raises(ValidationError) as refused:
        adapter(form).validate_python(sent)
    assert fault_of(refused.value.errors()[0]) == said


@pytest.mark.parametrize("form", [Code, Reference, SourceName, FactId, Hash, RoleAddress, Language, Month])
def test_every_form_of_text_is_told_in_words(form: object) -> None:
    with pytest.raises(ValidationError) as refused:
        adapter(form).validate_python("?")
    assert fault_of(refused.value.errors()[0]).removeprefix("must be ") in FORMS.values()


@pytest.mark.parametrize("kind", sorted(DOOR_PAYLOADS))
@pytest.mark.parametrize("sent", [SENT, -1, [], {}])
def test_no_field_of_any_fact_is_answered_in_the_validators_words(kind: str, sent: object) -> None:
    model = DOOR_PAYLOADS[kind]
    everything = {field.alias or name: sent for name, field in model.model_fields.items()}
    with pytest.raises(ValidationError) as refused:
        model.model_validate(everything, strict=True)
    for row in refused.value.errors():
        assert "nput should" not in fault_of(row)
        assert SENT not in fault_of(row)


def test_nobody_passes_the_validators_words_on() -> None:
    passed_on = [
        module.place(node)
        for module in modules("contracts", "services", "deploy")
        for node in ast.walk(module.tree)
        if isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Constant) and node.slice.value == "msg"
        if module.name != "contracts/faults.py"
    ]
    assert passed_on == []
