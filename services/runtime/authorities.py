"""The authorities (employment areas or municipalities) that this installation serves."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from contracts.codes import MUNICIPALITIES


@dataclass(frozen=True, slots=True)
class Authority:
    """Who is responsible for clients: the tenant. `municipalities` are its members' numbers."""

    id: str
    name_fi: str
    name_sv: str
    name_en: str
    municipalities: frozenset[str]


class AuthoritiesError(ValueError):
    """The file of authorities cannot be used; the text says where and why."""


WHOLE_COUNTRY: Final = Authority("finland", "Koko maa", "Hela landet", "Whole country", frozenset(MUNICIPALITIES))
"""The one authority of an embedded system that was given no file: all municipalities."""


def load_authorities(path: Path | None) -> Mapping[str, Authority]:
    """Read `[[authority]]` tables (id, names, municipalities) from a TOML file; None: the whole country."""
    if path is None:
        return {WHOLE_COUNTRY.id: WHOLE_COUNTRY}
    try:
        tables = tomllib.loads(path.read_text(encoding="utf-8"))["authority"]
        return {table["id"]: _authority(table) for table in tables}
    except (OSError, tomllib.TOMLDecodeError, KeyError, TypeError) as error:
        raise AuthoritiesError(f"{path.name}: needs [[authority]] tables with id, names and municipalities") from error


def _authority(table: Mapping[str, str]) -> Authority:
    members = frozenset(table["municipalities"])
    unknown = sorted(members - MUNICIPALITIES.keys())
    if unknown:
        raise AuthoritiesError(f"authority {table['id']}: unknown municipality {unknown[0]}")
    return Authority(table["id"], table["name_fi"], table["name_sv"], table["name_en"], members)
