"""What people are called here, and what the navigation offers to whom."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from services.runtime.access import Principal, Role
from services.runtime.web.languages import translatable

ROLE_NAMES: Final[Mapping[Role, str]] = {
    Role.COORDINATOR: translatable("Coordinator"),
    Role.SUPERVISOR: translatable("Supervisor"),
    Role.FINANCE: translatable("Finance officer"),
    Role.ANALYST: translatable("Analyst"),
    Role.ADMIN: translatable("Administrator"),
}
"""The roles that people have; senders and services are machines and open no pages."""


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody as pages name them: the role's name in English, and their own where it says more than the role."""

    role_name: str
    name: str


def person_of(principal: Principal) -> Person:
    """Return how pages name `principal`."""
    own = "" if principal.name == principal.role.value else principal.name
    return Person(ROLE_NAMES.get(principal.role, principal.role.value), own)


@dataclass(frozen=True, slots=True)
class NavItem:
    """A page that a room offers: its address, its name in English (translated when shown) and the roles it is for.

    `summary` is one sentence for the start page.
    """

    path: str
    title: str
    roles: tuple[Role, ...]
    summary: str = ""


def offered_to(principal: Principal | None, items: Sequence[NavItem]) -> list[NavItem]:
    """Return the items that `principal` may open; nobody in particular may open none."""
    return [item for item in items if principal is not None and principal.role in item.roles]
