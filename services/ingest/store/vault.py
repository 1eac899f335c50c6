"""Who is who: identity codes and case numbers, as keyed hashes, and the client references they mean."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date

from sqlalchemy import text
from sqlmodel.ext.asyncio.session import AsyncSession

from services.ingest.domain.pseudonyms import Keyring, lookup_of, reference_of
from services.ingest.domain.refusals import Reason, Refused
from services.ingest.domain.subjects import Kind, Subject
from services.ingest.seals import Seals


class RacedError(Exception):
    """Another request issued a reference for the same subject meanwhile; the same work now finds it."""


class TwoReferencesError(Exception):
    """A case number and an identity code of one person each have a reference already; they must be merged."""

    def __init__(self, kept: str, given_up: str) -> None:
        super().__init__("two references of one person")
        self.kept = kept
        self.given_up = given_up


@dataclass(frozen=True, slots=True)
class Asked:
    """Whom an event is about: as said at the door, with the identity code that came along, and on which day.

    `issue` says whether somebody new may be given a reference.
    """

    source: str
    subject: Subject
    code: str | None
    day: date
    issue: bool

    @property
    def names(self) -> tuple[Subject, ...]:
        """Code and case number by which the vault may know the person, the code first."""
        own = () if self.subject.kind is Kind.REF else (self.subject,)
        code = () if self.code is None or self.subject.kind is Kind.HETU else (Subject(Kind.HETU, self.code),)
        return (*code, *own)


@dataclass(frozen=True, slots=True)
class _Erased:
    generation: int
    on: date


@dataclass(slots=True)
class _Known:
    """What the vault holds of the subjects of one batch, and what is to be added."""

    references: dict[bytes, str]
    erased: Mapping[bytes, _Erased]
    persons: Mapping[str, str]
    erased_references: frozenset[str]
    subjects: dict[bytes, tuple[str, Subject]] = field(default_factory=dict)
    new_persons: dict[str, int] = field(default_factory=dict)

    def learn(self, lookup: bytes, subject: Subject, reference: str) -> None:
        self.references[lookup] = reference
        self.subjects[lookup] = (reference, subject)


_SUBJECTS = text("""
    SELECT lookup, reference FROM ingest.vault_subject
    WHERE authority = :authority AND lookup = ANY(CAST(:lookups AS bytea[]))
""")
_ERASED = text("""
    SELECT DISTINCT ON (lookup) lookup, generation, erased_on FROM ingest.erased
    WHERE authority = :authority AND lookup = ANY(CAST(:lookups AS bytea[])) ORDER BY lookup, generation DESC
""")
_PERSONS = text("""
    SELECT reference, COALESCE(merged_into, reference) AS now FROM ingest.vault_person
    WHERE authority = :authority AND reference = ANY(CAST(:references AS text[]))
""")
_ERASED_REFERENCES = text("""
    SELECT DISTINCT reference FROM ingest.erased
    WHERE authority = :authority AND reference = ANY(CAST(:references AS text[]))
""")
_ADD_PERSONS = text("""
    INSERT INTO ingest.vault_person (reference, authority, generation)
    SELECT u.reference, :authority, u.generation
    FROM unnest(CAST(:references AS text[]), CAST(:generations AS int[])) AS u(reference, generation)
    ON CONFLICT (reference) DO NOTHING
""")
_ADD_SUBJECTS = text("""
    INSERT INTO ingest.vault_subject (authority, lookup, reference, sealed)
    SELECT :authority, u.lookup, u.reference, u.sealed
    FROM unnest(CAST(:lookups AS bytea[]), CAST(:references AS text[]), CAST(:sealed AS bytea[]))
        AS u(lookup, reference, sealed)
    ON CONFLICT (authority, lookup) DO NOTHING RETURNING 1
""")
_SET_NAMES = text("""
    UPDATE ingest.vault_person AS p SET name = u.name
    FROM unnest(CAST(:references AS text[]), CAST(:names AS bytea[])) AS u(reference, name)
    WHERE p.reference = u.reference
""")
_NAMES = text("""
    SELECT reference, name FROM ingest.vault_person
    WHERE authority = :authority AND reference = ANY(CAST(:references AS text[])) AND name IS NOT NULL
""")
_SUBJECTS_OF = text("SELECT lookup, sealed FROM ingest.vault_subject WHERE reference = :reference")
_GIVEN_UP = text("SELECT reference FROM ingest.vault_person WHERE merged_into = :reference ORDER BY reference")
_GENERATION = text("SELECT generation FROM ingest.vault_person WHERE reference = :reference")
_REMEMBER_ERASED = text("""
    INSERT INTO ingest.erased (authority, lookup, generation, reference, erased_on)
    SELECT s.authority, s.lookup, p.generation, s.reference, :on
    FROM ingest.vault_subject AS s JOIN ingest.vault_person AS p USING (reference)
    WHERE s.reference = :reference ON CONFLICT DO NOTHING
""")
_FORGET = (
    text("DELETE FROM ingest.vault_subject WHERE reference = :reference"),
    text("DELETE FROM ingest.vault_person WHERE reference = :reference OR merged_into = :reference"),
)
_MERGE = (
    text("UPDATE ingest.vault_subject SET reference = :kept WHERE reference = :given_up"),
    text("UPDATE ingest.vault_person SET merged_into = :kept, name = NULL WHERE :given_up IN (reference, merged_into)"),
)


class Vault:
    """Looks up and issues client references, within the caller's transaction."""

    def __init__(self, keys: Keyring, seals: Seals) -> None:
        self._keys = keys
        self._seals = seals

    async def references(self, session: AsyncSession, authority: str, asked: Sequence[Asked]) -> list[str | Refused]:
        """Return the reference of each, in order, issuing what is missing, or why there is none.

        Raises RacedError (do it again) and TwoReferencesError (merge, then do it again).
        """
        named = [self._lookups(authority, one) for one in asked]
        known = await self._known(session, authority, named, asked)
        found: list[str | Refused] = [Refused(Reason.UNREADABLE, "")] * len(asked)
        # What joins a code and a case number goes first, so that the rest of the batch finds them joined.
        for index in sorted(range(len(asked)), key=lambda i: asked[i].code is None):
            found[index] = self._reference(authority, asked[index], named[index], known)
        await self._add(session, authority, known)
        return found

    def _lookups(self, authority: str, asked: Asked) -> dict[bytes, Subject]:
        return {lookup_of(self._keys, authority, asked.source, name): name for name in asked.names}

    async def _known(
        self, session: AsyncSession, authority: str, named: Iterable[dict[bytes, Subject]], asked: Sequence[Asked]
    ) -> _Known:
        lookups = {"authority": authority, "lookups": list({lookup for names in named for lookup in names})}
        said = {one.subject.value for one in asked if one.subject.kind is Kind.REF}
        references = {"authority": authority, "references": list(said)}
        persons = (await session.execute(_PERSONS, references)).all() if said else []
        gone = (await session.execute(_ERASED_REFERENCES, references)).scalars() if said else ()
        return _Known(
            references={row.lookup: row.reference for row in await session.execute(_SUBJECTS, lookups)},
            erased={
                row.lookup: _Erased(row.generation, row.erased_on) for row in await session.execute(_ERASED, lookups)
            },
            persons={row.reference: row.now for row in persons},
            erased_references=frozenset(gone),
        )

    def _reference(self, authority: str, asked: Asked, names: dict[bytes, Subject], known: _Known) -> str | Refused:
        refused = _erased(asked, names, known)
        if refused is not None:
            return refused
        found = [known.references[lookup] for lookup in names if lookup in known.references]
        if asked.subject.kind is Kind.REF:
            if asked.subject.value not in known.persons:
                return Refused(Reason.UNKNOWN_REFERENCE, "is not a client reference issued here", "subject")
            found.append(known.persons[asked.subject.value])
        if len(set(found)) > 1:
            raise TwoReferencesError(kept=found[0], given_up=found[-1])
        if not found and not asked.issue:
            return Refused(Reason.UNKNOWN_REFERENCE, "is nobody known here", "subject")
        reference = found[0] if found else self._issued(authority, asked, names, known)
        for lookup, subject in names.items():
            if lookup not in known.references:
                known.learn(lookup, subject, reference)
        return reference

    def _issued(self, authority: str, asked: Asked, names: dict[bytes, Subject], known: _Known) -> str:
        erased = [known.erased[lookup].generation for lookup in names if lookup in known.erased]
        generation = max(erased, default=0) + 1
        reference = reference_of(self._keys, authority, asked.source, asked.names[0], generation)
        known.new_persons[reference] = generation
        return reference

    async def _add(self, session: AsyncSession, authority: str, known: _Known) -> None:
        # Sorted, so that two requests that add the same rows wait for each other instead of blocking each other.
        if known.new_persons:
            persons = sorted(known.new_persons.items())
            columns = {"references": [name for name, _ in persons], "generations": [number for _, number in persons]}
            await session.execute(_ADD_PERSONS, {"authority": authority, **columns})
        if known.subjects:
            rows = sorted(known.subjects.items())
            added = await session.execute(
                _ADD_SUBJECTS,
                {
                    "authority": authority,
                    "lookups": [lookup for lookup, _ in rows],
                    "references": [reference for _, (reference, _) in rows],
                    "sealed": [
                        self._seals.sealed(str(subject).encode(), lookup.hex()) for lookup, (_, subject) in rows
                    ],
                },
            )
            if len(added.all()) < len(rows):
                raise RacedError

    async def set_names(self, session: AsyncSession, names: Mapping[str, str]) -> None:
        """Keep display names by reference, sealed; the last one said holds."""
        rows = sorted(names.items())
        sealed = [self._seals.sealed(name.encode(), _name_of(reference)) for reference, name in rows]
        await session.execute(_SET_NAMES, {"references": [reference for reference, _ in rows], "names": sealed})

    async def names(self, session: AsyncSession, authority: str, references: Sequence[str]) -> dict[str, str]:
        """Return the display names of clients of an authority, where there are any. Raises UnsealedError."""
        rows = await session.execute(_NAMES, {"authority": authority, "references": list(references)})
        return {row.reference: self._seals.opened(row.name, _name_of(row.reference)).decode() for row in rows}

    async def subjects(self, session: AsyncSession, reference: str) -> frozenset[str]:
        """Return the codes and case numbers that mean a client, as they were said. Raises UnsealedError."""
        rows = await session.execute(_SUBJECTS_OF, {"reference": reference})
        return frozenset(self._seals.opened(row.sealed, row.lookup.hex()).decode() for row in rows)

    async def given_up(self, session: AsyncSession, reference: str) -> list[str]:
        """Return the references that merges have made mean the same client."""
        return list((await session.execute(_GIVEN_UP, {"reference": reference})).scalars())

    async def generation(self, session: AsyncSession, reference: str) -> int:
        """Return the generation of a client: 1, and one more after each erasure."""
        return int((await session.execute(_GENERATION, {"reference": reference})).scalar_one())

    async def erase(self, session: AsyncSession, reference: str, on: date) -> None:
        """Forget who `reference` is; only keyed hashes with generation and date stay."""
        await session.execute(_REMEMBER_ERASED, {"reference": reference, "on": on})
        for statement in _FORGET:
            await session.execute(statement, {"reference": reference})

    async def merge(self, session: AsyncSession, kept: str, given_up: str) -> None:
        """Let everything that meant `given_up` mean `kept`."""
        for statement in _MERGE:
            await session.execute(statement, {"kept": kept, "given_up": given_up})


def _name_of(reference: str) -> str:
    return f"name {reference}"


def _erased(asked: Asked, names: Mapping[bytes, Subject], known: _Known) -> Refused | None:
    dates = [known.erased[lookup].on for lookup in names if lookup in known.erased]
    if asked.subject.value in known.erased_references or any(asked.day <= on for on in dates):
        return Refused(Reason.ERASED, "was erased; nothing dated before the erasure is taken any more", "subject")
    return None
