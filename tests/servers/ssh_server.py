"""OpenSSH's own server on loopback, for one key of one test."""

import os
import pwd
import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from servers.children import free_port, require, running, wait_until

_SETTINGS = """
Port {port}
ListenAddress 127.0.0.1
HostKey {folder}/host
AuthorizedKeysFile {folder}/key.pub
PidFile none
StrictModes no
UsePAM no
PasswordAuthentication no
PermitRootLogin prohibit-password
"""


@dataclass(frozen=True)
class SshServer:
    port: int
    key: Path
    hosts: Path

    def url(self, repository: Path) -> str:
        return f"ssh://{pwd.getpwuid(os.getuid()).pw_name}@127.0.0.1:{self.port}{repository}"


@contextmanager
def serve_ssh(folder: Path) -> Iterator[SshServer]:
    """`folder` is new, and holds keys of its own."""
    folder.mkdir(mode=0o700)
    for name in ("host", "key"):
        words = [require("ssh-keygen", "openssh-client"), "-q", "-t", "ed25519", "-N", "", "-f", str(folder / name)]
        subprocess.run(words, check=True)
    port, log = free_port(), folder / "log"
    (folder / "settings").write_text(_SETTINGS.format(port=port, folder=folder))
    public = " ".join((folder / "host.pub").read_text().split()[:2])
    (folder / "hosts").write_text(f"[127.0.0.1]:{port} {public}\n")
    if os.geteuid() == 0:
        Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)  # where it shuts in what talks to strangers
    program = shutil.which("sshd", path="/usr/sbin") or require("sshd", "openssh-server")
    with running([program, "-D", "-e", "-f", str(folder / "settings")], log) as child:
        wait_until(lambda: _listens(port), child, log)
        yield SshServer(port, folder / "key", folder / "hosts")


def _listens(port: int) -> bool:
    with socket.socket() as attempt:
        return attempt.connect_ex(("127.0.0.1", port)) == 0
