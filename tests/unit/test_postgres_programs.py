"""Which of the PostgreSQL programs at hand is taken."""

from pathlib import Path

import pytest

from drkit.engines.postgres.programs import Programs, choose_programs, find_programs, known_holes
from drkit.errors import CaptureError, NotRestorable
from postgres.programs import MAJORS
from postgres.programs import find_programs as fetched


def programs(version: str) -> Programs:
    major, minor = version.split(".")
    return Programs(Path("/opt", version), int(major), int(minor))


def make_program(folder: Path, name: str, script: str) -> None:
    folder.mkdir(exist_ok=True)
    (folder / name).write_text(script)
    (folder / name).chmod(0o755)


@pytest.mark.parametrize("major", MAJORS)
def test_real_programs_are_found_where_the_configuration_names_them(major: int) -> None:
    (found,) = find_programs(fetched(major))
    assert found.major == major
    assert Path(found.path("pg_dump")).exists()
    assert "LD_LIBRARY_PATH" in found.environment


def test_programs_are_found_where_packages_put_them() -> None:
    own = fetched()
    assert own.resolve() in [found.folder.resolve() for found in find_programs()]


def test_a_folder_without_all_programs_has_none(tmp_path: Path) -> None:
    for name in ("pg_dump", "psql"):
        make_program(tmp_path / "bin", name, "#!/bin/sh\necho 'pg_dump (PostgreSQL) 16.3'\n")
    assert find_programs(tmp_path / "bin") == []
    make_program(tmp_path / "bin", "pg_restore", "#!/bin/sh\n")
    assert find_programs(tmp_path / "bin") == [Programs(tmp_path / "bin", 16, 3)]


@pytest.mark.parametrize(
    ("says", "version"),
    [("pg_dump (PostgreSQL) 19beta2", (19, 0)), ("pg_dump (PostgreSQL) 17.6 (Debian 17.6-1.pgdg12+1)", (17, 6))],
)
def test_versions_of_every_spelling_are_read(tmp_path: Path, says: str, version: tuple[int, int]) -> None:
    for name in ("pg_dump", "pg_restore", "psql"):
        make_program(tmp_path / "bin", name, f"#!/bin/sh\necho '{says}'\n")
    (found,) = find_programs(tmp_path / "bin")
    assert (found.major, found.minor) == version


def test_programs_that_this_machine_cannot_run_are_passed_over(tmp_path: Path) -> None:
    for name in ("pg_dump", "pg_restore", "psql"):
        make_program(tmp_path / "bin", name, "\x7fELF of another machine")
    assert find_programs(tmp_path / "bin") == []


def test_programs_of_the_servers_own_major_come_first_and_then_the_next_newer() -> None:
    found = [programs(version) for version in ("14.2", "16.1", "16.10", "18.0")]
    assert choose_programs(found, 16) == programs("16.10")
    assert choose_programs(found, 15) == programs("16.10")
    assert choose_programs(found, 17) == programs("18.0")


def test_a_server_newer_than_every_program_is_refused() -> None:
    found = [programs(version) for version in ("16.10", "9.6", "16.2")]
    with pytest.raises(CaptureError, match=r"PostgreSQL 17, .* \(found: 9\.6, 16\.2, 16\.10\)") as caught:
        choose_programs(found, 17)
    assert "postgresql-client-17" in caught.value.hint
    with pytest.raises(NotRestorable, match="found: none"):
        choose_programs([], 17, NotRestorable)


@pytest.mark.parametrize("version", ["14.18", "15.13", "16.9", "17.5", "17.0"])
def test_programs_with_known_holes_are_told(version: str) -> None:
    told = known_holes(programs(version))
    assert told is not None
    assert "CVE-2025-8714" in told
    assert version in told


@pytest.mark.parametrize("version", ["14.19", "15.14", "16.10", "17.6", "18.0", "19.0"])
def test_programs_without_known_holes_are_not(version: str) -> None:
    assert known_holes(programs(version)) is None
