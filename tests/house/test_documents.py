"""The documents say what is so: links lead somewhere, and tables equal the code that they describe."""

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest
import yaml

from contracts.facts import PAYLOADS
from contracts.topics import DAY_MS, TOPICS, Topic
from docs import metrics_table, schemes_page
from services.incentives.settings import IncentivesSettings
from services.indicators.ladder_file import load_ladder
from services.indicators.settings import IndicatorsSettings
from services.ingest.settings import IngestSettings
from services.notifier.settings import NotifierSettings
from services.runtime.access import Role
from services.runtime.settings import Settings

ROOT: Final = Path(__file__).parents[2]
DOCUMENTS: Final = sorted(
    path
    for pattern in ("*.md", "docs/**/*.md", "changes/*.md", "services/**/*.md", "deploy/**/*.md", "benchmarks/*.md")
    for path in ROOT.glob(pattern)
)
LINK: Final = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")
FRAGMENT: Final = re.compile(r"^[a-z0-9-]+\.(added|changed|fixed|removed|security)\.md$")


def text_of(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def rows_of(name: str, heading: str) -> list[list[str]]:
    """Return the cells of the first table below a heading, without its head."""
    lines = text_of(name).partition(f"\n{heading}\n")[2].splitlines()
    start = next(place for place, line in enumerate(lines) if line.startswith("|"))
    table = []
    for line in lines[start + 2 :]:
        if not line.startswith("|"):
            break
        table.append([cell.strip() for cell in line.strip("|").split("|")])
    return table


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_link_to_a_file_leads_to_one(document: Path) -> None:
    targets = [target.partition("#")[0] for target in LINK.findall(document.read_text(encoding="utf-8"))]
    missing = [
        target
        for target in targets
        if target and not target.startswith(("http://", "https://")) and not (document.parent / target).exists()
    ]
    assert missing == []


def anchors_of(document: Path) -> set[str]:
    """Return the anchors that GitHub and most other readers give to the headings of a document."""
    headings = re.findall(r"^#{1,6} +(.+?) *#*$", without_code(document.read_text(encoding="utf-8")), re.MULTILINE)
    anchors: dict[str, int] = {}
    for heading in headings:
        words = re.sub(r"[^\w\- ]", "", re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading)).lower()
        name = words.replace(" ", "-")
        anchors[name] = anchors.get(name, -1) + 1
    return {f"{name}-{n}" if n else name for name, most in anchors.items() for n in range(most + 1)}


def without_code(text: str) -> str:
    return re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_link_into_a_document_leads_to_a_heading(document: Path) -> None:
    parts = [target.partition("#") for target in LINK.findall(document.read_text(encoding="utf-8"))]
    lost = [
        f"{path}#{anchor}"
        for path, _, anchor in parts
        if anchor and not path.startswith(("http://", "https://")) and path.endswith(".md" if path else "")
        if anchor not in anchors_of(document.parent / path if path else document)
    ]
    assert lost == []


def test_anchors_are_made_as_readers_of_documents_make_them(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("# Ääni, `code` & [link](x.md)\n## Twice\n```sh\n# no heading\n```\n## Twice\n", encoding="utf-8")
    assert anchors_of(page) == {"ääni-code--link", "twice", "twice-1"}


def test_every_decision_is_listed() -> None:
    listed = set(re.findall(r"\((\d{4}-[a-z0-9-]+\.md)\)", text_of("docs/decisions/README.md")))
    assert listed == {path.name for path in (ROOT / "docs" / "decisions").glob("[0-9]*.md")}


@pytest.mark.parametrize("record", sorted((ROOT / "docs" / "decisions").glob("[0-9]*.md")), ids=lambda path: path.stem)
def test_a_decision_record_has_its_sections(record: Path) -> None:
    headings = re.findall(r"^## (.+)$", record.read_text(encoding="utf-8"), re.MULTILINE)
    assert headings == ["Context", "Decision", "Consequences", "Alternatives", "What would reopen it"]


def test_fragments_of_the_changelog_say_their_kind() -> None:
    names = [path.name for path in (ROOT / "changes").glob("*.md") if path.name != "README.md"]
    assert [name for name in names if not FRAGMENT.match(name)] == []


def kept(topic: Topic) -> str:
    return "compacted" if topic.cleanup == "compact" else f"{(topic.retention_ms or 0) // DAY_MS} days"


def test_the_architecture_page_lists_the_topics_as_they_are() -> None:
    rows = [(name.strip("`"), keep) for name, _, _, _, keep in rows_of("docs/architecture.md", "## The topics")]
    assert rows == [(topic.name, kept(topic)) for topic in TOPICS]


def test_the_architecture_page_names_writers_and_readers_as_they_are() -> None:
    for topic, (_, writer, readers, _, _) in zip(TOPICS, rows_of("docs/architecture.md", "## The topics"), strict=True):
        assert topic.owner in {"sender", writer}
        assert not topic.readers or readers == ", ".join(topic.readers)


def test_the_api_page_lists_every_type_of_fact() -> None:
    cells = " ".join(row[0] for row in rows_of("docs/http-api.md", "### What an event says"))
    second = text_of("docs/http-api.md").partition("| event | says |")[2].partition("\n\n")[0]
    named = set(re.findall(r"`([a-z_]+\.[a-z_]+)`", cells + second))
    assert named == {kind.removeprefix("fi.askelma.").removesuffix(".v1") for kind in PAYLOADS}


def test_the_privacy_page_names_every_role() -> None:
    told = " ".join(row[0] for row in rows_of("docs/privacy.md", "## Who sees what"))
    names = {Role.ADMIN: "administrator", Role.FINANCE: "finance officer"}
    assert [role for role in Role if role is not Role.SERVICE and names.get(role, role.value) not in told] == []


def test_the_glossary_names_the_steps_as_the_newest_ladder_does() -> None:
    newest = max((ROOT / "services" / "indicators" / "rules").glob("ladder-*.yaml"))
    steps = yaml.safe_load(newest.read_text(encoding="utf-8"))["steps"]
    assert rows_of("docs/glossary.md", "### The steps") == [
        [str(step["step"]), step["en"], step["fi"], step["sv"]] for step in steps
    ]


def test_the_page_of_metrics_is_what_the_code_declares() -> None:
    assert metrics_table.PAGE.read_text(encoding="utf-8") == metrics_table.page(), "run `make docs`"


def test_the_page_of_schemes_and_its_drawings_are_what_the_rule_files_say() -> None:
    wanted = schemes_page.documents()
    assert {path: path.read_text(encoding="utf-8") for path in wanted} == wanted, "run `make docs`"
    assert set(schemes_page.DRAWINGS.iterdir()) == wanted.keys() - {schemes_page.PAGE}


def test_a_metric_has_one_kind_and_the_same_labels_wherever_it_is_declared() -> None:
    forms = {(one.name, one.kind, one.labels) for one in metrics_table.declared()}
    names = [name for name, _, _ in forms]
    assert sorted({name for name in names if names.count(name) > 1}) == []


def test_the_page_on_running_names_every_setting() -> None:
    rooms = (Settings, IngestSettings, IndicatorsSettings, IncentivesSettings, NotifierSettings)
    wanted = {name.upper() for room in rooms for name in room.model_fields}
    cells = re.findall(r"^\| (`[A-Z_]+`(?:, `[A-Z_]+`)*) \|", text_of("docs/running.md"), re.MULTILINE)
    assert {name.strip("` ") for cell in cells for name in cell.split(",")} == wanted


@pytest.mark.parametrize("room", sorted((ROOT / "services").glob("*/README.md")), ids=lambda path: path.parent.name)
def test_a_room_names_no_metric_that_it_does_not_declare(room: Path) -> None:
    named = set(re.findall(r"`(askelma_[a-z_]+)`", room.read_text(encoding="utf-8")))
    groups = {"askelma_reporting", *(f"askelma_{each}" for each in ("ingest", "indicators", "incentives", "notifier"))}
    assert named - groups - {one.name for one in metrics_table.declared()} == set()


def service_types(mapping: dict[str, object]) -> Iterator[str]:
    """Return the types of service that a mapping file gives: by its table of that name, or the same for every row."""
    match mapping:
        case {"table": {"service_type": {**words}}}:
            yield from map(str, words.values())
    match mapping:
        case {"fact": [*facts]}:
            for fact in facts:
                match fact:
                    case {"data": {"service_type": str(word)}}:
                        yield word


@pytest.mark.parametrize("example", sorted((ROOT / "docs/examples").glob("*.toml")), ids=lambda path: path.name)
def test_every_service_type_of_an_example_is_one_that_the_ladder_names(example: Path) -> None:
    words = set(service_types(tomllib.loads(example.read_text(encoding="utf-8"))))
    assert words
    assert words <= set(load_ladder().services.steps)
