"""Why the door refuses an item: closed reasons and texts for people, never a value that was sent."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from contracts.text import holds_identity_code


class Reason(StrEnum):
    """Every reason for which one event is refused."""

    UNREADABLE = "unreadable"
    UNKNOWN_TYPE = "unknown_type"
    MISSING_ATTRIBUTE = "missing_attribute"
    WRONG_ATTRIBUTE = "wrong_attribute"
    UNKNOWN_ATTRIBUTE = "unknown_attribute"
    MISSING_FIELD = "missing_field"
    WRONG_FIELD = "wrong_field"
    UNKNOWN_FIELD = "unknown_field"
    UNKNOWN_MUNICIPALITY = "unknown_municipality"
    UNKNOWN_STATUS = "unknown_status"
    IN_FUTURE = "in_future"
    WRONG_SUBJECT = "wrong_subject"
    WRONG_IDENTITY_CODE = "wrong_identity_code"
    PERSONAL_DATA = "personal_data"
    PERIOD_NOT_SPLIT = "period_not_split"
    WRONG_RETRACTION = "wrong_retraction"
    UNKNOWN_REFERENCE = "unknown_reference"
    SUBJECT_CONFLICT = "subject_conflict"
    WRONG_GENERATION = "wrong_generation"
    ERASED = "erased"
    OUT_OF_SCOPE = "out_of_scope"
    ID_REUSE = "id_reuse"


@dataclass(frozen=True, slots=True)
class Refused:
    """One event that the door cannot use: why, where (an attribute, or `data.<field>`), and what to do."""

    reason: Reason
    text: str
    field: str | None = None


class RefusedError(ValueError):
    """Carries a refusal out of a check."""

    def __init__(self, reason: Reason, text: str, field: str | None = None) -> None:
        super().__init__(reason)
        self.refused = Refused(reason, text, field)


_HARMLESS: Final = re.compile(r"[a-z_]{1,40}")


def shown_name(name: object, known: Sequence[str] = ()) -> str | None:
    """Return the name of a field if it may be said aloud: a known one, or one that cannot hold personal data."""
    if not isinstance(name, str):
        return None
    if name in known or (_HARMLESS.fullmatch(name) and not holds_identity_code(name)):
        return name
    return None
