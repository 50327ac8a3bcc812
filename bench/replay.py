"""Log of a server played into a restored one: fetched by drkit from radosgw over TLS, and copied by `cp` from a folder.

Both begin at a base backup of the same moment and end at the last of the log; what is timed is from the server's start
until it takes writes.
"""

import json
import os
import shutil
import statistics
import subprocess
import time
from pathlib import Path

import psycopg

from commands import DRKIT, cleared
from dumps import SETTINGS
from postgres.programs import as_server_user, program_environment
from servers.physical import PhysicalSystem, make_physical
from servers.postgres import PostgresServer, postgres_server
from servers.radosgw import radosgw_server

_ROWS = 10_000_000  # make a gigabyte of log, about


def bench_replay(folder: Path, gigabytes: float, rounds: int) -> None:
    """`gigabytes` are those of log."""
    ceph, home = folder / "replay-ceph", folder / "replay"
    cleared(ceph, home)()
    ceph.mkdir()
    home.mkdir()
    with (
        postgres_server(folder, None, SETTINGS | {"wal_keep_size": "16GB"}) as server,
        radosgw_server(ceph) as servers,
    ):
        store = servers.https
        os.environ.update(store.environment())  # for what is looked at in this process
        url = store.url(store.new_bucket(), "drkit")
        system = make_physical(home, server, url=url, **store.environment())
        base = _base_backup(server, home / "base")
        begun = system.position()
        _write(system, gigabytes)
        size = (system.position() - begun) / 1e9
        log = _segments(server, home / "log")
        theirs, mine = [], []
        for _ in range(rounds):
            mine.append(_drkit(system, home / "mine"))
            theirs.append(_copied(server, base, log, home / "theirs"))
    ours, other = statistics.median(mine), statistics.median(theirs)
    print(f"\nPostgreSQL {server.major}, {size:.2f} GB of log played into a restored server (medians of {rounds})")
    print(f"  drkit, from radosgw over TLS       {ours:7.2f} s")
    print(f"  restore_command = cp, from a folder{other:7.2f} s")
    print(f"  ratio                              {ours / other:7.2f}")
    cleared(ceph, home)()


def _base_backup(server: PostgresServer, target: Path) -> Path:
    command = [str(server.bin / "pg_basebackup"), "-h", "127.0.0.1", "-p", str(server.port), "-U", "postgres"]
    subprocess.run([*command, "-c", "fast", "-X", "none", "-D", str(target)], env=server.environment(), check=True)
    return target


def _write(system: PhysicalSystem, gigabytes: float) -> None:
    system.drkit.ok("backup", "now")
    with system.following() as follower:
        follower.await_words("following timeline")
        with psycopg.connect(system.server.dsn(), autocommit=True) as connection:
            connection.execute("CREATE TABLE bulk (n bigint, note text)")
            for _ in range(10):  # several transactions, as a day has
                rows = round(gigabytes * _ROWS / 10)
                connection.execute("INSERT INTO bulk SELECT n, md5(n::text) FROM generate_series(1, %s) n", [rows])
        system.await_stored()
        follower.end()


def _segments(server: PostgresServer, target: Path) -> Path:
    target.mkdir()
    for path in (server.data / "pg_wal").iterdir():
        if len(path.name) == 24:
            shutil.copyfile(path, target / path.name)  # for the server's user to read
    return target


def _drkit(system: PhysicalSystem, target: Path) -> float:
    config = str(system.folder / "schedules")
    command = [DRKIT, "--config", config, "--json", "restore", "--to", str(target), "--start", "--yes"]
    environment = os.environ | dict(system.drkit.environment)
    done = subprocess.run(command, env=environment, check=False, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(done.stderr)
    _stop(system.server, target)
    return float(json.loads(done.stdout)["phases"]["replay"])


def _copied(server: PostgresServer, base: Path, log: Path, target: Path) -> float:
    shutil.copytree(base, target, symlinks=True)
    with (target / "postgresql.auto.conf").open("a") as settings:
        settings.write(f"restore_command = 'cp {log}/%f %p'\nport = {server.port + 1}\nlisten_addresses = ''\n")
        settings.write(f"unix_socket_directories = '{target}'\n")
    (target / "recovery.signal").touch()
    target.chmod(0o700)
    subprocess.run(["chown", "-R", "--reference", str(server.data), str(target)], check=True)
    os.sync()
    started = time.monotonic()
    _pg_ctl(server, "start", "-w", "-t", "600", "-l", str(target / "log"), "-D", str(target))
    with psycopg.connect(f"host={target} port={server.port + 1} user=postgres password={server.password}") as asked:
        while asked.execute("SELECT pg_is_in_recovery()").fetchone() == (True,):
            time.sleep(0.02)
    seconds = time.monotonic() - started
    _stop(server, target)
    return seconds


def _stop(server: PostgresServer, target: Path) -> None:
    _pg_ctl(server, "stop", "-m", "immediate", "-D", str(target))
    cleared(target)()


def _pg_ctl(server: PostgresServer, *arguments: str) -> None:
    command = [str(server.bin / "pg_ctl"), *arguments]
    environment = program_environment(server.bin)
    subprocess.run(as_server_user(command), env=environment, check=True, stdout=subprocess.DEVNULL)
