import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from drkit.disk.folders import Folders, open_folder
from drkit.disk.publish import publish
from drkit.engines.files import FilesEngine
from drkit.engines.files.patterns import parse_selection
from drkit.engines.files.survey import survey
from drkit.errors import CaptureError, ConfigError, IntegrityError, NotRestorable, UsageError
from drkit.model import Piece, Wishes
from file_trees import Kept, capture, look, make_rich_tree, now, python, restore

NOBODY = 65534


@pytest.fixture
def place() -> Iterator[Path]:
    """A folder that an ordinary user reaches and owns, also when the tests run as root."""
    with tempfile.TemporaryDirectory(prefix="drkit-") as folder:
        place = Path(folder)
        place.chmod(0o755)
        if os.geteuid() == 0:
            os.chown(place, NOBODY, NOBODY)
        yield place


def as_nobody(script: str, *arguments: str) -> str:
    """What a child without privileges writes; it reports a DrkitError as its class and message."""
    wrapped = "import os\nfrom drkit.errors import DrkitError\nfrom pathlib import Path\nfrom file_trees import *\n"
    if os.geteuid() == 0:
        # only now: the interpreter may lie where nobody else can start it
        wrapped += f"os.setgroups([]); os.setgid({NOBODY}); os.setuid({NOBODY})\n"
    wrapped += "try:\n" + "".join(f"    {line}\n" for line in script.splitlines())
    wrapped += "except DrkitError as error:\n    print(type(error).__name__, error, error.hint)\n"
    done = subprocess.run(python(wrapped, *arguments), capture_output=True, text=True, cwd="/", check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


CAPTURE = "capture(Path(sys.argv[1]), exclude=tuple(sys.argv[2:]))\nprint('captured')"


@pytest.mark.parametrize("kind", ["file", "folder"])
def test_what_cannot_be_read_stops_a_capture_unless_it_is_excluded(place: Path, kind: str) -> None:
    secret = place / "source" / "secret"
    secret.mkdir(parents=True)
    (place / "source" / "open").touch()
    if kind == "file":
        secret.rmdir()
        secret.touch()
    secret.chmod(0)
    if os.geteuid() == 0:
        os.chown(place / "source", NOBODY, NOBODY)
    said = as_nobody(CAPTURE, str(place / "source"))
    assert said.startswith("CaptureError 'secret' cannot be read: Permission denied.")
    assert "`exclude`" in said
    assert as_nobody(CAPTURE, str(place / "source"), "secret") == "captured\n"


def test_an_ordinary_user_restores_a_tree_with_its_modes_but_without_its_owners(place: Path) -> None:
    source = place / "source"
    (source / "inner" / "locked").mkdir(parents=True)
    (source / "inner" / "locked" / "file").write_text("x")
    (source / "setuid").touch()
    (source / "inner" / "locked").chmod(0o500)
    (source / "inner").chmod(0o500)
    source.chmod(0o555)
    if os.geteuid() == 0:
        for path in (source, *source.rglob("*")):
            os.chown(path, NOBODY, NOBODY)
        (source / "inner" / "locked" / "file").chmod(0o400)
    (source / "setuid").chmod(0o6755)
    kept, _ = capture(source)
    files = place / "files"
    files.write_bytes(kept.pieces["files"])
    (place / "index").write_bytes(kept.pieces["index"])
    script = """
kept = Kept({name: (Path(sys.argv[1]) / name).read_bytes() for name in ("files", "index")})
restore(kept, Path(sys.argv[1]) / "target")
(Path(sys.argv[1]) / "target").rename(Path(sys.argv[1]) / "target.drkit-partial")
restore(kept, Path(sys.argv[1]) / "target")
print("restored")
"""
    assert as_nobody(script.strip(), str(place)) == "restored\n"
    mode = {path.relative_to(place / "target"): oct(path.stat().st_mode)[-4:] for path in (place / "target").rglob("*")}
    assert mode == {
        Path("inner"): "0500",
        Path("inner/locked"): "0500",
        Path("inner/locked/file"): "0400",
        Path("setuid"): "0755",
    }


def test_an_ordinary_user_restores_folders_that_let_nobody_in_and_removes_unfinished_ones(place: Path) -> None:
    script = """
from drkit.engines.files.header import END, header
from drkit.engines.files.member import Member, format_line
shut = [Member(path, "folder", 0, 0, 0, 0, 0) for path in (".", "a", "a/b", "a/b/c", "d")]
kept = Kept({"files": b"".join(map(header, shut)) + END, "index": b"".join(map(format_line, shut))})
target = Path(sys.argv[1]) / "target"
for _ in range(2):
    restore(kept, target)
    target.rename(f"{target}.drkit-partial")
restore(kept, target)
print("restored")
"""
    assert as_nobody(script.strip(), str(place)) == "restored\n"
    (target,) = place.iterdir()
    for path in ("", "a", "a/b", "a/b/c", "d"):
        assert oct((target / path).stat().st_mode) == "0o40000"
        (target / path).chmod(0o700)


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(CaptureError, match="nowhere cannot be read: No such file"):
        capture(tmp_path / "nowhere")


def test_a_single_file_is_refused_with_the_way_to_say_it(tmp_path: Path) -> None:
    (tmp_path / "one").touch()
    with pytest.raises(CaptureError, match="is not a folder") as refusal:
        capture(tmp_path / "one")
    assert "`include`" in refusal.value.hint
    kept, _ = capture(tmp_path, include=("one",))
    assert kept.pieces["index"].count(b"\n") == 2


def test_patterns_that_match_nothing_stop_a_capture(tmp_path: Path) -> None:
    (tmp_path / "a" / "b").mkdir(parents=True)
    with pytest.raises(CaptureError, match=r"No file matches `include`: 'a/\*.txt'"):
        capture(tmp_path, include=("a/*.txt",))


def test_a_pattern_that_means_nothing_stops_the_engine_at_once(tmp_path: Path) -> None:
    with pytest.raises(ConfigError):
        FilesEngine(tmp_path, exclude=("/etc",), clock=now)


def test_include_brings_the_folders_that_lead_to_what_it_takes_and_no_others(tmp_path: Path) -> None:
    for name in ("a/b/x.txt", "a/b/y.log", "a/c/y.log", "d/e/x.txt", "d/skip/x.txt"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    kept, _ = capture(tmp_path, include=("**/*.txt",), exclude=("d/skip",))
    restore(kept, tmp_path / "target")
    assert list(look(tmp_path / "target")) == [
        b".",
        b"./x.txt"[:0] + b"a",
        b"a/b",
        b"a/b/x.txt",
        b"d",
        b"d/e",
        b"d/e/x.txt",
    ]


@pytest.fixture
def kept(tmp_path: Path) -> Kept:
    (tmp_path / "source").mkdir()
    (tmp_path / "source" / "a").write_text("new")
    return capture(tmp_path / "source")[0]


@pytest.mark.parametrize("standing", ["file", "folder", "link", "dangling link"])
def test_a_target_that_stands_is_refused_and_with_swap_kept(tmp_path: Path, kept: Kept, standing: str) -> None:
    target = tmp_path / "target"
    (tmp_path / "old").mkdir()
    (tmp_path / "old" / "a").write_text("old")
    match standing:
        case "file":
            target.write_text("old")
        case "folder":
            (tmp_path / "old").rename(target)
        case "link":
            target.symlink_to("old")
        case _:
            target.symlink_to("nowhere")
    before = look(tmp_path)
    with pytest.raises(UsageError, match="exists and is not an empty folder"):
        restore(kept, target)
    assert look(tmp_path) == before
    engine = FilesEngine(target, clock=now)
    engine.check_target(str(target), Wishes(swap=True))
    restored = engine.restore(kept.manifest, kept.load, str(target), Wishes(swap=True))
    assert (target / "a").read_text() == "new"
    assert not target.is_symlink()
    assert restored.kept_old is not None
    assert restored.kept_old.startswith(f"{target}.before-2")
    Path(restored.kept_old).rename(tmp_path / "again")
    shutil.rmtree(target)
    (tmp_path / "again").rename(target)
    assert {name: said[:1] for name, said in look(tmp_path).items()} == {
        name: said[:1] for name, said in before.items()
    }


def test_an_empty_folder_is_a_free_target(tmp_path: Path, kept: Kept) -> None:
    (tmp_path / "target").mkdir()
    restore(kept, tmp_path / "target")
    assert (tmp_path / "target" / "a").read_text() == "new"


@pytest.mark.parametrize("target", ["/", "nowhere/target", "/proc", ".."])
def test_a_target_that_can_never_be_is_refused(tmp_path: Path, kept: Kept, target: str) -> None:
    with pytest.raises(UsageError) as refusal:
        FilesEngine(tmp_path, clock=now).check_target(target, Wishes(swap=True))
    assert refusal.value.hint


def test_a_swap_that_fails_leaves_the_old_as_it_was(tmp_path: Path, kept: Kept) -> None:
    (tmp_path / "target").mkdir()
    (tmp_path / "target" / "a").write_text("old")
    kept.pieces["files"] = kept.pieces["files"].replace(b"new", b"bad")
    before = look(tmp_path / "target")
    with pytest.raises(IntegrityError, match="another SHA-256"):
        restore(kept, tmp_path / "target", Wishes(swap=True))
    assert look(tmp_path / "target") == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["source", "target"]


def test_an_old_target_is_put_back_when_the_new_one_cannot_take_its_place(tmp_path: Path) -> None:
    (tmp_path / "new" / "target").mkdir(parents=True)
    (tmp_path / "new" / "target" / "a").write_text("old")
    before = look(tmp_path)
    with pytest.raises(OSError, match="Invalid argument"):  # a folder cannot be moved into itself
        publish(tmp_path / "new", tmp_path / "new" / "target", swap=True, now=now())
    assert {name: said[:1] for name, said in look(tmp_path).items()} == {
        name: said[:1] for name, said in before.items()
    }


def test_an_older_one_that_was_kept_is_not_overwritten(tmp_path: Path, kept: Kept) -> None:
    moment = now()
    engine = FilesEngine(tmp_path, clock=lambda: moment)
    (tmp_path / "target").mkdir()
    (tmp_path / "target" / "a").write_text("old")
    engine.restore(kept.manifest, kept.load, str(tmp_path / "target"), Wishes(swap=True))
    with pytest.raises(NotRestorable, match="exists already"):
        engine.restore(kept.manifest, kept.load, str(tmp_path / "target"), Wishes(swap=True))
    assert (tmp_path / f"target.before-{moment:%Y%m%dT%H%M%S.%fZ}" / "a").read_text() == "old"


def test_an_error_of_the_store_passes_through_and_nothing_is_published(tmp_path: Path, kept: Kept) -> None:
    def load(piece: Piece) -> Iterator[bytes]:
        yield kept.pieces[piece.name][:700]
        if piece.name == "files":
            raise IntegrityError("the piece was cut short")
        yield kept.pieces[piece.name][700:]

    with pytest.raises(IntegrityError, match=r"^the piece was cut short$"):
        FilesEngine(tmp_path, clock=now).restore(kept.manifest, load, str(tmp_path / "target"), Wishes())
    assert [path.name for path in tmp_path.iterdir()] == ["source"]


def test_a_fault_that_shows_after_the_last_byte_still_stops_a_restore(tmp_path: Path, kept: Kept) -> None:
    def load(piece: Piece) -> Iterator[bytes]:
        yield kept.pieces[piece.name]
        if piece.name == "files":
            raise IntegrityError("the seal is broken")

    with pytest.raises(IntegrityError, match="the seal is broken"):
        FilesEngine(tmp_path, clock=now).restore(kept.manifest, load, str(tmp_path / "target"), Wishes())
    assert [path.name for path in tmp_path.iterdir()] == ["source"]


def test_a_restore_killed_half_way_publishes_nothing_and_can_be_run_again(tmp_path: Path) -> None:
    make_rich_tree(tmp_path / "source")
    kept, _ = capture(tmp_path / "source")
    for name, content in kept.pieces.items():
        (tmp_path / name).write_bytes(content)
    script = """
from pathlib import Path
from file_trees import *
import signal, os
class Stuck(Kept):
    def load(self, piece):
        yield from (self.pieces[piece.name],) if piece.name == "index" else (self.pieces[piece.name][:1_000_000],)
        if piece.name == "files":
            print("half way", flush=True)
            signal.pause()
kept = Stuck({name: (Path(sys.argv[1]) / name).read_bytes() for name in ("files", "index")})
restore(kept, Path(sys.argv[1]) / "target")
"""
    with subprocess.Popen(python(script, str(tmp_path)), stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == b"half way\n"
        with pytest.raises(UsageError, match="Another restore is at work"):
            restore(kept, tmp_path / "target")
        child.send_signal(signal.SIGKILL)
    assert not (tmp_path / "target").exists()
    assert list((tmp_path / "target.drkit-partial").iterdir())
    (tmp_path / "target.drkit-partial" / "out").symlink_to(tmp_path / "source")
    restore(kept, tmp_path / "target")
    assert look(tmp_path / "target") == look(tmp_path / "source")
    assert not (tmp_path / "target.drkit-partial").exists()


@pytest.mark.parametrize("stale", ["a file", "a link"])
def test_what_stands_under_the_unfinished_name_is_removed_and_a_link_there_not_followed(
    tmp_path: Path, kept: Kept, stale: str
) -> None:
    partial = tmp_path / "target.drkit-partial"
    if stale == "a file":
        partial.touch()
    else:
        partial.symlink_to("source")
    restore(kept, tmp_path / "target")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["source", "target"]
    assert (tmp_path / "source" / "a").read_text() == "new"


def test_a_target_without_room_is_said_to_have_failed(tmp_path: Path) -> None:
    (tmp_path / "source").mkdir()
    (tmp_path / "source" / "big").write_bytes(b"x" * 3_000_000)
    kept, _ = capture(tmp_path / "source")
    for name, content in kept.pieces.items():
        (tmp_path / name).write_bytes(content)
    script = """
from pathlib import Path
from file_trees import *
from drkit.errors import NotRestorable
import resource
kept = Kept({name: (Path(sys.argv[1]) / name).read_bytes() for name in ("files", "index")})
resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, 1_000_000))
try:
    restore(kept, Path(sys.argv[1]) / "target")
except NotRestorable as error:
    print(error)
"""
    done = subprocess.run(python(script, str(tmp_path)), capture_output=True, text=True, check=True)
    assert done.stdout == "The entry 'big' cannot be made: File too large.\n"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["files", "index", "source"]


def test_a_check_counts_what_a_capture_will_take(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"12345")
    (tmp_path / "b").write_bytes(b"123")
    (tmp_path / "c.tmp").write_bytes(b"123")
    (finding,) = FilesEngine(tmp_path, exclude=("*.tmp",), clock=now).check()
    assert finding.passed
    assert finding.detail == f"{tmp_path} can be read: 2 files, 8 bytes"


def test_a_check_names_each_pattern_that_matches_nothing(tmp_path: Path) -> None:
    (tmp_path / "a").touch()
    findings = list(FilesEngine(tmp_path, include=("a", "missing/**"), clock=now).check())
    assert [finding.passed for finding in findings] == [True, False]
    assert "'missing/**' matches nothing" in findings[1].detail


def test_a_check_finds_that_the_folder_is_missing(tmp_path: Path) -> None:
    (finding,) = FilesEngine(tmp_path / "nowhere", clock=now).check()
    assert not finding.passed
    assert finding.hint


def test_a_check_of_a_huge_folder_stops_and_says_so(tmp_path: Path) -> None:
    for number in range(10):
        (tmp_path / str(number)).touch()
    folders = Folders(open_folder(tmp_path))
    (finding,) = survey(tmp_path, folders, parse_selection((), ()), most=6)
    folders.close()
    assert finding.detail == f"{tmp_path} can be read: at least 5 files, 0 bytes"


def test_a_check_finds_a_file_that_cannot_be_read(place: Path) -> None:
    (place / "secret").touch()
    (place / "secret").chmod(0)
    said = as_nobody(
        "for finding in FilesEngine(Path(sys.argv[1]), clock=now).check(): print(finding.passed, finding.detail)",
        str(place),
    )
    assert said == "False 'secret' cannot be read: Permission denied.\n"
