"""Facts that Askelma issues in a source's stead, under ids `<id>~n`: where two references merge, and their undoing."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from contracts.envelope import body_of
from contracts.facts import ClientErased, EventRetracted


@dataclass(frozen=True, slots=True)
class Stated:
    """A fact as the journal has it; `base` is the id that its source gave, whoever issued it."""

    source: str
    id: str
    base: str
    type: str
    subject: str
    time: datetime
    data: bytes


def retraction_of(fact: Stated, id_: str, base: str, at: datetime) -> Stated:
    """Return the retraction of `fact` that Askelma issues under `id_`, as of the instant `at`."""
    said = {"source": fact.source, "id": fact.id, "type": fact.type, "reason": "duplicate"}
    body = body_of(EventRetracted.model_validate(said))
    return Stated(fact.source, id_, base, EventRetracted.type, fact.subject, at, body)


def taken_back(facts: Iterable[Stated]) -> frozenset[tuple[str, str]]:
    """Return source and id of all that the retractions among `facts` take out."""
    return frozenset(
        (fact.source, EventRetracted.model_validate_json(fact.data).id)
        for fact in facts
        if fact.type == EventRetracted.type
    )


def moved(
    facts: Iterable[Stated],
    gone: frozenset[tuple[str, str]],
    issued: Mapping[tuple[str, str], int],
    subject: str,
    at: datetime,
) -> list[Stated]:
    """Return what makes `facts` facts about `subject`: for each that counts, a retraction and the same issued again.

    `gone` are taken back already; `issued` is the highest `n` so far by source and base.
    """
    last = dict(issued)
    moves: list[Stated] = []
    for fact in facts:
        if fact.type in {EventRetracted.type, ClientErased.type} or (fact.source, fact.id) in gone:
            continue
        number = last.get((fact.source, fact.base), 0)
        last[fact.source, fact.base] = number + 2
        moves.append(retraction_of(fact, f"{fact.base}~{number + 1}", fact.base, at))
        again = f"{fact.base}~{number + 2}"
        moves.append(Stated(fact.source, again, fact.base, fact.type, subject, fact.time, fact.data))
    return moves


def undone(retraction: Stated, issues: Iterable[Stated]) -> list[Stated]:
    """Return the retractions that a source's own `retraction` entails: one for each issue made in its stead."""
    made = [fact for fact in issues if fact.id != fact.base and fact.type != EventRetracted.type]
    return [
        retraction_of(fact, f"{retraction.id}~{number}", retraction.id, retraction.time)
        for number, fact in enumerate(sorted(made, key=lambda fact: fact.id), start=1)
    ]


def issued_for(fact: Stated, subjects: Iterable[str]) -> list[Stated]:
    """Return `fact` issued once more for each of `subjects`, such as an erasure for references given up in merges."""
    return [
        Stated(fact.source, f"{fact.id}~{number}", fact.id, fact.type, subject, fact.time, fact.data)
        for number, subject in enumerate(sorted(subjects), start=1)
    ]


def number_of(fact: Stated) -> int:
    """Return the `n` of `<id>~n`; 0 for a fact that its source issued."""
    return int(fact.id.rpartition("~")[2]) if fact.id != fact.base else 0
