"""SQL's spelling of names and texts, in one line each: no result has a tab, a line feed or another control character.

It knows no connection, so it relies on no setting of the server either: a backslash is always escaped.
"""

import re

_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


def quote_name(name: str) -> str:
    if not _CONTROL.search(name):
        return _doubled(name, '"')
    return "U&" + _escaped(_doubled(name.replace("\\", "\\\\"), '"'), "\\%04X")


def quote_text(text: str) -> str:
    if "\\" not in text and not _CONTROL.search(text):
        return _doubled(text, "'")
    return "E" + _escaped(_doubled(text.replace("\\", "\\\\"), "'"), "\\%03o")


def pattern(schema: str, name: str | None = None) -> str:
    """For the options of pg_dump that choose: one table, or without `name` one schema, and nothing else.

    pg_dump reads its arguments in its client's encoding: the database's own, if nothing says otherwise.
    """
    return ".".join(_doubled(part, '"') for part in (schema, name) if part is not None)


def _doubled(text: str, quote: str) -> str:
    return f"{quote}{text.replace(quote, quote * 2)}{quote}"


def _escaped(text: str, form: str) -> str:
    return _CONTROL.sub(lambda match: form % ord(match[0]), text)
