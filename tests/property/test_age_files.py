from collections.abc import Iterator

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from drkit import age
from drkit.age.payload import CHUNK
from drkit.errors import IntegrityError
from drkit.signing import check_stanzas, new_signing_key, sign_stanzas

MINE = age.new_identity()
SIGNING = new_signing_key()
KEY = "shop/main/backups/20261120T143000Z-a/data.zst.age"
SIZES = st.one_of(st.integers(0, 300), st.integers(CHUNK - 2, CHUNK + 2), st.integers(2 * CHUNK - 2, 3 * CHUNK))
STEPS = st.one_of(st.integers(1, 100), st.integers(CHUNK - 20, CHUNK + 20), st.integers(1, 4 * CHUNK))


def content_of(size: int) -> bytes:
    return (bytes(range(251)) * (size // 251 + 1))[:size]


def pieces(content: bytes, steps: list[int]) -> Iterator[bytes]:
    at, turn = 0, 0
    while at < len(content):
        yield content[at : at + steps[turn % len(steps)]]
        at += steps[turn % len(steps)]
        turn += 1


def seal(content: bytes) -> bytes:
    return b"".join(age.encrypt(iter((content,)), [MINE.recipient()], sign_stanzas(SIGNING, KEY)))


def unseal(sealed: bytes) -> bytes:
    return b"".join(age.decrypt(iter((sealed,)), [MINE], check_stanzas([SIGNING.signer()], KEY)))


SHORT = seal(b"short")
LONG = seal(content_of(2 * CHUNK + 9))


@given(SIZES, st.lists(STEPS, min_size=1, max_size=5), st.lists(STEPS, min_size=1, max_size=5))
@example(2 * CHUNK, [CHUNK], [CHUNK + 16])
@example(0, [1], [1])
def test_any_bytes_in_any_portions_come_back(size: int, steps_in: list[int], steps_out: list[int]) -> None:
    content = content_of(size)
    if size > CHUNK:
        steps_in, steps_out = [step + 1000 for step in steps_in], [step + 1000 for step in steps_out]
    sealed = b"".join(age.encrypt(pieces(content, steps_in), [MINE.recipient()]))
    assert b"".join(age.decrypt(pieces(sealed, steps_out), [MINE])) == content


@given(st.integers(0, len(LONG) - 1), st.integers(1, 255))
def test_one_changed_byte_anywhere_is_refused(at: int, difference: int) -> None:
    broken = bytearray(LONG)
    broken[at] ^= difference
    with pytest.raises(IntegrityError):
        unseal(bytes(broken))


def test_one_flipped_bit_of_every_byte_of_a_short_file_is_refused() -> None:
    for at in range(len(SHORT)):
        broken = bytearray(SHORT)
        broken[at] ^= 1 << at % 8
        with pytest.raises(IntegrityError):
            unseal(bytes(broken))


def test_a_short_file_cut_anywhere_is_refused() -> None:
    for end in range(len(SHORT)):
        with pytest.raises(IntegrityError):
            unseal(SHORT[:end])


@given(st.integers(0, len(LONG) - 1))
def test_a_long_file_cut_anywhere_is_refused(end: int) -> None:
    with pytest.raises(IntegrityError):
        unseal(LONG[:end])
    with pytest.raises(IntegrityError):
        age.open_random(lambda start, stop: LONG[start:stop], end, [MINE])


@given(st.binary(min_size=1, max_size=100))
def test_anything_that_follows_a_file_is_refused(rest: bytes) -> None:
    for sealed in (SHORT, LONG):
        with pytest.raises(IntegrityError):
            unseal(sealed + rest)


@given(SIZES, st.data())
def test_random_access_is_slicing(size: int, data: st.DataObject) -> None:
    content, sealed = content_of(size), seal(content_of(size))
    reader = age.open_random(lambda start, end: sealed[start:end], len(sealed), [MINE])
    start = data.draw(st.integers(0, size + 2))
    end = data.draw(st.integers(0, size + 2))
    assert reader.size == size
    assert reader.read(start, end) == content[start:end]


@given(st.binary(max_size=300), st.binary(max_size=300))
@example(b"-----END AGE ENCRYPTED FILE-----", b"")
def test_no_bytes_at_all_make_the_parser_fail_in_an_unforeseen_way(head: bytes, rest: bytes) -> None:
    for content in (head, b"age-encryption.org/v1\n" + head, SHORT[:30] + head + b"\n" + SHORT[30:] + rest):
        with pytest.raises(IntegrityError):
            unseal(content)
    with pytest.raises(IntegrityError):
        unseal(b"".join(age.dearmor(iter((b"-----BEGIN AGE ENCRYPTED FILE-----\n" + head,)))))
