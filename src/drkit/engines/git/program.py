"""Git as a child process: what it may see and do, and what its end means.

Nobody's configuration, hooks or replaced objects are heeded: a repository may be a stranger's.
"""

import os
import re
import subprocess
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from drkit.errors import CaptureError, DrkitError
from drkit.ports import Chunks
from drkit.streams.process import Failure, Family

OLDEST = (2, 35)  # heeds safe.directory and what is configured by the environment
_VERSION = re.compile(r"git version (\d+)\.(\d+)")
_NOT_STARTED = 127
# A repository may belong to somebody else, is only read, and must start nothing.
_CONFIGURATION = {
    "safe.directory": "*",
    "core.hooksPath": "/dev/null",
    "core.fsmonitor": "false",
    "core.attributesFile": "/dev/null",
    "gc.auto": "0",
    "maintenance.auto": "false",
    "submodule.recurse": "false",
    "advice.detachedHead": "false",
    "core.fsync": "none",  # what is restored is made safe as a whole, before it gets its name
}
_ENVIRONMENT = {
    "LC_ALL": "C",
    "HOME": "/nonexistent",
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": "/dev/null",
    "GIT_ATTR_NOSYSTEM": "1",
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_OPTIONAL_LOCKS": "0",
    "GIT_NO_REPLACE_OBJECTS": "1",
    "GIT_NO_LAZY_FETCH": "1",
    "GIT_ALLOW_PROTOCOL": "",
    "GIT_DEFAULT_REF_FORMAT": "files",
}
_INHERITED = ("PATH", "TMPDIR")


def environment(configuration: Mapping[str, str] | None = None, **more: str) -> dict[str, str]:
    """`configuration` adds to git's, and stands on no command line."""
    pairs = {**_CONFIGURATION, **(configuration or {})}
    told = {"GIT_CONFIG_COUNT": str(len(pairs))}
    for number, (key, value) in enumerate(pairs.items()):
        told |= {f"GIT_CONFIG_KEY_{number}": key, f"GIT_CONFIG_VALUE_{number}": value}
    inherited = {name: os.environ[name] for name in _INHERITED if name in os.environ}
    return {**inherited, **_ENVIRONMENT, **told, **more}


@dataclass(frozen=True, slots=True)
class Said:
    """How a short run ended, and what it wrote."""

    status: int
    out: bytes
    err: str


@dataclass(frozen=True, slots=True)
class Git:
    """At work in one git directory."""

    folder: Path
    children: Family
    variables: Mapping[str, str] = field(default_factory=environment, repr=False)

    def ask(self, *words: str, given: bytes = b"") -> Said:
        return run(self._command(words), self.variables, given)

    def demand(self, *words: str, given: bytes = b"", failure: Failure) -> bytes:
        said = self.ask(*words, given=given)
        if said.status:
            raise failure(said.status, said.err)
        return said.out

    def read(self, *words: str, given: IO[bytes] | None = None, failure: Failure) -> Chunks:
        return self.children.read(self._command(words), self.variables, failure, given)

    def watch(self, *words: str, chunks: Iterable[bytes], failure: Failure) -> Chunks:
        return self.children.watch(self._command(words), self.variables, failure, chunks)

    def feed(self, *words: str, chunks: Iterable[bytes], failure: Failure) -> None:
        self.children.feed(self._command(words), self.variables, failure, chunks)

    def _command(self, words: tuple[str, ...]) -> list[str]:
        return ["git", f"--git-dir={self.folder}", *words]


def run(command: list[str], variables: Mapping[str, str], given: bytes = b"") -> Said:
    try:
        done = subprocess.run(command, env=variables, input=given, capture_output=True, check=False)
    except OSError as error:
        return Said(_NOT_STARTED, b"", f"git cannot be started: {error.strerror}")
    return Said(done.returncode, done.stdout, done.stderr.decode(errors="replace").strip())


def make_repository(folder: Path, children: Family, form: str, failure: Failure) -> Git:
    """Bare and empty, with nobody's templates. `form` is that of its objects' names: sha1 or sha256."""
    words = ["git", "init", "--quiet", "--bare", "--template=", f"--object-format={form}", "--", str(folder)]
    said = run(words, environment())
    if said.status:
        raise failure(said.status, said.err)
    return Git(folder, children)


def find_version(failure: type[DrkitError] = CaptureError) -> tuple[int, int]:
    said = run(["git", "--version"], environment())
    match = _VERSION.match(said.out.decode(errors="replace"))
    if match is None:
        raise failure(f"there is no git here: {said.err or 'it does not tell its version'}", "install git")
    found = int(match[1]), int(match[2])
    if found < OLDEST:
        raise failure(
            f"git {found[0]}.{found[1]} is too old to read a stranger's repository safely",
            f"install git {OLDEST[0]}.{OLDEST[1]} or newer",
        )
    return found
