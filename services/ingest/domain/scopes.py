"""What a sender may say: for which authority, which types of fact, which municipalities and from which sources."""

from dataclasses import dataclass
from typing import Final

from contracts.facts import ClientMoved, OfferPublished
from services.ingest.domain.door import Accepted
from services.ingest.domain.refusals import Reason, Refused

_WIDER: Final = "ask an administrator for a wider key"


@dataclass(frozen=True, slots=True)
class Scope:
    """A sender and what it may say. An empty set of types, municipalities or sources means any of the authority's."""

    sender: str
    authority: str
    types: frozenset[str] = frozenset()
    municipalities: frozenset[str] = frozenset()
    sources: frozenset[str] = frozenset()


def outside(scope: Scope, members: frozenset[str], event: Accepted) -> Refused | None:
    """Return the refusal of an event beyond `scope`; `members` are the authority's municipalities."""
    if scope.types and event.type not in scope.types:
        return Refused(Reason.OUT_OF_SCOPE, f"is a type of fact that this key may not send; {_WIDER}", "type")
    if scope.sources and event.source not in scope.sources:
        return Refused(Reason.OUT_OF_SCOPE, f"is a source that this key may not speak for; {_WIDER}", "source")
    # People move away: a key without a list of its own may say so, or the old home would go on paying.
    leaves = event.type == ClientMoved.type and not scope.municipalities
    allowed = scope.municipalities or members
    if event.municipality is not None and event.municipality not in allowed and not leaves:
        return Refused(
            Reason.OUT_OF_SCOPE,
            f"is a municipality whose facts this key may not send; {_WIDER}",
            "data.place" if event.type == OfferPublished.type else "data.municipality",
        )
    return None
