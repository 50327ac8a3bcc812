"""An application at work: rows that come, change and go, and tables that do, too, as long as a block lasts."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Condition, Event, Thread

import psycopg
from psycopg import errors

_ROUND = (
    "INSERT INTO traffic (note) SELECT 'round ' || n FROM generate_series(1, 20) AS n",
    "UPDATE traffic SET note = note || '!' WHERE id % 7 = 0 AND length(note) < 40",
    "DELETE FROM traffic WHERE id % 5 = 0",
    "CREATE TABLE traffic_comes AS SELECT * FROM traffic LIMIT 30",
    "ALTER TABLE traffic_comes ADD COLUMN extra integer DEFAULT 3, ADD PRIMARY KEY (id)",
    "CREATE INDEX traffic_by_note ON traffic (note)",
    "TRUNCATE traffic_emptied",
    "INSERT INTO traffic_emptied SELECT generate_series(1, 10)",
    "SELECT nextval('traffic_id_seq')",
    "DROP INDEX traffic_by_note",
    "DROP TABLE traffic_comes",
)


class Traffic:
    def __init__(self, dsn: str) -> None:
        self.rounds = self.waits = 0
        self.failure: BaseException | None = None
        self._dsn, self._over, self._told = dsn, Event(), Condition()

    def wait_for(self, rounds: int) -> None:
        """Until that many more have gone by."""
        wanted = self.rounds + rounds
        self._wait(lambda: self.rounds >= wanted)

    def wait_for_a_lock(self) -> None:
        """Until a statement has met one that somebody else holds, and a row was written in spite of it."""
        wanted = self.waits + 1
        self._wait(lambda: self.waits >= wanted)

    def work(self) -> None:
        try:
            with psycopg.connect(self._dsn, autocommit=True, options="-c lock_timeout=200ms") as connection:
                while not self._over.is_set():
                    for statement in _ROUND:
                        self._patiently(connection, statement)
                    self._tell(rounds=1)
        except BaseException as error:  # noqa: BLE001 - it belongs to the thread that waits
            self.failure = error
            self._tell()

    def end(self) -> None:
        self._over.set()

    def _patiently(self, connection: psycopg.Connection, statement: str) -> None:
        """A dump holds its locks to its end: what it keeps out tries again, so that rows come meanwhile."""
        while not self._over.is_set():
            try:
                connection.execute(statement.encode())
            except errors.LockNotAvailable:
                connection.execute("INSERT INTO traffic (note) VALUES ('waiting')")
                self._tell(waits=1)
            else:
                return

    def _tell(self, rounds: int = 0, waits: int = 0) -> None:
        with self._told:
            self.rounds += rounds
            self.waits += waits
            self._told.notify_all()

    def _wait(self, reached: Callable[[], bool]) -> None:
        with self._told:
            assert self._told.wait_for(lambda: self.failure or reached(), 60), "traffic stands still"
        assert not self.failure, self.failure


@contextmanager
def writes_and_ddl(dsn: str) -> Iterator[Traffic]:
    """In `traffic`, `traffic_emptied` and `traffic_comes`. While somebody holds locks on them, rows come and DDL waits.

    pg_dump can meet a table or an index that is just gone, and fail, as it can in life.
    """
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute("CREATE TABLE IF NOT EXISTS traffic (id bigserial PRIMARY KEY, note text)")
        connection.execute("CREATE TABLE IF NOT EXISTS traffic_emptied (n integer)")
    traffic = Traffic(dsn)
    thread = Thread(target=traffic.work)
    thread.start()
    try:
        traffic.wait_for(1)
        yield traffic
    finally:
        traffic.end()
        thread.join()
    assert not traffic.failure, traffic.failure
