"""Every command line that a document or a schedule shows is one that drkit knows."""

import re
import shlex
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer

from drkit.cli.app import app, hoist
from drkit.config.sources import PhysicalTable, PostgresTable, SourceTable

ROOT = Path(__file__).parents[2]
DOCUMENTS = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
POSTGRES = (ROOT / "docs/POSTGRES.md").read_text()
PITR = (ROOT / "docs/PITR.md").read_text()
HOOKS = (ROOT / "docs/HOOKS.md").read_text()
_COMMAND = re.compile(r"""(?:'[^']*'|"[^"]*"|(?! #| \| ).)*""")  # up to a comment or a pipe that no quotes hold
COMMON = {*SourceTable.model_fields, "kind", "dsn", "method"}


def _shown(text: str) -> Iterator[str]:
    """Lines of code blocks that begin with drkit, after a prompt perhaps, and spans of code in the text."""
    blocks = re.findall(r"^```\w*\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    for block in blocks:
        for line in block.splitlines():
            if found := re.match(r"\s*(?:\$ )?drkit (.*)", line):
                yield found[1][: _COMMAND.match(found[1]).end()].strip()  # type: ignore[union-attr]
    without = re.sub(r"^```\w*\n.*?^```", "", text, flags=re.MULTILINE | re.DOTALL)
    yield from (found.strip() for found in re.findall(r"`drkit ([^`]*)`", without))


SHOWN = [(str(path.relative_to(ROOT)), line) for path in DOCUMENTS for line in dict.fromkeys(_shown(path.read_text()))]


@pytest.mark.parametrize(("document", "line"), SHOWN, ids=[f"{name}: {line}" for name, line in SHOWN])
def test_a_command_line_that_is_shown_has_a_command_and_options_that_are(document: str, line: str) -> None:
    words = hoist(shlex.split(line))
    command: typer.core.TyperGroup = typer.main.get_command(app)
    known = {option for each in command.params for option in (*each.opts, *each.secondary_opts)}
    for word in [word for word in words if not word.startswith("-")][:2]:
        inner = getattr(command, "commands", {})
        assert not inner or word in inner, f"{document} shows drkit {line}"
        command = inner.get(word, command)
    known |= {option for each in command.params for option in (*each.opts, *each.secondary_opts)}
    options = {word.partition("=")[0] for word in words if word.startswith("-")}
    assert options <= known | {"--help", "--version"}, f"{document} shows drkit {line}"


def test_commands_are_shown_in_number() -> None:
    assert len(SHOWN) > 25


@pytest.mark.parametrize("key", sorted({*PostgresTable.model_fields} - COMMON))
def test_every_option_of_a_postgres_source_is_in_its_document(key: str) -> None:
    assert f"| `{key}` |" in POSTGRES


@pytest.mark.parametrize("key", sorted({*PhysicalTable.model_fields} - COMMON))
def test_every_option_of_a_physical_source_is_in_its_document(key: str) -> None:
    assert f"| `{key}` |" in PITR


@pytest.mark.parametrize(("document", "options"), [(POSTGRES, PostgresTable), (PITR, PhysicalTable)])
def test_every_option_in_the_document_of_a_method_is_one(document: str, options: type[SourceTable]) -> None:
    [table] = re.findall(r"^\| key \| what \| default \|\n\|---.*?\n(.*?)\n\n", document, re.MULTILINE | re.DOTALL)
    assert set(re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE)) <= set(options.model_fields)


@pytest.mark.parametrize("variable", ["DRKIT_SOURCE", "DRKIT_POINT", "DRKIT_REACHED", "DRKIT_TARGET"])
def test_what_a_hook_is_told_is_in_its_document(variable: str) -> None:
    assert f"| `{variable}` |" in HOOKS


def test_the_hooks_that_their_document_shows_are_those_that_there_are() -> None:
    [shown] = re.findall(r"^```toml\n(\[sources\.main\.hooks\].*?)^```", HOOKS, re.MULTILINE | re.DOTALL)
    assert set(tomllib.loads(shown)["sources"]["main"]["hooks"]) == {"before", "after"}
