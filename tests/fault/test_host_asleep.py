"""The host sleeps for an hour in the middle of a backup: all that runs stands still, the clock does not, lines die."""

import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
import pytest

from daemon_runner import Clock
from fault_gate import Gate
from fault_system import BOOKS, DOCS, Answer, FaultSystem, answer_of, make_system
from patience import PATIENCE
from postgres_system import fill
from postgres_system import make_system as make_postgres
from servers.postgres import NamedServer
from servers.proxy import proxy_before
from servers.s3_server import S3Server

HOUR = timedelta(hours=1)
BIG = 9_000_000  # two parts


@pytest.fixture
def clock(tmp_path: Path) -> Clock:
    found = Clock(tmp_path / "clock")
    found.right()
    return found


@pytest.mark.parametrize("moment", ["PUT .*partNumber=1", "PUT .*manifest"])
def test_a_backup_whose_lines_died_while_its_host_slept_is_whole_or_not_listed(
    tmp_path: Path, moto_url: S3Server, use_server, moment: str
) -> None:
    use_server(moto_url)
    with proxy_before(moto_url) as (proxy, near):
        system = make_system(tmp_path / "shop", near.url(moto_url.new_bucket(), "prod"), size=BIG)
        gate = Gate()
        proxy.breaks(moment, gate.after)
        with system.running("backup", "now", DOCS) as child:
            assert gate.reached.wait(PATIENCE)
            with asleep(child):
                gate.drop()
            done = answer_of(child)
        expect_all_or_nothing(system, DOCS, done, tmp_path)


@pytest.mark.parametrize("moment", ["PUT .*database", "PUT .*manifest"])
def test_a_backup_whose_clock_went_on_for_an_hour_while_its_host_slept_is_whole_or_not_listed(
    tmp_path: Path, moto_url: S3Server, use_server, clock: Clock, moment: str
) -> None:
    """Libfaketime lets nobody sleep whose clock jumps; so no request has to be tried again here."""
    use_server(moto_url)
    with proxy_before(moto_url) as (proxy, near):
        system = make_system(tmp_path / "shop", near.url(moto_url.new_bucket(), "prod"))
        gate = Gate()
        proxy.breaks(moment, gate.after)
        with system.with_environment(**clock.environment).running("backup", "now", BOOKS) as child:
            assert gate.reached.wait(PATIENCE)
            with asleep(child):
                clock.set(datetime.now(UTC) + HOUR)
                gate.let_through()
            done = answer_of(child)
        assert done.code == 0, done.err
        expect_all_or_nothing(system, BOOKS, done, tmp_path)


@contextmanager
def asleep(child: "subprocess.Popen[str]") -> Iterator[None]:
    os.kill(child.pid, signal.SIGSTOP)
    yield
    os.kill(child.pid, signal.SIGCONT)


def expect_all_or_nothing(system: FaultSystem, name: str, done: Answer, folder: Path) -> None:
    points = system.points(name)
    assert len(points) == (1 if done.code == 0 else 0), done.err
    for point in points:
        assert point.consistent_at < datetime.now(UTC), "its moment is from before the sleep"
        assert system.is_whole(point, folder / "restored")
    assert system.run("backup", "now", name).code == 0
    assert len(system.points(name)) == len(points) + 1


def test_a_dump_whose_host_slept_is_of_the_moment_before_it(tmp_path: Path, postgres: NamedServer) -> None:
    database = f"asleep_{os.getpid()}"
    fill(postgres.create(database))
    system = make_postgres(tmp_path / "system", postgres, database, 'rate_limit = "3MB"')
    with system.drkit.running("backup", "now") as child:
        system.await_reading()
        os.killpg(child.pid, signal.SIGSTOP)
        with psycopg.connect(postgres.dsn(database), autocommit=True) as application:
            application.execute("UPDATE large SET note = 'from while it slept'")
        os.killpg(child.pid, signal.SIGCONT)
        _, err = child.communicate(timeout=120)
    assert child.returncode == 0, err
    [point] = system.points()
    system.drkit.ok("restore", "--to", f"{database}_restored", "--at", point["id"])
    asked = "SELECT count(*) FROM large WHERE note = repeat(md5(n::text), 30)"
    assert postgres.query(asked, database=f"{database}_restored") == [(20_000,)]
