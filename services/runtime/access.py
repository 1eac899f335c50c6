"""Who is asking: roles, tokens kept as digests only, and the dependency by which a route says who may come in.

Keys of senders are ingest's own; here are people, analysts' scripts and the services themselves.
"""

import hashlib
import hmac
import secrets
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Final
from urllib.parse import urlsplit

from fastapi import Depends, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from pydantic import BaseModel, ConfigDict, StringConstraints, TypeAdapter, ValidationError

from contracts.faults import faults_of
from services.runtime.problems import Problem, SignInNeeded, install_problems, wants_page

__all__ = [
    "ANY_AUTHORITY",
    "COOKIE",
    "Access",
    "Credential",
    "Principal",
    "Problem",
    "Role",
    "allow",
    "digest_of",
    "install_problems",
    "new_token",
]

COOKIE: Final = "askelma_session"
SESSION_SECONDS: Final = 8 * 3600
"""A working day: longer, and a shared desk stays signed in overnight; shorter, and people sign in again after lunch."""

ANY_AUTHORITY: Final = "*"
"""The authority of the services themselves, which act for all."""

TOKEN_BYTES: Final = 32
"""256 random bits: too many to guess, so that a plain digest suffices where a password would need a slow one."""


class Role(StrEnum):
    """What someone may see and do; every role is scoped to one authority."""

    SENDER = "sender"
    COORDINATOR = "coordinator"
    SUPERVISOR = "supervisor"
    FINANCE = "finance"
    ANALYST = "analyst"
    ADMIN = "admin"
    SERVICE = "service"


@dataclass(frozen=True, slots=True)
class Principal:
    """Someone who has shown who they are. `name` of a coordinator is their id in the facts."""

    role: Role
    authority: str
    name: str


class Credential(BaseModel):
    """One entry of the access file: the digest of a token and whom it makes its bearer."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    token_sha256: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
    role: Role
    authority: Annotated[str, StringConstraints(min_length=1, max_length=80)]
    name: Annotated[str, StringConstraints(min_length=1, max_length=80)]

    @property
    def principal(self) -> Principal:
        return Principal(self.role, self.authority, self.name)


_CREDENTIALS: Final = TypeAdapter(list[Credential])


def new_token() -> str:
    """Return a fresh token to hand to its bearer; only its digest is to be kept."""
    return secrets.token_urlsafe(TOKEN_BYTES)


def digest_of(token: str) -> str:
    """Return the digest under which `token` is kept: SHA-256, hexadecimal."""
    return hashlib.sha256(token.encode()).hexdigest()


class Access:
    """All who may come in. Loaded once; only embedded mode adds to it, at its start.

    `secret` signs the sign-in cookie and must be the same in all processes behind one address; without one, a random
    one is taken and a restart signs everybody out. `now` is the machine's clock in epoch seconds, not the system's:
    a demo may run its own time fast without ending anybody's session.
    """

    def __init__(
        self,
        credentials: Iterable[Credential] = (),
        secret: bytes | None = None,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._credentials = tuple(credentials)
        self._key = hmac.digest(secret or secrets.token_bytes(32), b"askelma session", "sha256")
        self._now = now

    @classmethod
    def load(cls, file: Path, secret: bytes | None = None) -> "Access":
        """Read the access file, a JSON list of credentials. Raises ValueError that names the entry and field."""
        try:
            return cls(_CREDENTIALS.validate_json(file.read_bytes()), secret)
        except ValidationError as error:
            raise ValueError(f"the access file {file} cannot be used: {faults_of(error)}") from None

    def add(self, token: str, principal: Principal) -> None:
        """Let the bearer of `token` in as `principal` (embedded mode, and the services' own token)."""
        credential = Credential(
            token_sha256=digest_of(token), role=principal.role, authority=principal.authority, name=principal.name
        )
        self._credentials = (*self._credentials, credential)

    def principal_of(self, token: str) -> Principal | None:
        """Return whom `token` makes its bearer; an empty one, nobody. A near miss takes as long as any other."""
        return self._of_digest(digest_of(token)) if token else None

    def _of_digest(self, digest: str) -> Principal | None:
        found: Principal | None = None
        for credential in self._credentials:  # every one is compared, so that time tells nothing
            if hmac.compare_digest(credential.token_sha256, digest):
                found = credential.principal
        return found

    def session_for(self, token: str) -> str:
        """Return the value of the sign-in cookie for the bearer of `token`: digest, end, signature."""
        return self._signed(f"{digest_of(token)}.{int(self._now()) + SESSION_SECONDS}")

    def _signed(self, statement: str) -> str:
        return f"{statement}.{hmac.new(self._key, statement.encode(), 'sha256').hexdigest()}"

    def principal_of_session(self, cookie: str) -> Principal | None:
        """Return who signed in with `cookie`; None where it is forged, over, or its token is no longer known."""
        digest, _, rest = cookie.partition(".")
        end = rest.partition(".")[0]
        if not hmac.compare_digest(self._signed(f"{digest}.{end}").encode(), cookie.encode()):
            return None
        return self._of_digest(digest) if float(end) > self._now() else None


_BEARER = HTTPBearer(auto_error=False, description="A token of Askelma, as `Authorization: Bearer <token>`.")
_CHALLENGE: Final = {"WWW-Authenticate": "Bearer"}
_SAFE_METHODS: Final = frozenset({"GET", "HEAD", "OPTIONS"})


def came_from_own_page(request: Request) -> bool:
    """Tell whether what changes something comes from a page of this very host; a cookie goes along by itself."""
    if request.method in _SAFE_METHODS:
        return True
    origin = request.headers.get("origin")
    if origin is not None:
        return urlsplit(origin).netloc == request.headers.get("host", "")
    return request.headers.get("sec-fetch-site", "same-origin") in {"same-origin", "none"}


def _of_cookie(request: Request, access: Access) -> Principal | None:
    cookie = request.cookies.get(COOKIE)
    if cookie is None:
        return None
    if not came_from_own_page(request):
        raise Problem(
            403, "Foreign page", "This can be sent only from a page of this very site. Open it and try again."
        )
    return access.principal_of_session(cookie)


def who_asks(request: Request, bearer: HTTPAuthorizationCredentials | None) -> Principal | None:
    """Return who asks: the bearer of a token, else the person who signed in, else None."""
    access: Access = request.app.state.access
    if "authorization" in request.headers:
        return access.principal_of(bearer.credentials) if bearer else None
    return _of_cookie(request, access)


@dataclass(frozen=True)
class Allowed:
    """The dependency made by `allow`; tests that walk all routes read `roles`."""

    roles: frozenset[Role]

    async def __call__(
        self, request: Request, bearer: Annotated[HTTPAuthorizationCredentials | None, Depends(_BEARER)]
    ) -> Principal:
        principal = who_asks(request, bearer)
        if principal is None:
            raise _unknown(request)
        if principal.role not in self.roles:
            raise Problem(
                403,
                "Not for this role",
                "Your role may not do this. Ask a colleague whose role may, or your administrator.",
                role=principal.role,
                roles=[*sorted(self.roles)],
            )
        return principal


def _unknown(request: Request) -> Exception:
    if request.method == "GET" and wants_page(request) and "authorization" not in request.headers:
        query = f"?{request.url.query}" if request.url.query else ""
        return SignInNeeded(request.url.path + query)
    return Problem(
        401,
        "Not signed in",
        "Send a token that is known here as Authorization: Bearer <token>, or sign in.",
        headers=_CHALLENGE,
    )


def allow(*roles: Role) -> Allowed:
    """Return the dependency that lets `roles` in and gives the route its Principal.

    Use it as `principal: Annotated[Principal, Depends(allow(Role.FINANCE))]`. The route itself keeps to the
    principal's authority. Without a name: 401, or on pages the way to sign-in; another role: 403.
    """
    if not roles:
        raise ValueError("a route allows at least one role")
    return Allowed(frozenset(roles))
