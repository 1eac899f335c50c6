"""Why an invoice and what was computed most likely differ.

The first of these that holds is the reason:

1. `unreadable_row`: a row of the invoice about the very same could not be read.
2. `repeated_line`: the invoice has equal lines, and the difference is one of them.
3. `recipients`: the euros are the same.
4. `move`, `late_payment`, `class_boundary`, in this order, by two differences of the invoice that explain each other:
   the same amount in another municipality or in a neighbouring month, the same base in neighbouring classes. A
   difference explains only once.
5. `move`, `late_payment`, `class_boundary`, in this order, by payments: of a client who has lived in both
   municipalities; posted at the turn of the month, or after the month of their period; split where the municipality
   begins to pay. Where several clients would fit, none does, and what is on the invoice and agrees holds no other half.
6. `missing_facts` where more was invoiced, `not_invoiced` where more was computed.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import date
from enum import StrEnum
from fractions import Fraction
from itertools import accumulate, pairwise
from typing import Final

from contracts.dates import months_before
from services.incentives.domain.invoices import Books, Compared, Item, Share, anywhere
from services.incentives.domain.money import WHOLE_BP, half_up
from services.incentives.domain.schemes import CostClass


class Reason(StrEnum):
    """Why invoiced and computed most likely differ."""

    UNREADABLE_ROW = "unreadable_row"
    REPEATED_LINE = "repeated_line"
    MOVE = "move"
    LATE_PAYMENT = "late_payment"
    CLASS_BOUNDARY = "class_boundary"
    MISSING_FACTS = "missing_facts"
    NOT_INVOICED = "not_invoiced"
    RECIPIENTS = "recipients"


Finding = tuple[Reason, tuple[Item, ...]]
_Elsewhere = tuple[Item, ...] | None
"""Where the other half stands, empty where there is no telling; None: this is not the reason."""


def likely_reasons(books: Books) -> dict[Item, Finding]:
    """Return for each difference its reason, and where the other half of it stands, as far as that is known."""
    found: dict[Item, Finding] = {}
    _try_each(books, found, _IN_THE_INVOICE)
    _pair(books, found)
    _try_each(books, found, _BY_PAYMENTS)
    for item, one in books.open.items():
        found.setdefault(item, (Reason.MISSING_FACTS if one.cents > 0 else Reason.NOT_INVOICED, ()))
    return found


def _try_each(
    books: Books,
    found: dict[Item, Finding],
    reasons: Sequence[tuple[Reason, Callable[[Books, Compared], _Elsewhere]]],
) -> None:
    for reason, look in reasons:
        for item, one in books.open.items():
            elsewhere = look(books, one) if item not in found else None
            if elsewhere is not None:
                found[item] = (reason, elsewhere)


def _pair(books: Books, found: dict[Item, Finding]) -> None:
    rest = dict.fromkeys(item for item in books.open if item not in found)
    for reason, others_of in _BY_EACH_OTHER:
        for item in list(rest):
            others = others_of(books, item, rest) if item in rest else ()
            together = (item, *others) if others else ()
            for one in together:
                found[one] = (reason, tuple(other for other in together if other != one))
                del rest[one]


# --- in the invoice itself -------------------------------------------------------------------------------------------


def _unread(books: Books, one: Compared) -> _Elsewhere:
    return () if one.item in books.unread else None


def _repeated(books: Books, one: Compared) -> _Elsewhere:
    equal = Counter((line.recipients, line.cents) for line in books.lines.get(one.item, ()))
    return () if equal[one.recipients, one.cents] > 1 else None


def _same_euros(_books: Books, one: Compared) -> _Elsewhere:
    return None if one.cents else ()


# --- differences that explain each other -----------------------------------------------------------------------------


def _same_elsewhere(books: Books, item: Item, rest: Collection[Item]) -> tuple[Item, ...]:
    return _first_opposite(books, item, (other for other in books.alike[anywhere(item)] if other in rest))


def _same_beside(books: Books, item: Item, rest: Collection[Item]) -> tuple[Item, ...]:
    return _first_opposite(books, item, (other for other in _neighbours(item) if other in rest))


def _first_opposite(books: Books, item: Item, others: Iterable[Item]) -> tuple[Item, ...]:
    cents = books.open[item].cents
    return next(((other,) for other in others if books.open[other].cents == -cents), ())


def _neighbours(item: Item) -> tuple[Item, Item]:
    """Return the same in the month before and in the month after."""
    return replace(item, month=months_before(item.month, 1)), replace(item, month=months_before(item.month, -1))


def _same_base(books: Books, item: Item, rest: Collection[Item]) -> tuple[Item, ...]:
    """Return the other classes of the shortest run of neighbouring ones whose differences come from the same days."""
    for ladder in books.ladders:
        for run in _runs([of_class for of_class in ladder if of_class.percent_bp]):
            items = [replace(item, cost_class=of_class.name) for of_class in run]
            if item in items and all(one in rest for one in items):
                percents = [of_class.percent_bp for of_class in run]
                if _is_same_base([books.open[one] for one in items], percents):
                    return tuple(one for one in items if one != item)
    return ()


def _runs(classes: Sequence[CostClass]) -> Iterator[Sequence[CostClass]]:
    for length in range(2, len(classes) + 1):
        for start in range(len(classes) - length + 1):
            yield classes[start : start + length]


def _is_same_base(differences: Sequence[Compared], percents: Sequence[int]) -> bool:
    """Tell whether the bases behind `differences`, share ÷ percent, cancel out, but for a cent for each recipient."""
    cents = [one.cents for one in differences]
    if not min(cents) < 0 < max(cents):
        return False
    recipients = [max(one.invoiced.recipients, one.computed.recipients) for one in differences]
    return abs(_base(cents, percents)) <= _base(recipients, percents)


def _base(cents: Iterable[int], percents: Iterable[int]) -> Fraction:
    return sum((Fraction(cent, percent) for cent, percent in zip(cents, percents, strict=True)), Fraction())


# --- payments that explain -------------------------------------------------------------------------------------------

_Candidates = Iterable[tuple[Item, Iterable[Share]]]
"""Payments that may be the difference, and where the other half of it would stand then."""


def _only_client(books: Books, one: Compared, candidates: _Candidates) -> _Elsewhere:
    """Return where the shares belong of the one client that they are the difference of; of several, none is meant."""
    fits: defaultdict[int, list[Item]] = defaultdict(list)
    for item, shares in candidates:
        for client in _clients_owing(shares, abs(one.cents)) if not books.is_settled(item) else ():
            fits[client].append(item)
    return tuple(*fits.values()) if len(fits) == 1 else None


def _clients_owing(shares: Iterable[Share], cents: int) -> list[int]:
    by_client: Counter[int] = Counter()
    for share in shares:
        by_client[share.client] += share.cents
    return [client for client, owed in by_client.items() if owed == cents]


def _moved(books: Books, one: Compared) -> _Elsewhere:
    """Look for a client who has lived here and elsewhere."""
    here = one.item.municipality
    if one.cents > 0:
        places = {item: books.shares.get(item, ()) for item in books.alike[anywhere(one.item)] if item != one.item}
        return _only_client(books, one, ((p, [s for s in found if here in s.homes]) for p, found in places.items()))
    mine = books.shares.get(one.item, ())
    homes = sorted({home for share in mine for home in share.homes} - {here})
    candidates = (
        (replace(one.item, municipality=home), [share for share in mine if home in share.homes]) for home in homes
    )
    return _only_client(books, one, candidates)


def _at_the_turn(books: Books, one: Compared) -> _Elsewhere:
    """Look whether the difference is what was posted on the days nearest to the turn of the month."""
    for beside in _neighbours(one.item):
        source, other = (beside, one.item) if one.cents > 0 else (one.item, beside)
        by_day = _by_posting_day(books.shares.get(source, ()))
        sums = list(accumulate(by_day if source.month > other.month else reversed(by_day)))
        # All that was computed is no matter of the turn: it was not invoiced.
        if not books.is_settled(beside) and abs(one.cents) in (sums if one.cents > 0 else sums[:-1]):
            return (beside,)
    return None


def _by_posting_day(shares: Iterable[Share]) -> list[int]:
    by_day: Counter[date] = Counter()
    for share in shares:
        by_day[share.posted_on] += share.cents
    return [by_day[day] for day in sorted(by_day)]


def _paid_late(books: Books, one: Compared) -> _Elsewhere:
    """Look for a client who was paid in a later month than that of the period, and is invoiced in the earlier."""
    before, after = _neighbours(one.item)
    source, other = (after, after) if one.cents > 0 else (one.item, before)
    late = [share for share in books.shares.get(source, ()) if share.period_end < source.month]
    return _only_client(books, one, [(other, late)])


def _at_the_first_class(books: Books, one: Compared) -> _Elsewhere:
    """Look whether payments that are split where the municipality begins to pay leave room for the difference."""
    free = _free_below(books.ladders, one.item.cost_class)
    if free is None:
        return None
    below, percent_bp = replace(one.item, cost_class=free.name), _percent_of(books.ladders, one.item.cost_class)
    unpaid = {share.payment: share.base_cents for share in books.shares.get(below, ())}
    split = [share for share in books.shares.get(one.item, ()) if share.payment in unpaid]
    most = sum(half_up(unpaid[share.payment] * percent_bp, WHOLE_BP) for share in split)
    least = -sum(share.cents for share in split)
    is_room = least <= one.cents <= most and abs(one.recipients) <= len(split)
    return (below,) if is_room else None


def _free_below(ladders: Sequence[Sequence[CostClass]], name: str) -> CostClass | None:
    """Return the class that costs nothing just below the class `name`; None: there is none."""
    pairs = (pair for ladder in ladders for pair in pairwise(ladder))
    return next((lower for lower, upper in pairs if upper.name == name and not lower.percent_bp), None)


def _percent_of(ladders: Sequence[Sequence[CostClass]], name: str) -> int:
    return next(of_class.percent_bp for ladder in ladders for of_class in ladder if of_class.name == name)


_IN_THE_INVOICE: Final = (
    (Reason.UNREADABLE_ROW, _unread),
    (Reason.REPEATED_LINE, _repeated),
    (Reason.RECIPIENTS, _same_euros),
)
_BY_EACH_OTHER: Final = (
    (Reason.MOVE, _same_elsewhere),
    (Reason.LATE_PAYMENT, _same_beside),
    (Reason.CLASS_BOUNDARY, _same_base),
)
_BY_PAYMENTS: Final = (
    (Reason.MOVE, _moved),
    (Reason.LATE_PAYMENT, _at_the_turn),
    (Reason.LATE_PAYMENT, _paid_late),
    (Reason.CLASS_BOUNDARY, _at_the_first_class),
)
