"""A folder of files as a source of backups: both directions, as the `Engine` port has them.

Knows the order of things; how files become a stream and come out of it is told in the rooms beside.
"""

import os
import shlex
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from datetime import timedelta
from pathlib import Path
from typing import IO

from drkit.disk.folders import Folders
from drkit.disk.publish import PARTIAL, check_place, flush, publish, unfinished
from drkit.disk.scratch import scratch_folder
from drkit.engines.files.drill import prove
from drkit.engines.files.intake import Intake
from drkit.engines.files.pack import Packing
from drkit.engines.files.patterns import parse_selection
from drkit.engines.files.remarks import Remarks
from drkit.engines.files.survey import survey
from drkit.engines.files.unpack import Unpacking
from drkit.errors import CaptureError, IntegrityError, NotRestorable, UsageError
from drkit.model import Answer, Captured, Check, Finding, Manifest, Piece, Restored, Scratch, Wishes
from drkit.ports import Begin, Clock, Effort, Load

FILES = "files"
INDEX = "index"

_CHUNK = 1 << 20
_TICK = 0.02


class FilesEngine:
    """`path` is a folder, or a link to one; for a single file name its folder and `include` the file.

    Files are read one after the other, so there is no one state of the whole: the moment of a capture is its start.
    A file that changed later was read as it was when its turn came; it is flagged in the index and named in the notes.
    Drills restore into `scratch`, or else where the system has its temporary files.
    """

    kind = "files"
    effort = Effort.ANYTHING
    reads_back: frozenset[str] = frozenset()

    def __init__(
        self,
        path: Path,
        include: tuple[str, ...] = (),
        exclude: tuple[str, ...] = (),
        scratch: Path | None = None,
        *,
        clock: Clock,
    ) -> None:
        self._path = path
        self._scratch = scratch
        self._selection = parse_selection(include, exclude)
        self._clock = clock

    def capture(self, begin: Begin) -> Captured:
        remarks = Remarks()
        with closing(self._open()) as folders, _open_index() as index:
            began_ns = _begin_tick()
            save = begin(self._clock())
            packing = Packing(folders, began_ns, index, remarks)
            files = save(FILES, packing.chunks(self._selection))
            index.seek(0)
            listing = save(INDEX, iter(lambda: index.read(_CHUNK), b""))
        return Captured((files, listing), tuple(remarks.sentences()))

    def check_target(self, target: str, wishes: Wishes) -> None:
        wishes.insist_on_whole(self.kind)
        check_place(Path(target), wishes.swap)

    def restore(self, manifest: Manifest, load: Load, target: str, wishes: Wishes) -> Restored:
        place = Path(target)
        check_place(place, wishes.swap)
        pieces = {piece.name: piece for piece in manifest.pieces}
        if not {FILES, INDEX} <= pieces.keys():
            raise IntegrityError(f"The backup {manifest.id} does not have the pieces of a backup of files.")
        with (
            _our_errors(target),
            unfinished(place) as (partial, fd),
            closing(Folders(os.dup(fd))) as folders,
            tempfile.TemporaryFile(dir=place.parent) as index,
        ):
            for chunk in load(pieces[INDEX]):
                index.write(chunk)
            unpacking = Unpacking(folders, index)
            unpacking.run(Intake(load(pieces[FILES])))
            flush(fd)
            kept = publish(partial, place, wishes.swap, self._clock())
        return Restored(str(place), None if kept is None else str(kept), unpacking.notes())

    @contextmanager
    def scratch(self, manifest: Manifest, _load: Load) -> Iterator[Scratch]:
        with scratch_folder(self._scratch, manifest.plain_bytes) as folder:
            yield Scratch(str(folder / "restored"), f"the folder {folder}")

    def prove(self, manifest: Manifest, load: Load, target: str) -> Iterator[Check]:
        pieces = {piece.name: piece for piece in manifest.pieces}
        return prove(Path(target), load(pieces[INDEX]))

    def ask(self, target: str, question: str, _timeout: timedelta) -> Answer:
        raise UsageError(f"{target} is a folder, and SQL cannot be asked of it ({question})", "use a command instead")

    def by_hand(self, manifest: Manifest, fetch: Callable[[Piece], str], target: str) -> list[str]:
        files = next(piece for piece in manifest.pieces if piece.name == FILES)
        place, partial = shlex.quote(target), shlex.quote(target + PARTIAL)
        return [
            f"test ! -e {place}  # what exists is not overwritten",
            f"rm -rf -- {partial}",
            f"mkdir -- {partial}",
            f"{fetch(files)} | tar --extract --preserve-permissions --numeric-owner --file=- --directory={partial}",
            f"mv -T -- {partial} {place}",
        ]

    def check(self) -> Iterator[Finding]:
        try:
            folders = self._open()
        except CaptureError as error:
            yield Finding("folder", passed=False, detail=str(error), hint=error.hint)
            return
        with closing(folders):
            yield from survey(self._path, folders, self._selection)

    def _open(self) -> Folders:
        try:
            return Folders(os.open(self._path, os.O_RDONLY | os.O_DIRECTORY))
        except NotADirectoryError as error:
            raise CaptureError(
                f"{self._path} is not a folder.", hint="Name the folder as `path` and the file in `include`."
            ) from error
        except OSError as error:
            raise CaptureError(
                f"The folder {self._path} cannot be read: {error.strerror}.",
                hint="Check the path, and that drkit runs where it is mounted and as a user who may read it.",
            ) from error


def _begin_tick() -> int:
    """A time that files changed from now on are stamped later than. The kernel stamps them by a clock that may tick
    only a hundred times a second, so a change right after this moment could bear a time before it."""
    began_ns = time.time_ns()
    time.sleep(_TICK)
    return began_ns


@contextmanager
def _open_index() -> Iterator[IO[bytes]]:
    try:
        index = tempfile.TemporaryFile()  # noqa: SIM115  closed below, where its last flush may fail
    except OSError as error:
        raise CaptureError(
            f"There is no folder for temporary files: {error.strerror}.",
            hint="Set TMPDIR to a folder with room: about 300 bytes for each file of the source.",
        ) from error
    try:
        yield index
    finally:
        # Closing flushes once more; what did not fit was told of when it was written.
        with suppress(OSError):
            index.close()


@contextmanager
def _our_errors(target: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise NotRestorable(
            f"{target} cannot be written: {error.strerror}.",
            hint="Check the room on its disk and who may write in the folder above it.",
        ) from error
