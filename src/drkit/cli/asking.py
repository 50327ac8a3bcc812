"""A question to whoever runs a command, with what is taken where nobody can be asked."""

import sys

from drkit.errors import UsageError


def can_ask() -> bool:
    return sys.stdin.isatty()


def ask(question: str, default: str | None) -> str:
    """The person's answer on a terminal; the default where nobody can be asked."""
    if not can_ask():
        if default is None:
            raise UsageError(
                "there is no SQLite file here and no DATABASE_URL, and nobody can be asked",
                "give --dsn env:NAME, or --path",
            )
        return default
    sys.stderr.write(f"{question}{f' [{default}]' if default else ''}? ")
    sys.stderr.flush()
    if answer := sys.stdin.readline().strip() or default:
        return answer
    raise UsageError(f"{question}: no answer", "nothing was written")
