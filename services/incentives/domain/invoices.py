"""An insurer's invoice and what was computed, side by side. Money is whole cents."""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from functools import cached_property
from typing import Self, TypeVar

from services.incentives.domain.schemes import BENEFITS, Benefit, CostClass, Scheme


@dataclass(frozen=True, slots=True)
class Item:
    """What a line of an invoice is about; `month` is its first day, `municipality` its number of three digits."""

    municipality: str
    month: date
    benefit: Benefit
    cost_class: str

    @property
    def place(self) -> tuple[str, date]:
        """The municipality and the month: of those on an invoice all is compared."""
        return (self.municipality, self.month)


@dataclass(frozen=True, slots=True)
class InvoiceLine:
    """One line of an invoice; a correction may be negative."""

    line: int
    item: Item
    recipients: int
    cents: int


@dataclass(frozen=True, slots=True)
class Share:
    """What one payment costs its payer in one class, by month of posting.

    `client` and `payment` are numbers within one computation; `homes` are all municipalities the client has lived in.
    """

    item: Item
    client: int
    payment: int
    posted_on: date
    period_end: date
    base_cents: int
    cents: int
    homes: frozenset[str]


@dataclass(frozen=True, slots=True)
class Amount:
    """Clients with days in a class, and the municipality's share of these days."""

    recipients: int
    cents: int


@dataclass(frozen=True, slots=True)
class Compared:
    """Invoiced beside computed; the differences are invoiced less computed."""

    item: Item
    invoiced: Amount
    computed: Amount

    @property
    def agrees(self) -> bool:
        """Tell whether euros and recipients are the same."""
        return self.invoiced == self.computed

    @property
    def cents(self) -> int:
        """The difference in cents."""
        return self.invoiced.cents - self.computed.cents

    @property
    def recipients(self) -> int:
        """The difference in recipients."""
        return self.invoiced.recipients - self.computed.recipients


def anywhere(item: Item) -> Item:
    """Return what an item has in common with those of other municipalities."""
    return replace(item, municipality="")


@dataclass(frozen=True)
class Books:
    """Invoiced and computed side by side; `places` are the municipalities and months that stand on the invoice.

    `unread` is what rows are about whose amounts could not be read. `compared` is in order of municipality, month,
    benefit and class.
    """

    lines: Mapping[Item, Sequence[InvoiceLine]]
    unread: Collection[Item]
    shares: Mapping[Item, Sequence[Share]]
    places: Collection[tuple[str, date]]
    compared: Mapping[Item, Compared]
    ladders: Sequence[Sequence[CostClass]]

    @classmethod
    def of(
        cls, lines: Iterable[InvoiceLine], unread: Collection[Item], shares: Iterable[Share], scheme: Scheme
    ) -> Self:
        """Return `lines`, those about the same added up, beside what `shares` say of their months and places."""
        invoiced, computed = _by_item(lines), _by_item(shares)
        places = {item.place for item in (*invoiced, *unread)}
        owed = {item for item, found in computed.items() if item.place in places and any(one.cents for one in found)}
        compared = {
            item: Compared(item, _invoiced(invoiced.get(item, ())), _computed(computed.get(item, ())))
            for item in sorted(owed | invoiced.keys(), key=_order_of(scheme))
        }
        return cls(invoiced, unread, computed, places, compared, [rule.ladder.classes for rule in scheme.rules()])

    @cached_property
    def open(self) -> Mapping[Item, Compared]:
        """What does not agree."""
        return {item: one for item, one in self.compared.items() if not one.agrees}

    @cached_property
    def alike(self) -> Mapping[Item, Sequence[Item]]:
        """All items, invoiced or computed, by what they have in common with those of other municipalities."""
        found = defaultdict(list)
        for item in sorted({*self.compared, *self.shares}, key=lambda item: item.municipality):
            found[anywhere(item)].append(item)
        return found

    def is_settled(self, item: Item) -> bool:
        """Tell whether an item is on the invoice and agrees, so that it holds no half of a difference."""
        return item.place in self.places and item not in self.open


_About = TypeVar("_About", InvoiceLine, Share)


def _by_item(found: Iterable[_About]) -> dict[Item, list[_About]]:
    by_item: defaultdict[Item, list[_About]] = defaultdict(list)
    for one in found:
        by_item[one.item].append(one)
    return by_item


def _order_of(scheme: Scheme) -> Callable[[Item], tuple[str, date, int, int]]:
    ranks = {of_class.name: rank for rank, of_class in enumerate(scheme.classes)}
    return lambda item: (item.municipality, item.month, BENEFITS.index(item.benefit), ranks[item.cost_class])


def _invoiced(lines: Sequence[InvoiceLine]) -> Amount:
    return Amount(sum(line.recipients for line in lines), sum(line.cents for line in lines))


def _computed(shares: Sequence[Share]) -> Amount:
    return Amount(len({share.client for share in shares}), sum(share.cents for share in shares))
