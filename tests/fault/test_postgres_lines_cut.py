"""The line to the server is cut, anywhere: a capture ends with its own error and commits nothing."""

from collections.abc import Iterator
from datetime import UTC, datetime
from random import Random

import pytest

from drkit.backup import back_up
from drkit.catalog import survey
from drkit.engines.postgres.division import Sizes
from drkit.errors import CaptureError
from drkit.stores.memory import MemoryStore
from patience import await_true
from postgres_system import OURS, fill
from postgres_vault import engine, new_keys
from servers.cutting import line_to
from servers.postgres import PostgresServer, postgres_server

SEED = 20261120
SIZES = Sizes(1 << 20, 4 << 20)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PostgresServer]:
    with postgres_server(tmp_path_factory.mktemp("lines")) as started:
        fill(started.create("shop"))
        yield started


def attempt(server: PostgresServer, store: MemoryStore, cut_after: int | None) -> int:
    """How many bytes came from the server."""
    with line_to(server.host, server.port, cut_after) as line:
        source = engine(server.bin, server.dsn("shop", port=str(line.port), connect_timeout="5"), sizes=SIZES)
        try:
            back_up("shop/main", source, store, new_keys().seal, lambda: datetime.now(UTC), "00000000", "a test")
        finally:
            await_true(lambda: not server.query(OURS))
        return line.passed


def test_a_line_cut_anywhere_commits_nothing_and_the_next_run_is_clean(server: PostgresServer) -> None:
    store = MemoryStore()
    total = attempt(server, MemoryStore(), None)
    random = Random(SEED)
    moments = [random.randrange(total * 9 // 10) for _ in range(6)] + [0, 1, 300, 5_000, 40_000]
    for cut_after in moments:
        with pytest.raises(CaptureError) as caught:
            attempt(server, store, cut_after)
        assert caught.value.hint, (cut_after, caught.value)
        assert list(survey(store, "shop/main").points) == []
    attempt(server, store, None)
    assert len(list(survey(store, "shop/main").points)) == 1
