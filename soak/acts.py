"""What people and schedules do with drkit, at random, with some of it killed on the way."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from random import Random
from statistics import median
from threading import Event

from daemon_runner import Clock
from drkit.when import format_moment
from engines import Source
from judging import judge_found, judge_restored, moment_of
from tally import Tally
from world import SYSTEM, Run, World

_CLEAN = {  # how each may fail where store and database do
    "backup": {4, 5},
    "restore": {4, 5, 6},
    "prune": {5},
    "replicate": {5},
    "verify": {4, 5, 6},
    "audit": {5},
    "status": {5, 8},
    "list": {5, 6},
}
_EXCUSES = {
    2: ("exists", "is there and is not an empty folder", "is not empty"),  # by a run that was killed right after
    7: ("pruned meanwhile",),  # where the store did not take the mark
    8: ("there is no point in time to restore",),  # yet
}


class Acts:
    """One who acts. Two of them are in each other's way as two hosts are."""

    def __init__(self, world: World, tally: Tally, dice: Random, name: str) -> None:
        self._world, self._tally, self._dice, self._name = world, tally, dice, name
        self._lasted: dict[str, list[float]] = {}
        self._count = 0

    def work(self, over: Event) -> None:
        kinds: Mapping[Callable[[], None], int] = {
            self._back_up: 8,
            self._restore: 6,
            self._prune: 2,
            self._replicate: 2,
            self._verify: 1,
            self._audit: 1,
            self._look: 1,
        }
        while not over.wait(self._dice.uniform(0, 1)):
            [act] = self._dice.choices(list(kinds), list(kinds.values()))
            act()

    def _back_up(self) -> None:
        source = self._dice.choice(self._world.sources)
        run = self._run("backup", "now", self._name_of(source), "--json")
        if run.code == 0:
            [made] = run.document["backups"]
            self._tally.made.setdefault(source.name, {})[made["id"]] = moment_of(made["finished_at"])

    def _restore(self) -> None:
        source, place = self._dice.choice(self._world.sources), self._dice.choice(("store", "replica"))
        listing = self._run("backup", "list", self._name_of(source), "--from", place, "--json", mortal=False)
        at = self._some_moment(source, listing) if listing.code == 0 else None
        if at is None:
            return
        self._count += 1
        target = source.target(f"{self._name}{self._count}")
        try:
            self._restore_to(source, target, at, place)
        finally:
            source.discard(target)

    def _restore_to(self, source: Source, target: str, at: str, place: str) -> None:
        words, more = restoring(self._name_of(source), source, target, at, place)
        run = self._run("restore", *words, **more)
        if run.killed and self._dice.random() < 0.5:
            run = self._run("restore", *words, mortal=False, **more)  # what was left is in nobody's way
        if run.code == 0 and not run.killed:
            judge_restored(self._tally, source, target, run)
        elif source.stands(target):  # it was published at the last moment
            judge_found(self._tally, source, target)

    def _some_moment(self, source: Source, listing: Run) -> str | None:
        """Any of the points that are not from the future; or any moment, where there is a log."""
        if source.name == "whole":
            windows = listing.document["windows"]
            if not windows:
                return None
            window = self._dice.choice(windows)
            start, end = moment_of(window["from"]), moment_of(window["to"])
            return format_moment(datetime.fromtimestamp(self._dice.uniform(start, end), UTC))
        points = [each["id"] for each in listing.document["points"] if each["kept_by"] != ["from the future"]]
        return self._dice.choice(points) if points else None

    def _prune(self) -> None:
        """Now and then with a clock that is as wrong as S3 puts up with."""
        wrong = self._dice.random() < 0.3
        clock = self._clock(timedelta(minutes=14), timedelta(minutes=-14)) if wrong else {}
        self._run("prune", SYSTEM, "--yes", **clock)

    def _replicate(self) -> None:
        self._run("replicate", SYSTEM)

    def _verify(self) -> None:
        """A drill that failed would have compared wrong data."""
        run = self._run("verify", "now", self._name_of(self._dice.choice(self._world.sources)), "--json")
        if run.killed or not run.out:
            return
        for drill in run.document["drills"]:
            wrong = [each for each in drill["checks"] if not each["passed"]]
            if wrong:
                self._tally.lose(f"the drill of {drill['source']} {drill['backup']} found {wrong}")

    def _audit(self) -> None:
        self._run("audit", SYSTEM, "--json")

    def _look(self) -> None:
        self._run("status", SYSTEM, "--json", mortal=False)

    def _run(self, *words: str, mortal: bool = True, **more: str) -> Run:
        """Two in five that may be killed are, at any moment of how long such a run takes."""
        what = words[1] if words[1] == "list" else words[0]
        usual = median(self._lasted.get(" ".join(words[:3]), [4.0]))
        after = self._dice.uniform(0.1, 1.1) * usual if mortal and self._dice.random() < 0.4 else None
        run = self._world.run(*words, kill_after=after, alone=self._dice.random() < 0.7, **more)
        if run.killed:
            self._tally.count(self._tally.kills, f"kill {what}")
        elif run.code == 0:
            self._tally.count(self._tally.runs, what)
            self._lasted.setdefault(" ".join(words[:3]), []).append(run.seconds)
        elif run.code in _CLEAN[what] or any(each in run.err + run.out for each in _EXCUSES.get(run.code, ())):
            self._tally.count(self._tally.refused, f"{what} with {run.code}")
        else:
            self._tally.find(f"{' '.join(words)} ended with {run.code}: {run.error}")
        return run

    def _clock(self, *shifts: timedelta) -> dict[str, str]:
        clock = Clock(self._world.folder / f"clock-{self._name}")
        clock.set(datetime.now(UTC) + self._dice.choice(shifts))
        self._tally.count(self._tally.faults, "wrong clock")
        environment = clock.environment
        del environment["FAKETIME_DONT_FAKE_MONOTONIC"]  # with it libfaketime lets nobody sleep
        return environment

    @staticmethod
    def _name_of(source: Source) -> str:
        return f"{SYSTEM}/{source.name}"


def restoring(name: str, source: Source, target: str, at: str, place: str) -> tuple[list[str], dict[str, str]]:
    """The words after `drkit restore`, and the variable that a password hides in."""
    secret = "://" in target
    to = "env:SOAK_TARGET" if secret else target
    words = [name, "--at", at, "--to", to, "--from", place, "--yes", "--json", *source.words]
    return words, {"SOAK_TARGET": target} if secret else {}
