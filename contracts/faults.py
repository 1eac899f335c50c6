"""What is wrong with a value that a validator refused, in the product's own words.

A sentence goes on after the name of the field ("days must be a whole number") and repeats nothing that was sent.
"""

from collections.abc import Callable, Mapping
from typing import Final

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from contracts.text import FORMS

_OWN: Final = "Value error, "
_DATE: Final = "must be a date, such as 2026-01-31"
_MOMENT: Final = "must be a time with zone, such as 2026-01-31T09:00:00+02:00"
_WHOLE: Final = "must be a whole number"
_NUMBER: Final = "must be a number"
_TRUTH: Final = "must be true or false"
_LIST: Final = "must be a list"
_OBJECT: Final = "must be an object with named fields"
_UNFORMED: Final = "is not of its form"

_PLAIN: Final[Mapping[str, str]] = {
    "missing": "is missing",
    "extra_forbidden": "is not known here; leave it out",
    "json_invalid": "is not JSON",
    "none_required": "must be null",
    "string_type": "must be text",
    "string_unicode": "must be text in UTF-8",
    "int_type": _WHOLE, "int_parsing": _WHOLE, "int_from_float": _WHOLE, "int_parsing_size": _WHOLE,
    "float_type": _NUMBER, "float_parsing": _NUMBER, "finite_number": _NUMBER,
    "bool_type": _TRUTH, "bool_parsing": _TRUTH,
    "date_type": _DATE, "date_parsing": _DATE, "date_from_datetime_parsing": _DATE,
    "date_from_datetime_inexact": _DATE,
    "datetime_type": _MOMENT, "datetime_parsing": _MOMENT, "datetime_from_date_parsing": _MOMENT,
    "datetime_object_invalid": _MOMENT, "timezone_aware": _MOMENT,
    "time_type": "must be a time of day, such as 08:00", "time_parsing": "must be a time of day, such as 08:00",
    "list_type": _LIST, "tuple_type": _LIST, "set_type": _LIST, "frozen_set_type": _LIST,
    "dict_type": _OBJECT, "model_type": _OBJECT, "model_attributes_type": _OBJECT, "mapping_type": _OBJECT,
}  # fmt: skip
"""By the validator's name for what is wrong (https://docs.pydantic.dev/latest/errors/validation_errors/)."""

_BOUNDED: Final[Mapping[str, Callable[[Mapping[str, object]], str]]] = {
    "greater_than": lambda bound: f"must be more than {bound['gt']}",
    "greater_than_equal": lambda bound: f"must be at least {bound['ge']}",
    "less_than": lambda bound: f"must be less than {bound['lt']}",
    "less_than_equal": lambda bound: f"must be at most {bound['le']}",
    "string_too_short": lambda bound: f"must have at least {_counted(bound['min_length'], 'character')}",
    "string_too_long": lambda bound: f"must have at most {_counted(bound['max_length'], 'character')}",
    "too_short": lambda bound: f"must have at least {_counted(bound['min_length'], 'item')}",
    "too_long": lambda bound: f"must have at most {_counted(bound['max_length'], 'item')}",
    "enum": lambda bound: f"must be {_listed(bound['expected'])}",
    "literal_error": lambda bound: f"must be {_listed(bound['expected'])}",
    "string_pattern_mismatch": lambda bound: f"must be {FORMS[str(bound['pattern'])]}",
}


def fault_of(row: ErrorDetails) -> str:
    """Return what is wrong with the value that `row` is about, and what it must be."""
    kind, bounds = row["type"], row.get("ctx", {})
    if kind == "value_error":
        return _of_our_own(row)
    if kind in _BOUNDED:
        try:
            return _BOUNDED[kind](bounds)
        except KeyError:
            return _UNFORMED
    return _PLAIN.get(kind, _UNFORMED)


def faults_of(error: ValidationError, whole: str = "file") -> str:
    """Return every fault of a file or record in one line, each after its place; `whole` is what has no place."""
    rows = error.errors(include_url=False)
    return "; ".join(f"{'.'.join(map(str, row['loc'])) or whole}: {fault_of(row)}" for row in rows)


def _of_our_own(row: ErrorDetails) -> str:
    """Return the text of a check of ours, which knows more than the validator; never with what was sent."""
    text, sent = row["msg"].removeprefix(_OWN), str(row.get("input", ""))
    return _UNFORMED if sent and sent in text else text


def _counted(number: object, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"


def _listed(expected: object) -> str:
    values = str(expected).replace("'", "").replace(" or ", ", ")
    return f"one of {values}" if "," in values else values
