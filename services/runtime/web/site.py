"""A process's whole web side in one call: problems, the shell, sign-in and the start page."""

from collections.abc import Mapping, Sequence

from fastapi import FastAPI

from services.runtime.access import install_problems
from services.runtime.authorities import Authority
from services.runtime.parameters import install_parameters
from services.runtime.web import sign_in
from services.runtime.web.navigation import NavItem
from services.runtime.web.shell import DemoUser, install_shell


def install_site(
    app: FastAPI,
    items: Sequence[NavItem],
    authorities: Mapping[str, Authority],
    demo_users: Sequence[DemoUser] = (),
) -> None:
    """Install what all routes and pages need on `app`, whose `state.access` the caller sets; routes are added later.

    `items` is what the rooms of this process offer; `demo_users` only where the process listens on loopback alone.
    """
    install_problems(app)
    install_parameters(app)
    install_shell(app, items, authorities, demo_users)
    app.include_router(sign_in.router)
