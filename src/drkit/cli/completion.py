"""`drkit completion`."""

from enum import StrEnum
from typing import Annotated

import typer


class Shell(StrEnum):
    bash = "bash"
    zsh = "zsh"
    fish = "fish"


def completion(shell: Annotated[Shell, typer.Argument(help="The shell to complete in.")]) -> None:
    """Print a shell's completion script.

    Examples:  drkit completion bash >> ~/.bashrc  |  drkit completion fish > ~/.config/fish/completions/drkit.fish
    """
    from typer._completion_shared import get_completion_script

    typer.echo(get_completion_script(prog_name="drkit", complete_var="_DRKIT_COMPLETE", shell=shell.value))
