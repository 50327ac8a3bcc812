"""One database out of a backup of a whole server, into another server: by way of a throw-away copy, and of a dump of it
that is restored as any dump is, compared to the last row. It must not know how either is done.
"""

import re
import secrets
from contextlib import ExitStack
from datetime import datetime
from hashlib import sha256
from pathlib import Path

from drkit.engines.postgres.capture import capture
from drkit.engines.postgres.dsn import parse_dsn
from drkit.engines.postgres.options import DumpOptions
from drkit.engines.postgres.recovery.scratch import scratch_cluster
from drkit.engines.postgres.restore import Restoring
from drkit.engines.postgres.target import check_target
from drkit.errors import NotRestorable, UsageError
from drkit.model import Digest, Manifest, Piece, Restored, Wishes, refuse_options
from drkit.ports import Chunks, Clock, Load, Save
from drkit.restore.travel import Travel

_KIND = "postgres"
_SPELLED = re.compile(r"postgres(ql)?://|.*\b(dbname|host)\s*=", re.IGNORECASE)
_CHUNK = 1 << 20


def is_database(target: str) -> bool:
    return _SPELLED.match(target) is not None


def check_database(target: str, wishes: Wishes) -> None:
    given = {name: value for name, value in wishes.for_servers.items() if name != "--database"}
    refuse_options(given, "one database is restored into a server that runs")
    check_target(parse_dsn(target, NotRestorable), wishes.swap)


def restore_database(
    travel: Travel,
    load: Load,
    target: str,
    wishes: Wishes,
    programs: Path | None,
    scratch_folder: Path | None,
    clock: Clock,
) -> Restored:
    """`wishes.database` names it, or else it is the one that the source's DSN names."""
    server = parse_dsn(target, NotRestorable)
    with scratch_cluster(travel, load, programs, scratch_folder) as place, ExitStack() as life:
        replayed = place.restore(travel, load, verifying=False)
        name = wishes.database or place.facts.database
        if name not in place.facts.databases and name != place.facts.database:
            known = ", ".join(place.facts.databases)
            raise UsageError(f"the server had no database {name!r}", f"it had {known}: say --database NAME")
        files = _Files(place.cluster.folder / "dump")
        life.callback(files.remove)
        options = DumpOptions(programs=programs)
        captured = capture(parse_dsn(place.dsn(name), NotRestorable), options, files.begin, clock)
        manifest = _manifest(files.moment or clock(), captured.pieces)
        restored = Restoring(server, options, manifest, files.load, wishes, clock).run()
    phases = (*replayed.phases, *restored.phases)
    return Restored(
        restored.target,
        restored.kept_old,
        (*captured.notes, *restored.notes),
        restored.verified,
        phases,
        restored.untested,
        restored.left_out,
        replayed.last_transaction,
    )


def _manifest(moment: datetime, pieces: tuple[Piece, ...]) -> Manifest:
    token = secrets.token_hex(4)
    return Manifest(token, _KIND, _KIND, moment, moment, moment, pieces, token, "drkit")


class _Files:
    """The dump's pieces in a private folder, as they are: they go no further."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(0o700)
        self.moment: datetime | None = None

    def begin(self, moment: datetime) -> Save:
        self.moment = moment
        return self._save

    def load(self, piece: Piece) -> Chunks:
        with (self._folder / piece.key).open("rb") as file:
            yield from iter(lambda: file.read(_CHUNK), b"")

    def remove(self) -> None:
        for path in self._folder.iterdir():
            path.unlink()

    def _save(self, name: str, chunks: Chunks) -> Piece:
        digest, size = sha256(), 0
        with (self._folder / name).open("xb") as file:
            for chunk in chunks:
                file.write(chunk)
                digest.update(chunk)
                size += len(chunk)
        return Piece(name, name, size, Digest(digest.hexdigest(), size))
