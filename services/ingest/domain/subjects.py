"""Whom a fact is about, as a sender says it: `hetu:`, `case:`, `ref:`, `survey/` or `offer/`."""

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from stdnum.exceptions import ValidationError as NotValidError
from stdnum.fi import hetu

from contracts.text import holds_identity_code
from services.ingest.domain.refusals import Reason, RefusedError


class Kind(StrEnum):
    """Ways to say whom a fact is about."""

    HETU = "hetu"
    CASE = "case"
    REF = "ref"
    SURVEY = "survey"
    OFFER = "offer"


CLIENT_KINDS: Final = frozenset({Kind.HETU, Kind.CASE, Kind.REF})


@dataclass(frozen=True, slots=True)
class Subject:
    """A subject as said at the door, in its one normal form."""

    kind: Kind
    value: str

    @property
    def is_client(self) -> bool:
        """Whether it means a person, and so may never stand inside as it came."""
        return self.kind in CLIENT_KINDS

    def __str__(self) -> str:
        return f"{self.kind}{':' if self.is_client else '/'}{self.value}"


# Identity codes have ASCII digits and one of the century signs in use, those of 2023 included.
_IDENTITY_CODE: Final = re.compile(r"[0-9]{6}[-+A-FU-Y][0-9]{3}[0-9A-Y]")
_CASE: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/\-]{0,59}")
_REFERENCE: Final = re.compile(r"c[1-9][0-9]{0,2}-[a-z2-7]{26}")
_NAMED: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/\-]{0,79}")
_INSIDE_WORDS: Final = ("client/", "survey/", "offer/")

_FORMS: Final = "hetu:<identity code>, case:<number> or ref:<client reference>"


def identity_code(value: str, field: str, *, temporary: bool) -> str:
    """Return a personal identity code in capitals; `temporary` lets the made-up numbers 900-999 pass.

    The century sign is kept: since 2023 it distinguishes people. Raises RefusedError. Source: Digital and Population
    Data Services Agency (the form and the check character), as python-stdnum implements it.
    """
    code = value.upper()
    try:
        if not _IDENTITY_CODE.fullmatch(code):
            raise ValueError  # noqa: TRY301 - one answer for all that is wrong with a code
        hetu.validate(code, allow_temporary=temporary)
    except (NotValidError, ValueError):
        raise RefusedError(
            Reason.WRONG_IDENTITY_CODE,
            "is not a valid personal identity code; check its form (ddmmyyXnnnC), date and check character"
            + ("" if temporary else "; made-up codes (individual numbers 900-999) are refused here"),
            field,
        ) from None
    return code


def client_subject(text: str, *, temporary: bool) -> Subject:
    """Read the subject of a fact about a client; a bare value is a case number. Raises RefusedError."""
    prefix, colon, rest = text.partition(":")
    if prefix == Kind.HETU and colon:
        return Subject(Kind.HETU, identity_code(rest, "subject", temporary=temporary))
    if prefix == Kind.REF and colon:
        return Subject(Kind.REF, _matching(_REFERENCE, rest))
    if holds_identity_code(text):
        raise RefusedError(
            Reason.PERSONAL_DATA,
            "is shaped like a personal identity code; send that only as hetu:<identity code>",
            "subject",
        )
    return Subject(Kind.CASE, _case(text, rest if prefix == Kind.CASE and colon else None))


def _case(text: str, named: str | None) -> str:
    if named is None and (text.startswith(_INSIDE_WORDS) or _REFERENCE.fullmatch(text)):
        raise _wrong(f"must say who the fact is about as {_FORMS}")
    return _matching(_CASE, text if named is None else named)


def named_subject(text: str, kind: Kind) -> Subject:
    """Read `survey/<survey>` or `offer/<service>`. Raises RefusedError."""
    word, _, rest = text.partition("/")
    if holds_identity_code(text):
        raise RefusedError(Reason.PERSONAL_DATA, "is shaped like a personal identity code; leave it out", "subject")
    if word != kind or not _NAMED.fullmatch(rest):
        raise _wrong(f"must be {kind}/<name> for this type of fact")
    return Subject(kind, rest)


def _matching(pattern: re.Pattern[str], value: str) -> str:
    if not pattern.fullmatch(value):
        raise _wrong(f"must say who the fact is about as {_FORMS}")
    return value


def _wrong(text: str) -> RefusedError:
    return RefusedError(Reason.WRONG_SUBJECT, text, "subject")
