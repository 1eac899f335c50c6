"""The fold: a client's pathway as a function of the set of facts about them (design.md section 1).

A pathway kept from earlier facts is `continued` by later ones; an earlier fact or a retraction needs `fold` of all.
Both are the one function `advance`.
"""

from bisect import bisect_right
from collections.abc import Iterable, Iterator
from typing import Final

from contracts.envelope import Fact, SortKey
from contracts.facts import RANK_PENDING, BenefitCounterSet, BenefitPaid, ClientExited, Payload
from contracts.snapshots import Spell
from services.indicators.domain.ladder import Ladder
from services.indicators.domain.levels import leveled, without_status
from services.indicators.domain.pathway import UNKNOWN, Pathway
from services.indicators.domain.telling import told

_MONEY: Final = frozenset({BenefitPaid.type, BenefitCounterSet.type})


def fold(facts: Iterable[Fact], ladder: Ladder) -> Pathway:
    """Return the pathway that the set of `facts` about one client tells, whatever their order and repetition."""
    distinct = {(fact.source, fact.id): fact for fact in facts}
    return continued(UNKNOWN, distinct.values(), ladder) or UNKNOWN


def continued(pathway: Pathway, facts: Iterable[Fact], ladder: Ladder) -> Pathway | None:
    """Return `pathway` after further distinct `facts`, in any order.

    None: one of them stands before what `pathway` has taken in, so all the client's facts are to be folded.
    """
    keyed = sorted([(fact.sort_key, fact) for fact in facts if _concerns(pathway, fact)], key=_place)
    if keyed and keyed[0][0] <= pathway.last:
        return None
    for key, fact in keyed:
        pathway = advance(pathway, fact, key, ladder)
    return pathway


def folded_by(facts: Iterable[Fact], seqs: Iterable[int], ladder: Ladder) -> Iterator[Pathway]:
    """Give the pathway that those of `facts` about one client tell whose journal number is up to each of `seqs`.

    `seqs` ascend. It costs little more than one fold where facts were journaled in the order in which they happened.
    """
    journaled = sorted(facts, key=_number)
    pathway, taken = UNKNOWN, 0
    for seq in seqs:
        end = bisect_right(journaled, seq, key=_number)
        pathway = continued(pathway, journaled[taken:end], ladder) or fold(journaled[:end], ladder)
        taken = end
        yield pathway


def _number(fact: Fact) -> int:
    return fact.seq


def _place(keyed: tuple[SortKey, Fact]) -> SortKey:
    return keyed[0]


def _concerns(pathway: Pathway, fact: Fact) -> bool:
    """Tell whether `fact` can change `pathway` at all: of payments and counters, only one that may be the first can."""
    return fact.type not in _MONEY or not pathway.spells or fact.day <= pathway.spells[0].start


def advance(pathway: Pathway, fact: Fact, key: SortKey, ladder: Ladder) -> Pathway:
    """Return `pathway` after `fact`, whose sort `key` is above those of all facts taken in before."""
    if pathway.spells and fact.type in _MONEY:
        return pathway
    before = _begun(_brought_to(pathway, key, ladder), fact.data, key)
    after = leveled(told(fact.data, before, key.day, ladder), key.day, ladder)
    is_activity = fact.data.is_activity and _visible(after) != _visible(pathway)
    return after._replace(
        last=key,
        seq=max(pathway.seq, fact.seq),
        last_activity_on=key.day if is_activity else pathway.last_activity_on,
    )


def _brought_to(pathway: Pathway, key: SortKey, ladder: Ladder) -> Pathway:
    """Apply what falls due before the place of `key`, and leave behind what concerned an earlier day only."""
    standing = pathway.standing
    if standing is not None and standing.until is not None and (standing.until, RANK_PENDING) < (key.day, key.rank):
        pathway = without_status(pathway, standing.until, ladder)
    if pathway.last.day < key.day and (pathway.closings or pathway.exit_of_day):
        pathway = pathway._replace(closings=(), exit_of_day=None)
    return pathway


def _begun(pathway: Pathway, data: Payload, key: SortKey) -> Pathway:
    """Let the first fact about somebody open a spell; an exit sees to that itself."""
    if pathway.spells or isinstance(data, ClientExited):
        return pathway
    return pathway._replace(spells=(Spell(key.day),))


def _visible(pathway: Pathway) -> tuple[object, ...]:
    """Return what a fact must change to count as activity: more than what later facts are judged by."""
    return (
        pathway.birth_year, pathway.gender, pathway.language, pathway.education_level, pathway.spells,
        pathway.municipalities, pathway.statuses, pathway.levels, pathway.services, pathway.employments,
        pathway.educations, pathway.meetings, pathway.plans, pathway.referrals, pathway.signs, pathway.assessments,
    )  # fmt: skip
