"""Base backups of real servers, from drkit's command line to PostgreSQL's own verdict on what was stored."""

from pathlib import Path

import pytest

from postgres.programs import MAJORS, give_to_server
from servers.physical import PhysicalSystem, physical_system, verify_backup


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
