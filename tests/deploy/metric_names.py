"""Which metrics the services declare, read from their sources: no service need run for it."""

import ast
from collections.abc import Iterator
from pathlib import Path

SERVICES = Path(__file__).parents[2] / "services"
DECLARERS = {"counter", "gauge", "histogram"}


def declared_metrics() -> set[str]:
    """Return the names under which Prometheus knows the metrics that any service declares."""
    return {name for path in SERVICES.rglob("*.py") for name in _declared_in(path)}


def _declared_in(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in DECLARERS:
            yield from _names(node, node.func.attr)


def _names(call: ast.Call, kind: str) -> Iterator[str]:
    name = call.args[0].value if call.args and isinstance(call.args[0], ast.Constant) else None
    if isinstance(name, str):
        yield from (f"{name}_{part}" for part in ("bucket", "sum", "count")) if kind == "histogram" else (name,)
