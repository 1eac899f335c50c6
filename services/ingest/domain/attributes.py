"""The CloudEvents 1.0 attributes of one event at the door, checked one by one."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Final

from pydantic import TypeAdapter, ValidationError

from contracts.dates import civil_date
from contracts.facts import DOOR_PAYLOADS
from contracts.text import FactId, SourceName, holds_identity_code
from services.ingest.domain.refusals import Reason, RefusedError, shown_name
from services.ingest.domain.rules import DoorRules

ATTRIBUTES: Final = ("specversion", "id", "source", "type", "subject", "time", "datacontenttype")
_REQUIRED: Final = frozenset(ATTRIBUTES) - {"datacontenttype"}
_DROPPED: Final = ("traceparent", "tracestate", "dataschema")
_BINARY: Final = "data_base64"
_KNOWN: Final = frozenset(ATTRIBUTES) | frozenset(_DROPPED)

_ID: Final[TypeAdapter[str]] = TypeAdapter(FactId)
_SOURCE: Final[TypeAdapter[str]] = TypeAdapter(SourceName)
_RFC3339: Final = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt][0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,9})?([Zz]|[+-][0-9]{2}:[0-9]{2})"
)
LONGEST_ID: Final = 112
"""Shorter than the contract's ids by the room that `~n` takes, where Askelma issues a fact again."""

_PLAIN_JSON: Final = "application/json"
_JSON_TYPE: Final = re.compile(r"application/([a-z0-9.\-]+\+)?json", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Attributes:
    """The attributes of an event that are of their form; `subject` is still as it came, `day` is the day of `time`."""

    id: str
    source: str
    type: str
    subject: str
    time: datetime
    day: date


def attributes_of(sent: Mapping[str, object], rules: DoorRules, today: date) -> Attributes:
    """Check the attributes of one event (all but its data). Raises RefusedError for the first that is wrong."""
    texts = _texts(sent)
    if texts["specversion"] != "1.0":
        raise RefusedError(Reason.WRONG_ATTRIBUTE, "must be 1.0", "specversion")
    _json_only(texts)
    moment = _moment(texts["time"])
    day = civil_date(moment)
    not_in_future(day, "time", rules, today)
    return Attributes(
        id=_fact_id(texts["id"]),
        source=_formed(
            _SOURCE, texts["source"], "source", "a letter, then letters, digits and . _ : / -, at most 120 characters"
        ),
        type=_known_type(texts["type"]),
        subject=texts["subject"],
        time=moment,
        day=day,
    )


def _texts(sent: Mapping[str, object]) -> dict[str, str]:
    if _BINARY in sent:
        raise RefusedError(Reason.UNKNOWN_ATTRIBUTE, "holds bytes; Askelma takes JSON, so send it as data", _BINARY)
    if not sent.keys() <= _KNOWN:
        raise RefusedError(
            Reason.UNKNOWN_ATTRIBUTE,
            f"is not an attribute that Askelma takes; it takes {', '.join(ATTRIBUTES)} and data",
            shown_name(next(name for name in sent if name not in _KNOWN)),
        )
    texts = {name: value for name, value in sent.items() if isinstance(value, str)}
    if not texts.keys() >= _REQUIRED or len(texts) < len(sent):
        _missing_or_no_text(sent)
    return texts


def _missing_or_no_text(sent: Mapping[str, object]) -> None:
    for name in ATTRIBUTES:
        if name in _REQUIRED and sent.get(name) is None:
            raise RefusedError(Reason.MISSING_ATTRIBUTE, "is missing; every event has it", name)
    for name, value in sent.items():
        if not isinstance(value, str | None):
            raise RefusedError(Reason.WRONG_ATTRIBUTE, "must be text", name)


def _json_only(texts: Mapping[str, str]) -> None:
    named = texts.get("datacontenttype", _PLAIN_JSON).partition(";")[0].strip()
    if named != _PLAIN_JSON and not _JSON_TYPE.fullmatch(named):
        raise RefusedError(Reason.WRONG_ATTRIBUTE, "must be application/json", "datacontenttype")


def _fact_id(value: str) -> str:
    if "~" in value:
        raise RefusedError(Reason.WRONG_ATTRIBUTE, "must not hold ~, which marks issues made by Askelma itself", "id")
    if len(value) > LONGEST_ID:
        raise RefusedError(Reason.WRONG_ATTRIBUTE, f"must have at most {LONGEST_ID} characters", "id")
    return _formed(_ID, value, "id", "a letter or digit, then letters, digits and . _ : / -")


def _formed(adapter: TypeAdapter[str], value: str, name: str, form: str) -> str:
    try:
        return adapter.validate_python(value)
    except ValidationError:
        if holds_identity_code(value):
            raise RefusedError(
                Reason.PERSONAL_DATA, "is shaped like a personal identity code; use another identifier", name
            ) from None
        raise RefusedError(Reason.WRONG_ATTRIBUTE, f"must be of the form: {form}", name) from None


def _known_type(value: str) -> str:
    if value not in DOOR_PAYLOADS:
        raise RefusedError(
            Reason.UNKNOWN_TYPE, "is not a type of fact known here; see the list of types in the documentation", "type"
        )
    return value


def _moment(value: str) -> datetime:
    try:
        if not _RFC3339.fullmatch(value):
            raise ValueError  # noqa: TRY301 - one answer for all that is wrong with a time
        return datetime.fromisoformat(value.upper()).astimezone(UTC)
    except (ValueError, OverflowError):
        raise RefusedError(
            Reason.WRONG_ATTRIBUTE, "must be a time with zone as in RFC 3339, such as 2026-01-31T09:00:00+02:00", "time"
        ) from None


def not_in_future(day: date, field: str, rules: DoorRules, today: date) -> None:
    """Refuse a day later than the rules' days ahead of `today`, or before anything can have happened."""
    if (day - today).days > rules.days_ahead:
        raise RefusedError(Reason.IN_FUTURE, "is later than the day after today; a fact tells what has happened", field)
    if day < rules.earliest:
        raise RefusedError(Reason.WRONG_FIELD if "." in field else Reason.WRONG_ATTRIBUTE, "is too long ago", field)
