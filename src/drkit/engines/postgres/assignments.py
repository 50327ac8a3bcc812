"""Settings as the catalog keeps them (`name=value`), spelled for SET. Pure."""

import re

from drkit.engines.postgres.names import quote_name, quote_text

# The value of these is a list of names, and each is quoted by itself.
_LISTS = {
    "local_preload_libraries",
    "search_path",
    "session_preload_libraries",
    "shared_preload_libraries",
    "temp_tablespaces",
    "unix_socket_directories",
}
_ITEM = re.compile(r'\s*(?:"((?:[^"]|"")*)"|([^,]*?))\s*(?:,|$)')


def spell_assignment(kept: str) -> str:
    name, _, value = kept.partition("=")
    values = _split(value) if name.lower() in _LISTS else [value]
    return f"{quote_name(name)} = {', '.join(map(quote_text, values))}"


def _split(value: str) -> list[str]:
    if not value.strip():
        return [""]
    items, start = [], 0
    while start < len(value):
        match = _ITEM.match(value, start)
        if match is None:
            return [value]
        items.append(match[2] if match[1] is None else match[1].replace('""', '"'))
        start = match.end()
    return items
