import json
import os
import socket
import subprocess
from collections.abc import Callable, Iterable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from drkit.engines.files import FilesEngine
from drkit.errors import CaptureError
from drkit.model import Captured, Piece, Wishes
from file_trees import Kept, capture, make_rich_tree, now, python, restore

MIB = 1 << 20


class Meddling(Kept):
    """A store that is slow enough for something to happen to the source once a part of the archive has come."""

    def __init__(self, meddle: Callable[[], object], after: int = 0) -> None:
        super().__init__()
        self.meddle = meddle
        self.after = after

    def save(self, name: str, chunks: Iterable[bytes]) -> Piece:
        if name != "files":
            return super().save(name, chunks)

        def watched() -> Iterable[bytes]:
            waiting: Callable[[], object] | None = self.meddle
            if self.after == 0:
                waiting = self.meddle() and None
            for number, chunk in enumerate(chunks, 1):
                yield chunk
                if number == self.after and waiting is not None:
                    waiting()

        return super().save(name, watched())


def listed(kept: Kept) -> dict[str, dict[str, Any]]:
    return {line["path"]: line for line in map(json.loads, kept.pieces["index"].splitlines())}


def taken_while(source: Path, meddle: Callable[[], object], after: int = 0) -> tuple[Kept, Captured]:
    """The capture, after the proof that both drkit and GNU tar can restore what it gave."""
    kept, captured = capture(source, kept=Meddling(meddle, after))
    restore(kept, source.with_name("restored"))
    unpacked = source.with_name("unpacked")
    unpacked.mkdir()
    subprocess.run(["tar", "-xpf", "-", "-C", unpacked], input=kept.pieces["files"], check=True)
    assert not subprocess.run(["diff", "-r", "--no-dereference", unpacked, source.with_name("restored")]).returncode
    return kept, captured


@pytest.fixture
def source(tmp_path: Path) -> Path:
    source = tmp_path / "source"
    source.mkdir()
    return source


def test_a_file_that_shrinks_while_it_is_read_is_filled_with_zeros_and_flagged(source: Path) -> None:
    (source / "log").write_bytes(b"x" * 5 * MIB)
    kept, captured = taken_while(source, lambda: os.truncate(source / "log", 100), after=2)
    assert captured.notes == ("1 file changed while the backup was taken: log",)
    assert listed(kept)["log"]["changed"] is True
    content = (source.with_name("restored") / "log").read_bytes()
    assert len(content) == 5 * MIB
    assert content.strip(b"x").strip(b"\0") == b""
    assert content.endswith(b"\0")


def test_a_file_that_grows_while_it_is_read_is_cut_where_it_began_and_flagged(source: Path) -> None:
    (source / "log").write_bytes(b"x" * 3 * MIB)

    def grow() -> None:
        with (source / "log").open("ab") as file:
            file.write(b"y" * MIB)

    kept, captured = taken_while(source, grow, after=1)
    assert captured.notes == ("1 file changed while the backup was taken: log",)
    assert listed(kept)["log"]["changed"] is True
    assert (source.with_name("restored") / "log").read_bytes() == b"x" * 3 * MIB


def test_a_file_rewritten_after_the_start_and_before_its_turn_is_flagged(source: Path) -> None:
    (source / "a").write_bytes(b"x" * 2 * MIB)
    (source / "b").write_bytes(b"old")
    kept, captured = taken_while(source, lambda: (source / "b").write_bytes(b"new"), after=1)
    assert captured.notes == ("1 file changed while the backup was taken: b",)
    assert "changed" not in listed(kept)["a"]
    assert listed(kept)["b"]["changed"] is True
    assert (source.with_name("restored") / "b").read_bytes() == b"new"


def test_a_hole_that_is_filled_while_its_file_is_read_is_flagged(source: Path) -> None:
    with (source / "disk").open("wb") as file:
        file.write(b"x" * 3 * MIB)
        file.truncate(20 * MIB)

    def fill() -> None:
        with (source / "disk").open("r+b") as file:
            file.seek(10 * MIB)
            file.write(b"y" * MIB)

    kept, _ = taken_while(source, fill, after=1)
    assert listed(kept)["disk"]["changed"] is True
    assert len((source.with_name("restored") / "disk").read_bytes()) == 20 * MIB


def test_what_vanishes_before_its_turn_is_left_out_and_named(source: Path) -> None:
    (source / "a").write_bytes(b"x" * 2 * MIB)
    (source / "gone").write_bytes(b"x")
    (source / "link").symlink_to("a")
    (source / "z").mkdir()

    def remove() -> None:
        for name in ("gone", "link"):
            (source / name).unlink()
        (source / "z").rmdir()

    kept, captured = taken_while(source, remove, after=1)
    assert captured.notes == ("3 names vanished before being read: gone, link, z",)
    assert list(listed(kept)) == [".", "a"]


def test_a_file_that_becomes_a_link_to_elsewhere_is_not_followed(source: Path) -> None:
    (source / "a").write_bytes(b"x" * 2 * MIB)
    (source / "b").write_bytes(b"mine")
    (source / "c").mkdir()
    (source / "c" / "passwd").write_bytes(b"mine")

    def replace() -> None:
        (source / "b").unlink()
        (source / "b").symlink_to("/etc/passwd")
        (source / "c").rename(source.with_name("moved"))
        (source / "c").symlink_to("/etc")

    kept, captured = taken_while(source, replace, after=1)
    assert captured.notes == ("2 names vanished before being read: b, c",)
    assert b"root:" not in kept.pieces["files"]


def test_a_folder_that_gets_names_after_the_start_is_named(source: Path) -> None:
    (source / "a").write_bytes(b"x" * 2 * MIB)
    (source / "box").mkdir()
    _, captured = taken_while(source, lambda: (source / "box" / "new").touch(), after=1)
    assert captured.notes == (
        "1 file changed while the backup was taken: box/new",
        "1 folder had names added or removed while the backup was taken: box",
    )


def test_only_the_first_names_are_shown(source: Path) -> None:
    (source / "a").write_bytes(b"x" * 2 * MIB)
    for number in range(10, 20):
        (source / f"f{number}").touch()

    def touch() -> None:
        for number in range(10, 20):
            (source / f"f{number}").write_bytes(b"x")

    _, captured = taken_while(source, touch, after=1)
    assert captured.notes == ("10 files changed while the backup was taken: f10, f11, f12, f13, f14 …",)


def test_a_tree_under_a_busy_writer_is_captured_and_restores_with_both_programs(source: Path) -> None:
    writer = """
import os, random
os.chdir(sys.argv[1])
print("ready", flush=True)
number = 0
while True:
    number += 1
    name = f"f{random.randrange(40)}"
    match random.randrange(4):
        case 0: open(name, "wb").write(os.urandom(random.randrange(300_000)))
        case 1: open(name, "ab").write(b"more" * random.randrange(5_000))
        case 2 if os.path.exists(name): os.truncate(name, random.randrange(1000))
        case 3 if os.path.exists(name): os.unlink(name)
"""
    for number in range(40):
        (source / f"f{number}").write_bytes(os.urandom(200_000))
    with subprocess.Popen(python(writer, str(source)), stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == b"ready\n"
        try:
            kept, captured = taken_while(source, lambda: None)
        finally:
            child.kill()
    changed = [path for path, line in listed(kept).items() if line.get("changed") and line["type"] == "file"]
    assert changed
    assert captured.notes[0].startswith(f"{len(changed)} file")


def test_sockets_pipes_and_devices_are_left_out_and_named(source: Path) -> None:
    os.mkfifo(source / "pipe")
    with socket.socket(socket.AF_UNIX) as server:
        here = os.open(source, os.O_RDONLY)
        server.bind(f"/proc/self/fd/{here}/socket")
        os.close(here)
    (source / "file").touch()
    kept, captured = capture(source)
    assert captured.notes == ("2 sockets, pipes or devices left out: pipe, socket",)
    assert list(listed(kept)) == [".", "file"]


def test_an_unfinished_restore_is_left_out_and_named(source: Path) -> None:
    (source / "data.drkit-partial").mkdir()
    (source / "data.drkit-partial" / "half").touch()
    (source / "whole").touch()
    kept, captured = capture(source)
    assert list(listed(kept)) == [".", "whole"]
    assert "1 unfinished restore left out: data.drkit-partial" in captured.notes


def test_an_empty_source_is_refused_as_its_disk_may_not_be_mounted(source: Path) -> None:
    with pytest.raises(CaptureError, match="is empty") as refusal:
        capture(source)
    assert "mounted" in refusal.value.hint


def test_a_restore_says_how_many_of_its_files_are_newer_than_its_moment(tmp_path: Path, source: Path) -> None:
    (source / "a").write_text("before")

    class Late(Kept):
        def begin(self, moment):
            (source / "a").write_text("after")
            return super().begin(moment)

    kept, _ = capture(source, kept=Late())
    notes = FilesEngine(source, clock=now).restore(kept.manifest, kept.load, str(tmp_path / "back"), Wishes()).notes
    assert "1 files were changed after the point's moment, while they were being captured" in notes


def test_nothing_is_left_beside_or_in_the_source(tmp_path: Path) -> None:
    make_rich_tree(tmp_path / "source")
    before = sorted(os.walk(tmp_path))
    capture(tmp_path / "source")
    assert sorted(os.walk(tmp_path)) == before


def test_a_file_dated_in_the_future_is_not_called_changed(source: Path) -> None:
    (source / "a").touch()
    later = (now() + timedelta(days=900)).timestamp()
    os.utime(source / "a", (later, later))
    _, captured = capture(source)
    assert captured.notes == ()
