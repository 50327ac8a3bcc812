"""What drkit stores of a git repository is what docs/FORMAT.md says: read from it alone, and rebuilt by git."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from cli_runner import drkit_in
from docs.format_reader import _bech32, backups, read_manifest, read_piece
from drkit.age import bech32
from git_world import commit, git, look, make_repository


def test_a_chain_of_bundles_is_rebuilt_from_the_document_alone(tmp_path: Path) -> None:
    folder = tmp_path / "team"
    drkit = drkit_in(folder)
    repository = make_repository(folder / "code")
    drkit.ok("init", "--name", "team", "--kind", "git", "--path", "code", "--store", f"file://{folder}/backups")
    for number in range(3):
        commit(repository, f"{number}")
        git(repository, "tag", "--annotate", "--message", "t", f"v{number}")
        drkit.ok("backup", "now")
    store, keys = folder / "backups", folder / "keys"
    signer, identity = ((keys / name).read_text().splitlines()[-1] for name in ("signer", "identity"))
    manifest = read_manifest(store, backups(store)[-1], signer)
    assert manifest["kind"] == "git"
    names = [piece["name"] for piece in manifest["pieces"]]
    assert names == ["bundle-0000", "bundle-0001", "bundle-0002", "refs", "facts"]
    contents = {piece["name"]: read_piece(store, piece, signer, identity) for piece in manifest["pieces"]}
    rebuilt = tmp_path / "rebuilt"
    git(tmp_path, "init", "--quiet", "--bare", rebuilt)
    for name in names[:3]:
        head, pack = contents[name].split(b"\n\n", 1)
        assert head.startswith(b"# v2 git bundle\n")
        git(rebuilt, "index-pack", "--stdin", "--fix-thin", given=pack)
    lines = contents["refs"].decode().splitlines()
    assert lines == sorted(lines, key=lambda line: line.split("\t")[1])
    for line in lines:
        to, name = re.fullmatch(r"(ref: \S+|[0-9a-f]{40})\t(HEAD|refs/\S+)", line).groups()  # type: ignore[union-attr]
        git(rebuilt, *(("symbolic-ref", name, to[5:]) if to.startswith("ref: ") else ("update-ref", name, to)))
    assert look(rebuilt) == look(repository)
    facts: dict[str, Any] = json.loads(contents["facts"])
    assert len(facts.pop("tips")) == 4
    assert facts == {"object_format": "sha1", "refs": 5, "lfs_files": 0, "lfs_bytes": 0, "submodules": 0}
    own = own_identity((keys / "signing").read_text().splitlines()[-1])
    for piece in manifest["pieces"]:
        if piece["name"] in ("refs", "facts"):
            read_piece(store, piece, signer, own)
        else:
            with pytest.raises(ValueError, match="no stanza is for this identity"):
                read_piece(store, piece, signer, own)


def own_identity(signing: str) -> str:
    secret = _bech32(signing.lower(), "drkit-signing-key-")
    return bech32.encode("AGE-SECRET-KEY-", HKDF(SHA256(), 32, None, b"drkit v1 own identity").derive(secret))
