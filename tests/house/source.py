"""The code as the house's rules look at it: files and their syntax trees."""

import ast
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

REPOSITORY: Final = Path(__file__).parents[2]
SHIPPED: Final = ("contracts", "services", "deploy")
ALL: Final = (*SHIPPED, "tests", "benchmarks", "docs")

Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True)
class Module:
    """One Python file; `place` names a line in it."""

    path: Path
    text: str
    tree: ast.Module

    @property
    def name(self) -> str:
        return str(self.path.relative_to(REPOSITORY))

    def place(self, node: ast.AST) -> str:
        return f"{self.name}:{getattr(node, 'lineno', 1)}"

    def functions(self) -> Iterator[Function]:
        return (node for node in ast.walk(self.tree) if isinstance(node, Function))


@cache
def modules(*folders: str) -> tuple[Module, ...]:
    """Return the modules below `folders`, migrations left out: a migration is a record of what was done."""
    paths = (path for folder in folders for path in sorted((REPOSITORY / folder).rglob("*.py")))
    return tuple(module_of(path) for path in paths if "versions" not in path.parts)


def module_of(path: Path) -> Module:
    text = path.read_text(encoding="utf-8")
    return Module(path, text, ast.parse(text))


def domains() -> tuple[Module, ...]:
    """Return the modules of all domains but the demo's, which makes up its figures."""
    return tuple(module for module in modules("services") if is_domain(module.path) and "demo" not in module.path.parts)


def is_domain(path: Path) -> bool:
    return "domain" in path.relative_to(REPOSITORY).parts


def tracked_texts() -> Iterator[tuple[str, str]]:
    """Give name and text of every file in version control that is text."""
    listed = subprocess.run(
        ["git", "ls-files", "-z"],  # noqa: S607 - any git will do
        cwd=REPOSITORY,
        check=True,
        capture_output=True,
        text=True,
    )
    for name in filter(None, listed.stdout.split("\0")):
        path = REPOSITORY / name
        if path.is_file() and b"\0" not in (content := path.read_bytes()):
            yield name, content.decode("utf-8")
