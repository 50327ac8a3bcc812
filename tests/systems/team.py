"""A team that keeps one of schedules/, as it meets drkit: a folder as on its machine, keys, a shell, a clock.

The schedule is copied as it lies. What a test may choose is what the team's own environment says: where references
lead, and by AWS_* which server answers for `s3://`. It must not know what any schedule is about.
"""

import os
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from zoneinfo import ZoneInfo

from cli_runner import Done, Drkit, drkit_in
from daemon_runner import Clock
from patience import PATIENCE
from servers.s3_server import S3Server

SCHEDULES = Path(__file__).parents[2] / "schedules"
_KEYS = {
    "RECIPIENT": "keys/recipient",
    "ESCROW": "escrow/recipient",
    "SIGNER": "keys/signer",
    "SIGNING_KEY": "keys/signing",
    "IDENTITY": "keys/identity",
    "ESCROW_IDENTITY": "escrow/identity",
}


@dataclass(frozen=True, slots=True)
class Team:
    """`drkit` runs in `home` with the team's environment, and by its clock."""

    name: str
    drkit: Drkit
    clock: Clock

    @property
    def home(self) -> Path:
        return self.drkit.folder

    @property
    def schedule(self) -> Path:
        return self.home / "schedules" / f"{self.name}.toml"

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(tomllib.loads(self.schedule.read_text())["timezone"])

    def edit(self, old: str, new: str) -> None:
        """As the team changes its schedule in the course of a story."""
        text = self.schedule.read_text()
        assert text.count(old) == 1, f"{old!r} stands {text.count(old)} times in {self.schedule}"
        self.schedule.write_text(text.replace(old, new))

    def moment(self, day: date, hour: int, minute: int = 0, second: int = 0) -> datetime:
        """By the team's own clocks on the wall."""
        return datetime(day.year, day.month, day.day, hour, minute, second, tzinfo=self.zone)

    def today(self) -> date:
        return datetime.now(self.zone).date()

    def days(self, count: int, until: date | None = None) -> Iterator[date]:
        """The days before today, or before that one, oldest first."""
        end = until or self.today()
        return (end - timedelta(days=ago) for ago in range(count, 0, -1))

    def shell(self, command: str, **environment: str) -> Done:
        """One line typed at the team's prompt. `drkit`, `alembic` and PostgreSQL's programs are on its PATH."""
        done = subprocess.run(
            ["sh", "-c", command],
            cwd=self.home,
            env={**self.drkit.environment, **environment},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
        )
        return Done(done.returncode, done.stdout, done.stderr)

    def type(self, command: str, **environment: str) -> str:
        """What a line that succeeds says."""
        done = self.shell(command, **environment)
        assert done.code == 0, (command, done)
        return done.out.strip()

    def given(self, **environment: str) -> "Team":
        """The same, with more in its environment."""
        return Team(self.name, Drkit(self.home, {**self.drkit.environment, **environment}), self.clock)


@contextmanager
def team_of(folder: Path, name: str, programs: Path | None = None, **environment: str) -> Iterator[Team]:
    """A new machine of the team, with its schedule and new keys, by the right time until its clock is set.

    References to keys, by environment or by a relative path, are answered; the others, such as AYNI_DATABASE_URL, are
    for the test to give, then or later. `programs` is a folder of PostgreSQL's, which stands first on PATH."""
    # pytest's folders are closed to the user that runs servers, who must reach the clock and a drill's scratch place
    with TemporaryDirectory(prefix="drkit-team-") as place:
        Path(place).chmod(0o755)
        (Path(place) / "tmp").mkdir(0o755)
        clock = Clock(Path(place) / "clock")
        clock.right()
        folders = [str(programs)] if programs else []
        path = os.pathsep.join([*folders, str(Path(sys.executable).parent), os.environ["PATH"]])
        plain = {"PATH": path, "TMPDIR": f"{place}/tmp", **clock.environment}
        team = Team(name, drkit_in(folder / name, **plain), clock)
        team.schedule.parent.mkdir()
        shutil.copy(SCHEDULES / f"{name}.toml", team.schedule)
        for each in ("keys", "escrow"):
            team.drkit.ok("keys", "new", "--out", each)
        yield team.given(**_answers(team), **environment)


def s3_environment(server: S3Server) -> dict[str, str]:
    """As a user points `s3://bucket/prefix` to a server that is not Amazon's, without a word in the schedule."""
    return {
        **server.environment(),
        "AWS_ENDPOINT_URL_S3": server.endpoint,
        "AWS_EC2_METADATA_DISABLED": "true",
    }


def make_buckets(server: S3Server, schedule: Path) -> None:
    """Those that a schedule names; again is no matter."""
    client = server.client()
    standing = {bucket["Name"] for bucket in client.list_buckets()["Buckets"]}
    for bucket in re.findall(r'"s3://([^/"?]+)', schedule.read_text()):
        if bucket not in standing:
            client.create_bucket(Bucket=bucket)
    client.close()


def references(schedule: Path) -> list[str]:
    """Every `env:NAME` and `file:path` that stands for a value."""
    return sorted({text for text in _texts(tomllib.loads(schedule.read_text())) if re.match(r"env:|file:(?!//)", text)})


def _answers(team: Team) -> dict[str, str]:
    """A variable is named after the system, or its first word, and what it holds: AYNI_SIGNING_KEY."""
    found = {}
    for reference in references(team.schedule):
        kind, _, rest = reference.partition(":")
        if kind == "env" and (key := _KEYS.get(rest.partition("_")[2])):
            found[rest] = (team.home / key).read_text().strip()
        elif kind == "file":
            assert not Path(rest).is_absolute(), f"{reference} of {team.name} cannot lead to what a test has made"
    return found


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for each in value.values():
            yield from _texts(each)
    elif isinstance(value, list):
        for each in value:
            yield from _texts(each)


def utc(moment: datetime) -> str:
    """As drkit's `--at` takes it."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
