"""What a hostile dump reaches from a throw-away server, where all its code runs as the superuser."""

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import psycopg
import pytest

from drkit.disk import enclosure
from drkit.engines.postgres.scratch.place import ScratchServer
from drkit.engines.postgres.scratch.postgres import scratch_postgres
from fault_system import utc_now
from postgres.cluster import reachable_programs
from postgres.programs import find_programs
from postgres_scratch import on_stage
from postgres_vault import capture
from servers.postgres import PostgresServer, postgres_server


@pytest.fixture(scope="module")
def shared() -> Iterator[ScratchServer]:
    with scratch_postgres(reachable_programs(find_programs(17), Path("/tmp")), 17, None, utc_now) as scratch:
        yield scratch


@pytest.fixture
def bait() -> Iterator[Path]:
    """What anybody on this machine may read and write, were he not shut in."""
    with TemporaryDirectory(prefix="bait-") as folder:
        Path(folder).chmod(0o777)
        secret = Path(folder, "secret")
        secret.write_text("the key to the store\n")
        secret.chmod(0o666)
        yield Path(folder)


def run(scratch: ScratchServer, *statements: str) -> str:
    """The first answer of the last one, or the refusal."""
    with psycopg.connect(scratch.dsn("postgres"), autocommit=True) as connection:
        try:
            for statement in statements:
                cursor = connection.execute(statement.encode())
        except psycopg.Error as refusal:
            return str(refusal)
        row = cursor.fetchone() if cursor.description else None
        return "" if row is None else str(row[0])


def shell(scratch: ScratchServer, command: str) -> str:
    quoted = command.replace("'", "''")
    return run(
        scratch,
        "CREATE TEMP TABLE told (line text)",
        f"COPY told FROM PROGRAM '{quoted}' (FORMAT csv, DELIMITER e'\\001')",
        "SELECT string_agg(line, ' ') FROM told",
    )


def test_this_kernel_shuts_a_throw_away_server_into_its_folder(shared: ScratchServer) -> None:
    assert "shut into its folder" in shared.describe()


@pytest.mark.parametrize(
    "read",
    [
        "SELECT pg_read_file('{bait}/secret')",
        "SELECT lo_get(lo_import('{bait}/secret'))",
        "COPY pg_temp.told FROM '{bait}/secret'",
        "SELECT pg_ls_dir('{bait}')",
        "COPY pg_temp.told FROM PROGRAM 'cat {bait}/secret'",
        "COPY pg_temp.told FROM PROGRAM 'ls {bait}'",
        "SELECT pg_read_file('/proc/self/environ')",
        "COPY pg_temp.told FROM PROGRAM 'cat /proc/*/environ'",
    ],
)
def test_no_file_outside_is_read_by_sql_or_by_a_program(shared: ScratchServer, bait: Path, read: str) -> None:
    said = run(shared, "CREATE TEMP TABLE told (line text)", read.format(bait=bait))
    assert "Permission denied" in said or "failed" in said, said
    assert "the key" not in said


@pytest.mark.parametrize(
    "write",
    [
        "COPY (SELECT 'spoiled') TO '{bait}/secret'",
        "COPY (SELECT 'spoiled') TO '{bait}/more'",
        "SELECT lo_export(lo_from_bytea(0, 'spoiled'), '{bait}/more')",
        "COPY (SELECT 'spoiled') TO PROGRAM 'cat > {bait}/secret'",
        "COPY (SELECT 1) TO PROGRAM 'rm -r {bait}/secret'",
        "COPY (SELECT 1) TO PROGRAM 'mkdir {bait}/more'",
        "COPY (SELECT 1) TO PROGRAM 'ln -s /etc {bait}/more'",
        "SET allow_in_place_tablespaces = off; CREATE TABLESPACE more LOCATION '{bait}'",
        "ALTER SYSTEM SET log_directory = '{bait}'; SELECT pg_reload_conf(); SELECT pg_rotate_logfile()",
    ],
)
def test_no_file_outside_is_written_by_sql_or_by_a_program(shared: ScratchServer, bait: Path, write: str) -> None:
    for statement in write.format(bait=bait).split("; "):
        run(shared, statement)
    assert [path.name for path in bait.iterdir()] == ["secret"]
    assert (bait / "secret").read_text() == "the key to the store\n"


def test_who_may_enter_cannot_be_changed_from_inside(shared: ScratchServer) -> None:
    assert shared.folder is not None
    before = (shared.folder / "pg_hba.conf").read_text()
    for name in ("pg_hba.conf", "pg_ident.conf"):
        run(shared, f"COPY (SELECT 'local all all trust') TO '{shared.folder}/{name}'")
    assert (shared.folder / "pg_hba.conf").read_text() == before


def test_no_server_on_this_machine_is_reached_by_tcp(shared: ScratchServer) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(0.2)
        port = listener.getsockname()[1]
        run(shared, "CREATE EXTENSION IF NOT EXISTS dblink", "CREATE EXTENSION IF NOT EXISTS postgres_fdw")
        refused = run(shared, f"SELECT dblink_connect('host=127.0.0.1 port={port} connect_timeout=2')")
        assert "could not establish connection" in refused
        shell(shared, f'bash -c "exec 3<>/dev/tcp/127.0.0.1/{port}; echo secret >&3"')
        with pytest.raises(TimeoutError):
            listener.accept()


def test_a_process_outside_gets_no_signal_from_inside(shared: ScratchServer) -> None:
    """Of the same user, as where drkit itself is no root."""
    changed = ("setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups") if os.geteuid() == 0 else ()
    bystander = subprocess.Popen([*changed, "sleep", "60"])
    try:
        assert "failed" in shell(shared, f"kill -9 {bystander.pid}")
        assert bystander.poll() is None
    finally:
        bystander.kill()
        bystander.wait()


def test_a_user_who_is_no_root_is_shut_in_too_and_his_own_keys_are_out_of_reach(bait: Path) -> None:
    """Where drkit runs as any user, as in a container, the server is that user's, who owns keys and schedules."""
    script = bait / "enclosure.py"
    script.write_bytes(Path(enclosure.__file__).read_bytes())
    script.chmod(0o644)
    own = bait / "own"
    own.mkdir(0o777)
    own.chmod(0o777)
    _, *words = enclosure.enclosing([], [own])
    words[2] = str(script)
    attempt = f"cat {bait}/secret; echo spoiled > {bait}/secret; echo kept > {own}/kept; cat {own}/kept; echo $?"
    anybody = ("setpriv", "--reuid", "54321", "--regid", "54321", "--clear-groups") if os.geteuid() == 0 else ()
    python = "/usr/bin/python3" if os.geteuid() == 0 else sys.executable
    done = subprocess.run([*anybody, python, *words, "sh", "-c", attempt], capture_output=True, text=True, check=False)
    assert done.stdout == "kept\n0\n", done
    assert done.stderr.count("Permission denied") == 2
    assert (bait / "secret").read_text() == "the key to the store\n"


WITHIN = """
import sys
from datetime import UTC, datetime
from pathlib import Path
import psycopg
from drkit.engines.postgres.scratch.postgres import scratch_postgres
folder, bait = map(Path, sys.argv[1:])
with scratch_postgres(folder, 17, bait, lambda: datetime.now(UTC)) as scratch:
    print(scratch.describe())
    with psycopg.connect(scratch.dsn("postgres"), autocommit=True) as connection:
        connection.execute("CREATE EXTENSION hstore")
        for attempt in (f"SELECT pg_read_file('{bait}/secret')", f"COPY (SELECT 1) TO '{bait}/more'"):
            try:
                print(connection.execute(attempt).fetchall())
            except psycopg.Error as refusal:
                print(refusal)
"""


@pytest.mark.parametrize("tools", ["name spaces", "none"])
def test_the_server_of_a_user_who_is_no_root_is_shut_in_with_name_spaces_and_without(bait: Path, tools: str) -> None:
    """Another user by a name space: then the interpreter can be reached, wherever it lies."""
    other = ("unshare", "--user", "--map-user=54321", "--map-group=54321") if os.geteuid() == 0 else ()
    path = {} if tools == "name spaces" else {"PATH": "/nowhere"}
    command = [sys.executable, "-c", WITHIN, str(reachable_programs(find_programs(17), Path("/tmp"))), str(bait)]
    done = subprocess.run(
        [*other, "env", *(f"{name}={value}" for name, value in path.items()), *command],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "shut into its folder" in done.stdout
    assert done.stdout.count("Permission denied") == 2
    assert tools == "name spaces" or "with a network" in done.stdout
    assert [path.name for path in bait.iterdir()] == ["secret"]


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PostgresServer]:
    with postgres_server(tmp_path_factory.mktemp("source"), 17) as server:
        yield server


def test_what_a_dump_runs_by_itself_while_it_is_restored_reaches_nothing_outside(
    source: PostgresServer, bait: Path
) -> None:
    """An index, a check, a generated column, an event trigger, a function that runs as its owner and one with a search
    path of its own: each of them takes the superuser's way to a program."""
    dsn = source.create("hostile")
    source.execute(
        "CREATE ROLE hostile_owner SUPERUSER",
        f"""CREATE FUNCTION spoil(who text) RETURNS text LANGUAGE plpgsql IMMUTABLE SECURITY DEFINER
            SET search_path = public AS $$ BEGIN
              BEGIN EXECUTE 'COPY (SELECT 1) TO PROGRAM ''echo ' || who || ' >> {bait}/secret'''; EXCEPTION WHEN OTHERS
              THEN NULL; END;
              BEGIN PERFORM lo_export(lo_from_bytea(0, 'spoiled'), '{bait}/' || who); EXCEPTION WHEN OTHERS
              THEN NULL; END;
              RETURN who; END $$""",
        "ALTER FUNCTION spoil OWNER TO hostile_owner",
        "CREATE TABLE t (n integer PRIMARY KEY, made text GENERATED ALWAYS AS (spoil('generated')) STORED)",
        "CREATE TABLE checked (n integer CHECK (spoil('checked') = 'checked'))",
        "CREATE INDEX by_spoiling ON t (spoil('index'))",
        "CREATE FUNCTION spoil_all() RETURNS event_trigger LANGUAGE plpgsql AS"
        " $$ BEGIN PERFORM public.spoil('event'); END $$",
        "CREATE MATERIALIZED VIEW spoiled AS SELECT spoil('view')",
        database="hostile",
    )
    source.execute("INSERT INTO t VALUES (1)", "INSERT INTO checked VALUES (1)", database="hostile")
    source.execute("CREATE EVENT TRIGGER spoiling ON ddl_command_end EXECUTE FUNCTION spoil_all()", database="hostile")
    for path in bait.iterdir():
        path.unlink()
    (bait / "secret").write_text("whole\n")
    (bait / "secret").chmod(0o666)
    with on_stage(capture(dsn, source.bin), source.bin) as stage:
        stage.execute("INSERT INTO t VALUES (2)", "INSERT INTO checked VALUES (2)")
        assert "shut into its folder" in stage.scratch.place
    assert [path.name for path in bait.iterdir()] == ["secret"]
    assert (bait / "secret").read_text() == "whole\n"
