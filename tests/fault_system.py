"""A small real system for tests of faults: a folder of documents, a SQLite shop, keys, a store, and drkit as a child.

What is done to it goes through `python -m drkit`; what is looked at afterwards goes through drkit's own functions.
"""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from time import monotonic, sleep
from typing import Any

from drkit.backup import back_up
from drkit.catalog import survey
from drkit.config import load_systems
from drkit.keyfiles import write_keys
from drkit.keyring import open_keyring, open_seal, open_signers
from drkit.model import Manifest, Point, Wishes
from drkit.ports import Clock, Engine, Store
from drkit.restore.plan import RestorePlan
from drkit.restore.run import read_plan, restore
from drkit.sealing import Keyring
from drkit.wiring import Source, select_one
from file_trees import look
from patience import PATIENCE
from sqlite_shop import make_shop

DOCS, BOOKS = "shop/docs", "shop/books"
SCHEDULE = """
[store]
url = "{url}"
[encryption]
recipients = ["file:../keys/recipient"]
signers = ["file:../keys/signer"]
signing_key = "file:../keys/signing"
identity = "file:../keys/identity"
[sources.docs]
kind = "files"
path = "../docs"
backup = "0 * * * *"
keep = {{ last = {keep}, min_points = {keep} }}
[sources.books]
kind = "sqlite"
path = "../shop.db"
backup = "0 * * * *"
spool = "../spool"
keep = {{ last = {keep}, min_points = {keep} }}
"""


@dataclass(frozen=True)
class Answer:
    code: int
    out: str
    err: str

    @property
    def document(self) -> Any:
        return json.loads(self.out)

    @property
    def error(self) -> str:
        """The last error with its hint, in one line."""
        errors = [line for line in map(json.loads, self.err.splitlines()) if line["level"] == "error"]
        return f"{errors[-1]['message']} | {errors[-1].get('hint', '')}" if errors else ""


@dataclass(frozen=True)
class FaultSystem:
    folder: Path
    launcher: tuple[str, ...] = ()
    environment: tuple[tuple[str, str], ...] = ()

    @property
    def schedule(self) -> Path:
        return self.folder / "schedules" / "shop.toml"

    @property
    def spool(self) -> Path:
        return self.folder / "spool"

    @property
    def store_folder(self) -> Path:
        return self.folder / "store"

    @property
    def incoming(self) -> Path:
        return self.store_folder / ".incoming"

    def launched_by(self, *launcher: str) -> "FaultSystem":
        return replace(self, launcher=launcher)

    def with_environment(self, **variables: str) -> "FaultSystem":
        return replace(self, environment=tuple(variables.items()))

    def edit(self, old: str, new: str) -> None:
        text = self.schedule.read_text()
        assert old in text
        self.schedule.write_text(text.replace(old, new))

    def start(self, *words: str | Path) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [*self.launcher, sys.executable, "-m", "drkit", *map(str, words)],
            cwd=self.folder,
            env=os.environ | dict(self.environment),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    @contextmanager
    def running(self, *words: str | Path) -> Iterator[subprocess.Popen[str]]:
        """Dead at the end of the block, by SIGKILL if it did not end before."""
        child = self.start(*words)
        try:
            yield child
        finally:
            child.kill()
            child.communicate()

    def run(self, *words: str | Path) -> Answer:
        return answer_of(self.start(*words))

    def source(self, name: str) -> Source:
        return select_one(load_systems(self.folder / "schedules"), name)

    def store(self) -> Store:
        return self.source(DOCS).store()

    def points(self, name: str) -> list[Point]:
        return list(survey(self.store(), name).points)

    def back_up(
        self, name: str, token: str = "00000000", clock: Clock | None = None, engine: Engine | None = None
    ) -> Manifest:
        source = self.source(name)
        manifest, _ = back_up(
            name, engine or source.engine(), source.store(), open_seal(source.system), clock or utc_now, token, "a test"
        )
        return manifest

    def keyring(self) -> Keyring:
        return open_keyring(self.source(DOCS).system, lambda: "")

    def restore(self, point: Point, target: Path, store: Store | None = None) -> None:
        source = self.source(point.source)
        store = store or source.store()
        plan = RestorePlan(point, None, point.consistent_at, utc_now() - point.consistent_at)
        manifest = read_plan(store, plan, source.engine(), open_signers(source.system))
        restore(store, manifest, source.engine(), self.keyring(), str(target), Wishes())

    def is_whole(self, point: Point, target: Path) -> bool:
        """Whether the point restores to just what its source holds now."""
        self.restore(point, target)
        return self.holds(point.source, target)

    def holds(self, name: str, target: Path) -> bool:
        if name == DOCS:
            return look(target) == look(self.folder / "docs")
        # the header counts changes, and a copy has a count of its own
        return target.read_bytes()[100:] == (self.folder / "shop.db").read_bytes()[100:]


def make_system(
    folder: Path, url: str = "file://{folder}/store", keep: int = 3, size: int = 200_000, orders: int = 50
) -> FaultSystem:
    """`size` is that of the biggest document, which does not compress."""
    folder.mkdir(exist_ok=True)
    for name in ("schedules", "docs", "docs/inner", "spool"):
        (folder / name).mkdir()
    write_keys(folder / "keys")
    (folder / "docs" / "big.bin").write_bytes(Random(size).randbytes(size))
    (folder / "docs" / "inner" / "small.txt").write_text("a few words\n")
    make_shop(folder / "shop.db", "delete", orders=orders)
    system = FaultSystem(folder)
    system.schedule.write_text(SCHEDULE.format(url=url.format(folder=folder), keep=keep))
    return system


def answer_of(child: subprocess.Popen[str]) -> Answer:
    out, err = child.communicate(timeout=PATIENCE)
    return Answer(child.returncode, out, err)


def wait_for(happened: Callable[[], bool], child: subprocess.Popen[str] | None = None) -> bool:
    """Whether it happened before the child ended. Looks as often as it can without taking a core for itself."""
    until = monotonic() + PATIENCE
    while not happened():
        if child is not None and child.poll() is not None:
            return happened()
        assert monotonic() < until, "what the test waits for does not happen"
        sleep(0.0005)
    return True


def contents(folder: Path) -> Mapping[str, bytes]:
    """Every file below a folder."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def utc_now() -> datetime:
    return datetime.now(UTC)
