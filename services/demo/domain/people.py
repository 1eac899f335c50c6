"""The demo's people: made-up names, and identity codes that no real person has."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from random import Random
from typing import Final, Literal, TypeVar

from services.demo.domain.figures import Figures, Municipality

Gender = Literal["female", "male"]
EducationLevel = Literal["basic", "upper_secondary", "bachelor", "master"]

_GIVEN: Final[dict[Gender, tuple[str, ...]]] = {
    "female": (
        "Aino", "Anneli", "Elina", "Emilia", "Eveliina", "Fatima", "Hanna", "Helmi", "Inkeri", "Johanna", "Kaarina",
        "Lena", "Maria", "Marjatta", "Natalia", "Noora", "Olga", "Pirjo", "Sanna", "Siiri", "Sofia", "Tuula", "Venla",
    ),
    "male": (
        "Aleksi", "Ali", "Antti", "Dmitri", "Eero", "Elias", "Erik", "Hannu", "Ilkka", "Juhani", "Kalevi", "Kimmo",
        "Lauri", "Leo", "Matti", "Mikael", "Niklas", "Onni", "Pekka", "Sami", "Tapani", "Timo", "Veikko", "Ville",
    ),
}  # fmt: skip
_FAMILY: Final = (
    "Aalto", "Andersson", "Hakala", "Heikkinen", "Hämäläinen", "Ivanova", "Järvinen", "Kallio", "Karjalainen",
    "Kinnunen", "Korhonen", "Koskinen", "Laine", "Laitinen", "Lehtonen", "Lindholm", "Mohamed", "Mustonen", "Mäkelä",
    "Mäkinen", "Nguyen", "Niemi", "Nieminen", "Nurmi", "Nyman", "Peltonen", "Petrov", "Rantanen", "Räsänen",
    "Saarinen", "Salonen", "Toivonen", "Tuominen", "Turunen", "Virtanen", "Väisänen",
)  # fmt: skip
_LANGUAGES: Final = (("fi", 86), ("sv", 2), ("ru", 5), ("ar", 3), ("so", 2), ("uk", 2))
_LEVELS: Final[tuple[tuple[EducationLevel, int], ...]] = (
    ("basic", 27), ("upper_secondary", 52), ("bachelor", 15), ("master", 6),
)  # fmt: skip
_CONTROL_CHARACTERS: Final = "0123456789ABCDEFHJKLMNPRSTUVWXY"
_FIRST_TEMPORARY: Final = 900
_YOUNGEST_DAYS, _OLDEST_DAYS = 18 * 365, 63 * 365


@dataclass(frozen=True, slots=True)
class Person:
    """A client of the demo. `employability` (0–1) is how near the open labour market the person starts."""

    number: int
    identity_code: str
    name: str
    born: date
    gender: Gender
    language: str
    education_level: EducationLevel
    municipality: Municipality
    employability: float
    known_by_case_number: bool

    @property
    def subject(self) -> str:
        """Who the facts are about, as the municipality's systems say it at the door."""
        return f"case:L{self.number:05d}" if self.known_by_case_number else f"hetu:{self.identity_code}"


def identity_code(born: date, individual: int) -> str:
    """Return the Finnish personal identity code of `born` and an individual number (Population Information Decree)."""
    century = "A" if born.year >= 2000 else "-"
    digits = f"{born:%d%m%y}{individual:03d}"
    return f"{born:%d%m%y}{century}{individual:03d}{_CONTROL_CHARACTERS[int(digits) % 31]}"


def _unused_code(chance: Random, gender: Gender, today: date, used: set[str]) -> tuple[date, str]:
    """Draw a birthday and a code in the range that is never given to people; men's individual numbers are odd."""
    while True:
        born = today - timedelta(days=chance.randint(_YOUNGEST_DAYS, _OLDEST_DAYS))
        individual = chance.randrange(_FIRST_TEMPORARY + (gender == "male"), 1000, 2)
        code = identity_code(born, individual)
        if code not in used:
            used.add(code)
            return born, code


T = TypeVar("T")


def _one_of(chance: Random, weighted: tuple[tuple[T, int], ...]) -> T:
    return chance.choices([value for value, _ in weighted], [weight for _, weight in weighted])[0]


def _person(chance: Random, number: int, municipality: Municipality, today: date, used: set[str]) -> Person:
    gender: Gender = chance.choice(("female", "male"))
    born, code = _unused_code(chance, gender, today, used)
    return Person(
        number=number,
        identity_code=code,
        name=f"{chance.choice(_GIVEN[gender])} {chance.choice(_FAMILY)}",
        born=born,
        gender=gender,
        language=_one_of(chance, _LANGUAGES),
        education_level=_one_of(chance, _LEVELS),
        municipality=municipality,
        employability=chance.betavariate(1.6, 2.4),
        known_by_case_number=chance.random() < 0.25,
    )


def population(chance: Random, figures: Figures, size: int, today: date) -> Iterator[Person]:
    """Yield `size` people, in each municipality its exact share by jobseekers (largest remainders), ages on `today`."""
    used: set[str] = set()
    for number, municipality in enumerate(_homes(figures.municipalities, size), start=1):
        yield _person(chance, number, municipality, today, used)


def _homes(municipalities: tuple[Municipality, ...], size: int) -> list[Municipality]:
    total = sum(municipality.jobseekers for municipality in municipalities)
    exact = [size * municipality.jobseekers / total for municipality in municipalities]
    counts = [int(share) for share in exact]
    by_remainder = sorted(range(len(exact)), key=lambda i: (counts[i] - exact[i], i))
    for i in by_remainder[: size - sum(counts)]:
        counts[i] += 1
    return [municipality for municipality, count in zip(municipalities, counts, strict=True) for _ in range(count)]
