"""drkit follow beside a database that is written to: how old the newest stored commit is, and what that costs.

Every twentieth of a second a row is written. What is not stored yet is as old as the oldest such row that is missing.
"""

import os
import statistics
import time
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event, Thread

import psycopg

from commands import cleared
from drkit import catalog
from dumps import SETTINGS
from servers.physical import Follower, PhysicalSystem, make_physical
from servers.postgres import PostgresServer, postgres_server
from servers.radosgw import radosgw_server

_MAJOR = 17
_PUT = 0.005 / 1000  # dollars, as AWS has it for S3 Standard
_HOUR = 3600


@dataclass
class Beats:
    """When each row was committed, and which position the log had then."""

    dsn: str
    found: list[tuple[float, int]] = field(default_factory=list)
    over: Event = field(default_factory=Event)

    def beat(self) -> None:
        with psycopg.connect(self.dsn, autocommit=True) as connection:
            while not self.over.wait(0.05):
                connection.execute("INSERT INTO beats DEFAULT VALUES")
                row = connection.execute("SELECT pg_current_wal_flush_lsn() - '0/0'::pg_lsn").fetchone()
                assert row
                self.found.append((time.monotonic(), int(row[0])))

    def age(self, stored: int) -> float:
        """Of the oldest row that is not stored; 0 if all are."""
        missing = next((at for at, position in reversed_until(self.found, stored)), None)
        return 0.0 if missing is None else time.monotonic() - missing


def reversed_until(found: list[tuple[float, int]], stored: int) -> list[tuple[float, int]]:
    """Those behind `stored`, oldest first."""
    late = []
    for each in reversed(found):
        if each[1] <= stored:
            break
        late.append(each)
    return late[::-1]


def bench_following(folder: Path, gigabytes: float, rounds: int) -> None:
    """`rounds` is minutes of each load."""
    ceph = folder / "follow-ceph"
    cleared(ceph, folder / "follow")()
    ceph.mkdir()
    (folder / "follow").mkdir()
    with (
        postgres_server(folder, _MAJOR, SETTINGS | {"wal_keep_size": "8GB"}) as server,
        radosgw_server(ceph) as servers,
    ):
        store = servers.https
        os.environ.update(store.environment())
        bucket = store.url(store.new_bucket(), "drkit")
        system = make_physical(folder / "follow", server, url=bucket, **store.environment())
        server.execute("CREATE TABLE beats (at timestamptz DEFAULT clock_timestamp())")
        system.fill(max(1, round(50 * gigabytes)))
        with system.following() as first:  # what is there already is not what is measured
            system.await_stored()
            first.end()
        with system.following() as follower:
            for name, rate in (("idle", 0), ("100 tps", 100), ("1,500 tps", 1500)):
                _measure(name, rate, rounds * 60, system, follower)
        _catch_up("to radosgw over TLS", system, server, gigabytes)
    with postgres_server(folder, _MAJOR, SETTINGS | {"wal_keep_size": "8GB"}) as server:
        cleared(folder / "follow")()
        (folder / "follow").mkdir()
        _catch_up("to a folder", make_physical(folder / "follow", server), server, gigabytes)
    cleared(ceph, folder / "follow")()


def _measure(name: str, rate: int, seconds: float, system: PhysicalSystem, follower: Follower) -> None:
    beats = Beats(system.server.dsn())
    thread = Thread(target=beats.beat)
    load = system.pgbench("-c", "8", "-R", str(rate), "-T", str(round(seconds))) if rate else None
    if rate:
        thread.start()
    cpu, until = _cpu(follower.child.pid), time.monotonic() + seconds
    ages, before, keys = [], {entry.key for entry in system.log().entries}, set()
    while time.monotonic() < until:
        log = system.log()
        keys |= {entry.key for entry in log.entries}
        ages.append(beats.age(max(run.end for run in catalog.join_spans(log.spans))))
        time.sleep(0.1)
    spent, puts = (_cpu(follower.child.pid) - cpu) / seconds, len(keys - before)
    beats.over.set()
    if load:
        thread.join()
        load.communicate()
    ordered = sorted(ages)
    print(f"\ndrkit follow, log_interval = 1s, to radosgw over TLS, {name}")
    print(
        f"  newest stored commit: median {statistics.median(ages):.2f} s, 99th percentile {_percentile(ordered):.2f} s"
    )
    print(f"  {100 * spent:.1f} % of a core, {follower.peak_memory / 2**20:.0f} MiB at most")
    hourly = puts * _HOUR / seconds
    print(f"  {hourly:,.0f} puts an hour, {hourly * _PUT:.3f} $ an hour")


def _catch_up(where: str, system: PhysicalSystem, server: PostgresServer, gigabytes: float) -> None:
    with system.following() as follower:
        system.await_stored()
        follower.end()
    rows = round(gigabytes * 10_000_000)
    server.execute("CREATE TABLE IF NOT EXISTS bulk (n bigint, note text)")
    with psycopg.connect(server.dsn(), autocommit=True) as connection:
        connection.execute("INSERT INTO bulk SELECT n, md5(n::text) FROM generate_series(1, %s) n", [rows])
    begun, end = max(run.end for run in catalog.join_spans(system.log().spans)), system.position()
    with system.following() as follower:
        follower.await_words("following timeline")
        started, cpu = time.monotonic(), _cpu(follower.child.pid)
        system.await_stored(end)
        seconds = time.monotonic() - started
        size = (end - begun) / 1e6
        print(f"\ndrkit follow, {size:,.0f} MB of backlog, {where}: {seconds:.1f} s, {size / seconds:.0f} MB/s")
        print(f"  {_cpu(follower.child.pid) - cpu:.1f} s of cpu, {follower.peak_memory / 2**20:.0f} MiB at most")
        follower.end()


def _percentile(ordered: list[float], share: float = 0.99) -> float:
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def _cpu(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
