"""Events as they come: structured or binary, over HTTP or Kafka, brought to attributes and the bytes of the data."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import unquote

from pydantic_core import from_json, to_json

from services.ingest.domain.refusals import Reason, Refused

STRUCTURED: Final = "application/cloudevents+json"
BATCH: Final = "application/cloudevents-batch+json"
PLAIN: Final = "application/json"

HTTP_PREFIX: Final = "ce-"
KAFKA_PREFIX: Final = "ce_"


class UnreadableError(ValueError):
    """The bytes are not what they claim to be; the text says what they should be."""


@dataclass(frozen=True, slots=True)
class Sent:
    """One event as sent: its attributes, its data as JSON text, and why it cannot even be taken apart."""

    attributes: Mapping[str, object]
    data: bytes
    unusable: Refused | None = None


def parsed(body: bytes) -> object:
    """Return the JSON value of `body`. Raises UnreadableError for bytes that are not UTF-8 or not JSON."""
    try:
        body.decode("utf-8")
    except UnicodeDecodeError as error:
        raise UnreadableError(f"the body is not UTF-8 text (byte {error.start})") from None
    try:
        value: object = from_json(body, allow_inf_nan=False)
        return value if _names_each_field_once(body, value) else json.loads(body, object_pairs_hook=_object)
    except ValueError:
        raise UnreadableError("the body is not JSON") from None


class Ambiguous(dict[str, object]):
    """A JSON object that names a field twice, or holds one that does: readers would not agree on what it says."""


def _names_each_field_once(body: bytes, value: object) -> bool:
    """Tell whether `body` surely has no object that names a field twice, at a hundredth of what judging it costs.

    Every name stands before a colon, so there are as many colons as fields unless a repetition was lost. False where
    it takes a closer look: a colon is set off by any space, or stands after a quotation mark inside a text.
    """
    if any(mark in body for mark in _COLONS_SET_OFF):
        return False
    unmatched = body.count(b'":') - _fields(value)
    return not unmatched or unmatched == _fields_within_data(value)


_COLONS_SET_OFF: Final = (b" :", b"\t:", b"\n:", b"\r:")


def _fields(value: object) -> int:
    """Count the fields of an event, or of each in a batch, and of their data: all there are in most types."""
    return sum(len(event) + len(data) for event, data in _events(value))


def _fields_within_data(value: object) -> int:
    return sum(len(each) for _, data in _events(value) for each in data.values() if isinstance(each, dict))


def _events(value: object) -> Iterator[tuple[dict[str, object], dict[str, object]]]:
    """Give each event with its data, empty where these are no object."""
    for event in value if isinstance(value, list) else (value,):
        if isinstance(event, dict):
            data = event.get("data")
            yield event, data if isinstance(data, dict) else {}


def _object(pairs: list[tuple[str, object]]) -> dict[str, object]:
    read = dict(pairs)
    return Ambiguous(read) if len(read) < len(pairs) or any(map(_is_ambiguous, read.values())) else read


def _is_ambiguous(value: object) -> bool:
    return isinstance(value, Ambiguous) or (isinstance(value, list) and any(map(_is_ambiguous, value)))


_TWICE: Final = Refused(Reason.UNREADABLE, "an object names one of its fields twice; say which of the two is meant")


def structured(event: object) -> Sent:
    """Take apart one event of the JSON format; whatever is no JSON object becomes an event without attributes."""
    if _is_ambiguous(event):
        return Sent({}, to_json(event), _TWICE)
    if not isinstance(event, dict):
        return Sent({}, to_json(event), Refused(Reason.UNREADABLE, "an event must be a JSON object"))
    attributes = {name: value for name, value in event.items() if name != "data"}
    return Sent(attributes, to_json(event["data"]) if "data" in event else b"{}")


def binary_http(headers: Mapping[str, str], body: bytes, value: object) -> Sent:
    """Read an event whose attributes are HTTP headers, percent-encoded as the binding says; its data are `value`."""
    attributes = {
        name.removeprefix(HTTP_PREFIX): unquote(value, errors="replace")
        for name, value in headers.items()
        if name.startswith(HTTP_PREFIX)
    }
    return Sent(attributes, body, _TWICE if _is_ambiguous(value) else None)


def binary_kafka(headers: Mapping[str, str], body: bytes, value: object) -> Sent:
    """Read an event whose attributes are Kafka headers; its data are `value`."""
    attributes = {
        name.removeprefix(KAFKA_PREFIX): value for name, value in headers.items() if name.startswith(KAFKA_PREFIX)
    }
    return Sent(attributes, body, _TWICE if _is_ambiguous(value) else None)


_MEDIA_TYPE: Final = re.compile(r"\s*([a-z0-9.+/\-]+)\s*(?:;\s*charset\s*=\s*\"?([a-z0-9\-]+)\"?\s*)?", re.IGNORECASE)


def media_type(header: str) -> str | None:
    """Return the lower-case media type of a content type in UTF-8; None for another character set or form."""
    match = _MEDIA_TYPE.fullmatch(header)
    if match is None or (match[2] or "utf-8").lower() not in {"utf-8", "utf8"}:
        return None
    return match[1].lower()
