"""What a database holds, told without drkit: by pg_dump's text and by plain queries. It must not import drkit.

`describe` is made for test databases; it reads every row. Describe both sides with the programs of the newer one:
each version of pg_dump words things in its own way.
"""

import hashlib
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql
from psycopg.rows import dict_row

from postgres.programs import program_environment

Description = dict[str, dict[str, Any]]

_SETTINGS = {
    "search_path": "",
    "DateStyle": "ISO",
    "IntervalStyle": "postgres",
    "TimeZone": "UTC",
    "extra_float_digits": "3",
    "bytea_output": "hex",
    "row_security": "off",
    "statement_timeout": "0",
    "client_encoding": "UTF8",
}
_POLICY_ROLES = re.compile(r"(?<= TO )(?P<roles>.*?)(?= USING| WITH CHECK|;$)", re.MULTILINE)
_ENTRY = re.compile(r"^-- Name: (?P<name>.*); Type: (?P<type>.*?); Schema: (?P<schema>.*?); Owner: (?P<owner>.*)$")

# A restored row of a table that is hash partitioned by an enum may stand in another partition: the root is compared.
_TABLES = """
    WITH RECURSIVE by_enum AS (
        SELECT c.oid FROM pg_class c JOIN pg_partitioned_table p ON p.partrelid = c.oid
        WHERE p.partstrat = 'h' AND EXISTS (
            SELECT FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid
            WHERE a.attrelid = c.oid AND a.attnum = ANY (p.partattrs) AND t.typtype = 'e')
    ), inside AS (
        SELECT oid FROM by_enum UNION SELECT i.inhrelid FROM inside JOIN pg_inherits i ON i.inhparent = inside.oid
    )
    SELECT n.nspname, c.relname, c.relkind::text, c.relispopulated, format('%I.%I', n.nspname, c.relname), ARRAY(
        SELECT attname::text FROM pg_attribute
        WHERE attrelid = c.oid AND attnum > 0 AND NOT attisdropped ORDER BY attname)
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE n.nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast') AND c.relpersistence <> 't' AND (
        c.relkind IN ('r', 'm') AND c.oid NOT IN (SELECT oid FROM inside)
        OR c.oid IN (SELECT oid FROM by_enum))
    ORDER BY 5
"""
_SEQUENCES = """
    SELECT n.nspname, c.relname, format('%I.%I', n.nspname, c.relname)
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.relkind = 'S' ORDER BY 3
"""
_LARGE_OBJECTS = """
    SELECT oid::text, md5(lo_get(oid)) AS md5, length(lo_get(oid)) AS bytes,
        lomowner::regrole::text AS owner, lomacl::text AS acl, obj_description(oid, 'pg_largeobject') AS comment
    FROM pg_largeobject_metadata
"""
_EXTENSIONS = "SELECT extname, extversion AS version, extnamespace::regnamespace::text AS schema FROM pg_extension"
_ROLES = """
    WITH RECURSIVE used AS (
        SELECT refobjid AS oid FROM pg_shdepend
        WHERE refclassid = 'pg_authid'::regclass
            AND dbid = (SELECT oid FROM pg_database WHERE datname = current_database())
        UNION SELECT m.roleid FROM pg_auth_members m JOIN used ON m.member = used.oid
    )
    SELECT r.rolname, r.rolsuper, r.rolinherit, r.rolcreaterole, r.rolcreatedb, r.rolcanlogin,
        r.rolreplication, r.rolbypassrls, r.rolconnlimit, r.rolpassword, r.rolvaliduntil::text,
        shobj_description(r.oid, 'pg_authid') AS comment,
        (SELECT setconfig FROM pg_db_role_setting WHERE setrole = r.oid AND setdatabase = 0) AS settings,
        (SELECT array_agg(format('%I%s', g.rolname, CASE WHEN m.admin_option THEN ' (admin)' END) ORDER BY g.rolname)
            FROM pg_auth_members m JOIN pg_roles g ON g.oid = m.roleid WHERE m.member = r.oid) AS member_of
    FROM pg_authid r JOIN used USING (oid)
"""
_DATABASE = """
    SELECT 'database' AS what, pg_encoding_to_char(encoding) AS encoding, datcollate, datctype,
        datdba::regrole::text AS owner, datacl::text AS acl, datconnlimit,
        shobj_description(oid, 'pg_database') AS comment,
        (SELECT array_agg(setrole::regrole::text || ': ' || setting ORDER BY setrole::regrole::text, setting)
            FROM pg_db_role_setting, unnest(setconfig) AS setting WHERE setdatabase = d.oid) AS settings
    FROM pg_database d WHERE datname = current_database()
"""


def describe(dsn: str, programs: Path) -> Description:
    """Everything that a dump of one database should bring back, and the roles it needs."""
    with _session(dsn) as connection:
        return {
            "schema": dict(_schema(dsn, programs)),
            "table": dict(_tables(connection)),
            "sequence": dict(_sequences(connection)),
            "large object": _keyed(connection, _LARGE_OBJECTS),
            "extension": _keyed(connection, _EXTENSIONS),
            "role": _keyed(connection, _ROLES),
        }


def describe_database(dsn: str) -> Description:
    """What belongs to the database as a whole: its settings, rights, encoding. pg_dump alone leaves them out."""
    with _session(dsn) as connection:
        return {"database": _keyed(connection, _DATABASE)}


def differences(one: Description, other: Description) -> list[str]:
    """A sentence for each thing that is not the same on both sides; none when they are equal."""
    return [
        f"{kind} {key}: {_told(one[kind], key)} here, {_told(other[kind], key)} there"
        for kind in one
        for key in sorted(one[kind].keys() | other[kind].keys())
        if _told(one[kind], key) != _told(other[kind], key)
    ]


def _session(dsn: str) -> psycopg.Connection:
    options = " ".join(f"-c {name}={value}" for name, value in _SETTINGS.items())
    return psycopg.connect(dsn, options=options, autocommit=True)


def _told(section: dict[str, Any], key: str) -> str:
    return repr(section[key]) if key in section else "nothing"


def _schema(dsn: str, programs: Path) -> Iterator[tuple[str, str]]:
    """pg_dump's statements by the entry they stand under, without comments and what changes from run to run."""
    command = [str(programs / "pg_dump"), "--schema-only", "--dbname", dsn, "--encoding", "UTF8"]
    done = subprocess.run(command, capture_output=True, env=program_environment(programs, PGTZ="UTC"), timeout=120)
    assert done.returncode == 0, done.stderr.decode(errors="replace")
    key, lines, seen = "preamble", list[str](), dict[str, int]()
    for line in done.stdout.decode().split("\n"):
        if match := _ENTRY.match(line):
            yield key, _settled(key, lines)
            key, lines = f"{match['type']} {match['schema']}.{match['name']}, owner {match['owner']}", []
            seen[key] = seen.get(key, 0) + 1
            key += f" ({seen[key]})" if seen[key] > 1 else ""
        elif line and not line.startswith(("--", "\\restrict ", "\\unrestrict ")):
            lines.append(line)
    yield key, _settled(key, lines)


def _settled(key: str, lines: list[str]) -> str:
    """A policy names its roles in the order in which they were made on that server."""
    text = "\n".join(lines)
    if not key.startswith("POLICY "):
        return text
    return _POLICY_ROLES.sub(lambda found: ", ".join(sorted(found["roles"].split(", "))), text)


def _tables(connection: psycopg.Connection) -> Iterator[tuple[str, str]]:
    """By column names in alphabetical order: a child's own columns may stand after inherited ones that came later."""
    for schema, name, kind, is_filled, key, columns in connection.execute(_TABLES.encode()).fetchall():
        if not is_filled:
            yield key, "not populated"
            continue
        names = sql.SQL(", ").join(map(sql.Identifier, columns))
        only = sql.SQL("ONLY " if kind == "r" else "")
        rows = sql.SQL("COPY (SELECT {} FROM {}{}) TO STDOUT").format(names, only, sql.Identifier(schema, name))
        yield key, f"columns {columns}, {_rows(connection, rows)}"


def _rows(connection: psycopg.Connection, statement: sql.Composed) -> str:
    """Count and digest of rows in any order: the sum of the rows' hashes, so that nothing has to be held and sorted."""
    count = total = 0
    with connection.cursor() as cursor, cursor.copy(statement) as rows:
        for row in rows:
            count += 1
            total += int.from_bytes(hashlib.sha256(row).digest())
    return f"{count} rows, digest {total % 2**256:064x}"


def _sequences(connection: psycopg.Connection) -> Iterator[tuple[str, tuple[Any, ...] | None]]:
    for schema, name, key in connection.execute(_SEQUENCES.encode()).fetchall():
        value = sql.SQL("SELECT last_value, is_called FROM {}").format(sql.Identifier(schema, name))
        yield key, connection.execute(value).fetchone()


def _keyed(connection: psycopg.Connection, query: str) -> dict[str, Any]:
    """Rows by their first column."""
    with connection.cursor(row_factory=dict_row) as cursor:
        rows = cursor.execute(query.encode()).fetchall()
    return {str(next(iter(row.values()))): row for row in rows}
