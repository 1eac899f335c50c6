"""What the navigation offers to whom."""

from collections.abc import Sequence
from dataclasses import dataclass

from services.runtime.access import Principal, Role


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
