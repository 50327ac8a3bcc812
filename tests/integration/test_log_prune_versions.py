"""Prune of a real physical source in buckets that keep versions and lock them: what goes is gone for good, what is
locked waits without a word that it went, and what somebody hid is brought back."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import sleep
from typing import Any

from drkit import catalog
from recovering import TICKS, await_covered
from servers.physical import SOURCE, PhysicalSystem, physical_system
from servers.radosgw import Radosgw
from servers.s3_server import S3Server

OFTEN = 'objectives = { rpo = "5s" }\n'
KEEP_ONE = OFTEN + "keep = { last = 1, min_points = 0 }"


@dataclass(frozen=True)
class Bucket:
    system: PhysicalSystem
    server: S3Server
    name: str

    def run(self, *arguments: str, code: int = 0) -> Any:
        done = self.system.drkit(*arguments, "--json", **self.server.environment())
        assert done.code == code, done.out + done.err
        return done.document

    def versions(self, kind: str = "Versions", folder: str = "log") -> list[dict[str, Any]]:
        found = self.server.client().list_object_versions(Bucket=self.name, Prefix=f"prod/{SOURCE}/{folder}/")
        return list(found.get(kind, ()))

    def keys(self, folder: str = "log") -> set[str]:
        """Those that a listing shows."""
        return {each["Key"] for each in self.versions(folder=folder) if each["IsLatest"]}

    def key(self, span: catalog.Span) -> str:
        return f"prod/{catalog.span_key(SOURCE, span)}"

    def hide(self, *keys: str) -> None:
        """As a delete without a version does it: the follower's of what it merged, or an attacker's."""
        for key in keys:
            self.server.client().delete_object(Bucket=self.name, Key=key)

    def merge(self) -> set[str]:
        """What the follower does a minute after it has merged spans; these are their keys."""
        merged = {self.key(span) for span, _ in catalog.superseded(self.system.log().spans)}
        self.hide(*merged)
        return merged

    def lock(self, versions: list[dict[str, Any]], until: datetime) -> None:
        for each in versions:
            self.server.client().put_object_retention(
                Bucket=self.name,
                Key=each["Key"],
                VersionId=each["VersionId"],
                Retention={"Mode": "GOVERNANCE", "RetainUntilDate": until},
                BypassGovernanceRetention=True,
            )

    def days(self, version: dict[str, Any]) -> float:
        where = {"Bucket": self.name, "Key": version["Key"], "VersionId": version["VersionId"]}
        kept = self.server.client().get_object_retention(**where)["Retention"]["RetainUntilDate"]
        return float((kept - datetime.now(UTC)) / timedelta(days=1))


@contextmanager
def captured(folder: Path, server: S3Server, place: str = "", **options: bool) -> Iterator[Bucket]:
    """Two bases with log before, between and after them, and small spans that were merged."""
    name = server.new_bucket(**options)
    if not options:
        server.client().put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
    url = server.url(name, "prod")
    settings = {"interval": "0.2s", "url": url, "place": place}
    with physical_system(folder, more=OFTEN, **settings, environment=server.environment()) as system:
        system.server.execute(TICKS)
        with system.following() as follower:
            for _ in range(2):
                system.drkit.ok("backup", "now")
                system.server.execute("INSERT INTO ticks DEFAULT VALUES")
                await_covered(system)
                system.server.execute("SELECT pg_switch_wal()")
                await_covered(system)
            follower.end()
        yield Bucket(system, server, name)


def test_what_was_merged_or_is_needed_no_more_leaves_no_version_and_what_somebody_hid_comes_back(
    tmp_path: Path, radosgw_of_ours: Radosgw, use_server: Callable[[S3Server], None]
) -> None:
    use_server(radosgw_of_ours.http)
    with captured(tmp_path, radosgw_of_ours.http) as bucket:
        merged = bucket.merge()
        assert merged
        system, before = bucket.system, bucket.versions()
        system.configure(KEEP_ONE)
        newest = max((span for span in system.log().spans if span.size), key=lambda span: span.end)
        bucket.hide(bucket.key(newest))
        stopped = bucket.run("prune", "--yes", code=7)
        [hidden] = stopped["hidden_log"]
        assert (hidden["source"], hidden["objects"] > 0) == (SOURCE, True)
        assert "log" not in stopped
        planned = bucket.run("undelete", "--dry-run")["sources"][0]
        assert [f"prod/{key}" for key in planned["objects"]] == [bucket.key(newest)]
        bucket.run("undelete", "--yes")
        done = bucket.run("prune", "--yes")
        assert done["hidden_log"] == []
        assert done["log"][0]["objects"] > 0
        left = bucket.versions()
        assert {each["Key"] for each in left} == bucket.keys()
        assert bucket.versions("DeleteMarkers") == []
        assert merged & bucket.keys() == set()
        gone = {each["Key"] for each in before} - merged - bucket.keys()
        assert len(gone) == done["log"][0]["objects"]
        windows = bucket.run("backup", "list")["windows"]
        assert len(windows) == 1
        assert bucket.run("undelete", "--dry-run")["sources"][0]["objects"] == []


def test_log_that_is_locked_waits_without_a_record_and_what_stays_is_locked_longer(
    tmp_path: Path, radosgw_of_ours: Radosgw, use_server: Callable[[S3Server], None]
) -> None:
    use_server(radosgw_of_ours.http)
    with captured(tmp_path, radosgw_of_ours.http, "lock_days = 3", ObjectLockEnabledForBucket=True) as bucket:
        bucket.merge()
        bucket.system.configure(KEEP_ONE)
        before = bucket.versions()
        assert all(2.9 < bucket.days(each) <= 3 for each in before)
        for _ in range(2):
            assert "log" not in bucket.run("prune", "--yes")
        assert bucket.versions() == before
        assert bucket.versions(folder="removals") == []
        until = datetime.now(UTC) + timedelta(seconds=3)
        bucket.lock([*before, *bucket.versions(folder="backups")], until)
        sleep((until - datetime.now(UTC)).total_seconds() + 0.1)  # until they are over
        # by the schedule they are not, until it says so
        assert "log" not in bucket.run("prune", "--dry-run")
        replace(bucket.system, place="").configure(KEEP_ONE)
        done = bucket.run("prune", "--yes")
        assert done["log"][0]["objects"] > 0
        assert len(done["remove"]) == 1
        left = bucket.versions()
        assert len(left) < len(before)
        assert len(bucket.versions(folder="removals")) == 1
        bucket.system.configure(KEEP_ONE)
        first = {each["Key"]: each for each in left}  # the oldest comes last: a put may have come twice
        assert bucket.run("prune", "--yes")["extended_log"] == len(first)
        assert all(2.9 < bucket.days(each) <= 3 for each in first.values())
