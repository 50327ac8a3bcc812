"""A schedule's text with single values of one table changed; comments, order and spaces stay as a person wrote them.

Pure. It must not know what the values mean. It looks for lines as people write them, which is no proof: `insist_on`
parses what came out, and refuses it unless it says what it should and nothing else has changed.
"""

import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from drkit.errors import ConfigError

Values = Mapping[str, str | Sequence[str]]
_TOKEN = re.compile(r""""(?:[^"\\\n]|\\.)*"|'[^'\n]*'|\#[^\n]*|[][,]|\s+""")


@dataclass(frozen=True, slots=True)
class _Value:
    """Where a value stands in the text, and where the texts in it do."""

    start: int
    end: int
    items: tuple[tuple[int, int], ...]


def quoted(text: str) -> str:
    """A TOML basic string. JSON's escapes are a part of TOML's, apart from those of control characters above 126."""
    return '"' + "".join(f"\\u{ord(c):04x}" if c in '"\\' or ord(c) < 32 or ord(c) == 127 else c for c in text) + '"'


def spell(value: str | Sequence[str]) -> str:
    return quoted(value) if isinstance(value, str) else f"[{', '.join(map(quoted, value))}]"


def replace_item(text: str, table: str, key: str, number: int, new: str) -> str:
    """The text at this place of a list, or the only one."""
    start, end = _find(text, table, key).items[number]
    return text[:start] + quoted(new) + text[end:]


def set_value(text: str, table: str, key: str, new: str | Sequence[str]) -> str:
    value = _find(text, table, key)
    return text[: value.start] + spell(new) + text[value.end :]


def add_first(text: str, table: str, key: str, new: str) -> str:
    """Before the others of a list; a single text becomes a list."""
    value = _find(text, table, key)
    start, _ = value.items[0]
    if value.start == start:
        return f"{text[:start]}[{quoted(new)}, {text[start : value.end]}]{text[value.end :]}"
    return f"{text[:start]}{quoted(new)}, {text[start:]}"


def add_last(text: str, table: str, key: str, new: str) -> str:
    """After the others of a list."""
    _, end = _find(text, table, key).items[-1]
    return f"{text[:end]}, {quoted(new)}{text[end:]}"


def add_key(text: str, table: str, after: str, key: str, value: str | Sequence[str]) -> str:
    """On a line of its own below another key's."""
    found = _find(text, table, after)
    line_end = text.find("\n", found.end)
    if line_end < 0:
        return f"{text}\n{key} = {spell(value)}\n"
    return f"{text[: line_end + 1]}{key} = {spell(value)}\n{text[line_end + 1 :]}"


def insist_on(before: str, after: str, table: str, values: Values) -> None:
    """Nothing but these values of the table differs."""
    wanted = tomllib.loads(before)
    wanted[table] |= {key: value if isinstance(value, str) else list(value) for key, value in values.items()}
    try:
        found = tomllib.loads(after)
    except tomllib.TOMLDecodeError:
        found = {}
    if found != wanted:
        raise _unsure(table)


def _find(text: str, table: str, key: str) -> _Value:
    header = re.search(rf"(?m)^[ \t]*\[[ \t]*{table}[ \t]*\]", text)
    following = re.compile(r"(?m)^[ \t]*\[").search(text, header.end()) if header else None
    end = following.start() if following else len(text)
    found = re.compile(rf"(?m)^[ \t]*{key}[ \t]*=[ \t]*").search(text, header.end(), end) if header else None
    if found is None:
        raise _unsure(table)
    return _read(text, found.end(), table)


def _read(text: str, start: int, table: str) -> _Value:
    depth, at, items = 0, start, []
    while token := _TOKEN.match(text, at):
        at = token.end()
        first = token[0][0]
        depth += {"[": 1, "]": -1}.get(first, 0)
        if first in "\"'":
            items.append(token.span())
        if depth == 0 and first in "]\"'" and items:
            return _Value(start, at, tuple(items))
    raise _unsure(table)


def _unsure(table: str) -> ConfigError:
    return ConfigError(
        f"[{table}] is not written in a way that can surely be changed",
        "change it by hand: each key on a line of its own below its table's name is what drkit can change",
    )
