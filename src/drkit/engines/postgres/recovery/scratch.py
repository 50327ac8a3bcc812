"""A throw-away copy of a whole server: its files in a private folder, the log replayed, and all of it gone afterwards.

Kept from the world as every scratch server is. It must not know what is asked of it then.
"""

import os
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from urllib.parse import quote, urlencode

from drkit.disk.scratch import scratch_folder
from drkit.engines.postgres.dsn import parse_dsn
from drkit.engines.postgres.programs import Programs
from drkit.engines.postgres.recovery.build import Site, build, read_facts
from drkit.engines.postgres.recovery.extract import TABLESPACE_MAP, Owner
from drkit.engines.postgres.recovery.feed import feeding
from drkit.engines.postgres.recovery.serverfacts import ServerFacts
from drkit.engines.postgres.recovery.servers import find_server
from drkit.engines.postgres.recovery.settings import AUTO, SIGNAL, recovery_settings, stripped
from drkit.engines.postgres.recovery.stop import find_stop
from drkit.engines.postgres.recovery.waiting import Reached, await_recovery
from drkit.engines.postgres.recovery.wal import WalReader
from drkit.engines.postgres.scratch.cluster import PORT, Cluster, lay_out
from drkit.engines.postgres.scratch.confinement import confine
from drkit.engines.postgres.scratch.memory import usable_memory
from drkit.engines.postgres.scratch.server import last_words, running
from drkit.engines.postgres.scratch.settings import loading_settings
from drkit.errors import NotRestorable
from drkit.model import Check, Restored
from drkit.ports import Load
from drkit.restore.travel import Travel

_FEED = "log-feed"
_LOG = 1 << 30  # room for files of log on their way
# A server that replays must have as much of these as the one that wrote, or it stops.
_AT_LEAST = ("max_connections", "max_locks_per_transaction", "max_prepared_transactions", "max_worker_processes")


@dataclass
class ScratchCluster:
    """`restore` fills it and starts it; it serves until the block is left that it came from."""

    cluster: Cluster
    facts: ServerFacts
    life: ExitStack = field(repr=False)
    reached: Reached | None = None

    @property
    def target(self) -> str:
        return self.dsn(self.facts.database)

    def dsn(self, database: str) -> str:
        where = urlencode({"host": str(self.cluster.socket), "port": PORT}, quote_via=quote)
        return f"postgresql://{quote(self.facts.superuser, safe='')}@/{quote(database, safe='')}?{where}"

    def describe(self, now: datetime) -> str:
        programs = self.cluster.programs
        version = f"{programs.major}.{programs.minor}"
        since = now.isoformat(timespec="seconds")
        return f"a throw-away PostgreSQL {version} in {self.cluster.folder}, {self.cluster}, since {since}"

    def restore(self, travel: Travel, load: Load, *, verifying: bool) -> Restored:
        base = travel.journey.way.held.base
        stretch = travel.journey.way.stretch
        started = time.monotonic()
        build(travel.manifests, load, self._site(), lambda: self.cluster.programs)
        built = time.monotonic()
        checks = (self._verify(),) if verifying else ()
        verified = time.monotonic()
        wal = WalReader(travel.book, stretch.system, stretch.legs, base.wal_segment_bytes, stretch.end)
        stop = find_stop(travel.journey, wal, pausing=False)
        self._prepare()
        names = wal.names(base.start, stretch.end)
        with feeding(self.cluster.folder / _FEED, wal.fetch, names, self._owner()) as feed:
            settings = self._settings() | recovery_settings(
                feed.command, stretch.timeline, stop.settings, pausing=False
            )
            child = self.life.enter_context(running(self.cluster, settings))
            server = parse_dsn(self.dsn("postgres"), NotRestorable)
            self.reached = await_recovery(server, feed, stop, lambda: self._last_words(child))
        ended = time.monotonic()
        phases = [("fetch_and_load", built - started), ("replay", ended - verified)]
        phases += [("verify_backup", verified - built)] if verifying else []
        return Restored(
            self.cluster.folder.name,
            phases=tuple((name, round(seconds, 3)) for name, seconds in phases),
            untested=checks,
            last_transaction=self.reached.last,
        )

    def _site(self) -> Site:
        spaces = {space: _space(self.cluster.folder, space) for space in self.facts.tablespaces}
        for folder in spaces.values():
            folder.mkdir(0o700)
            self._give(folder)
        return Site(self.cluster.data, spaces, self.cluster.folder, self._owner())

    def _prepare(self) -> None:
        """The original's own settings are left aside: they may name what is not here, or reach for what must be left
        alone."""
        for name, content in ((AUTO, ""), (SIGNAL, "")):
            path = self.cluster.data / name
            path.write_text(content)
            self._give(path)
        config = self.cluster.folder / "postgresql.conf"
        config.write_text("")
        config.chmod(0o644)

    def _settings(self) -> dict[str, str]:
        major = self.facts.major
        own = loading_settings(major, usable_memory()) | stripped(major)
        for name in _AT_LEAST:
            own[name] = str(max(int(own.get(name, "0")), int(self.facts.settings.get(name, "0"))))
        return own | {
            "config_file": str(self.cluster.folder / "postgresql.conf"),
            "hot_standby": "off",
            # a subscription would take from the original's publisher what is the original's
            "max_logical_replication_workers": "0",
        }

    def _verify(self) -> Check:
        """By the server's own program: that every file is what the server listed."""
        programs = self.cluster.programs
        name, expected = "pg_verifybackup", "every file as the server listed it"
        program = programs.path("pg_verifybackup")
        if not os.access(program, os.X_OK):
            return Check(name, "not testable", expected, f"there is no pg_verifybackup in {programs.folder}")
        done = subprocess.run(
            [program, "--no-parse-wal", "--quiet", f"--ignore={TABLESPACE_MAP}", str(self.cluster.data)],
            env=self.cluster.environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
        )
        said = " ".join((done.stdout + done.stderr).decode(errors="replace").split())[:500]
        return Check(name, "failed" if done.returncode else "passed", expected, said or expected)

    def _owner(self) -> Owner | None:
        user = self.cluster.confinement.user
        return None if user.pw_uid == os.geteuid() else Owner(user.pw_uid, user.pw_gid)

    def _give(self, path: Path) -> None:
        if owner := self._owner():
            os.chown(path, owner.uid, owner.gid)

    def _last_words(self, child: "subprocess.Popen[bytes]") -> str | None:
        return None if child.poll() is None else last_words(self.cluster.log)


@contextmanager
def scratch_cluster(
    travel: Travel, load: Load, programs_folder: Path | None, parent: Path | None
) -> Iterator[ScratchCluster]:
    """Empty yet. With incremental backups the files are there twice for a while."""
    facts = read_facts(travel.manifests[-1], load)
    programs: Programs = find_server(programs_folder, facts.major)
    confinement = confine()
    twice = 2 if len(travel.manifests) > 1 else 1
    with scratch_folder(parent, twice * travel.plain_bytes + _LOG) as folder, ExitStack() as life:
        places = (folder / _FEED, *(_space(folder, space) for space in facts.tablespaces))
        cluster = lay_out(folder, programs, confinement, facts.superuser).enclosed(*places)
        yield ScratchCluster(cluster, facts, life)


def _space(folder: Path, space: str) -> Path:
    return folder / f"space-{space}"
