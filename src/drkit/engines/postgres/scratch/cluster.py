"""The files of a throw-away server: its folders, who may enter, its data folder made by initdb.

What decides who gets in lies outside the data folder, where the server's own user cannot write.
"""

import os
import subprocess
from dataclasses import dataclass, replace
from pathlib import Path

from drkit.disk.enclosure import enclosing
from drkit.disk.scratch import DATA
from drkit.engines.postgres.programs import Programs
from drkit.engines.postgres.refusals import redact
from drkit.engines.postgres.scratch.confinement import ENVIRONMENT, Confinement
from drkit.engines.postgres.scratch.naming import naming, write_names
from drkit.errors import ConfigError, NotRestorable
from drkit.streams.process import family

PORT = 5432  # only a part of the socket's name
SUPERUSER = "postgres"
_LONGEST = 103  # bytes of a socket's path, on the strictest system


@dataclass(frozen=True, slots=True)
class Cluster:
    """`enclosure` is empty where the kernel cannot shut a program in. It comes after the name spaces: what is shut in
    may map no user into one."""

    folder: Path
    programs: Programs
    confinement: Confinement
    enclosure: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"{self.confinement}{', shut into its folder' if self.enclosure else ''}"

    @property
    def data(self) -> Path:
        return self.folder / DATA

    @property
    def socket(self) -> Path:
        return self.folder / "socket"

    @property
    def log(self) -> Path:
        return self.folder / "log"

    @property
    def admission(self) -> Path:
        return self.folder / "pg_hba.conf"

    @property
    def names(self) -> Path:
        return self.folder / "pg_ident.conf"

    @property
    def environment(self) -> dict[str, str]:
        wrapper = self.confinement.wrapper
        return ENVIRONMENT | self.programs.environment | (naming(wrapper, self.folder) if wrapper else {})

    def command(self, program: str, *words: str) -> list[str]:
        return [*self._before, self.programs.path(program), "-D", str(self.data), *words]

    @property
    def _before(self) -> tuple[str, ...]:
        return (*self.confinement.spaces, *self.enclosure, *self.confinement.change)

    def enclosed(self) -> "Cluster":
        """If the programs begin at all in there: they may be of folders that nobody foresaw."""
        readable = (self.folder, self.programs.folder.parent)
        shut = replace(self, enclosure=enclosing(readable, (self.data, self.socket)))
        try:
            tried = subprocess.run(
                [*shut._before, self.programs.path("initdb"), "--version"],
                env=self.environment,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                check=False,
            )
        except OSError:  # Python itself is out of reach
            return self
        return shut if tried.returncode == 0 else self


def make_cluster(folder: Path, programs: Programs, confinement: Confinement) -> Cluster:
    cluster = lay_out(folder, programs, confinement).enclosed()
    words = ["--username", SUPERUSER, "--encoding=UTF8", "--locale=C", "--auth=reject", "--no-sync"]

    def failure(status: int, said: str) -> NotRestorable:
        return NotRestorable(
            f"initdb made no scratch cluster in {folder} and exited with status {status}: {redact(said)}",
            f"the user {confinement.user.pw_name} must be able to reach that folder and {programs.folder}",
        )

    with family() as children:
        children.feed(cluster.command("initdb", *words), cluster.environment, failure)
    return cluster


def lay_out(folder: Path, programs: Programs, confinement: Confinement, superuser: str = SUPERUSER) -> Cluster:
    """All but the server's own files. Its user passes through the folder, and owns only what it has to write."""
    cluster = Cluster(folder, programs, confinement)
    check_socket(cluster.socket)
    user = confinement.user
    cluster.admission.write_text("local all all peer map=drkit\n")
    cluster.names.write_text(f'drkit "{confinement.owner}" "{superuser}"\n')
    if confinement.wrapper:
        write_names(folder)
    for path in (cluster.data, cluster.socket):
        path.mkdir(0o700)
    if user.pw_uid == os.geteuid():
        return cluster
    for path in (cluster.data, cluster.socket):
        os.chown(path, user.pw_uid, user.pw_gid)
    for path, mode in ((cluster.admission, 0o640), (cluster.names, 0o640), (cluster.folder, 0o710)):
        os.chown(path, -1, user.pw_gid)
        path.chmod(mode)
    return cluster


def check_socket(folder: Path) -> None:
    if len(os.fsencode(folder / f".s.PGSQL.{PORT}")) > _LONGEST:
        raise ConfigError(f"{folder} is too long a path for a server's socket", "choose a shorter folder, or TMPDIR")
