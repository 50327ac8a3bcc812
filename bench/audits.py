"""An audit of a folder store beside sha256sum over the same objects, which knows no manifest and no signature."""

import shutil
import subprocess
from pathlib import Path
from random import Random

from commands import DRKIT, cleared, shell
from measure import Contender, compare

_POINTS = 4
_PART = 16 << 20


def bench_audit(folder: Path, gigabytes: float, rounds: int) -> None:
    """Points of files that do not compress: what counts is what is stored."""
    home, tree, store = folder / "audited", folder / "audited-files", folder / "audited-store"
    for each in (home, tree, store):
        shutil.rmtree(each, ignore_errors=True)
    tree.mkdir()
    for number in range(max(1, int(gigabytes * 1e9 / _POINTS / _PART))):
        (tree / f"part-{number}").write_bytes(Random(number).randbytes(_PART))
    given = ["--name", "audited", "--path", str(tree), "--kind", "files", "--store", store.as_uri()]
    subprocess.run([DRKIT, "init", str(home), *given], check=True, capture_output=True)
    drkit = [DRKIT, "--config", str(home / "schedules")]
    for _ in range(_POINTS):
        subprocess.run([*drkit, "backup", "now"], check=True, capture_output=True)
    size = sum(path.stat().st_size for path in store.rglob("*.age")) / 1e9
    sums = f"find {store} -name '*.age' -print0 | xargs -0 -P2 -n1 sha256sum"
    compare(
        f"An audit of {_POINTS} points, {size:.2f} GB, in a folder",
        [
            Contender("drkit audit", [*drkit, "audit"], cleared(), {}),
            Contender("drkit audit --open", [*drkit, "audit", "--open"], cleared(), {}),
            Contender("xargs -P2 sha256sum", shell(sums), cleared(), {}),
        ],
        rounds,
    )
    cleared(home, tree, store)()
