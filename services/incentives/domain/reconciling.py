"""An insurer's invoice compared with the computed shares: what agrees, what differs, and the most likely reason."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from services.incentives.domain.invoices import Books, Compared, InvoiceLine, Item, Share
from services.incentives.domain.likely_reasons import Reason, likely_reasons
from services.incentives.domain.schemes import Scheme


@dataclass(frozen=True, slots=True)
class Difference:
    """What differs, why most likely, and `elsewhere`: where the other half of it stands, as far as it is known."""

    compared: Compared
    reason: Reason
    elsewhere: tuple[Item, ...]


@dataclass(frozen=True, slots=True)
class Reconciliation:
    """All that was compared, by municipality, month, benefit and class."""

    matches: tuple[Compared, ...]
    differences: tuple[Difference, ...]

    @property
    def compared(self) -> tuple[Compared, ...]:
        """Matches and differences together."""
        return (*self.matches, *(one.compared for one in self.differences))


def reconcile(
    lines: Iterable[InvoiceLine], unread: Collection[Item], shares: Iterable[Share], scheme: Scheme
) -> Reconciliation:
    """Compare `lines` with `shares` under `scheme`; `unread` is what rows are about whose amounts could not be read.

    Lines about the same are added up. `shares` are all those of the authority in the invoice's months and the months
    beside them: what the invoice's municipalities and months cost is compared, the rest is evidence.
    """
    books = Books.of(lines, unread, shares, scheme)
    reasons = likely_reasons(books)
    return Reconciliation(
        tuple(one for one in books.compared.values() if one.agrees),
        tuple(Difference(one, *reasons[item]) for item, one in books.open.items()),
    )
