"""The shell around every page: templates of all rooms, the language, the navigation, problems shown to people."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from babel.support import NullTranslations
from fastapi import FastAPI, Request, Response
from fastapi.responses import HTMLResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup
from starlette.staticfiles import StaticFiles

from services.runtime.access import COOKIE, Access, Principal
from services.runtime.authorities import Authority
from services.runtime.problems import Problem
from services.runtime.web.formats import HIDDEN, filters
from services.runtime.web.headers import SecurityHeaders
from services.runtime.web.languages import (
    LANGUAGE_COOKIE,
    LANGUAGES,
    NAMES,
    Language,
    known_language,
    language_of,
    translations,
)
from services.runtime.web.navigation import NavItem, offered_to, person_of

_HERE: Final = Path(__file__).parent
_SERVICES: Final = _HERE.parents[1]
_YEAR_SECONDS: Final = 365 * 86_400
_STYLE_SECONDS: Final = 3600


@dataclass(frozen=True, slots=True)
class DemoUser:
    """Someone whom embedded mode lets in by a click; `token` stays inside the process."""

    principal: Principal
    token: str


@dataclass(frozen=True)
class Shell:
    """What pages need beside their own content; `app.state.shell` holds it."""

    environments: Mapping[Language, Environment]
    items: Sequence[NavItem]
    authorities: Mapping[str, Authority]
    demo_users: Sequence[DemoUser]


def template_folders() -> list[Path]:
    """Return the folders of templates: the shell's own and those of every room."""
    return [_HERE / "templates", *sorted(_SERVICES.glob("*/templates"))]


def _spoken(found: NullTranslations) -> Callable[..., str]:
    def spoken(text: str, **values: object) -> str:
        said = found.gettext(text) if text else ""
        # Without values nothing is filled in, so that a text from elsewhere may hold a per cent sign; and neither way
        # is markup believed.
        return Markup("{}").format(said) % values if values else said

    return spoken


def _environment(language: Language, found: NullTranslations) -> Environment:
    environment = Environment(
        loader=FileSystemLoader(template_folders()),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        extensions=["jinja2.ext.i18n"],
    )
    environment.filters.update(filters(language))
    environment.globals.update(language=language, hidden=HIDDEN)
    # The extension brings this method at run time and so the library's types do not know it.
    environment.install_gettext_translations(found, newstyle=True)  # type: ignore[attr-defined]
    environment.globals["_"] = _spoken(found)
    return environment


def _authority_name(authority: Authority | None, language: Language) -> str:
    if authority is None:
        return ""
    return {"fi": authority.name_fi, "sv": authority.name_sv, "en": authority.name_en}[language]


def _in_language(request: Request, language: Language) -> str:
    url = request.url.include_query_params(lang=language)
    return f"{url.path}?{url.query}"


def _frame(request: Request, shell: Shell, principal: Principal | None, language: Language) -> dict[str, object]:
    authority = shell.authorities.get(principal.authority) if principal else None
    return {
        "request_path": request.url.path,
        "principal": principal,
        "person": person_of(principal) if principal else None,
        "authority_name": _authority_name(authority, language),
        "navigation": offered_to(principal, shell.items),
        "languages": [(code, NAMES[code], _in_language(request, code)) for code in LANGUAGES],
    }


def page(
    request: Request, template: str, principal: Principal | None = None, status: int = 200, **context: object
) -> HTMLResponse:
    """Return `template` (a path such as `indicators/stock.html`) filled with `context`, in the reader's language.

    Templates extend `layout.html`, write English in `_("…")` and use the filters that `formats` gives.
    """
    shell: Shell = request.app.state.shell
    language = language_of(request)
    told = _frame(request, shell, principal, language) | context
    response = HTMLResponse(shell.environments[language].get_template(template).render(told), status)
    response.headers["Content-Language"] = language
    response.headers["Vary"] = "Accept-Language, Cookie"
    if known_language(request.query_params.get("lang")):
        response.set_cookie(LANGUAGE_COOKIE, language, max_age=_YEAR_SECONDS, samesite="lax", httponly=True)
    return response


def _signed_in(request: Request) -> Principal | None:
    access: Access = request.app.state.access
    cookie = request.cookies.get(COOKIE)
    return access.principal_of_session(cookie) if cookie else None


def _problem_page(request: Request, problem: Problem) -> Response:
    response = page(request, "problem.html", _signed_in(request), problem.status, problem=problem)
    response.headers.update(problem.headers)
    return response


class _Style(StaticFiles):
    """Files of the shell; they hold nothing of anybody and may be kept a while."""

    def file_response(self, *args: object, **kwargs: object) -> Response:
        response = super().file_response(*args, **kwargs)  # type: ignore[arg-type] # passed on as they came
        response.headers["Cache-Control"] = f"public, max-age={_STYLE_SECONDS}"
        return response


def install_shell(
    app: FastAPI,
    items: Sequence[NavItem],
    authorities: Mapping[str, Authority],
    demo_users: Sequence[DemoUser] = (),
) -> None:
    """Give `app` the shell: pages, style, security headers and problems shown as pages.

    `items` is what the rooms of this process offer; `demo_users` only where the process listens on loopback alone.
    """
    environments = {language: _environment(language, translations(language)) for language in LANGUAGES}
    app.state.shell = Shell(environments, tuple(items), authorities, tuple(demo_users))
    app.state.problem_page = _problem_page
    app.mount("/static", _Style(directory=_HERE / "static"), name="static")
    app.add_middleware(SecurityHeaders)
