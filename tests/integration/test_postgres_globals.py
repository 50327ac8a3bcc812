"""Roles, and what a database is beside its content: captured, and made anew on another server."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import psycopg
import pytest

from drkit.engines.postgres.dsn import parse_dsn
from drkit.engines.postgres.facts import look_at_server
from drkit.engines.postgres.globals import apply_roles, apply_settings, capture_globals, create_database, missing_roles
from drkit.engines.postgres.names import quote_name, quote_text
from drkit.engines.postgres.steps import TARGET, Steps, format_steps, parse_steps
from drkit.errors import NotRestorable
from postgres.programs import MAJORS
from servers.postgres import NamedServer, PostgresServer, postgres_server

ODD = ["plain", 'With "quotes"', "it's", "tab\tand\nline feed", "Größe é", "back\\slash", ':"target"', "%s", "a$b", " "]
SHOP = 'shop "1" \\ é'


@contextmanager
def session(
    server: NamedServer, database: str = "postgres", user: str | None = None, **options: str
) -> Iterator[psycopg.Connection]:
    with parse_dsn(server.dsn(database, user, **options), NotRestorable).session() as connection:
        yield connection


def say(connection: psycopg.Connection, *statements: str) -> None:
    for statement in statements:
        connection.execute(statement.encode())


def capture(connection: psycopg.Connection) -> Steps:
    return capture_globals(connection, look_at_server(connection, lambda: datetime.now(UTC), NotRestorable))


def restore(server: NamedServer, steps: Steps, name: str = SHOP, **who: str) -> tuple[str, ...]:
    with session(server, **who) as connection:
        notes = apply_roles(connection, steps)
        create_database(connection, steps, name)
        return (*notes, *apply_settings(connection, steps, name))


def make_odd_things(server: NamedServer) -> None:
    shop = quote_name(SHOP)
    with session(server) as connection:
        for number, name in enumerate(ODD):
            role = quote_name(name)
            say(
                connection,
                f"CREATE ROLE {role} LOGIN PASSWORD {quote_text(f'secret {number}')}",
                f"COMMENT ON ROLE {role} IS {quote_text(f'{name} is number {number}')}",
                f"ALTER ROLE {role} SET application_name = {quote_text(name)}",
            )
        say(
            connection,
            "CREATE ROLE nobody",
            "CREATE ROLE everything SUPERUSER CREATEDB CREATEROLE NOINHERIT LOGIN REPLICATION BYPASSRLS"
            " CONNECTION LIMIT 7 VALID UNTIL '2031-05-06 07:08:09+02'",
            "CREATE ROLE forever VALID UNTIL 'infinity' PASSWORD NULL",
            "CREATE ROLE shut CONNECTION LIMIT 0",
            "GRANT plain TO nobody WITH ADMIN OPTION",
            'GRANT pg_read_all_data, plain TO "it\'s"',
            f"GRANT nobody TO {quote_name(ODD[3])}, {quote_name(ODD[6])}",
            "ALTER ROLE ALL SET work_mem = '5MB'",
            """ALTER ROLE plain SET search_path = "$user", public, "a,b", 'C"d' """,
            "ALTER ROLE plain SET temp_tablespaces = ''",
            "ALTER ROLE nobody SET search_path = ''",
            f"ALTER ROLE plain SET app.secret = {quote_text(chr(9).join(['x', '''y'z''']) + chr(10))}",
            f"""CREATE DATABASE {shop} TEMPLATE template0 ENCODING 'LATIN1' LC_COLLATE 'C' LC_CTYPE 'POSIX'""",
            f"COMMENT ON DATABASE {shop} IS 'it is not :\"target\"; %s'",
            f'ALTER DATABASE {shop} OWNER TO "With ""quotes"""',
            f"ALTER DATABASE {shop} SET default_transaction_read_only = on",
            f'ALTER DATABASE {shop} SET search_path = public, "it\'s"',
            f"ALTER ROLE plain IN DATABASE {shop} SET statement_timeout = '90s'",
            f"ALTER ROLE postgres IN DATABASE {shop} SET lock_timeout = '5s'",
            f"REVOKE ALL ON DATABASE {shop} FROM PUBLIC",
            f'REVOKE CREATE ON DATABASE {shop} FROM "With ""quotes"""',
            f"GRANT CONNECT ON DATABASE {shop} TO nobody WITH GRANT OPTION",
            f"GRANT TEMPORARY ON DATABASE {shop} TO {quote_name(ODD[3])}",
        )
        if server.major >= 16:
            say(
                connection,
                "GRANT shut TO nobody WITH INHERIT FALSE, SET FALSE",
                "GRANT plain TO shut WITH INHERIT TRUE",
            )


def told_by_postgres(server: NamedServer) -> set[str]:
    """The same as PostgreSQL's own programs see it. The settings of all roles they forget."""
    where = [f"--host={server.host}", f"--port={server.port}", f"--username={server.superuser}"]
    commands = (["pg_dumpall", "--globals-only"], ["pg_dump", "--create", "--schema-only", f"--dbname={SHOP}"])
    lines: set[str] = set()
    for program, *options in commands:
        command = [str(server.bin / program), *where, *options]
        environment = server.environment(PGCLIENTENCODING="UTF8")
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
        lines |= {line for line in done.stdout.split("\n") if not line.startswith(("\\", "ALTER ROLE postgres WITH"))}
    for_all = "SELECT unnest(setconfig) FROM pg_db_role_setting WHERE setrole = 0 AND setdatabase = 0"
    return lines | {str(row) for row in server.query(for_all)}


@pytest.fixture(params=MAJORS)
def two_servers(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[PostgresServer, PostgresServer]]:
    with postgres_server(tmp_path, request.param) as full, postgres_server(tmp_path, request.param) as empty:
        make_odd_things(full)
        yield full, empty


def test_what_is_captured_from_a_server_is_captured_again_from_the_one_it_was_applied_to(
    two_servers: tuple[PostgresServer, PostgresServer],
) -> None:
    full, empty = two_servers
    with session(full, SHOP) as connection:
        captured = parse_steps(format_steps(capture(connection)))
    assert len(captured.roles) > 40
    assert restore(empty, captured) == ()
    assert told_by_postgres(empty) == told_by_postgres(full)
    with session(empty, SHOP) as connection:
        again = capture(connection)
    assert set(again.roles) ^ set(captured.roles) == set()
    assert again == captured
    with session(empty, user="it's", password="secret 2") as connection:
        assert connection.info.user == "it's"


def test_roles_that_are_there_are_never_altered(tmp_path: Path) -> None:
    steps = Steps(
        roles=(
            """CREATE ROLE "there" WITH SUPERUSER LOGIN PASSWORD 'else'""",
            'CREATE ROLE "new"',
            """COMMENT ON ROLE "there" IS 'else'""",
            """ALTER ROLE "there" SET "work_mem" = '7MB'""",
            """ALTER ROLE ALL SET "work_mem" = '9MB'""",
            """ALTER ROLE "new" SET "work_mem" = 'hunter2'""",
            'GRANT "new" TO "there"',
            'GRANT "there" TO "new" WITH ADMIN OPTION',
        ),
        create="CREATE DATABASE :\"target\" WITH TEMPLATE template0 ENCODING 'UTF8' LC_COLLATE 'C' LC_CTYPE 'C'",
        copies=(),
        settings=(),
    )
    with postgres_server(tmp_path) as server, session(server) as connection:
        say(connection, "CREATE ROLE there NOLOGIN")
        before = capture(connection)
        assert missing_roles(connection, steps) == ("new",)
        notes = apply_roles(connection, steps)
        after = capture(connection)
        assert missing_roles(connection, steps) == ()
    assert set(after.roles) - set(before.roles) == {'CREATE ROLE "new"', 'GRANT "there" TO "new" WITH ADMIN OPTION'}
    assert set(before.roles) <= set(after.roles)
    assert notes == (
        'ALTER ROLE ALL SET "work_mem" is left out: it would change the server\'s other roles',
        'not restored: ALTER ROLE "new" SET "work_mem": the server does not accept the value',
    )


@pytest.fixture(params=(15, 16, 18))
def limited(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[PostgresServer, PostgresServer]]:
    """Two servers on which `manager` is what managed servers give: it may make roles and databases, and little else."""
    with postgres_server(tmp_path, request.param) as full, postgres_server(tmp_path, request.param) as empty:
        make_odd_things(full)
        for server in (full, empty):
            with session(server) as connection:
                say(connection, "CREATE ROLE manager LOGIN CREATEROLE CREATEDB PASSWORD 'manager'")
        with session(full) as connection:
            say(connection, f"GRANT CONNECT ON DATABASE {quote_name(SHOP)} TO manager")
        yield full, empty


def test_a_limited_role_captures_what_it_may_read_and_makes_what_it_may(
    limited: tuple[PostgresServer, PostgresServer],
) -> None:
    full, empty = limited
    with session(full, SHOP, "manager", password="manager") as connection:
        steps = capture(connection)
    with session(full, SHOP) as connection:
        everything = capture(connection)
    assert steps.notes == ("passwords of roles are not captured, as manager may not read pg_authid",)
    assert not any("PASSWORD" in each for each in steps.roles)
    assert steps.settings == everything.settings
    assert len(steps.roles) == len(everything.roles)
    notes = restore(empty, steps, user="manager", password="manager")
    with session(empty, user="manager", password="manager") as connection:
        assert missing_roles(connection, steps) == ()
        made = capture(connection)
    assert [note.split(":")[1].split()[-1] for note in notes if 'ALTER ROLE "everything"' in note] == [
        "SUPERUSER",
        "REPLICATION",
        "BYPASSRLS",
    ]
    (everything_made,) = (each for each in made.roles if each.startswith('CREATE ROLE "everything"'))
    assert everything_made.startswith('CREATE ROLE "everything" WITH CREATEDB CREATEROLE NOINHERIT LOGIN CONNECTION')
    lost = [each for each in steps.roles if each not in made.roles and 'CREATE ROLE "everything"' not in each]
    assert lost
    assert all(any(each.split(" = ")[0] in note for note in notes) for each in lost)
    assert not any("y'z" in note or "y''z" in note for note in notes)


def test_what_may_not_be_read_is_left_out_with_a_note(tmp_path: Path) -> None:
    with postgres_server(tmp_path) as server:
        make_odd_things(server)
        with session(server) as connection:
            say(
                connection,
                "CREATE ROLE curious LOGIN PASSWORD 'curious'",
                "REVOKE SELECT ON pg_db_role_setting, pg_auth_members, pg_shseclabel FROM PUBLIC",
                "CREATE ROLE rds_superuser",
                "CREATE ROLE rdsadmin SUPERUSER",
            )
        with session(server, user="curious", password="curious") as connection, connection.transaction():
            steps = capture(connection)
            assert connection.execute("SELECT 1").fetchone() == (1,)
    assert [note.split(" are not captured")[0] for note in steps.notes] == [
        "settings of roles and of the database",
        "memberships of roles",
        "security labels",
        "passwords of roles",
        "roles that belong to the provider (rds_superuser and its like)",
    ]
    assert {each.split()[0] for each in steps.roles} == {"CREATE", "COMMENT"}
    assert not any("rds" in each for each in steps.roles)


def test_a_tablespace_is_told_and_not_made(tmp_path: Path) -> None:
    with postgres_server(tmp_path) as server, session(server) as connection:
        say(connection, "SET allow_in_place_tablespaces = on", "CREATE TABLESPACE fast LOCATION ''")
        steps = capture(connection)
    assert steps.notes == ('tablespace "fast" is not captured, as it is a folder of that server',)
    assert "fast" not in "".join((*steps.roles, steps.create, *steps.settings))


# This machine's own server has ICU; a fetched one of 17 has the builtin provider.
@pytest.mark.parametrize(
    ("major", "locale"),
    [
        (None, "LOCALE_PROVIDER icu LC_COLLATE 'C' LC_CTYPE 'C.UTF-8' ICU_LOCALE 'de-u-kn-true'"),
        (17, "LOCALE_PROVIDER builtin LC_COLLATE 'C' LC_CTYPE 'C' BUILTIN_LOCALE 'C.UTF-8'"),
    ],
)
def test_a_database_is_made_with_the_locale_it_had(tmp_path: Path, major: int | None, locale: str) -> None:
    create = f"CREATE DATABASE {TARGET} WITH TEMPLATE template0 ENCODING 'UTF8' {locale}"
    steps = Steps((), create, (), ())
    with postgres_server(tmp_path, major) as server:
        with session(server) as connection:
            create_database(connection, steps, SHOP)
        with session(server, SHOP) as connection:
            assert capture(connection).create == create


@pytest.mark.parametrize(("major", "column"), [(16, "daticulocale"), (18, "datlocale")])
def test_the_rules_of_an_icu_locale_are_captured(tmp_path: Path, major: int, column: str) -> None:
    with postgres_server(tmp_path, major) as server, session(server) as connection:
        # no server of these versions with ICU is at hand
        icu = f"datlocprovider = 'i', {column} = 'de', daticurules = '&a < ''g'''"
        say(connection, f"UPDATE pg_database SET {icu} WHERE datname = current_database()")
        assert capture(connection).create.endswith("""ICU_LOCALE 'de' ICU_RULES '&a < ''g'''""")


def test_a_database_from_before_there_were_providers_is_made_with_the_one_there_was(tmp_path: Path) -> None:
    create = f"CREATE DATABASE {TARGET} WITH TEMPLATE template0 ENCODING 'UTF8' LC_COLLATE 'C' LC_CTYPE 'C'"
    with postgres_server(tmp_path) as server:
        with session(server) as connection:
            say(
                connection,
                "CREATE DATABASE german TEMPLATE template0 LOCALE_PROVIDER icu ICU_LOCALE 'de'",
                "ALTER DATABASE template0 RENAME TO before",
                "ALTER DATABASE german RENAME TO template0",
                "UPDATE pg_database SET datcollversion = NULL WHERE datname = 'template0'",
            )
            create_database(connection, Steps((), create, (), ()), SHOP)
        with session(server, SHOP) as connection:
            assert "LOCALE_PROVIDER libc" in capture(connection).create


def test_a_database_that_cannot_be_made_is_refused_with_the_way_around_it(postgres: NamedServer) -> None:
    steps = Steps((), f"CREATE DATABASE {TARGET} WITH TEMPLATE template0 LC_COLLATE 'xx_XX' LC_CTYPE 'xx_XX'", (), ())
    with session(postgres) as connection, pytest.raises(NotRestorable, match="xx_XX") as caught:
        create_database(connection, steps, "never")
    assert "create it yourself" in caught.value.hint


def test_psql_makes_the_same_of_the_lines(tmp_path: Path) -> None:
    with postgres_server(tmp_path) as full, postgres_server(tmp_path) as empty:
        make_odd_things(full)
        with session(full, SHOP) as connection:
            steps = capture(connection)
        script = "".join(f"{each};\n" for each in (*steps.roles, steps.create, *steps.settings))
        psql = [str(empty.bin / "psql"), "-XqA", "--set=ON_ERROR_STOP=1", f"--set=target={SHOP}", "--file=-"]
        where = [f"--host={empty.host}", f"--port={empty.port}", f"--username={empty.superuser}", "--dbname=postgres"]
        done = subprocess.run(
            [*psql, *where], input=script.encode(), env=empty.environment(PGCLIENTENCODING="UTF8"), capture_output=True
        )
        assert done.returncode == 0, done.stderr.decode()
        with session(empty, SHOP) as connection:
            assert capture(connection) == steps


def test_security_labels_are_captured(tmp_path: Path) -> None:
    with postgres_server(tmp_path) as server, session(server) as connection:
        say(connection, "CREATE ROLE secret")
        for catalog, name in (("pg_database", "datname = 'postgres'"), ("pg_authid", "rolname = 'secret'")):
            # no module that gives labels is at hand
            label = f"SELECT oid, '{catalog}'::regclass, 'nobody''s', 'top' FROM {catalog} WHERE {name}"
            say(connection, f"INSERT INTO pg_shseclabel {label}")
        steps = capture(connection)
    assert """SECURITY LABEL FOR "nobody's" ON DATABASE :"target" IS 'top'""" in steps.settings
    assert """SECURITY LABEL FOR "nobody's" ON ROLE "secret" IS 'top'""" in steps.roles
