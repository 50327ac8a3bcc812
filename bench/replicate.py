"""What a replica costs: the plan over 100,000 objects, and a copy of 1,000 beside what boto3 alone needs for them.

    PYTHONPATH=tests bench/replicate.py [--objects 1000] [--bytes 100000] [--rounds 5] [--folder FOLDER]

The plan is measured in a process of its own from listings on, with the listings in its memory. The copy goes from one
bucket of a local radosgw to another; boto3 alone gets and puts the same keys with as many threads as drkit has streams.
"""

import argparse
import os
import resource
import shutil
import statistics
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from random import Random
from time import perf_counter, process_time
from zoneinfo import ZoneInfo

from drkit import catalog
from drkit.model import Digest, Entry
from drkit.replicate import copy, find_held_back, plan_copy
from drkit.replicate.copying import STREAMS
from drkit.retention import Policy
from drkit.stores import open_store
from manifests import KEY, SIGNERS, manifest_of, put
from servers.radosgw import radosgw_server
from servers.s3_server import S3Server

START = datetime(2020, 1, 1, tzinfo=UTC)
OBJECTS = 100_000


def listing(count: int) -> Iterator[Entry]:
    for number in range(count // 4):
        at = START + timedelta(minutes=30 * number)
        folder = catalog.folder_of("shop/main", catalog.make_id(at, "7f3a9c01"))
        for name in ("contents.zst.age", "dump.zst.age", "manifest.json", "steps.zst.age"):
            yield Entry(f"{folder}/{name}", 1000, at)


def measure_plan(held: int) -> None:
    here, there = list(listing(OBJECTS)), list(listing(held))
    began, used = perf_counter(), process_time()
    points, theirs = (catalog.read_listing("shop/main", entries).points for entries in (here, there))
    policy = Policy(within=timedelta(days=30), daily=10_000)
    held_back = find_held_back(policy, points, theirs, ZoneInfo("Europe/Madrid"), START + timedelta(days=3650))
    plan = plan_copy(here, there, held_back)
    seconds, cpu = perf_counter() - began, process_time() - used
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    copied = sum(1 for _ in plan.entries)
    taken = f"{seconds:.2f} s wall, {cpu:.2f} s cpu, peak {peak:.0f} MiB"
    print(f"  {OBJECTS:,} here, {held:,} there: {copied:,} to copy, {taken}")


def fill(url: str, objects: int, size: int) -> list[str]:
    store, random = open_store(url), Random(1)
    for number in range(objects // 4):
        drawn = manifest_of(START + timedelta(hours=number), pieces=3)
        bodies = [random.randbytes(size) for _ in drawn.pieces]
        pieces = tuple(
            replace(piece, sealed=Digest(sha256(body).hexdigest(), size))
            for piece, body in zip(drawn.pieces, bodies, strict=True)
        )
        for piece, body in zip(pieces, bodies, strict=True):
            put(store, piece.key, body)
        catalog.commit(store, replace(drawn, pieces=pieces), KEY)
    return [entry.key for entry in store.list()]


def copy_with_boto3(server: S3Server, here: str, there: str, keys: list[str]) -> None:
    client = server.client()

    def one(key: str) -> None:
        body = client.get_object(Bucket=here, Key=f"prod/{key}")["Body"].read()
        client.put_object(Bucket=there, Key=f"prod/{key}", Body=body)

    with ThreadPoolExecutor(STREAMS) as pool:
        list(pool.map(one, keys))
    client.close()


def copy_with_drkit(here: str, there: str) -> None:
    ours, theirs = open_store(here), open_store(there)
    done = copy(plan_copy(ours.list(), theirs.list()), ours, theirs, SIGNERS)
    assert not done.failures


def bench_copy(folder: Path, objects: int, size: int, rounds: int) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    with radosgw_server(folder) as servers:
        server = servers.http
        os.environ.update(server.environment())
        here = server.new_bucket()
        keys = fill(server.url(here, "prod"), objects, size)
        times: dict[str, list[float]] = {"drkit": [], "boto3 alone": []}
        for _ in range(rounds):
            for name in times:
                there = server.new_bucket()
                began = perf_counter()
                if name == "drkit":
                    copy_with_drkit(server.url(here, "prod"), server.url(there, "prod"))
                else:
                    copy_with_boto3(server, here, there, keys)
                times[name].append(perf_counter() - began)
        print(f"{len(keys):,} objects of up to {size:,} bytes, from radosgw to radosgw (medians of {rounds})")
        middle = {name: statistics.median(taken) for name, taken in times.items()}
        for name, seconds in middle.items():
            print(f"  {name:12} {seconds:6.2f} s   {[round(each, 2) for each in times[name]]}")
        print(f"  ratio        {middle['drkit'] / middle['boto3 alone']:6.2f}")
    shutil.rmtree(folder)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--objects", type=int, default=1000)
    parser.add_argument("--bytes", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--folder", type=Path, default=Path(".cache/bench/replicate"))
    parser.add_argument("--plan", type=int, help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.plan is not None:
        measure_plan(chosen.plan)
        return
    print("the plan, with what retention holds back", flush=True)
    for held in (0, OBJECTS // 2, OBJECTS):
        subprocess.run([sys.executable, __file__, "--plan", str(held)], check=True)
    bench_copy(chosen.folder.absolute(), chosen.objects, chosen.bytes, chosen.rounds)


if __name__ == "__main__":
    main()
