"""What a physical source stores is what docs/FORMAT.md says, read by the document's own words."""

import io
import json
import re
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from docs.format_reader import _bech32, _unpack, backups, open_age, read_manifest, read_piece
from drkit.age import bech32
from servers.physical import SOURCE, PhysicalSystem, physical_system

SPAN = re.compile(
    r"shop/main/log/(?P<server>\d+)/(?P<timeline>[0-9A-F]{8})/"
    r"(?P<start>[0-9A-F]{16})-(?P<end>[0-9A-F]{16})-\d{8}T\d{6}\.\d{6}Z\.zst\.age"
)
FORMAT = (Path(__file__).parents[2] / "docs/FORMAT.md").read_text()


@dataclass(frozen=True)
class Stored:
    system: PhysicalSystem
    manifest: dict[str, Any]

    @property
    def store(self) -> Path:
        return self.system.folder / "store"

    def key(self, name: str) -> str:
        lines = (self.system.folder / "keys" / name).read_text().splitlines()
        return next(line for line in lines if line and not line.startswith("#"))

    def piece(self, name: str) -> bytes:
        [piece] = [each for each in self.manifest["pieces"] if each["name"] == name]
        return read_piece(self.store, piece, self.key("signer"), self.key("identity"))

    def spans(self) -> list[re.Match[str]]:
        keys = sorted(path.relative_to(self.store).as_posix() for path in self.store.glob("shop/main/log/**/*.age"))
        found = [SPAN.fullmatch(key) for key in keys]
        assert all(found)
        return [each for each in found if each]


@pytest.fixture(scope="module")
def stored(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stored]:
    with physical_system(tmp_path_factory.mktemp("format"), 17, wal_keep_size="1GB") as system:
        system.fill()
        with system.following() as follower:
            system.drkit.ok("backup", "now")
            system.await_stored()
            follower.end()
        store = system.folder / "store"
        lines = (system.folder / "keys/signer").read_text().splitlines()
        signer = next(line for line in lines if line and not line.startswith("#"))
        [key] = backups(store)
        yield Stored(system, read_manifest(store, key, signer))


def test_the_manifest_tells_what_a_base_backup_stands_on(stored: Stored) -> None:
    base = stored.manifest["base"]
    assert stored.manifest["kind"] == "postgres-physical"
    told = FORMAT.partition("`base` has ")[2].partition("\n\n")[0]
    assert {name for name in base if f"`{name}`" in told} == set(base)
    assert re.fullmatch(r"[0-9A-F]+/[0-9A-F]+", base["start"])
    assert stored.manifest["consistent_at"] <= base["stopped_at"]
    assert base["from"] is None


def test_each_piece_of_files_is_a_tar_archive_that_is_whole(stored: Stored) -> None:
    with tarfile.open(fileobj=io.BytesIO(stored.piece("base-00000"))) as tar:
        names = tar.getnames()
    assert "global/pg_control" in names
    assert not any(re.fullmatch(r"pg_wal/[0-9A-F]{24}", name) for name in names)
    assert json.loads(stored.piece("manifest"))["System-Identifier"] == int(
        stored.manifest["base"]["system_identifier"]
    )


def test_the_facts_are_those_of_the_document(stored: Stored) -> None:
    facts = json.loads(stored.piece("facts"))
    section = FORMAT.partition("`facts` is one JSON object")[2].partition("**The log.**")[0]
    named = {
        name for row in re.findall(r"^\| (`.+?) \|", section, re.MULTILINE) for name in re.findall(r"`(\w+)`", row)
    }
    assert set(facts) == named


def test_the_log_is_the_servers_in_the_places_that_its_names_tell(stored: Stored) -> None:
    for span in stored.spans():
        start, end = int(span["start"], 16), int(span["end"], 16)
        opened = open_age((stored.store / span[0]).read_bytes(), span[0], stored.key("signer"), stored.key("identity"))
        content = b"".join(_unpack(opened))
        assert content == stored.system.server_bytes(start, end - start)
        assert start // (16 << 20) == max(start, end - 1) // (16 << 20)
        assert span["server"] == stored.manifest["base"]["system_identifier"]


def test_the_servers_manifest_opens_with_the_key_that_comes_from_the_signing_key(stored: Stored) -> None:
    secret = _bech32(stored.key("signing").lower(), "drkit-signing-key-")
    own = HKDF(SHA256(), 32, None, b"drkit v1 own identity").derive(secret)
    identity = bech32.encode("AGE-SECRET-KEY-", own)
    for piece in stored.manifest["pieces"]:
        if piece["name"] == "manifest":
            read_piece(stored.store, piece, stored.key("signer"), identity)
        else:
            with pytest.raises(ValueError, match="no stanza is for this identity"):
                read_piece(stored.store, piece, stored.key("signer"), identity)
    assert stored.manifest["source"] == SOURCE
