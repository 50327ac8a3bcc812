"""Both ways with the `age` program."""

import os
import pty
import select
import subprocess
from pathlib import Path

import pytest

from drkit import age
from drkit.signing import check_stanzas, new_signing_key, sign_stanzas

SIZES = [0, 1, 65535, 65536, 65537, 131072, 5 << 20]
PASSPHRASE = "correct horse"


@pytest.fixture
def identity(tmp_path: Path) -> age.Identity:
    identity = age.new_identity()
    (tmp_path / "identity").write_text(f"# a test\n{age.format_identity(identity)}\n")
    return identity


def run_age(folder: Path, *args: str, given: bytes) -> bytes:
    return subprocess.run(["age", *args], input=given, cwd=folder, capture_output=True, check=True).stdout


def run_on_terminal(folder: Path, *args: str, answers: int) -> None:
    """`age` asks for a passphrase on its terminal and nowhere else, so it gets one; each prompt ends with a colon."""
    ours, its = pty.openpty()
    process = subprocess.Popen(["setsid", "--ctty", *args], cwd=folder, stdin=its, stdout=its, stderr=its)
    os.close(its)
    seen = b""
    while select.select([ours], [], [], 60)[0]:
        try:
            seen += os.read(ours, 4096)
        except OSError:  # Linux says EIO when the other end is closed
            break
        while answers and b":" in seen:
            os.write(ours, f"{PASSPHRASE}\n".encode())
            seen = seen.partition(b":")[2]
            answers -= 1
    os.close(ours)
    assert process.wait() == 0, seen


@pytest.mark.parametrize("size", SIZES)
def test_age_opens_what_we_encrypt(tmp_path: Path, identity: age.Identity, size: int) -> None:
    content = os.urandom(size)
    others = [age.new_identity().recipient(), identity.recipient()]
    sealed = b"".join(age.encrypt(iter((content,)), others))
    assert run_age(tmp_path, "-d", "-i", "identity", given=sealed) == content
    armored = b"".join(age.armor(iter((sealed,))))
    assert run_age(tmp_path, "-d", "-i", "identity", given=armored) == content


@pytest.mark.parametrize("size", SIZES)
def test_we_open_what_age_encrypts(tmp_path: Path, identity: age.Identity, size: int) -> None:
    content = os.urandom(size)
    sealed = run_age(tmp_path, "-r", str(identity.recipient()), given=content)
    assert b"".join(age.decrypt(iter((sealed,)), [identity])) == content
    armored = run_age(tmp_path, "-a", "-r", str(identity.recipient()), given=content)
    assert b"".join(age.decrypt(age.dearmor(iter((armored,))), [identity])) == content


def test_age_opens_a_signed_file(tmp_path: Path, identity: age.Identity) -> None:
    signing, content = new_signing_key(), os.urandom(100_000)
    sealed = b"".join(age.encrypt(iter((content,)), [identity.recipient()], sign_stanzas(signing, "shop/piece")))
    assert b"\n-> drkit.signature v1 drkit1" in sealed
    assert run_age(tmp_path, "-d", "-i", "identity", given=sealed) == content
    opened = age.decrypt(iter((sealed,)), [identity], check_stanzas([signing.signer()], "shop/piece"))
    assert b"".join(opened) == content


def test_age_opens_a_file_with_an_identity_that_we_locked(tmp_path: Path, identity: age.Identity) -> None:
    locked = age.lock_identities((tmp_path / "identity").read_bytes(), PASSPHRASE)
    (tmp_path / "locked").write_bytes(locked)
    (tmp_path / "sealed").write_bytes(b"".join(age.encrypt(iter((b"content",)), [identity.recipient()])))
    run_on_terminal(tmp_path, "age", "-d", "-i", "locked", "-o", "opened", "sealed", answers=1)
    assert (tmp_path / "opened").read_bytes() == b"content"


def test_we_open_an_identity_that_age_locked(tmp_path: Path, identity: age.Identity) -> None:
    run_on_terminal(tmp_path, "age", "-p", "-o", "locked", "identity", answers=2)
    assert age.parse_identities((tmp_path / "locked").read_bytes(), lambda: PASSPHRASE) == [identity]


def test_age_keygen_and_we_agree_on_keys(tmp_path: Path, identity: age.Identity) -> None:
    told = subprocess.run(["age-keygen", "-y", "identity"], cwd=tmp_path, capture_output=True, check=True, text=True)
    assert told.stdout.strip() == str(identity.recipient())
    made = subprocess.run(["age-keygen"], capture_output=True, check=True)
    assert len(age.parse_identities(made.stdout, lambda: "")) == 1
