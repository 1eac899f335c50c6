"""Events as they come: structured or binary, over HTTP or Kafka, brought to attributes and the bytes of the data."""

import re
from collections.abc import Mapping
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
    except ValueError:
        raise UnreadableError("the body is not JSON") from None
    return value


def structured(event: object) -> Sent:
    """Take apart one event of the JSON format; whatever is no JSON object becomes an event without attributes."""
    if not isinstance(event, dict):
        return Sent({}, to_json(event), Refused(Reason.UNREADABLE, "an event must be a JSON object"))
    attributes = {name: value for name, value in event.items() if name != "data"}
    return Sent(attributes, to_json(event["data"]) if "data" in event else b"{}")


def binary_http(headers: Mapping[str, str], body: bytes) -> Sent:
    """Read an event whose attributes are HTTP headers, percent-encoded as the HTTP binding says."""
    attributes = {
        name.removeprefix(HTTP_PREFIX): unquote(value, errors="replace")
        for name, value in headers.items()
        if name.startswith(HTTP_PREFIX)
    }
    return Sent(attributes, body)


def binary_kafka(headers: Mapping[str, str], body: bytes) -> Sent:
    """Read an event whose attributes are Kafka headers."""
    attributes = {
        name.removeprefix(KAFKA_PREFIX): value for name, value in headers.items() if name.startswith(KAFKA_PREFIX)
    }
    return Sent(attributes, body)


_MEDIA_TYPE: Final = re.compile(r"\s*([a-z0-9.+/\-]+)\s*(?:;\s*charset\s*=\s*\"?([a-z0-9\-]+)\"?\s*)?", re.IGNORECASE)


def media_type(header: str) -> str | None:
    """Return the lower-case media type of a content type in UTF-8; None for another character set or form."""
    match = _MEDIA_TYPE.fullmatch(header)
    if match is None or (match[2] or "utf-8").lower() not in {"utf-8", "utf8"}:
        return None
    return match[1].lower()
