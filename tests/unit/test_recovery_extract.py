"""What a base backup's archive may do to a disk: nothing but put listed files below one folder."""

import hashlib
import json
import os
import tarfile
from pathlib import Path

import pytest

from drkit.engines.postgres.recovery.extract import Extraction
from drkit.engines.postgres.recovery.server_manifest import Listed, parse_manifest
from drkit.errors import IntegrityError


@pytest.fixture
def ground(tmp_path: Path) -> Path:
    """With something outside of the folder that must stay as it is."""
    (tmp_path / "root").mkdir()
    (tmp_path / "outside").write_text("untouched")
    return tmp_path


def listed(**files: bytes) -> dict[str, Listed]:
    return {
        name.replace("__", "/"): Listed(len(content), hashlib.sha256(content).hexdigest())
        for name, content in files.items()
    }


def member(name: str, content: bytes = b"", kind: bytes = tarfile.REGTYPE, link: str = "") -> bytes:
    info = tarfile.TarInfo(name)
    info.size, info.type, info.linkname = len(content), kind, link
    return info.tobuf(tarfile.USTAR_FORMAT) + content + bytes(-len(content) % 512)


def extract(ground: Path, archive: bytes, known: dict[str, Listed], **spaces: Path) -> Extraction:
    extraction = Extraction(ground / "root", spaces, known)
    extraction.add(iter([archive[at : at + 700] for at in range(0, len(archive), 700)]))
    return extraction


END = bytes(1024)


def test_listed_files_and_folders_are_made_wherever_the_archive_begins(ground: Path) -> None:
    archive = (
        member("base/1/1259", b"rows") + member("pg_wal", kind=tarfile.DIRTYPE) + member("PG_VERSION", b"17\n") + END
    )
    extract(ground, archive, listed(base__1__1259=b"rows", PG_VERSION=b"17\n")).expect_all()
    assert (ground / "root/base/1/1259").read_bytes() == b"rows"
    assert (ground / "root/pg_wal").is_dir()
    assert (ground / "root/PG_VERSION").stat().st_mode & 0o777 == 0o600


def test_large_files_come_through(ground: Path) -> None:
    content = os.urandom(3_000_001)
    extract(ground, member("base/1/2", content) + END, listed(base__1__2=content)).expect_all()
    assert (ground / "root/base/1/2").read_bytes() == content


def _long() -> bytes:
    """By the prefix field, as ustar has it."""
    return member("a" * 60 + "/" + "b" * 60 + "/../../../../outside", b"x")


HOSTILE = {
    "a path upwards": member("../outside", b"x"),
    "a path upwards in the middle": member("base/../../outside", b"x"),
    "a long path upwards": _long(),
    "an absolute path": member("/tmp/outside", b"x"),
    "a link to elsewhere": member("base", kind=tarfile.SYMTYPE, link="..") + member("base/outside", b"x"),
    "a link of a tablespace that is used": member("pg_tblspc/1", kind=tarfile.SYMTYPE, link="../..")
    + member("pg_tblspc/1", b"x"),
    "a second name of a file": member("base", kind=tarfile.LNKTYPE, link="../outside"),
    "a device": member("base", kind=tarfile.CHRTYPE),
    "a fifo": member("base", kind=tarfile.FIFOTYPE),
    "a long name by GNU's extension": member("././@LongLink", b"../outside\0", kind=b"L") + member("x", b"x"),
    "a pax header": member("x", b"19 path=../outside\n", kind=b"x") + member("x", b"x"),
    "an empty name": member("", b"x"),
    "a folder where a file is": member("x", b"x") + member("x", kind=tarfile.DIRTYPE),
    "a file where a folder is": member("x", kind=tarfile.DIRTYPE) + member("x", b"x"),
    "a name that is a dot": member("./.", b"x"),
    "a NUL in the middle is the name's end": member("base\0../outside", b"x"),
}


@pytest.mark.parametrize("archive", HOSTILE.values(), ids=HOSTILE.keys())
def test_a_hostile_archive_is_refused_and_nothing_outside_is_touched(ground: Path, archive: bytes) -> None:
    names = ("outside", "../outside", "base/outside", "pg_tblspc/1", "x", "tmp/outside", "/tmp/outside", "", ".")
    known = dict.fromkeys(names, Listed(1, hashlib.sha256(b"x").hexdigest()))
    with pytest.raises(IntegrityError):
        extract(ground, archive + END, known).expect_all()
    assert (ground / "outside").read_text() == "untouched"
    assert sorted(path.name for path in ground.iterdir()) == ["outside", "root"]
    assert not [path for path in (ground / "root").rglob("*") if path.is_symlink()]


def test_a_link_that_stands_there_already_is_not_followed(ground: Path) -> None:
    (ground / "elsewhere").mkdir()
    (ground / "root/base").symlink_to(ground / "elsewhere")
    with pytest.raises(IntegrityError):
        extract(ground, member("base/file", b"x") + END, listed(base__file=b"x"))
    assert list((ground / "elsewhere").iterdir()) == []


WRONG = {
    "is not in the server's manifest": member("more", b"x"),
    "is there twice": member("file", b"x") + member("file", b"x"),
    "is not what the server's manifest says": member("file", b"y"),
    "ends too early": member("file", b"x" * 2000)[:1024],
    "too early": member("file", b"x"),
    "goes on after its end": member("file", b"x") + END + member("file", b"x"),
    "header that no server writes": member("file", b"x").replace(b"ustar", b"oddly"),
}


@pytest.mark.parametrize(("words", "archive"), WRONG.items())
def test_what_is_not_as_the_server_listed_it_is_refused(ground: Path, words: str, archive: bytes) -> None:
    end = b"" if words in ("ends too early", "too early") else END
    with pytest.raises(IntegrityError, match=words):
        extract(ground, archive + end, listed(file=b"x") if words != "ends too early" else listed(file=b"x" * 2000))


def test_a_file_that_does_not_come_is_missed(ground: Path) -> None:
    extraction = extract(ground, member("file", b"x") + END, listed(file=b"x", base__1__1259=b""))
    with pytest.raises(IntegrityError, match=r"lacks 1 of the files listed, such as 'base/1/1259'"):
        extraction.expect_all()


def test_a_tablespace_goes_to_the_folder_that_was_chosen_for_it(ground: Path) -> None:
    (ground / "space").mkdir()
    extraction = Extraction(ground / "root", {"16385": ground / "space"}, listed(pg_tblspc__16385__PG_17__1=b"x"))
    extraction.add(iter([member("PG_17/1", b"x") + END]), "16385")
    extraction.expect_all()
    assert (ground / "space/PG_17/1").read_bytes() == b"x"


def _manifest(files: list[dict[str, object]]) -> bytes:
    body = '{ "PostgreSQL-Backup-Manifest-Version": 1,\n"Files": [\n' + ",\n".join(map(json.dumps, files)) + "],\n"
    return f'{body}"Manifest-Checksum": "{hashlib.sha256(body.encode()).hexdigest()}"}}\n'.encode()


def _file(**more: object) -> dict[str, object]:
    return {"Path": "PG_VERSION", "Size": 3, "Checksum-Algorithm": "SHA256", "Checksum": "AB" * 32, **more}


def test_the_servers_manifest_is_read_with_names_that_are_no_text() -> None:
    encoded = _file()
    del encoded["Path"]
    read = parse_manifest(_manifest([_file(), encoded | {"Encoded-Path": "62617365ff"}]))
    assert read == {"PG_VERSION": Listed(3, "ab" * 32), "base\udcff": Listed(3, "ab" * 32)}


@pytest.mark.parametrize(
    "content",
    [
        _manifest([_file()]).replace(b'"Size": 3', b'"Size": 4'),
        _manifest([_file()])[:-20],
        _manifest([_file(**{"Checksum-Algorithm": "CRC32C"})]),
        _manifest([{"Path": "x"}]),
        b"",
    ],
)
def test_a_servers_manifest_that_is_not_whole_is_refused(content: bytes) -> None:
    with pytest.raises(IntegrityError, match="manifest of the backup"):
        parse_manifest(content)
