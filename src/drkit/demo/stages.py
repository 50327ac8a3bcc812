"""The two places where the story can be told: a SQLite file, and a PostgreSQL server of its own."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

from drkit.demo.ground import Ground
from drkit.demo.postgres_till import PostgresTill
from drkit.demo.story import Stage
from drkit.engines.postgres.scratch.cluster import SUPERUSER
from drkit.engines.postgres.scratch.postgres import scratch_postgres
from drkit.wiring import clock

_SHOP, _RESTORED = "shop", "shop_restored"


def sqlite_stage(folder: Path) -> Stage:
    shop, restored = "shop.db", "shop-restored.db"
    return Stage(
        folder,
        ("sqlite", str(folder / shop)),
        ("sqlite", str(folder / restored)),
        ("--path", shop),
        restored,
        "sqlite>",
    )


@contextmanager
def postgres_stage(folder: Path, ground: Ground) -> Iterator[Stage]:
    """Its server, and all that is in it, is gone with the block."""
    for name in [name for name in os.environ if name.startswith("PG")]:
        del os.environ[name]  # set for servers of the user's own
    with scratch_postgres(ground.programs.folder, ground.programs.major, ground.place, clock) as server:

        def dsn(database: str) -> str:
            return f"postgresql://{SUPERUSER}@/{database}?host={server.folder}/socket"

        psql = ground.programs.path("psql")
        PostgresTill(psql, dsn("postgres")).ask(f"create database {_SHOP}")
        yield Stage(
            folder,
            ("postgres", psql, dsn(_SHOP)),
            ("postgres", psql, dsn(_RESTORED)),
            (),
            _RESTORED,
            f"{_SHOP}=#",
            {"DATABASE_URL": dsn(_SHOP)},
            ground.place,
            timedelta(seconds=1),
        )
