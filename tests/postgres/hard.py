"""Databases that are hard to back up: build_hard() makes one with a bit of everything, the others one with much of one thing.

The statements are in sql/, a file a subject. Rows are few, but for `orders`, `events_2025` (each above 20 MiB).
"""

from pathlib import Path
from typing import cast

import psycopg
from psycopg import sql

from postgres.extension import offer_extension
from servers.postgres import NamedServer

ROLES = ("hard owner", "hard_reader", "hard_staff")
_SQL = Path(__file__).parent / "sql"
_SUBJECTS = ("types", "names", "tables", "constraints", "code", "security")
_EXTENSIONS = ("btree_gist", "pg_trgm", "bloom", "file_fdw", "postgres_fdw", "pgcrypto")
_SINCE_15 = """
    CREATE TABLE nulls_once (n integer, UNIQUE NULLS NOT DISTINCT (n));
    INSERT INTO nulls_once VALUES (NULL), (1);
    CREATE UNLOGGED SEQUENCE unlogged_numbers START 5;
    CREATE VIEW asks_as_you WITH (security_invoker) AS SELECT * FROM vault.secrets;
    CREATE PUBLICATION filtered FOR TABLE orders (id, status) WHERE (id > 10);
    CREATE PUBLICATION whole_schema FOR TABLES IN SCHEMA vault, TABLE parent;
"""
_SINCE_17 = """
    CREATE TABLE endless (i interval);
    INSERT INTO endless VALUES ('infinity'), ('-infinity');
"""
_SINCE_18 = """
    CREATE TABLE virtual (a integer CONSTRAINT a_is_there NOT NULL, b integer GENERATED ALWAYS AS (a * 2) VIRTUAL, c integer);
    INSERT INTO virtual (a) SELECT generate_series(1, 100);
    ALTER TABLE virtual ADD CONSTRAINT c_is_there NOT NULL c NOT VALID, ADD CONSTRAINT small CHECK (a < 50) NOT ENFORCED;
    CREATE TABLE stays (room int4range, during daterange, PRIMARY KEY (room, during WITHOUT OVERLAPS));
    INSERT INTO stays SELECT '[1,2)', daterange('2024-01-01'::date + n, '2024-01-01'::date + n + 1) FROM generate_series(1, 50) AS n;
"""
_ICU = """
    CREATE COLLATION numbers (provider = icu, locale = 'de-u-kn-true');
    CREATE COLLATION no_case (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
    CREATE TABLE sorted (a text COLLATE numbers PRIMARY KEY, b text COLLATE no_case UNIQUE, c text COLLATE "sv-x-icu");
    INSERT INTO sorted SELECT 'Straße ' || n, 'Ö' || n, chr(192 + n) FROM generate_series(1, 60) AS n;
    CREATE INDEX ON sorted (c DESC) WHERE b = 'ö1';
"""
_LZ4 = """
    CREATE TABLE lz4 (packed text COMPRESSION lz4);
    INSERT INTO lz4 SELECT repeat('packed ' || n, 9000) FROM generate_series(1, 10) AS n;
"""


def build_hard(server: NamedServer, database: str = "hard") -> str:
    """A new database on `server`, as a DSN. Its roles are ROLES; they are made if they are not there."""
    dsn = server.create(database, "TEMPLATE template0 ENCODING 'UTF8' LC_COLLATE 'C.UTF-8' LC_CTYPE 'C.UTF-8'")
    with psycopg.connect(dsn, autocommit=True) as connection:
        _make_roles(connection)
        _make_extensions(connection, server)
        for subject in _SUBJECTS:
            _run(connection, (_SQL / f"{subject}.sql").read_text())
        for since, statements in ((15, _SINCE_15), (17, _SINCE_17), (18, _SINCE_18)):
            if server.major >= since:
                _run(connection, statements)
        if _asked(connection, "SELECT count(*) FROM pg_collation WHERE collname = 'sv-x-icu'"):
            _run(connection, _ICU)
        if _asked(
            connection,
            "SELECT count(*) FROM pg_settings WHERE 'lz4' = ANY (enumvals) AND name = 'default_toast_compression'",
        ):
            _run(connection, _LZ4)
        # below the tables of a dump nothing may depend on the server's own statistics or on what vacuum left
        connection.execute("VACUUM (ANALYZE) indexed")
        _set_up_database(connection, database)
    return dsn


def latin1_database(server: NamedServer, database: str = "latin1") -> str:
    dsn = server.create(database, "TEMPLATE template0 ENCODING 'LATIN1' LC_COLLATE 'C' LC_CTYPE 'C'")
    with psycopg.connect(dsn, autocommit=True) as connection:
        _run(
            connection,
            """
            CREATE SCHEMA "Größe";
            CREATE TABLE "Größe"."mañana ÿ" ("naïve" text, "¿qué?" text DEFAULT '¡é!');
            INSERT INTO "Größe"."mañana ÿ" SELECT chr(n), repeat(chr(n), 3) || E'\\\\.' FROM generate_series(1, 255) AS n;
            CREATE TYPE "âge" AS ENUM ('jeune', 'âgé');
            CREATE TABLE ages (a "âge", raw bytea);
            INSERT INTO ages SELECT 'âgé', decode(lpad(to_hex(n), 2, '0'), 'hex') FROM generate_series(0, 255) AS n;
            CREATE TABLE big (id integer PRIMARY KEY, note text);
            INSERT INTO big SELECT n, repeat('é' || n, 20) FROM generate_series(1, 160000) AS n;
            UPDATE big SET note = 'ü' WHERE id % 5 = 0;
            COMMENT ON TABLE ages IS 'ÀÖØöøÿ'
            """,
        )
    return dsn


def hash_partitions_by_enum(dsn: str) -> None:
    """Another server gives an enum's values other hashes, so a restored row can belong into another partition."""
    with psycopg.connect(dsn, autocommit=True) as connection:
        _run(
            connection,
            """
            CREATE TYPE colour AS ENUM ('red', 'green', 'blue', 'grey');
            CREATE TABLE by_colour (colour colour, n integer) PARTITION BY HASH (colour);
            CREATE TABLE by_colour_0 PARTITION OF by_colour FOR VALUES WITH (MODULUS 3, REMAINDER 0);
            CREATE TABLE by_colour_1 PARTITION OF by_colour FOR VALUES WITH (MODULUS 3, REMAINDER 1);
            CREATE TABLE by_colour_2 PARTITION OF by_colour FOR VALUES WITH (MODULUS 3, REMAINDER 2);
            INSERT INTO by_colour SELECT (enum_range(NULL::colour))[n % 4 + 1], n FROM generate_series(1, 400) AS n
            """,
        )


def many_tables(dsn: str, count: int = 5000) -> None:
    """Small tables with a key, an index and three rows each; some at a time, as locks are few."""
    with psycopg.connect(dsn, autocommit=True) as connection:
        _run(
            connection,
            f"""
            DO $$ BEGIN
                FOR n IN 1..{count} LOOP
                    EXECUTE format('CREATE TABLE many_%s (id integer PRIMARY KEY, at date DEFAULT now())', n);
                    EXECUTE format('INSERT INTO many_%s SELECT generate_series(1, 3)', n);
                    IF n % 200 = 0 THEN COMMIT; END IF;
                END LOOP;
            END $$
            """,
        )


def big_table(dsn: str, gigabytes: float, table: str = "big") -> int:
    """A heap of at least that size, of rows that look real; gives their number."""
    name, step, rows = sql.Identifier(table), 250_000, 0
    fill = sql.SQL("""
        INSERT INTO {} SELECT n, 'customer-' || n % 100003 || '@example.org', timestamptz '2024-01-01 00:00+00' + n * interval '1 s',
            (n * 7919 % 1000000) / 100.0, (ARRAY['new', 'paid', 'shipped', 'returned'])[n % 4 + 1], md5(n::text),
            jsonb_build_object('lines', n % 9, 'gift', n % 7 = 0), 'Order ' || n || ' was placed by a person who likes words ' || repeat('very ', (n % 20)::int)
        FROM generate_series(%s::bigint, %s::bigint) AS n
    """).format(name)
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute(
            sql.SQL(
                "CREATE TABLE {} (id bigint PRIMARY KEY, customer text, placed_at timestamptz, amount numeric(12, 2),"
                " status text, token text, details jsonb, note text)"
            ).format(name)
        )
        while _asked(connection, "SELECT pg_relation_size(%s::text::regclass)", name.as_string()) < gigabytes * 2**30:
            connection.execute(fill, (rows + 1, rows + step))
            rows += step
    return rows


def _make_roles(connection: psycopg.Connection) -> None:
    for role in ROLES:
        if not _asked(connection, "SELECT count(*) FROM pg_roles WHERE rolname = %s", role):
            connection.execute(sql.SQL("CREATE ROLE {}").format(sql.Identifier(role)))
    _run(
        connection,
        """
        ALTER ROLE "hard owner" CREATEDB CONNECTION LIMIT 7 VALID UNTIL '2099-01-01 00:00+00';
        ALTER ROLE hard_reader LOGIN PASSWORD 'it''s "p\\ss" — wörd';
        ALTER ROLE hard_reader SET statement_timeout = '77s';
        COMMENT ON ROLE hard_reader IS E'reads\\nonly';
        GRANT "hard owner" TO hard_staff WITH ADMIN OPTION;
        GRANT hard_staff TO hard_reader
        """,
    )


def _make_extensions(connection: psycopg.Connection, server: NamedServer) -> None:
    connection.execute("CREATE SCHEMA extensions")
    for name in _EXTENSIONS:
        connection.execute(sql.SQL("CREATE EXTENSION {}").format(sql.Identifier(name)))
    _run(
        connection,
        """
        CREATE EXTENSION hstore SCHEMA extensions;
        CREATE EXTENSION citext SCHEMA extensions;
        CREATE TABLE uses_extensions (h extensions.hstore, c extensions.citext UNIQUE);
        INSERT INTO uses_extensions SELECT extensions.hstore('k"' || n, E'v=>\\\\' || n), 'CaSe' || n FROM generate_series(1, 100) AS n
        """,
    )
    if offer_extension(server):
        _run(
            connection,
            """
            CREATE EXTENSION drkit_settings;
            INSERT INTO drkit_settings.settings (name, value) VALUES ('colour', 'ours'), (E'odd\\tname', NULL);
            SELECT nextval('drkit_settings.numbers');
            GRANT SELECT ON drkit_settings.settings TO hard_reader
            """,
        )


def _set_up_database(connection: psycopg.Connection, database: str) -> None:
    """Last, because each of these would spoil what comes after: settings that change how values look, and rights."""
    name = sql.Identifier(database)
    for statement in (
        "ALTER DATABASE {} SET array_nulls = off",
        "ALTER DATABASE {} SET \"DateStyle\" = 'German'",
        "ALTER DATABASE {} SET \"TimeZone\" = 'Asia/Kathmandu'",
        "ALTER DATABASE {} SET \"IntervalStyle\" = 'sql_standard'",
        "ALTER DATABASE {} SET bytea_output = 'escape'",
        "ALTER DATABASE {} SET extra_float_digits = -3",
        'ALTER DATABASE {} SET search_path = vault, "Hard ""names""", public',
        "ALTER DATABASE {} SET statement_timeout = '3min'",
        "ALTER ROLE hard_reader IN DATABASE {} SET default_transaction_read_only = on",
        "ALTER DATABASE {} CONNECTION LIMIT 50",
        "REVOKE TEMPORARY ON DATABASE {} FROM PUBLIC",
        'GRANT CREATE ON DATABASE {} TO "hard owner"',
        "COMMENT ON DATABASE {} IS E'a hard one;\\n''it'' is'",
    ):
        connection.execute(sql.SQL(statement).format(name))


def _run(connection: psycopg.Connection, statements: str) -> None:
    connection.execute(statements.encode())


def _asked(connection: psycopg.Connection, question: str, *parameters: object) -> int:
    row = connection.execute(question.encode(), parameters).fetchone()
    return cast("int", row[0]) if row else 0
