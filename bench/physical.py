"""Whole PostgreSQL servers: base backups and restores beside pgbackrest and pg_basebackup, to radosgw over TLS and to a
folder; and incremental ones after a hundredth has changed.
"""

import os
import subprocess
from pathlib import Path

from commands import cleared, drkit, shell
from dumps import SETTINGS, size_of
from measure import Contender, compare
from postgres_data import make_shop
from servers.physical import PhysicalSystem, make_physical
from servers.postgres import PostgresServer, postgres_server
from servers.radosgw import radosgw_server
from servers.s3_server import S3Server

_MAJOR = 17
_SETTINGS = SETTINGS | {"wal_keep_size": "8GB"}
_PGBACKREST = """
[global]
repo1-type=s3
repo1-path=/pgbackrest
repo1-s3-bucket=bench
repo1-s3-endpoint={endpoint}
repo1-s3-uri-style=path
repo1-s3-region=us-east-1
repo1-s3-key={key}
repo1-s3-key-secret={secret}
repo1-storage-ca-file={ca}
repo1-cipher-type=aes-256-cbc
repo1-cipher-pass=bench
repo1-retention-full=99
compress-type=zst
compress-level=3
process-max=2
start-fast=y
archive-check=n
archive-copy=n
lock-path={folder}/lock
log-level-file=off
spool-path={folder}/spool
[shop]
pg1-path={data}
pg1-port={port}
pg1-socket-path={socket}
pg1-user=postgres
"""


def bench_bases(folder: Path, gigabytes: float, rounds: int) -> None:
    ceph = folder / "physical-ceph"
    cleared(ceph)()
    ceph.mkdir()
    # this machine's own PostgreSQL, as Debian's pgbackrest knows none that is newer
    with postgres_server(folder, None, _SETTINGS) as server, radosgw_server(ceph) as servers:
        make_shop(server.create("shop"), gigabytes)
        server.execute("CHECKPOINT")
        _to_radosgw(folder, server, servers.https, rounds)
        _to_a_folder(folder, server, rounds)
    cleared(ceph)()


def bench_increments(folder: Path, gigabytes: float, rounds: int) -> None:
    with postgres_server(folder, _MAJOR, _SETTINGS | {"summarize_wal": "on"}) as server:
        make_shop(server.create("shop"), gigabytes)
        system = _system(folder / "increments", server, more="incremental = true")
        environment = dict(system.drkit.environment)
        config = system.folder / "schedules"
        server.execute(
            "VACUUM (FREEZE, ANALYZE)", "CHECKPOINT", database="shop"
        )  # or autovacuum changes every page later
        system.drkit.ok("backup", "now")
        full = system.manifest()
        # a fiftieth of a table that is a quarter of all, in the order of its one index: old pages and new ones
        changed = "UPDATE order_items SET line = line WHERE order_id <= (SELECT max(order_id) / 50 FROM order_items)"
        server.execute(changed, "CHECKPOINT", database="shop")
        system.drkit.ok("backup", "now")
        change = system.manifest()
        print(f"\nPostgreSQL {_MAJOR}, {size_of(server)}, a hundredth of it changed")
        print(f"  stored: full {full.stored_bytes / 1e6:.0f} MB, incremental {change.stored_bytes / 1e6:.1f} MB")
        print(f"  ratio of what is stored {change.stored_bytes / full.stored_bytes:7.3f}")
        plain = _system(folder / "full", server)
        compare(
            "… and how long it takes",
            [
                Contender("drkit, incremental", drkit(config, "backup", "now"), _nothing, environment),
                Contender(
                    "drkit, full",
                    drkit(plain.folder / "schedules", "backup", "now"),
                    _nothing,
                    dict(plain.drkit.environment),
                ),
            ],
            rounds,
        )
    cleared(folder / "increments", folder / "full")()


def _to_radosgw(folder: Path, server: PostgresServer, store: S3Server, rounds: int) -> None:
    system = _system(folder / "tls", server, url=_bucket(store), **store.environment())
    environment = dict(system.drkit.environment) | {"PGPASSWORD": server.password}
    config = system.folder / "schedules"
    theirs = _pgbackrest(folder, server, store)
    subprocess.run([*theirs, "stanza-create"], env=os.environ | environment, check=True)
    full = [*theirs, "--type=full", "--no-archive-check", "backup"]
    compare(
        f"PostgreSQL {server.major}, base backup of {size_of(server)}, to radosgw over TLS",
        [
            Contender("drkit backup now", drkit(config, "backup", "now"), _nothing, environment),
            Contender("pgbackrest --type=full, 2 processes", full, _nothing, environment),
        ],
        rounds,
    )
    print(f"  stored: drkit {system.manifest().stored_bytes / 1e6:.0f} MB, pgbackrest {_stored(store, rounds):.0f} MB")
    with system.following(**store.environment()) as follower:
        system.await_stored()
        follower.end()
    back, other = folder / "back", folder / "other"
    restore = [*theirs, f"--pg1-path={other}", "--type=none", "restore"]
    compare(
        "… and back",
        [
            Contender(
                "drkit restore", drkit(config, "restore", "--to", str(back), "--yes"), cleared(back), environment
            ),
            Contender(
                "pgbackrest restore", shell(f"mkdir {other} && {' '.join(restore)}"), cleared(other), environment
            ),
        ],
        rounds,
    )
    cleared(folder / "tls")()


def _to_a_folder(folder: Path, server: PostgresServer, rounds: int) -> None:
    system = _system(folder / "local", server)
    out = folder / "base.age"
    recipient = (system.folder / "keys/recipient").read_text().split()[-1]
    environment = dict(system.drkit.environment) | {
        "LD_LIBRARY_PATH": str(server.bin.parent / "lib"),
        "PGPASSWORD": server.password,
    }
    send = f"{server.bin}/pg_basebackup -h 127.0.0.1 -p {server.port} -U postgres -c fast -Ft -X none -D -"
    keep = f"zstd -3 -T2 | age -r {recipient} > {out}"
    compare(
        f"PostgreSQL {server.major}, base backup of {size_of(server)}, to a folder",
        [
            Contender(
                "drkit backup now",
                drkit(system.folder / "schedules", "backup", "now"),
                cleared(system.folder / "store"),
                dict(system.drkit.environment),
            ),
            Contender(
                "pg_basebackup | zstd -3 -T2 | age",
                shell(f"{send} | {keep}"),
                cleared(out),
                environment,
            ),
            Contender(
                "… with SHA-256, as drkit asks for",
                shell(f"{send} --manifest-checksums=SHA256 | {keep}"),
                cleared(out),
                environment,
            ),
            Contender("pg_basebackup to nowhere", shell(f"{send} > /dev/null"), _nothing, environment),
        ],
        rounds,
    )
    cleared(folder / "local")()


def _system(
    folder: Path, server: PostgresServer, more: str = "", url: str | None = None, **environment: str
) -> PhysicalSystem:
    cleared(folder)()
    folder.mkdir()
    os.environ.update(environment)  # for what is looked at in this process
    return make_physical(folder, server, more, "1s", url, dsn=server.dsn("shop"), **environment)


def _bucket(store: S3Server) -> str:
    store.client().create_bucket(Bucket="bench")
    return store.url("bench", "drkit")


def _pgbackrest(folder: Path, server: PostgresServer, store: S3Server) -> list[str]:
    home = folder / "pgbackrest"
    cleared(home)()
    home.mkdir()
    config = home / "pgbackrest.conf"
    config.write_text(
        _PGBACKREST.format(
            folder=home,
            endpoint=store.endpoint.removeprefix("https://").replace("127.0.0.1", "localhost"),  # it knows names alone
            key=store.access_key,
            secret=store.secret_key,
            ca=store.ca,
            data=server.data,
            port=server.port,
            socket=server.socket,
        )
    )
    return ["pgbackrest", f"--config={config}", "--stanza=shop", "--log-level-console=warn"]


def _stored(store: S3Server, backups: int) -> float:
    pages = store.client().get_paginator("list_objects_v2").paginate(Bucket="bench", Prefix="pgbackrest/backup/")
    return sum(each["Size"] for page in pages for each in page.get("Contents", ())) / backups / 1e6


def _nothing() -> None:
    """What is in the store stays there."""
