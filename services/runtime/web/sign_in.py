"""Sign-in, sign-out and the start page.

Production signs in with a token for now; embedded mode offers demo users, and only to the machine it runs on.
"""

import re
from typing import Annotated, Final
from urllib.parse import urlsplit

from fastapi import APIRouter, Depends, Form, Request, Response
from fastapi.responses import RedirectResponse

from services.runtime.access import COOKIE, SESSION_SECONDS, Access, Principal, allow, came_from_own_page
from services.runtime.problems import Problem
from services.runtime.web.navigation import ROLE_NAMES, offered_to, person_of
from services.runtime.web.shell import Shell, page

PEOPLE: Final = tuple(ROLE_NAMES)

_LOOPBACK: Final = frozenset({"127.0.0.1", "localhost", "::1"})
_LOCAL_PATH: Final = re.compile(r"^/(?![/\\])[^\\\x00-\x1f]*$")

router = APIRouter(include_in_schema=False)


def _is_loopback(request: Request) -> bool:
    # The name that the browser was given, so that no foreign name that resolves to this machine is served.
    return urlsplit(f"//{request.headers.get('host', '')}").hostname in _LOOPBACK


def _local(path: str) -> str:
    return path if _LOCAL_PATH.match(path) else "/"


@router.get("/")
async def start(request: Request, principal: Annotated[Principal, Depends(allow(*PEOPLE))]) -> Response:
    shell: Shell = request.app.state.shell
    return page(
        request,
        "start.html",
        principal,
        offered=offered_to(principal, shell.items),
    )


@router.get("/sign-in")
async def sign_in_page(request: Request, next: str = "/") -> Response:  # noqa: A002 - the name people see in the address
    return _sign_in_page(request, next)


def _sign_in_page(request: Request, after: str, status: int = 200, *, refused: bool = False) -> Response:
    shell: Shell = request.app.state.shell
    users = [(place, person_of(user.principal)) for place, user in enumerate(shell.demo_users)]
    return page(
        request,
        "sign_in.html",
        status=status,
        after=_local(after),
        users=users if _is_loopback(request) else [],
        refused=refused,
    )


@router.post("/sign-in")
async def sign_in(
    request: Request,
    token: Annotated[str, Form(max_length=200)] = "",
    user: Annotated[int | None, Form()] = None,
    after: Annotated[str, Form(max_length=2000)] = "/",
) -> Response:
    if not came_from_own_page(request):
        raise Problem(403, "Foreign page", "Sign in on this site's own page.")
    access: Access = request.app.state.access
    shown = token.strip() if user is None else _demo_token(request, user)
    principal = access.principal_of(shown)
    if principal is None or principal.role not in PEOPLE:
        return _sign_in_page(request, after, 401, refused=True)
    response = RedirectResponse(_local(after), 303)
    response.set_cookie(
        COOKIE,
        access.session_for(shown),
        max_age=SESSION_SECONDS,
        httponly=True,
        samesite="strict",
        secure=not _is_loopback(request),
    )
    return response


def _demo_token(request: Request, user: int) -> str:
    shell: Shell = request.app.state.shell
    offered = shell.demo_users if _is_loopback(request) else ()
    return offered[user].token if 0 <= user < len(offered) else ""


@router.post("/sign-out")
async def sign_out(request: Request) -> Response:
    if not came_from_own_page(request):
        raise Problem(403, "Foreign page", "Sign out on this site's own page.")
    response = RedirectResponse("/sign-in", 303)
    response.delete_cookie(COOKIE, httponly=True, samesite="strict")
    return response
