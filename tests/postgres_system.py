"""A PostgreSQL source as its operator has it: a schedule, keys, a store, and drkit as a child process."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg

from cli_runner import Done, Drkit, drkit_in
from drkit.keyfiles import write_keys
from patience import await_true
from processes import Process, living
from servers.postgres import NamedServer

SCHEDULE = """
[store]
url = "file://{folder}/store"
[encryption]
recipients = ["file:../keys/recipient"]
signers = ["file:../keys/signer"]
signing_key = "file:../keys/signing"
identity = "file:../keys/identity"
[sources.main]
kind = "postgres"
dsn = "env:DATABASE_URL"
backup = "0 * * * *"
jobs = 2
programs = "{programs}"
{more}
"""
OURS = "SELECT pid, state, query FROM pg_stat_activity WHERE application_name = 'drkit' AND pid <> pg_backend_pid()"
# those of a capture; one that gives rows is in its middle once it waits for whoever takes them
_READING = """
SELECT CASE WHEN query LIKE '%medium%' THEN 'pg_dump' WHEN query LIKE '%COPY%' THEN 'psql' ELSE 'leader' END, pid
  FROM pg_stat_activity
 WHERE application_name = 'drkit'
   AND CASE WHEN query LIKE '%COPY%' THEN wait_event = 'ClientWrite' ELSE state = 'idle in transaction' END
"""


@dataclass(frozen=True)
class System:
    folder: Path
    server: NamedServer
    database: str
    drkit: Drkit

    def configure(self, more: str = "", programs: Path | None = None) -> None:
        """`more` are lines about the source."""
        text = SCHEDULE.format(folder=self.folder, programs=programs or self.server.bin, more=more)
        (self.folder / "schedules" / "shop.toml").write_text(text)

    def back_up(self, **environment: str) -> Done:
        return self.drkit("backup", "now", **environment)

    def points(self) -> list[Any]:
        return list(self.drkit.json("backup", "list")["points"])

    def sessions(self) -> list[tuple[int, str, str]]:
        return [(pid, state, query) for pid, state, query in self.server.query(OURS)]

    def await_reading(self) -> dict[str, int]:
        """The sessions in the middle of a capture, by who they belong to, once all three are there."""
        with self.server.asking() as ask:

            def all_three() -> dict[str, int]:
                found = dict(ask(_READING))
                return found if len(found) == 3 else {}

            return await_true(all_three, told=lambda: ask(OURS))

    def await_statement(self, words: str) -> None:
        """Until a session of a capture is at it."""
        with self.server.asking() as ask:
            await_true(lambda: any(words in query for _, _, query in ask(OURS)))

    def assert_nothing_stays(self) -> None:
        await_true(lambda: not self.sessions())
        await_true(lambda: not self.children())
        assert self.points() == []

    def children(self) -> list[Process]:
        """Programs on this machine that drkit started for this database."""
        listed = [(process, process.words) for process in living()]
        return [process for process, words in listed if "--dbname" in words and self.database in " ".join(words)]


def make_system(folder: Path, server: NamedServer, database: str, more: str = "") -> System:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "schedules").mkdir()
    write_keys(folder / "keys")
    system = System(folder, server, database, drkit_in(folder, DATABASE_URL=server.dsn(database)))
    system.configure(more)
    return system


def fill(dsn: str) -> None:
    """`medium` is for pg_dump, `large` for a stream of its own."""
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute(
            "CREATE TABLE medium AS SELECT n, repeat(md5(n::text), 30) AS note FROM generate_series(1, 12000) n"
        )
        connection.execute(
            "CREATE TABLE large AS SELECT n, repeat(md5(n::text), 30) AS note FROM generate_series(1, 20000) n"
        )


def error_in(err: str) -> str:
    """The last error of a run with its hint, in one line."""
    lines = [json.loads(line) for line in err.splitlines()]
    errors = [line for line in lines if line["level"] == "error"]
    return f"{errors[-1]['message']} | {errors[-1].get('hint', '')}" if errors else ""
