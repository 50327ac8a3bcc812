"""Whatever the documents show is run, or parsed, or says why not; and whatever they point to is there."""

import json
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
import yaml

from docs.runbook_world import Block as Lines
from docs.runbook_world import Kind, World, make_world
from documents import ROOT, anchors_of, blocks_of, find_documents, links_of
from servers.postgres import PostgresServer, postgres_server

DOCUMENTS = find_documents()
OWN_TESTS = ("docs/RUNBOOK.md", "docs/tutorial/")
WORLDS: dict[str, Kind] = {
    "docs/POSTGRES.md": "postgres",
    "docs/VERIFY.md": "sqlite",
}
LANGUAGES = {"sh", "shell", "text", "toml", "json", "yaml", "ini", "sql", "cron", "dockerfile"}
PROGRAMS = re.compile(r"^(?:\$ )?(?:drkit|make|docker|kubectl|psql|pip|python3?|aws|systemctl) ", re.MULTILINE)
MOMENT = "2026-11-20T14:30:00Z"  # stands in every document for a moment at which all was well
SHOWN = [(document, block) for document in DOCUMENTS for block in blocks_of(document)]
NAMED = sorted({block.mark for _, block in SHOWN if block.mark and block.mark.startswith("run by ")})


def typed_in(document: str) -> list[str]:
    return [block.lines for block in blocks_of(document) if block.language == "sh"]


def test_every_block_has_a_language_and_commands_are_in_those_of_shells() -> None:
    assert [(where, block) for where, block in SHOWN if block.language not in LANGUAGES] == []
    others = [(where, block) for where, block in SHOWN if block.language not in ("sh", "shell", "text")]
    assert [(where, block) for where, block in others if PROGRAMS.search(block.lines)] == []


def test_commands_that_no_test_types_say_which_test_runs_them_or_why_none_can() -> None:
    told = re.compile(r"run by tests/[\w/]+\.py::test_\w+|not run: (?:needs|yours) .+")
    shown = [(where, block) for where, block in SHOWN if block.language == "shell"]
    assert [(where, block) for where, block in shown if not told.fullmatch(block.mark or "")] == []


@pytest.mark.parametrize("mark", NAMED)
def test_a_test_that_is_said_to_run_commands_is_there(mark: str) -> None:
    file, name = mark.removeprefix("run by ").split("::")
    assert re.search(rf"^def {name}\(", (ROOT / file).read_text(), re.MULTILINE)


def test_every_page_whose_lines_are_typed_has_somebody_who_types_them() -> None:
    typed = {document for document in DOCUMENTS if typed_in(document) and not document.startswith(OWN_TESTS)}
    assert typed == set(WORLDS)


@pytest.mark.parametrize(
    ("document", "block"), [each for each in SHOWN if each[1].language in ("toml", "json", "yaml")]
)
def test_what_is_shown_of_a_file_can_be_read_as_one(document: str, block) -> None:
    match block.language:
        case "toml":
            tomllib.loads(block.lines)
        case "json":
            json.loads(block.lines)
        case _:
            yaml.safe_load(block.lines)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PostgresServer]:
    with postgres_server(tmp_path_factory.mktemp("documents")) as server:
        yield server


@pytest.fixture
def world(request: pytest.FixtureRequest, tmp_path: Path, server: PostgresServer) -> Iterator[World]:
    with TemporaryDirectory(prefix="drkit-") as scratch:
        Path(scratch).chmod(0o711)  # a scratch server is another user's
        world = make_world(request.param, tmp_path / "shop", Path(scratch), server, server, "shop")
        world.environment["NEW_URL"] = server.dsn("elsewhere")
        yield world


@pytest.mark.parametrize(("document", "world"), WORLDS.items(), indirect=["world"], ids=lambda each: str(each))
def test_whoever_types_what_a_page_shows_gets_what_it_says(document: str, world: World) -> None:
    if world.kind == "postgres":
        world.write("create role app", "create table order_items (id integer primary key, customer text)")
        world.run(Lines(None, "drkit backup now"))
    lines = "\n".join(typed_in(document)).replace(MOMENT, world.environment["WHEN"])
    world.run(Lines(None, lines))


@pytest.mark.parametrize("document", [*DOCUMENTS, *(f"docs/reference/{name}.md" for name in ("cli", "config"))])
def test_every_link_leads_to_a_file_and_every_anchor_to_a_heading(document: str) -> None:
    lost = []
    for link in links_of(document):
        if re.match(r"\w+://|mailto:", link):
            continue
        path, _, anchor = link.partition("#")
        target = (ROOT / document).parent / path if path else ROOT / document
        if not target.exists() or (anchor and anchor not in anchors_of(target)):
            lost.append(link)
    assert lost == []


def reachable() -> set[str]:
    """By links, from the README on."""
    seen: set[str] = set()
    waiting = ["README.md"]
    while waiting:
        page = waiting.pop()
        if page in seen:
            continue
        seen.add(page)
        targets = [((ROOT / page).parent / link.partition("#")[0]).resolve() for link in links_of(page)]
        waiting += [str(each.relative_to(ROOT)) for each in targets if each.suffix == ".md" and each.is_file()]
    return seen


def test_every_document_can_be_reached_from_the_readme() -> None:
    assert set(DOCUMENTS) - reachable() == set()
