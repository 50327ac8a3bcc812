"""SQLite, written to all the time."""

import sqlite3
from contextlib import closing, suppress
from pathlib import Path

from engines.source import OnDisk
from engines.tables import EVENTS, SLOTS_HELD, TABLES
from ledger import SLOTS, Ledger


class Books(OnDisk):
    """SQLite in WAL mode, vacuumed now and then."""

    name, spread, suffix = "books", False, ".db"

    def __init__(self, ledger: Ledger, folder: Path, restored: Path) -> None:
        super().__init__(restored)
        self.application, self.ledger = self, ledger
        self._path = folder / "books.db"
        self._session: sqlite3.Connection | None = None
        self.lines = 'kind = "sqlite"\npath = "../books.db"\nspool = "../spool"'
        with closing(self._connect()) as database:
            database.execute("PRAGMA journal_mode = wal")
            for statement in TABLES:
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

    def judge(self, target: str, since: float, until: float) -> int:
        with closing(sqlite3.connect(target)) as database:
            count = self.ledger.judge_rows(database.execute(EVENTS).fetchall(), database.execute(SLOTS_HELD).fetchall())
        self.ledger.judge(count, since, until)
        return count

    def _connect(self) -> sqlite3.Connection:
        return sqlite3.connect(self._path, timeout=120, isolation_level=None)
