"""The documents cannot lie: what the program has is in them, and what they show works."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer
from pydantic import BaseModel

from drkit.cli.app import app
from drkit.config import load_system
from drkit.config.tables import FilesTable, PhysicalTable, PostgresTable, RedisTable, SqliteTable, SystemTable, Table
from drkit.errors import DrkitError

KINDS = (PostgresTable, PhysicalTable, SqliteTable, FilesTable, RedisTable)
ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()


def commands() -> Iterator[tuple[str, typer.core.TyperCommand]]:
    root = typer.main.get_command(app)
    for name, command in root.commands.items():
        if command.hidden:  # run by programs, and not for people
            continue
        inner = getattr(command, "commands", None)
        if inner is None:
            yield f"drkit {name}", command
        else:
            yield from ((f"drkit {name} {sub}", each) for sub, each in inner.items())


@pytest.mark.parametrize(("name", "command"), list(commands()))
def test_every_command_is_in_the_readme_and_has_examples_in_its_help(name, command) -> None:
    assert f"`{name}" in README or f"{name} " in README
    assert "Examples:" in command.help


def options(command: typer.core.TyperCommand) -> set[str]:
    flags = {max(each.opts, key=len) for each in command.params if each.opts[0].startswith("-") and not each.hidden}
    return flags - {"--help"}


@pytest.mark.parametrize(("name", "command"), list(commands()))
def test_every_option_is_in_the_readme(name, command) -> None:
    assert {option for option in options(command) if not re.search(rf"[` ]{option}\b", README)} == set()


def keys(table: type[BaseModel]) -> Iterator[str]:
    for name, field in table.model_fields.items():
        yield name
        inner = field.annotation
        if isinstance(inner, type) and issubclass(inner, Table):
            yield from keys(inner)


@pytest.mark.parametrize(
    "key",
    sorted({key for table in (SystemTable, *KINDS) for key in keys(table)} - {"sources", "store", "encryption"}),
)
def test_every_configuration_key_is_in_the_readme(key) -> None:
    assert re.search(rf"[`.]{key}\b", README)


def exit_codes(error: type[DrkitError]) -> Iterator[int]:
    yield error.exit_code
    for each in error.__subclasses__():
        yield from exit_codes(each)


def test_every_exit_code_is_in_the_readme() -> None:
    line = next(line for line in README.splitlines() if line.startswith("Exit codes:"))
    named = {int(number) for number in re.findall(r"\b(\d+) ", line)}
    assert named == {0, 130, *exit_codes(DrkitError)}


@pytest.mark.parametrize("file", sorted((ROOT / "schedules").glob("*.toml")), ids=lambda file: file.stem)
def test_every_schedule_that_ships_loads_as_it_is(file) -> None:
    assert load_system(file).name == file.stem


@pytest.mark.parametrize(
    "document",
    sorted(str(path.relative_to(ROOT)) for path in [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]),
)
def test_every_link_and_path_in_a_document_leads_somewhere(document) -> None:
    text = (ROOT / document).read_text()
    links = [link for link in re.findall(r"\]\(([^)#]+)\)", text) if not link.startswith("http")]
    assert [link for link in links if not ((ROOT / document).parent / link).exists()] == []


def test_architecture_names_every_room() -> None:
    text = (ROOT / "ARCHITECTURE.md").read_text()
    rooms = [path for path in (ROOT / "src/drkit").iterdir() if not path.name.startswith("__")]
    assert [room.name for room in rooms if room.stem not in text] == []


def test_architecture_fits_two_pages() -> None:
    assert len((ROOT / "ARCHITECTURE.md").read_text().splitlines()) <= 130
