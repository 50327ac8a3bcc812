"""The end of a soak: nothing is broken any more, nobody commits, and all that was promised must be there.

Every listed point of store and replica is restored and compared; of a log also moments between, to the very commit.
"""

from bisect import bisect_right
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, datetime
from functools import partial
from random import Random
from time import monotonic, sleep
from typing import Any

from acts import restoring
from drkit.catalog import read_manifest, survey
from drkit.config import load_system
from drkit.keyring import open_signers
from drkit.when import format_moment
from drkit.wiring import Source as Configured
from drkit.wiring import select_one
from engines import Shop, Source, Whole
from faults import Faults
from judging import judge_restored, moment_of
from tally import Tally
from world import SYSTEM, Run, World

_PATIENCE = 180
_WINDOWS_AT_ONCE = 2


def come_to_rest(world: World, tally: Tally, faults: Faults) -> None:
    """The daemon ends; the log is stored to the last commit; then whatever has to work without faults has to work."""
    faults.heal()
    faults.end_daemon()
    faults.keep_running("follower")
    stamps = [max(each.application.stamps(), default=0.0) for each in world.sources if isinstance(each, Whole)]
    until = monotonic() + _PATIENCE
    while stamps and _covered(world) < stamps[0]:
        if monotonic() > until:
            tally.lose(f"the log is not stored to its last commit: {_covered(world)} of {stamps[0]}")
            break
        sleep(0.5)
    faults.end_follower()
    for words in (
        ("backup", "now"),
        ("prune", SYSTEM, "--yes"),
        ("replicate",),
        ("audit",),
        ("evidence", "verify", "all"),
    ):
        run = _must(world, tally, *words, "--json")
        if words[0] == "backup" and run.code == 0:
            for made in run.document["backups"]:
                name = made["source"].partition("/")[2]
                tally.made.setdefault(name, {})[made["id"]] = moment_of(made["finished_at"])


def check_all(world: World, tally: Tally, dice: Random, moments: int) -> None:
    """`moments` is how many are picked of each log."""
    work = [item for place in ("store", "replica") for source in world.sources
            for item in _checks(world, tally, dice, source, place, moments)]  # fmt: skip
    with ThreadPoolExecutor(_WINDOWS_AT_ONCE) as workers:
        list(workers.map(lambda item: item(), work))


def _must(world: World, tally: Tally, *words: str) -> Run:
    run = world.run(*words)
    if run.code != 0:
        tally.lose(f"nothing is broken any more, and {' '.join(words)} ended with {run.code}: {run.error}")
    return run


def _covered(world: World) -> float:
    run = world.run("backup", "list", f"{SYSTEM}/whole", "--json")
    ends = [moment_of(each["to"]) for each in run.document["windows"]] if run.code == 0 else []
    return max(ends, default=0.0)


def _checks(world: World, tally: Tally, dice: Random, source: Source, place: str, moments: int) -> Iterator[Any]:
    run = _must(world, tally, "backup", "list", f"{SYSTEM}/{source.name}", "--from", place, "--json")
    if run.code != 0:
        return
    listed = run.document
    points = [each["id"] for each in listed["points"] if each["kept_by"] != ["from the future"]]
    _miss(world, tally, source, place, set(points))
    if isinstance(source, Whole):
        for number, moment in enumerate(_moments(world, tally, dice, source, place, listed["windows"], moments)):
            at = format_moment(datetime.fromtimestamp(moment, UTC))
            judge = partial(_judge_log, tally, source, moment)
            yield partial(_check, world, tally, source, place, at, f"{place}{number}", judge)
    else:
        for number, point in enumerate(points):
            judge = partial(judge_restored, tally, source)
            yield partial(_check, world, tally, source, place, point, f"{place}{number}", judge)


def _miss(world: World, tally: Tally, source: Source, place: str, listed: set[str]) -> None:
    """Of the newest points that `keep` keeps, those that were acknowledged are listed: `listed` are without those from
    the future, which take nobody's place."""
    made = set(tally.made.get(source.name, {}))
    for point in sorted(made | listed, reverse=True)[: world.keep]:
        if point not in listed:
            tally.lose(f"{source.name} {point} was acknowledged, and the {place} does not list it")


def _check(
    world: World, tally: Tally, source: Source, place: str, at: str, label: str, judge: Callable[[str, Run], None]
) -> None:
    """A point, or a moment of the log, is restored and judged."""
    target = source.target(f"end_{label}")
    words, more = restoring(f"{SYSTEM}/{source.name}", source, target, at, place)
    run = world.run("restore", *words, **more)
    try:
        if run.code != 0:
            tally.lose(f"{source.name} at {at} of the {place} is not restored: {run.code}: {run.error}")
            return
        judge(target, run)
        tally.count(tally.checked, f"at the end, {place}")
    except Exception as error:  # noqa: BLE001 - whatever is wrong with it
        tally.lose(f"{source.name} at {at} of the {place}: {type(error).__name__}: {error}")
    finally:
        with suppress(OSError):
            source.discard(target)


def _moments(
    world: World, tally: Tally, dice: Random, source: Whole, place: str, windows: list[dict[str, str]], count: int
) -> list[float]:
    """The end of each base backup, as then it is the one that is used; commits at random; and the last one."""
    shop: Shop = source.application
    stamps = shop.stamps()
    if len(windows) != 1:
        tally.lose(f"the log of the {place} has gaps: {windows}")
        return []
    start, end = moment_of(windows[0]["from"]), moment_of(windows[0]["to"])
    if end < stamps[-1]:
        tally.lose(f"the log of the {place} ends at {windows[0]['to']}, before the last commit")
    ends = [each for each in _base_ends(world, source, place) if start <= each <= end]
    inside = [each for each in stamps if start <= each <= end]
    return [*ends, *dice.sample(inside, min(count, len(inside))), end]


def _base_ends(world: World, source: Whole, place: str) -> list[float]:
    seen: Configured = select_one([load_system(world.folder / f"schedules/{SYSTEM}.toml")], f"{SYSTEM}/{source.name}")
    if place == "replica":
        [seen] = seen.replicas()
    store, signers = seen.store(), open_signers(seen.system)
    manifests = [read_manifest(store, seen.name, point.id, signers) for point in survey(store, seen.name).points]
    return [manifest.base.stopped_at.timestamp() for manifest in manifests if manifest.base]


def _judge_log(tally: Tally, source: Whole, moment: float, target: str, _: Run) -> None:
    """Exactly what was committed by then: not one more, and not one less."""
    found = source.judge(target, 0.0, float("inf"))
    wanted = bisect_right(source.application.stamps(), moment)
    if found != wanted:
        tally.lose(f"{moment} of the log has {found} commits in {target}, and {wanted} there were")
