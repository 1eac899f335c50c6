"""The payload of one event at the door: the contract's model with unknown fields forbidden, and answers for people."""

from typing import Final

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from contracts.facts import (
    DOOR_PAYLOADS,
    BenefitPaid,
    ClientRegistered,
    ClientRegisteredAtDoor,
    EventRetracted,
    Payload,
)
from contracts.faults import fault_of
from contracts.text import holds_identity_code
from services.ingest.domain.refusals import Reason, RefusedError, shown_name
from services.ingest.domain.rules import DoorRules

_MUNICIPALITY_FIELDS: Final = frozenset({"municipality", "place"})
_MOST_NAMED: Final = 5
"""Errors named in one answer; more would not be read."""

_PLAIN: Final = {
    "extra_forbidden": (Reason.UNKNOWN_FIELD, "is not a field of this type of fact; leave it out"),
    "missing": (Reason.MISSING_FIELD, "is missing"),
    "json_invalid": (Reason.UNREADABLE, "must be a JSON object"),
    "model_type": (Reason.UNREADABLE, "must be a JSON object"),
}

# What comes first here is what the sender must hear, whatever else is wrong.
_URGENCY: Final = (Reason.PERSONAL_DATA, Reason.UNKNOWN_FIELD, Reason.MISSING_FIELD)


def payload_of(kind: str, data: bytes, rules: DoorRules) -> Payload:
    """Read the JSON `data` of an event of a known type. Raises RefusedError that names fields, never values."""
    model = DOOR_PAYLOADS[kind]
    try:
        payload = model.model_validate_json(data, strict=True, extra="forbid")
    except ValidationError as error:
        raise _refusal(model, error) from None
    _on_lists(payload, rules)
    _further(payload, rules)
    return payload


def _refusal(model: type[Payload], error: ValidationError) -> RefusedError:
    found = [_classified(model, row) for row in error.errors(include_url=False)]
    first = min(found, key=lambda item: _URGENCY.index(item[0]) if item[0] in _URGENCY else len(_URGENCY))
    same = [item for item in found if item[0] is first[0]][:_MOST_NAMED]
    return RefusedError(first[0], "; ".join(_said(name, text, first[1]) for _, name, text in same), first[1])


def _said(name: str | None, text: str, shown: str | None) -> str:
    return text if name == shown else f"{name or 'a field'} {text}"


def _classified(model: type[Payload], row: ErrorDetails) -> tuple[Reason, str | None, str]:
    known = _names(model)
    top = row["loc"][0] if row["loc"] else None
    name = shown_name(top, known)
    field = f"data.{name}" if name else "data"
    reason, text = _reason(row, name)
    return reason, field, text


def _names(model: type[Payload]) -> tuple[str, ...]:
    return tuple(field.alias or name for name, field in model.model_fields.items())


def _reason(row: ErrorDetails, name: str | None) -> tuple[Reason, str]:
    value = row["input"]
    if row["type"] in _PLAIN:
        return _PLAIN[row["type"]]
    if isinstance(value, str) and holds_identity_code(value):
        return Reason.PERSONAL_DATA, "is shaped like a personal identity code; send that only as the subject"
    if name in _MUNICIPALITY_FIELDS:
        return Reason.UNKNOWN_MUNICIPALITY, "is not the number of a municipality of Finland, such as 167 for Joensuu"
    if name == "code" and row["type"] == "enum":
        return Reason.UNKNOWN_STATUS, "is not an employment code; they are 00 to 08"
    return _of_its_own(row)


def _of_its_own(row: ErrorDetails) -> tuple[Reason, str]:
    text = fault_of(row)
    if row["type"] == "value_error" and "identity code" in text:
        return Reason.PERSONAL_DATA, text
    return Reason.WRONG_FIELD, text


def said_by(payload: Payload) -> str:
    """Return what `payload` says as JSON text, absent fields and null left out, the identity code aside.

    Raises RefusedError where a field hides an identity code. Patterns of identifiers are checked by the contract; this
    is for words and names, where a code may hide too. Nearly none does, so the whole text is searched first.
    """
    text = payload.model_dump_json(by_alias=True, exclude_none=True, exclude=_SPOKEN_APART)
    if holds_identity_code(text):
        _name_the_place(payload)
    return text


_SPOKEN_APART: Final = {"identity_code"}


def _name_the_place(payload: Payload) -> None:
    for name, value in payload:
        if name != "identity_code" and isinstance(value, str | dict) and _holds(value):
            raise RefusedError(
                Reason.PERSONAL_DATA, "holds something shaped like a personal identity code", f"data.{name}"
            )


def _holds(value: str | dict[str, object]) -> bool:
    if isinstance(value, str):
        return holds_identity_code(value)
    return any(holds_identity_code(str(part)) for pair in value.items() for part in pair)


def _on_lists(payload: Payload, rules: DoorRules) -> None:
    for name, allowed in rules.lists.items():
        value = getattr(payload, name, None)
        if value is not None and value not in allowed:
            raise RefusedError(Reason.WRONG_FIELD, "is not on this installation's list of values", f"data.{name}")


def _further(payload: Payload, rules: DoorRules) -> None:
    if isinstance(payload, BenefitPaid):
        _split_at_law(payload, rules)
    if isinstance(payload, EventRetracted) and payload.retracted_type not in _RETRACTABLE:
        raise RefusedError(
            Reason.WRONG_RETRACTION, "must be a type of fact known here, and neither a retraction nor an erasure",
            "data.type",
        )  # fmt: skip


_FINAL: Final = frozenset({"fi.askelma.event.retracted.v1", "fi.askelma.client.erased.v1"})
_RETRACTABLE: Final = frozenset(DOOR_PAYLOADS) - _FINAL


def _split_at_law(payload: BenefitPaid, rules: DoorRules) -> None:
    for boundary in rules.split_on:
        if payload.period_start < boundary <= payload.period_end:
            raise RefusedError(
                Reason.PERIOD_NOT_SPLIT,
                f"lies on both sides of {boundary.isoformat()}, when the law changed; send one fact for each side",
                "data.period_start",
            )


def inside(payload: Payload) -> Payload:
    """Return `payload` without what may be spoken only at the door."""
    if not isinstance(payload, ClientRegisteredAtDoor):
        return payload
    said = payload.model_dump(exclude_unset=True, exclude={"identity_code", "display_name"})
    return ClientRegistered.model_construct(set(said), **said)
