"""Reads a dated ladder file: the edge where YAML becomes the domain's Ladder."""

import hashlib
from dataclasses import replace
from importlib.resources import files
from pathlib import Path
from typing import Final

from pydantic import TypeAdapter, ValidationError
from yaml import YAMLError, safe_load

from contracts.faults import fault_of
from services.indicators.domain.ladder import Ladder, LadderError

# Raise this with every change of the fold that gives another pathway for the same facts: all clients are folded anew.
_FOLD_EDITION: Final = 1

_NEWEST: Final = "ladder-2024.yaml"
_LADDER: Final = TypeAdapter(Ladder)


def load_ladder(path: Path | None = None) -> Ladder:
    """Read a ladder file, by default the one that comes with Askelma; raise LadderError naming file and field."""
    name = path.name if path else _NEWEST
    try:
        content = path.read_bytes() if path else files("services.indicators.rules").joinpath(_NEWEST).read_bytes()
        return ladder_from(content)
    except OSError:
        raise LadderError(f"{name}: cannot be read; give the path of a ladder file") from None
    except LadderError as error:
        raise LadderError(f"{name}: {error}") from None


def ladder_from(content: bytes) -> Ladder:
    """Return the ladder that a file's `content` describes; raise LadderError naming the field."""
    try:
        ladder = _LADDER.validate_python(safe_load(content))
    except YAMLError:
        raise LadderError("is not YAML") from None
    except ValidationError as error:
        raise LadderError(_first_fault(error)) from None
    digest = hashlib.sha256(b"%d|%s" % (_FOLD_EDITION, content)).hexdigest()
    return replace(ladder, rules=digest[:16])


def _first_fault(error: ValidationError) -> str:
    row = error.errors(include_url=False)[0]
    place = ".".join(str(part) for part in row["loc"] if part != "[key]")
    return f"{place}: {fault_of(row)}" if place else fault_of(row)
