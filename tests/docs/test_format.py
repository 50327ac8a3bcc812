"""What drkit stores is what docs/FORMAT.md says: a reader written from it alone opens a real system's backups."""

import hashlib
import io
import json
import os
import re
import shutil
import subprocess
import tarfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from cryptography.exceptions import InvalidSignature, InvalidTag

from cli.conftest import make_database
from cli_runner import Drkit, drkit_in
from docs.format_reader import backups, read_manifest, read_piece

TREE = '[sources.tree]\nkind = "files"\npath = "../tree"\nbackup = "0 * * * *"\n'
HALF_PAST = 1_700_000_000_500_000_000  # tarfile counts in floats: this one is exact
OTHER_ID = "20300101T000000.000000Z-00000000"


@dataclass(frozen=True)
class System:
    drkit: Drkit
    store: Path

    def key_text(self, name: str) -> str:
        return (self.drkit.folder / "keys" / name).read_text().splitlines()[-1]

    def manifest_key(self, source: str) -> str:
        [key] = [key for key in backups(self.store) if key.startswith(f"{source}/")]
        return key

    def manifest(self, source: str) -> dict[str, Any]:
        return read_manifest(self.store, self.manifest_key(source), self.key_text("signer"))

    def piece(self, source: str, name: str) -> dict[str, Any]:
        [found] = [piece for piece in self.manifest(source)["pieces"] if piece["name"] == name]
        return found

    def open(self, piece: dict[str, Any]) -> bytes:
        return read_piece(self.store, piece, self.key_text("signer"), self.key_text("identity"))


def make_tree(tree: Path) -> None:
    (tree / "sub").mkdir(parents=True)
    (tree / "large").write_bytes(os.urandom(1 << 20) + bytes(1 << 20))
    (tree / "empty").touch()
    (tree / "sub" / "größer").write_text("a name that is not ASCII")
    os.link(tree / "large", tree / "sub" / "second name")
    (tree / "link").symlink_to("sub/größer")
    with (tree / "sparse").open("wb") as sparse:
        sparse.seek(1 << 20)
        sparse.write(b"after a hole")
        sparse.truncate(3 << 20)
    for path in tree.rglob("*"):
        os.utime(path, ns=(HALF_PAST, HALF_PAST), follow_symlinks=False)


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> System:
    folder = tmp_path_factory.mktemp("format") / "shop"
    drkit = drkit_in(folder)
    make_database(folder / "shop.db")
    make_tree(folder / "tree")
    drkit.ok("init", "--name", "shop", "--path", "shop.db")
    with (folder / "schedules" / "shop.toml").open("a") as schedule:
        schedule.write(TREE)
    drkit.ok("backup", "now")
    return System(drkit, folder / "backups")


@pytest.fixture
def system(original: System, tmp_path: Path) -> System:
    """The same system with a store of one's own, to do harm to."""
    return replace(original, store=shutil.copytree(original.store, tmp_path / "backups"))


def test_the_database_is_byte_for_byte_what_drkit_restores(original: System) -> None:
    original.drkit.ok("restore", "shop/main", "--to", "restored.db")
    assert (
        original.open(original.piece("shop/main", "database")) == (original.drkit.folder / "restored.db").read_bytes()
    )


def content(folder: Path) -> dict[str, object]:
    """All that is below a folder: a symlink's target; mode and time of all else, and a file's bytes."""
    return {
        path.relative_to(folder).as_posix(): path.readlink()
        if path.is_symlink()
        else (path.stat().st_mode, path.stat().st_mtime_ns, path.read_bytes() if path.is_file() else None)
        for path in folder.rglob("*")
    }


def test_any_tar_program_unpacks_the_files_as_they_were(original: System, tmp_path: Path) -> None:
    archive = original.open(original.piece("shop/tree", "files"))
    subprocess.run(["tar", "-xp", "-C", tmp_path], input=archive, check=True)
    unpacked, source = content(tmp_path), content(original.drkit.folder / "tree")
    assert unpacked.keys() == source.keys()
    assert [path for path in source if unpacked[path] != source[path]] == []
    assert (tmp_path / "large").samefile(tmp_path / "sub" / "second name")


def test_the_index_has_a_line_for_each_entry_of_the_tar_stream_in_its_order(original: System) -> None:
    index = original.open(original.piece("shop/tree", "index")).decode("ascii").splitlines()
    lines = [json.loads(line) for line in index]
    with tarfile.open(fileobj=io.BytesIO(original.open(original.piece("shop/tree", "files")))) as tar:
        entries = tar.getmembers()
        assert [line["path"] for line in lines] == [entry.name for entry in entries]
        for line, entry in zip(lines, entries, strict=True):
            assert int(line["mode"], 8) == entry.mode
            assert line.get("target", "") == entry.linkname
            if line["type"] == "file" and "data" not in line:
                assert line["size"] == entry.size
                assert line["sha256"] == hashlib.sha256(tar.extractfile(entry).read()).hexdigest()
    assert [line["path"] for line in lines if "data" in line] == ["sparse"]
    assert index == [json.dumps(line, separators=(",", ":")) for line in lines]


@pytest.mark.parametrize("source", ["shop/main", "shop/tree"])
def test_a_moved_manifest_is_refused(system: System, source: str) -> None:
    folder = (system.store / system.manifest_key(source)).parent
    folder.rename(folder.parent / OTHER_ID)
    with pytest.raises(InvalidSignature):
        system.manifest(source)


def test_a_moved_piece_is_refused_even_if_its_hash_fits(system: System) -> None:
    piece = system.piece("shop/main", "database")
    elsewhere = piece["key"].replace("database", "another")
    (system.store / piece["key"]).rename(system.store / elsewhere)
    with pytest.raises(InvalidSignature):
        system.open({**piece, "key": elsewhere})


@pytest.mark.parametrize(
    ("old", "new", "refusal"),
    [
        (r'"kind": "sqlite"', '"kind": "files"', InvalidSignature),
        (r'"plain_bytes": \d', '"plain_bytes": 9', InvalidSignature),
        (r'"drkit": 1', '"drkit": 2', InvalidSignature),
        (r'  "pieces"', '  "more": null,\n  "pieces"', InvalidSignature),
        (r'"ed25519": "....', '"ed25519": "AAAA', InvalidSignature),
        (r'"signer": "drkit1....', '"signer": "drkit1qqqq', ValueError),
        (r"\n  ", "\n   ", ValueError),
        (r"\Z", "\n", ValueError),
        (r'"kind": "sqlite",', '"kind": "files",\n  "kind": "sqlite",', ValueError),
    ],
)
def test_a_changed_manifest_is_refused(system: System, old: str, new: str, refusal: type[Exception]) -> None:
    path = system.store / system.manifest_key("shop/main")
    changed = re.sub(old, new, path.read_text(), count=1)
    assert changed != path.read_text()
    path.write_text(changed)
    with pytest.raises(refusal):
        system.manifest("shop/main")


@pytest.mark.parametrize(
    "change",
    [
        lambda stored: re.sub(
            rb"\n--- (.)", lambda mac: b"\n--- " + (b"B" if mac[1] == b"A" else b"A"), stored, count=1
        ),
        lambda stored: stored[:-1],
        lambda stored: stored[:-1] + bytes([stored[-1] ^ 1]),
        lambda stored: stored + b"\0",
        lambda stored: stored[: len(stored) // 2],
    ],
    ids=["its MAC", "cut off", "its last bit", "longer", "half"],
)
def test_a_changed_piece_is_refused_even_if_its_hash_fits(system: System, change: Callable[[bytes], bytes]) -> None:
    piece = system.piece("shop/tree", "files")
    path = system.store / piece["key"]
    path.write_bytes(change(path.read_bytes()))
    with pytest.raises(ValueError, match="is not what its manifest lists"):
        system.open(piece)
    with pytest.raises((ValueError, InvalidTag)):
        system.open({**piece, "sha256": hashlib.sha256(path.read_bytes()).hexdigest()})


def test_what_a_foreign_signer_wrote_is_refused_though_the_identity_opens_it(system: System) -> None:
    """It is a whole backup in the same store, by somebody who knows the recipient, and has a signing key of his own."""
    known = set(backups(system.store))
    schedules = system.drkit.folder / "schedules", system.drkit.folder / "foreign-schedules"
    shutil.copytree(*schedules)
    system.drkit.ok("keys", "new", "--out", "foreign")
    text = (schedules[0] / "shop.toml").read_text().replace("../keys/sign", "../foreign/sign")
    (schedules[1] / "shop.toml").write_text(re.sub(r'url = "file:.*"', f'url = "file://{system.store}"', text, count=1))
    system.drkit.ok("backup", "now", "shop/main", "--config", "foreign-schedules")
    [key] = set(backups(system.store)) - known
    foreign = (system.drkit.folder / "foreign" / "signer").read_text().strip()
    [piece] = read_manifest(system.store, key, foreign)["pieces"]
    assert read_piece(system.store, piece, foreign, system.key_text("identity")).startswith(b"SQLite format 3\0")
    with pytest.raises(ValueError, match="another signer"):
        read_manifest(system.store, key, system.key_text("signer"))
    with pytest.raises(ValueError, match="another signer"):
        system.open(piece)


def test_another_identity_opens_nothing(system: System) -> None:
    system.drkit.ok("keys", "new", "--out", "others")
    another = (system.drkit.folder / "others" / "identity").read_text().splitlines()[-1]
    with pytest.raises(ValueError, match="no stanza is for this identity"):
        read_piece(system.store, system.piece("shop/main", "database"), system.key_text("signer"), another)
