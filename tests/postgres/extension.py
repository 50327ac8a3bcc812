"""An extension of our own whose tables are configuration: their rows belong into a dump, the built-in ones do not."""

from pathlib import Path

from servers.postgres import NamedServer, PostgresServer

_PACKAGED = Path("/usr")
_CONTROL = """\
comment = 'settings that outlive a dump'
default_version = '1.0'
relocatable = false
schema = drkit_settings
"""
_SCRIPT = """\
CREATE SEQUENCE numbers;
CREATE TABLE settings (name text PRIMARY KEY, value text, built_in boolean NOT NULL DEFAULT false);
INSERT INTO settings VALUES ('built in', 'as it came', true);
CREATE TABLE whole (note text);
CREATE FUNCTION answer() RETURNS integer LANGUAGE sql AS 'SELECT 42';
SELECT pg_catalog.pg_extension_config_dump('settings', 'WHERE NOT built_in');
SELECT pg_catalog.pg_extension_config_dump('whole', '');
SELECT pg_catalog.pg_extension_config_dump('numbers', '');
"""


def offer_extension(server: NamedServer) -> bool:
    """Only to a server whose programs scripts/fetch-postgres brought: a package's folders are not ours to write in."""
    if not isinstance(server, PostgresServer) or server.bin.is_relative_to(_PACKAGED):
        return False
    folder = server.bin.parent / "share/extension"
    for name, content in (("drkit_settings--1.0.sql", _SCRIPT), ("drkit_settings.control", _CONTROL)):
        if not (folder / name).exists() or (folder / name).read_text() != content:
            (folder / name).write_text(content)
    return True
