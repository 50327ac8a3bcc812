"""An hour of load, faults and kills; then all that is listed must restore and be what it was.

    soak/run.py [--minutes 60] [--seed N] [--keep 6] [--moments 12] [--folder FOLDER]

It ends with 0 if nothing was lost and nothing else was found, and with 1 otherwise: then the folder stays for a look.
A seed fixes what is tried, and in which order by each actor; not how fast the machine is, and so not who meets whom.
"""

import argparse
import faulthandler
import os
import shutil
import signal
import sys
import tempfile
from pathlib import Path
from random import Random, SystemRandom
from threading import Event, Thread
from time import monotonic

from acts import Acts
from ending import check_all, come_to_rest
from engines import Application
from faults import Faults
from processes import kill
from tally import Tally
from world import World, open_world

_ACTORS = 2
_PAUSE = 0.05  # between commits


def main() -> int:
    options = _options()
    folder = options.folder or Path(tempfile.mkdtemp(prefix="drkit-soak-"))
    folder.mkdir(exist_ok=True)
    print(f"seed {options.seed}, {options.minutes:g} minutes, in {folder}", flush=True)
    with open_world(folder, options.seed, options.keep) as world:
        tally = Tally(world.tell)
        for name, value in world.environment.items():  # so that stores can be looked at from here
            if name.startswith("AWS_"):
                os.environ[name] = value
        try:
            _soak(world, tally, options.seed, options.minutes * 60)
            check_all(world, tally, Random(f"{options.seed}/end"), options.moments)
        finally:
            kill(world.processes())
        commits = sum(each.ledger.count for each in world.applications)
    print(f"commits: {commits}", *tally.lines(), sep="\n", flush=True)
    if tally.is_clean and not options.folder:
        shutil.rmtree(folder)
        return 0
    print(f"seed {options.seed}; a look: {folder}/soak.log and {folder}/runs", flush=True)
    return 0 if tally.is_clean else 1


def _soak(world: World, tally: Tally, seed: int, seconds: float) -> None:
    over, still = Event(), Event()
    writers = [Thread(target=_commit, args=(each, still, tally), daemon=True) for each in world.applications]
    for writer in writers:
        writer.start()
    actors = [Acts(world, tally, Random(f"{seed}/{number}"), "ab"[number]) for number in range(_ACTORS)]
    workers = [Thread(target=_work, args=(each, over, tally), daemon=True) for each in actors]
    dice = Random(f"{seed}/faults")
    faults = Faults(world, tally, dice)
    until = monotonic() + seconds
    faults.keep_running()
    for worker in workers:
        worker.start()
    while monotonic() < until:
        over.wait(dice.uniform(0.5, 4))
        faults.strike()
        faults.keep_running()
    over.set()
    faults.heal()
    for worker in workers:
        worker.join()
    still.set()
    for writer in writers:
        writer.join()
    come_to_rest(world, tally, faults)


def _commit(application: Application, still: Event, tally: Tally) -> None:
    try:
        while not still.wait(_PAUSE):
            application.commit()
    except BaseException as error:  # noqa: BLE001 - a soak without its load shows nothing
        tally.find(f"the load on {type(application).__name__} ended: {type(error).__name__}: {error}")


def _work(acts: Acts, over: Event, tally: Tally) -> None:
    try:
        acts.work(over)
    except BaseException as error:  # noqa: BLE001 - nor one without its actors
        tally.find(f"an actor ended: {type(error).__name__}: {error}")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--seed", type=int, default=SystemRandom().randrange(1_000_000))
    parser.add_argument("--keep", type=int, default=6, help="points of each source")
    parser.add_argument("--moments", type=int, default=12, help="commits of each log that are restored at the end")
    parser.add_argument("--folder", type=Path, help="a new one, which stays")
    return parser.parse_args()


if __name__ == "__main__":
    faulthandler.enable()
    for number in (signal.SIGINT, signal.SIGTERM):  # both end all that it has started
        signal.signal(number, signal.default_int_handler)
    sys.exit(main())
