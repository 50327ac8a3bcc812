"""kill -9 of drkit while it holds a scratch place, in every phase: no server, folder or database stays behind."""

import fcntl
import os
import signal
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict

from drkit.disk.scratch import scratch_folder
from drkit.engines.postgres.scratch.database import scratch_database
from fault_system import utc_now, wait_for
from postgres.cluster import reachable_programs
from postgres.programs import find_programs
from processes import living
from servers.postgres import NamedServer
from sqlite_vault import child_at, run_child

SCRATCH = """
from drkit.engines.postgres.scratch.database import scratch_database
from drkit.engines.postgres.scratch.database import scratch_database
from drkit.disk.scratch import scratch_folder
from drkit.engines.postgres.scratch.postgres import scratch_postgres
place = Path(sys.argv[1])
def server(major=17):
    return scratch_postgres(Path(sys.argv[2]), major, place, utc_now)
"""
HOLD = """
print("begun", flush=True)
with server() as scratch:
    wait_here("it stands")
"""
# as a user whom no setpriv helps: the server outlives the process that started it
HOLD_ALONE = """
drop_privileges()
os.environ["PATH"] = "/nowhere"
with server():
    wait_here("it stands")
"""
SWEEP_ALONE = """
drop_privileges()
with scratch_folder(place):
    pass
"""
HOLD_DATABASES = """
import psycopg
print("begun", flush=True)
with scratch_database(sys.argv[1], None, None, utc_now) as scratch:
    with psycopg.connect(sys.argv[1], autocommit=True) as connection:
        for name in ("restored", "restored.drkit-partial"):
            name = psycopg.conninfo.conninfo_to_dict(scratch.dsn(name))["dbname"]
            connection.execute(f'CREATE DATABASE "{name}"')
    wait_here("they stand")
"""


@pytest.fixture
def place() -> Iterator[Path]:
    with TemporaryDirectory(prefix="place-") as folder:
        Path(folder).chmod(0o777)
        yield Path(folder)


def programs(place: Path) -> Path:
    return reachable_programs(find_programs(17), place.parent)


def serves(place: Path) -> bool:
    """Whether any process has a folder in there for its data."""
    return any(f"-D\0{place}" in "\0".join(process.words) for process in living())


@contextmanager
def holding(place: Path) -> Iterator["subprocess.Popen[str]"]:
    """Drkit with a scratch place, killed at the end. What it has just forked may not be another program yet: until then
    it holds what its parent held."""
    with child_at("begun", SCRATCH + HOLD, place, programs(place)) as child:
        yield child
    assert wait_for(lambda: all(is_free(folder) for folder in place.iterdir()))


def is_free(folder: Path) -> bool:
    lock = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    finally:
        os.close(lock)
    return True


def data_of(place: Path) -> Path:
    return next(place.glob("drkit-scratch-*"), place / "none") / "data"


PHASES: dict[str, Callable[[Path], bool]] = {
    "the folder": lambda place: data_of(place).parent.exists(),
    "initdb": lambda place: (data_of(place) / "PG_VERSION").exists(),
    "the catalogs": lambda place: (data_of(place) / "base" / "1" / "1259").exists(),
    "the start": lambda place: (data_of(place) / "postmaster.pid").exists(),
    "the first answer": lambda place: (data_of(place).parent / "socket" / ".s.PGSQL.5432").exists(),
}


@pytest.mark.parametrize("phase", PHASES)
def test_what_a_run_leaves_that_was_killed_while_its_server_was_made_is_swept_by_the_next(
    phase: str, place: Path
) -> None:
    with holding(place) as child:
        assert wait_for(lambda: PHASES[phase](place), child)
    assert list(place.iterdir()) != []
    with scratch_folder(place) as folder:
        assert list(place.iterdir()) == [folder]
        assert not serves(place)
    assert list(place.iterdir()) == []


def test_a_server_ends_by_itself_when_drkit_is_killed(place: Path) -> None:
    with holding(place) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == "it stands\n"
        assert serves(place)
    assert wait_for(lambda: not serves(place))


def test_a_server_that_outlived_its_run_is_ended_by_the_next(place: Path) -> None:
    with child_at("it stands", SCRATCH + HOLD_ALONE, place, programs(place)):
        dsn = f"host={data_of(place).parent}/socket user=postgres dbname=postgres"
    assert serves(place)
    run_child(SCRATCH + SWEEP_ALONE, place, programs(place))
    assert list(place.iterdir()) == []
    assert not serves(place)
    with pytest.raises(psycopg.OperationalError, match="No such file"):
        psycopg.connect(dsn)


def test_a_run_killed_while_it_ends_its_server_leaves_nothing_that_the_next_does_not_sweep(place: Path) -> None:
    with holding(place) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == "it stands\n"
        server = int((data_of(place) / "postmaster.pid").read_text().split()[0])
        os.kill(server, signal.SIGSTOP)
        assert wait_for(lambda: told(server, "State").startswith("T"), child)
        child.send_signal(signal.SIGINT)
        # the signal to end waits for a server that stands still
        assert wait_for(lambda: int(told(server, "ShdPnd"), 16) & 1 << (signal.SIGQUIT - 1) != 0, child)
    os.kill(server, signal.SIGCONT)
    with scratch_folder(place):
        assert not serves(place)
    assert list(place.iterdir()) == []


def told(pid: int, field: str) -> str:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(line.partition(":")[2].strip() for line in lines if line.startswith(f"{field}:"))


def test_a_run_killed_while_it_removes_its_folder_leaves_the_rest_to_the_next(place: Path) -> None:
    with holding(place) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == "it stands\n"
        child.send_signal(signal.SIGINT)
        wait_for(lambda: not (data_of(place) / "base" / "1" / "1259").exists(), child)
    with scratch_folder(place) as folder:
        assert list(place.iterdir()) == [folder]
    assert not serves(place)


def test_a_run_that_lives_keeps_its_server_whatever_others_sweep(place: Path) -> None:
    with holding(place) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == "it stands\n"
        before = list(place.iterdir())
        with scratch_folder(place):
            pass
        assert list(place.iterdir()) == before
        with psycopg.connect(f"host={before[0]}/socket user=postgres dbname=postgres") as connection:
            assert connection.execute("SELECT 1").fetchone() == (1,)


def test_the_databases_of_a_killed_run_are_dropped_by_the_next_and_those_of_a_living_one_are_not(
    postgres: NamedServer,
) -> None:
    with child_at("begun", SCRATCH + HOLD_DATABASES, postgres.dsn()) as alive:
        assert alive.stdout is not None
        assert alive.stdout.readline() == "they stand\n"
        living = scratch_databases(postgres)
        with child_at("begun", SCRATCH + HOLD_DATABASES, postgres.dsn()) as dead:
            assert dead.stdout is not None
            assert dead.stdout.readline() == "they stand\n"
            assert len(scratch_databases(postgres)) == len(living) + 3 == 6
        assert wait_for(lambda: nobody_is_in(postgres, scratch_databases(postgres) - living))
        with scratch_database(postgres.dsn(), None, None, utc_now):
            assert len(scratch_databases(postgres)) == len(living) + 1
        assert scratch_databases(postgres) == living
    assert wait_for(lambda: nobody_is_in(postgres, living))
    with scratch_database(postgres.dsn(), None, None, utc_now):
        pass
    assert scratch_databases(postgres) == set()


def test_a_database_whose_run_was_killed_before_it_could_mark_it_is_dropped_too(postgres: NamedServer) -> None:
    with child_at("begun", SCRATCH + HOLD_DATABASES, postgres.dsn()) as child:
        assert wait_for(lambda: scratch_databases(postgres) != set(), child)
    assert wait_for(lambda: nobody_is_in(postgres, scratch_databases(postgres)))
    with scratch_database(postgres.dsn(), None, None, utc_now) as scratch:
        assert scratch_databases(postgres) == {str(conninfo_to_dict(scratch.dsn("x"))["dbname"]).removesuffix("_x")}
    assert scratch_databases(postgres) == set()


def scratch_databases(server: NamedServer) -> set[str]:
    return {name for (name,) in server.query("SELECT datname FROM pg_database WHERE datname ~ '^drkit_scratch_'")}


def nobody_is_in(server: NamedServer, databases: set[str]) -> bool:
    """The server itself may need a moment to see that a client is dead."""
    asked = "SELECT count(*) FROM pg_stat_activity WHERE datname = ANY(%s)"
    return server.query(asked, [list(databases)]) == [(0,)]
