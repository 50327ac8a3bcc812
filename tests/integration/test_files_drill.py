"""What a drill finds in a restored tree: nothing in a good one, however odd, and whatever was changed in it."""

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from drilling import as_nobody
from drkit.engines.files import FilesEngine
from drkit.model import Check, Wishes
from file_trees import Kept, capture, make_deep, make_rich_tree, now

ROOT = os.geteuid() == 0


@pytest.fixture
def place() -> Iterator[Path]:
    """Where nobody may come, too."""
    with TemporaryDirectory(prefix="place-") as folder:
        Path(folder).chmod(0o777)
        yield Path(folder)


def prove(place: Path, kept: Kept, harm: Callable[[Path], object] = lambda _: None) -> list[Check]:
    scratch = place / "scratch"
    scratch.mkdir(exist_ok=True)
    engine = FilesEngine(place / "nowhere", scratch=scratch, clock=now)
    with engine.scratch(kept.manifest, kept.load) as found:
        engine.restore(kept.manifest, kept.load, found.target, Wishes(compare="off", tolerant=True))
        harm(Path(found.target))
        checks = list(engine.prove(kept.manifest, kept.load, found.target))
    assert list(scratch.iterdir()) == []
    return checks


def test_a_tree_of_everything_passes(place: Path) -> None:
    make_rich_tree(place / "tree")
    kept, _ = capture(place / "tree")
    first, files = prove(place, kept)
    assert (first.outcome, files.outcome) == ("passed", "passed")
    assert files.actual == files.expected


def test_a_deep_tree_passes(place: Path) -> None:
    (place / "tree").mkdir()
    make_deep(place / "tree", [b"d" * 200] * 60)
    assert [check.outcome for check in prove(place, capture(place / "tree")[0])] == ["passed", "passed"]


def test_a_part_of_a_tree_passes(place: Path) -> None:
    make_rich_tree(place / "tree")
    kept, _ = capture(place / "tree", include=("inner/**",), exclude=("**/script",))
    assert [check.outcome for check in prove(place, kept)] == ["passed", "passed"]


def test_a_tree_of_ones_own_passes_for_somebody_who_is_not_root(place: Path) -> None:
    with as_nobody():
        make_plain_tree(place / "tree")
        kept, _ = capture(place / "tree")
        assert [check.outcome for check in prove(place, kept)] == ["passed", "passed"]


def test_modes_and_owners_that_only_root_gives_are_no_difference_for_somebody_else(place: Path) -> None:
    make_plain_tree(place / "tree")
    (place / "tree" / "one").chmod(0o6755)
    kept, _ = capture(place / "tree")
    with as_nobody():
        assert [check.outcome for check in prove(place, kept)] == ["passed", "passed"]
    if ROOT:
        stranger = prove(place, kept, lambda tree: os.chown(tree / "one", 1, 2))[-1]
        assert "one: expected owner 0:0, found 1:2" in stranger.actual


def test_what_keeps_even_its_owner_out_is_not_testable_for_somebody_who_is_not_root(place: Path) -> None:
    make_plain_tree(place / "tree")
    if ROOT:
        (place / "tree" / "one").chmod(0)
        (place / "tree" / "inner").chmod(0)
        kept, _ = capture(place / "tree")
        with as_nobody():
            _, files, closed = prove(place, kept)
        assert files.outcome == "passed"
        assert closed.actual.startswith("2 entries keep even their owner out")
        assert [check.outcome for check in prove(place, kept)] == ["passed", "passed"]
    else:
        _, files, closed = prove(place, capture(place / "tree")[0], lambda tree: (tree / "inner").chmod(0))
        assert files.outcome == "failed"
        assert closed.actual.startswith("1 entries keep even their owner out")
    assert closed.outcome == "not testable"


def make_plain_tree(root: Path) -> None:
    root.mkdir()
    (root / "inner").mkdir()
    (root / "one").write_bytes(b"one" * 1000)
    (root / "inner" / "two").write_text("two")
    os.link(root / "one", root / "second name")
    (root / "link").symlink_to("one")
    with (root / "holes").open("wb") as file:
        file.write(b"start")
        file.seek(3_000_000)
        file.write(b"end")
        file.truncate(5_000_000)


def write_at(file: Path, place: int) -> None:
    with file.open("r+b") as opened:
        opened.seek(place)
        opened.write(b"x")


def replace_link(tree: Path) -> None:
    (tree / "link").unlink()
    (tree / "link").symlink_to("inner/two")


def break_hard_link(tree: Path) -> None:
    (tree / "second name").unlink()
    shutil.copyfile(tree / "one", tree / "second name")


def lose_first_name(tree: Path) -> None:
    (tree / "one").unlink()


def lead_elsewhere(tree: Path) -> None:
    (tree / "inner").rename(tree.parent / "elsewhere")
    (tree / "inner").symlink_to(tree.parent / "elsewhere")


HARM: dict[str, tuple[Callable[[Path], object], str]] = {
    "content": (lambda tree: write_at(tree / "one", 1000), "one: expected SHA-256"),
    "size": (lambda tree: (tree / "inner" / "two").write_text("three"), "inner/two: expected 3 bytes, found 5"),
    "mode": (lambda tree: (tree / "one").chmod(0o640), "one: expected mode 0644, found 0640"),
    "mode of a folder": (lambda tree: (tree / "inner").chmod(0o750), "inner: expected mode 0755, found 0750"),
    "missing": (lambda tree: (tree / "inner" / "two").unlink(), "inner/two: expected a file, found none"),
    "another kind": (lambda tree: ((tree / "link").unlink(), (tree / "link").mkdir()), "link: expected a symlink"),
    "another file": (break_hard_link, "second name: it is not one any more"),
    "its first name": (lose_first_name, "second name: it is not one any more"),
    "a link": (replace_link, "link: it leads elsewhere"),
    "a folder that is a link": (lead_elsewhere, "inner: expected a folder, found something else"),
    "data in a hole": (lambda tree: write_at(tree / "holes", 1_500_000), "holes: there are bytes where it had holes"),
    "data in the last hole": (lambda tree: write_at(tree / "holes", 4_999_999), "holes: there are bytes where"),
    "data": (lambda tree: write_at(tree / "holes", 3_000_001), "holes: expected SHA-256"),
    "a stranger": (lambda tree: (tree / "inner" / "new").touch(), "1 entries are there that were not captured"),
    "the whole": (shutil.rmtree, "cannot be opened"),
}  # fmt: skip


@pytest.mark.parametrize("user", ["root", "nobody"])
@pytest.mark.parametrize("harm", HARM)
def test_a_tree_that_changed_between_restore_and_check_does_not_pass(place: Path, harm: str, user: str) -> None:
    if user == "root":
        see_it_fail(place, *HARM[harm])
    else:
        with as_nobody():
            see_it_fail(place, *HARM[harm])


def see_it_fail(place: Path, harm: Callable[[Path], object], told: str) -> None:
    make_plain_tree(place / "tree")
    kept, _ = capture(place / "tree")
    last = prove(place, kept, harm)[-1]
    assert last.outcome == "failed"
    assert told in last.actual


def test_zeros_where_a_hole_was_are_no_difference(place: Path) -> None:
    make_plain_tree(place / "tree")
    kept, _ = capture(place / "tree")

    def fill(tree: Path) -> None:
        body = (tree / "holes").read_bytes()
        with (tree / "holes").open("r+b") as file:
            file.write(body)

    assert [check.outcome for check in prove(place, kept, fill)] == ["passed", "passed"]


def test_of_many_differences_the_first_ones_are_told_and_all_are_counted(place: Path) -> None:
    (place / "tree").mkdir()
    for number in range(9):
        (place / "tree" / f"file-{number}").write_text("x")
    kept, _ = capture(place / "tree")
    last = prove(place, kept, lambda tree: [file.write_text("y") for file in tree.iterdir()])[-1]
    assert last.actual.count("expected SHA-256") == 5
    assert last.actual.endswith("and 4 more")
    assert last.expected == "10 entries as captured"
