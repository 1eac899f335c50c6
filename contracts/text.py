"""The only shapes that text may have inside Askelma: identifiers and codes, never free text."""

import re
from typing import Annotated

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


Code = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,39}$")]
"""A value of a closed list, such as a service type: lower-case words joined by underscores."""

Reference = Annotated[
    str,
    StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._:/\-]{0,79}$"),
    AfterValidator(_without_identity_code),
]
"""An identifier given by a municipal system: an episode, a plan, a provider, a payment batch."""

SourceName = Annotated[
    str,
    StringConstraints(pattern=r"^[A-Za-z][A-Za-z0-9._:/\-]{0,119}$"),
    AfterValidator(_without_identity_code),
]
"""A CloudEvents `source`: a URI reference that names the sending system."""

FactId = Annotated[
    str,
    StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._:/\-~]{0,119}$"),
    AfterValidator(_without_identity_code),
]
"""A CloudEvents `id`, unique within its source. `~` marks an issue made by ingest and is refused at the door."""

Hash = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{16,64}$")]
"""Lower-case hexadecimal digest."""

_UNSCREENED = re.compile(r"[<>{}\x00-\x08\x0b-\x1f]|\b[\w.+-]+@[\w-]+\.\w+|\+?\d[\d ()-]{7,}\d")


def _screened(value: str) -> str:
    if holds_identity_code(value) or _UNSCREENED.search(value):
        raise ValueError("holds an identity code, an address, a telephone number or markup; leave it out")
    return value


OfferText = Annotated[str, StringConstraints(min_length=1, max_length=2000), AfterValidator(_screened)]
"""Bounded free text of a service offer, screened for personal data."""

RoleAddress = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9\-]{1,40}@[a-z0-9\-]+(\.[a-z0-9\-]+)+$")]
"""An e-mail address of a role: no dot before the @, where people's addresses have one."""

Language = Annotated[str, StringConstraints(pattern=r"^[a-z]{2,3}$")]
"""An ISO 639 language code."""
