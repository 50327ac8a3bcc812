"""Every command, argument and option of the command line, as its own help has them."""

import re
from collections.abc import Iterator
from itertools import takewhile
from typing import Any

import typer

from drkit.cli.app import app
from reference.markdown import code, draw_table, head_of


def draw_commands() -> str:
    root = typer.main.get_command(app)
    pages = [head_of("cli.md") + _draw_parameters(root)]
    pages += [_draw_command(name, command) for name, command in walk(root, "drkit")]
    return "\n".join(pages)


def walk(group: Any, path: str) -> Iterator[tuple[str, Any]]:
    """Commands that are for people, with their whole names; those of a group in its place."""
    for name, command in sorted(group.commands.items()):
        if hasattr(command, "commands"):
            yield from walk(command, f"{path} {name}")
        elif not command.hidden:
            yield f"{path} {name}", command


def _draw_command(name: str, command: Any) -> str:
    told, examples = _split_help(command.help)
    shown = "\n".join(examples)
    return f"## {name}\n\n{told}\n\n```\n{shown}\n```\n\n{_draw_parameters(command)}"


def _split_help(text: str) -> tuple[str, list[str]]:
    """What is told, and the examples: paragraphs from `Examples:` on, with several in one of them."""
    paragraphs = [" ".join(each.split()) if "  |  " not in each else each for each in text.split("\n\n")]
    told = list(takewhile(lambda each: not each.startswith("Examples:"), paragraphs))
    rest = paragraphs[len(told) :]
    return "\n\n".join(told), [
        " ".join(line.split()) for each in rest for line in each.removeprefix("Examples:").split("  |  ")
    ]


def _draw_parameters(command: Any) -> str:
    rows = [(_spell(each), _explain(each)) for each in command.params if not getattr(each, "hidden", False)]
    return draw_table(("argument or option", "what"), rows) if rows else "It takes nothing.\n"


def _spell(parameter: Any) -> str:
    if parameter.param_type_name == "argument":
        name = re.sub(r"[\[\]{}.]", "", parameter.metavar or parameter.name).upper()
        return code(f"{name}…" if parameter.nargs == -1 else name)
    flag = ", ".join(code(each) for each in parameter.opts)
    return flag if parameter.is_flag else f"{flag} {code(parameter.metavar or parameter.name.upper())}"


def _explain(parameter: Any) -> str:
    told = parameter.help or ""
    if parameter.required:
        told += " Must be given."
    elif parameter.default not in (None, "", False, ()) and str(parameter.default) != ".":
        told += f" Default: {code(str(parameter.default))}."
    return f"{told} Also by {code(parameter.envvar)}." if parameter.envvar else told
