"""Databases that are hard to back up: one with a bit of everything, and ones with much of one thing.

The statements are in sql/, a file a subject. Rows are few, but for `orders` and `events_2025`: each is above 20 MiB.
"""

from pathlib import Path

import psycopg
from psycopg import sql

from postgres.extension import offer_extension
from servers.postgres import NamedServer

ROLES = ("hard owner", "hard_reader", "hard_staff")
_SUBJECTS = ("types", "names", "tables", "constraints", "code", "security")
_EXTENSIONS = ("btree_gist", "pg_trgm", "bloom", "file_fdw", "postgres_fdw", "pgcrypto")
_ICU = "SELECT FROM pg_collation WHERE collname = 'sv-x-icu'"
_LZ4 = "SELECT FROM pg_settings WHERE name = 'default_toast_compression' AND 'lz4' = ANY (enumvals)"


def build_hard(server: NamedServer, database: str = "hard") -> str:
    """A new database on `server`, as a DSN. Its roles are ROLES; they are made if they are not there.

    What only some servers have (ICU, lz4, an extension with configuration tables, what came after PostgreSQL 14)
    is in it where the server has it.
    """
    dsn = server.create(database, "TEMPLATE template0 ENCODING 'UTF8' LC_COLLATE 'C.UTF-8' LC_CTYPE 'C.UTF-8'")
    with _session(dsn) as connection:
        for role in ROLES:
            if not connection.execute("SELECT FROM pg_roles WHERE rolname = %s", (role,)).fetchall():
                connection.execute(sql.SQL("CREATE ROLE {}").format(sql.Identifier(role)))
        _run(connection, "roles")
        connection.execute("CREATE SCHEMA extensions")
        for name in _EXTENSIONS:
            connection.execute(sql.SQL("CREATE EXTENSION {}").format(sql.Identifier(name)))
        _run(connection, "uses_extensions")
        if offer_extension(server):
            _run(connection, "uses_own_extension")
        for subject in _SUBJECTS:
            _run(connection, subject)
        for since in (15, 17, 18):
            if server.major >= since:
                _run(connection, f"since_{since}")
        for subject, question in (("icu", _ICU), ("lz4", _LZ4)):
            if connection.execute(question.encode()).fetchall():
                _run(connection, subject)
        _run(connection, "database", database=database)
    return dsn


def latin1_database(server: NamedServer, database: str = "latin1") -> str:
    dsn = server.create(database, "TEMPLATE template0 ENCODING 'LATIN1' LC_COLLATE 'C' LC_CTYPE 'C'")
    with _session(dsn) as connection:
        _run(connection, "latin1")
    return dsn


def hash_partitions_by_enum(dsn: str) -> None:
    """Another database gives an enum's values other hashes, so a restored row can belong into another partition."""
    with _session(dsn) as connection:
        _run(connection, "hash_by_enum")


def many_tables(dsn: str, count: int = 5000) -> None:
    """`many_1` and so on, each with a key and three rows."""
    with _session(dsn) as connection:
        _run(connection, "many_tables")
        connection.execute("CALL pg_temp.make(%s)", (count,))


def big_table(dsn: str, gigabytes: float) -> None:
    """`big`: a heap of at least that size, of rows that look real."""
    with _session(dsn) as connection:
        _run(connection, "big_table")
        connection.execute("CALL pg_temp.grow(%s)", (int(gigabytes * 2**30),))


def _session(dsn: str) -> psycopg.Connection:
    """The files are UTF-8, whatever the database is."""
    return psycopg.connect(dsn, autocommit=True, client_encoding="UTF8")


def _run(connection: psycopg.Connection, subject: str, **names: str) -> None:
    statements = (Path(__file__).parent / "sql" / f"{subject}.sql").read_text()
    for variable, name in names.items():
        statements = statements.replace(f":{variable}", sql.Identifier(name).as_string())
    connection.execute(statements.encode())
