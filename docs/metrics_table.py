"""The page of metrics, read off the declarations in the code."""

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[1]
PAGE: Final = ROOT / "docs" / "metrics.md"

KINDS: Final = {"counter": "counter", "gauge": "gauge", "histogram": "histogram"}

HEAD: Final = """\
# Metrics

Every process answers `GET /metrics` in the text format of Prometheus. Every series has the label `service`, in embedded
mode too, where one process is all services. Labels take values from closed lists only, and none of them is about a
person. Gauges *of the newest publication* change once a month; a series that is missing there is hidden.

`make docs` writes this page from the code.

| metric | kind | labels | says | in |
| --- | --- | --- | --- | --- |
"""


@dataclass(frozen=True, order=True)
class Declared:
    """One declaration of a metric."""

    name: str
    kind: str
    labels: tuple[str, ...]
    says: str
    room: str


def declared() -> list[Declared]:
    """Return every metric that a room declares, sorted."""
    return sorted(found for path in sorted((ROOT / "services").rglob("*.py")) for found in _declared_in(path))


def _declared_in(path: Path) -> Iterator[Declared]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    room = path.relative_to(ROOT / "services").parts[0]
    named = {
        target.id: node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Assign)
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in KINDS:
            name = _text(node.args[0]) if node.args else ""
            if name.startswith("askelma_"):
                labels = _labels(node.args[2], named) if len(node.args) > 2 else ()
                yield Declared(name, KINDS[node.func.attr], labels, _text(node.args[1]), room)


def _text(node: ast.expr) -> str:
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""


def _labels(node: ast.expr, named: dict[str, ast.expr]) -> tuple[str, ...]:
    found = named.get(node.id) if isinstance(node, ast.Name) else node
    return tuple(_text(key) for key in found.keys if key) if isinstance(found, ast.Dict) else ("?",)


def page() -> str:
    """Return the page."""
    rows = [
        f"| `{one.name}` | {one.kind} | {', '.join(one.labels) or '–'} | {one.says} | {_where(one.room)} |"
        for one in declared()
    ]
    return HEAD + "\n".join(rows) + "\n"


def _where(room: str) -> str:
    return "every service" if room == "runtime" else room
