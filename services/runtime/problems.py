"""Errors of the HTTP API as problem details (RFC 9457): what was wrong, where, and what to do; never a sent value."""

import re
from collections.abc import Callable, Mapping, Sequence
from http import HTTPStatus
from typing import Final
from urllib.parse import urlencode

import asyncpg
import structlog
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, RedirectResponse
from pydantic import JsonValue
from sqlalchemy.exc import SQLAlchemyError
from starlette.exceptions import HTTPException

from contracts.faults import fault_of
from contracts.text import holds_identity_code
from services.runtime.database import is_away
from services.runtime.web.languages import translatable

MEDIA_TYPE: Final = "application/problem+json"

_RETRY_AFTER: Final = "5"
"""Seconds: a restart of the database takes about as long; sooner is a refused connection more, later is waiting."""

_log = structlog.get_logger("problems")

ProblemPage = Callable[[Request, "Problem"], Response]
"""Shows a problem to a person; the web shell gives one, an API process has none."""


class Problem(Exception):  # noqa: N818 - RFC 9457 calls it a problem
    """An answer other than success: HTTP `status`, a `title` that is the same each time, a `detail` for this time.

    Further members of the problem document are given as keywords. No text may repeat what the caller sent.
    """

    def __init__(
        self,
        status: int,
        title: str,
        detail: str,
        *,
        headers: Mapping[str, str] | None = None,
        **extensions: JsonValue,
    ) -> None:
        super().__init__(title)
        self.status = status
        self.title = title
        self.detail = detail
        self.headers = dict(headers or {})
        self.extensions = extensions

    @property
    def document(self) -> dict[str, JsonValue]:
        """The problem document."""
        said: dict[str, JsonValue] = {"type": "about:blank", "title": self.title, "status": self.status}
        return {**said, "detail": self.detail, **self.extensions}


class SignInNeeded(Exception):  # noqa: N818 - not an error: the page is shown once the person is known
    """A person opened a page without having signed in; `path` is where to go afterwards."""

    def __init__(self, path: str) -> None:
        super().__init__("sign-in needed")
        self.path = path


_TITLES: Final[Mapping[int, tuple[str, str]]] = {
    404: (
        translatable("Not found"),
        translatable("There is nothing at this address. Check the path and the names in it."),
    ),
    405: (
        translatable("Method not allowed"),
        translatable("This address does not take this method. The header Allow lists those it takes."),
    ),
}


def wants_page(request: Request) -> bool:
    """Tell whether a person's browser asks, not a program."""
    return "text/html" in request.headers.get("accept", "")


def problem_response(problem: Problem) -> JSONResponse:
    """Return `problem` as `application/problem+json`."""
    return JSONResponse(problem.document, problem.status, headers=problem.headers, media_type=MEDIA_TYPE)


def _shown(request: Request, problem: Problem) -> Response:
    page: ProblemPage | None = getattr(request.app.state, "problem_page", None)
    if page is not None and wants_page(request):
        return page(request, problem)
    return problem_response(problem)


_FIELD = re.compile(r"^[A-Za-z_][A-Za-z0-9_\-]{0,39}$")


def _named(location: Sequence[int | str]) -> str:
    def shown(part: int | str) -> str:
        if isinstance(part, int):
            return str(part)
        return part if _FIELD.match(part) and not holds_identity_code(part) else "?"

    return ".".join(shown(part) for part in location) or "body"


def _sought(location: Sequence[int | str]) -> Sequence[int | str]:
    """Return where to look: a parameter by its name alone, what stands in the body with the way to it."""
    return location[1:] if len(location) > 1 and location[0] in {"query", "path", "header"} else location


def unusable_parameters(error: RequestValidationError) -> Problem:
    """Return the problem that names each parameter of `error` and what is wrong with it, without the value sent."""
    rows = error.errors()
    if any(row["type"] == "json_invalid" for row in rows):
        return Problem(400, "Unreadable request", "The body is not JSON.")
    items: list[JsonValue] = [
        {
            "parameter": _named(_sought(row["loc"][:-1] if row["type"] == "extra_forbidden" else row["loc"])),
            "reason": fault_of(row),
        }
        for row in rows
    ]
    return Problem(
        422, "Unusable parameters", "Some parameters are missing or not of their form; errors lists them.", errors=items
    )


def unusable(parameter: str, reason: str) -> Problem:
    """Return the problem of one query parameter; `reason` goes on after its name and repeats no value sent."""
    return Problem(
        422, "Unusable parameters", f"{parameter} {reason}.", errors=[{"parameter": parameter, "reason": reason}]
    )


def unknown_parameters(unknown: Sequence[str], known: Sequence[str]) -> Problem:
    """Return the problem that names query parameters which are not among the `known` ones, and lists these."""
    takes = f"known are {', '.join(known)}" if known else "this address takes none"
    reason = f"is not a parameter of this address; {takes}"
    names = [_named([name]) for name in unknown]
    items: list[JsonValue] = [{"parameter": name, "reason": reason} for name in names]
    return Problem(422, "Unusable parameters", f"{names[0]} {reason}.", errors=items)


def of_status(status: int, headers: Mapping[str, str] | None = None) -> Problem:
    """Return the problem that says no more than the HTTP status does."""
    phrase = HTTPStatus(status).phrase
    title, detail = _TITLES.get(status, (phrase.capitalize(), f"The request ended with {status} {phrase}."))
    return Problem(status, title, detail, headers=headers)


def _database_away() -> Problem:
    return Problem(
        503,
        "Database away",
        "The database cannot be reached now, and the request was not finished. Send the same again in a moment.",
        headers={"Retry-After": _RETRY_AFTER},
    )


def install_problems(app: FastAPI) -> None:
    """Make every error of `app` a problem document, or a page where a person's browser asks and the shell has one."""

    async def problem(request: Request, error: Exception) -> Response:
        assert isinstance(error, Problem)  # noqa: S101 - registered for this class only
        return _shown(request, error)

    async def sign_in(_request: Request, error: Exception) -> Response:
        assert isinstance(error, SignInNeeded)  # noqa: S101 - registered for this class only
        return RedirectResponse(f"/sign-in?{urlencode({'next': error.path})}", 303)

    async def parameters(request: Request, error: Exception) -> Response:
        assert isinstance(error, RequestValidationError)  # noqa: S101 - registered for this class only
        return _shown(request, unusable_parameters(error))

    async def status(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)  # noqa: S101 - registered for this class only
        return _shown(request, of_status(error.status_code, error.headers))

    async def unexpected(request: Request, error: Exception) -> Response:
        del error  # its text may hold what was sent; the log has its class and place
        return _shown(
            request,
            Problem(500, "Internal error", "Something failed on our side and is in our log. Try again in a moment."),
        )

    async def away(request: Request, error: Exception) -> Response:
        if not is_away(error):
            raise error  # a fault of ours, for `unexpected`
        route = getattr(request.scope.get("route"), "path_format", None)
        _log.warning("database_away", error=type(error).__name__, method=request.method, route=route)
        return _shown(request, _database_away())

    app.add_exception_handler(Problem, problem)
    app.add_exception_handler(SignInNeeded, sign_in)
    app.add_exception_handler(RequestValidationError, parameters)
    app.add_exception_handler(HTTPException, status)
    for failure in (SQLAlchemyError, asyncpg.PostgresError, OSError):
        app.add_exception_handler(failure, away)
    app.add_exception_handler(Exception, unexpected)
