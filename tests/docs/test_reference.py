"""The reference is what the code has: each page is what scripts/make-reference writes, and nothing is missing."""

import re
from collections.abc import Iterator

import pytest
import typer
from pydantic import BaseModel
from reference.configuration import kinds
from reference.pages import FOLDER, PAGES

from drkit.cli.app import app
from drkit.config.parts import Table
from drkit.config.sources import SourceTable
from drkit.config.tables import SystemTable
from drkit.errors import DrkitError

CLI, CONFIG, CODES = ((FOLDER / name).read_text() for name in ("cli.md", "config.md", "exit-codes.md"))


@pytest.mark.parametrize("name", PAGES)
def test_a_page_is_what_the_code_says_today(name: str) -> None:
    assert (FOLDER / name).read_text() == PAGES[name](), "run scripts/make-reference"


def test_every_page_is_written_by_the_script() -> None:
    assert {path.name for path in FOLDER.iterdir()} == set(PAGES)


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


def section(name: str) -> str:
    [found] = re.findall(rf"^## {name}\n(.*?)(?=^## |\Z)", CLI, re.MULTILINE | re.DOTALL)
    return found


@pytest.mark.parametrize(("name", "command"), list(commands()))
def test_every_command_has_a_section_with_examples(name: str, command: typer.core.TyperCommand) -> None:
    assert "Examples:" in command.help
    assert re.search(rf"^```\n(?:.*\n)*?.*{name}", section(name), re.MULTILINE)


@pytest.mark.parametrize(("name", "command"), list(commands()))
def test_every_option_is_in_its_section(name: str, command: typer.core.TyperCommand) -> None:
    shown = [each for each in command.params if each.opts[0].startswith("-") and not getattr(each, "hidden", False)]
    flags = {flag for each in shown for flag in each.opts} - {"--help", "-h"}
    assert {flag for flag in flags if not re.search(rf"^\|.*`{flag}`", section(name), re.MULTILINE)} == set()


def keys(table: type[BaseModel]) -> Iterator[str]:
    for name, field in table.model_fields.items():
        yield name
        inner = field.annotation
        if isinstance(inner, type) and issubclass(inner, Table):
            yield from keys(inner)


@pytest.mark.parametrize(
    "key",
    sorted({key for table in (SystemTable, SourceTable, *(each for _, each in kinds())) for key in keys(table)}),
)
def test_every_key_of_a_schedule_is_there(key: str) -> None:
    assert re.search(rf"^\| `(?:[\w.]*\.)?{key}(?:\.\w+)*` \|", CONFIG, re.MULTILINE) or key == "sources"


def exit_codes(error: type[DrkitError]) -> Iterator[int]:
    yield error.exit_code
    for each in error.__subclasses__():
        yield from exit_codes(each)


def test_every_exit_code_is_there() -> None:
    assert {int(code) for code in re.findall(r"^\| (\d+) \|", CODES, re.MULTILINE)} == {0, 130, *exit_codes(DrkitError)}


def test_every_error_is_there() -> None:
    def names(error: type[DrkitError]) -> Iterator[str]:
        yield error.__name__
        for each in error.__subclasses__():
            yield from names(each)

    ours = {name for name in names(DrkitError) if hasattr(__import__("drkit.errors").errors, name)}
    assert set(re.findall(r"`(\w+)` \|$", CODES, re.MULTILINE)) == ours
