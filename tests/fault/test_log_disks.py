"""Disks that fill up while a server's log is followed: the store's, and the server's own because of us."""

from pathlib import Path

from drkit import catalog
from servers.physical import PhysicalSystem, physical_system
from small_disk import filling_disk

MIB = 1 << 20
NOISE = "INSERT INTO noise SELECT repeat(md5(n::text), 20) FROM generate_series(1, 30000) n"


def acknowledged(system: PhysicalSystem) -> int:
    [(position,)] = system.server.query("SELECT max(flush_lsn - '0/0'::pg_lsn) FROM pg_stat_replication")
    return int(position)


def test_a_store_whose_disk_is_full_is_told_nothing_is_acknowledged_and_it_goes_on_when_there_is_room(
    tmp_path: Path,
) -> None:
    with (
        filling_disk(tmp_path / "disk", 256 * MIB) as disk,
        physical_system(tmp_path, url=f"file://{tmp_path}/disk/store", interval="0.3s", wal_keep_size="1GB") as system,
        system.following() as follower,
    ):
        system.server.execute("CREATE TABLE noise (text text)")
        system.await_stored()
        disk.fill(follower.child.pid)
        system.server.execute(NOISE)
        told = follower.await_words("the store takes no log")
        assert told["level"] == "warning"
        assert "No space left" in told["message"] or "File too large" in told["message"]
        assert told["hint"]
        assert acknowledged(system) < system.position()
        stored = max(run.end for run in catalog.join_spans(system.log().spans))
        assert acknowledged(system) <= stored
        disk.free(follower.child.pid)
        system.await_stored()
        assert follower.end() == 130
        start, body = system.stored_bytes()
        assert body == system.server_bytes(start, len(body))


def test_a_server_that_will_soon_give_up_the_log_it_keeps_for_us_is_told_of_before_it_does(tmp_path: Path) -> None:
    with physical_system(tmp_path, max_slot_wal_keep_size="128MB", max_wal_size="64MB") as system:
        system.server.execute("CREATE TABLE noise (text text)")
        with system.following() as follower:
            system.await_stored()
            follower.kill()
        incoming = system.folder / "store/.incoming"
        incoming.rename(incoming.with_name("aside"))
        incoming.touch()  # so the store takes nothing
        start = system.position()
        while system.position() < start + 80 * MIB:
            system.server.execute(NOISE, "CHECKPOINT")
        with system.following() as follower:
            told = follower.await_words("gives up the log that it keeps for drkit after")
            assert told["level"] == "warning"
            assert 0 < told["slot_safe_bytes"] < 64 * MIB
            assert "max_slot_wal_keep_size" in told["hint"]
            kept, _ = system.slot()
            assert kept is not None, "and nothing is lost yet"
            incoming.unlink()
            system.await_stored()
            follower.end()
        assert not catalog.gaps(system.log().spans)
