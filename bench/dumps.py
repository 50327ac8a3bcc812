"""PostgreSQL: dumps and restores beside pg_dump, zstd, age, the aws command, restic and pg_restore."""

import os
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from tempfile import mkdtemp

import psycopg

from commands import DRKIT, cleared, drkit, shell
from measure import Contender, compare
from postgres.hard import many_tables
from postgres_data import make_shop
from servers.postgres import PostgresServer, postgres_server
from servers.radosgw import radosgw_server

# What a server for such a database would have; everything else is as PostgreSQL comes.
SETTINGS = {"fsync": "on", "shared_buffers": "512MB", "max_wal_size": "4GB", "maintenance_work_mem": "128MB"}
# What a throw-away cluster for a restore test may have.
SCRATCH = {
    "fsync": "off",
    "full_page_writes": "off",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "autovacuum": "off",
}
TARGET = "restored"


def bench_backups(folder: Path, gigabytes: float, rounds: int) -> None:
    with shop_server(folder, gigabytes) as (server, environment):
        store, out = folder / "pg-store", folder / "pg-pipe.age"
        config, recipient = set_up(folder, "pg", store.as_uri())
        clear_store, clear_out = cleared(store), cleared(out)
        dump = f"{server.bin}/pg_dump -Fc -Z0 -d $DRKIT_BENCH_DSN"
        pipe = shell(f"{dump} | zstd -3 -T2 | age -r {recipient} > {out}")
        variants = [
            Contender(f"drkit, {name}", drkit(_changed(config, line), "backup", "now"), clear_store, environment)
            for name, line in (
                ("fingerprints off", 'fingerprints = "off"'),
                ("jobs = 1", "jobs = 1"),
                ("jobs = 4", "jobs = 4"),
            )
        ]
        compare(
            f"PostgreSQL, {size_of(server)}, to a folder",
            [
                Contender("drkit backup now", drkit(config, "backup", "now"), clear_store, environment),
                Contender("pg_dump -Fc -Z0 | zstd -3 -T2 | age", pipe, clear_out, environment),
                *variants,
            ],
            rounds,
        )
        subprocess.run(drkit(config, "backup", "now"), env=os.environ | environment, check=True, capture_output=True)
        subprocess.run(pipe, env=os.environ | environment, check=True)
        stored = sum(path.stat().st_size for path in store.rglob("*.age"))
        print(f"  stored: drkit {stored / 1e6:.0f} MB, the pipe {out.stat().st_size / 1e6:.0f} MB")
        clear_store()
        clear_out()


def bench_s3(folder: Path, gigabytes: float, rounds: int) -> None:
    ceph = folder / "pg-ceph"
    cleared(ceph)()
    ceph.mkdir()
    with shop_server(folder, gigabytes) as (server, shop), radosgw_server(ceph) as servers:
        store = servers.http
        environment = {**shop, **store.environment(), "AWS_DEFAULT_REGION": store.region, "RESTIC_PASSWORD": "bench"}
        aws = f"aws --endpoint-url {store.endpoint}"
        made = shell(f"{aws} s3 mb s3://bench && {aws} s3 mb s3://restic")
        subprocess.run(made, env=os.environ | environment, check=True, capture_output=True)
        config, recipient = set_up(folder, "pgs3", f"s3://bench/drkit?endpoint_url={store.endpoint}")
        dump = f"{server.bin}/pg_dump -Fc -Z0 -d $DRKIT_BENCH_DSN"
        upload = f"{aws} s3 cp --expected-size {round(gigabytes * 1e9)} - s3://bench/pipe.age"
        plain = f"{server.bin}/pg_dump -d $DRKIT_BENCH_DSN"
        restic = f"restic -q -r s3:{store.endpoint}/restic"

        def new_repository() -> None:
            """It stores no chunk twice, so that a second backup of the same rows would cost it nothing."""
            anew = f"{aws} s3 rm --recursive --quiet s3://restic && {restic} init"
            subprocess.run(shell(anew), env=os.environ | environment, check=True, capture_output=True)

        new_repository()
        compare(
            f"PostgreSQL, {size_of(server)}, to radosgw",
            [
                Contender("drkit backup now", drkit(config, "backup", "now"), _nothing, environment),
                Contender(
                    "pg_dump -Z0 | zstd -3 -T2 | age | aws s3 cp -",
                    shell(f"{dump} | zstd -3 -T2 | age -r {recipient} | {upload}"),
                    _nothing,
                    environment,
                ),
                Contender(
                    "pg_dump | restic backup --stdin",
                    shell(f"{plain} | {restic} backup --stdin --stdin-filename shop.sql"),
                    new_repository,
                    environment,
                ),
            ],
            rounds,
        )
        _bench_restores(folder, server, config, environment, aws, rounds)
        cleared(ceph)()


def _bench_restores(
    folder: Path, server: PostgresServer, config: Path, environment: Mapping[str, str], aws: str, rounds: int
) -> None:
    local, fetched = folder / "pg-local.dump", folder / "pg-fetched.dump"
    identity = config.parent / "keys/identity"
    dumped = shell(f"{server.bin}/pg_dump -Fc -Z0 -d $DRKIT_BENCH_DSN > {local}")
    subprocess.run(dumped, env=os.environ | environment, check=True)
    target = server.dsn(TARGET)

    def drop() -> None:
        server.execute(f"DROP DATABASE IF EXISTS {TARGET}")

    def theirs(then: str) -> list[str]:
        create = f"{server.bin}/createdb -T template0 --maintenance-db '{server.dsn()}' {TARGET}"
        analyze = f"{server.bin}/psql -qX -d '{target}' -c ANALYZE"
        return shell(f"{create} && {then} && {analyze}")

    fetch = f"{aws} s3 cp s3://bench/pipe.age - | age -d -i {identity} | zstd -d > {fetched}"
    load = f"{server.bin}/pg_restore -j2 -d '{target}'"
    compare(
        f"PostgreSQL, {size_of(server)}, back (ANALYZE included)",
        [
            Contender("drkit restore --compare off", _restore(config, target, "off"), drop, environment),
            Contender(
                "aws s3 cp | age | zstd > f; pg_restore -j2 f",
                theirs(f"{fetch} && {load} {fetched}"),
                drop,
                environment,
            ),
            Contender("pg_restore -j2, from a local file", theirs(f"{load} {local}"), drop, environment),
            Contender("drkit restore (rows compared)", _restore(config, target, "full"), drop, environment),
        ],
        rounds,
    )
    with postgres_server(folder, settings=SETTINGS | SCRATCH) as scratch:
        into = scratch.dsn(TARGET)
        compare(
            "… into a scratch cluster of our own settings",
            [
                Contender(
                    "drkit restore --compare off",
                    _restore(config, into, "off"),
                    lambda: scratch.execute(f"DROP DATABASE IF EXISTS {TARGET}"),
                    environment,
                ),
                Contender(
                    "pg_restore -j2, from a local file, into the other", theirs(f"{load} {local}"), drop, environment
                ),
            ],
            rounds,
        )
    cleared(local, fetched)()


def bench_tables(folder: Path, _: float, rounds: int) -> None:
    with postgres_server(folder, settings=SETTINGS) as server:
        many_tables(server.create("many"), 5000)
        environment = {"DRKIT_BENCH_DSN": server.dsn("many")}
        store = folder / "pg-many"
        config, _recipient = set_up(folder, "pgmany", store.as_uri())
        plain = f"{server.bin}/pg_dump -Fc -Z0 -d $DRKIT_BENCH_DSN > {folder}/pg-many.dump"
        compare(
            "PostgreSQL, 5,000 tables, to a folder",
            [
                Contender("drkit backup now", drkit(config, "backup", "now"), cleared(store), environment),
                Contender("pg_dump -Fc -Z0 > file", shell(plain), cleared(folder / "pg-many.dump"), environment),
            ],
            rounds,
        )


@contextmanager
def shop_server(folder: Path, gigabytes: float) -> Iterator[tuple[PostgresServer, dict[str, str]]]:
    folder.mkdir(parents=True, exist_ok=True)
    with postgres_server(folder, settings=SETTINGS) as server:
        make_shop(server.create("shop"), gigabytes)
        server.execute("CHECKPOINT")
        yield server, {"DRKIT_BENCH_DSN": server.dsn("shop")}


def set_up(folder: Path, name: str, store: str) -> tuple[Path, str]:
    """A system with keys of its own: its folder of schedules, and its recipient."""
    home = Path(mkdtemp(prefix=f"{name}-", dir=folder))
    command = [DRKIT, "init", str(home), "--name", name, "--kind", "postgres", "--dsn", "env:DRKIT_BENCH_DSN"]
    subprocess.run([*command, "--store", store], check=True, capture_output=True)
    return home / "schedules", (home / "keys/recipient").read_text().strip()


def _changed(config: Path, line: str) -> Path:
    """The same system with one more line for its source."""
    changed = Path(mkdtemp(dir=config.parent))
    for schedule in config.glob("*.toml"):
        text = schedule.read_text().replace('kind = "postgres"', f'kind = "postgres"\n{line}')
        (changed / schedule.name).write_text(text)
    return changed


def size_of(server: PostgresServer) -> str:
    with psycopg.connect(server.dsn("shop")) as connection:
        [(size,)] = connection.execute("select pg_database_size('shop')")
    return f"{size / 1e9:.2f} GB"


def _restore(config: Path, target: str, compare: str) -> list[str]:
    return drkit(config, "restore", "--to", target, "--compare", compare)


def _nothing() -> None:
    """What is in the bucket stays there."""
