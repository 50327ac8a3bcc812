import hashlib
import json
import os
import resource
import shlex
import subprocess
import tarfile
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import pytest

from drkit.engines.files import FilesEngine
from file_trees import LONG, Kept, capture, look, make_deep, make_rich_tree, now, restore


def test_a_restored_tree_is_the_captured_one_in_every_respect(tmp_path: Path) -> None:
    make_rich_tree(tmp_path / "source")
    kept, captured = capture(tmp_path / "source")
    restore(kept, tmp_path / "target")
    assert look(tmp_path / "target") == look(tmp_path / "source")
    assert len(look(tmp_path / "target")) > 45
    assert captured.notes == ()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["source", "target"]


def test_gnu_tar_makes_the_same_tree_without_drkit(tmp_path: Path) -> None:
    make_rich_tree(tmp_path / "source")
    kept, _ = capture(tmp_path / "source")
    (tmp_path / "target").mkdir()
    done = subprocess.run(
        ["tar", "-xpf", "-", "--numeric-owner", "-C", tmp_path / "target"], input=kept.pieces["files"], check=True
    )
    assert done.returncode == 0
    assert look(tmp_path / "target") == look(tmp_path / "source")


def test_the_lines_for_doing_it_by_hand_do_it(tmp_path: Path) -> None:
    make_rich_tree(tmp_path / "source")
    kept, _ = capture(tmp_path / "source")
    (tmp_path / "files").write_bytes(kept.pieces["files"])
    target = tmp_path / "a target's name"
    lines = FilesEngine(tmp_path, clock=now).by_hand(
        kept.manifest, lambda piece: f"cat {shlex.quote(str(tmp_path))}/{piece.name}", str(target)
    )
    subprocess.run(["sh", "-ec", "\n".join(lines)], check=True)
    assert look(target) == look(tmp_path / "source")


def test_python_reads_every_name_and_size_from_the_archive(tmp_path: Path) -> None:
    make_rich_tree(tmp_path / "source")
    kept, _ = capture(tmp_path / "source")
    with tarfile.open(fileobj=BytesIO(kept.pieces["files"])) as archive:
        read = [
            (os.fsencode(member.name), member.size) for member in archive if member.isreg() and not member.issparse()
        ]
    listed = [json.loads(line) for line in kept.pieces["index"].splitlines()]
    assert read == [
        (one["path"].encode("utf-8", "surrogateescape"), one["size"])
        for one in listed
        if one["type"] == "file" and "data" not in one
    ]


def test_the_index_says_what_each_entry_was(tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.mkdir()
    (source / "a").write_text("hello")
    (source / "a").chmod(0o640)
    os.utime(source / "a", ns=(0, LONG))
    (source / "b").symlink_to("a")
    kept, _ = capture(source)
    lines = [json.loads(line) for line in kept.pieces["index"].splitlines()]
    assert [(line["path"], line["type"]) for line in lines] == [(".", "folder"), ("a", "file"), ("b", "symlink")]
    assert lines[1]["mode"] == "0640"
    assert lines[1]["mtime_ns"] == LONG
    assert lines[1]["size"] == 5
    assert lines[1]["sha256"] == hashlib.sha256(b"hello").hexdigest()
    assert "changed" not in lines[1]
    assert lines[2]["target"] == "a"


def test_the_moment_is_taken_before_anything_is_read(tmp_path: Path) -> None:
    (tmp_path / "source" / "folder").mkdir(parents=True)
    before = now()
    kept, captured = capture(tmp_path / "source")
    assert len(kept.moments) == 1
    assert before <= kept.moments[0] <= now()
    assert [piece.name for piece in captured.pieces] == ["files", "index"]


def test_small_files_travel_in_chunks_of_about_a_mebibyte(tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.mkdir()
    for number in range(1_500):
        (source / str(number)).write_bytes(b"x" * 1_000)
    sizes: list[int] = []

    class Measuring(Kept):
        def save(self, name, chunks):  # type: ignore[no-untyped-def]
            def measured():  # type: ignore[no-untyped-def]
                for chunk in chunks:
                    sizes.append(len(chunk))
                    yield chunk

            return super().save(name, measured())

    capture(source, kept=Measuring())
    assert len(sizes) == 5
    assert max(sizes) <= 3 * 2**19


@pytest.fixture
def few_open_files() -> Iterator[None]:
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (256, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, before)


@pytest.mark.usefixtures("few_open_files")
@pytest.mark.parametrize("steps", [[b"d" * 250] * 20, [b"d"] * 500], ids=["long path", "many folders"])
def test_a_tree_deeper_than_the_system_takes_in_one_call_comes_back_and_can_be_removed(
    tmp_path: Path, steps: list[bytes]
) -> None:
    source, target = tmp_path / "source", tmp_path / "target"
    source.mkdir()
    make_deep(source, steps)
    kept, _ = capture(source)
    restore(kept, target)
    again, _ = capture(target)
    assert again.pieces == kept.pieces
    (tmp_path / "nothing" / "folder").mkdir(parents=True)
    nothing, _ = capture(tmp_path / "nothing")
    for tree in (source, target):
        tree.rename(tree.with_name(f"{tree.name}.drkit-partial"))
        restore(nothing, tree)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["nothing", "source", "target"]


def test_a_link_to_the_folder_is_followed_and_links_inside_are_not(tmp_path: Path) -> None:
    (tmp_path / "release").mkdir()
    (tmp_path / "release" / "a").write_text("a")
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "secret").write_text("s")
    (tmp_path / "release" / "out").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "current").symlink_to("release")
    kept, _ = capture(tmp_path / "current")
    restore(kept, tmp_path / "target")
    assert look(tmp_path / "target") == look(tmp_path / "release")
    assert b"secret" not in kept.pieces["index"]
