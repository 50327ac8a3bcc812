"""Whole servers restored to folders, and single databases and tables into servers that run."""

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from postgres.programs import SERVER_USER, as_server_user, find_programs, program_environment
from recovering import TICKS, arriving, await_covered, servers_folder, short_folder
from servers.children import free_port
from servers.physical import PhysicalSystem, physical_system

SETTINGS = {
    "archive_mode": "on",
    "archive_command": "touch /tmp/drkit-must-not-be-archived",
    "synchronous_commit": "on",
    "track_commit_timestamp": "on",
}


@pytest.fixture(scope="module")
def system() -> Iterator[PhysicalSystem]:
    """With a tablespace, several databases, and a restore point with two rows before it and two after."""
    more = f'programs = "{find_programs(17)}"'
    with (
        short_folder() as home,
        short_folder() as space,
        physical_system(home, 17, more, **SETTINGS) as system,
    ):
        server = system.server
        (space / "fast").mkdir()
        shutil.chown(space / "fast", SERVER_USER)
        server.execute(f"CREATE TABLESPACE fast LOCATION '{space}/fast'", TICKS)  # type: ignore[arg-type]
        server.create("other")
        server.execute(
            "CREATE TABLE spaced (n int) TABLESPACE fast", "INSERT INTO spaced SELECT generate_series(1, 5000)"
        )
        server.execute("CREATE TABLE kept AS SELECT generate_series(1, 10) AS n", database="other")
        server.execute("CREATE ROLE owner_of_it", "ALTER TABLE kept OWNER TO owner_of_it", database="other")
        with system.following():
            system.drkit.ok("backup", "now")
            server.execute(*["INSERT INTO ticks DEFAULT VALUES"] * 2)
            server.query("SELECT pg_create_restore_point('half')")
            server.execute(*["INSERT INTO ticks DEFAULT VALUES"] * 2, "SELECT pg_switch_wal()")
            server.execute("DELETE FROM kept WHERE n > 5", database="other")
            await_covered(system)
        yield system


@pytest.fixture
def place() -> Iterator[Path]:
    with servers_folder() as folder:
        yield folder


def as_owner(system: PhysicalSystem, *words: str) -> "subprocess.CompletedProcess[bytes]":
    command = [str(system.server.bin / words[0]), *words[1:]]
    return subprocess.run(
        as_server_user(command), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=system.server.environment()
    )


def stop(system: PhysicalSystem, target: Path) -> None:
    assert as_owner(system, "pg_ctl", "-D", str(target), "-m", "fast", "-w", "stop").returncode == 0


def ask(socket: Path, statement: str, port: int = 5432, **more: str) -> list[tuple[Any, ...]]:
    where = {"host": str(socket), "port": str(port), "user": "postgres", "dbname": "postgres", **more}
    with psycopg.connect(psycopg.conninfo.make_conninfo(**where), autocommit=True) as connection:
        return connection.execute(statement.encode()).fetchall()


def test_a_server_that_is_started_takes_writes_where_it_was_to_stop_and_reaches_for_nothing(
    system: PhysicalSystem, place: Path
) -> None:
    target = place / "restored"
    done = system.drkit.json("restore", "--at", "name:half", "--to", str(target), "--start")
    try:
        assert done["target"] == str(target)
        assert done["last_transaction"]
        socket = target / "drkit-recovery"
        assert ask(socket, "SELECT count(*), pg_is_in_recovery() FROM ticks") == [(2, False)]
        assert ask(socket, "SELECT count(*) FROM spaced") == [(5000,)]
        assert ask(socket, "SELECT count(*) FROM kept", dbname="other") == [(10,)]
        [(settings,)] = ask(
            socket,
            "SELECT json_object_agg(name, setting) FROM pg_settings WHERE name IN ('archive_mode', 'archive_command',"
            " 'listen_addresses', 'primary_conninfo', 'synchronous_standby_names')",
        )
        assert settings["archive_mode"] == "off"
        assert settings["listen_addresses"] == ""
        assert ask(socket, "INSERT INTO ticks DEFAULT VALUES RETURNING 1") == [(1,)]
        link = next((target / "pg_tblspc").iterdir())
        assert link.resolve().parent == place / "restored.tablespaces"
        assert not list(place.glob("*.drkit-partial"))
    finally:
        stop(system, target)
    # by its own settings, as its operator starts it
    port = free_port()
    options = f"-c port={port} -c unix_socket_directories={place}"
    assert as_owner(system, "pg_ctl", "-D", str(target), "-w", "-o", options, "start").returncode == 0
    try:
        where = f"host={place} port={port} user=postgres dbname=postgres password={system.server.password}"
        with psycopg.connect(where) as connection:
            assert connection.execute("SELECT count(*) FROM ticks").fetchall() == [(3,)]
            assert connection.execute("SHOW archive_mode").fetchall() == [("off",)]
    finally:
        stop(system, target)


def test_a_server_that_is_paused_can_be_read_at_its_moment_and_promoted_then(
    system: PhysicalSystem, place: Path
) -> None:
    for at, rows in (("name:half", 2), ("latest", 4)):
        target = place / f"paused-{rows}"
        system.drkit.ok("restore", "--at", at, "--to", str(target), "--pause")
        try:
            socket = target / "drkit-recovery"
            assert ask(socket, "SELECT count(*), pg_is_in_recovery() FROM ticks") == [(rows, True)]
            with pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
                ask(socket, "INSERT INTO ticks DEFAULT VALUES")
            assert ask(socket, "SELECT pg_promote()") == [(True,)]
            assert ask(socket, "INSERT INTO ticks DEFAULT VALUES RETURNING 1") == [(1,)]
            assert ask(socket, "SELECT count(*) FROM ticks") == [(rows + 1,)]
        finally:
            stop(system, target)


def test_a_folder_that_was_only_filled_recovers_when_somebody_starts_it(system: PhysicalSystem, place: Path) -> None:
    target, spaced = place / "ready", place / "elsewhere"
    old = arriving_spaces(system)
    system.drkit.ok("restore", "--at", "name:half", "--to", str(target), "--tablespace", f"{old}={spaced}")
    assert (target / "recovery.signal").exists()
    assert next((target / "pg_tblspc").iterdir()).resolve() == spaced
    fetched = place / "fetched"
    fetched.mkdir()
    for name in fetch_all(target, system, fetched):
        shutil.chown(fetched / name, SERVER_USER)
    port = free_port()
    # the server's user may be kept from this machine's Python, so the test has run the command for it
    options = f"-c port={port} -c unix_socket_directories={place} -c listen_addresses="
    options += f" -c restore_command='cp {fetched}/%f %p'"
    done = as_owner(system, "pg_ctl", "-D", str(target), "-w", "-l", str(target / "log"), "-o", options, "start")
    assert done.returncode == 0, (target / "log").read_text()
    try:
        where = f"host={place} port={port} user=postgres dbname=postgres password={system.server.password}"
        with psycopg.connect(where, autocommit=True) as connection:
            system.wait_for(lambda: connection.execute("SELECT pg_is_in_recovery()").fetchall() == [(False,)])
            assert connection.execute("SELECT count(*) FROM ticks").fetchall() == [(2,)]
            assert connection.execute("SELECT count(*) FROM spaced").fetchall() == [(5000,)]
        assert not (target / "drkit-log").exists()
    finally:
        stop(system, target)


def fetch_all(target: Path, system: PhysicalSystem, into: Path) -> list[str]:
    """By the very command that the folder's settings have, as long as it gives anything."""
    settings = (target / "postgresql.auto.conf").read_text()
    command = next(line for line in settings.splitlines() if line.startswith("restore_command"))
    command = command.partition("= '")[2].removesuffix("'").replace("''", "'")
    base = system.manifest().base
    assert base
    number, found = base.start // (16 << 20), []
    while True:
        name = f"{1:08X}{0:08X}{number:08X}"
        text = command.replace("%f", name).replace("%p", str(into / name)).replace("%%", "%")
        done = subprocess.run(["sh", "-c", text], cwd=target, env=system.drkit.environment, capture_output=True)
        if done.returncode:
            break
        found.append(name)
        number += 1
    assert done.returncode == 1, done.stderr
    assert len(found) > 1
    history = command.replace("%f", "00000002.history").replace("%p", str(into / "history"))
    assert subprocess.run(["sh", "-c", history], cwd=target, env=system.drkit.environment).returncode == 1
    # a store that is away must not be taken for the end of the log
    store = system.folder / "store"
    store.rename(store.with_name("away"))
    lost = command.replace("%f", found[0]).replace("%p", str(into / "lost"))
    (target / "drkit-log" / found[0]).unlink(missing_ok=True)
    gone = subprocess.run(["sh", "-c", lost], cwd=target, env=system.drkit.environment, capture_output=True)
    store.with_name("away").rename(store)
    assert gone.returncode == 255, gone.stderr
    return found


def arriving_spaces(system: PhysicalSystem) -> str:
    [(place,)] = system.server.query("SELECT pg_tablespace_location(oid) FROM pg_tablespace WHERE spcname = 'fast'")
    return str(place)


def test_a_script_of_stock_tools_does_the_same_without_drkit(system: PhysicalSystem, place: Path) -> None:
    target = restored_by_hand(system, place, "name:half")
    port = free_port()
    options = f"-c port={port} -c unix_socket_directories={place} -c listen_addresses="
    started = as_owner(system, "pg_ctl", "-D", str(target), "-w", "-l", f"{target}.out", "-o", options, "start")
    assert started.returncode == 0, Path(f"{target}.out").read_text()
    try:
        where = f"host={place} port={port} user=postgres dbname=postgres password={system.server.password}"
        with psycopg.connect(where, autocommit=True) as connection:
            system.wait_for(lambda: connection.execute("SELECT pg_is_in_recovery()").fetchall() == [(False,)])
            assert connection.execute("SELECT count(*) FROM ticks").fetchall() == [(2,)]
            assert connection.execute("SELECT count(*) FROM spaced").fetchall() == [(5000,)]
    finally:
        stop(system, target)


def restored_by_hand(system: PhysicalSystem, place: Path, at: str) -> Path:
    target = place / "by-hand"
    shown = system.drkit.ok("restore", "--at", at, "--to", str(target), "--by-hand")
    script = place / "restore.sh"
    script.write_text(shown.out)
    environment = program_environment(system.server.bin, IDENTITY=str(system.folder / "keys/identity"))
    environment["PATH"] = f"{system.server.bin}:{environment['PATH']}"
    done = subprocess.run(["bash", str(script)], env=environment, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    for path in place.iterdir():
        subprocess.run(["chown", "-R", f"{SERVER_USER}:", str(path)], check=True)
    return target


def test_the_script_puts_incremental_backups_together(place: Path) -> None:
    more = f'programs = "{find_programs(17)}"\nincremental = true'
    with short_folder() as home, physical_system(home, 17, more, summarize_wal="on") as system:
        system.server.execute(TICKS)
        with system.following():
            for _ in range(2):
                system.drkit.ok("backup", "now")
                system.server.execute("INSERT INTO ticks DEFAULT VALUES", "CHECKPOINT")
            await_covered(system)
        assert system.manifest().base.origin  # type: ignore[union-attr]
        target = restored_by_hand(system, place, "latest")
        options = f"-c port={free_port()} -c unix_socket_directories={place} -c listen_addresses="
        started = as_owner(system, "pg_ctl", "-D", str(target), "-w", "-l", f"{target}.out", "-o", options, "start")
        assert started.returncode == 0, Path(f"{target}.out").read_text()
        try:
            port = options.partition("port=")[2].split()[0]
            assert ask(place, "SELECT count(*) FROM ticks", int(port), password=system.server.password) == [(2,)]
        finally:
            stop(system, target)


def test_one_database_and_one_table_come_out_of_a_whole_server_into_another(system: PhysicalSystem) -> None:
    server = system.server
    done = system.drkit.json("restore", "--at", "name:half", "--to", server.dsn("rescued"), "--database", "other")
    assert done["verified"] is True
    assert done["last_transaction"]
    assert server.query("SELECT count(*) FROM kept", database="rescued") == [(10,)]
    [(owner,)] = server.query("SELECT tableowner FROM pg_tables WHERE tablename = 'kept'", database="rescued")
    assert owner == "owner_of_it"
    system.drkit.ok("restore", "--at", "name:half", "--to", server.dsn("one"), "--table", "ticks")
    assert server.query("SELECT count(*) FROM ticks", database="one") == [(2,)]
    assert server.query("SELECT to_regclass('spaced')", database="one") == [(None,)]
    missing = system.drkit("restore", "--to", server.dsn("none"), "--database", "never_there")
    assert missing.code == 2
    assert "had no database 'never_there'" in missing.err


def test_a_drill_restores_a_random_moment_of_the_windows_and_measures_the_logs_real_lag(system: PhysicalSystem) -> None:
    done = system.drkit("verify", "now", "--at", "random", "--seed", "a seed", "--json")
    assert done.code == 0, done
    [drill] = done.document["drills"]
    assert drill["passed"]
    assert drill["reached"] == drill["wanted"]
    assert drill["rpo"]["measured"] == 0
    assert drill["phases"]["replay"] > 0
    names = {each["name"] for each in drill["checks"]}
    assert {"pg_verifybackup", "first query", "recovery", "amcheck postgres", "amcheck other"} <= names
    [again] = system.drkit.json("verify", "now", "--at", "random", "--seed", "a seed")["drills"]
    assert again["wanted"] == drill["wanted"]
    [latest] = system.drkit.json("verify", "now")["drills"]
    [window] = system.drkit.json("backup", "list")["windows"]
    assert latest["reached"] == window["to"]
    assert latest["rpo"]["measured"] > 0
    assert system.drkit.ok("evidence", "verify", "all")
    worst = latest["rto_at_worst"]  # one base, so the farthest moment is the newest, which was drilled
    assert worst["at"] == window["to"]
    assert worst["expected"] == pytest.approx(latest["rto"]["measured"], abs=0.01)
    [seen] = system.drkit("status", "--json").document["sources"]
    assert (seen["rto_at_worst"]["at"], seen["rto_at_worst"]["log_bytes"]) == (worst["at"], worst["log_bytes"])


def test_the_users_own_questions_are_asked_of_the_copy(system: PhysicalSystem) -> None:
    more = f'programs = "{system.server.bin}"\n'
    checks = 'checks = [{ name = "rows", sql = "SELECT count(*) FROM ticks", expect = 4 }]\n'
    system.configure(more + checks)
    [drill] = system.drkit.json("verify", "now")["drills"]
    assert [each["passed"] for each in drill["checks"] if each["name"] == "rows"] == [True]


def test_libraries_that_are_not_here_keep_no_copy_from_starting(tmp_path: Path) -> None:
    more = f'programs = "{find_programs(16)}"'
    settings = {"shared_preload_libraries": "pg_stat_statements"}
    with physical_system(tmp_path, 16, more, **settings) as system, servers_folder() as place:
        with system.following():
            system.server.execute("ALTER SYSTEM SET shared_preload_libraries = 'pg_stat_statements, never_heard_of'")
            system.drkit.ok("backup", "now")
            await_covered(system)
        done = system.drkit("restore", "--to", str(place / "restored"), "--start")
        assert done.code == 0, done
        assert "never_heard_of" in done.err
        try:
            found = ask(place / "restored/drkit-recovery", "SHOW shared_preload_libraries")
            assert found == [("pg_stat_statements",)]
        finally:
            stop(system, place / "restored")
        with arriving(system, None) as there:
            assert there.query("SHOW shared_preload_libraries") == [("",)]
