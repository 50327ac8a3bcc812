"""The C2SP test vectors for age, all but those of post-quantum keys, which drkit does not have."""

import base64
import hashlib
import re
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from drkit import age
from drkit.errors import IntegrityError, WrongKey

SOURCE = Path(__file__).parents[2] / ".cache/age-vectors/package/index.js"
REFUSALS = {
    "no match": "None of the .* identities opens it",
    "HMAC failure": "does not match its MAC",
    "header failure": "The age header is malformed",
    "payload failure": "[Tt]he age payload",
    "armor failure": "The age armor is malformed",
}


@dataclass(frozen=True)
class Vector:
    fields: dict[str, list[str]]
    sealed: bytes

    @property
    def identities(self) -> list[age.Identity | age.Passphrase]:
        passphrases = [age.Passphrase(text) for text in self.fields.get("passphrase", [])]
        return [*map(age.parse_identity, self.fields.get("identity", [])), *passphrases]


def parse_vector(content: bytes) -> Vector:
    head, _, sealed = content.partition(b"\n\n")
    fields: dict[str, list[str]] = {}
    for line in head.decode().splitlines():
        name, _, value = line.partition(": ")
        fields.setdefault(name, []).append(value)
    assert fields.keys() <= {
        "expect",
        "payload",
        "identity",
        "passphrase",
        "armored",
        "file key",
        "comment",
        "compressed",
    }
    return Vector(fields, zlib.decompress(sealed) if "compressed" in fields else sealed)


def read_vectors() -> dict[str, Vector]:
    if not SOURCE.exists():
        return {}
    literal = re.compile(r'^// \.\./testdata/(\S+)\nvar \w+ = __toBinary\("([^"]*)"\);$', re.MULTILINE)
    found = literal.findall(SOURCE.read_text())
    vectors = {name: parse_vector(base64.b64decode(text)) for name, text in found}
    return {name: vector for name, vector in vectors.items() if "AGE-SECRET-KEY-PQ-" not in str(vector.fields)}


VECTORS = read_vectors()


def pieces(content: bytes, size: int) -> Iterator[bytes]:
    return (content[at : at + size] for at in range(0, len(content), size))


def test_the_vectors_are_all_there() -> None:
    assert VECTORS, "run scripts/fetch-age-vectors first"
    assert len(VECTORS) == 124


@pytest.mark.parametrize("size", [1 << 24, 4096, 61])
@pytest.mark.parametrize("name", sorted(VECTORS) or ["none"])
def test_a_vector_ends_as_it_must_and_releases_what_it_must(name: str, size: int) -> None:
    assert VECTORS, "run scripts/fetch-age-vectors first"
    vector = VECTORS[name]
    [expected] = vector.fields["expect"]
    sealed = pieces(vector.sealed, size)
    opened = age.decrypt(age.dearmor(sealed) if "armored" in vector.fields else sealed, vector.identities)
    released = hashlib.sha256()

    def read_all() -> None:
        for chunk in opened:
            released.update(chunk)

    if expected == "success":
        read_all()
    else:
        with pytest.raises(IntegrityError, match=REFUSALS[expected]) as refusal:
            read_all()
        assert isinstance(refusal.value, WrongKey) == (expected == "no match")
        assert refusal.value.hint
    assert [released.hexdigest()] == vector.fields.get("payload", [hashlib.sha256().hexdigest()])


@pytest.mark.parametrize("name", sorted(VECTORS) or ["none"])
def test_random_access_to_a_vector_agrees_with_reading_it_through(name: str) -> None:
    assert VECTORS, "run scripts/fetch-age-vectors first"
    vector = VECTORS[name]
    [expected] = vector.fields["expect"]
    sealed = vector.sealed

    def read_all() -> bytes:
        plain = b"".join(age.dearmor(iter((sealed,)))) if "armored" in vector.fields else sealed
        reader = age.open_random(lambda start, end: plain[start:end], len(plain), vector.identities)
        return reader.read(0, reader.size)

    if expected == "success":
        assert [hashlib.sha256(read_all()).hexdigest()] == vector.fields["payload"]
    else:
        with pytest.raises(IntegrityError, match=REFUSALS[expected]):
            read_all()
