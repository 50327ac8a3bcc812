"""A throw-away PostgreSQL: made, reached, shut off and removed, with the real programs of every version."""

import os
import shutil
import signal
import socket
import subprocess
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import psycopg
import pytest

from drkit.disk.processes import end_servers
from drkit.disk.scratch import scratch_folder
from drkit.engines.postgres.programs import Programs
from drkit.engines.postgres.scratch.cluster import make_cluster
from drkit.engines.postgres.scratch.confinement import confine
from drkit.engines.postgres.scratch.place import ScratchServer
from drkit.engines.postgres.scratch.postgres import scratch_postgres
from drkit.engines.postgres.scratch.server import serving
from drkit.errors import ConfigError, NotRestorable
from fault_system import utc_now
from postgres.cluster import reachable_programs
from postgres.programs import MAJORS, as_server_user, find_programs, program_environment
from sqlite_vault import child_at, run_child

START = """
from drkit.errors import DrkitError
from drkit.engines.postgres.scratch.postgres import scratch_postgres
def start(needed=0):
    return scratch_postgres(Path(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3]), utc_now, needed)
"""
Start = Callable[..., AbstractContextManager[ScratchServer]]


@pytest.fixture
def place() -> Iterator[Path]:
    """Where any user may make folders and reach them; pytest's own folders are closed to the server's user."""
    with TemporaryDirectory(prefix="place-") as folder:
        Path(folder).chmod(0o777)
        yield Path(folder)


@pytest.fixture
def start(place: Path) -> Start:
    def started(major: int = 17, needed: int = 0) -> AbstractContextManager[ScratchServer]:
        return scratch_postgres(programs(major, place.parent), major, place, utc_now, needed)

    return started


@pytest.fixture(scope="module")
def shared() -> Iterator[ScratchServer]:
    """For tests that only look, or leave what does not disturb the others."""
    with scratch_postgres(programs(17, Path("/tmp")), 17, None, utc_now) as scratch:
        yield scratch


def told_by(scratch: ScratchServer, command: str) -> str:
    """What a program writes that the scratch server starts, as a restored superuser's function could."""
    with psycopg.connect(scratch.dsn("postgres")) as connection:
        connection.execute("CREATE TEMP TABLE told (line text)")
        connection.execute(f"COPY told FROM PROGRAM '{command}' (FORMAT csv, DELIMITER e'\\001')".encode())
        return "\n".join(line for (line,) in connection.execute("SELECT line FROM told"))


def programs(major: int, home: Path) -> Path:
    return reachable_programs(find_programs(major), home)


def arguments(place: Path) -> tuple[Path, int, Path]:
    return programs(17, place.parent), 17, place


def serves(place: Path) -> bool:
    """Whether any process works in that folder."""
    found = subprocess.run(["ps", "-eo", "args", "-ww"], capture_output=True, text=True, check=True).stdout
    return f"-D {place}" in found


@pytest.mark.parametrize("major", MAJORS)
def test_a_scratch_server_of_each_major_answers_takes_databases_and_is_gone_afterwards(
    major: int, start: Start, place: Path
) -> None:
    with start(major) as scratch:
        assert list(place.iterdir()) == [scratch.folder]
        assert scratch.major == major
        with psycopg.connect(scratch.dsn("postgres"), autocommit=True) as connection:
            connection.execute('CREATE DATABASE "a b/ü"')
        with psycopg.connect(scratch.dsn("a b/ü")) as connection:
            assert connection.info.server_version // 10_000 == major
            assert connection.execute("SHOW server_encoding").fetchone() == ("UTF8",)
        assert scratch.settings["fsync"] == "off"
        assert scratch.settings["server_version"].startswith(f"{major}.")
        assert f"a throw-away PostgreSQL {major}." in scratch.describe()
    assert list(place.iterdir()) == []
    assert not serves(place)


def test_only_we_get_in_by_a_socket_and_only_as_the_superuser(shared: ScratchServer) -> None:
    with psycopg.connect(shared.dsn("postgres"), autocommit=True) as connection:
        connection.execute("CREATE ROLE intruder SUPERUSER LOGIN")
        assert connection.execute("SHOW listen_addresses").fetchone() == ("",)
    with pytest.raises(psycopg.OperationalError, match="eer authentication failed"):
        psycopg.connect(shared.dsn("postgres"), user="intruder")
    assert shared.folder is not None
    assert shared.folder.stat().st_uid == os.geteuid()
    assert shared.folder.stat().st_mode & 0o7067 == 0
    for inner in ("data", "socket"):
        assert (shared.folder / inner).stat().st_mode & 0o777 == 0o700


def test_the_users_of_other_servers_are_not_let_in(shared: ScratchServer) -> None:
    folder = programs(17, Path("/tmp"))
    assert shared.folder is not None
    for user, group in (("nobody", "nogroup"), ("postgres", "postgres")) if os.geteuid() == 0 else ():
        done = subprocess.run(
            ["setpriv", "--reuid", user, "--regid", group, "--clear-groups", "--", folder / "psql", "-c", "SELECT 1"],
            capture_output=True,
            text=True,
            env=program_environment(folder, PGHOST=str(shared.folder / "socket"), PGUSER="postgres"),
            check=False,
        )
        assert done.returncode == 2
        assert "eer authentication failed" in done.stderr or "Permission denied" in done.stderr


def test_the_server_of_root_is_run_by_nobody_and_may_not_gain_privileges(shared: ScratchServer) -> None:
    status = told_by(shared, "setpriv --dump")
    user = 65534 if os.geteuid() == 0 else os.geteuid()
    assert f"uid: {user}\neuid: {user}\n" in status
    assert "no_new_privs: 1" in status


def test_a_program_that_a_restored_database_starts_has_nothing_of_our_environment_and_of_our_groups(
    place: Path,
) -> None:
    code = """
import psycopg
os.environ["AWS_SECRET_ACCESS_KEY"] = "the key to the store"
if os.geteuid() == 0:
    os.setgroups([0, 4])
with start() as scratch, psycopg.connect(scratch.dsn("postgres")) as connection:
    connection.execute("CREATE TEMP TABLE told (line text)")
    connection.execute("COPY told FROM PROGRAM 'env; echo groups: $(id -G)'")
    print(*(line for (line,) in connection.execute("SELECT line FROM told")), sep="\\n")
"""
    told = run_child(START + code, *arguments(place))
    assert "PATH=" in told
    assert "AWS" not in told
    assert "PYTHONPATH" not in told
    assert os.geteuid() != 0 or "groups: 65534\n" in told


def test_what_is_said_of_the_network_is_true_for_a_program_that_a_restored_database_starts(
    shared: ScratchServer,
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        said = told_by(shared, f'bash -c "(exec 3<>/dev/tcp/127.0.0.1/{port}) 2>/dev/null && echo reached || echo not"')
    assert said == ("reached" if "with a network" in shared.describe() else "not")


def test_a_restored_superuser_cannot_open_what_is_shut(shared: ScratchServer) -> None:
    shut = ("restore_command", "archive_library", "recovery_end_command", "ssl_passphrase_command", "primary_conninfo")
    with psycopg.connect(shared.dsn("postgres"), autocommit=True) as connection:
        for name in shut:
            connection.execute(f"ALTER SYSTEM SET {name} = 'host=elsewhere'".encode())
        connection.execute("ALTER SYSTEM SET work_mem = '7MB'")
        connection.execute("SELECT pg_reload_conf()")
    asked = "SELECT current_setting('work_mem') = '7MB', array_agg(current_setting(name)) FROM unnest(%s::text[]) name"
    reloaded, values = False, None
    while not reloaded:
        with psycopg.connect(shared.dsn("postgres")) as connection:
            reloaded, values = connection.execute(asked, [list(shut)]).fetchone() or (True, None)
    assert values == [""] * len(shut)


@pytest.mark.parametrize("tools", ["all tools", "no tools"])
def test_a_user_who_is_not_root_starts_one_too(place: Path, tools: str) -> None:
    code = """
import psycopg
drop_privileges()
if sys.argv[4] == "no tools":
    os.environ["PATH"] = "/nowhere"
with start() as scratch, psycopg.connect(scratch.dsn("postgres")) as connection:
    print(connection.execute("SELECT 'it answers'").fetchone()[0], scratch.describe())
"""
    said = run_child(START + code, *arguments(place), tools)
    assert said.startswith("it answers")
    assert tools == "all tools" or "with a network" in said
    assert list(place.iterdir()) == []


def test_a_user_without_a_name_starts_one_where_nss_wrapper_is(place: Path) -> None:
    if os.geteuid() != 0:
        assert confine().wrapper is None
        return
    code = """
import psycopg
os.setgroups([]), os.setgid(54321), os.setuid(54321)
with start() as scratch, psycopg.connect(scratch.dsn("postgres")) as connection:
    print(connection.execute("SELECT 'it answers'").fetchone()[0], scratch.describe())
"""
    said = run_child(START + code, *arguments(place))
    assert said.startswith("it answers")
    assert "run by drkit" in said
    assert list(place.iterdir()) == []


def test_a_user_without_a_name_is_told_what_initdb_needs_where_nothing_gives_one(place: Path) -> None:
    if os.geteuid() != 0:
        assert confine(lambda: None).owner
        return
    code = """
from drkit.engines.postgres.scratch.confinement import confine
os.setgroups([]), os.setgid(54321), os.setuid(54321)
try:
    confine(lambda: None)
except DrkitError as error:
    print(error, error.hint, sep="\\n")
"""
    assert "the user 54321 has no name on this machine" in run_child(START + code, *arguments(place))


def test_an_error_in_the_block_passes_through_and_all_is_removed(start: Start, place: Path) -> None:
    with pytest.raises(ZeroDivisionError), start() as scratch:
        connection = psycopg.connect(scratch.dsn("postgres"))
        raise ZeroDivisionError
    with pytest.raises(psycopg.OperationalError), connection:
        connection.execute("SELECT 1")
    assert list(place.iterdir()) == []
    assert not serves(place)


@pytest.mark.parametrize("word", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_removes_all(word: signal.Signals, place: Path) -> None:
    code = """
signal.signal(signal.SIGTERM, signal.default_int_handler)
with start() as scratch:
    wait_here("it stands")
"""
    with child_at("it stands", START + code, *arguments(place)) as child:
        assert serves(place)
        child.send_signal(word)
        child.wait()
    assert list(place.iterdir()) == []
    assert not serves(place)


def test_a_ctrl_c_on_the_terminal_does_not_end_the_server_before_we_are_done_with_it(
    place: Path,
) -> None:
    code = """
import psycopg
os.setpgrp()
with start() as scratch, psycopg.connect(scratch.dsn("postgres")) as connection:
    try:
        wait_here("it stands")
    except KeyboardInterrupt:
        connection.execute("SELECT pg_sleep(0.2)")
        print("it stands still", flush=True)
"""
    with child_at("it stands", START + code, *arguments(place)) as child:
        os.killpg(child.pid, signal.SIGINT)
        assert child.stdout is not None
        assert child.stdout.readline() == "it stands still\n"
        assert child.wait() == 0
    assert list(place.iterdir()) == []


def test_a_server_that_does_not_come_up_is_reported_with_the_last_lines_of_its_log(place: Path) -> None:
    with scratch_folder(place) as folder:
        cluster = make_cluster(folder, Programs(programs(17, place.parent), 17, 0), confine())
        dsn = f"postgresql://postgres@/postgres?host={cluster.socket}"
        with (
            pytest.raises(NotRestorable, match=r"ended with status 1 .* invalid value for parameter .shared_buffers."),
            serving(cluster, {"shared_buffers": "plenty"}, dsn),
        ):
            pass
    assert list(place.iterdir()) == []


def test_initdb_s_own_words_are_in_the_error_when_it_fails(place: Path) -> None:
    lone = place / "lone" / "bin"
    lone.mkdir(parents=True)
    for name in ("initdb", "postgres"):
        shutil.copy(find_programs(17) / name, lone)
    shutil.copytree(find_programs(17).parent / "lib", lone.parent / "lib")
    with pytest.raises(NotRestorable, match=r"initdb made no scratch cluster .* does not exist") as caught:
        scratch_postgres(lone, 17, place, utc_now).__enter__()
    assert str(lone) in caught.value.hint
    assert [path.name for path in place.iterdir()] == ["lone"]


def test_too_little_room_is_told_before_anything_is_made(start: Start, place: Path) -> None:
    with pytest.raises(
        NotRestorable, match=r"no room for a scratch copy: it takes 1000000000100000000 bytes"
    ) as caught:
        start(needed=10**18).__enter__()
    assert "TMPDIR" in caught.value.hint
    assert list(place.iterdir()) == []


def test_programs_of_another_major_are_refused(place: Path) -> None:
    with pytest.raises(ConfigError, match=r"is not of version 16: it says 'postgres \(PostgreSQL\) 17\."):
        scratch_postgres(programs(17, place.parent), 16, place, utc_now).__enter__()


def test_missing_programs_are_named_with_what_to_install(place: Path) -> None:
    with pytest.raises(ConfigError, match="has no initdb and no postgres") as caught:
        scratch_postgres(place, 16, place, utc_now).__enter__()
    assert "install postgresql-16" in caught.value.hint


def test_a_variable_that_would_lead_elsewhere_than_to_the_scratch_server_is_refused(place: Path) -> None:
    code = """
os.environ["PGHOSTADDR"] = "192.0.2.1"
try:
    start().__enter__()
except DrkitError as error:
    print(error.exit_code, error, error.hint, sep="\\n")
"""
    said = run_child(START + code, *arguments(place))
    assert said.startswith("3\nPGHOSTADDR is set")
    assert "192.0.2.1" not in said


def test_a_path_too_long_for_a_socket_is_refused(place: Path) -> None:
    deep = place / ("d" * 80)
    deep.mkdir()
    with pytest.raises(ConfigError, match="too long a path for a server's socket"):
        scratch_postgres(programs(17, place.parent), 17, deep, utc_now).__enter__()
    assert list(deep.iterdir()) == []


def test_a_server_that_does_not_listen_is_killed_and_only_the_one_of_that_folder(start: Start) -> None:
    with start() as scratch, start() as other:
        assert scratch.folder is not None
        pid = int((scratch.folder / "data" / "postmaster.pid").read_text().split()[0])
        os.kill(pid, signal.SIGSTOP)
        end_servers(scratch.folder / "data", timedelta(milliseconds=100))
        with pytest.raises(psycopg.OperationalError):
            psycopg.connect(scratch.dsn("postgres"))
        psycopg.connect(other.dsn("postgres")).close()


def test_a_process_that_a_forged_pid_file_names_is_left_alone(start: Start, place: Path) -> None:
    bystander = subprocess.Popen(as_server_user(["sleep", "60"]))
    try:
        left = place / "drkit-scratch-forged" / "data"
        left.mkdir(parents=True)
        (left / "postmaster.pid").write_text(f"{bystander.pid}\n{left}\n")
        with scratch_folder(place):
            assert not left.exists()
        assert bystander.poll() is None
    finally:
        bystander.kill()
        bystander.wait()
