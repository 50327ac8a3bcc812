"""The user's own checks of what was restored: a question in SQL with the answer it should get, or a command.

It must not know what was restored, nor what a drill makes of the outcome.
"""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta

from drkit.errors import DrkitError
from drkit.model import Answer, Check
from drkit.streams.shell import run_shell, shell_environment

_SHOWN = 500


@dataclass(frozen=True, slots=True)
class Question:
    """One of `sql` and `command`. `expect` is what the SQL should answer; a command should end with status 0."""

    name: str
    sql: str | None
    command: str | None
    expect: Answer
    timeout: timedelta


def put_question(
    question: Question,
    ask: Callable[[str, timedelta], Answer],
    facts: Mapping[str, str],
    redact: Callable[[str], str],
) -> Check:
    """`facts` are variables for a command, `redact` takes out of its words what nobody may see."""
    if question.sql is not None:
        return _ask(question, question.sql, ask)
    return _run(question, question.command or "", facts, redact)


def agree(expected: Answer, found: Answer) -> bool:
    """A database without truth values answers with 1 and 0, numbers of any type may be equal, and any value may come
    as a text. No value agrees with none."""
    if expected is None or found is None:
        return expected is found
    if isinstance(expected, str) or isinstance(found, str):
        return _spell(expected) == _spell(found)
    return expected == found


def spell(answer: Answer) -> str:
    return "nothing" if answer is None else _spell(answer)[:_SHOWN]


def _spell(answer: str | int | float | bool) -> str:
    return str(answer).lower() if isinstance(answer, bool) else str(answer)


def _ask(question: Question, sql: str, ask: Callable[[str, timedelta], Answer]) -> Check:
    expected = spell(question.expect)
    try:
        found = ask(sql, question.timeout)
    except DrkitError as error:
        return Check(question.name, "failed", expected, str(error))
    return Check(question.name, "passed" if agree(question.expect, found) else "failed", expected, spell(found))


def _run(question: Question, command: str, facts: Mapping[str, str], redact: Callable[[str], str]) -> Check:
    ran = run_shell(command, shell_environment(os.environ, facts), redact, question.timeout)
    good = ran.status == 0
    said = "" if good else f": {ran.output.strip()[-_SHOWN:]}"
    return Check(question.name, "passed" if good else "failed", "ended with status 0", f"{ran}{said}".rstrip(": "))
