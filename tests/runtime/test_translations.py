"""Every text that people read is there in Finnish and in Swedish."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog
from babel.messages.extract import extract
from babel.messages.pofile import read_po

SERVICES = Path(__file__).parents[2] / "services"
LOCALE = SERVICES / "runtime" / "web" / "locale"
PLACEHOLDER = re.compile(r"%\((\w+)\)s")

Text = str | tuple[str, ...]


def texts_of_templates() -> Iterator[Text]:
    keywords = {"_": None, "gettext": None, "ngettext": (1, 2)}
    for template in sorted(SERVICES.glob("*/templates/**/*.html")) + sorted(SERVICES.glob("runtime/web/**/*.html")):
        with template.open("rb") as source:
            for _, text, _, _ in extract("jinja2.ext:babel_extract", source, keywords, options={"silent": "false"}):
                yield text if isinstance(text, str) else tuple(text[:2])


# Which arguments of which calls are texts for people: by place, and by name.
SPOKEN = {
    "translatable": ({0}, set[str]()),
    "NavItem": ({1, 3}, {"title", "summary"}),
    "Problem": ({1, 2}, {"title", "detail"}),
}


def texts_of_code() -> Iterator[str]:
    for file in sorted(SERVICES.rglob("*.py")):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            name = node.func.id if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) else ""
            # A room's problems answer programs; those of the shell are shown to people as pages.
            if name in SPOKEN and (name != "Problem" or file.is_relative_to(SERVICES / "runtime")):
                assert isinstance(node, ast.Call)
                yield from texts_of_call(node, *SPOKEN[name])


def texts_of_call(call: ast.Call, places: set[int], names: set[str]) -> Iterator[str]:
    given = [argument for place, argument in enumerate(call.args) if place in places]
    given += [keyword.value for keyword in call.keywords if keyword.arg in names]
    for argument in given:
        if isinstance(argument, ast.Constant) and isinstance(argument.value, str) and argument.value:
            yield argument.value


def written() -> set[Text]:
    return {*texts_of_templates(), *texts_of_code()}


@pytest.fixture(params=["fi", "sv"])
def catalogue(request: pytest.FixtureRequest) -> Catalog:
    with (LOCALE / request.param / "LC_MESSAGES" / "askelma.po").open("rb") as source:
        return read_po(source, locale=request.param)


def translated(catalogue: Catalog, text: Text) -> list[str]:
    message = catalogue.get(text if isinstance(text, str) else text[0])
    if message is None or message.fuzzy:
        return [""]
    return [message.string] if isinstance(message.string, str) else list(message.string or [""])


def test_every_text_is_translated(catalogue: Catalog) -> None:
    assert sorted(str(text) for text in written() if not all(translated(catalogue, text))) == []


def test_no_translation_is_left_over(catalogue: Catalog) -> None:
    known = {text if isinstance(text, str) else text[0] for text in written()}
    ids = {message.id if isinstance(message.id, str) else message.id[0] for message in catalogue if message.id}
    assert sorted(ids - known) == []


def test_every_translation_fills_in_what_the_original_does(catalogue: Catalog) -> None:
    def names(text: str) -> set[str]:
        return set(PLACEHOLDER.findall(text))

    wrong = [
        text
        for text in written()
        for said in translated(catalogue, text)
        if said and not names(said) <= names(text if isinstance(text, str) else " ".join(text))
    ]
    assert wrong == []


def test_texts_are_found_where_people_read_them() -> None:
    found = written()
    assert {"Sign in", "Finance officer", "Not found"} <= found
