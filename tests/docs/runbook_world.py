"""A system as its operator has it on the day of a disaster: a live database, a store with one point and what came after
it, a replica, an escrow identity behind a passphrase; and the pages of docs/RUNBOOK.md, to be run by bash in it.

It must not know what any page does.
"""

import os
import re
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import psycopg

from cli_runner import Drkit, drkit_in
from drkit.clock import clock
from drkit.keyfiles import write_keys
from drkit.when import format_moment
from servers.postgres import PostgresServer

Kind = Literal["sqlite", "postgres"]
RUNBOOK = Path(__file__).parents[2] / "docs" / "RUNBOOK.md"
PASSPHRASE = "the escrow's five random words"
ROWS = [(n, f"customer {n}") for n in range(300)]
LATER = (1000, "after the point")
_SCHEDULE = """\
[store]
url = "file://{folder}/store"
[encryption]
recipients = ["file:../keys/recipient", "file:../escrow/recipient"]
signers = ["file:../keys/signer"]
signing_key = "file:../keys/signing"
identity = "file:../keys/identity"
[sources.main]
backup = "0 * * * *"
{source}
"""
_LABELS: dict[str, Kind] = {"SQLite": "sqlite", "PostgreSQL": "postgres"}


@dataclass(frozen=True, slots=True)
class Block:
    """Lines of a page. `kind` is what they are for, where they are not for every kind."""

    kind: Kind | None
    lines: str


def read_pages() -> dict[str, list[Block]]:
    pages = {}
    for section in re.split(r"^## ", RUNBOOK.read_text(), flags=re.MULTILINE)[1:]:
        title = section.partition("\n")[0]
        found = re.finditer(r"([^\n]*)\n+```sh\n(.*?)^```", section, re.MULTILINE | re.DOTALL)
        pages[title] = [Block(_kind_of(match[1]), match[2]) for match in found]
    return pages


def _kind_of(before: str) -> Kind | None:
    """By the line before the block, which names the kind and ends with a colon where it is for one kind alone."""
    return next((kind for name, kind in _LABELS.items() if name in before and before.endswith(":")), None)


@dataclass
class World:
    kind: Kind
    folder: Path
    drkit: Drkit
    live: str
    new: str
    here: PostgresServer | None = None
    elsewhere: PostgresServer | None = None
    environment: dict[str, str] = field(default_factory=dict)

    @property
    def store(self) -> Path:
        return self.folder / "store"

    @property
    def point(self) -> Path:
        """The folder of the oldest point."""
        return min(self.store.rglob("manifest.json")).parent

    def live_dsn(self) -> str:
        assert self.here is not None
        return self.here.dsn(self.live)

    def write(self, *statements: str) -> None:
        """On the live database."""
        if self.kind == "sqlite":
            with closing(sqlite3.connect(self.folder / self.live)) as database, database:
                for each in statements:
                    database.execute(each)
        else:
            with psycopg.connect(self.live_dsn()) as connection:
                for each in statements:
                    connection.execute(each.encode())

    def rows(self, where: str, table: str = "orders") -> list[tuple[int, str]]:
        """In a restored database: a path; or the name of a database here, or a DSN."""
        question = f"select id, customer from {table} order by id"
        if self.kind == "sqlite":
            with closing(sqlite3.connect(self.folder / where)) as database:
                return list(database.execute(question))
        assert self.here is not None
        with psycopg.connect(where if "://" in where else self.here.dsn(where)) as connection:
            return [(number, text) for number, text in connection.execute(question.encode())]

    def run(self, block: Block) -> None:
        if block.kind not in (None, self.kind):
            return
        done = subprocess.run(
            ["/bin/bash", "-euo", "pipefail", "-c", block.lines],
            cwd=self.folder,
            env={**self.drkit.environment, **self.environment},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == 0, f"{block.lines}\n{done.stdout}\n{done.stderr}"


def make_world(
    kind: Kind, folder: Path, scratch: Path, here: PostgresServer, elsewhere: PostgresServer, name: str
) -> World:
    """`scratch` has a short path, as a socket's must be."""
    live, new = ("shop.db", "restored.db") if kind == "sqlite" else (name, f"{name}_restored")
    source = f'kind = "sqlite"\npath = "../{live}"' if kind == "sqlite" else _postgres(here)
    (folder / "schedules").mkdir(parents=True)
    (folder / "schedules" / "shop.toml").write_text(_SCHEDULE.format(folder=folder, source=source))
    write_keys(folder / "keys")
    write_keys(folder / "escrow", lambda: PASSPHRASE)
    (folder / "bin").mkdir()
    command = folder / "bin" / "drkit"
    command.write_text(f'#!/bin/sh\nexec {sys.executable} -m drkit "$@"\n')
    command.chmod(0o755)
    world = World(kind, folder, drkit_in(folder), live, new, here, elsewhere)
    world.environment |= {
        "PATH": f"{folder}/bin:{here.bin}:{os.environ['PATH']}",
        "TMPDIR": str(scratch),
        "SYSTEM": "shop",
        "SOURCE": "shop/main",
        "CHECK": f"select count(*) = {len(ROWS)} from orders",
        "LIVE": live,
        "NEW": new,
        "REPLICA": f"file://{folder}/replica",
        "STORE": f"file://{folder}/new-store",
        "DRKIT_PASSPHRASE": PASSPHRASE,
    }
    if kind == "postgres":
        here.create(live)
        url = here.dsn(live)
        world.environment |= {"DATABASE_URL": url, "LIVE_URL": url, "NEW_URL": here.dsn(new)}
    _fill(world)
    return world


def _postgres(server: PostgresServer) -> str:
    return f'kind = "postgres"\ndsn = "env:DATABASE_URL"\nprograms = "{server.bin}"'


def _fill(world: World) -> None:
    """A point, and a row that came after it; the replica is a copy of the store."""
    values = ", ".join(f"({number}, '{text}')" for number, text in ROWS)
    world.write(
        "create table orders (id integer primary key, customer text)",
        "create table notes (id integer primary key, customer text)",
        f"insert into orders values {values}",
    )
    world.run(Block(None, "drkit backup now"))
    world.environment["WHEN"] = format_moment(clock())
    world.write(f"insert into notes values ({LATER[0]}, '{LATER[1]}')")
    shutil.copytree(world.store, world.folder / "replica")
