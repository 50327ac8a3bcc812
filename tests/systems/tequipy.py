"""Tequipy as it is run: its database and its Redis, its migrations, and the pods of its CronJobs, by one clock."""

import os
import shutil
import stat
import subprocess
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

import psycopg

from cli_runner import Done, Drkit, drkit_in
from kubernetes_pods import Document, Started, named, read_documents, start
from patience import await_true
from postgres.programs import find_programs
from processes import having
from servers.moto_process import moto_server
from servers.postgres import PostgresServer, postgres_server
from servers.redis import Redis, redis_server
from servers.s3_server import S3Server
from systems.team import Team, team_of

APPLICATION = Path(__file__).parent / "tequipy_app"
DATABASE = "tequipy"
NOWHERE = "json://127.0.0.1:9/"
# What stands for the cluster's own program: it notes what it was told.
_KUBECTL = '#!/bin/sh\necho "$*" >>"$KUBECTL_LOG"\n'


@dataclass(frozen=True, slots=True)
class Pod:
    """One job's, with the folder that stands for its root."""

    drkit: Drkit
    started: Started

    def __call__(self) -> Done:
        return self.drkit(*self.started.arguments)

    @contextmanager
    def running(self) -> Iterator["subprocess.Popen[str]"]:
        with self.drkit.running(*self.started.arguments) as child:
            yield child

    def child(self, program: str) -> int:
        """The process of that name that works for it, once there is one."""

        def found() -> list[int]:
            ours = having("TMPDIR", self.drkit.environment["TMPDIR"])
            return [each.pid for each in ours if "".join(each.words[:1]).endswith(f"/{program}")]

        return await_true(found)[0]

    def written(self) -> set[str]:
        """Where anything lies below its root that was not mounted there, by the folder at the top."""
        root = self.started.root
        return {path.relative_to(root).parts[0] for path in root.rglob("*") if path.is_file()}


@dataclass(frozen=True, slots=True)
class Tequipy:
    team: Team
    postgres: PostgresServer
    redis: Redis
    documents: list[Document]

    def pod(self, job: str) -> Pod:
        """Of the CronJob of that name, with the arguments, variables and files that its document gives it."""
        cron_job = named(self.documents, "CronJob", job)
        root = Path(self.team.drkit.environment["TMPDIR"]) / f"{job}-{uuid.uuid4().hex[:4]}"
        root.mkdir()
        started = start(cron_job, self.documents, self._secrets(), root)
        for place in (root, root / "tmp"):
            place.chmod(0o755)
        work = drkit_in(Path(f"{root}-work"))
        said = {**self.team.clock.environment, **self._store(), **started.environment}
        path = self.team.drkit.environment["PATH"]
        return Pod(replace(work, environment={**work.environment, "PATH": path, **said}), started)

    def place_order(self, at: datetime) -> None:
        with psycopg.connect(self.postgres.dsn(DATABASE)) as connection:
            connection.execute("INSERT INTO orders (placed_at) VALUES (%s)", [at])

    def orders(self, database: str = DATABASE) -> list[datetime]:
        return [at for (at,) in self.postgres.query("SELECT placed_at FROM orders ORDER BY id", database=database)]

    def release(self, name: str) -> None:
        shutil.copy(APPLICATION / f"releases/{name}.py", self.team.home / "migrations/versions")

    def told_kubectl(self) -> list[str]:
        return Path(self.team.drkit.environment["KUBECTL_LOG"]).read_text().splitlines()

    def _secrets(self) -> dict[tuple[str, str], dict[str, str]]:
        """As the operator has filled them: the identity in one namespace alone, and a signing key for each."""
        known = {name: value for name, value in self.team.drkit.environment.items() if name.startswith("TEQUIPY_")}
        keys, drills = self.team.home / "keys", self.team.home / "drills"
        here = {**known, "signing": (keys / "signing").read_text()}
        there = {
            **known,
            "signing": (drills / "signing").read_text(),
            "identity": (keys / "identity").read_text(),
        }
        return {("drkit", "drkit-tequipy"): here, ("drkit-verify", "drkit-tequipy"): there}

    def _store(self) -> dict[str, str]:
        names = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_EC2_METADATA_DISABLED")
        return {name: self.team.drkit.environment[name] for name in names}


@contextmanager
def tequipy_running(folder: Path, region: S3Server | None = None, other: S3Server | None = None) -> Iterator[Tequipy]:
    """With the stores of two regions; without any with one of its own for both, that goes by the team's clock."""
    with (
        team_of(folder, "tequipy", find_programs(16)) as team,
        _stores(folder, team, region, other) as (here, there),
        postgres_server(folder, 16) as postgres,
        redis_server() as redis,
    ):
        shutil.copytree(APPLICATION, team.home, dirs_exist_ok=True, ignore=shutil.ignore_patterns("releases", "*.pyc"))
        team.drkit.ok("keys", "new", "--out", "drills")
        team = team.given(
            TEQUIPY_STORE=here.url(here.new_bucket(), "prod"),
            TEQUIPY_REPLICA=there.url(there.new_bucket(), "prod"),
            TEQUIPY_DRILL_SIGNER=(team.home / "drills/signer").read_text().strip(),
            TEQUIPY_DATABASE_URL=postgres.create(DATABASE),
            TEQUIPY_REDIS_URL=redis.url,
            TEQUIPY_NOTIFY_URL=NOWHERE,
            AWS_EC2_METADATA_DISABLED="true",
            **here.environment(),
            **_kubectl(team),
        )
        team.type("alembic upgrade head", DATABASE_URL=postgres.dsn(DATABASE))
        yield Tequipy(team, postgres, redis, read_documents(team.drkit.ok("k8s").out))


@contextmanager
def _stores(
    folder: Path, team: Team, region: S3Server | None, other: S3Server | None
) -> Iterator[tuple[S3Server, S3Server]]:
    if region and other:
        yield region, other
        return
    with moto_server(folder, team.clock.environment) as both:
        yield both, both


def _kubectl(team: Team) -> dict[str, str]:
    program = team.home / "bin/kubectl"
    program.parent.mkdir()
    program.write_text(_KUBECTL)
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    log = team.home / "kubectl.log"
    log.touch()
    return {"KUBECTL_LOG": str(log), "PATH": f"{program.parent}{os.pathsep}{team.drkit.environment['PATH']}"}
