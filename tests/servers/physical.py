"""A physical source as its operator has it: a server, a schedule, keys, a store, drkit as a child, and the server's own
log to compare with."""

import json
import re
import subprocess
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cli_runner import Drkit, drkit_in
from drkit import catalog
from drkit.catalog import Log, Span
from drkit.config import load_system
from drkit.keyfiles import write_keys
from drkit.keyring import open_keyring, open_signers
from drkit.model import Digest, Manifest, Piece
from drkit.ports import Store
from drkit.sealing import Keyring, loading
from drkit.wiring import Source, select_one
from patience import PATIENCE, await_true
from postgres.programs import as_server_user, program_environment
from servers.postgres import PostgresServer, postgres_server

SOURCE = "shop/main"
SCHEDULE = """
[store]
url = "{url}"
{place}
[encryption]
recipients = ["file:../keys/recipient"]
signers = ["file:../keys/signer"]
signing_key = "file:../keys/signing"
identity = "file:../keys/identity"
[sources.main]
kind = "postgres"
method = "physical"
dsn = "env:DATABASE_URL"
backup = "0 3 * * *"
log_interval = "{interval}"
{more}
"""


def server_settings(**more: str) -> dict[str, str]:
    return {"wal_keep_size": "0", "max_wal_size": "256MB", **more}


@dataclass(frozen=True)
class PhysicalSystem:
    folder: Path
    server: PostgresServer
    drkit: Drkit
    url: str
    place: str = ""
    followers: "list[subprocess.Popen[str]]" = field(default_factory=list, repr=False)

    def configure(self, more: str = "", interval: str = "1s") -> None:
        text = SCHEDULE.format(url=self.url, place=self.place, interval=interval, more=more)
        (self.folder / "schedules/shop.toml").write_text(text)

    @property
    def source(self) -> Source:
        return select_one([load_system(self.folder / "schedules/shop.toml")], SOURCE)

    @property
    def store(self) -> Store:
        return self.source.store()

    @property
    def keyring(self) -> Keyring:
        return open_keyring(self.source.system, lambda: "")

    def log(self) -> Log:
        return catalog.survey_log(self.store, SOURCE)

    def manifest(self, backup_id: str | None = None) -> Manifest:
        """The newest one's, if no other is named."""
        found = backup_id or catalog.survey(self.store, SOURCE).points[-1].id
        return catalog.read_manifest(self.store, SOURCE, found, open_signers(self.source.system))

    def read(self, piece: Piece) -> bytes:
        return b"".join(loading(self.store, self.keyring)(piece))

    def read_object(self, key: str, plain: int) -> bytes:
        """One that no manifest lists."""
        body = b"".join(self.store.get(key))
        from hashlib import sha256

        return self.read(Piece("", key, plain, Digest(sha256(body).hexdigest(), len(body))))

    def extract(self, manifest: Manifest, folder: Path) -> Path:
        """Every tar piece with the system's own tar, and the server's manifest; as pg_verifybackup wants them."""
        data = folder / "data"
        data.mkdir(parents=True)
        for piece in manifest.pieces:
            name = piece.name.rsplit("-", 1)[0]
            if name == "base":
                self._untar(piece, data)
            elif name.isdigit():
                space = folder / name
                space.mkdir(exist_ok=True)
                self._untar(piece, space)
            elif piece.name == "manifest":
                (data / "backup_manifest").write_bytes(self.read(piece))
        for space in (path for path in folder.iterdir() if path.name.isdigit()):
            (data / "pg_tblspc" / space.name).symlink_to(space)
        return data

    def _untar(self, piece: Piece, into: Path) -> None:
        subprocess.run(["tar", "xf", "-", "-C", str(into)], input=self.read(piece), check=True)

    @contextmanager
    def following(self, *arguments: str, **environment: str) -> Iterator["Follower"]:
        with self.drkit.running("follow", SOURCE, *arguments, **environment) as child:
            self.followers.append(child)
            try:
                yield Follower(self, child)
            finally:
                self.followers.remove(child)
                child.kill()

    def wait_for(self, happened: Callable[[], Any], told: Callable[[], Any] = lambda: "") -> Any:
        return await_true(happened, told=lambda: (told(), self._last_words()))

    def _last_words(self) -> list[object]:
        """Of whoever follows its log: whether it had ended, and what it said until it is ended now."""
        said = []
        for child in self.followers:
            before = child.poll()
            child.kill()
            said.append((before, child.communicate()))
        return said

    def position(self) -> int:
        [(position,)] = self.server.query("SELECT pg_current_wal_flush_lsn() - '0/0'::pg_lsn")
        return int(position)

    def stored_to(self, position: int) -> bool:
        return any(run.end >= position for run in catalog.join_spans(self.log().spans))

    def await_stored(self, position: int | None = None) -> None:
        """However long that takes, as long as more and more is stored."""
        wanted = self.position() if position is None else position
        while not self.stored_to(wanted):
            before = self.furthest()
            self.wait_for(
                lambda: self.furthest() > before or self.stored_to(wanted),  # noqa: B023  used before the next round
                lambda: (wanted, catalog.join_spans(self.log().spans)),
            )

    def furthest(self) -> int:
        return max((span.end for span in self.log().spans), default=0)

    def stored_bytes(self, timeline: int = 1) -> tuple[int, bytes]:
        """Where the log of a timeline begins in the store, and all its bytes; two spans must not contradict."""
        spans = [span for span in self.log().spans if span.timeline == timeline and span.size]
        start, end = min(span.start for span in spans), max(span.end for span in spans)
        body, known = bytearray(end - start), bytearray(end - start)
        for span in spans:
            content = self.read_span(span)
            assert len(content) == span.size
            for at in range(0, span.size, 8192):
                here = span.start - start + at
                part = content[at : at + 8192]
                if all(known[here : here + len(part)]):
                    assert body[here : here + len(part)] == part, f"{span} says otherwise"
                body[here : here + len(part)] = part
                known[here : here + len(part)] = b"\1" * len(part)
        assert all(known), "the log has a gap"
        return start, bytes(body)

    def read_span(self, span: Span) -> bytes:
        return self.read_object(catalog.span_key(SOURCE, span), span.size)

    def server_bytes(self, start: int, size: int, timeline: int = 1, segment: int = 16 << 20) -> bytes:
        """From the server's own files."""
        found = b""
        while len(found) < size:
            at = start + len(found)
            number, per = at // segment, (1 << 32) // segment
            name = f"{timeline:08X}{number // per:08X}{number % per:08X}"
            with (self.server.data / "pg_wal" / name).open("rb") as file:
                file.seek(at % segment)
                found += file.read(min(size - len(found), segment - at % segment))
        return found

    def pgbench(self, *arguments: str) -> "subprocess.Popen[bytes]":
        command = [str(self.server.bin / "pgbench"), "-h", "127.0.0.1", "-p", str(self.server.port), "-U", "postgres"]
        return subprocess.Popen(
            [*command, *arguments, "postgres"],
            env=self.server.environment(),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
        )

    @contextmanager
    def load(self, *arguments: str) -> "Iterator[subprocess.Popen[bytes]]":
        """pgbench beside the block, and not after it."""
        child = self.pgbench(*arguments)
        try:
            yield child
        finally:
            child.kill()
            child.communicate()

    def slot(self) -> tuple[int | None, bool]:
        """From where on the server keeps log for the follower, and whether one is there."""
        [(restart, active)] = self.server.query("SELECT restart_lsn - '0/0'::pg_lsn, active FROM pg_replication_slots")
        return None if restart is None else int(restart), active

    def commits(self, folder: Path, timeline: int = 1) -> set[int]:
        """The transactions that are committed in the stored log, as the server's own tool reads it."""
        start, body = self.stored_bytes(timeline)
        segment = 16 << 20
        for at in range(start // segment * segment, start + len(body), segment):
            part = bytes(max(0, start - at)) + body[max(0, at - start) : at - start + segment]
            number = at // segment
            name = f"{timeline:08X}{number // 256:08X}{number % 256:08X}"
            (folder / name).write_bytes(part.ljust(segment, b"\0"))
        first = min(path.name for path in folder.iterdir())
        last = max(path.name for path in folder.iterdir())
        command = [str(self.server.bin / "pg_waldump"), "-p", str(folder), "-r", "Transaction", first, last]
        done = subprocess.run(command, capture_output=True, text=True, env=program_environment(self.server.bin))
        return {int(found) for found in re.findall(r"tx: +(\d+),.*COMMIT", done.stdout)}

    def fill(self, scale: int = 1) -> None:
        with self.load("-i", "-q", "-s", str(scale)) as filling:
            _, err = filling.communicate(timeout=120)
        assert filling.returncode == 0, err


@dataclass
class Follower:
    system: PhysicalSystem
    child: "subprocess.Popen[str]"
    lines: list[dict[str, Any]] = field(default_factory=list)

    def kill(self) -> None:
        self.child.kill()
        self.child.wait()

    def end(self) -> int:
        """As an operator stops it."""
        self.child.terminate()
        return self.child.wait(PATIENCE)

    @property
    def peak_memory(self) -> int:
        """In bytes."""
        status = Path(f"/proc/{self.child.pid}/status").read_text()
        [found] = re.findall(r"VmHWM:\s+(\d+) kB", status)
        return int(found) * 1024

    def await_words(self, words: str) -> dict[str, Any]:
        """The first line of its log that has them."""
        assert self.child.stderr
        for line in self.child.stderr:
            self.lines.append(json.loads(line))
            if words in line:
                return self.lines[-1]
        raise AssertionError(f"it ended without a word of {words!r}: {self.lines}")

    def await_end(self) -> tuple[int, list[dict[str, Any]]]:
        _, err = self.child.communicate(timeout=PATIENCE)
        return self.child.returncode, [json.loads(line) for line in err.splitlines()]


@contextmanager
def physical_system(
    folder: Path,
    major: int | None = None,
    more: str = "",
    interval: str = "1s",
    url: str | None = None,
    place: str = "",
    environment: Mapping[str, str] | None = None,
    **settings: str,
) -> Iterator[PhysicalSystem]:
    """`settings` are the server's, and `place` is what the schedule says of the store besides its URL.
    `environment` is drkit's."""
    folder.mkdir(parents=True, exist_ok=True)
    with postgres_server(folder, major, server_settings(**settings)) as server:
        yield make_physical(folder, server, more, interval, url, place=place, **(environment or {}))


def make_physical(
    folder: Path,
    server: PostgresServer,
    more: str = "",
    interval: str = "1s",
    url: str | None = None,
    *,
    dsn: str | None = None,
    place: str = "",
    **environment: str,
) -> PhysicalSystem:
    home = folder / "system"
    (home / "schedules").mkdir(parents=True)
    write_keys(home / "keys")
    drkit = drkit_in(home, **{"DATABASE_URL": dsn or server.dsn(), **environment})
    system = PhysicalSystem(home, server, drkit, url or f"file://{home}/store", place)
    system.configure(more, interval)
    return system


def verify_backup(server: PostgresServer, data: Path) -> None:
    """pg_verifybackup of the server's own version; the log is not in a base backup."""
    program = server.bin / "pg_verifybackup"
    done = subprocess.run(
        [str(program), "--no-parse-wal", "--exit-on-error", str(data)],
        capture_output=True,
        env=program_environment(server.bin),
        timeout=120,
    )
    assert done.returncode == 0, done.stderr.decode()


def tool(server: PostgresServer, *words: str) -> "subprocess.CompletedProcess[bytes]":
    return subprocess.run(
        as_server_user([str(server.bin / words[0]), *words[1:]]),
        capture_output=True,
        env=server.environment(),
        timeout=120,
    )
