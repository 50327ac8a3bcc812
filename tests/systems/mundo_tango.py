"""Mundo tango as it is run: a database of which it has only a connection string, a repository of which it has only a
URL, a vault of secrets; and its team, by one clock for all but git.
"""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import psycopg

from git_world import commit, git, make_repository
from postgres.programs import find_programs
from servers.certificates import make_ca_and_server
from servers.git_server import GitServer, serve_repositories
from servers.moto_process import moto_server
from servers.postgres import PostgresServer, postgres_server
from servers.s3_server import S3Server
from systems.team import Team, make_buckets, s3_environment, team_of

DATABASE, ROLE, PASSWORD = "neondb", "neondb_owner", "of the owner, in a test"
CITIES = ("Buenos Aires", "Seoul", "Berlin")
VAULT = "STRIPE_SECRET_KEY=sk_test_of_mundo_tango\nSESSION_SECRET=a secret of sessions\n"
_SCHEMA = """
CREATE TABLE events (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, city text, created_at timestamptz DEFAULT now());
CREATE TABLE sessions (sid text PRIMARY KEY, sess json)
"""

Event = tuple[int, str | None]


@dataclass(frozen=True, slots=True)
class MundoTango:
    team: Team
    server: PostgresServer
    repositories: GitServer
    s3: S3Server

    def dsn(self, database: str = DATABASE) -> str:
        """As Neon gives it: of a role that is no superuser and may not replicate, over TLS."""
        return self.server.dsn(database, ROLE, password=PASSWORD, sslmode="require")

    def announce(self) -> None:
        """An event in each city; and somebody signs in."""
        with psycopg.connect(self.dsn()) as site:
            site.cursor().executemany("INSERT INTO events (city) VALUES (%s)", [(city,) for city in CITIES])
            site.execute("INSERT INTO sessions VALUES (gen_random_uuid()::text, '{}')")

    def ruin(self) -> None:
        """What a bad release does to the newest events, each time it runs."""
        with psycopg.connect(self.dsn()) as site:
            site.execute("UPDATE events SET city = NULL WHERE id > (SELECT max(id) - 3 FROM events)")

    def events(self, database: str = DATABASE) -> list[Event]:
        with psycopg.connect(self.dsn(database)) as site:
            return [(number, city) for number, city in site.execute("SELECT id, city FROM events ORDER BY id")]

    def sessions(self, database: str) -> int:
        with psycopg.connect(self.dsn(database)) as site:
            return len(site.execute("SELECT FROM sessions").fetchall())

    @property
    def work(self) -> Path:
        """A developer's clone."""
        return self.team.home.parent / "work"

    @property
    def repository(self) -> Path:
        return self.team.home.parent / "github/mundo-tango.git"

    def push(self, text: str, *, force: bool = False) -> None:
        if force:
            git(self.work, "reset", "--quiet", "--hard", "HEAD~1")
        commit(self.work, text)
        git(self.work, "push", "--quiet", *(["--force"] if force else []), "origin", "HEAD:main")

    def back_up_at(self, moment: datetime, *names: str) -> None:
        self.team.clock.set(moment)
        self.team.drkit.ok("backup", "now", *(f"mundo-tango/{name}" for name in names))

    def stored(self, folder: str, suffix: str) -> dict[str, bytes]:
        """Objects of the system, oldest first, as anybody with the bucket's credentials gets them."""
        client = self.s3.client()
        bucket, prefix = "mundo-tango-backups", f"prod/mundo-tango/{folder}/"
        listed = client.list_objects_v2(Bucket=bucket, Prefix=prefix).get("Contents", [])
        keys = [each["Key"] for each in listed if each["Key"].endswith(suffix)]
        found = {key: client.get_object(Bucket=bucket, Key=key)["Body"].read() for key in keys}
        client.close()
        return found


@contextmanager
def mundo_tango_running(folder: Path) -> Iterator[MundoTango]:
    certificates = make_ca_and_server(folder)
    (folder / "github").mkdir()
    make_repository(folder / "github/mundo-tango.git", "--bare")
    with (
        team_of(folder, "mundo-tango", find_programs(17)) as team,
        moto_server(folder, team.clock.environment) as s3,
        postgres_server(folder, 17, tls=certificates, clock=team.clock.environment) as server,
        serve_repositories(folder / "github", certificates) as repositories,
    ):
        make_buckets(s3, team.schedule)
        server.execute(f"CREATE ROLE {ROLE} LOGIN CREATEDB CREATEROLE PASSWORD '{PASSWORD}'")  # type: ignore[arg-type]
        server.create(DATABASE, f"OWNER {ROLE}")  # type: ignore[arg-type]
        told = {
            "MUNDO_REPOSITORY": repositories.url("mundo-tango.git"),
            "GIT_SSL_CAINFO": str(certificates.ca),
            **s3_environment(s3),
        }
        mundo = MundoTango(team.given(**told), server, repositories, s3)
        mundo = MundoTango(team.given(**told, MUNDO_DATABASE_URL=mundo.dsn()), server, repositories, s3)
        with psycopg.connect(mundo.dsn()) as site:
            site.execute(_SCHEMA)
        git(folder, "clone", "--quiet", folder / "github/mundo-tango.git", mundo.work)
        (team.home / "vault").mkdir()
        (team.home / "vault/production.env").write_text(VAULT)
        yield mundo
        shutil.rmtree(mundo.work)
