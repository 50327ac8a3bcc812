"""SQL's spelling of names and texts, in one line each: no result has a tab, a line feed or another control character.

It knows no connection, so it relies on no setting of the server either: a backslash is always escaped.
"""

import codecs
import re

_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_ESCAPE = re.compile(r"\\(\\|[0-9A-F]{4})")


def quote_name(name: str) -> str:
    if not _CONTROL.search(name):
        return _doubled(name, '"')
    return "U&" + _escaped(_doubled(name.replace("\\", "\\\\"), '"'), "\\%04X")


def read_name(quoted: str) -> str:
    """What `quote_name` was given."""
    escaped, _, rest = quoted.partition('"')
    name = rest[:-1].replace('""', '"')
    return _ESCAPE.sub(lambda match: chr(int(match[1], 16)) if match[1] != "\\" else "\\", name) if escaped else name


def quote_table(schema: str, name: str) -> str:
    return f"{quote_name(schema)}.{quote_name(name)}"


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


def codec_of(encoding: str) -> str:
    """Python's name for one of the server's encodings; bytes without a known one are taken for UTF-8."""
    name = encoding.lower().replace("win", "cp")
    try:
        return codecs.lookup({"sql_ascii": "utf-8", "koi8r": "koi8_r", "koi8u": "koi8_u"}.get(name, name)).name
    except LookupError:
        return "utf-8"
