"""A drill beside the restore that it rehearses: what it costs, and whether its own clock tells the truth."""

import json
import os
import statistics
import subprocess
from pathlib import Path

from commands import cleared, drkit
from dumps import TARGET, set_up, shop_server, size_of
from measure import Contender, compare


def bench_drills(folder: Path, gigabytes: float, rounds: int) -> None:
    with shop_server(folder, gigabytes) as (server, environment):
        store = folder / "drills-store"
        cleared(store)()
        config, _recipient = set_up(folder, "drills", store.as_uri())
        everything = os.environ | environment
        subprocess.run(drkit(config, "backup", "now"), env=everything, check=True, capture_output=True)
        target = server.dsn(TARGET)

        def drop() -> None:
            server.execute(f"DROP DATABASE IF EXISTS {TARGET}")

        restore = drkit(config, "restore", "--to", target)
        compare(
            f"PostgreSQL, {size_of(server)}: a restore test",
            [
                Contender("drkit verify now", drkit(config, "verify", "now"), _nothing, environment),
                Contender("drkit restore (rows compared)", restore, drop, environment),
                Contender("drkit restore --compare off", [*restore, "--compare", "off"], drop, environment),
            ],
            rounds,
        )
        listed = subprocess.run(
            drkit(config, "--json", "evidence", "list"), env=everything, check=True, capture_output=True
        )
        drills = json.loads(listed.stdout)["drills"]
        measured = statistics.median(each["rto"] for each in drills)
        print(f"  RTO that the drills measured: {measured:.2f} s (median)")
        cleared(store)()


def _nothing() -> None:
    """A drill leaves nothing but its evidence."""
