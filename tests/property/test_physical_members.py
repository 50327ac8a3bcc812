"""Archives cut between their members: each piece is one that tar reads, and nothing is lost or told twice."""

import io
import tarfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drkit.engines.postgres.physical.members import cut_members
from drkit.errors import CaptureError

contents = st.lists(st.binary(max_size=3000), max_size=12)


def archive(members: list[bytes], *, ended: bool) -> bytes:
    body = io.BytesIO()
    with tarfile.open(fileobj=body, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        tar.addfile(folder("pg_wal"))
        for number, content in enumerate(members):
            entry = tarfile.TarInfo(f"base/{number}")
            entry.size = len(content)
            tar.addfile(entry, io.BytesIO(content))
        end = tar.offset
    return body.getvalue()[: end + (1024 if ended else 0)]


def folder(name: str) -> tarfile.TarInfo:
    entry = tarfile.TarInfo(name)
    entry.type = tarfile.DIRTYPE
    return entry


def pieces(stream: bytes, size: int, step: int) -> list[bytes]:
    found: list[bytes] = []
    for number, chunk in cut_members((stream[at : at + step] for at in range(0, len(stream), step)), size):
        if number == len(found):
            found.append(b"")
        found[number] += chunk
    return found


@given(contents, st.integers(1, 6000), st.integers(1, 5000), st.booleans())
def test_pieces_hold_every_member_once_and_in_order(members: list[bytes], size: int, step: int, ended: bool) -> None:
    found = pieces(archive(members, ended=ended), size, step)
    read = []
    for piece in found:
        with tarfile.open(fileobj=io.BytesIO(piece)) as tar:
            entries = [(entry, tar.extractfile(entry)) for entry in tar]
            assert entries
            read += [file.read() for _, file in entries if file]
        assert piece.endswith(bytes(1024))
    assert read == members


@given(contents.filter(len), st.data())
def test_an_archive_that_ends_inside_a_file_is_refused(members: list[bytes], data: st.DataObject) -> None:
    stream = archive(members, ended=False)
    cut = data.draw(st.integers(1, len(stream) - 1).filter(lambda at: at % 512))
    with pytest.raises(CaptureError, match="ends inside a file"):
        pieces(stream[:cut], 1 << 20, 700)


def test_a_member_of_an_unknown_kind_is_refused() -> None:
    body = io.BytesIO()
    with tarfile.open(fileobj=body, mode="w") as tar:
        entry = tarfile.TarInfo("pipe")
        entry.type = tarfile.FIFOTYPE
        tar.addfile(entry)
    with pytest.raises(CaptureError, match="does not know"):
        pieces(body.getvalue(), 1 << 20, 512)


def test_a_file_of_more_than_eight_gigabytes_is_told_by_its_size_in_base_256() -> None:
    size = 9 << 30
    entry = tarfile.TarInfo("base/1")
    entry.size = size
    head = entry.tobuf(tarfile.GNU_FORMAT)
    block = bytes(1 << 20)

    def stream():
        yield head
        for _ in range(size >> 20):
            yield block

    told = sum(len(chunk) for _, chunk in cut_members(stream(), 1 << 50))
    assert told == 512 + size + 1024
