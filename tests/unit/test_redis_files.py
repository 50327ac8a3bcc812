"""RDB files that no server wrote, or wrote in part: each ends in an error of drkit's own, in little memory."""

import random
import struct
import tracemalloc
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drkit.engines.redis.fingerprint import Fingerprint, compare
from drkit.engines.redis.lzf import decompress
from drkit.engines.redis.payload import crc64, make_payload, split_payload
from drkit.engines.redis.programs import Program
from drkit.engines.redis.rdb import Entry, Function, Head, entries, read_head
from drkit.engines.redis.values import read_value
from drkit.errors import DrkitError, IntegrityError, NotRestorable

HEAD = b"REDIS0010\xfa\x09redis-ver\x067.0.15\xfa\x05ctime\xc2\xd5\xf0\x08\x6b"
END = b"\xff" + bytes(8)
FILE = (
    HEAD
    + b"\xf5\x05#!lua"
    + b"\xfe\x00\xfb\x05\x01"
    + b"\xfc" + struct.pack("<q", 1_900_000_000_123) + b"\x00\x01a\x03abc"
    + b"\x00\x01n\xc1\x39\x30"
    + b"\xf8\x05\xf9\x07\x02\x03set\x02\x01x\x01y"
    + b"\xfe\x03\xfd" + struct.pack("<I", 1_900_000_000) + b"\x05\x04zset\x01\x01m" + struct.pack("<d", 1.5)
    + END
)  # fmt: skip


def read(data: bytes, size: int = 7) -> list[Function | Entry]:
    return list(entries(iter([data[at : at + size] for at in range(0, len(data), size)])))


def test_a_file_is_read_however_its_bytes_come() -> None:
    expected = [
        Function(b"#!lua"),
        Entry(0, b"a", 0, b"\x03abc", 1_900_000_000_123),
        Entry(0, b"n", 0, b"\xc1\x39\x30", None),
        Entry(0, b"set", 2, b"\x02\x01x\x01y", None),
        Entry(3, b"zset", 5, b"\x01\x01m" + struct.pack("<d", 1.5), 1_900_000_000_000),
    ]
    for size in (1, 7, 10_000):
        assert read(FILE, size) == expected


def test_the_head_tells_who_wrote_it_and_all_bytes_are_still_there() -> None:
    head, chunks = read_head(iter([FILE[:3], FILE[3:]]))
    assert (head.version, head.server, head.second) == (10, "Redis 7.0.15", 0x6B08F0D5)
    assert b"".join(chunks) == FILE


def test_a_file_that_is_cut_off_anywhere_is_refused() -> None:
    for size in range(len(FILE)):
        with pytest.raises(IntegrityError):
            read(FILE[:size])


def test_what_follows_the_end_is_refused() -> None:
    with pytest.raises(IntegrityError, match="something follows its end"):
        read(FILE + b"x")


@pytest.mark.parametrize(
    "body",
    [
        b"\x00\x01k\x81" + b"\xff" * 8,  # a text of 16 EiB
        b"\x00\x01k\x80\xff\xff\xff\xff",
        b"\x02\x01k\x81" + b"\xff" * 8,  # a set of as many members
        b"\x00\x01k\xc3\x01\x81" + b"\xff" * 8 + b"x",  # one byte that claims to unfold to 16 EiB
        b"\x00\x01k\xc4",
        b"\x00\x01k\x82",
        b"\x0f\x01k\x00\x00\x00\x00\x01\x01g\x00\x00\x00\x01\x01c" + bytes(8) + b"\x81" + b"\xff" * 8,
        b"\x07\x01k\x01\x06",  # a module's value with an unknown part
        b"\xf7\x01\x81" + b"\xff" * 8,
    ],
)
def test_absurd_lengths_are_refused_without_room_for_them(body: bytes) -> None:
    tracemalloc.start()
    try:
        with pytest.raises(DrkitError):
            for each in entries(iter([HEAD + body, b"x" * 100_000])):
                if isinstance(each, Entry):
                    read_value(each.kind, each.value)
        assert tracemalloc.get_traced_memory()[1] < 5_000_000
    finally:
        tracemalloc.stop()


def test_a_value_larger_than_any_command_takes_is_refused_before_it_is_held() -> None:
    def endless() -> Iterator[bytes]:
        yield HEAD + b"\x00\x01k\x80\x30\x00\x00\x00"
        raise AssertionError("not one byte of it is asked for")

    with pytest.raises(NotRestorable, match="takes more than 512 MiB"):
        list(entries(endless()))


def test_a_kind_of_value_that_is_not_known_is_said_and_read_no_further() -> None:
    with pytest.raises(NotRestorable, match="a value of kind 77"):
        read(HEAD + b"\x4d\x01k\x00" + END)


@given(st.binary(max_size=300))
def test_random_bytes_end_in_an_error_of_our_own_or_are_read(data: bytes) -> None:
    look_through(HEAD + data)


@given(st.data())
def test_one_wrong_byte_ends_in_an_error_of_our_own_or_is_read(data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(FILE) - 1))
    look_through(FILE[:at] + bytes([FILE[at] ^ data.draw(st.integers(1, 255))]) + FILE[at + 1 :])


@given(st.sampled_from([9, 10, 11, 12, 13, 16, 17, 20, 25]), st.binary(max_size=80))
def test_random_packed_texts_end_in_an_error_of_our_own_or_are_read(kind: int, data: bytes) -> None:
    look_through(
        HEAD + bytes([kind]) + b"\x01k" + bytes(8 if kind == 25 else 0) + bytes([0x40, len(data)]) + data + END
    )


def look_through(file: bytes) -> None:
    found = Fingerprint()
    with suppress(DrkitError):
        for each in entries(iter([file])):
            found.add(each)


@pytest.mark.parametrize(
    ("packed", "size"),
    [
        (b"\xe0\xff\x00", 100),  # repeats what is not there
        (b"\x00a\xe0\xff\x00", 100),  # more than it says
        (b"\x00a", 2),
        (b"\x05a", 6),
        (b"\x20", 3),
        (b"", 1),
    ],
)
def test_a_compressed_text_gives_what_it_says_or_nothing(packed: bytes, size: int) -> None:
    with pytest.raises(IntegrityError):
        decompress(packed, size)


def test_a_compressed_text_that_repeats_itself_is_unfolded() -> None:
    assert decompress(b"\x01ab\xe0\x08\x01", 19) == b"ab" * 9 + b"a"


def test_the_checksum_is_that_of_redis() -> None:
    assert crc64(b"123456789") == 0xE9C6D914C4B8D9CA
    assert crc64(b"") == 0
    assert split_payload(make_payload(0, b"\x03abc", 10)) == (0, b"\x03abc", 10)


ENTRIES = [
    Entry(number, key, 0, bytes([len(value)]) + value, expires)
    for number, key, value, expires in (
        (0, b"a", b"1", None),
        (0, b"b", b"2", 1_900_000_000_123),
        (2, b"a", b"1", None),
        (0, b"c", b"1", None),
    )
]


def fingerprint(found: list[Entry]) -> Fingerprint:
    made = Fingerprint()
    for each in found:
        made.add(each)
    return made


def test_the_order_of_keys_means_nothing_and_all_else_does() -> None:
    wanted = fingerprint(ENTRIES)
    shuffled = random.Random(1).sample(ENTRIES, len(ENTRIES))
    assert all(each.same for each in compare(wanted, fingerprint(shuffled), 0))
    first = ENTRIES[1]
    for other in (
        Entry(1, first.key, 0, first.value, first.expires),
        Entry(0, b"bb", 0, first.value, first.expires),
        Entry(0, first.key, 0, b"\x013", first.expires),
        Entry(0, first.key, 0, first.value, 1_900_000_000_124),
        Entry(0, first.key, 0, first.value, None),
        Entry(0, first.key, 1, b"\x01" + first.value, first.expires),
    ):
        changed = [ENTRIES[0], other, *ENTRIES[2:]]
        assert not all(each.same for each in compare(wanted, fingerprint(changed), 0))


def test_what_expires_until_the_comparison_is_left_out_on_both_sides() -> None:
    gone = fingerprint([ENTRIES[0], *ENTRIES[2:]])
    assert not all(each.same for each in compare(fingerprint(ENTRIES), gone, 1_899_999_900_000))
    assert all(each.same for each in compare(fingerprint(ENTRIES), gone, 1_900_000_000_123))
    assert fingerprint(ENTRIES).expiring(1_900_000_000_123) == 1


def test_keys_of_our_own_are_no_data() -> None:
    mark = Entry(0, b"drkit:unfinished-restore", 0, b"\x011", None)
    assert all(each.same for each in compare(fingerprint(ENTRIES), fingerprint([*ENTRIES, mark]), 0))


def test_a_score_that_is_no_number_is_refused() -> None:
    scores = listpack_of(b"\x81m\x02", b"\x81x\x02")
    with pytest.raises(IntegrityError, match="a score is not a number"):
        read_value(17, bytes([len(scores)]) + scores)


def test_an_expiry_of_a_field_that_no_number_holds_is_refused() -> None:
    fields = listpack_of(b"\x81f\x02", b"\x81v\x02", b"\x94" + b"9" * 20 + b"\x15")
    with pytest.raises(IntegrityError, match="a field's expiry is no number"):
        read_value(25, bytes(8) + bytes([len(fields)]) + fields)


def test_every_way_to_write_a_collection_has_the_same_digest() -> None:
    packed_set = b"\x0d" + listpack_of(b"\x81x\x02", b"\x81y\x02")
    assert read_value(20, packed_set) == read_value(2, b"\x02\x01y\x01x")
    numbers = struct.pack("<IIhh", 2, 2, -1, 5)
    assert read_value(11, bytes([len(numbers)]) + numbers) == read_value(2, b"\x02\x015\x02-1")
    scores = listpack_of(b"\x81m\x02", b"\x831.5\x04")
    assert read_value(17, bytes([len(scores)]) + scores) == read_value(5, b"\x01\x01m" + struct.pack("<d", 1.5))
    assert read_value(3, b"\x01\x01m\x031.5") == read_value(5, b"\x01\x01m" + struct.pack("<d", 1.5))


def listpack_of(*elements: bytes) -> bytes:
    body = b"".join(elements) + b"\xff"
    return struct.pack("<IH", 6 + len(body), len(elements)) + body


def test_digests_tell_parts_apart() -> None:
    assert read_value(1, b"\x02\x02ab\x01c") != read_value(1, b"\x02\x01a\x02bc")


@pytest.mark.parametrize(
    ("product", "version", "magic", "written_by", "format_version", "reads"),
    [
        ("Redis", (7, 0, 15), b"REDIS", "redis-ver 6.2.5", 9, True),
        ("Redis", (7, 0, 15), b"REDIS", "redis-ver 7.0.1", 10, True),
        ("Redis", (7, 0, 15), b"REDIS", "redis-ver 7.2.4", 11, False),
        ("Redis", (8, 2, 3), b"REDIS", "valkey-ver 8.1.1", 11, True),
        ("Redis", (8, 2, 3), b"VALKEY", "valkey-ver 9.1.2", 80, False),
        ("Redis", (9, 0, 0), b"REDIS", "redis-ver 9.0.1", 15, True),
        ("Valkey", (8, 1, 0), b"REDIS", "redis-ver 7.2.4", 11, True),
        ("Valkey", (9, 1, 2), b"REDIS", "redis-ver 7.4.0", 12, False),
        ("Valkey", (9, 1, 2), b"VALKEY", "valkey-ver 9.0.0", 80, True),
    ],
)
def test_a_drill_takes_a_program_that_reads_what_was_captured(
    product: str, version: tuple[int, int, int], magic: bytes, written_by: str, format_version: int, reads: bool
) -> None:
    name, _, told = written_by.partition(" ")
    head = Head(magic, format_version, {name: told.encode()})
    assert Program(Path("/usr/bin/server"), product, version).reads(head) == reads
