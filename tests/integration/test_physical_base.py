"""Base backups of real servers, from drkit's command line to PostgreSQL's own verdict on what was stored."""

import json
import subprocess
from pathlib import Path

import pytest

from cli_runner import await_bytes_in
from drkit.catalog import survey
from drkit.errors import WrongKey
from drkit.keyring import open_seal
from drkit.sealing import loading
from postgres.programs import MAJORS, give_to_server, program_environment
from servers.physical import SOURCE, PhysicalSystem, physical_system, verify_backup


def add_tablespace(system: PhysicalSystem, folder: Path) -> None:
    folder.mkdir()
    give_to_server(folder)
    system.server.execute(
        f"CREATE TABLESPACE side LOCATION '{folder}'",  # type: ignore[arg-type]
        "CREATE TABLE beside TABLESPACE side AS SELECT n, md5(n::text) FROM generate_series(1, 20000) n",
    )


@pytest.mark.parametrize("major", MAJORS)
def test_a_base_backup_passes_the_servers_own_verification(tmp_path: Path, major: int) -> None:
    with physical_system(tmp_path, major) as system:
        system.fill()
        add_tablespace(system, system.server.data.parent / "side")
        done = system.drkit.json("backup", "now")
        manifest = system.manifest()
        assert done["backups"][0]["kind"] == manifest.kind == "postgres-physical"
        base = manifest.base
        assert base and base.start < base.stop and base.timeline == 1 and base.origin is None
        assert base.server_version // 10_000 == major
        assert manifest.consistent_at <= base.stopped_at
        data = system.extract(manifest, tmp_path / "extracted")
        verify_backup(system.server, data)
        assert (data / "pg_tblspc").is_dir()
        assert any(path.name.startswith(f"PG_{major}") for path in (data / "pg_tblspc").glob("*/*"))


def test_a_big_archive_is_cut_into_pieces_that_are_whole_by_themselves(tmp_path: Path) -> None:
    with physical_system(tmp_path, 17) as system:
        system.fill(20)
        system.drkit.ok("backup", "now")
        manifest = system.manifest()
        names = [piece.name for piece in manifest.pieces]
        assert names[:2] == ["base-00000", "base-00001"]
        assert names[-2:] == ["manifest", "facts"]
        assert all(piece.plain_bytes < 512 << 20 for piece in manifest.pieces)
        verify_backup(system.server, system.extract(manifest, tmp_path / "extracted"))


@pytest.mark.parametrize("major", [17, 18])
def test_an_incremental_backup_holds_what_changed_and_combines_to_the_whole(tmp_path: Path, major: int) -> None:
    with physical_system(tmp_path, major, more="incremental = true", summarize_wal="on") as system:
        system.fill(10)
        with system.following() as follower:
            system.drkit.ok("backup", "now")
            full = system.manifest()
            system.server.execute("UPDATE pgbench_accounts SET bid = 2 WHERE aid < 500", "CHECKPOINT")
            system.drkit.ok("backup", "now")
            change = system.manifest()
            follower.end()
        assert full.base
        assert change.base
        assert (full.base.origin, change.base.origin) == (None, full.id)
        assert change.plain_bytes < full.plain_bytes / 2
        parts = [system.extract(each, tmp_path / each.id) for each in (full, change)]
        combined = tmp_path / "combined"
        command = [str(system.server.bin / "pg_combinebackup"), *map(str, parts), "-o", str(combined)]
        subprocess.run(command, check=True, capture_output=True, env=program_environment(system.server.bin))
        verify_backup(system.server, combined)


def test_where_no_incremental_backup_is_to_be_had_a_full_one_is_made_and_told(tmp_path: Path) -> None:
    with physical_system(tmp_path, 17, more="incremental = true") as system:
        system.drkit.ok("backup", "now")
        done = system.drkit.ok("backup", "now")
        assert any("a full backup is made" in line["message"] for line in done.lines)
        base = system.manifest().base
        assert base
        assert base.origin is None


def test_after_a_while_a_full_backup_comes_instead_of_an_incremental_one(tmp_path: Path) -> None:
    with physical_system(tmp_path, 17, more='incremental = true\nfull_every = "0s"', summarize_wal="on") as system:
        for _ in range(2):
            system.drkit.ok("backup", "now")
            base = system.manifest().base
            assert base
            assert base.origin is None


def test_the_servers_own_manifest_is_the_one_piece_that_the_signing_host_opens(tmp_path: Path) -> None:
    with physical_system(tmp_path) as system:
        system.drkit.ok("backup", "now")
        own = open_seal(system.source.system).own_keyring
        for piece in system.manifest().pieces:
            opened = loading(system.store, own)(piece)
            if piece.name == "manifest":
                assert b"PostgreSQL-Backup-Manifest-Version" in b"".join(opened)
            else:
                with pytest.raises(WrongKey):
                    next(opened)


def test_the_log_is_kept_from_before_the_base_backup_began(tmp_path: Path) -> None:
    with physical_system(tmp_path) as system:
        done = system.drkit.ok("backup", "now")
        base = system.manifest().base
        kept, active = system.slot()
        assert base
        assert kept is not None
        assert kept <= base.start
        assert not active
        assert any("nobody follows the log" in line["message"] for line in done.lines)


def test_a_server_that_dies_in_the_middle_leaves_no_backup(tmp_path: Path) -> None:
    with physical_system(tmp_path, 17, more='rate_limit = "5MB"') as system:
        system.fill(5)
        with system.drkit.running("backup", "now") as child:
            await_bytes_in(system.folder / "store/.incoming", child)
            system.server.crash()
            _, err = child.communicate(timeout=60)
            assert child.returncode == 4
            assert "was lost" in err or "ended the connection" in err
        assert survey(system.store, SOURCE).points == ()


def test_what_a_server_needs_to_replay_the_log_is_noted_down(tmp_path: Path) -> None:
    with physical_system(tmp_path, 17, max_connections="33") as system:
        system.drkit.ok("backup", "now")
        [piece] = [each for each in system.manifest().pieces if each.name == "facts"]
        facts = json.loads(system.read(piece))
        assert facts["settings"]["max_connections"] == "33"
        assert facts["databases"] == ["postgres", "template1"]
        assert facts["server_version"] // 10_000 == 17


def test_neither_keys_nor_passwords_are_shown_when_a_connection_is_refused(tmp_path: Path) -> None:
    with physical_system(tmp_path) as system:
        wrong = system.server.dsn(password="hunter2hunter2")
        for command in (["backup", "now"], ["follow", SOURCE]):
            done = system.drkit(*command, DATABASE_URL=wrong)
            assert done.code == 4
            assert "hunter2" not in done.out + done.err
