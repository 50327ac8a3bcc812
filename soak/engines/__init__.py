"""The sources of a soak: for each kind an application that commits, and how what was restored of it is read.

One more kind is one more module, and a line in `make_sources`.
"""

import os
import shutil
from pathlib import Path

from engines.books import Books
from engines.cache import Cache
from engines.code import Code
from engines.papers import Papers
from engines.shop import Dump, Shop, Whole
from engines.source import Application, Source
from ledger import Ledger
from postgres.programs import SERVER_USER
from servers.postgres import PostgresServer
from servers.redis import Redis

__all__ = ["Application", "Shop", "Source", "Whole", "make_sources"]


def make_sources(
    folder: Path, restored: Path, seed: int, server: PostgresServer, elsewhere: PostgresServer, redis: Redis
) -> list[Source]:
    if os.geteuid() == 0:
        shutil.chown(restored, SERVER_USER)

    def ledger(name: str) -> Ledger:
        return Ledger(seed, name, folder / f"{name}.ledger")

    shop = Shop(ledger("shop"), server)
    return [
        Books(ledger("books"), folder, restored),
        Papers(ledger("papers"), folder, restored),
        Dump(shop, elsewhere),
        Whole(shop, restored),
        Cache(ledger("cache"), redis),
        Code(ledger("code"), folder, restored),
    ]
