"""Every key of schedules/SYSTEM.toml: its type and default as drkit.config has them, and what it is for."""

import tomllib
from datetime import timedelta
from itertools import chain
from pathlib import Path
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints
from zoneinfo import ZoneInfo

from pydantic import BaseModel
from pydantic_core import PydanticUndefined

from drkit.config import values
from drkit.config.parts import Table
from drkit.config.sources import AnySource, SourceTable
from drkit.config.tables import SystemTable
from drkit.when import format_length
from reference.markdown import code, draw_table, head_of

MEANINGS: dict[str, dict[str, str]] = tomllib.loads((Path(__file__).parent / "meanings.toml").read_text())
_WORDS = {
    "Length": "length",
    "CronLine": "cron line",
    "CronLineOrNever": "cron line or `never`",
    "StoreUrl": "URL or reference",
    "StoreUrls": "URL or reference, or a list",
    "RecipientText": "recipient or reference",
    "SignerText": "signer or reference",
    "Size": "size",
    "DsnReference": "reference, or DSN without a password",
    "Reference": "reference",
    "References": "reference, or a list",
    "PingUrl": "URL or reference",
    "NotifyUrl": "reference",
    "Zone": "zone",
    "Method": "`dump`",
    "SlotName": "name",
    "Count": "number",
}
_PLAIN = {str: "text", bool: "true or false", int: "number", float: "number"}
Rows = list[tuple[str, str, str, str]]


def draw_configuration() -> str:
    parts = [head_of("config.md")]
    parts += [_draw(f"## {title}", rows_of(table, prefix, without)) for title, table, prefix, without in _sections()]
    return "\n".join(part.rstrip("\n") + "\n" for part in parts)


def _sections() -> list[tuple[str, type[Table], str, frozenset[str]]]:
    own = frozenset({"sources"})
    of_all = frozenset(SourceTable.model_fields)
    return [
        ("A system", SystemTable, "", own),
        ("Sources of every kind", SourceTable, "sources.NAME.", frozenset()),
        *((f"Sources: {title}", table, "sources.NAME.", of_all) for title, table in kinds()),
    ]


def kinds() -> list[tuple[str, type[Table]]]:
    """The kinds of sources that a schedule may have."""
    union = get_args(AnySource)[0]
    tables = [get_args(each)[0] for each in get_args(union)]
    return [(MEANINGS[_name(table)]["title"], table) for table in tables]


def rows_of(table: type[Table], prefix: str = "", without: frozenset[str] = frozenset()) -> Rows:
    """Inner tables come after the keys of their own, with dotted names."""
    rows: Rows = []
    inner: dict[type[Table], Rows] = {}  # a second key of the same shape is not drawn again
    hints = get_type_hints(table, include_extras=True)
    for name, field in table.model_fields.items():
        if name in without:
            continue
        found = _inner(hints[name])
        if found is not None:
            inner.setdefault(found, rows_of(found, f"{prefix}{name}."))
        if found is None or found is not hints[name]:  # else it is there, whatever is said in it
            default = "`never`" if hints[name] == values.CronLineOrNever else "none"
            told = _default(field.get_default(), default)
            rows.append((code(prefix + name), _word(hints[name]), told, meaning(table, name)))
    return [*rows, *chain(*inner.values())]


def meaning(table: type[BaseModel], name: str) -> str:
    """By the class that says what the key is, or one that it inherits from."""
    for each in table.__mro__:
        if text := MEANINGS.get(_name(each), {}).get(name):
            return text
    raise LookupError(f"give {name!r} a line below [{_name(table)}] in scripts/reference/meanings.toml")


def _name(table: type) -> str:
    return table.__name__.removesuffix("Table").lower()


def _inner(hint: Any) -> type[Table] | None:
    """The table that is the value, or one of the values, of a key."""
    if isinstance(hint, type) and issubclass(hint, Table):
        return hint
    return next((found for each in get_args(hint) if (found := _inner(each))), None)


def _word(hint: Any) -> str:
    for name, word in _WORDS.items():
        if hint == getattr(values, name, None):
            return word
    if isinstance(hint, type) and issubclass(hint, Table):
        return "table"
    if get_origin(hint) is Annotated:
        return _word(get_args(hint)[0])
    if get_origin(hint) is Literal:
        return ", ".join(code(str(each)) for each in get_args(hint))
    if get_origin(hint) is tuple:
        return f"list of {_word(get_args(hint)[0])}"
    if get_origin(hint) in (Union, UnionType):
        return " or ".join(dict.fromkeys(_word(each) for each in get_args(hint) if each is not NoneType))
    return _PLAIN[hint]


def _default(value: Any, none: str) -> str:
    match value:
        case _ if value is PydanticUndefined:
            return "**must be there**"
        case None | ():
            return none
        case bool():
            return code(str(value).lower())
        case timedelta():
            return code(format_length(value))
        case ZoneInfo():
            return code(value.key)
    return code(str(value))


def _draw(heading: str, rows: Rows) -> str:
    return f"{heading}\n\n" + draw_table(("key", "type", "default", "what"), rows)
