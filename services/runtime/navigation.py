"""The pages that a service offers and who finds them in the navigation."""

from dataclasses import dataclass

from services.runtime.access import Role


@dataclass(frozen=True, slots=True)
class NavItem:
    """A page: its path, its title (an English message for the catalogues) and the roles that may open it."""

    path: str
    title: str
    roles: frozenset[Role]
