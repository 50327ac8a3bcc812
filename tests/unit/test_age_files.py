from collections.abc import Iterator

import pytest

from drkit import age
from drkit.age.header import INTRO, LIMIT
from drkit.age.payload import CHUNK, SEALED
from drkit.errors import CaptureError, ConfigError, IntegrityError, WrongKey

MINE = age.new_identity()
OTHER = age.new_identity()


def seal(content: bytes, *recipients: age.Recipient, extra: age.Extra | None = None) -> bytes:
    return b"".join(age.encrypt(iter((content,)), recipients or (MINE.recipient(),), extra))


def unseal(content: bytes, *identities: age.Identity, examine: age.Examine | None = None) -> bytes:
    return b"".join(age.decrypt(iter((content,)), identities or (MINE,), examine))


def test_each_recipient_opens_what_is_encrypted_to_several() -> None:
    sealed = seal(b"content", MINE.recipient(), OTHER.recipient())
    assert unseal(sealed, MINE) == unseal(sealed, OTHER) == unseal(sealed, age.new_identity(), OTHER) == b"content"


def test_the_wrong_identities_are_told_from_damage() -> None:
    with pytest.raises(WrongKey, match="None of the 2 identities opens it") as refusal:
        unseal(seal(b"content"), OTHER, age.new_identity())
    assert refusal.value.hint


def test_encrypting_to_nobody_is_refused() -> None:
    with pytest.raises(ConfigError, match="no recipient"):
        list(age.encrypt(iter(()), ()))


def test_two_encryptions_of_the_same_bytes_share_nothing_but_their_first_line() -> None:
    one, two = seal(b"content"), seal(b"content")
    assert one.startswith(INTRO)
    assert one[: len(INTRO) + 20] != two[: len(INTRO) + 20]
    assert one[-20:] != two[-20:]


def test_the_extra_stanza_is_made_from_the_finished_others_and_stands_last() -> None:
    seen = []

    def extra(stanzas: tuple[age.Stanza, ...]) -> age.Stanza:
        seen.append(stanzas)
        return age.Stanza("example", ("v1",), b"x" * 48)

    sealed = seal(b"content", MINE.recipient(), OTHER.recipient(), extra=extra)
    examined: list[tuple[age.Stanza, ...]] = []
    assert unseal(sealed, examine=examined.append) == b"content"
    assert examined == [(*seen[0], age.Stanza("example", ("v1",), b"x" * 48))]
    assert [stanza.type for stanza in examined[0]] == ["X25519", "X25519", "example"]
    assert age.format_stanzas(examined[0]) in sealed


def test_examine_refuses_before_any_key_is_tried_and_any_payload_is_pulled() -> None:
    sealed = seal(b"content")
    head = sealed[: sealed.index(b"\n---") + 49]

    def examine(stanzas: tuple[age.Stanza, ...]) -> None:
        raise IntegrityError("refused")

    def chunks() -> Iterator[bytes]:
        yield head
        raise AssertionError("the payload was pulled")

    with pytest.raises(IntegrityError, match="refused"):
        next(age.decrypt(chunks(), [OTHER], examine))


def test_a_passphrase_is_never_combined_with_another_key() -> None:
    with pytest.raises(IntegrityError, match="does not stand alone"):
        list(age.encrypt(iter(()), [age.Passphrase("horse"), MINE.recipient()]))


def test_a_source_that_fails_leaves_no_whole_file() -> None:
    def chunks() -> Iterator[bytes]:
        yield bytes(3 * CHUNK)
        raise CaptureError("the source failed")

    written = []
    with pytest.raises(CaptureError):
        written.extend(age.encrypt(chunks(), [MINE.recipient()]))
    with pytest.raises(IntegrityError):
        unseal(b"".join(written))


def test_a_cut_payload_is_refused_before_its_last_chunk() -> None:
    sealed = seal(bytes(3 * CHUNK))
    opened = age.decrypt(iter((sealed[:-SEALED],)), [MINE])
    assert next(opened) == bytes(2 * CHUNK)
    with pytest.raises(IntegrityError, match="cut short: it ends with chunk 1"):
        next(opened)


def test_what_follows_the_last_chunk_is_refused() -> None:
    with pytest.raises(IntegrityError, match="Something follows the age payload"):
        unseal(seal(bytes(CHUNK)) + b"x")


def test_a_damaged_chunk_is_refused_and_only_what_precedes_it_is_given_out() -> None:
    content = bytes(range(256)) * 256 * 40
    sealed = bytearray(seal(content))
    sealed[-5 * SEALED] ^= 1
    released = bytearray()
    with pytest.raises(IntegrityError, match="damaged or cut short at chunk 35"):
        for chunk in age.decrypt(iter((bytes(sealed),)), [MINE]):
            released += chunk
    assert released == content[: 35 * CHUNK]


def test_chunks_that_changed_places_are_refused() -> None:
    sealed = seal(bytes(3 * CHUNK))
    start = len(sealed) - 3 * SEALED
    swapped = sealed[:start] + sealed[start + SEALED : -SEALED] + sealed[start : start + SEALED] + sealed[-SEALED:]
    with pytest.raises(IntegrityError, match="chunk 0"):
        unseal(swapped)


def test_a_payload_under_the_header_of_another_file_is_refused() -> None:
    one, two = seal(b"one"), seal(b"two")
    with pytest.raises(IntegrityError):
        unseal(one[: -3 - 16 - 16] + two[-3 - 16 - 16 :])


def test_outputs_are_of_about_a_mebibyte_and_every_input_is_pulled_once() -> None:
    pulled = []

    def chunks() -> Iterator[bytes]:
        for number in range(40):
            pulled.append(number)
            yield bytes(100_000)

    sealed = list(age.encrypt(chunks(), [MINE.recipient()]))
    assert pulled == list(range(40))
    assert [len(part) for part in sealed[1:-1]] == [16 * SEALED] * 3
    assert [len(part) for part in age.decrypt(iter(sealed), [MINE])] == [1 << 20] * 3 + [4_000_000 - 3 * (1 << 20)]


def test_a_header_without_end_is_refused_after_a_mebibyte() -> None:
    pulled = 0

    def endless() -> Iterator[bytes]:
        nonlocal pulled
        yield INTRO + b"-> X25519 "
        while True:
            pulled += 1 << 16
            yield b"A" * (1 << 16)

    with pytest.raises(IntegrityError, match="does not end within 1048576 bytes"):
        next(age.decrypt(endless(), [MINE]))
    assert pulled <= LIMIT + (1 << 16)


def test_a_header_of_more_than_a_mebibyte_is_refused_even_when_it_comes_at_once() -> None:
    sealed = seal(b"content", extra=lambda _: age.Stanza("example", (), bytes(LIMIT * 3 // 4)))
    with pytest.raises(IntegrityError, match="does not end within 1048576 bytes"):
        unseal(sealed)


def test_a_header_without_a_stanza_is_refused() -> None:
    with pytest.raises(IntegrityError, match="line 2 is not what should stand there"):
        unseal(INTRO + b"--- " + b"A" * 43 + b"\n" + bytes(32))


def test_what_is_no_age_file_is_refused_at_its_first_bytes() -> None:
    def chunks() -> Iterator[bytes]:
        yield b""
        yield b"PGDMP"
        raise AssertionError("more was pulled")

    with pytest.raises(IntegrityError, match="does not begin with age-encryption"):
        next(age.decrypt(chunks(), [MINE]))


@pytest.mark.parametrize("size", [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 5 * CHUNK, 5 * CHUNK + 7])
def test_random_access_reads_only_the_header_the_last_chunk_and_what_is_asked_for(size: int) -> None:
    content = (bytes(range(251)) * (size // 251 + 1))[:size]
    sealed = seal(content)
    asked: list[tuple[int, int]] = []

    def read(start: int, end: int) -> bytes:
        asked.append((start, end))
        return sealed[start:end]

    reader = age.open_random(read, len(sealed), [MINE])
    assert reader.size == size
    asked.clear()
    assert reader.read(CHUNK + 3, CHUNK + 9) == content[CHUNK + 3 : CHUNK + 9]
    assert sum(end - start for start, end in asked) <= SEALED
    assert reader.read(0, size + 5) == content
    assert reader.read(size, size + 5) == reader.read(3, 3) == b""


def test_random_access_copes_with_a_long_header() -> None:
    sealed = seal(b"content", extra=lambda _: age.Stanza("example", (), bytes(50_000)))
    assert age.open_random(lambda start, end: sealed[start:end], len(sealed), [MINE]).read(3, 5) == b"te"


def test_random_access_finds_a_cut_file_when_it_is_opened() -> None:
    sealed = seal(bytes(3 * CHUNK))
    for end in (len(sealed) - 1, len(sealed) - SEALED, len(sealed) - 3 * SEALED):
        with pytest.raises(IntegrityError):
            age.open_random(lambda start, stop: sealed[start:stop], end, [MINE])
    with pytest.raises(IntegrityError, match="damaged or cut short"):
        age.open_random(lambda start, stop: sealed[start : min(stop, len(sealed) - 1)], len(sealed), [MINE])


def test_random_access_is_examined_first_and_needs_the_right_key() -> None:
    sealed = seal(b"content")

    def refuse(stanzas: tuple[age.Stanza, ...]) -> None:
        raise IntegrityError("refused")

    with pytest.raises(IntegrityError, match="refused"):
        age.open_random(lambda start, end: sealed[start:end], len(sealed), [OTHER], refuse)
    with pytest.raises(WrongKey):
        age.open_random(lambda start, end: sealed[start:end], len(sealed), [OTHER])


@pytest.mark.parametrize("size", [0, 1, 47, 48, 49, 96, 1000])
@pytest.mark.parametrize("step", [1, 48, 70])
def test_armor_goes_on_and_off_in_any_portions(size: int, step: int) -> None:
    content = bytes(range(256)) * 4
    content = content[:size]
    armored = b"".join(age.armor(content[at : at + step] for at in range(0, size, step)))
    assert max(map(len, armored.split(b"\n")[1:-2]), default=0) <= 64
    assert b"".join(age.dearmor(armored[at : at + step] for at in range(0, len(armored), step))) == content


def test_armor_that_goes_on_after_a_full_line_with_padding_is_refused() -> None:
    padded = b"-----BEGIN AGE ENCRYPTED FILE-----\n" + b"A" * 62 + b"==\nAAAA\n-----END AGE ENCRYPTED FILE-----\n"
    with pytest.raises(IntegrityError, match="too long or too short"):
        list(age.dearmor(iter((padded,))))


def test_armor_without_line_ends_is_refused_before_it_fills_the_memory() -> None:
    def endless() -> Iterator[bytes]:
        yield b" " * 600
        yield b" " * 600
        raise AssertionError("more was pulled")

    with pytest.raises(IntegrityError, match="a line does not end"):
        next(age.dearmor(endless()))
