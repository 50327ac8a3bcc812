"""`drkit completion`, and the answers to a shell that asks while somebody types."""

import os
from enum import StrEnum
from typing import Annotated

import typer

from drkit.cli.call import Call

_ASKED = "_DRKIT_COMPLETE"


class Shell(StrEnum):
    bash = "bash"
    zsh = "zsh"
    fish = "fish"


def completion(
    context: typer.Context, shell: Annotated[Shell, typer.Argument(help="The shell to complete in.")]
) -> None:
    """Print a shell's completion script.

    Examples:  drkit completion bash >> ~/.bashrc  |  drkit completion fish > ~/.config/fish/completions/drkit.fish
    """
    from typer._completion_shared import get_completion_script

    call: Call = context.obj
    script = get_completion_script(prog_name="drkit", complete_var=_ASKED, shell=shell.value)
    call.console.answer({"shell": shell.value, "script": script}, script)


def prepare_to_answer() -> None:
    """typer knows the shells only after this; it does so itself only for an app with its own completion options."""
    if _ASKED in os.environ:
        from typer._completion_classes import completion_init

        completion_init()
