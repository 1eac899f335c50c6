"""Authenticated encryption of what the vault and the quarantine keep."""

import secrets
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from services.ingest.domain.pseudonyms import Keyring

_NONCE_BYTES: Final = 12
"""The size that NIST SP 800-38D gives for random nonces; 2^32 seals a key are far off for one authority's people."""

_VERSION_BYTES: Final = 2


class UnsealedError(ValueError):
    """What was kept cannot be opened: its key is gone, or it was changed."""


class Seals:
    """Seals under the newest key and opens under the one that each seal names."""

    def __init__(self, keys: Keyring) -> None:
        self._newest = keys.version
        self._ciphers = {version: AESGCM(key) for version, key in keys.seals.items()}

    def sealed(self, content: bytes, place: str) -> bytes:
        """Return `content` encrypted; it opens only as of the same `place`, so rows cannot be swapped."""
        nonce = secrets.token_bytes(_NONCE_BYTES)
        version = self._newest.to_bytes(_VERSION_BYTES, "big")
        return version + nonce + self._ciphers[self._newest].encrypt(nonce, content, place.encode())

    def opened(self, sealed: bytes, place: str) -> bytes:
        """Return what `sealed` hides. Raises UnsealedError."""
        version = int.from_bytes(sealed[:_VERSION_BYTES], "big")
        nonce, content = sealed[_VERSION_BYTES:][:_NONCE_BYTES], sealed[_VERSION_BYTES + _NONCE_BYTES :]
        try:
            return self._ciphers[version].decrypt(nonce, content, place.encode())
        except (KeyError, InvalidTag, ValueError):
            raise UnsealedError("a sealed entry cannot be opened with the secrets given") from None
