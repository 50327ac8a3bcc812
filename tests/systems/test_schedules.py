"""Every schedule in schedules/, as it lies there, with its references pointed to servers of the tests."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from postgres.programs import find_programs
from servers.postgres import PostgresServer, postgres_server
from servers.redis import Redis, redis_server
from servers.s3_server import S3Server
from systems.team import SCHEDULES, Team, make_buckets, references, s3_environment, team_of

MAJORS = {"tequipy": 16}
TEAMS = sorted(path.stem for path in SCHEDULES.glob("*.toml"))
ELSEWHERE = "json://127.0.0.1:9/"


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[int, PostgresServer]]:
    folder = tmp_path_factory.mktemp("servers")
    with postgres_server(folder, 16) as older, postgres_server(folder, 17) as newer:
        yield {16: older, 17: newer}


@pytest.fixture(scope="module")
def redis() -> Iterator[Redis]:
    with redis_server() as server:
        yield server


def answers(team: Team, server: PostgresServer, s3: S3Server, redis: Redis) -> dict[str, str]:
    """To what a schedule refers to besides keys."""
    ways: dict[str, Callable[[], str]] = {
        "DATABASE_URL": lambda: server.create(f"of_{team.name}"),
        "NOTIFY_URL": lambda: ELSEWHERE,
        "STORE": lambda: s3.url(s3.new_bucket(), "prod"),
        "REPLICA": lambda: s3.url(s3.new_bucket(), "copy"),
        "REDIS_URL": lambda: redis.url,
        "DRILL_SIGNER": lambda: (team.home / "keys/signer").read_text().strip(),
    }
    asked = [each.removeprefix("env:") for each in references(team.schedule) if each.startswith("env:")]
    open_ones = [name for name in asked if name not in team.drkit.environment]
    return {name: ways[name.partition("_")[2]]() for name in open_ones}


def put_data(team: Team) -> None:
    """Where a schedule names a path beside it."""
    if team.name == "pupuseria":
        (team.home / "data/uploads").mkdir(parents=True)
        (team.home / "data/uploads/1.jpg").write_bytes(b"a picture")
        with closing(sqlite3.connect(team.home / "data/restaurant.db")) as database:
            database.execute("CREATE TABLE orders (id)")


@pytest.mark.parametrize("name", TEAMS)
def test_check_finds_nothing_wrong_with_a_schedule_as_it_lies(
    name: str, tmp_path: Path, servers: dict[int, PostgresServer], radosgw_url: S3Server, redis: Redis
) -> None:
    major = MAJORS.get(name, 17)
    with team_of(tmp_path, name, find_programs(major), **s3_environment(radosgw_url)) as team:
        make_buckets(radosgw_url, team.schedule)
        put_data(team)
        team = team.given(**answers(team, servers[major], radosgw_url, redis))
        done = team.drkit("check")
        assert (done.code, [line for line in done.out.splitlines() if not line.startswith("ok")][:-1]) == (0, [])
        assert team.schedule.read_bytes() == (SCHEDULES / team.schedule.name).read_bytes()
