"""A git repository as a source of backups: the port, and nothing of its own.

It must not know how a repository is read or put back.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

from drkit.disk.publish import check_place
from drkit.disk.scratch import scratch_folder
from drkit.engines.git.byhand import spell
from drkit.engines.git.capture import FACTS, REFS, capture
from drkit.engines.git.drill import prove
from drkit.engines.git.findings import look_ahead
from drkit.engines.git.options import GitOptions
from drkit.engines.git.origin import Origin
from drkit.engines.git.program import find_version
from drkit.engines.git.restore import read_facts_of, read_refs_of, restore
from drkit.errors import NotRestorable, UsageError
from drkit.model import Answer, Captured, Check, Finding, Manifest, Piece, Restored, Scratch, Wishes
from drkit.ports import Begin, Clock, Effort, Footing, Load


def _alone() -> Footing | None:
    """No capture before that this one could rest on."""


class GitEngine:
    """`origin` says where the repository is, and is asked only when it is needed; so is `footing`, for the capture that
    the next one may rest on. Drills restore into `scratch`, or else where the system has its temporary files."""

    kind = "git"
    effort = Effort.TEXT  # packs are deflated already
    reads_back = frozenset({REFS, FACTS})

    def __init__(
        self,
        origin: Callable[[], Origin],
        options: GitOptions = GitOptions(),  # noqa: B008  frozen
        footing: Callable[[], Footing | None] = _alone,
        scratch: Path | None = None,
        *,
        clock: Clock,
    ) -> None:
        self._origin = origin
        self._options = options
        self._footing = footing
        self._scratch = scratch
        self._clock = clock

    def capture(self, begin: Begin) -> Captured:
        return capture(self._origin(), self._options, begin, self._footing, self._clock)

    def check(self) -> Iterator[Finding]:
        return look_ahead(self._origin(), self._options)

    def check_target(self, target: str, wishes: Wishes) -> None:
        wishes.insist_on_whole(self.kind)
        check_place(Path(target), wishes.swap)

    def restore(self, manifest: Manifest, load: Load, target: str, wishes: Wishes) -> Restored:
        return restore(manifest, load, Path(target), wishes.swap, self._clock)

    @contextmanager
    def scratch(self, manifest: Manifest, _load: Load) -> Iterator[Scratch]:
        version = find_version(NotRestorable)
        with scratch_folder(self._scratch, manifest.plain_bytes) as folder:
            place = f"the folder {folder}"
            yield Scratch(str(folder / "restored.git"), place, tools={"git": f"{version[0]}.{version[1]}"})

    def prove(self, manifest: Manifest, load: Load, target: str) -> Iterator[Check]:
        return prove(Path(target), read_refs_of(manifest, load), read_facts_of(manifest, load))

    def ask(self, target: str, question: str, _timeout: timedelta) -> Answer:
        raise UsageError(
            f"{target} is a repository, and SQL cannot be asked of it ({question})", "use a command instead"
        )

    def by_hand(self, manifest: Manifest, fetch: Callable[[Piece], str], target: str) -> list[str]:
        return spell(manifest, fetch, target)
