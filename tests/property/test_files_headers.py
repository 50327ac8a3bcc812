import tarfile
from io import BytesIO

from hypothesis import given
from hypothesis import strategies as st

from drkit.engines.files.header import BLOCK, END, body_size, header, padding, sparse_map
from drkit.engines.files.member import Member, format_line, parse_line

NAMES = st.binary(min_size=1, max_size=130).map(
    lambda raw: raw.replace(b"/", b"x").replace(b"\0", b"y").decode("utf-8", "surrogateescape")
)
PATHS = st.lists(NAMES.filter(lambda name: name not in (".", "..")), min_size=1, max_size=4).map("/".join)
OWNERS = st.one_of(st.just(""), NAMES)
IDS = st.integers(0, 2**32 - 2)


@st.composite
def members(draw: st.DrawFn) -> Member:
    kind = draw(st.sampled_from(["file", "folder", "symlink", "hardlink"]))
    said = Member(
        path=draw(PATHS),
        type=kind,  # type: ignore[arg-type]
        size=0,
        mode=draw(st.integers(0, 0o7777)),
        mtime_ns=draw(st.integers(-(2**62), 2**62)),
        uid=draw(IDS),
        gid=draw(IDS),
        user=draw(OWNERS),
        group=draw(OWNERS),
        changed=draw(st.booleans()),
    )
    if kind != "file":
        return said if kind == "folder" else said._replace(target=draw(PATHS))
    runs, at = [], 0
    for gap, length in draw(st.lists(st.tuples(st.integers(0, 9000), st.integers(1, 9000)), max_size=5)):
        runs.append((at + gap, length))
        at += gap + length
    size = at + draw(st.integers(0, 9000))
    data = tuple(runs) if draw(st.booleans()) else None
    return said._replace(sha256="0" * 64, size=size, data=data)


@given(members())
def test_a_line_of_the_index_is_read_as_it_was_written(member: Member) -> None:
    assert parse_line(format_line(member)) == member


@given(members())
def test_another_program_reads_from_a_header_what_was_put_into_it(member: Member) -> None:
    stored = body_size(member) if member.type == "file" else 0
    body = sparse_map(member) if member.data is not None else b""
    body += b"d" * (stored - len(body)) + padding(stored)
    with tarfile.open(fileobj=BytesIO(header(member) + body + END), errors="surrogateescape") as archive:
        (read,) = archive.getmembers()
    assert read.name == member.path.rstrip("/")
    assert (read.mode, read.uid, read.gid) == (member.mode, member.uid, member.gid)
    assert (read.uname, read.gname) == (member.user, member.group)
    assert abs(read.mtime - member.mtime_ns / 1e9) < 1e-3
    assert read.linkname == member.target
    assert {"file": read.isreg(), "folder": read.isdir(), "symlink": read.issym(), "hardlink": read.islnk()}[
        member.type
    ]
    if member.type == "file":
        assert read.size == member.size
    if member.data is not None:
        assert read.sparse is not None
        assert tuple(run for run in read.sparse if run[1]) == member.data


@given(members())
def test_a_header_is_whole_blocks(member: Member) -> None:
    assert len(header(member)) % BLOCK == 0
