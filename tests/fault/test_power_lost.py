"""The power fails right after something was acknowledged: what no disk had for sure is gone, and that is not missed."""

import os
import signal
import subprocess
from pathlib import Path

from cli_runner import COMMAND
from drkit import catalog
from fault_system import DOCS, make_system
from lost_power import after_power_loss, launcher
from servers.physical import SOURCE, PhysicalSystem, physical_system

_ACKNOWLEDGED = "SELECT coalesce(max(flush_lsn - '0/0'::pg_lsn), 0) FROM pg_stat_replication"


def test_a_backup_that_ended_well_is_whole_after_a_loss_of_power(tmp_path: Path) -> None:
    system = make_system(tmp_path / "shop", size=3_000_000)
    log = tmp_path / "trace"
    assert system.launched_by(*launcher(log)).run("backup", "now", DOCS).code == 0
    left = after_power_loss(log, system.store_folder, tmp_path / "left")
    system.store_folder.rename(tmp_path / "aside")
    left.rename(system.store_folder)
    [point] = system.points(DOCS)
    assert system.is_whole(point, tmp_path / "docs")


def test_log_that_was_acknowledged_to_the_server_is_whole_after_a_loss_of_power(tmp_path: Path) -> None:
    with physical_system(tmp_path, interval="0.2s", wal_keep_size="1GB") as system:
        log, store = tmp_path / "trace", system.folder / "store"
        acknowledged = follow_for_a_while(system, log)
        left = after_power_loss(log, store, tmp_path / "left")
        store.rename(tmp_path / "aside")
        left.rename(store)
        [run] = catalog.join_spans(system.log().spans)
        assert run.start < acknowledged <= run.end
        start, body = system.stored_bytes()
        assert body == system.server_bytes(start, len(body))


def follow_for_a_while(system: PhysicalSystem, log: Path) -> int:
    """Up to where the server was told that it is stored, when the follower was killed."""
    with subprocess.Popen(
        [*launcher(log), *COMMAND, "follow", SOURCE],
        cwd=system.folder,
        env=system.drkit.environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    ) as tracer:
        try:
            for number in range(3):
                system.server.execute(
                    "CREATE TABLE IF NOT EXISTS noise (text text)",
                    "INSERT INTO noise SELECT repeat(md5(n::text), 50) FROM generate_series(1, 1000) n",
                )
                wanted = system.position()
                system.wait_for(lambda: system.server.query(_ACKNOWLEDGED) >= [(wanted,)], lambda: number)  # noqa: B023
            [(acknowledged,)] = system.server.query(_ACKNOWLEDGED)
        finally:
            os.killpg(tracer.pid, signal.SIGKILL)
    return int(acknowledged)
