"""What differs between two JSON documents, in lines that a person can read."""

from collections.abc import Iterator, Mapping
from typing import Final

from deploy.dashboards.publisher import Json

# Longer values (a whole SQL query) would bury the path, which is what a reader looks for first.
LONGEST_VALUE: Final = 60


def differences(old: Json, new: Json) -> tuple[str, ...]:
    """Return one line for each place where `new` differs from `old`; none where they are the same."""
    return tuple(_walk(old, new, ""))


def _walk(old: Json, new: Json, path: str) -> Iterator[str]:
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        for key in sorted(old.keys() | new.keys()):
            yield from _member(old, new, key, path)
    elif isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        for place, (was, becomes) in enumerate(zip(old, new, strict=True)):
            yield from _walk(was, becomes, f"{path}[{_name(becomes, place)}]")
    elif isinstance(old, list) and isinstance(new, list):
        yield f"{path}: {len(old)} → {len(new)} entries"
    elif old != new:
        yield f"{path}: {_short(old)} → {_short(new)}"


def _member(old: Mapping[str, Json], new: Mapping[str, Json], key: str, path: str) -> Iterator[str]:
    here = f"{path}.{key}" if path else key
    if key not in old:
        yield f"{here}: added {_short(new[key])}"
    elif key not in new:
        yield f"{here}: removed"
    else:
        yield from _walk(old[key], new[key], here)


def _name(value: Json, place: int) -> str:
    title = value.get("title") if isinstance(value, Mapping) else None
    return str(title or place)


def _short(value: Json) -> str:
    text = " ".join(str(value).split())
    return text if len(text) <= LONGEST_VALUE else text[:LONGEST_VALUE] + "…"
