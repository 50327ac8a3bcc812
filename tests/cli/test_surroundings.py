"""Others on the same machine: what they could change or read is refused, and nothing of ours is left for them."""

import os
import resource
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from cli.conftest import Shop, copy_shop
from cli_runner import await_bytes_in


@pytest.fixture
def open_shop(captured: Callable[[], Path]) -> Iterator[Shop]:
    """Where everybody may pass: pytest's own folders are closed to others, so nothing in them is in their reach."""
    with TemporaryDirectory(prefix="drkit-open-") as folder:
        Path(folder).chmod(0o755)
        shop = copy_shop(captured(), Path(folder, "shop"))
        for each in (shop.folder, shop.folder / "schedules", shop.folder / "keys"):
            each.chmod(0o755)
        yield shop


@pytest.mark.parametrize("what", ["schedules/shop.toml", "schedules", "keys/signer", "keys/recipient", "keys"])
def test_what_everybody_can_write_configures_nothing(open_shop: Shop, what: str) -> None:
    path = open_shop.folder / what
    mode = path.stat().st_mode
    path.chmod(mode | 0o002)
    done = open_shop.drkit("backup", "now")
    assert done.code == 3
    [error] = done.errors
    assert str(path.name) in error["message"] and "can be written by everybody" in error["message"]
    assert f"chmod o-w {path}" in error["hint"]
    path.chmod(mode | 0o020)  # a group is somebody's choice
    open_shop.drkit.ok("backup", "now")


def test_a_daemon_takes_no_schedule_that_everybody_can_write(open_shop: Shop) -> None:
    open_shop.schedule.chmod(0o666)
    done = open_shop.drkit("daemon")
    assert done.code == 3
    assert "can be written by everybody" in done.errors[0]["message"]


def test_what_lies_below_a_closed_folder_is_in_nobody_s_reach(open_shop: Shop) -> None:
    open_shop.schedule.chmod(0o666)
    open_shop.folder.chmod(0o700)
    open_shop.drkit.ok("backup", "now")


def test_what_is_mounted_read_only_may_look_as_it_likes(open_shop: Shop) -> None:
    """As the volumes of Kubernetes do: their folders are 0777, and nobody can write there."""
    folder = open_shop.schedule.parent
    open_shop.schedule.chmod(0o666)
    folder.chmod(0o777)
    mount = f'mount --bind "{folder}" "{folder}" && mount -o remount,bind,ro "{folder}" && exec "$@"'
    apart = ("unshare", "--user", "--map-root-user", "--mount")
    done = subprocess.run(
        [*apart, "sh", "-c", mount, "sh", sys.executable, "-m", "drkit", "backup", "now"],
        cwd=open_shop.folder,
        env=dict(open_shop.drkit.environment),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert open_shop.drkit("backup", "now").code == 3


@pytest.mark.parametrize(("name", "words"), [("signing", "backup now"), ("identity", "restore --to restored.db")])
def test_a_private_key_of_ours_that_everybody_can_read_is_refused(open_shop: Shop, name: str, words: str) -> None:
    key = open_shop.folder / "keys" / name
    key.chmod(0o644)
    done = open_shop.drkit(*words.split())
    assert done.code == 3
    assert "is a private key, and everybody on this machine can read it" in done.errors[0]["message"]
    assert f"chmod 600 {key}" in done.errors[0]["hint"]
    key.chmod(0o640)
    open_shop.drkit.ok(*words.split())


def test_a_private_key_of_somebody_else_that_everybody_can_read_is_told_by_check(open_shop: Shop) -> None:
    if os.geteuid() != 0:  # only root can give a file away, and see this
        return
    key = open_shop.folder / "keys" / "signing"
    os.chown(key, 54321, 54321)
    key.chmod(0o644)
    open_shop.drkit.ok("backup", "now")
    told = open_shop.drkit.ok("check").out
    assert "everybody on this machine can read file:../keys/signing" in told


def test_a_crash_leaves_no_core_of_drkit_and_of_what_it_starts(shop: Shop) -> None:
    """With cores allowed to who starts it."""
    _, most = resource.getrlimit(resource.RLIMIT_CORE)
    with shop.with_tree(megabytes=160), shop.drkit.running("backup", "now", "shop/tree") as child:
        await_bytes_in(shop.folder / "backups" / ".incoming", child)
        limits = Path(f"/proc/{child.pid}/limits").read_text()
        child.send_signal(signal.SIGSEGV)
        assert child.wait() == -signal.SIGSEGV
    [line] = [line for line in limits.splitlines() if line.startswith("Max core file size")]
    assert line.split()[4:6] == ["1", "1"] if most else ["0", "0"]
    assert not list(shop.folder.rglob("core*"))


def test_what_drkit_makes_is_closed_to_others_whatever_the_umask(open_shop: Shop) -> None:
    """Keys, the store, and what lies in temporary folders meanwhile."""
    code = "import os, sys; os.umask(0); os.execv(sys.executable, [sys.executable, '-m', 'drkit', *sys.argv[1:]])"
    done = open_shop.drkit.python("-c", code, "backup", "now")
    assert done.code == 0, done
    assert open_shop.drkit.python("-c", code, "keys", "new", "--out", "more").code == 0
    private = [path for path in (open_shop.folder / "backups").rglob("*") if ".incoming" not in path.parts]
    private += [open_shop.folder / "more", *(open_shop.folder / "more" / name for name in ("identity", "signing"))]
    made = [path for path in private if path.stat().st_mtime > open_shop.schedule.stat().st_mtime]
    assert made
    assert {path: oct(path.stat().st_mode & 0o077) for path in made if path.stat().st_mode & 0o077} == {}
