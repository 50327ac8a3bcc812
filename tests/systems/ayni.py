"""Ayni as it is run: its application and its migrations, its server, its team, and a clock that all three go by."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import psycopg
from sqlalchemy import create_engine, make_url
from sqlalchemy.orm import Session
from sqlalchemy.pool import NullPool

from postgres.programs import find_programs
from servers.moto_process import moto_server
from servers.postgres import PostgresServer, postgres_server
from systems.ayni_app.models import Favour, Neighbour, Town
from systems.team import Team, make_buckets, s3_environment, team_of

APPLICATION = Path(__file__).parent / "ayni_app"
TOWNS = ("Pisac", "Maras", "Lamay")
DATABASE = "railway"


@dataclass(frozen=True, slots=True)
class Ayni:
    team: Team
    server: PostgresServer

    def set_clock(self, moment: datetime) -> None:
        self.team.clock.set(moment)

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
            session.add_all(
                Neighbour(id=10 * town + n, town_id=town, name=f"n{n}") for town in (1, 2, 3) for n in (1, 2)
            )

    def do_favours(self, at: datetime) -> None:
        """One in each town, of less than an hour."""
        with self._session() as session:
            session.add_all(Favour(town_id=t, giver_id=10 * t + 1, minutes=10 + t, given_at=at) for t in (1, 2, 3))

    def favours(self, database: str = DATABASE) -> list[tuple[int, int, datetime]]:
        """All towns', as an operator sees them."""
        query = "SELECT town_id, minutes, given_at FROM favours ORDER BY given_at, town_id"
        return [(town, minutes, at) for town, minutes, at in self.server.query(query, database=database)]

    def seen_in(self, town: int | None, database: str) -> set[int]:
        """Whose favours the API's own role sees, that works for a town."""
        with psycopg.connect(self.server.dsn(database, user="postgres")) as connection:
            connection.execute("SET ROLE ayni_api")
            if town:
                connection.execute("SELECT set_config('ayni.town', %s, false)", [str(town)])
            return {found for (found,) in connection.execute("SELECT town_id FROM favours")}

    @contextmanager
    def _session(self) -> Iterator[Session]:
        url = make_url(self.server.dsn(DATABASE)).set(drivername="postgresql+psycopg")
        engine = create_engine(url, poolclass=NullPool)
        with Session(engine) as session, session.begin():
            yield session


@contextmanager
def ayni_running(folder: Path) -> Iterator[Ayni]:
    """On a server of version 17, with a bucket, by one clock for all."""
    with (
        moto_server(folder) as s3,
        team_of(folder, "ayni", find_programs(17)) as team,
        postgres_server(folder, 17, clock=team.clock.environment) as server,
    ):
        make_buckets(s3, team.schedule)
        shutil.copytree(APPLICATION, team.home, dirs_exist_ok=True, ignore=shutil.ignore_patterns("releases", "*.pyc"))
        url = server.create(DATABASE)
        told = {"AYNI_DATABASE_URL": url, "AYNI_NOTIFY_URL": "json://127.0.0.1:9/", **s3_environment(s3)}
        yield Ayni(team.given(**told), server)
