"""The sources of a soak: for each kind an application that commits, and how what was restored of it is read.

One more kind is one more class, and a line in `make_sources`.
"""

import os
import shutil
import signal
import sqlite3
from collections.abc import Sequence
from contextlib import closing, suppress
from pathlib import Path
from time import sleep
from typing import Protocol

import psycopg

from ledger import SLOTS, Ledger, Wrong
from postgres.programs import SERVER_USER
from servers.postgres import PostgresServer

_TABLES = (
    "CREATE TABLE events (n bigint PRIMARY KEY, text text NOT NULL)",
    "CREATE TABLE slots (slot int PRIMARY KEY, n bigint NOT NULL)",
)
_EVENTS, _SLOTS = "SELECT n, text FROM events ORDER BY n", "SELECT slot, n FROM slots"


class Application(Protocol):
    ledger: Ledger

    def commit(self) -> None:
        """The ledger's next one. Returns once it is durable, however long that takes."""


class Source(Protocol):
    """`lines` are those of its table in the schedule. `spread` says that a capture is of no one moment."""

    name: str
    lines: str
    spread: bool
    application: Application

    def target(self, label: str) -> str:
        """Where to restore to: something new."""

    def words(self) -> Sequence[str]:
        """What `drkit restore` wants besides."""

    def stands(self, target: str) -> bool:
        """Whether anything is there that can be judged, under its final name."""

    def judge(self, target: str, since: float, until: float) -> int:
        """How many commits were restored: a whole state of between these moments, or it is Wrong."""

    def discard(self, target: str) -> None: ...


class Books:
    """SQLite in WAL mode, vacuumed now and then."""

    name, spread = "books", False

    def __init__(self, folder: Path, restored: Path, seed: int) -> None:
        self.application, self.ledger = self, Ledger(seed, self.name, folder / "books.ledger")
        self._path, self._restored = folder / "books.db", restored
        self._session: sqlite3.Connection | None = None
        self.lines = 'kind = "sqlite"\npath = "../books.db"\nspool = "../spool"'
        with closing(self._connect()) as database:
            database.execute("PRAGMA journal_mode = wal")
            for statement in _TABLES:
                database.execute(statement)

    def commit(self) -> None:
        """Closed now and then, so that backups meet a database at rest, too."""
        number, text = self.ledger.begin()
        database = self._session = self._session or self._connect()
        database.execute("BEGIN IMMEDIATE")
        database.execute("INSERT INTO events VALUES (?, ?)", (number, text))
        database.execute("REPLACE INTO slots VALUES (?, ?)", (number % SLOTS, number))
        database.execute("COMMIT")
        self.ledger.end()
        if number % 500 == 0:
            with suppress(sqlite3.OperationalError):  # a backup reads
                database.execute("VACUUM")
        if number % 50 == 0:
            database.close()
            self._session = None

    def target(self, label: str) -> str:
        return str(self._restored / f"{label}.db")

    def words(self) -> Sequence[str]:
        return ()

    def stands(self, target: str) -> bool:
        return Path(target).exists()

    def judge(self, target: str, since: float, until: float) -> int:
        with closing(sqlite3.connect(target)) as database:
            count = self.ledger.judge_rows(database.execute(_EVENTS).fetchall(), database.execute(_SLOTS).fetchall())
        self.ledger.judge(count, since, until)
        return count

    def discard(self, target: str) -> None:
        for path in self._restored.glob(f"{Path(target).name}*"):
            path.unlink()

    def _connect(self) -> sqlite3.Connection:
        return sqlite3.connect(self._path, timeout=120, isolation_level=None)


class Papers:
    """A folder whose files are replaced one after the other, and a journal that grows."""

    name, spread = "papers", True

    def __init__(self, folder: Path, restored: Path, seed: int) -> None:
        self.application, self.ledger = self, Ledger(seed, self.name, folder / "papers.ledger")
        self._folder, self._beside, self._restored = folder / "papers", folder / "paper.new", restored
        self.lines = 'kind = "files"\npath = "../papers"'
        (self._folder / "inner").mkdir(parents=True)

    def commit(self) -> None:
        number, text = self.ledger.begin()
        self._beside.write_text(f"{number}\n{text * 20}")
        self._beside.rename(self._folder / "inner" / f"{number % SLOTS}")
        with (self._folder / "journal").open("ab", buffering=0) as journal:
            journal.write(f"{number} {text}\n".encode())
        self.ledger.end()

    def target(self, label: str) -> str:
        return str(self._restored / label)

    def words(self) -> Sequence[str]:
        return ()

    def stands(self, target: str) -> bool:
        return Path(target).exists()

    def judge(self, target: str, since: float, until: float) -> int:
        """Each file is of some moment of the capture, whole; and the journal is a beginning of what it became."""
        least, most = self.ledger.least(since), self.ledger.most(until)
        lines = (Path(target) / "journal").read_text().splitlines() if least else []
        if lines != [f"{n} {self.ledger.text(n)}" for n in range(1, len(lines) + 1)]:
            raise Wrong("the journal is none")
        if not least <= len(lines) <= most:
            raise Wrong(f"the journal has {len(lines)} lines, and there were {least} to {most} of them then")
        for slot in range(SLOTS):
            oldest = least - (least - slot) % SLOTS  # what stood in this file when the capture began
            if oldest > 0:
                self._judge_file(Path(target) / "inner" / str(slot), slot, oldest, most)
        return len(lines)

    def _judge_file(self, path: Path, slot: int, oldest: int, newest: int) -> None:
        head, _, text = path.read_text().partition("\n")
        number = int(head)
        if not oldest <= number <= newest or number % SLOTS != slot or text != self.ledger.text(number) * 20:
            raise Wrong(f"{path} is of commit {number}, and should be of {oldest} or a later one up to {newest}, whole")

    def discard(self, target: str) -> None:
        for path in self._restored.glob(f"{Path(target).name}*"):
            shutil.rmtree(path)


class Shop:
    """One PostgreSQL server's application; its sources are below."""

    def __init__(self, folder: Path, server: PostgresServer, seed: int) -> None:
        self.ledger, self.server = Ledger(seed, "shop", folder / "shop.ledger"), server
        self._dsn = server.create("shop")
        server.execute(*_TABLES, database="shop")  # type: ignore[arg-type]
        self._session: psycopg.Connection | None = None

    def commit(self) -> None:
        number, text = self.ledger.begin()
        while True:
            try:
                session = self._session = self._session or psycopg.connect(self._dsn, connect_timeout=10)
                done = session.execute("SELECT FROM events WHERE n = %s", (number,)).fetchall()
                if not done:  # or nobody had heard of its end
                    session.execute("INSERT INTO events VALUES (%s, %s)", (number, text))
                    slot = "INSERT INTO slots VALUES (%s, %s) ON CONFLICT (slot) DO UPDATE SET n = excluded.n"
                    session.execute(slot, (number % SLOTS, number))
                session.commit()
            except psycopg.OperationalError:
                if self._session:
                    self._session.close()
                self._session = None
                sleep(0.1)
            else:
                self.ledger.end()
                return

    def stamps(self) -> list[float]:
        """When each commit was, by the server's own word, which a restore to a moment goes by."""
        asked = "SELECT extract(epoch FROM pg_xact_commit_timestamp(xmin))::float8 FROM events ORDER BY n"
        return [stamp for (stamp,) in self.server.query(asked, database="shop")]

    def judge(self, dsn: str, since: float, until: float) -> int:
        with psycopg.connect(dsn) as session:
            count = self.ledger.judge_rows(session.execute(_EVENTS).fetchall(), session.execute(_SLOTS).fetchall())
        self.ledger.judge(count, since, until)
        return count


class Dump:
    """The shop by pg_dump, restored on another server."""

    name, spread = "shop", False

    def __init__(self, application: Shop, elsewhere: PostgresServer) -> None:
        self.application, self._elsewhere = application, elsewhere
        self.lines = 'kind = "postgres"\ndsn = "env:SOAK_SHOP"\nlock_timeout = "10s"'

    def target(self, label: str) -> str:
        return self._elsewhere.dsn(label)

    def words(self) -> Sequence[str]:
        return ()

    def stands(self, target: str) -> bool:
        name = target.rpartition("/")[2]
        return bool(self._elsewhere.query("SELECT FROM pg_database WHERE datname = %s", (name,)))

    def judge(self, target: str, since: float, until: float) -> int:
        return self.application.judge(target, since, until)

    def discard(self, target: str) -> None:
        name = target.rpartition("/")[2]
        for each in (name, f"{name}.drkit-partial"):
            statement = psycopg.sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(psycopg.sql.Identifier(each))
            with psycopg.connect(self._elsewhere.dsn(), autocommit=True) as session:
                session.execute(statement)


class Whole:
    """The shop's whole server, with its log: any moment."""

    name, spread = "whole", False

    def __init__(self, application: Shop, restored: Path) -> None:
        self.application, self._restored = application, restored
        self.lines = 'kind = "postgres"\nmethod = "physical"\ndsn = "env:SOAK_SERVER"\nlog_interval = "1s"'

    def target(self, label: str) -> str:
        return str(self._restored / label)

    def words(self) -> Sequence[str]:
        return ("--start",)

    def stands(self, target: str) -> bool:  # noqa: ARG002
        return False  # nobody knows whether its server was started

    def judge(self, target: str, since: float, until: float) -> int:
        return self.application.judge(self._inside(target), since, until)

    def discard(self, target: str) -> None:
        """With the server in it, also where the restore was killed."""
        for path in self._restored.glob(f"{Path(target).name}*"):
            for place in Path("/proc").glob("[0-9]*"):
                with suppress(OSError):
                    if (place / "cwd").readlink().is_relative_to(path):
                        os.kill(int(place.name), signal.SIGKILL)
            shutil.rmtree(path, ignore_errors=True)

    def _inside(self, target: str) -> str:
        return psycopg.conninfo.make_conninfo(host=f"{target}/drkit-recovery", user="postgres", dbname="shop")


def make_sources(
    folder: Path, restored: Path, seed: int, server: PostgresServer, elsewhere: PostgresServer
) -> list[Source]:
    if os.geteuid() == 0:
        shutil.chown(restored, SERVER_USER)
    shop = Shop(folder, server, seed)
    return [Books(folder, restored, seed), Papers(folder, restored, seed), Dump(shop, elsewhere), Whole(shop, restored)]
