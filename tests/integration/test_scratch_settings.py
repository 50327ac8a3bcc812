"""How a throw-away server is set for this machine, and in what a report says it differs from the source."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from drkit.disk.scratch import scratch_folder
from drkit.engines.postgres.dsn import parse_dsn
from drkit.engines.postgres.scratch.memory import usable_memory
from drkit.engines.postgres.scratch.place import ScratchServer
from drkit.engines.postgres.scratch.settings import COMPARED, ask_settings, loading_settings
from drkit.errors import NotRestorable
from servers.postgres import NamedServer

GIB = 1 << 30


def scratch_with(**settings: str) -> ScratchServer:
    return ScratchServer(str, 17, settings, None, "somewhere", datetime(2026, 11, 20, tzinfo=UTC))


def test_settings_that_are_the_same_are_not_listed_and_unknown_ones_are_said_to_be_unknown() -> None:
    scratch = scratch_with(fsync="off", jit="on", work_mem="4MB")
    assert scratch.settings_that_differ({"fsync": "on", "jit": "on", "unasked": "7"}) == {
        "fsync": ("on", "off"),
        "work_mem": ("not known", "4MB"),
    }


def test_a_source_with_the_same_settings_differs_in_nothing(postgres: NamedServer) -> None:
    asked = ask_settings(parse_dsn(postgres.dsn()))
    assert asked.keys() == set(COMPARED)
    assert scratch_with(**asked).settings_that_differ(asked) == {}


def test_what_a_role_may_not_see_of_its_server_is_not_known(postgres: NamedServer) -> None:
    postgres.execute("CREATE ROLE reader LOGIN PASSWORD 'reader'")
    asked = ask_settings(parse_dsn(postgres.dsn(user="reader", password="reader")))
    assert set(COMPARED) - asked.keys() == {"shared_preload_libraries"}
    postgres.execute("DROP ROLE reader")


@pytest.mark.parametrize(
    ("memory", "buffers", "maintenance"),
    [(GIB // 4, "64MB", "64MB"), (4 * GIB, "512MB", "128MB"), (256 * GIB, "1024MB", "1024MB")],
)
def test_memory_is_taken_in_part_and_within_bounds(memory: int, buffers: str, maintenance: str) -> None:
    settings = loading_settings(17, memory)
    assert (settings["shared_buffers"], settings["maintenance_work_mem"]) == (buffers, maintenance)


def test_only_settings_that_a_version_knows_are_given_to_it() -> None:
    assert "archive_library" not in loading_settings(14, GIB)
    assert loading_settings(15, GIB)["archive_library"] == ""


@pytest.mark.parametrize("file", ["memory.max", "memory/memory.limit_in_bytes"])
def test_a_control_group_limits_the_memory_and_one_without_a_limit_does_not(file: str, tmp_path: Path) -> None:
    machine = usable_memory(tmp_path)
    assert machine > GIB // 4
    (tmp_path / file).parent.mkdir(exist_ok=True)
    (tmp_path / file).write_text("104857600\n")
    assert usable_memory(tmp_path) == 100 << 20
    (tmp_path / file).write_text("max\n")
    assert usable_memory(tmp_path) == machine


def test_a_folder_for_scratch_copies_is_private_and_gone_afterwards_whatever_modes_are_in_it(tmp_path: Path) -> None:
    with scratch_folder(tmp_path) as folder:
        assert folder.stat().st_mode & 0o777 == 0o700
        (folder / "restored" / "closed").mkdir(parents=True)
        (folder / "restored" / "closed").chmod(0)
        (tmp_path / "kept").touch()
        (folder / "restored" / "link").symlink_to(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["kept"]


def test_folders_of_the_dead_are_swept_and_what_only_looks_like_one_is_not(tmp_path: Path) -> None:
    place, elsewhere = tmp_path / "place", tmp_path / "elsewhere"
    (place / "drkit-scratch-dead" / "restored").mkdir(parents=True)
    (place / "drkit-scratch-notes.txt").touch()
    elsewhere.mkdir()
    (elsewhere / "kept").touch()
    (place / "drkit-scratch-link").symlink_to(elsewhere)
    with scratch_folder(place) as first, scratch_folder(place) as second:
        names = {"drkit-scratch-link", "drkit-scratch-notes.txt"}
        assert {path.name for path in place.iterdir()} == {*names, first.name, second.name}
    assert {path.name for path in place.iterdir()} == names
    assert (elsewhere / "kept").exists()


def test_a_place_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(NotRestorable, match=f"{tmp_path}/gone cannot hold a scratch copy: No such file") as caught:
        scratch_folder(tmp_path / "gone").__enter__()
    assert "TMPDIR" in caught.value.hint
