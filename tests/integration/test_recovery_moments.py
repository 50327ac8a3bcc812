"""Restores to moments of a busy server: exactly what was committed by then, on every version, over crashes and
promotions."""

import os
import random
from datetime import timedelta
from pathlib import Path

import pytest

from drkit import catalog
from drkit.restore.wanted import Mark
from postgres.programs import find_programs
from recovering import TICKS, arriving, await_covered, commits, committed_by
from servers.physical import PhysicalSystem, physical_system
from servers.standby import catch_up, standby_of

MOMENTS = int(os.environ.get("DRKIT_TEST_MOMENTS", "5"))  # of each version; the long form takes twenty
_TICK = "INSERT INTO ticks DEFAULT VALUES;\n"


def _busy(system: PhysicalSystem, folder: Path, seconds: int) -> None:
    """pgbench's own load and ticks, several clients each."""
    script = folder / "tick.sql"
    script.write_text(_TICK)
    script.chmod(0o644)
    with system.load("-n", "-c", "3", "-T", str(seconds), "-b", "tpcb-like", "-f", f"{script}@3") as load:
        _, err = load.communicate(timeout=120)
    assert load.returncode == 0, err


@pytest.mark.parametrize("major", [14, 15, 16, 17, 18])
def test_a_restore_has_exactly_the_rows_that_were_committed_by_its_moment(tmp_path: Path, major: int) -> None:
    more = f'programs = "{find_programs(major)}"'
    with physical_system(tmp_path, major, more, wal_keep_size="2GB") as system:
        system.fill(1)
        system.server.execute(TICKS)
        with system.following():
            system.drkit.ok("backup", "now")
            begun = system.manifest()
            _busy(system, tmp_path, 4)
            system.drkit.ok("backup", "now")
            _busy(system, tmp_path, 2)
            system.await_stored()
            await_covered(system)
        found = commits(system)
        assert begun.base
        ticks = dict(system.server.query("SELECT xid, n FROM ticks"))
        reachable = [commit.moment for commit in found if commit.moment > begun.base.stopped_at]
        chosen = [*random.Random(major).sample(reachable, MOMENTS - 1), max(reachable)]
        for moment in chosen:
            expected = {ticks[xid] for xid in committed_by(found, moment) & ticks.keys()}
            with arriving(system, moment) as there:
                assert there.planned.plan.reaches == moment
                assert {n for (n,) in there.query("SELECT n FROM ticks")} == expected
                assert there.restored.last_transaction
                assert there.restored.last_transaction <= moment
                [(accounts, tellers)] = there.query(
                    "SELECT (SELECT sum(abalance) FROM pgbench_accounts), (SELECT sum(tbalance) FROM pgbench_tellers)"
                )
                assert accounts == tellers


def test_the_moment_of_the_last_commit_and_ones_after_it_are_no_trap(tmp_path: Path) -> None:
    with physical_system(tmp_path, wal_keep_size="1GB") as system:
        system.server.execute(TICKS)
        with system.following():
            system.drkit.ok("backup", "now")
            system.server.execute(*["INSERT INTO ticks DEFAULT VALUES"] * 3)
            last = commits(system)[-1].moment
            covered = system.wait_for(
                lambda: [span for span in system.log().spans if span.covered_until > last + timedelta(seconds=1)]
            )[-1].covered_until
        for moment in (last, last + (covered - last) / 2, covered, covered + timedelta(microseconds=1), None):
            with arriving(system, moment) as there:
                assert there.query("SELECT count(*) FROM ticks") == [(3,)]
                assert there.restored.last_transaction == last
        with arriving(system, last - timedelta(microseconds=1)) as there:
            assert there.query("SELECT count(*) FROM ticks") == [(2,)]


def test_a_restore_point_a_position_and_a_transaction_can_be_asked_for(tmp_path: Path) -> None:
    with physical_system(tmp_path) as system:
        server = system.server
        server.execute(TICKS)
        with system.following():
            system.drkit.ok("backup", "now")
            server.execute("INSERT INTO ticks DEFAULT VALUES")
            server.query("SELECT pg_create_restore_point('before it')")
            [(xid,)] = server.query("INSERT INTO ticks DEFAULT VALUES RETURNING txid_current()")
            [(lsn,)] = server.query("SELECT pg_current_wal_insert_lsn() - '0/0'::pg_lsn")
            server.execute(*["INSERT INTO ticks DEFAULT VALUES"] * 2)
            server.query("SELECT pg_create_restore_point('at the end')")
            system.await_stored()
            [(end,)] = server.query("SELECT pg_current_wal_flush_lsn() - '0/0'::pg_lsn")
            server.execute("INSERT INTO ticks DEFAULT VALUES")
            system.await_stored()
        for mark, rows in (
            (Mark(name="before it"), 1),
            (Mark(transaction=int(xid)), 2),
            (Mark(lsn=int(lsn)), 2),
            (Mark(name="at the end"), 4),
            (Mark(lsn=int(end)), 4),
        ):
            with arriving(system, mark) as there:
                assert there.query("SELECT count(*) FROM ticks") == [(rows,)], mark


def test_a_crash_in_the_middle_of_a_file_of_log_is_replayed_over(tmp_path: Path) -> None:
    with physical_system(tmp_path, 17, f'programs = "{find_programs(17)}"', wal_keep_size="1GB") as system:
        system.server.execute(TICKS)
        with system.following() as follower:
            system.drkit.ok("backup", "now")
            system.server.execute(*["INSERT INTO ticks DEFAULT VALUES"] * 5)
            system.await_stored()
            system.server.crash()
            follower.await_words("trying again")
            system.server.start()
            system.server.execute(*["INSERT INTO ticks DEFAULT VALUES"] * 5)
            system.await_stored()
        found = commits(system)
        ticks = [xid for (xid,) in system.server.query("SELECT xid FROM ticks ORDER BY n")]
        moments = {commit.transaction: commit.moment for commit in found}
        for count in (2, 5, 7):
            with arriving(system, moments[ticks[count - 1]]) as there:
                assert there.query("SELECT xid FROM ticks ORDER BY n") == [(xid,) for xid in ticks[:count]]
        with arriving(system, None) as there:
            assert there.query("SELECT xid FROM ticks ORDER BY n") == [(xid,) for xid in ticks]


@pytest.mark.parametrize("major", [14, 17])
def test_over_a_promotion_every_moment_is_that_of_the_server_that_was_written_then(tmp_path: Path, major: int) -> None:
    more = f'programs = "{find_programs(major)}"'
    with (
        physical_system(tmp_path, major, more, wal_keep_size="1GB") as system,
        standby_of(system.server, tmp_path) as other,
    ):
        server = system.server
        server.execute(TICKS)
        both = f"host=127.0.0.1,127.0.0.1 port={server.port},{other.port} user=postgres"
        both += f" password={server.password} dbname=postgres target_session_attrs=read-write"
        new = PhysicalSystem(system.folder, other, system.drkit, system.url)
        with system.following(DATABASE_URL=both):
            system.drkit.ok("backup", "now", DATABASE_URL=both)
            server.execute(*["INSERT INTO ticks DEFAULT VALUES"] * 4)
            system.await_stored()
            system.wait_for(lambda: catch_up(server, other))
            before = server.query("SELECT xid FROM ticks ORDER BY n")
            then = await_covered(system)
            server.crash()
            other.execute("SELECT pg_promote()")
            other.execute(*["INSERT INTO ticks DEFAULT VALUES"] * 4)
            new.wait_for(lambda: [run for run in _runs(new, 2) if run.end >= new.position()])
            last = await_covered(new, timeline=2)
        after = other.query("SELECT xid FROM ticks ORDER BY n")
        assert len(after) == 8
        with arriving(new, then) as there:
            assert there.planned.travel
            assert there.planned.travel.journey.way.stretch.timeline == 1
            assert there.query("SELECT xid FROM ticks ORDER BY n") == before
        with arriving(new, None) as there:
            assert there.query("SELECT xid FROM ticks ORDER BY n") == after
            assert there.query("SELECT timeline_id FROM pg_control_checkpoint()") == [(3,)]
        with arriving(new, last) as there:
            assert there.query("SELECT xid FROM ticks ORDER BY n") == after


def _runs(system: PhysicalSystem, timeline: int) -> list[catalog.Run]:
    return [run for run in catalog.join_spans(system.log().spans) if run.timeline == timeline]


def test_incremental_backups_are_put_together(tmp_path: Path) -> None:
    more = f'programs = "{find_programs(17)}"\nincremental = true'
    with physical_system(tmp_path, 17, more, summarize_wal="on") as system:
        system.fill(1)
        system.server.execute(TICKS)
        with system.following():
            system.drkit.ok("backup", "now")
            for _ in range(2):
                system.server.execute(*["INSERT INTO ticks DEFAULT VALUES"] * 3, "CHECKPOINT")
                system.drkit.ok("backup", "now")
            system.server.execute("INSERT INTO ticks DEFAULT VALUES")
            await_covered(system)
        with arriving(system, None) as there:
            origins = [manifest.base.origin for manifest in there.planned.manifests if manifest.base]
            assert origins == [None, *(manifest.id for manifest in there.planned.manifests[:2])]
            assert there.query("SELECT count(*) FROM ticks") == [(7,)]
            assert there.query("SELECT count(*) FROM pgbench_accounts") == [(100_000,)]
