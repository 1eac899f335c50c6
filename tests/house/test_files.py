"""The house's rules for files: nothing of one machine, one person or one network stands in the repository."""

import re
import tomllib
from typing import Final

from tests.house.source import REPOSITORY, tracked_texts

MACHINE: Final = re.compile(r"(?<![\w.<])/(?:root|home/\w+|Users/\w+|work|workspace|opt/wheels)/")
REGISTRY: Final = re.compile(
    r"--(?:extra-)?index-url|--find-links|--trusted-host|\bindex-url\s*=|https?://[\w.-]*(?:pypi\.org|pythonhosted\.org|artifactory|nexus|npmjs)[\w./-]*",
)


def test_no_path_of_a_machine_stands_in_the_repository() -> None:
    found = [f"{name}: {line.strip()[:80]}" for name, line in tracked_lines() if MACHINE.search(line)]
    assert not found


def test_no_address_of_a_package_index_stands_in_the_repository() -> None:
    found = [f"{name}: {line.strip()[:80]}" for name, line in tracked_lines() if REGISTRY.search(line)]
    assert not found


def tracked_lines() -> list[tuple[str, str]]:
    here = ("tests/house/test_files.py", "Makefile")  # the patterns themselves, and uv's option to leave addresses out
    return [(name, line) for name, text in tracked_texts() if name not in here for line in text.splitlines()]


def test_every_locked_package_has_its_hash() -> None:
    for name in ("requirements.lock", "requirements-test.lock"):
        entries = re.split(r"^(?=[a-z0-9])", (REPOSITORY / name).read_text(), flags=re.MULTILINE)[1:]
        assert len(entries) > 50
        assert [entry.split("==")[0] for entry in entries if "--hash=sha256:" not in entry] == []


def test_the_lock_knows_every_dependency() -> None:
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())
    extras = project["project"]["optional-dependencies"]
    asked = project["project"]["dependencies"] + extras["embedded"] + project["dependency-groups"]["build"]
    assert set(map(name_of, asked)) <= locked("requirements.lock")
    assert set(map(name_of, asked + extras["test"])) <= locked("requirements-test.lock")


def name_of(requirement: str) -> str:
    return re.split(r"[\[<>=~! ;]", requirement)[0].lower().replace("_", "-")


def locked(name: str) -> set[str]:
    return set(re.findall(r"^([a-z0-9.-]+)==", (REPOSITORY / name).read_text(), flags=re.MULTILINE))


def test_both_locks_name_the_same_versions() -> None:
    run, test = (versions(name) for name in ("requirements.lock", "requirements-test.lock"))
    assert run.items() <= test.items()


def versions(name: str) -> dict[str, str]:
    found = re.findall(r"^([a-z0-9.-]+)==(\S+)(.*) \\$", (REPOSITORY / name).read_text(), flags=re.MULTILINE)
    return {package + condition: version for package, version, condition in found}
