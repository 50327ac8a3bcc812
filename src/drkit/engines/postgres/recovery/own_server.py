"""The server of a restored cluster, started to recover: its log is fed to it, and it stays when it has arrived.

It must not know how the cluster came to lie there.
"""

import os
import shlex
import subprocess
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote, urlencode

from drkit.engines.postgres.dsn import parse_dsn
from drkit.engines.postgres.programs import Programs
from drkit.engines.postgres.recovery.feed import feeding
from drkit.engines.postgres.recovery.serverfacts import ServerFacts
from drkit.engines.postgres.recovery.servers import RunAs
from drkit.engines.postgres.recovery.settings import recovery_settings, words
from drkit.engines.postgres.recovery.stop import Stop
from drkit.engines.postgres.recovery.waiting import Reached, await_recovery
from drkit.engines.postgres.recovery.wal import WalReader
from drkit.engines.postgres.scratch.cluster import PORT
from drkit.engines.postgres.scratch.confinement import ENVIRONMENT
from drkit.engines.postgres.scratch.server import last_words
from drkit.errors import NotRestorable
from drkit.restore.reach import Way

OWN = "drkit-recovery"
_BEGINNING = 10.0


@dataclass
class OwnServer:
    """It is reached through a socket alone, by this user and by its own, until it is stopped and started again."""

    data: Path
    facts: ServerFacts
    programs: Programs
    user: RunAs
    _seen: bool = False
    _began: float = 0.0

    def recover(self, wal: WalReader, way: Way, stop: Stop, *, pausing: bool) -> Reached:
        self._own.mkdir(0o700)
        self._admit()
        names = wal.names(way.held.base.start, way.stretch.end)
        with feeding(self._own / "feed", wal.fetch, names, self.user.owner) as feed:
            self._start(
                recovery_settings(feed.command, way.stretch.timeline, stop.settings, pausing=pausing)
                | {
                    "hba_file": str(self._own / "pg_hba.conf"),
                    "hot_standby": "on" if pausing else "off",
                    "ident_file": str(self._own / "pg_ident.conf"),
                    "listen_addresses": "",
                    "logging_collector": "off",
                    "max_logical_replication_workers": "0",
                    "port": str(PORT),
                    "unix_socket_directories": f'"{self._own}"',
                }
            )
            try:
                server = parse_dsn(_dsn(self._own, self.facts, "postgres"), NotRestorable)
                return await_recovery(server, feed, stop, self._last_words)
            except BaseException:
                self._control("-m", "immediate", "stop")
                raise

    @property
    def _own(self) -> Path:
        return self.data / OWN

    @property
    def _log(self) -> Path:
        return self._own / "log"

    def _admit(self) -> None:
        admission, names = self._own / "pg_hba.conf", self._own / "pg_ident.conf"
        admission.write_text("local all all peer map=drkit\n")
        users = dict.fromkeys((self.user.name if os.geteuid() else "root", self.user.name))
        names.write_text("".join(f'drkit "{name}" "{self.facts.superuser}"\n' for name in users))
        if self.user.owner:
            for path in (self._own, admission, names):
                os.chown(path, self.user.owner.uid, self.user.owner.gid)

    def _start(self, settings: Mapping[str, str]) -> None:
        self._began = time.monotonic()
        done = self._control("-W", "-l", str(self._log), "-o", shlex.join(words(settings)), "start")
        if done.returncode:
            said = done.stderr.decode(errors="replace").strip()
            raise NotRestorable(
                f"the server in {self.data} cannot be started: {said}", "look at the disk and the rights"
            )

    def _last_words(self) -> str | None:
        if self._lives():
            return None
        return last_words(self._log)

    def _lives(self) -> bool:
        with suppress(FileNotFoundError, ValueError, ProcessLookupError, IndexError):
            os.kill(int((self.data / "postmaster.pid").read_text().split()[0]), 0)
            self._seen = True
            return True
        return not self._seen and time.monotonic() - self._began < _BEGINNING

    def _control(self, *action: str) -> "subprocess.CompletedProcess[bytes]":
        command = [*self.user.command, self.programs.path("pg_ctl"), "-D", str(self.data), *action]
        return subprocess.run(
            command,
            env=ENVIRONMENT | self.programs.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            start_new_session=True,
            check=False,
        )


def _dsn(socket: Path, facts: ServerFacts, database: str) -> str:
    where = urlencode({"host": str(socket), "port": PORT}, quote_via=quote)
    return f"postgresql://{quote(facts.superuser, safe='')}@/{quote(database, safe='')}?{where}"
