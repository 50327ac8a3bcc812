"""A git repository: history that grows, tags, a branch that is forced away, and housekeeping meanwhile."""

from pathlib import Path
from time import sleep

from engines.source import OnDisk
from git_world import git, make_repository
from ledger import SLOTS, Ledger, Wrong

_PAUSE = 0.2  # a commit is a process
_TAGGED, _FORCED, _KEPT = 50, 10, 1000
_SAVE = """\
commit {ref}
mark :1
committer A <a@b.c> {number} +0000
data <<.
{text}
.
{parent}
M 100644 inline slots/{slot}
data <<.
{number}
.

"""


class Code(OnDisk):
    """Commit n has the text of n for its message. Refs that follow from it come a moment later."""

    name, spread, suffix = "code", False, ".git"

    def __init__(self, ledger: Ledger, folder: Path, restored: Path) -> None:
        super().__init__(restored)
        self.application, self.ledger = self, ledger
        self._repository = make_repository(folder / "code.git", "--bare")
        self.lines = 'kind = "git"\npath = "../code.git"\nfull_every = "10m"'

    def commit(self) -> None:
        number, _ = self.ledger.begin()
        self._save("refs/heads/main", number, "from refs/heads/main^0" if number > 1 else "")
        self.ledger.end()
        if number % _TAGGED == 0:
            git(self._repository, "tag", f"v{number}", "main")
        if number % _FORCED == 0:
            self._save("refs/heads/topic", number, "deleteall")
        if number % _KEPT == 0:
            git(self._repository, "gc", "--quiet")
        sleep(_PAUSE)

    def judge(self, target: str, since: float, until: float) -> int:
        place = Path(target)
        git(place, "fsck", "--full", "--strict")
        refs = dict(
            line.split() for line in git(place, "for-each-ref", "--format=%(refname) %(objectname)").splitlines()
        )
        ids = git(place, "rev-list", "--reverse", refs["refs/heads/main"]).splitlines() if refs else []
        texts = git(place, "log", "--reverse", "--format=%s", "main").splitlines() if refs else []
        slots = [(int(Path(name).name), number) for name, number in self._slots(place)] if refs else []
        count = self.ledger.judge_rows(list(enumerate(texts, 1)), slots)
        self.ledger.judge(count, since, until)
        self._judge_tags(refs, ids)
        self._judge_topic(place, refs, count)
        return count

    def _judge_tags(self, refs: dict[str, str], ids: list[str]) -> None:
        """All but the newest must be there, and each where it was."""
        wanted = {f"refs/tags/v{n}": ids[n - 1] for n in range(_TAGGED, len(ids) + 1, _TAGGED)}
        late = f"refs/tags/v{len(ids) - len(ids) % _TAGGED}"
        held = {name: found for name, found in refs.items() if name.startswith("refs/tags/")}
        if held not in (wanted, {name: found for name, found in wanted.items() if name != late}):
            raise Wrong(f"of {len(ids)} commits it has the tags {held}")

    def _judge_topic(self, place: Path, refs: dict[str, str], count: int) -> None:
        """The one of that count, or of the one before."""
        last = count - count % _FORCED
        texts = [self.ledger.text(n) for n in (last - _FORCED, last) if n > 0]
        if "refs/heads/topic" not in refs:
            if last > _FORCED:
                raise Wrong(f"of {count} commits it has no branch that was forced")
        elif git(place, "log", "--format=%s", "topic") not in texts:
            raise Wrong(f"of {count} commits it has a branch that was forced to something else")

    @staticmethod
    def _slots(place: Path) -> list[tuple[str, int]]:
        names = git(place, "ls-tree", "-r", "--name-only", "main").splitlines()
        asked = "".join(f"main:{name}\n" for name in names).encode()
        said = git(place, "cat-file", "--batch=%(objecttype)", given=asked).splitlines()
        return list(zip(names, (int(each) for each in said if each.isdigit()), strict=True))

    def _save(self, ref: str, number: int, parent: str) -> None:
        text = self.ledger.text(number)
        told = _SAVE.format(ref=ref, number=number, text=text, parent=parent, slot=number % SLOTS)
        git(self._repository, "fast-import", "--quiet", "--force", given=told.encode())
