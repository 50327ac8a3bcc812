"""PostgreSQL, twice: one application's database by pg_dump, and its whole server with its log."""

import shutil
from pathlib import Path
from time import sleep

import psycopg

from engines.source import OnDisk
from engines.tables import EVENTS, SLOTS_HELD, TABLES
from ledger import SLOTS, Ledger
from processes import kill, living
from servers.postgres import PostgresServer


class Shop:
    """One PostgreSQL server's application; its sources are below."""

    def __init__(self, ledger: Ledger, server: PostgresServer) -> None:
        self.ledger, self.server = ledger, server
        self._dsn = server.create("shop")
        server.execute(*TABLES, database="shop")  # type: ignore[arg-type]
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
            count = self.ledger.judge_rows(session.execute(EVENTS).fetchall(), session.execute(SLOTS_HELD).fetchall())
        self.ledger.judge(count, since, until)
        return count


class Dump:
    """The shop by pg_dump, restored on another server."""

    name, spread, words = "shop", False, ()

    def __init__(self, application: Shop, elsewhere: PostgresServer) -> None:
        self.application, self._elsewhere = application, elsewhere
        self.lines = 'kind = "postgres"\ndsn = "env:SOAK_SHOP"\nlock_timeout = "10s"'

    def target(self, label: str) -> str:
        return self._elsewhere.dsn(label)

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


class Whole(OnDisk):
    """The shop's whole server, with its log: any moment."""

    name, spread, words = "whole", False, ("--start",)

    def __init__(self, application: Shop, restored: Path) -> None:
        super().__init__(restored)
        self.application = application
        self.lines = 'kind = "postgres"\nmethod = "physical"\ndsn = "env:SOAK_SERVER"\nlog_interval = "1s"'

    def stands(self, target: str) -> bool:  # noqa: ARG002
        return False  # nobody knows whether its server was started

    def judge(self, target: str, since: float, until: float) -> int:
        return self.application.judge(self._inside(target), since, until)

    def discard(self, target: str) -> None:
        """With the server in it, also where the restore was killed."""
        for path in self._restored.glob(f"{Path(target).name}*"):
            kill(process for process in living() if process.stands_in(path))
            shutil.rmtree(path, ignore_errors=True)

    def _inside(self, target: str) -> str:
        return psycopg.conninfo.make_conninfo(host=f"{target}/drkit-recovery", user="postgres", dbname="shop")
