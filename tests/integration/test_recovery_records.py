"""The log as drkit reads it, against what the server's own pg_waldump says."""

import re
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from drkit.engines.postgres.recovery.records import Ending, RestorePoint, read_records
from drkit.lsn import format_lsn, parse_lsn
from postgres.programs import as_server_user, program_environment
from servers.postgres import PostgresServer, postgres_server

_LINE = re.compile(r"rmgr: (\w+).*?tx: +(\d+), lsn: ([0-9A-F/]+),.*?desc: (\S+) ?(.*)")


@pytest.fixture(scope="module", params=[14, 15, 16, 17, 18])
def server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[PostgresServer]:
    with postgres_server(tmp_path_factory.mktemp("log"), request.param, {"wal_keep_size": "1GB"}) as server:
        yield server


def _dumped(server: PostgresServer, segment: Path) -> dict[int, tuple[str, int, str, str]]:
    command = as_server_user([str(server.bin / "pg_waldump"), str(segment)])
    done = subprocess.run(command, capture_output=True, text=True, env=program_environment(server.bin, TZ="UTC"))
    found = {}
    for line in done.stdout.splitlines():
        if match := _LINE.match(line):
            found[parse_lsn(match[3])] = (match[1], int(match[2]), match[4], match[5])
    return found


def test_every_record_is_found_where_the_server_says_with_its_transaction_and_moment(server: PostgresServer) -> None:
    [(first,)] = server.query("SELECT pg_walfile_name(pg_current_wal_lsn())")
    server.execute(
        "CREATE TABLE filled (n int, note text)",
        "CREATE TABLE large AS SELECT n, repeat('x', 900) AS note FROM generate_series(1, 20000) n",
    )
    for n in range(50):
        server.execute(f"INSERT INTO filled SELECT {n}, repeat('y', {n * 400})")  # type: ignore[arg-type]
    server.query("SELECT pg_create_restore_point('before the flood')")
    server.execute("ROLLBACK", "DELETE FROM filled WHERE n < 25", "VACUUM filled")
    [(last,)] = server.query("SELECT pg_walfile_name(pg_switch_wal())")
    folder = server.data / "pg_wal"
    names = sorted(path.name for path in folder.iterdir() if len(path.name) == 24 and first <= path.name <= last)
    assert len(names) >= 2
    position = int(names[0][8:16], 16) << 32 | int(names[0][16:], 16) << 24
    chunks = (chunk for name in names for chunk in _chunks(folder / name))
    found = {record.start: record for record in read_records(chunks, position)}
    expected = {start: each for name in names for start, each in _dumped(server, folder / name).items()}
    assert {format_lsn(n) for n in expected} <= {format_lsn(n) for n in found}
    endings = {start: each for start, each in expected.items() if each[2] in ("COMMIT", "ABORT")}
    assert len(endings) > 50
    for start, (_, transaction, _, text) in endings.items():
        ending = found[start]
        assert isinstance(ending, Ending)
        assert ending.transaction == transaction
        stamp = re.match(r"([-0-9]+ [0-9:.]+) UTC", text)
        assert stamp
        assert ending.moment == datetime.fromisoformat(stamp[1]).replace(tzinfo=UTC)
    assert {start for start, each in found.items() if isinstance(each, Ending)} == set(endings)
    points = [each for each in found.values() if isinstance(each, RestorePoint)]
    assert [each.name for each in points] == ["before the flood"]


def _chunks(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while chunk := file.read(100_001):
            yield chunk
