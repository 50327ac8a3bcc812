"""Ayni as it is run: its application and its migrations, its server, its team, and a clock that all three go by."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

import psycopg
from sqlalchemy import create_engine, make_url
from sqlalchemy.orm import Session
from sqlalchemy.pool import NullPool

from patience import await_true
from postgres.programs import find_programs
from servers.moto_process import moto_server
from servers.postgres import PostgresServer, postgres_server
from servers.redis import Redis, redis_server
from systems.ayni_app.models import Favour, Neighbour, Town
from systems.team import Team, make_buckets, s3_environment, team_of

APPLICATION = Path(__file__).parent / "ayni_app"
TOWNS = ("Pisac", "Maras", "Lamay")
NUMBERS = range(1, 1 + len(TOWNS))
DATABASE = "railway"
PASSWORD = "of the API, in a test"


class Done(NamedTuple):
    town: int
    minutes: int
    given_at: datetime


Favours = list[Done]


@dataclass(frozen=True, slots=True)
class Ayni:
    team: Team
    server: PostgresServer
    redis: Redis

    def deploy(self, *releases: str) -> None:
        """A release comes with its migration, which runs at start-up."""
        for release in releases:
            shutil.copy(APPLICATION / f"releases/{release}.py", self.team.home / "migrations/versions")
        self.team.type("alembic upgrade head", DATABASE_URL=self.server.dsn(DATABASE))

    def revision(self, database: str) -> str:
        return self.team.type("alembic current", DATABASE_URL=self.server.dsn(database)).split()[0]

    def found_towns(self) -> None:
        with self._session() as session:
            session.add_all(Town(id=number, name=name) for number, name in enumerate(TOWNS, 1))
            session.flush()
            session.add_all(Neighbour(id=10 * town + 1, town_id=town, name="Ana") for town in NUMBERS)

    def do_favours(self) -> None:
        """One in each town, of less than an hour."""
        with self._session() as session:
            session.add_all(Favour(town_id=town, giver_id=10 * town + 1, minutes=10 + town) for town in NUMBERS)

    def queue_tasks(self) -> None:
        """As Celery does: a list of those that wait, and results that are kept for a day."""
        for number in range(20):
            self.redis.call("LPUSH", "celery", f'{{"task": "thank", "favour": {number}}}')
            self.redis.call("SET", f"celery-task-meta-{number}", '{"status": "SUCCESS"}', "EX", 86400)

    def favours(self, database: str = DATABASE) -> Favours:
        """All towns', as an operator sees them."""
        query = "SELECT town_id, minutes, given_at FROM favours ORDER BY given_at, town_id"
        return [Done(*row) for row in self.server.query(query, database=database)]

    def seen_in(self, town: int, database: str = DATABASE) -> set[int]:
        """Whose favours the API's own role sees while it works for a town."""
        with self._api(database) as connection:
            connection.execute("SELECT set_config('ayni.town', %s, false)", [str(town)])
            return {found for (found,) in connection.execute("SELECT town_id FROM favours")}

    def refuses_to_show_all(self, database: str = DATABASE) -> bool:
        """Whether a query that forgot to say for which town it works gets an error and no row."""
        with self._api(database) as connection, suppress(psycopg.errors.UndefinedObject):
            connection.execute("SELECT town_id FROM favours")
            return False
        return True

    def await_followed(self) -> None:
        """Until all that the server has written by now is in the store."""
        [(wanted,)] = self.server.query("SELECT pg_current_wal_flush_lsn()::text")
        query = "SELECT bool_or(flush_lsn >= %s::pg_lsn) FROM pg_stat_replication"
        await_true(lambda: self.server.query(query, [wanted]) == [(True,)])

    @contextmanager
    def _api(self, database: str) -> "Iterator[psycopg.Connection[tuple[int]]]":
        with psycopg.connect(self.server.dsn(database, user="ayni_api", password=PASSWORD)) as connection:
            yield connection

    @contextmanager
    def _session(self) -> Iterator[Session]:
        url = make_url(self.server.dsn(DATABASE)).set(drivername="postgresql+psycopg")
        engine = create_engine(url, poolclass=NullPool)
        with Session(engine) as session, session.begin():
            yield session


@contextmanager
def ayni_running(folder: Path) -> Iterator[Ayni]:
    """On a server of version 17, with a bucket, by one clock: for all but Redis, which dies of libfaketime."""
    with (
        team_of(folder, "ayni", find_programs(17)) as team,
        moto_server(folder, team.clock.environment) as s3,
        postgres_server(folder, 17, clock=team.clock.environment) as server,
        redis_server() as redis,
    ):
        make_buckets(s3, team.schedule)
        shutil.copytree(APPLICATION, team.home, dirs_exist_ok=True, ignore=shutil.ignore_patterns("releases", "*.pyc"))
        url = server.create(DATABASE)
        told = {"AYNI_DATABASE_URL": url, "AYNI_REDIS_URL": redis.url, "AYNI_NOTIFY_URL": "json://127.0.0.1:9/"}
        yield Ayni(team.given(**told, **s3_environment(s3)), server, redis)
