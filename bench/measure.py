"""Runs commands side by side, turn by turn, and gives medians and their ratio. Peak memory is the child's own.

What a command wrote is removed right after it, so that all begin alike: on a virtual machine a page that was free for
a while costs far more than one that was just in use.
"""

import os
import statistics
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Contender:
    name: str
    command: Sequence[str]
    after: Callable[[], None]
    environment: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Run:
    seconds: float
    cpu: float
    peak_mib: float


def run(contender: Contender) -> Run:
    os.sync()
    started = time.perf_counter()
    child = subprocess.Popen(
        contender.command,
        env=os.environ | contender.environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )
    errors = child.stderr.read() if child.stderr else b""
    _, status, usage = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode:
        raise SystemExit(f"{contender.name} ended with {child.returncode}: {errors.decode()}")
    seconds = time.perf_counter() - started
    contender.after()
    return Run(seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024)


def compare(title: str, contenders: Sequence[Contender], rounds: int) -> None:
    """The first contender is drkit; each of the others gets a ratio against it."""
    runs: dict[str, list[Run]] = {contender.name: [] for contender in contenders}
    for _ in range(rounds):
        for contender in contenders:
            runs[contender.name].append(run(contender))
    wall = {name: statistics.median(each.seconds for each in done) for name, done in runs.items()}
    print(f"\n{title} (medians of {rounds})")
    for name, done in runs.items():
        cpu = statistics.median(each.cpu for each in done)
        peak = max(each.peak_mib for each in done)
        print(f"  {name:44} {wall[name]:7.2f} s wall {cpu:7.2f} s cpu {peak:6.0f} MiB peak")
    mine = contenders[0].name
    for name in list(wall)[1:]:
        print(f"  ratio to {name:35} {wall[mine] / wall[name]:7.2f}")
