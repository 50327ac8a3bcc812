import io
import os
import tarfile
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from drkit.engines.files.header import END, header, padding, sparse_map
from drkit.engines.files.member import Member, format_line
from drkit.errors import DrkitError, IntegrityError
from file_trees import Kept, capture, look, make_rich_tree, restore

HERE = Member(".", "folder", 0, 0o755, 0, os.geteuid(), os.getegid())
FOLDER = HERE._replace(path="f")
FILE = HERE._replace(path="a", type="file", size=3, sha256=sha256(b"abc").hexdigest())
LINK = HERE._replace(path="l", type="symlink", target="/tmp")
OTHER = HERE._replace(path="h", type="hardlink", target="a")


def archive(*members: Member, end: bytes = END) -> Kept:
    """Pieces that agree with each other, whatever they say."""
    kept = Kept()
    kept.pieces["files"] = b"".join(header(one) + body(one) for one in members) + end
    kept.pieces["index"] = b"".join(map(format_line, members))
    return kept


def body(member: Member) -> bytes:
    if member.type != "file":
        return b""
    content = sparse_map(member) + b"abc" if member.data is not None else b"abc"
    return content + padding(len(content))


def refusal(kept: Kept, place: Path) -> str:
    """Restores, sees the refusal and that nothing but the witness is left anywhere."""
    (place / "witness").write_text("mine")
    before = look(place)
    with pytest.raises(IntegrityError) as refused:
        restore(kept, place / "target")
    after = look(place)
    del before[b"."], after[b"."]
    assert after == before
    return str(refused.value)


@pytest.mark.parametrize(
    ("members", "named"),
    [
        ([HERE, FILE._replace(path="../x")], "../x"),
        ([HERE, FILE._replace(path="/tmp/drkit-was-here")], "/tmp/drkit-was-here"),
        ([HERE, FILE._replace(path="f/../../x")], "f/../../x"),
        ([HERE, FILE, FILE], "a"),
        ([HERE, FILE, FOLDER._replace(path="a")], "a"),
        ([HERE, FILE, LINK._replace(path="a")], "a"),
        ([HERE, LINK, LINK], "l"),
        ([HERE, FOLDER, LINK._replace(path="f")], "f"),
        ([HERE, LINK, FILE._replace(path="l/x")], "l/x"),
        ([HERE, LINK, FOLDER._replace(path="l/x")], "l/x"),
        ([HERE, LINK, LINK._replace(path="l/x")], "l/x"),
        ([HERE, LINK, OTHER._replace(target="l/passwd")], "h"),
        ([HERE, LINK, OTHER._replace(target="l")], "h"),
        ([HERE, FILE, FILE._replace(path="a/x")], "a/x"),
        ([HERE, FILE._replace(path="f/x")], "f/x"),
        ([HERE, OTHER._replace(target="/etc/passwd")], "h"),
        ([HERE, OTHER._replace(target="../witness")], "h"),
        ([HERE, OTHER], "h"),
        ([HERE, OTHER, FILE], "h"),
        ([HERE, FOLDER, OTHER._replace(target="f")], "h"),
        ([HERE, FILE, OTHER._replace(path="f/h")], "f/h"),
        ([HERE, FILE._replace(size=2**62)], "a"),
        ([HERE, FILE._replace(size=4)], "a"),
        ([HERE, FILE._replace(sha256=sha256(b"other").hexdigest())], "a"),
        ([HERE, FILE._replace(size=10, data=((0, 3), (2, 1)))], "a"),
        ([HERE, FILE._replace(size=10, data=((0, 2**60),))], "a"),
        ([HERE, HERE], "."),
        ([FILE], "a"),
        ([HERE, LINK._replace(target="a\0b")], "l"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_an_archive_that_reaches_out_or_contradicts_itself_is_refused_by_name(
    tmp_path: Path, members: list[Member], named: str
) -> None:
    assert repr(named) in refusal(archive(*members), tmp_path)


def test_the_members_used_here_are_restored_when_nothing_is_wrong(tmp_path: Path) -> None:
    sparse = FILE._replace(path="s", size=10, data=((4, 3),))
    sparse = sparse._replace(sha256=sha256(sparse_map(sparse) + b"abc").hexdigest())
    restore(archive(HERE, FILE, LINK, OTHER, sparse, FOLDER, FILE._replace(path="f/a")), tmp_path / "target")
    assert (tmp_path / "target" / "s").read_bytes() == b"\0\0\0\0abc\0\0\0"
    assert (tmp_path / "target" / "f" / "a").read_bytes() == (tmp_path / "target" / "h").read_bytes() == b"abc"


def foreign(change: Callable[[tarfile.TarInfo], None]) -> Kept:
    """The index of one harmless file beside an archive of a hostile one."""
    kept = archive(HERE, FILE)
    info = tarfile.TarInfo("a")
    info.size = 3
    change(info)
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as written:
        written.addfile(info, io.BytesIO(b"abc"))
    kept.pieces["files"] = header(HERE) + stream.getvalue()
    return kept


@pytest.mark.parametrize(
    "change",
    [
        {"name": "../x"},
        {"name": "/etc/x"},
        {"type": tarfile.SYMTYPE, "linkname": "/etc", "size": 0},
        {"type": tarfile.LNKTYPE, "linkname": "/etc/passwd", "size": 0},
        {"type": tarfile.CHRTYPE, "devmajor": 1, "devminor": 3, "size": 0},
        {"type": tarfile.BLKTYPE, "size": 0},
        {"type": tarfile.FIFOTYPE, "size": 0},
        {"name": "x" * 5_000},
    ],
    ids=str,
)
def test_a_tar_entry_that_the_index_does_not_list_is_refused(tmp_path: Path, change: dict[str, object]) -> None:
    kept = foreign(lambda info: [setattr(info, key, value) for key, value in change.items()] and None)
    assert "'a'" in refusal(kept, tmp_path)


def test_bytes_after_the_end_are_refused(tmp_path: Path) -> None:
    refusal(archive(HERE, FILE, end=END + b"\0"), tmp_path)


def test_an_entry_more_than_the_index_lists_is_refused(tmp_path: Path) -> None:
    kept = archive(HERE, FILE, LINK)
    kept.pieces["index"] = format_line(HERE) + format_line(FILE)
    assert "more than its index lists" in refusal(kept, tmp_path)


def test_padding_that_is_not_empty_is_refused(tmp_path: Path) -> None:
    kept = archive(HERE, FILE)
    kept.pieces["files"] = kept.pieces["files"].replace(b"abc\0", b"abcd")
    assert "'a'" in refusal(kept, tmp_path)


@pytest.mark.parametrize("piece", ["files", "index"])
def test_a_missing_or_empty_piece_is_refused(tmp_path: Path, piece: str) -> None:
    kept = archive(HERE, FILE)
    kept.pieces[piece] = b""
    refusal(kept, tmp_path)
    del kept.pieces[piece]
    refusal(kept, tmp_path)


@pytest.fixture(scope="module")
def rich(tmp_path_factory: pytest.TempPathFactory) -> Kept:
    source = tmp_path_factory.mktemp("rich") / "source"
    make_rich_tree(source)
    (source / "big.bin").unlink()
    return capture(source)[0]


AT_THE_SAME_PLACE = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)


@AT_THE_SAME_PLACE
@given(st.data())
def test_a_piece_cut_anywhere_is_refused(tmp_path: Path, rich: Kept, data: st.DataObject) -> None:
    piece = data.draw(st.sampled_from(["files", "index"]))
    at = data.draw(st.integers(0, len(rich.pieces[piece]) - 1))
    refusal(Kept({**rich.pieces, piece: rich.pieces[piece][:at]}), tmp_path)


@AT_THE_SAME_PLACE
@given(st.data())
def test_any_changed_byte_is_refused(tmp_path: Path, rich: Kept, data: st.DataObject) -> None:
    piece = data.draw(st.sampled_from(["files", "index"]))
    content = bytearray(rich.pieces[piece])
    content[data.draw(st.integers(0, len(content) - 1))] ^= data.draw(st.integers(1, 255))
    refusal(Kept({**rich.pieces, piece: bytes(content)}), tmp_path)


NAMES = st.sampled_from(["a", "b", "..", ".", "", "c\0"])
PATHS = st.lists(NAMES, min_size=1, max_size=3).map("/".join) | st.just("/etc/x")
TARGETS = st.sampled_from(["", "a", "b", "..", "../witness", "/etc/passwd", "a/b", "."])


@AT_THE_SAME_PLACE
@given(
    st.lists(
        st.builds(
            lambda kind, path, target, **more: {
                "file": FILE,
                "folder": HERE,
                "symlink": LINK,
                "hardlink": OTHER,
                "device": HERE._replace(type="device"),  # type: ignore[arg-type]
            }[kind]._replace(path=path, target=target if kind in ("symlink", "hardlink") else ""),
            st.sampled_from(["file", "folder", "symlink", "hardlink", "folder", "file"]),
            PATHS,
            TARGETS,
        ),
        max_size=8,
    )
)
def test_no_archive_touches_anything_outside_its_target(
    tmp_path_factory: pytest.TempPathFactory, members: list[Member]
) -> None:
    place = tmp_path_factory.mktemp("place")
    (place / "witness").write_text("mine")
    before = (place / "witness").stat()
    try:
        restore(archive(HERE, *members), place / "target")
        assert sorted(path.name for path in place.iterdir()) == ["target", "witness"]
    except DrkitError as error:
        assert isinstance(error, IntegrityError)
        assert [path.name for path in place.iterdir()] == ["witness"]
    assert (place / "witness").stat() == before
