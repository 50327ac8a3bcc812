"""A repository to be read: a folder here as it is, or a mirror of a URL that is cloned for this once.

It must not know what is read of it.
"""

import os
import shlex
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from drkit.disk.private import private_folder
from drkit.disk.removal import remove_tree
from drkit.engines.git.origin import Origin, Remote
from drkit.engines.git.program import Git, environment, run
from drkit.errors import CaptureError, SourceUnavailable
from drkit.secrecy import remember
from drkit.streams.process import Failure, Family

_PREFIX = "drkit-git-"
# How a machine reaches others, for those who need it.
_WAYS = ("https_proxy", "HTTPS_PROXY", "no_proxy", "NO_PROXY", "GIT_SSL_CAINFO", "SSL_CERT_FILE", "SSH_AUTH_SOCK")
# A server that has gone silent is not waited for.
_SSH = ("ssh", *(f"-o{each}" for each in ("BatchMode=yes", "ConnectTimeout=30", "ServerAliveInterval=15")))
_MANNERS = {
    "credential.helper": "",
    "http.followRedirects": "initial",
    "http.lowSpeedLimit": "1",
    "http.lowSpeedTime": "60",
}
# Git asks for them by this, so that they stand in no file and on no command line.
_HELPER = (
    '!f() { test "$1" = get && printf "username=%s\\npassword=%s\\n" "$DRKIT_GIT_USER" "$DRKIT_GIT_PASSWORD"; }; f'
)


@dataclass(frozen=True, slots=True)
class Repository:
    """`git` works in its git directory; `form` is that of its objects' names."""

    git: Git
    form: str

    @property
    def objects(self) -> Path:
        return self.git.folder / "objects"

    @property
    def lfs(self) -> Path:
        return self.git.folder / "lfs" / "objects"

    @property
    def work_trees(self) -> int:
        """How many there are besides the first one."""
        folder = self.git.folder / "worktrees"
        return sum(1 for _ in folder.iterdir()) if folder.is_dir() else 0


@contextmanager
def workplace(spool: Path | None) -> Iterator[Path]:
    """A private folder for what a capture makes for itself, removed in every case."""
    place = spool or Path(os.environ.get("TMPDIR") or "/tmp")  # noqa: S108  private below it
    try:
        with private_folder(place, _PREFIX, remove_tree) as folder:
            yield folder
    except OSError as error:
        raise CaptureError(
            f"{place} cannot hold what a capture needs: {error.strerror}",
            "let `spool`, or TMPDIR, name a folder with room: for the source's URL, of the size of a whole clone",
        ) from error


def open_repository(origin: Origin, children: Family, folder: Path) -> Repository:
    """`folder` is where a mirror may be made."""
    found = _clone(origin, folder) if isinstance(origin, Remote) else _locate(origin)
    git = Git(found, children)
    form = git.demand("rev-parse", "--show-object-format", failure=_no_repository(origin)).decode().strip()
    if (found / "shallow").exists():
        raise CaptureError(
            f"{origin} is a shallow clone: the history below its end is not there", "run `git fetch --unshallow` in it"
        )
    if git.ask("config", "--get-regexp", r"^(extensions\.partialclone|remote\..*\.promisor)$").status == 0:
        raise CaptureError(
            f"{origin} is a partial clone: some of its objects are only where it was cloned from",
            "back up that one by its `url`, or make a full clone",
        )
    return Repository(git, form)


def reach(remote: Remote, folder: Path) -> None:
    """SourceUnavailable where it does not answer, or refuses."""
    _run(remote, folder, "ls-remote", "--quiet", "--symref", "--", remote.url, "HEAD")


def _locate(path: Path) -> Path:
    """The git directory that all work trees share. A folder inside another repository is none."""
    if not path.is_dir():
        raise CaptureError(f"{path} is no folder", "check `path`, and that drkit runs where its disk is mounted")
    variables = environment(GIT_CEILING_DIRECTORIES=str(path.resolve().parent))
    words = ["git", "-C", str(path), "rev-parse", "--path-format=absolute", "--git-common-dir"]
    said = run(words, variables)
    if said.status:
        raise _no_repository(path)(said.status, said.err)
    return Path(os.fsdecode(said.out.removesuffix(b"\n")))


def _clone(remote: Remote, folder: Path) -> Path:
    """All refs of one answer of the server. It is not fsck'd: what is odd in somebody's history must be kept, too."""
    mirror = folder / "mirror.git"
    _run(remote, folder, "clone", "--quiet", "--mirror", "--template=", "--", remote.url, str(mirror))
    return mirror


def _run(remote: Remote, folder: Path, *words: str) -> None:
    said = run(["git", *words], _variables(remote, folder))
    if said.status:
        raise SourceUnavailable(
            f"{remote} cannot be read: {said.err or f'git ended with status {said.status}'}",
            "check the URL, and what stands for user and password or key: a token needs the right to read",
        )


def _variables(remote: Remote, folder: Path) -> dict[str, str]:
    ways = {name: os.environ[name] for name in _WAYS if name in os.environ}
    ways |= {"GIT_ALLOW_PROTOCOL": remote.protocol, "GIT_SSH_COMMAND": _spell_ssh(remote, folder)}
    configuration: Mapping[str, str] = _MANNERS
    if remote.password or remote.user:
        remember(remote.password or remote.user)
        # for that host alone: whoever it redirects to learns nothing
        configuration = {**configuration, f"credential.{_base(remote.url)}.helper": _HELPER}
        ways |= {"DRKIT_GIT_USER": remote.user or "git", "DRKIT_GIT_PASSWORD": remote.password}
    return environment(configuration, **ways)


def _base(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


def _spell_ssh(remote: Remote, folder: Path) -> str:
    """A secret that is mounted may be readable for a group, which ssh refuses; so it gets a file of ours."""
    words = list(_SSH)
    if remote.key:
        words += ["-o", "IdentitiesOnly=yes", "-i", _write(folder / "key", remote.key)]
    if remote.hosts:
        file = _write(folder / "hosts", remote.hosts)
        words += ["-o", "StrictHostKeyChecking=yes", "-o", f"UserKnownHostsFile={file}"]
    return shlex.join(words)


def _write(file: Path, text: str) -> str:
    file.touch(0o600)
    file.write_text(text.strip() + "\n")
    return str(file)


def _no_repository(origin: Origin) -> Failure:
    def failure(_: int, words: str) -> CaptureError:
        return CaptureError(
            f"{origin} is no git repository: {words}", "name the repository itself, bare or with its files"
        )

    return failure
