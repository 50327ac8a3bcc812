"""A throw-away PostgreSQL server: in a temporary folder, on a socket in it, and gone with the block.

It must not know what it is for.
"""

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from drkit.engines.postgres.programs import Programs, find_programs
from drkit.errors import NotRestorable, UsageError

USER = "shop"
_PATIENCE = 30.0
_LONGEST = 60  # what is left for the name of a socket, which is short in any system
_SETTINGS = {
    "listen_addresses": "",
    "fsync": "off",
    "max_connections": "30",
    "shared_buffers": "32MB",
    # what a killed server leaves behind lies in its own folder
    "dynamic_shared_memory_type": "mmap",
}
_HINT = "install PostgreSQL's server package, or see the demo with --kind sqlite"


@dataclass(frozen=True, slots=True)
class Servant:
    """The programs of a server, the user that runs them, as it refuses to run as root, and a folder that he reaches."""

    programs: Programs
    user: pwd.struct_passwd | None
    place: Path

    def command(self, program: str, *arguments: str) -> list[str]:
        return [*_as(self.user), self.programs.path(program), *arguments]


def find_servant() -> Servant:
    """The newest server that can be run here; UsageError says why there is none."""
    whole = [each for each in find_programs() if all((each.folder / name).exists() for name in ("initdb", "postgres"))]
    newest = sorted(whole, key=lambda each: (each.major, each.minor), reverse=True)
    if not newest:
        raise UsageError("PostgreSQL's server programs are not here", _HINT)
    users = [None] if os.getuid() else list(_other_users())
    for programs in newest:
        for user in users:
            for place in (Path(tempfile.gettempdir()), Path("/tmp")):  # noqa: S108  a folder of ours is made in it
                if len(str(place)) <= _LONGEST and _runs(_trial(user, programs, place), programs):
                    return Servant(programs, user, place)
    raise UsageError("PostgreSQL's server does not run as root, and no other user here can run it", _HINT)


def _trial(user: pwd.struct_passwd | None, programs: Programs, place: Path) -> list[str]:
    script = '"$1" --version && test -x "$2"'
    return [*_as(user), "sh", "-c", script, "sh", programs.path("postgres"), str(place)]


@contextmanager
def throw_away_server(servant: Servant) -> Iterator[Path]:
    """The folder of its socket. Its superuser is `USER`, without a password: nobody else gets at the socket."""
    with tempfile.TemporaryDirectory(prefix="drkit-demo-", dir=servant.place) as home:
        data, socket, log = (Path(home, name) for name in ("data", "socket", "log"))
        Path(home).chmod(0o711)
        for folder in (data, socket):
            folder.mkdir(0o700)
            if servant.user:
                os.chown(folder, servant.user.pw_uid, servant.user.pw_gid)
        options = (f"--username={USER}", "--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync")
        _run(servant.command("initdb", "-D", str(data), *options), servant, Path(home))
        settings = [f"-c{name}={value}" for name, value in _SETTINGS.items()]
        command = servant.command("postgres", "-D", str(data), "-k", str(socket), *settings)
        with log.open("wb") as out, _running(command, servant, out.fileno(), Path(home)) as server:
            _await_answer(servant, socket, server, log)
            yield socket


@contextmanager
def _running(command: list[str], servant: Servant, log: int, home: Path) -> Iterator["subprocess.Popen[bytes]"]:
    """In a process group of its own, so that Ctrl-C reaches it when we end it, not before."""
    environment = _environment(servant.programs)
    with subprocess.Popen(command, stdout=log, stderr=log, cwd=home, env=environment, process_group=0) as server:
        try:
            yield server
        finally:
            server.send_signal(signal.SIGQUIT)  # at once: nothing of it is kept
            with suppress(subprocess.TimeoutExpired):
                server.wait(_PATIENCE)
            server.kill()


def _await_answer(servant: Servant, socket: Path, server: "subprocess.Popen[bytes]", log: Path) -> None:
    asked = [servant.programs.path("psql"), "-XqAt", f"host={socket} user={USER} dbname=postgres", "-c", "select 1"]
    give_up_at = time.monotonic() + _PATIENCE
    while not _runs(asked, servant.programs):
        if server.poll() is not None or time.monotonic() > give_up_at:
            raise NotRestorable(f"the demo's PostgreSQL does not start: {log.read_text(errors='replace')}", _HINT)
        time.sleep(0.05)


def _other_users() -> Iterator[pwd.struct_passwd]:
    if shutil.which("setpriv"):
        for name in ("postgres", "nobody"):
            with suppress(KeyError):
                yield pwd.getpwnam(name)


def _as(user: pwd.struct_passwd | None) -> list[str]:
    return ["setpriv", f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups", "--"] if user else []


def _runs(command: Sequence[str], programs: Programs) -> bool:
    return subprocess.run(command, capture_output=True, cwd="/", env=_environment(programs)).returncode == 0


def _run(command: Sequence[str], servant: Servant, home: Path) -> None:
    done = subprocess.run(
        command, capture_output=True, cwd=home, env=_environment(servant.programs), text=True, errors="replace"
    )
    if done.returncode:
        raise NotRestorable(f"the demo's PostgreSQL cannot be made: {done.stderr.strip()}", _HINT)


def _environment(programs: Programs) -> dict[str, str]:
    own = {name: value for name, value in os.environ.items() if not name.startswith(("PG", "DRKIT_", "AWS_"))}
    return own | {"LC_ALL": "C"} | programs.environment
