"""PostgreSQL's own programs: which are here, of which version, and which one suits a server."""

import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from drkit.errors import CaptureError, DrkitError, UsageError

_VERSION = re.compile(rb"\(PostgreSQL\) (\d+)(?:\.(\d+))?")
_HOLES = "CVE-2025-8714, CVE-2025-8715"
UPDATE = "update the package of PostgreSQL's client programs"
_MENDED = {14: 19, 15: 14, 16: 10, 17: 6}
_PLACES = ("usr/lib/postgresql/*/bin", "usr/pgsql-*/bin", "usr/local/pgsql/bin")


@dataclass(frozen=True, slots=True)
class Programs:
    """A folder with pg_dump, pg_restore and psql of one version."""

    folder: Path
    major: int
    minor: int

    def path(self, name: str) -> str:
        return str(self.folder / name)

    @property
    def environment(self) -> dict[str, str]:
        """For a build that carries its libraries in a folder beside its programs."""
        libraries = self.folder.parent / "lib"
        return {"LD_LIBRARY_PATH": str(libraries)} if list(libraries.glob("libpq.so*")) else {}


def find_programs(configured: Path | None = None) -> list[Programs]:
    """Every complete set: only the configured folder's, or else those on PATH and where packages put them."""
    folders = (
        [configured] if configured else [*(each for place in _PLACES for each in Path("/").glob(place)), *_on_path()]
    )
    unique = {folder.resolve(): None for folder in folders}
    return [found for folder in unique if (found := _look(folder))]


def choose_programs(found: list[Programs], server_major: int, failure: type[DrkitError] = CaptureError) -> Programs:
    """The server's own major, or else the nearest newer one; an older client cannot read a newer server."""
    fitting = sorted((each for each in found if each.major >= server_major), key=lambda each: (each.major, -each.minor))
    if fitting:
        return fitting[0]
    versions = sorted({(each.major, each.minor) for each in found})
    have = ", ".join(f"{major}.{minor}" for major, minor in versions) or "none"
    raise failure(
        f"the server is PostgreSQL {server_major}, and pg_dump of that version or newer is not here (found: {have})",
        f'install postgresql-client-{server_major}, or name its folder: programs = "/path/to/bin"',
    )


def refuse_holes(programs: Programs, trusted: bool) -> list[str]:
    """UsageError where a dump of doubtful origin would meet them; a note where it is one's own."""
    holes = known_holes(programs)
    if holes and not trusted:
        raise UsageError(f"the source is not trusted, and {holes}", UPDATE)
    return [holes] if holes else []


def known_holes(programs: Programs) -> str | None:
    mended = _MENDED.get(programs.major, 0)
    if programs.minor >= mended:
        return None
    return (
        f"pg_restore {programs.major}.{programs.minor} in {programs.folder} lets a hostile dump run commands"
        f" ({_HOLES}); {programs.major}.{mended} and newer do not"
    )


def _on_path() -> list[Path]:
    found = shutil.which("pg_dump")
    # Debian's wrapper picks a version by rules of its own; what it picks from was found already
    return [Path(found).parent] if found and Path(found).resolve().name != "pg_wrapper" else []


def _look(folder: Path) -> Programs | None:
    if not all(os.access(folder / name, os.X_OK) for name in ("pg_dump", "pg_restore", "psql")):
        return None
    candidate = Programs(folder, 0, 0)
    inherited = {name: os.environ[name] for name in ("PATH", "LD_LIBRARY_PATH") if name in os.environ}
    try:
        done = subprocess.run(
            [candidate.path("pg_dump"), "--version"],
            capture_output=True,
            stdin=subprocess.DEVNULL,
            env=inherited | candidate.environment,
            check=False,
        )
    except OSError:  # built for another machine
        return None
    match = _VERSION.search(done.stdout)
    return Programs(folder, int(match[1]), int(match[2] or 0)) if match else None
