"""drkit beside the tools it replaces, in one run, as ratios of medians.

    bench/run.py [all|sqlite|s3|cli|postgres|postgres-s3|postgres-tables|drills|metrics|daemon|bases|increments|follow
                  |replay|audit]
                 [--rounds 5] [--gb 1] [--folder FOLDER]

It is not a test: no figure fails anything. Machines differ and are noisy: compare ratios of one run, not seconds.
"""

import argparse
import os
import shutil
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path

from audits import bench_audit
from commands import DRKIT, cleared, shell
from daemon import bench_daemon
from data import make_shop
from drills import bench_drills
from dumps import bench_backups, bench_tables
from dumps import bench_s3 as bench_postgres_s3
from following import bench_following
from measure import Contender, compare
from metrics import bench_metrics
from physical import bench_bases, bench_increments
from replay import bench_replay
from servers.radosgw import radosgw_server


def setup(folder: Path, name: str, path: Path, store: str) -> str:
    """A system with keys of its own; gives its --config."""
    home = folder / name
    shutil.rmtree(home, ignore_errors=True)
    command = [DRKIT, "init", str(home), "--name", name, "--path", str(path), "--kind", "sqlite", "--store", store]
    subprocess.run(command, check=True, capture_output=True)
    return str(home / "schedules")


def bench_sqlite(folder: Path, gigabytes: float, rounds: int) -> None:
    shop, store, out = folder / f"shop-{gigabytes:g}.db", folder / "store", folder / "pipe.age"
    make_shop(shop, int(gigabytes * 1e9))
    config = setup(folder, "local", shop, store.as_uri())
    recipient = (folder / "local/keys/recipient").read_text().strip()
    identity = folder / "local/keys/identity"
    copy, back, theirs = folder / "copy.db", folder / "restored.db", folder / "reverse.db"
    pipe = f"sqlite3 {shop} '.backup {copy}' && zstd -3 -T2 < {copy} | age -r {recipient} > {out}"
    size = shop.stat().st_size / 1e9
    compare(
        f"SQLite, {size:.2f} GB, to a folder",
        [
            Contender("drkit backup now", [DRKIT, "--config", config, "backup", "now"], cleared(store), {}),
            Contender(".backup && zstd -3 -T2 | age", shell(pipe), cleared(copy, out), {}),
            Contender(
                ".backup && zstd -3 -T2 | age, then sync", shell(f"{pipe} && sync {out}"), cleared(copy, out), {}
            ),
        ],
        rounds,
    )
    subprocess.run([DRKIT, "--config", config, "backup", "now"], check=True, capture_output=True)
    subprocess.run(shell(pipe), check=True)
    cleared(copy)()
    stored = sum(path.stat().st_size for path in store.rglob("*.age"))
    print(f"  stored: drkit {stored / 1e6:.0f} MB, the pipe {out.stat().st_size / 1e6:.0f} MB")
    reverse = f"age -d -i {identity} < {out} | zstd -d > {theirs}"
    compare(
        f"SQLite, {size:.2f} GB, back from a folder",
        [
            Contender("drkit restore", [DRKIT, "--config", config, "restore", "--to", str(back)], cleared(back), {}),
            Contender("age -d | zstd -d", shell(reverse), cleared(theirs), {}),
            Contender("age -d | zstd -d, then sync", shell(f"{reverse} && sync {theirs}"), cleared(theirs), {}),
        ],
        rounds,
    )
    cleared(store, out, copy, back, theirs)()


def bench_s3(folder: Path, gigabytes: float, rounds: int) -> None:
    shop, copy, ceph = folder / f"shop-{gigabytes:g}.db", folder / "copy.db", folder / "ceph"
    make_shop(shop, int(gigabytes * 1e9))
    cleared(ceph)()
    ceph.mkdir()
    with radosgw_server(ceph) as servers:
        server = servers.http
        environment = server.environment() | {"AWS_DEFAULT_REGION": server.region}
        aws = f"aws --endpoint-url {server.endpoint}"
        subprocess.run(shell(f"{aws} s3 mb s3://bench"), env=os.environ | environment, check=True, capture_output=True)
        config = setup(folder, "s3", shop, f"s3://bench/drkit?endpoint_url={server.endpoint}")
        recipient = (folder / "s3/keys/recipient").read_text().strip()
        pipe = (
            f"sqlite3 {shop} '.backup {copy}' && zstd -3 -T2 < {copy} | age -r {recipient}"
            f" | {aws} s3 cp --expected-size {shop.stat().st_size} - s3://bench/pipe.age"
        )
        compare(
            f"SQLite, {shop.stat().st_size / 1e9:.2f} GB, to radosgw",
            [
                Contender("drkit backup now", [DRKIT, "--config", config, "backup", "now"], cleared(), environment),
                Contender(".backup && zstd | age | aws s3 cp -", shell(pipe), cleared(copy), environment),
            ],
            rounds,
        )
        back, theirs = folder / "restored.db", folder / "reverse.db"
        identity = folder / "s3/keys/identity"
        reverse = f"{aws} s3 cp s3://bench/pipe.age - | age -d -i {identity} | zstd -d > {theirs}"
        command = [DRKIT, "--config", config, "restore", "--to", str(back)]
        compare(
            "… and back",
            [
                Contender("drkit restore", command, cleared(back), environment),
                Contender("aws s3 cp - | age -d | zstd -d", shell(reverse), cleared(theirs), environment),
            ],
            rounds,
        )
        cleared(copy, back, theirs)()


def bench_cli(folder: Path, _: float, rounds: int) -> None:
    shop, store = folder / "small.db", folder / "many"
    make_shop(shop, 1_000_000)
    config = setup(folder, "many", shop, store.as_uri())
    first = datetime(2025, 1, 1, tzinfo=UTC)
    for number in range(10_000):
        moment = (first + timedelta(hours=number)).strftime("%Y%m%dT%H%M%S.%f")
        place = store / f"many/main/backups/{moment}Z-{number:08x}"
        place.mkdir(parents=True)
        (place / "database.zst.age").write_bytes(b"x")
        (place / "manifest.json").write_bytes(b"{}")
    compare("drkit --help", [Contender("drkit --help", [DRKIT, "--help"], cleared(), {})], rounds)
    listing = [DRKIT, "--config", config, "backup", "list"]
    compare("10,000 points in a folder", [Contender("drkit backup list", listing, cleared(), {})], rounds)
    cleared(store)()


def main() -> None:
    benches = {
        "sqlite": bench_sqlite,
        "s3": bench_s3,
        "cli": bench_cli,
        "postgres": bench_backups,
        "postgres-s3": bench_postgres_s3,
        "postgres-tables": bench_tables,
        "drills": bench_drills,
        "bases": bench_bases,
        "increments": bench_increments,
        "follow": bench_following,
        "replay": bench_replay,
        "metrics": bench_metrics,
        "daemon": lambda folder, _gigabytes, _rounds: bench_daemon(folder),
        "audit": bench_audit,
    }
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", nargs="?", default="all", choices=["all", *benches])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--gb", type=float, default=1)
    parser.add_argument("--folder", type=Path, default=Path(".cache/bench"))
    chosen = parser.parse_args()
    folder = chosen.folder.absolute()
    folder.mkdir(parents=True, exist_ok=True)
    os.environ["TMPDIR"] = str(folder)
    for name, bench in benches.items():
        if chosen.what in ("all", name):
            bench(folder, chosen.gb, chosen.rounds)


if __name__ == "__main__":
    main()
