"""The house's rules for code that neither ruff nor import-linter can say."""

import ast
import re
import statistics
import sys
from collections.abc import Iterator
from typing import Final

from tests.house.source import ALL, SHIPPED, Function, Module, domains, is_domain, modules

STATED: Final = {"group_id", "ack_policy", "auto_offset_reset", "parser"}

NAMELESS: Final = {"utils", "util", "helpers", "helper", "common", "manager", "base", "misc"}

DOMAINS_MAY_IMPORT: Final = {
    "contracts": "the language of the system",
    "pydantic": "contracts are written in it, and the door judges payloads with it",
    "pydantic_core": "its errors",
    "numpy": "arithmetic over many payments",
    "stdnum": "the check of identity codes",
    "holidays": "Finnish public holidays",
}

NOT_LAW: Final = {
    "services/incentives/domain/costs.py": {12: "months of a year", 1970: "numpy counts days and months from here"},
    "services/incentives/domain/counting.py": {24: "bits that a stretch's number is shifted by"},
    "services/incentives/domain/histogram.py": {1_000_000: "millionths of a cent"},
    "services/incentives/domain/money.py": {10_000: "basis points of the whole"},
    "services/incentives/domain/movements.py": {4: "Friday, counted from Monday as 0"},
    "services/incentives/domain/payments.py": {
        5: "Monday to Friday",
        6: "from the calendar's first day to a Monday",
        7: "days of a week",
        22: "bits that a person's number is shifted by",
    },
    "services/incentives/domain/schemes.py": {8: "steps of the ladder, as the contract has them"},
    "services/incentives/domain/worth.py": {6: "months of parking, as the figure is defined", 12: "months of a year"},
    "services/ingest/domain/attributes.py": {112: "characters of an id, less those that Askelma adds"},
    "services/ingest/domain/payloads.py": {5: "errors named in one answer"},
    "services/ingest/domain/pseudonyms.py": {16: "bytes of a reference", 32: "bytes of a secret"},
    "services/notifier/domain/periods.py": {12: "months of a year"},
    "services/notifier/domain/rules/contact_gap.py": {28: "days of the shortest month"},
    "services/notifier/domain/working_days.py": {5: "Saturday, counted from Monday as 0"},
}
"""Where a domain may name a number above two, and what it is. The law's own stand in dated files with their source."""


def test_every_subscriber_states_what_would_otherwise_lose_data() -> None:
    calls = [(module, call) for module in modules(*SHIPPED) for call in subscribers(module)]
    assert calls, "no subscriber found: this rule looks in the wrong place"
    silent = [module.place(call) for module, call in calls if {k.arg for k in call.keywords} < STATED]
    intolerant = [module.place(call) for module, call in calls if "tolerant_parser" not in parsers(call)]
    assert not silent
    assert not intolerant


def subscribers(module: Module) -> Iterator[ast.Call]:
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "subscriber":
            yield node


def parsers(call: ast.Call) -> set[str]:
    return {k.value.id for k in call.keywords if k.arg == "parser" and isinstance(k.value, ast.Name)}


def test_nothing_is_imported_inside_a_function() -> None:
    hidden = [
        module.place(node)
        for module in modules(*ALL)
        for function in module.functions()
        for node in ast.walk(function)
        if isinstance(node, ast.Import | ast.ImportFrom)
    ]
    assert not hidden


def test_no_module_is_called_after_what_it_does_not_say() -> None:
    named = [module.name for module in modules(*ALL) if NAMELESS & set(module.path.stem.split("_"))]
    assert not named


def test_functions_are_short() -> None:
    lengths = sorted(lines(function) for module in modules(*SHIPPED) for function in module.functions())
    assert statistics.median(lengths) <= 10
    assert lengths[int(0.9 * len(lengths))] <= 30


def test_no_function_is_a_chapter() -> None:
    chapters = [
        f"{module.place(function)} {function.name}: {lines(function)} lines"
        for module in modules(*SHIPPED)
        for function in module.functions()
        if lines(function) > 60
    ]
    assert not chapters


def lines(function: Function) -> int:
    return (function.end_lineno or function.lineno) - function.lineno + 1


def test_domains_import_no_framework() -> None:
    foreign = [
        f"{module.place(node)} {name}"
        for module in modules("services")
        if is_domain(module.path)
        for node in ast.walk(module.tree)
        for name in imported(node)
        if name not in sys.stdlib_module_names and name not in DOMAINS_MAY_IMPORT and name != "services"
    ]
    assert not foreign


def imported(node: ast.AST) -> list[str]:
    if isinstance(node, ast.Import):
        return [alias.name.split(".")[0] for alias in node.names]
    if isinstance(node, ast.ImportFrom):
        return [(node.module or "").split(".")[0]]
    return []


def test_domains_know_no_clock_and_no_chance() -> None:
    clocks = [
        module.place(node)
        for module in domains()
        for node in ast.walk(module.tree)
        if asks_the_clock(node) or "random" in imported(node)
    ]
    assert not clocks


def asks_the_clock(node: ast.AST) -> bool:
    return isinstance(node, ast.Attribute) and ast.unparse(node) in {
        "datetime.now", "datetime.today", "datetime.utcnow", "date.today", "time.time", "time.monotonic",
    }  # fmt: skip


def test_no_figure_of_law_stands_in_code() -> None:
    figures = [
        f"{module.place(node)} {node.value!r}"
        for module in domains()
        for node in numbers(module)
        if node.value not in NOT_LAW.get(module.name, {})
    ]
    assert not figures


def test_no_number_is_excused_that_is_not_there() -> None:
    excused = {(name, number) for name, reasons in NOT_LAW.items() for number in reasons}
    assert excused <= {(module.name, node.value) for module in domains() for node in numbers(module)}


def numbers(module: Module) -> Iterator[ast.Constant]:
    """Give the figures that might be law's: whole numbers above two, and all that are not whole."""
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Constant) and (isinstance(node.value, float) or is_whole_above_two(node.value)):
            yield node


def is_whole_above_two(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value > 2


def test_every_exception_to_a_lint_says_why() -> None:
    silent = re.compile(r"# (noqa: [A-Z0-9, ]+|type: ignore\[[a-z-, ]+\])\s*$")
    unexplained = [
        f"{module.name}:{number}"
        for module in modules(*ALL)
        for number, line in enumerate(module.text.splitlines(), start=1)
        if silent.search(line) and "noqa" in line
    ]
    assert not unexplained
