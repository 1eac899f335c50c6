"""The only shapes that text may have inside Askelma: identifiers and codes, never free text."""

import re
from collections.abc import Mapping
from typing import Annotated, Final

from pydantic import AfterValidator, StringConstraints

# Century signs of a Finnish personal identity code, those added in 2023 included.
_IDENTITY_CODE = re.compile(r"(?<!\d)\d{6}[-+A-FU-Ya-fu-y]\d{3}[0-9A-Ya-y](?![0-9A-Za-z])")


def holds_identity_code(value: str) -> bool:
    """Tell whether `value` contains something shaped like a personal identity code."""
    return _IDENTITY_CODE.search(value) is not None


def _without_identity_code(value: str) -> str:
    if holds_identity_code(value):
        raise ValueError("is shaped like a personal identity code; send that only as the subject hetu:<code>")
    return value


_CODE: Final = r"^[a-z][a-z0-9_]{0,39}$"
_REFERENCE: Final = r"^[A-Za-z0-9][A-Za-z0-9._:/\-]{0,79}$"
_SOURCE: Final = r"^[A-Za-z][A-Za-z0-9._:/\-]{0,119}$"
_ID: Final = r"^[A-Za-z0-9][A-Za-z0-9._:/\-~]{0,119}$"
_HASH: Final = r"^[0-9a-f]{16,64}$"
_ROLE: Final = r"^[a-z][a-z0-9\-]{1,40}@[a-z0-9\-]+(\.[a-z0-9\-]+)+$"
_LANGUAGE: Final = r"^[a-z]{2,3}$"
MONTH: Final = r"^[12]\d{3}-(0[1-9]|1[0-2])$"
MUNICIPALITY: Final = r"^\d{3}$"

FORMS: Final[Mapping[str, str]] = {
    _CODE: "a lower-case word, digits and _ after its first letter, such as work_trial; at most 40 characters",
    _REFERENCE: "a letter or digit, then letters, digits and . _ : / -, at most 80 characters",
    _SOURCE: "a letter, then letters, digits and . _ : / -, at most 120 characters",
    _ID: "a letter or digit, then letters, digits and . _ : / - ~, at most 120 characters",
    _HASH: "16 to 64 hexadecimal digits in lower case",
    _ROLE: "the e-mail address of a role, in lower case and without a dot before the @",
    _LANGUAGE: "a language code of two or three letters, such as fi",
    MONTH: "a month, such as 2026-06",
    f"{MONTH}|^$": "a month, such as 2026-06",
    MUNICIPALITY: "the three digits of a municipality, such as 167 for Joensuu",
    f"{MUNICIPALITY}|^$": "the three digits of a municipality, such as 167 for Joensuu",
}
"""What a pattern asks for, in words that go on after "must be"."""

Month = Annotated[str, StringConstraints(pattern=MONTH)]
"""A month as it stands in addresses and answers."""

Code = Annotated[str, StringConstraints(pattern=_CODE)]
"""A value of a closed list, such as a service type: lower-case words joined by underscores."""

Reference = Annotated[
    str,
    StringConstraints(pattern=_REFERENCE),
    AfterValidator(_without_identity_code),
]
"""An identifier given by a municipal system: an episode, a plan, a provider, a payment batch."""

SourceName = Annotated[
    str,
    StringConstraints(pattern=_SOURCE),
    AfterValidator(_without_identity_code),
]
"""A CloudEvents `source`: a URI reference that names the sending system."""

FactId = Annotated[
    str,
    StringConstraints(pattern=_ID),
    AfterValidator(_without_identity_code),
]
"""A CloudEvents `id`, unique within its source. `~` marks an issue made by ingest and is refused at the door."""

Hash = Annotated[str, StringConstraints(pattern=_HASH)]
"""Lower-case hexadecimal digest."""

_UNSCREENED = re.compile(r"[<>{}\x00-\x08\x0b-\x1f]|\b[\w.+-]+@[\w-]+\.\w+|\+?\d[\d ()-]{7,}\d")


def _screened(value: str) -> str:
    if holds_identity_code(value) or _UNSCREENED.search(value):
        raise ValueError("holds an identity code, an address, a telephone number or markup; leave it out")
    return value


OfferText = Annotated[str, StringConstraints(min_length=1, max_length=2000), AfterValidator(_screened)]
"""Bounded free text of a service offer, screened for personal data."""

RoleAddress = Annotated[str, StringConstraints(pattern=_ROLE)]
"""An e-mail address of a role: no dot before the @, where people's addresses have one."""

Language = Annotated[str, StringConstraints(pattern=_LANGUAGE)]
"""An ISO 639 language code."""
