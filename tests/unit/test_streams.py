import struct
import subprocess
import threading
import tracemalloc
from collections.abc import Iterator
from concurrent.futures.thread import _global_shutdown_lock
from time import sleep

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drkit.errors import IntegrityError
from drkit.ports import Effort
from drkit.streams.ahead import ahead, map_ahead
from drkit.streams.blocks import Cursor, blocks
from drkit.streams.compress import FRAME_BYTES, LARGEST_FRAME, compress, decompress, zstd
from drkit.streams.meter import Hasher, Tally
from patience import await_true

PREFIX = struct.Struct("<III")


class Stop(Exception):
    pass


def compressed(*chunks: bytes) -> bytes:
    return b"".join(compress(iter(chunks), Effort.ANYTHING))


def plain(stored: bytes) -> bytes:
    return b"".join(decompress(iter([stored])))


def framed(body: bytes, claimed: int | None = None) -> bytes:
    return PREFIX.pack(0x184D2A50, 4, len(body) if claimed is None else claimed) + body


def ours() -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name.startswith(("ahead", "map-ahead"))]


def watched(count: int, pulled: list[int], fail_at: int | None = None) -> Iterator[int]:
    for number in range(count):
        if number == fail_at:
            raise Stop
        pulled.append(number)
        yield number


def await_length(found: list[int], length: int) -> None:
    await_true(lambda: len(found) >= length, pause=0.001)


def test_the_zstd_program_reads_what_is_written() -> None:
    body = b"orders, orders, orders\n" * 400_000
    done = subprocess.run(["zstd", "-dc"], input=compressed(body), capture_output=True)
    assert (done.returncode, done.stdout) == (0, body)
    assert subprocess.run(["zstd", "-dc"], input=compressed(), capture_output=True).stdout == b""


def test_a_stream_becomes_frames_of_one_size_each_with_its_own_checksum() -> None:
    stored = compressed(b"x" * (2 * FRAME_BYTES + 1))
    sizes, at = [], 0
    while at < len(stored):
        _, _, length = PREFIX.unpack_from(stored, at)
        frame = stored[at + PREFIX.size : at + PREFIX.size + length]
        sizes.append(zstd.get_frame_info(frame).decompressed_size)
        assert frame[4] & 0b100  # the descriptor's flag for a checksum
        at += PREFIX.size + length
    assert sizes == [FRAME_BYTES, FRAME_BYTES, 1]


def test_a_cut_anywhere_but_between_frames_is_refused() -> None:
    one = compressed(b"first " * 50)
    assert plain(one) == b"first " * 50
    for end in range(1, len(one)):
        with pytest.raises(IntegrityError):
            plain(one[:end])


def test_a_flipped_bit_never_gives_other_bytes() -> None:
    body = b"some orders and their items " * 3
    stored = compressed(body)
    for bit in range(8 * len(stored)):
        damaged = bytearray(stored)
        damaged[bit // 8] ^= 1 << bit % 8
        try:
            assert plain(bytes(damaged)) == body
        except IntegrityError:
            continue


@pytest.mark.parametrize("tail", [b"\0", b"trailing", b"\0" * 12, b"\x28\xb5\x2f\xfd"])
def test_bytes_after_the_last_frame_are_refused(tail: bytes) -> None:
    with pytest.raises(IntegrityError):
        plain(compressed(b"body") + tail)


def test_bytes_after_the_end_inside_a_frame_are_refused() -> None:
    inner = zstd.compress(b"body")
    for smuggled in (b"\0", inner, PREFIX.pack(0x184D2A50, 0, 0)):
        with pytest.raises(IntegrityError, match="does not hold what it says"):
            plain(framed(inner + smuggled))


def test_a_prefix_that_promises_a_frame_too_large_is_refused_before_it_is_read() -> None:
    pulled: list[int] = []

    def hostile() -> Iterator[bytes]:
        yield framed(b"", claimed=LARGEST_FRAME + 1)
        for _ in watched(100, pulled):
            yield b"\0" * (1 << 20)

    with pytest.raises(IntegrityError, match="not made of frames"):
        list(decompress(hostile()))
    assert pulled == []


@pytest.mark.parametrize("size", [LARGEST_FRAME + 1, 1 << 34])
def test_a_frame_that_claims_to_be_larger_than_any_is_refused_unopened(size: int) -> None:
    # a frame header with a content size of eight bytes, and one empty last block
    header = b"\x28\xb5\x2f\xfd" + bytes([0b11100000]) + struct.pack("<Q", size)
    with pytest.raises(IntegrityError, match="claims a size"):
        plain(framed(header + b"\x01\x00\x00"))


def test_a_frame_that_does_not_say_its_size_is_refused() -> None:
    bomb = zstd.compress(b"\0" * (64 << 20), options={zstd.CompressionParameter.content_size_flag: 0})
    assert len(bomb) < 10_000
    with pytest.raises(IntegrityError, match="claims a size"):
        plain(framed(bomb))


def test_a_bomb_that_claims_to_be_small_is_refused_without_being_unpacked() -> None:
    """512 blocks of 128 KiB, four bytes each, in a frame that says it holds a thousand bytes."""
    header = b"\x28\xb5\x2f\xfd" + bytes([0b10000000, 0x38]) + struct.pack("<I", 1000)
    block = ((128 << 10) << 3 | 0b010).to_bytes(3, "little") + b"\0"
    bomb = framed(header + 512 * block + b"\x01\x00\x00")
    tracemalloc.start()
    try:
        with pytest.raises(IntegrityError):
            plain(bomb)
        assert tracemalloc.get_traced_memory()[1] < 4 << 20
    finally:
        tracemalloc.stop()


def test_a_frame_that_holds_more_or_less_than_it_says_is_refused() -> None:
    options = {zstd.CompressionParameter.checksum_flag: 0}
    frame = bytearray(zstd.compress(b"a" * 100 + b"b" * 100, options=options))
    assert frame[4] == 0b00100000  # single segment, its size in one byte
    assert frame[5] == 200
    for claimed in (199, 201, 0):
        frame[5] = claimed
        with pytest.raises(IntegrityError):
            plain(framed(bytes(frame)))


def test_what_other_programs_compress_is_refused_and_not_guessed_at() -> None:
    for foreign in (zstd.compress(b"body"), b"plain text that nobody compressed", b"\0" * 64):
        with pytest.raises(IntegrityError):
            plain(foreign)


def test_an_error_of_the_source_rises_through_both_directions() -> None:
    def failing() -> Iterator[bytes]:
        yield b"x" * (FRAME_BYTES + 1)
        raise Stop

    with pytest.raises(Stop):
        list(compress(failing(), Effort.ANYTHING))
    stored = compressed(b"y" * 100)
    with pytest.raises(Stop):
        list(decompress(part for part in (stored, *failing())))
    assert ours() == []


def test_work_ahead_keeps_the_order_of_its_items() -> None:
    def work(number: int) -> int:
        sleep(0.002 * (number % 3))
        return number * number

    assert list(map_ahead(work, range(40), 4)) == [number * number for number in range(40)]


def test_work_ahead_is_bounded() -> None:
    pulled: list[int] = []
    results = map_ahead(lambda number: number, watched(1000, pulled), workers=3)
    assert pulled == []
    for got in range(5):
        assert next(results) == got
        assert len(pulled) <= got + 6
    results.close()  # type: ignore[attr-defined]
    assert len(pulled) <= 10
    assert ours() == []


def test_an_error_in_the_work_rises_in_its_turn_and_no_thread_stays() -> None:
    def work(number: int) -> int:
        if number == 5:
            raise Stop
        return number

    results = map_ahead(work, range(20), 2)
    assert [next(results) for _ in range(5)] == [0, 1, 2, 3, 4]
    with pytest.raises(Stop):
        next(results)
    assert ours() == []


def test_reading_ahead_keeps_the_order_and_ends() -> None:
    assert list(ahead(range(1000), depth=3)) == list(range(1000))
    assert list(ahead([])) == []
    assert list(ahead([None, 0, "", b""])) == [None, 0, "", b""]
    assert ours() == []


def test_reading_ahead_goes_on_alone_but_only_so_far() -> None:
    pulled: list[int] = []
    items = ahead(watched(1000, pulled), depth=4)
    assert next(items) == 0
    await_length(pulled, 5)
    assert next(items) == 1
    await_length(pulled, 6)
    for _ in range(1000):
        sleep(0)  # every chance to go too far
    items.close()  # type: ignore[attr-defined]
    assert len(pulled) == 6
    assert ours() == []


def test_an_error_ahead_rises_after_the_items_before_it() -> None:
    items = ahead(watched(10, [], fail_at=3), depth=5)
    assert [next(items) for _ in range(3)] == [0, 1, 2]
    with pytest.raises(Stop):
        next(items)
    assert ours() == []


def test_closing_early_closes_what_is_read() -> None:
    closed = []

    def source() -> Iterator[int]:
        try:
            yield from range(100)
        finally:
            closed.append(True)

    kept = source()  # a reference of the test's own, so that nobody closes it by forgetting it
    items = ahead(kept)
    next(items)
    items.close()  # type: ignore[attr-defined]
    assert closed == [True]
    assert ours() == []


@pytest.mark.parametrize("direction", ["compress", "decompress"])
def test_a_consumer_that_leaves_early_leaves_no_thread(direction: str) -> None:
    body = b"z" * (20 * FRAME_BYTES)
    stream = (
        compress(iter([body]), Effort.ANYTHING) if direction == "compress" else decompress(iter([compressed(body)]))
    )
    next(stream)
    assert ours() != []
    stream.close()  # type: ignore[attr-defined]
    assert ours() == []


@given(st.lists(st.binary(max_size=40)), st.integers(1, 50))
def test_blocks_are_the_same_bytes_in_one_size(chunks: list[bytes], size: int) -> None:
    found = list(blocks(iter(chunks), size))
    assert b"".join(found) == b"".join(chunks)
    assert all(len(block) == size for block in found[:-1])
    assert all(0 < len(block) <= size for block in found[-1:])


@given(st.lists(st.binary(max_size=20)), st.lists(st.integers(0, 30)))
def test_a_cursor_gives_exact_lengths_until_the_stream_ends(chunks: list[bytes], sizes: list[int]) -> None:
    whole = b"".join(chunks)
    cursor, at = Cursor(iter(chunks)), 0
    for size in sizes:
        assert cursor.read(size) == whole[at : at + size]
        at += size


def test_what_flows_by_is_counted_and_hashed_and_left_as_it_is() -> None:
    told: list[int] = []
    tally, hasher = Tally(told.append), Hasher()
    assert list(hasher.watch(tally.watch(iter([b"ab", b"", b"c"])))) == [b"ab", b"", b"c"]
    assert (tally.size, told) == (3, [2, 0, 1])
    assert hasher.digest().size == 3
    assert hasher.digest().sha256 == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"


def test_a_stream_may_be_closed_at_any_moment_even_where_another_pool_is_given_work() -> None:
    """The garbage collector picks such moments."""
    closed: list[bool] = []

    def source() -> Iterator[int]:
        try:
            yield from range(100)
        finally:
            closed.append(True)

    stream = ahead(source())
    assert next(stream) == 0
    with _global_shutdown_lock:
        stream.close()  # type: ignore[attr-defined]
    assert closed == [True]
