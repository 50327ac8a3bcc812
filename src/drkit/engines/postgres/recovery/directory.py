"""A cluster of one's own in a new folder: ready to be started and to recover, or recovered already and running.

Until its last file was found to be what the server listed it lies beside the target, under a name that says so.
"""

import os
import shlex
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from drkit.disk.removal import remove_tree
from drkit.engines.postgres.programs import Programs
from drkit.engines.postgres.recovery.build import Site, build, read_facts
from drkit.engines.postgres.recovery.own_server import OWN, OwnServer
from drkit.engines.postgres.recovery.serverfacts import ServerFacts
from drkit.engines.postgres.recovery.servers import RunAs, find_server, run_as
from drkit.engines.postgres.recovery.settings import (
    AUTO,
    SIGNAL,
    missing_libraries,
    recovery_settings,
    rewrite,
    stripped,
)
from drkit.engines.postgres.recovery.stop import Stop, find_stop
from drkit.engines.postgres.recovery.unfinished import DATA, is_left, spaces_of, unfinished
from drkit.engines.postgres.recovery.waiting import Reached
from drkit.engines.postgres.recovery.wal import WalReader
from drkit.engines.postgres.scratch.cluster import PORT, check_socket
from drkit.engines.postgres.scratch.confinement import ENVIRONMENT
from drkit.errors import ConfigError, UsageError
from drkit.model import Restored, Wishes, refuse_options
from drkit.ports import Load
from drkit.restore.travel import Travel
from drkit.when import format_moment

SPOOL = "drkit-log"
_REMARK = "drkit: for the recovery, and so that this copy reaches for nothing of the original"
_MINIMAL = "# the original's lay outside of its data folder, at {place}, and is not in the backup\n"
_ADMISSION = "local all all peer\n"
# What was fetched ahead is taken at once; drkit is started for the rest. A server takes a failure for the end of the
# log unless its status is beyond 128, and only 1 says that the store has no such file.
_FETCH = 'mv -f "{spool}/%f" "%p" 2>/dev/null || {{ {fetch} %f %p; s=$?; [ $s -lt 2 ] || s=255; exit $s; }}'


def check_directory(target: str, wishes: Wishes) -> Path:
    given = {"--swap": wishes.swap, **wishes.for_dumps, "--database": wishes.database}
    hint = (
        "leave it out; or name a database by its URL, as a plain name is a folder: --to postgresql://…, --to env:NAME"
    )
    refuse_options(given, "a whole server is restored to a new folder", hint)
    path = Path(target).absolute()
    for taken in (path,) if is_left(path) else (path, spaces_of(path)):
        if os.path.lexists(taken) and (taken.is_symlink() or not taken.is_dir() or any(taken.iterdir())):
            raise UsageError(f"{taken} is there and is not an empty folder", "name a new one")
    if not path.parent.is_dir():
        raise UsageError(f"{path.parent} is no folder, so {path.name} cannot be made in it", "make it first")
    for _, new in wishes.spaces:
        folder = Path(new)
        if not folder.is_absolute() or (folder.exists() and (not folder.is_dir() or any(folder.iterdir()))):
            raise UsageError(f"{new} is not the absolute path of a new or empty folder", "name one for the tablespace")
    if wishes.start or wishes.pause:
        check_socket(path / OWN)
    return path


@dataclass
class Directory:
    """`fetching` is the command by which a server that somebody else starts gets its log: it ends with the name and the
    path that the server puts there."""

    target: Path
    programs_folder: Path | None
    fetching: Callable[[str, int, int, int], Sequence[str]]
    travel: Travel
    load: Load
    wishes: Wishes
    notes: list[str] = field(default_factory=list)

    def run(self) -> Restored:
        facts = read_facts(self.travel.manifests[-1], self.load)
        starting = self.wishes.start or self.wishes.pause
        user = run_as()
        programs = find_server(self.programs_folder, facts.major) if starting else self._programs(facts)
        began = time.monotonic()
        stretch, base = self.travel.journey.way.stretch, self.travel.journey.way.held.base
        wal = WalReader(self.travel.book, stretch.system, stretch.legs, base.wal_segment_bytes, stretch.end)
        stop = find_stop(self.travel.journey, wal, pausing=self.wishes.pause)
        with self._site(facts, user) as site:
            build(self.travel.manifests, self.load, site, lambda: find_server(self.programs_folder, facts.major))
            self._configure(site, facts, programs, stop, starting=starting)
            os.sync()
            self._publish(site)
        phases = [("fetch_and_load", time.monotonic() - began)]
        last = None
        if starting and programs:
            began = time.monotonic()
            server = OwnServer(self.target, facts, programs, user)
            reached = server.recover(wal, self.travel.journey.way, stop, pausing=self.wishes.pause)
            phases.append(("replay", time.monotonic() - began))
            self._tell(reached, facts, programs, user)
            last = reached.last
        else:
            self._tell_how(user)
        told = tuple((name, round(seconds, 3)) for name, seconds in phases)
        return Restored(
            str(self.target), notes=tuple(self.notes), phases=told, last_transaction=last, reads_on=not starting
        )

    def _programs(self, facts: ServerFacts) -> Programs | None:
        try:
            return find_server(self.programs_folder, facts.major)
        except ConfigError as error:
            self.notes.append(f"{error}: whoever starts it needs them")
            return None

    @contextmanager
    def _site(self, facts: ServerFacts, user: RunAs) -> Iterator[Site]:
        chosen = self._places(facts.tablespaces)
        with unfinished(self.target) as partial:
            data, made = partial / DATA, []
            try:
                for folder in (data, *chosen.values()):
                    made.append(folder)
                    folder.mkdir(0o700, parents=True, exist_ok=True)
                for folder in (partial, *made):
                    folder.chmod(0o700)
                    if user.owner:
                        os.chown(folder, user.owner.uid, user.owner.gid)
                yield Site(data, chosen, partial, user.owner)
            except BaseException:
                for folder in reversed(made):
                    remove_tree(folder)
                raise

    def _places(self, spaces: Mapping[str, str]) -> dict[str, Path]:
        """By the number of each. One that no place is chosen for goes beside the target, never to where it was."""
        wanted = dict(self.wishes.spaces)
        places = {}
        for space, place in spaces.items():
            new = wanted.pop(space, None) or wanted.pop(place, None)
            places[space] = Path(new) if new else spaces_of(self.target) / space
        if wanted:
            known = ", ".join(f"{space} ({place})" for space, place in spaces.items()) or "none but the usual one"
            raise UsageError(f"the server had no tablespace {min(wanted)}", f"it had {known}")
        return places

    def _configure(
        self, site: Site, facts: ServerFacts, programs: Programs | None, stop: Stop, *, starting: bool
    ) -> None:
        base, stretch = self.travel.journey.way.held.base, self.travel.journey.way.stretch
        plain = {"postgresql.conf": "config_file", "pg_hba.conf": "hba_file", "pg_ident.conf": "ident_file"}
        for name, setting in plain.items():
            if not (site.data / name).exists():
                place = facts.files.get(setting, "another place")
                self._write(site, name, _MINIMAL.format(place=place) + (_ADMISSION if name == "pg_hba.conf" else ""))
                self.notes.append(f"{name} was not in the data folder but at {place}: bring your own, this one is bare")
        settings = stripped(facts.major)
        if not starting:
            fetch = self.fetching(stretch.system, stretch.timeline, base.wal_segment_bytes, stretch.end)
            command = _FETCH.format(spool=SPOOL, fetch=shlex.join(fetch).replace("%", "%%"))
            settings |= recovery_settings(command, stretch.timeline, stop.settings, pausing=False)
            settings["recovery_end_command"] = f"rm -rf {SPOOL}"
        auto = site.data / AUTO
        text = auto.read_text("utf-8", "surrogateescape") if auto.exists() else ""
        if programs and (kept := self._libraries(site, programs)) is not None:
            settings["shared_preload_libraries"] = kept
        self._write(site, AUTO, rewrite(text, settings, _REMARK))
        self._write(site, SIGNAL, "")

    def _libraries(self, site: Site, programs: Programs) -> str | None:
        """What is to be loaded and is here, if not all of it is; the server would not start."""
        done = subprocess.run(
            [*run_as().command, programs.path("postgres"), "-D", str(site.data), "-C", "shared_preload_libraries"],
            env=ENVIRONMENT | programs.environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
        )
        places = [programs.folder.parent / place for place in ("lib", "lib/postgresql", "lib64", "lib64/pgsql")]
        kept, missing = missing_libraries(done.stdout.decode(errors="replace").strip(), places)
        if done.returncode or not missing:
            return None
        self.notes.append(f"shared_preload_libraries names what is not here, and goes without: {', '.join(missing)}")
        return kept

    def _write(self, site: Site, name: str, text: str) -> None:
        path = site.data / name
        path.write_text(text, "utf-8", "surrogateescape")
        path.chmod(0o600)
        if site.owner:
            os.chown(path, site.owner.uid, site.owner.gid)

    def _publish(self, site: Site) -> None:
        try:
            site.data.rename(self.target)
        except OSError as error:
            raise UsageError(
                f"{self.target} has come into being meanwhile: {error.strerror}", "name a new folder"
            ) from error

    def _tell(self, reached: Reached, facts: ServerFacts, programs: Programs, user: RunAs) -> None:
        last = (
            f"the last transaction in it ended at {format_moment(reached.last)}" if reached.last else "no transaction"
        )
        state = "is paused there and can be read" if reached.paused else "takes writes"
        self.notes.append(f"reached {reached.lsn}; {last}; the server {state}")
        own = self.target / OWN
        self.notes.append(f"it runs as {user.name}: psql -h {own} -p {PORT} -U {facts.superuser} {facts.database}")
        if reached.paused:
            self.notes.append("SELECT pg_promote() ends the recovery there, and it takes writes")
        control = programs.path("pg_ctl")
        self.notes.append(
            f"by its own settings it serves when it is stopped and started: {control} -D {self.target} stop"
        )

    def _tell_how(self, user: RunAs) -> None:
        self.notes.append(
            f"start it as {user.name}: pg_ctl -D {self.target} start; it fetches its log by drkit, and needs the keys"
        )
