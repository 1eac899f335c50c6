"""Keyed hashes by which the room knows people and contents without keeping them in the clear.

One secret per key version; each purpose has a key of its own, so that what one table shows says nothing of another.
"""

import base64
import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import count
from typing import Final

from contracts.text import holds_identity_code
from services.ingest.domain.subjects import Kind, Subject

LEAST_SECRET_BYTES: Final = 32
"""A shorter secret could be found by trying; there are only some millions of identity codes to test it on."""

_REFERENCE_BYTES: Final = 16
"""128 bits are 26 characters of base32: no two of any number of clients will meet."""


@dataclass(frozen=True, slots=True)
class Keyring:
    """Keys of one installation.

    References are issued and sealed under the newest version. What is looked up again must hash alike for ever, so
    `lookup` and `content` come from the oldest: rotation changes neither a reference once issued nor `id_reuse`.
    """

    version: int
    pseudonym: bytes
    lookup: bytes
    content: bytes
    seals: Mapping[int, bytes]


def keyring(secrets: Mapping[int, bytes]) -> Keyring:
    """Return the keys that follow from `secrets`, by version from 1. Raises ValueError for none or a short one."""
    if not secrets or any(len(secret) < LEAST_SECRET_BYTES for secret in secrets.values()):
        raise ValueError(f"the vault needs at least one secret, each of at least {LEAST_SECRET_BYTES} bytes")
    oldest, newest = min(secrets), max(secrets)
    return Keyring(
        version=newest,
        pseudonym=_derived(secrets[newest], "pseudonym"),
        lookup=_derived(secrets[oldest], "lookup"),
        content=_derived(secrets[oldest], "content"),
        seals={version: _derived(secret, "seal") for version, secret in secrets.items()},
    )


def _derived(secret: bytes, purpose: str) -> bytes:
    # The expand step of HKDF (RFC 5869) for one block; the secret is random already, so no extract step is needed.
    return hmac.digest(secret, f"askelma ingest {purpose}".encode() + b"\x01", "sha256")


def lookup_of(keys: Keyring, authority: str, source: str, subject: Subject) -> bytes:
    """Return the keyed hash by which the vault knows `subject`; a case number is scoped to its source."""
    scope = source if subject.kind is Kind.CASE else ""
    return hmac.digest(keys.lookup, _joined(authority, subject.kind, scope, subject.value), "sha256")


def reference_of(keys: Keyring, authority: str, source: str, subject: Subject, generation: int) -> str:
    """Return the client reference to issue for `subject`: key version, then 26 characters of base32.

    It depends on nothing else, so that two requests at the same moment issue the same one.
    """
    scope = source if subject.kind is Kind.CASE else ""
    parts = (authority, subject.kind, scope, subject.value, str(generation))
    tries = (_reference(keys, _joined(*parts, str(n))) for n in count())
    return next(reference for reference in tries if not holds_identity_code(reference))


def _reference(keys: Keyring, message: bytes) -> str:
    digest = hmac.digest(keys.pseudonym, message, "sha256")[:_REFERENCE_BYTES]
    return f"c{keys.version}-{base64.b32encode(digest).decode().rstrip('=').lower()}"


def content_hash(keys: Keyring, canonical: bytes) -> bytes:
    """Return the keyed hash that tells the same statement from another under the same id."""
    return hmac.digest(keys.content, canonical, "sha256")


def _joined(*parts: str) -> bytes:
    # Lengths stand before the parts, so that no two lists of parts make the same bytes.
    return b"".join(len(raw := part.encode()).to_bytes(2, "big") + raw for part in parts)
