"""Which webhooks there are: a YAML file that the operator writes."""

import base64
import binascii
from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path
from typing import Annotated, Final, Literal

import yaml
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr, TypeAdapter, ValidationError

from contracts.faults import faults_of
from contracts.snapshots import AlertEvent, AlertRule, AlertState

TOLD: Final[tuple[AlertState, ...]] = ("raised", "reopened", "escalated", "resolved", "withdrawn")
"""What a webhook is told unless its entry says otherwise: beginnings and ends, no updates in between."""


class WebhookFileError(ValueError):
    """The file of webhooks cannot be used; the text names the entry and the field, never a value."""


_SHORTEST_SECRET_BYTES: Final = 24
"""The least that Standard Webhooks 1.0 asks for."""


def _usable(secret: SecretStr) -> SecretStr:
    prefix, _, encoded = secret.get_secret_value().partition("_")
    try:
        key = base64.b64decode(encoded, validate=True)
    except binascii.Error:
        key = b""
    if prefix != "whsec" or len(key) < _SHORTEST_SECRET_BYTES:
        raise ValueError("is not a secret of the form whsec_<base64 of 24 bytes or more>")
    return secret


def _web_address(url: str) -> str:
    if not url.startswith(("https://", "http://")):
        raise ValueError("is not an address that begins with https://")
    return url


class Webhook(BaseModel):
    """One receiver: which alerts it is told, where, and the secret that signs. `name` must stay: the ledger uses it."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    kind: Literal["webhook"] = "webhook"
    name: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,39}$")]
    authority: Annotated[str, Field(min_length=1)]
    url: Annotated[str, AfterValidator(_web_address)]
    secret: Annotated[SecretStr, AfterValidator(_usable)]
    rules: frozenset[AlertRule] | None = None
    states: frozenset[AlertState] = frozenset(TOLD)

    @property
    def address_sha256(self) -> str:
        """A digest of the address, by which one that was disabled is known again."""
        return sha256(self.url.encode()).hexdigest()

    def wants(self, event: AlertEvent) -> bool:
        """Tell whether this receiver is to be told of `event`."""
        mine = event.authority == self.authority and event.state in self.states
        return mine and (self.rules is None or event.rule in self.rules)


_WEBHOOKS: Final = TypeAdapter(list[Webhook])


def read_webhooks(path: Path | None) -> Sequence[Webhook]:
    """Read the file at `path`, a list under `webhooks`; None: there are none. Raises WebhookFileError."""
    if path is None:
        return ()
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
        found = _WEBHOOKS.validate_python(content["webhooks"] if isinstance(content, dict) else content)
    except (OSError, yaml.YAMLError, KeyError):
        raise WebhookFileError(f"{path}: is not a readable YAML file with a list under `webhooks`") from None
    except ValidationError as error:
        raise WebhookFileError(f"{path}: {faults_of(error)}") from None
    names = [webhook.name for webhook in found]
    if len(set(names)) < len(names):
        raise WebhookFileError(f"{path}: two webhooks have the same name; the ledger could not tell them apart")
    return found
