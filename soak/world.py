"""The world of a soak: databases, an S3 server behind proxies, a schedule, and drkit as child processes.

It must not know what is done to it, nor what anything that was restored should be.
"""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from threading import Lock
from time import monotonic
from typing import Any

from drkit.config import load_system
from drkit.keyfiles import write_keys
from engines import Application, Source, make_sources
from processes import Process, having
from servers.postgres import PostgresServer, postgres_server
from servers.proxy import Proxy, proxy_before
from servers.radosgw import Radosgw, radosgw_server
from servers.redis import Redis, redis_server

SYSTEM = "soak"
_SCHEDULE = """\
[store]
url = "{store}"
replica = "{replica}"
[encryption]
recipients = ["file:../keys/recipient"]
signers = ["file:../keys/signer"]
signing_key = "file:../keys/signing"
identity = "file:../keys/identity"
[jobs]
replicate = "*/4 * * * *"
prune = "*/5 * * * *"
audit = "*/9 * * * *"
report = "never"
evidence = "never"
time_limit = "10m"
"""
_SOURCE = """
[sources.{name}]
{lines}
backup = "*/2 * * * *"
verify = "*/7 * * * *"
keep = {{ last = {keep}, min_points = {keep} }}
"""
_PATIENCE = 600.0


@dataclass(frozen=True)
class Run:
    """One of drkit's. `killed` says that it did not end by itself."""

    words: tuple[str, ...]
    code: int
    out: str
    err: str
    killed: bool
    seconds: float

    @property
    def document(self) -> Any:
        return json.loads(self.out)

    @property
    def error(self) -> str:
        return self.err[-1500:]


@dataclass
class World:
    folder: Path
    seed: int
    keep: int
    server: PostgresServer
    elsewhere: PostgresServer
    redis: Redis
    gateway: Radosgw
    proxies: tuple[Proxy, Proxy]
    sources: list[Source]
    environment: Mapping[str, str]
    _numbers: Iterator[int] = field(default_factory=count)
    _log: Lock = field(default_factory=Lock)

    @property
    def applications(self) -> list[Application]:
        """Each once, whatever is captured of it."""
        return list({id(each.application): each.application for each in self.sources}.values())

    def processes(self) -> list[Process]:
        """Drkit, and what drkit has started."""
        return having("HOME", self.environment["HOME"])

    def tell(self, line: str) -> None:
        """Into the log of the soak, which is for a look afterwards."""
        with self._log, (self.folder / "soak.log").open("a") as log:
            log.write(f"{datetime.now(UTC).isoformat(timespec='milliseconds')} {line}\n")

    def start(self, *words: str, **more: str) -> "subprocess.Popen[bytes]":
        """In a session of its own, with what it says in files."""
        place = self.folder / "runs" / f"{next(self._numbers):06}"
        with place.with_suffix(".out").open("wb") as out, place.with_suffix(".err").open("wb") as err:
            child = subprocess.Popen(
                [sys.executable, "-m", "drkit", *words],
                cwd=self.folder,
                env={**self.environment, **more},
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
                start_new_session=True,
            )
        child.place = place  # type: ignore[attr-defined]
        return child

    def run(self, *words: str, kill_after: float | None = None, alone: bool = True, **more: str) -> Run:
        """To its end, or to its death: `alone`, or with all that it has started."""
        begun, hangs = monotonic(), False
        child = self.start(*words, **more)
        try:
            child.wait(kill_after or _PATIENCE)
        except subprocess.TimeoutExpired:
            hangs = kill_after is None
            end(child, alone=alone)
        place: Path = child.place  # type: ignore[attr-defined]
        out, err = place.with_suffix(".out").read_text(), place.with_suffix(".err").read_text()
        killed = child.returncode == -signal.SIGKILL and not hangs  # by us, or by a fault
        run = Run(words, child.returncode, out, err, killed, monotonic() - begun)
        self.tell(f"{place.name} {' '.join(words)}: {'killed' if killed else run.code} after {run.seconds:.1f} s")
        return run


def end(child: "subprocess.Popen[bytes]", *, alone: bool) -> None:
    with suppress(ProcessLookupError):
        if alone:
            os.kill(child.pid, signal.SIGKILL)
        else:
            os.killpg(child.pid, signal.SIGKILL)
    child.wait()


@contextmanager
def open_world(folder: Path, seed: int, keep: int) -> Iterator[World]:
    """Everything in it ends with the block; the folder stays."""
    for name in ("schedules", "runs", "spool", "restored", "home", "servers"):
        (folder / name).mkdir()
    folder.chmod(0o711)
    write_keys(folder / "keys")
    with ExitStack() as stack:
        settings = {"track_commit_timestamp": "on", "wal_keep_size": "0", "max_wal_size": "256MB"}
        server = stack.enter_context(postgres_server(folder / "servers", None, settings))
        elsewhere = stack.enter_context(postgres_server(folder / "servers"))
        redis = stack.enter_context(redis_server(settings={"appendonly": "yes"}))
        gateway = stack.enter_context(radosgw_server(folder / "servers"))
        store, near = stack.enter_context(proxy_before(gateway.http))
        replica, far = stack.enter_context(proxy_before(gateway.http))
        sources = make_sources(folder, folder / "restored", seed, server, elsewhere, redis)
        text = _SCHEDULE.format(
            store=near.url(gateway.http.new_bucket(), "prod"), replica=far.url(gateway.http.new_bucket(), "prod")
        )
        text += "".join(_SOURCE.format(name=each.name, lines=each.lines, keep=keep) for each in sources)
        (folder / "schedules" / f"{SYSTEM}.toml").write_text(text)
        load_system(folder / "schedules" / f"{SYSTEM}.toml")  # a slip of ours ends it here
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(folder / "home"),
            "TMPDIR": str(folder / "home"),
            "LANG": "C.UTF-8",
            "SOAK_SHOP": server.dsn("shop"),
            "SOAK_SERVER": server.dsn(),
            "SOAK_CACHE": redis.url,
            "AWS_EC2_METADATA_DISABLED": "true",
            **gateway.http.environment(),
        }
        (folder / "home").chmod(0o711)
        yield World(folder, seed, keep, server, elsewhere, redis, gateway, (store, replica), sources, environment)
