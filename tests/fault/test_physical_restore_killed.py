"""kill -9 in the restore of a whole server: its name is free, its server ends, and running it again is safe."""

import shutil
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from fault_system import wait_for
from postgres.programs import as_server_user
from processes import living
from recovering import TICKS, await_covered, servers_folder
from servers.physical import PhysicalSystem, physical_system


@pytest.fixture(scope="module")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PhysicalSystem]:
    with physical_system(tmp_path_factory.mktemp("killed")) as system:
        system.server.execute(TICKS)
        with system.following():
            system.drkit.ok("backup", "now")
            system.fill(1)
            system.server.execute(*["INSERT INTO ticks DEFAULT VALUES"] * 3)
            await_covered(system)
        yield system


@pytest.fixture
def place() -> Iterator[Path]:
    with servers_folder() as folder:
        yield folder


def servers_in(folder: Path) -> list[int]:
    """Processes that stand in it."""
    return [process.pid for process in living() if process.stands_in(folder)]


def test_a_restore_of_a_server_that_was_killed_while_it_was_filled_leaves_its_name_free_and_can_be_run_again(
    system: PhysicalSystem, place: Path
) -> None:
    target, partial = place / "restored", place / "restored.drkit-partial"
    with system.drkit.running("restore", "--to", str(target), "--start") as child:
        assert wait_for((partial / "data/PG_VERSION").exists, child), child.communicate()
        child.send_signal(signal.SIGSTOP)
        refused = system.drkit("restore", "--to", str(target))
        assert refused.code == 2
        assert "another restore is at work" in refused.err
        child.kill()
        child.wait()
    assert not target.exists()
    assert partial.exists()
    system.drkit.ok("restore", "--to", str(target), "--start")
    try:
        assert not partial.exists()
        assert_whole(target)
    finally:
        stop(system, target)


def test_a_restore_of_a_server_that_was_killed_while_it_replayed_is_taken_for_a_finished_one_by_nobody(
    system: PhysicalSystem, place: Path
) -> None:
    target = place / "restored"
    with system.drkit.running("restore", "--to", str(target), "--start") as child:
        assert wait_for((target / "postmaster.pid").exists, child), child.communicate()
        child.kill()
        child.wait()
    system.wait_for(lambda: not servers_in(place), lambda: servers_in(place))
    assert (target / "recovery.signal").exists()
    started = control(system, target, "-w", "-o", f"-c port=1 -c unix_socket_directories={place}", "start")
    assert started.returncode != 0, "it does not start as if it were whole"
    assert system.drkit("restore", "--to", str(target)).code == 2, "and nothing is put over it"
    shutil.rmtree(target)
    system.drkit.ok("restore", "--to", str(target), "--start")
    try:
        assert_whole(target)
    finally:
        stop(system, target)


def assert_whole(target: Path) -> None:
    where = psycopg.conninfo.make_conninfo(host=f"{target}/drkit-recovery", user="postgres", dbname="postgres")
    with psycopg.connect(where) as restored:
        assert restored.execute("SELECT count(*) FROM ticks").fetchall() == [(3,)]
        assert restored.execute("SELECT count(*) FROM pgbench_accounts").fetchall() == [(100_000,)]


def stop(system: PhysicalSystem, target: Path) -> None:
    assert control(system, target, "-m", "immediate", "-w", "stop").returncode == 0


def control(system: PhysicalSystem, target: Path, *words: str) -> "subprocess.CompletedProcess[bytes]":
    command = as_server_user([str(system.server.bin / "pg_ctl"), "-D", str(target), *words])
    return subprocess.run(command, stdout=subprocess.DEVNULL, env=system.server.environment(), check=False)
