"""The daemon and the log of a physical source: it is followed for as long as the daemon runs."""

import asyncio
import os
import signal
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from daemon_runner import Daemon, daemon_running, members_of
from daemon_world import source_bulletin
from drkit.bulletin import Bulletin, LogBulletin
from drkit.catalog import survey
from drkit.config import load_system
from drkit.daemon.child import Answer, Hear
from drkit.daemon.following import FOLLOW, Following, plan_followers
from drkit.daemon.model import Running, State
from drkit.daemon.troubles import complete
from patience import await_true
from servers.physical import SOURCE, PhysicalSystem, physical_system


def followers(system: PhysicalSystem) -> list[int]:
    """Without what one has just forked: until that is another program it has the same words."""
    found = {process.pid: process.parent for process in members_of(system.drkit) if "follow" in process.words}
    return [pid for pid, parent in found.items() if parent not in found]


def await_followed(daemon: Daemon, system: PhysicalSystem) -> None:
    wanted = system.position()
    daemon.await_(lambda: system.stored_to(wanted))


def test_the_log_of_a_physical_source_is_followed_and_its_follower_started_again(tmp_path: Path) -> None:
    with physical_system(tmp_path) as system, daemon_running(system.drkit) as daemon:
        daemon.await_message("the log of shop/main is followed")
        await_followed(daemon, system)
        daemon.await_ended(1)  # the first base backup
        [follower] = followers(system)
        os.kill(follower, signal.SIGKILL)
        daemon.await_message("ended and is started again")
        system.server.execute("CREATE TABLE later ()")
        await_followed(daemon, system)
        assert daemon.stop() == 0
        await_true(lambda: not followers(system))
        assert survey(system.store, SOURCE).points


def test_a_changed_schedule_is_the_followers_too(tmp_path: Path) -> None:
    with physical_system(tmp_path) as system, daemon_running(system.drkit) as daemon:
        await_followed(daemon, system)
        [before] = followers(system)
        system.configure(interval="2s")
        daemon.await_message("the schedules were loaded anew")
        daemon.await_(
            lambda: [each for each in followers(system) if each != before] and before not in followers(system)
        )
        system.server.execute("CREATE TABLE later ()")
        await_followed(daemon, system)
        assert daemon.stop() == 0


def test_a_log_that_nobody_has_followed_for_five_minutes_is_a_trouble() -> None:
    now = [datetime(2026, 11, 20, tzinfo=UTC)]

    async def live() -> None:
        again = asyncio.Event()

        async def ends_at_once(_run: Running, _hear: Hear) -> Answer:
            return Answer(7, errors=({"message": "it cannot be continued", "hint": "begin it anew"},))

        following = Following(ends_at_once, lambda: now[0], lambda _: again.set())
        following.plan([SOURCE])
        await again.wait()
        assert not following.failing(now[0])
        now[0] += timedelta(minutes=6)
        state = complete(State(now[0], not_followed=following.failing(now[0])))
        [trouble] = state.troubles[SOURCE]
        assert (trouble.kind, trouble.next_step) == ("follow failed", "begin it anew")
        assert "it cannot be continued" in trouble.what
        await following.stop()

    asyncio.run(live())


def test_a_follower_at_its_work_is_no_trouble_and_tells_how_far_it_is() -> None:
    now = [datetime(2026, 11, 20, tzinfo=UTC)]

    async def live() -> None:
        runs: list[Hear] = []
        told = asyncio.Event()

        async def works_the_second_time(_run: Running, hear: Hear) -> Answer:
            runs.append(hear)
            if len(runs) == 1:
                return Answer(4)
            said = {"covered_until": "…", "lag_seconds": 1.5, "position": "0/5000000", "slot_safe_bytes": 7 << 20}
            hear({"message": "following", **said})
            told.set()
            await asyncio.Event().wait()
            raise AssertionError("nothing sets it")

        following = Following(works_the_second_time, lambda: now[0], lambda _: None)
        following.plan([SOURCE])
        await told.wait()
        now[0] += timedelta(hours=1)
        assert not following.failing(now[0])
        assert following.running[FOLLOW, SOURCE].message == "1.5s behind, stored up to 0/5000000"
        seen = replace(source_bulletin(SOURCE, []), log=LogBulletin(now[0], timedelta(0), None))
        [source] = following.complete(Bulletin((seen,))).sources
        assert source.log and source.log.slot_safe_bytes == 7 << 20
        following.plan([])
        await following.stop()

    asyncio.run(live())


def test_a_source_is_followed_where_what_is_stored_can_be_signed(tmp_path: Path) -> None:
    with physical_system(tmp_path) as system:
        schedule = system.folder / "schedules/shop.toml"
        assert plan_followers([load_system(schedule)]) == (SOURCE,)
        schedule.write_text(schedule.read_text().replace('signing_key = "file:../keys/signing"\n', ""))
        assert plan_followers([load_system(schedule)]) == ()
