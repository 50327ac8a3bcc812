"""What befalls the store, the database and the programs that run on: one fault after the other, as the dice have it.

It must not know what anybody checks. Called from one thread alone, as servers end with the thread that started them.
"""

import os
import signal
import subprocess
from collections.abc import Callable, Mapping
from contextlib import suppress
from random import Random
from time import sleep

from psycopg import OperationalError

from processes import Process, children_of, kill
from servers.proxy import answer_error, cut_body_after, cut_request_after, hold_for, swallow_answer
from tally import Tally
from world import SYSTEM, World, end

_PATIENCE = 60
_AT_WORK = "following timeline"
_LONG_RUNNING = {
    "daemon": ("daemon", "--listen", "127.0.0.1:0", "--look-every", "20s"),
    "follower": ("follow", f"{SYSTEM}/whole"),
}


class Faults:
    def __init__(self, world: World, tally: Tally, dice: Random) -> None:
        self._world, self._tally, self._dice = world, tally, dice
        self._running: dict[str, subprocess.Popen[bytes]] = {}

    def strike(self) -> None:
        """One fault, to its end; what hits requests may hit later ones."""
        kinds: Mapping[str, tuple[int, Callable[[], None]]] = {
            "slow down": (6, self._slow_down),
            "request cut": (5, self._cut_request),
            "answer cut": (5, self._cut_answer),
            "answer lost": (5, self._lose_answer),
            "answer held": (3, self._hold_answer),
            "error inside 200": (3, self._hide_error),
            "store away": (2, self._be_away),
            "store killed": (1, self._kill_store),
            "database killed": (1, self._kill_database),
            "database restarted": (1, self._restart_database),
            "cache killed": (1, self._kill_cache),
            "sessions ended": (2, self._end_sessions),
            "kill daemon": (2, self._kill_daemon),
            "kill job of the daemon": (4, self._kill_job),
            "kill follower": (4, self._kill_follower),
        }
        [name] = self._dice.choices(list(kinds), [weight for weight, _ in kinds.values()])
        self._world.tell(f"fault: {name}")
        self._tally.count(self._tally.kills if name.startswith("kill ") else self._tally.faults, name)
        kinds[name][1]()

    def keep_running(self, *names: str) -> None:
        """The daemon, and a follower beside its own one; or just those that are named."""
        for name in names or _LONG_RUNNING:
            child = self._running.get(name)
            if child and child.poll() is not None:
                self._look_at_end(name, child)
            if child is None or child.poll() is not None:
                self._running[name] = self._world.start(*_LONG_RUNNING[name])

    def heal(self) -> None:
        for proxy in self._world.proxies:
            proxy.heals()

    def end_daemon(self) -> None:
        """It, and all of its jobs, as an operator does it."""
        self._end("daemon")
        for process in self._orphans():
            with suppress(ProcessLookupError):
                os.kill(process.pid, signal.SIGTERM)

    def end_follower(self) -> None:
        self._end("follower")

    def _end(self, name: str) -> None:
        child = self._running.pop(name)
        child.terminate()
        try:
            child.wait(_PATIENCE)
        except subprocess.TimeoutExpired:
            self._tally.find(f"the {name} does not end when it is told to")
            end(child, alone=False)
        else:
            self._look_at_end(name, child)

    def _look_at_end(self, name: str, child: "subprocess.Popen[bytes]") -> None:
        said = child.place.with_suffix(".err").read_text()  # type: ignore[attr-defined]
        if child.returncode == 4 and _AT_WORK not in said:  # it was started while the database was down
            self._tally.count(self._tally.refused, f"{name} with 4")
        elif child.returncode not in (0, 130, -signal.SIGKILL):
            self._tally.find(f"the {name} ended by itself with {child.returncode}: {said[-1500:]}")

    def _orphans(self) -> list[Process]:
        """Jobs of a daemon that is no more, or of this one: all that drkit runs but our own children."""
        ours = {child.pid for child in self._running.values()}
        return [process for process in self._world.processes() if process.pid not in ours]

    def _slow_down(self) -> None:
        self._break("", answer_error(503, "SlowDown"), self._dice.randrange(1, 26))

    def _cut_request(self) -> None:
        self._break("^(PUT|POST)", cut_request_after(self._dice.randrange(2000)), self._dice.randrange(1, 5))

    def _cut_answer(self) -> None:
        self._break("^GET", cut_body_after(self._dice.randrange(5000)), self._dice.randrange(1, 5))

    def _lose_answer(self) -> None:
        self._break("", swallow_answer, self._dice.randrange(1, 5))

    def _hold_answer(self) -> None:
        self._break("", hold_for(self._dice.uniform(1, 15)), self._dice.randrange(1, 4))

    def _hide_error(self) -> None:
        self._break("^POST", answer_error(200, "InternalError"), self._dice.randrange(1, 4))

    def _be_away(self) -> None:
        fault = self._break("", answer_error(503, "ServiceUnavailable"), 1_000_000)
        sleep(self._dice.uniform(1, 20))
        fault.times = 0

    def _break(self, pattern: str, act, times: int):
        return self._dice.choice(self._world.proxies).breaks(pattern, act, times)

    def _kill_store(self) -> None:
        gateway = self._world.gateway.gateway
        assert gateway
        gateway.crash()
        sleep(self._dice.uniform(0, 5))
        gateway.start()

    def _kill_database(self) -> None:
        self._world.server.crash()
        sleep(self._dice.uniform(0, 3))
        self._world.server.start()

    def _restart_database(self) -> None:
        """A shutdown waits for what follows the log, and that for the store: so it is not asked to be patient."""
        self._world.server.stop("immediate")
        self._world.server.start()

    def _kill_cache(self) -> None:
        self._world.redis.kill()
        sleep(self._dice.uniform(0, 3))
        self._world.redis.start()

    def _end_sessions(self) -> None:
        with suppress(OperationalError):
            self._world.server.query(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE pid <> pg_backend_pid() AND backend_type IN ('client backend', 'walsender')"
            )

    def _kill_daemon(self) -> None:
        """Alone: what it has started goes on. Or with all that is drkit's and nobody else's."""
        with_jobs = self._dice.random() < 0.3
        end(self._running["daemon"], alone=True)
        if with_jobs:
            kill(self._orphans())

    def _kill_job(self) -> None:
        if jobs := children_of(self._running["daemon"].pid):
            kill([self._dice.choice(jobs)])

    def _kill_follower(self) -> None:
        end(self._running["follower"], alone=True)
