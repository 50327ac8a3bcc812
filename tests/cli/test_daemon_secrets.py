"""A password that a database repeats in its errors is nowhere: in no log, store, notice, page or file."""

from http.client import HTTPConnection
from pathlib import Path

import pytest

from cli.conftest import Shop
from daemon_runner import daemon_running
from servers.postgres import NamedServer
from servers.receiver import receiver

SENTINEL = "s3ntinel-Pa55word"
DSNS = {
    "a server that is not there": f"postgresql://app:{SENTINEL}@127.0.0.1:1/shop",
    "an option that is none": f"postgresql://app:{SENTINEL}@127.0.0.1:1/shop?sslmode=never",
    "a port that is none": f"postgresql://app:{SENTINEL}@127.0.0.1:one/shop",
    "a URL that cannot be read": f"postgresql://app:{SENTINEL}@[127.0.0.1/shop",
    "words without an equals sign": f"host=127.0.0.1 port=1 password={SENTINEL} whatever",
}


def test_a_database_that_repeats_a_password_in_its_error_is_not_repeated(shop: Shop, postgres: NamedServer) -> None:
    """The database is called as the password is."""
    postgres.execute("drop role if exists sentinel", f"create role sentinel login password '{SENTINEL}'")
    assert_nowhere(shop, postgres.dsn(SENTINEL, "sentinel", password=SENTINEL))


@pytest.mark.parametrize("why", DSNS)
def test_a_password_is_in_nothing_that_is_shown_kept_or_sent(shop: Shop, why: str) -> None:
    assert_nowhere(shop, DSNS[why])


def assert_nowhere(shop: Shop, dsn: str) -> None:
    with shop.schedule.open("a") as schedule:
        schedule.write('[sources.ledger]\nkind = "postgres"\ndsn = "env:LEDGER"\nbackup = "0 * * * *"\n')
        schedule.write('[notify]\nurls = ["env:NOTIFY_URL"]\nallow_private = true\n')
    with receiver() as told:
        urls = {"NOTIFY_URL": f"json://{told.place}/", "LEDGER": dsn}
        with daemon_running(shop.drkit, "-v", **urls) as daemon:
            port = int(daemon.await_line(lambda line: "url" in line)["url"].rpartition(":")[2].strip("/"))
            failed = daemon.await_line(lambda line: line.get("subject") == "shop/ledger" and "exit_code" in line)
            daemon.await_(lambda: any("ledger" in each.body for each in told.heard))
            shown = [ask(port, path) for path in ("/", "/status.json", "/metrics", "/readyz")]
            assert daemon.stop() == 0
        runs = [
            shop.drkit(*line.split(), "-v", **urls) for line in ("backup now", "check", "status", "notify --dry-run")
        ]
    assert failed["exit_code"] in (3, 4)
    texts = [*shown, *(each.body + each.path for each in told.heard), *(run.out + run.err for run in runs)]
    assert not [text for text in texts if SENTINEL in text]
    assert [file for file in written(shop) if SENTINEL.encode() in file.read_bytes()] == []


def written(shop: Shop) -> list[Path]:
    """By the daemon, its children and the runs after it."""
    places = [shop.folder, shop.folder.parent / f"{shop.folder.name}-home"]
    return [path for place in places for path in place.rglob("*") if path.is_file()]


def ask(port: int, path: str) -> str:
    connection = HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        connection.request("GET", path, headers={"Host": "localhost"})
        return connection.getresponse().read().decode()
    finally:
        connection.close()
