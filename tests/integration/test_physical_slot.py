"""The replication slot, and those who start at one and the same moment on a server that has none."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

from drkit.engines.postgres.physical.slot import Slot, have_slot
from drkit.engines.postgres.server import Server
from patience import PATIENCE
from servers.postgres import NamedServer

NAME = "made_together"
THEY = 4


def test_a_backup_and_followers_that_start_at_once_make_one_slot_and_each_has_it(postgres: NamedServer) -> None:
    server = Server(postgres.dsn("postgres"))
    ready = Barrier(THEY, timeout=PATIENCE)

    def start(_: int) -> tuple[Slot | None, bool]:
        with server.session() as session:
            ready.wait()
            return have_slot(session, server, NAME)

    with ThreadPoolExecutor(THEY) as pool:
        for _round in range(10):
            found = list(pool.map(start, range(THEY)))
            postgres.execute(f"SELECT pg_drop_replication_slot('{NAME}')")
            assert sorted(made for _, made in found) == [False] * (THEY - 1) + [True]
            assert all(slot and not slot.lost for slot, _ in found)
