"""Whether a server has the roles that were captured, as they were: attributes, settings, memberships.

No difference tells a password, or the value of a setting.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

import psycopg

from drkit.engines.postgres.differences import Difference
from drkit.engines.postgres.facts import Facts
from drkit.engines.postgres.globals import capture_globals
from drkit.engines.postgres.names import read_name
from drkit.engines.postgres.roles import CLAUSE, CREATE, GRANT, OF_ROLE
from drkit.engines.postgres.steps import Steps

_SET = re.compile(r'ALTER ROLE (?:ALL|(?:U&)?"(?:[^"]|"")*") SET (?P<name>.*?) = ')
_GIVEN = re.compile(r"(ADMIN|INHERIT|SET) (TRUE|FALSE|OPTION)")


@dataclass(frozen=True, slots=True)
class _Fact:
    """`words` may be told, `secret` may not; where the captured one has none, nobody could read it."""

    words: str
    secret: str = ""


def compare_roles(connection: psycopg.Connection, facts: Facts, steps: Steps) -> Iterator[Difference]:
    """On a server whose roles come from this backup alone."""
    found = _read(capture_globals(connection, facts))
    for subject, expected in _read(steps).items():
        there = found.get(subject)
        if there is None:
            yield Difference(subject, expected.words, "missing")
        elif not _covers(there.words, expected.words):
            yield Difference(subject, expected.words, there.words)
        elif expected.secret and expected.secret != there.secret:
            yield Difference(subject, f"{expected.words}, as captured", f"{there.words}, but not as captured")


def _covers(there: str, expected: str) -> bool:
    """A newer server tells more of a membership."""
    return set(expected.split(", ")) <= set(there.split(", ")) if ", " in there else there == expected


def _read(steps: Steps) -> dict[str, _Fact]:
    return dict(fact for each in steps.roles if (fact := _read_one(each)))


def _read_one(statement: str) -> tuple[str, _Fact] | None:
    """None for what another server need not have: labels, whose providers are loaded at the source."""
    if created := CREATE.match(statement):
        clauses = CLAUSE.findall(created["clauses"] or "")
        shown = [each for each in clauses if not each.startswith("PASSWORD ")]
        secret = "".join(each for each in clauses if each.startswith("PASSWORD "))
        return f"role {read_name(created['role'])}", _Fact(" ".join(shown) or "no attributes", secret)
    if granted := GRANT.match(statement):
        given = dict(_GIVEN.findall(statement[granted.end() :]))
        options = {"ADMIN": "FALSE"} | {word: "TRUE" if value == "OPTION" else value for word, value in given.items()}
        words = ", ".join(f"{word} {value}" for word, value in sorted(options.items()))
        return f"membership of {read_name(granted['role'])} in {read_name(granted['group'])}", _Fact(words)
    if is_set := _SET.match(statement):
        role = OF_ROLE.match(statement)
        name = read_name(role["role"]) if role else "all roles"
        return f"setting {is_set['name']} of {name}", _Fact("set", statement)
    if (remarked := OF_ROLE.match(statement)) and statement.startswith("COMMENT "):
        return f"comment on role {read_name(remarked['role'])}", _Fact("present", statement)
    return None
