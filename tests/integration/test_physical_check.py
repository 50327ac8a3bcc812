"""`drkit check` of a physical source: what is missing on the server, with the lines that add it."""

from pathlib import Path
from typing import Any

import pytest

from servers.physical import SOURCE, PhysicalSystem, physical_system

SLOT = "drkit_shop_main"


def findings(system: PhysicalSystem, **environment: str) -> dict[str, dict[str, Any]]:
    done = system.drkit("check", SOURCE, "--json", **environment)
    return {each["check"]: each for each in done.document["findings"] if each["subject"] == SOURCE}


def test_a_server_as_it_is_installed_can_be_followed(tmp_path: Path) -> None:
    with physical_system(tmp_path) as system:
        found = findings(system)
        assert [each for each in found.values() if not each["passed"]] == []
        assert "without a limit" in found["max_slot_wal_keep_size"]["detail"]
        assert system.drkit("check").code == 0
        with system.following():
            system.await_stored()
            told = findings(system)["slot"]["detail"]
            assert SLOT in told
            assert "follows" in told


def test_a_role_that_may_not_replicate_is_told_what_lets_it(tmp_path: Path) -> None:
    with physical_system(tmp_path) as system:
        system.server.execute("CREATE ROLE app LOGIN PASSWORD 'pw'")
        found = findings(system, DATABASE_URL=system.server.dsn(user="app", password="pw"))
        assert found["role"]["hint"] == "ALTER ROLE app REPLICATION"
        assert not found["replication connection"]["passed"]
        assert "does not let this user replicate" in found["replication connection"]["detail"]


def test_a_missing_line_of_pg_hba_is_told_as_it_must_stand_there(tmp_path: Path) -> None:
    with physical_system(tmp_path) as system:
        hba = system.server.data / "pg_hba.conf"
        hba.write_text("host all all 127.0.0.1/32 scram-sha-256\n")
        system.server.execute("SELECT pg_reload_conf()")
        system.wait_for(lambda: not findings(system)["replication connection"]["passed"])
        hint = findings(system)["replication connection"]["hint"]
        assert "host replication postgres 127.0.0.1/32 scram-sha-256" in hint
        line = hint.rsplit(": ", 1)[1]
        hba.write_text(f"{hba.read_text()}{line}\n")
        system.server.execute("SELECT pg_reload_conf()")
        system.wait_for(lambda: findings(system)["replication connection"]["passed"])


@pytest.mark.parametrize(
    ("settings", "check", "hint"),
    [
        ({"wal_level": "minimal", "max_wal_senders": "0"}, "wal_level", "ALTER SYSTEM SET wal_level = 'replica'"),
        ({"max_wal_senders": "1"}, "max_wal_senders", "ALTER SYSTEM SET max_wal_senders = 2"),
        ({"max_replication_slots": "0"}, "max_replication_slots", "ALTER SYSTEM SET max_replication_slots = 1"),
        ({"synchronous_standby_names": "*"}, "synchronous_standby_names", "say synchronous = true"),
    ],
)
def test_a_setting_that_is_missing_is_told_with_its_line(
    tmp_path: Path, settings: dict[str, str], check: str, hint: str
) -> None:
    with physical_system(tmp_path, **settings) as system:
        found = findings(system)[check]
        assert not found["passed"]
        assert hint in found["hint"]
        assert system.drkit("check", SOURCE).code == 4


def test_what_incremental_and_synchronous_need_is_looked_at_where_they_are_wanted(tmp_path: Path) -> None:
    with physical_system(tmp_path, 17, more="incremental = true\nsynchronous = true") as system:
        found = findings(system)
        assert "summarize_wal = on" in found["summarize_wal"]["hint"]
        assert f"synchronous_standby_names = '{SLOT}'" in found["synchronous_standby_names"]["hint"]
    with physical_system(tmp_path / "old", 16, more="incremental = true") as system:
        assert "17 is the first" in findings(system)["incremental"]["detail"]


@pytest.mark.parametrize("role", ["rds_superuser", "cloudsqlsuperuser", "neon_superuser"])
def test_a_managed_server_is_told_that_dumps_are_the_way_and_what_they_lose(tmp_path: Path, role: str) -> None:
    with physical_system(tmp_path) as system:
        system.server.execute(f"CREATE ROLE {role}")  # type: ignore[arg-type]
        found = findings(system)["physical replication"]
        assert role in found["detail"]
        assert 'method = "dump"' in found["hint"]
        assert "15 minutes" in found["hint"]


def test_a_slot_that_was_given_up_is_told(tmp_path: Path) -> None:
    with physical_system(tmp_path, 17, max_slot_wal_keep_size="16MB", max_wal_size="64MB") as system:
        system.server.execute(f"SELECT pg_create_physical_replication_slot('{SLOT}', true)")  # type: ignore[arg-type]
        for _ in range(8):
            system.server.execute("CREATE TABLE IF NOT EXISTS t ()", "DROP TABLE t", "SELECT pg_switch_wal()")
        system.server.execute("CHECKPOINT")
        found = findings(system)["slot"]
        assert not found["passed"]
        assert "given up" in found["detail"]
