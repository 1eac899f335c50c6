"""What a sender may say: for which authority, which types of fact, which municipalities and from which sources."""

from dataclasses import dataclass

from contracts.facts import ClientMoved
from services.ingest.domain.door import Accepted
from services.ingest.domain.refusals import Reason, Refused


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
        return Refused(Reason.OUT_OF_SCOPE, "this key may not send this type of fact; ask for a wider key", "type")
    if scope.sources and event.source not in scope.sources:
        return Refused(Reason.OUT_OF_SCOPE, "this key may not speak for this source; ask for a wider key", "source")
    # People move away: a key without a list of its own may say so, or the old home would go on paying.
    leaves = event.type == ClientMoved.type and not scope.municipalities
    allowed = scope.municipalities or members
    if event.municipality is not None and event.municipality not in allowed and not leaves:
        return Refused(
            Reason.OUT_OF_SCOPE, "this key may not send facts of this municipality; ask for a wider key", "data"
        )
    return None
