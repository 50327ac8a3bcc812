"""A bucket with object lock, and roles that may do no more than they must: what each can do, and what comes back after
one of them has done his worst. radosgw is the judge, as it enforces both; the policies are the ones in docs/iam."""

import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import sleep
from typing import Any

import pytest
from botocore.exceptions import ClientError

from cli.conftest import Shop
from drkit.catalog import folder_of, make_id
from drkit.when import parse_moment
from servers.radosgw import Radosgw
from servers.s3_server import S3Server

POLICIES = Path(__file__).parents[2] / "docs" / "iam"
ROLES = sorted(path.stem for path in POLICIES.glob("*.json"))


def policy(role: str, bucket: str) -> dict[str, Any]:
    text = (POLICIES / f"{role}.json").read_text()
    return dict(json.loads(text.replace("BUCKET", bucket).replace("PREFIX", "prod")))


@dataclass(frozen=True)
class Vault:
    """A shop whose store is a locked bucket. `roles` are who may use it, the owner among them."""

    shop: Shop
    bucket: str
    roles: dict[str, S3Server]

    def run(self, role: str, *arguments: str, code: int = 0) -> Any:
        environment = self.roles[role].environment() | {"AWS_EC2_METADATA_DISABLED": "true"}
        done = self.shop.drkit(*arguments, "--json", **environment)
        assert done.code == code, done.out + done.err
        return done.document if done.out else done

    def client(self, role: str) -> Any:
        return self.roles[role].client()

    def versions(self, prefix: str = "") -> list[dict[str, Any]]:
        """Versions, not markers, as the owner sees them."""
        asked = self.client("owner").list_object_versions(Bucket=self.bucket, Prefix=f"prod/{prefix}")
        return list(asked.get("Versions", ()))

    def capture(self, count: int) -> list[dict[str, Any]]:
        """Points of different content, oldest first."""
        done = []
        for number in range(count):
            with closing(sqlite3.connect(self.shop.folder / "shop.db")) as database, database:
                database.execute("insert into orders (customer) values (?)", (f"of point {number}",))
            done += self.run("backup", "backup", "now")["backups"]
        return list(done)

    def restore(self, role: str, point: dict[str, Any], name: str) -> int:
        """How many rows came back."""
        self.run(role, "restore", "--at", point["id"], "--to", name)
        with closing(sqlite3.connect(self.shop.folder / name)) as database:
            [count] = database.execute("select count(*) from orders").fetchone()
        return int(count)


@pytest.fixture
def vault(empty: Shop, radosgw_of_ours: Radosgw) -> Vault:
    bucket = radosgw_of_ours.http.new_bucket(ObjectLockEnabledForBucket=True)
    empty.drkit.ok("init", "--name", "shop", "--path", "shop.db")
    empty.edit(f'"file://{empty.folder}/backups"', f'"{radosgw_of_ours.http.url(bucket, "prod")}"\nlock_days = 3')
    # who owns the bucket is not who owns what others put into it
    everything = {"Statement": [{"Effect": "Allow", "Action": ["s3:*"], "Resource": ["*"]}], "Version": "2012-10-17"}
    roles = {role: radosgw_of_ours.new_user(policy(role, bucket)) for role in ROLES}
    return Vault(empty, bucket, {**roles, "owner": radosgw_of_ours.new_user(everything)})


def denied(attempt: Callable[..., object], **asked: Any) -> bool:
    try:
        attempt(**asked)
    except ClientError as error:
        assert error.response["ResponseMetadata"]["HTTPStatusCode"] == 403, error
        return True
    return False


def keep_two(vault: Vault) -> None:
    kept = 'keep = { within = "7d", daily = 30, weekly = 8, monthly = 12 }'
    vault.shop.edit(kept, "keep = { last = 2, min_points = 2 }")


def locked_days(vault: Vault, version: dict[str, Any]) -> float:
    try:
        found = vault.client("owner").get_object_retention(
            Bucket=vault.bucket, Key=version["Key"], VersionId=version["VersionId"]
        )
    except ClientError:
        return 0
    left = found["Retention"]["RetainUntilDate"] - datetime.now(UTC)
    return float(left / timedelta(days=1))


def test_what_a_restore_needs_is_locked_and_nothing_else_is(vault: Vault) -> None:
    vault.capture(1)
    vault.run("verify", "verify", "now")
    days = {version["Key"]: locked_days(vault, version) for version in vault.versions()}
    lasting = {key for key in days if key.endswith(("manifest.json", ".zst.age")) or "/drills/" in key}
    assert len(lasting) == 3
    assert all(2.9 < days[key] <= 3 for key in lasting)
    assert {days[key] for key in days.keys() - lasting} <= {0}


def test_with_the_backup_role_nothing_can_be_read_replaced_or_removed(vault: Vault) -> None:
    vault.capture(1)
    client = vault.client("backup")
    before = vault.versions()
    for version in before:
        where = {"Bucket": vault.bucket, "Key": version["Key"]}
        this = {**where, "VersionId": version["VersionId"]}
        soon = {"Mode": "GOVERNANCE", "RetainUntilDate": datetime.now(UTC) + timedelta(minutes=1)}
        assert denied(client.get_object, **where)
        assert denied(client.get_object, **this)
        assert denied(client.head_object, **where)
        assert denied(client.copy_object, Bucket=vault.bucket, Key="prod/stolen", CopySource=this)
        assert denied(client.delete_object, **where)
        assert denied(client.delete_object, **this)
        assert denied(client.delete_object, **this, BypassGovernanceRetention=True)
        assert denied(client.put_object_retention, **this, Retention=soon)
        assert denied(client.put_object_retention, **this, Retention=soon, BypassGovernanceRetention=True)
        assert denied(client.put_object_acl, **where, ACL="public-read")
        client.put_object(**where, Body=b"mine now")
    suspended = {"Status": "Suspended"}
    assert denied(client.put_bucket_versioning, Bucket=vault.bucket, VersioningConfiguration=suspended)
    assert denied(client.put_object, Bucket=vault.bucket, Key="elsewhere", Body=b"")
    after = {(each["Key"], each["VersionId"]) for each in vault.versions()}
    assert {(each["Key"], each["VersionId"]) for each in before} < after


def test_after_the_worst_that_the_backup_role_can_do_every_point_restores(vault: Vault) -> None:
    points = vault.capture(3)
    vault.run("verify", "verify", "now")
    client = vault.client("backup")
    for version in vault.versions("shop/main/"):
        client.put_object(Bucket=vault.bucket, Key=version["Key"], Body=b"mine now")
    last = parse_moment(points[-1]["consistent_at"])
    fakes = [make_id(last + timedelta(milliseconds=number + 1), "f" * 8) for number in range(40)]
    fakes += [make_id(parse_moment(each["consistent_at"]), "f" * 8) for each in points]
    keys = [f"prod/{folder_of('shop/main', fake)}/manifest.json" for fake in fakes]
    keys += [f"prod/{folder_of('shop/main', each['id'])}/refuted-{fakes[0]}.json" for each in points]
    keys += [f"prod/shop/runs/backup/main/{fakes[0]}.begun-{number}.json" for number in range(40)]
    keys += [f"prod/shop/main/removals/{fakes[0]}.json", f"prod/shop/main/drills/{fakes[0]}.json"]
    for key in keys:
        client.put_object(Bucket=vault.bucket, Key=key, Body=b'{"drkit": 1}')
    vault.run("restore", "restore", "--at", points[0]["consistent_at"], "--to", "not.db", code=7)
    planned = vault.run("undelete", "undelete", "--dry-run")["sources"][0]
    assert set(planned["points"]) == {each["id"] for each in points}
    assert planned["lost"] == []
    vault.run("undelete", "undelete", "--yes")
    rows = [vault.restore("restore", point, f"restored{number}.db") for number, point in enumerate(points)]
    assert rows == [501, 502, 503]
    assert vault.run("undelete", "undelete", "--dry-run")["sources"][0]["objects"] == []


def test_what_somebody_hid_who_may_delete_comes_back_and_prune_and_audit_are_red_until_it_does(vault: Vault) -> None:
    points = vault.capture(2)
    vault.run("verify", "verify", "now")
    owner = vault.client("owner")
    for version in vault.versions("shop/main/backups/"):
        if points[0]["id"] in version["Key"]:
            owner.delete_object(Bucket=vault.bucket, Key=version["Key"])
    assert len(vault.run("restore", "backup", "list")["points"]) == 1
    pruned = vault.run("prune", "prune", code=7)
    assert [each["id"] for each in pruned["hidden"]] == [points[0]["id"]]
    audited = vault.run("restore", "audit", code=7)
    assert [each["id"] for each in audited["hidden"]] == [points[0]["id"]]
    looked = vault.shop.drkit("audit", **vault.roles["verify"].environment())  # it may list no versions
    assert (looked.code, "nobody has looked whether points are hidden" in looked.err) == (0, True)
    [trouble] = vault.run("verify", "status", code=8)["systems"][0]["troubles"]
    assert (trouble["kind"], "hidden by somebody else" in trouble["what"]) == ("prune failed", True)
    assert "drkit undelete shop/main" in trouble["next_step"]
    vault.run("undelete", "undelete", "--yes")
    assert [vault.restore("restore", each, f"{each['id']}.db") for each in points] == [501, 502]
    assert vault.run("restore", "audit")["hidden"] == []
    vault.run("prune", "prune")
    assert vault.run("verify", "status")["systems"][0]["troubles"] == []


def test_forged_points_that_nobody_can_remove_are_hidden_by_a_plain_delete_and_prune_goes_on(vault: Vault) -> None:
    points = vault.capture(3)
    fake = make_id(parse_moment(points[-1]["consistent_at"]) + timedelta(seconds=1), "f" * 8)
    where = {"Bucket": vault.bucket, "Key": f"prod/{folder_of('shop/main', fake)}/manifest.json"}
    long = datetime.now(UTC) + timedelta(days=9000)
    lock = {"ObjectLockMode": "COMPLIANCE", "ObjectLockRetainUntilDate": long}
    put = vault.client("backup").put_object(**where, Body=b'{"drkit": 1}', **lock)
    vault.run("prune", "prune", "--yes", code=7)
    assert denied(vault.client("owner").delete_object, **where, VersionId=put["VersionId"])
    vault.client("owner").delete_object(**where)
    assert vault.run("prune", "prune", "--yes")["hidden"] == []


def test_a_role_that_may_remove_markers_leaves_no_copies(vault: Vault) -> None:
    vault.capture(1)
    owner = vault.client("owner")
    before = vault.versions("shop/main/backups/")
    for version in before:
        owner.delete_object(Bucket=vault.bucket, Key=version["Key"])
    vault.run("owner", "undelete", "--yes")
    assert vault.versions("shop/main/backups/") == before


def test_prune_defers_what_is_locked_and_removes_it_for_good_once_it_is_not(vault: Vault) -> None:
    points = vault.capture(4)
    vault.shop.edit(
        'keep = { within = "7d", daily = 30, weekly = 8, monthly = 12 }', "keep = { last = 2, min_points = 2 }"
    )
    before = vault.versions("shop/main/backups/")
    done = vault.run("prune", "prune", "--yes")
    assert (done["remove"], done["bytes"]) == ([], 0)
    assert {each["id"] for each in done["retained"]} == {each["id"] for each in points[:2]}
    assert vault.versions("shop/main/backups/") == before
    owner = vault.client("owner")
    ended = {"Mode": "GOVERNANCE", "RetainUntilDate": datetime.now(UTC) + timedelta(seconds=2)}
    for version in before:
        owner.put_object_retention(
            Bucket=vault.bucket, Key=version["Key"], VersionId=version["VersionId"], Retention=ended,
            BypassGovernanceRetention=True,
        )  # fmt: skip
    sleep((ended["RetainUntilDate"] - datetime.now(UTC)).total_seconds() + 0.1)  # until they are over
    planned = vault.run("prune", "prune", "--dry-run")
    done = vault.run("prune", "prune", "--yes")
    gone = [each for each in before if points[0]["id"] in each["Key"] or points[1]["id"] in each["Key"]]
    assert {each["id"] for each in done["remove"]} == {each["id"] for each in points[:2]}
    assert done["bytes"] == planned["bytes"] == sum(each["Size"] for each in gone)
    assert done["extended"] == 2
    left = vault.versions("shop/main/backups/")
    assert [each["VersionId"] for each in left] == [each["VersionId"] for each in before if each not in gone]
    assert all(locked_days(vault, each) > 2.9 for each in left)
    undone = vault.run("undelete", "undelete", "--dry-run")["sources"][0]
    assert (undone["objects"], undone["pruned"]) == ([], [])


def test_prune_that_may_only_hide_says_so_and_undelete_leaves_it_alone_unless_asked(
    vault: Vault, radosgw_of_ours: Radosgw
) -> None:
    vault.shop.edit("lock_days = 3", "")
    points = vault.capture(4)
    vault.shop.edit(
        'keep = { within = "7d", daily = 30, weekly = 8, monthly = 12 }', "keep = { last = 2, min_points = 2 }"
    )
    text = json.dumps(policy("prune", vault.bucket)).replace('"s3:DeleteObjectVersion", ', "")
    vault.roles["hide"] = radosgw_of_ours.new_user(json.loads(text))
    done = vault.run("hide", "prune", "--yes")
    assert done["bytes"] == 0
    assert done["hidden_bytes"] > 0
    assert len(vault.run("restore", "backup", "list")["points"]) == 2
    undone = vault.run("undelete", "undelete", "--dry-run")["sources"][0]
    assert undone["objects"] == []
    assert set(undone["pruned"]) == {each["id"] for each in points[:2]}
    vault.run("undelete", "undelete", "--pruned", "--yes")
    assert vault.restore("restore", points[0], "first.db") == 501


@pytest.mark.parametrize("role", ["backup", "owner"])
def test_check_tries_the_lock_and_is_content(role: str, vault: Vault) -> None:
    if role == "backup":
        vault.shop.edit('identity = "file:../keys/identity"', "# ")
    found = {each["check"]: each for each in vault.run(role, "check")["findings"]}
    assert found["objects are locked"]["passed"]
    assert found["what is locked cannot be removed"]["passed"]
    assert ("Backups do not need it" in found["get an object"]["detail"]) == (role == "backup")


@pytest.mark.parametrize("kept", [False, True])
def test_a_bucket_that_cannot_lock_is_told_by_check_and_gets_no_backup(
    kept: bool, vault: Vault, radosgw_of_ours: Radosgw
) -> None:
    bucket = radosgw_of_ours.http.new_bucket()
    if kept:
        vault.client("owner").put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    vault.shop.edit(vault.bucket, bucket)
    found = [each for each in vault.run("owner", "check", code=5)["findings"] if not each["passed"]]
    assert [each["check"] for each in found] == ["objects are locked" if kept else "versions are kept"]
    assert "bucket" in found[0]["hint"]
    done = vault.run("owner", "backup", "now", code=5)
    assert "cannot lock objects" in done["failed"][0]["error"]


def add_replica(vault: Vault, radosgw: Radosgw, more: str = "", **options: bool) -> Vault:
    """The same as seen in the replica."""
    bucket = radosgw.http.new_bucket(**options)
    place = f'{{ url = "{radosgw.http.url(bucket, "prod")}"{more} }}'
    vault.shop.edit("\nlock_days = 3\n", f"\nlock_days = 3\nreplica = {place}\n")
    return replace(vault, bucket=bucket)


@pytest.mark.parametrize(
    ("more", "days", "mode"),
    [("", 3, "GOVERNANCE"), (', lock_days = 9, lock_mode = "compliance"', 9, "COMPLIANCE"), (", lock_days = 0", 0, "")],
)
def test_a_replica_is_locked_as_the_store_is_unless_it_says_otherwise(
    more: str, days: int, mode: str, vault: Vault, radosgw_of_ours: Radosgw
) -> None:
    there = add_replica(vault, radosgw_of_ours, more, ObjectLockEnabledForBucket=True)
    assert vault.run("owner", "backup", "now")["backups"][0]["replicated"] is True
    found = [each for each in there.versions() if each["Key"].endswith(("manifest.json", ".zst.age"))]
    assert len(found) == 2
    for each in found:
        assert days - 0.1 < locked_days(there, each) <= days
        where = {"Bucket": there.bucket, "Key": each["Key"], "VersionId": each["VersionId"]}
        if days:
            assert denied(vault.client("owner").delete_object, **where)
            asked = vault.client("owner").get_object_retention(**where)
            assert asked["Retention"]["Mode"] == mode


@pytest.mark.parametrize("locks", [True, False])
def test_check_tries_the_lock_of_a_replica_and_a_bucket_that_cannot_lock_gets_no_copy(
    locks: bool, vault: Vault, radosgw_of_ours: Radosgw
) -> None:
    add_replica(vault, radosgw_of_ours, ObjectLockEnabledForBucket=locks)
    found = list(vault.run("owner", "check", code=0 if locks else 5)["findings"])
    failed = [each["check"] for each in found if not each["passed"]]
    assert [each.rpartition(": ")[2] for each in failed] == ([] if locks else ["versions are kept"])
    assert any("replica s3://" in each["check"] and "removed" in each["check"] for each in found) == locks
    assert vault.run("owner", "backup", "now")["backups"][0]["replicated"] is locks


def test_the_locks_of_a_replica_are_made_longer_by_prune(vault: Vault, radosgw_of_ours: Radosgw) -> None:
    there = add_replica(vault, radosgw_of_ours, ", lock_days = 0", ObjectLockEnabledForBucket=True)
    vault.run("owner", "backup", "now")
    vault.shop.edit(", lock_days = 0", ", lock_days = 5")
    vault.run("owner", "prune", "--yes")
    kept = [each for each in there.versions() if each["Key"].endswith(("manifest.json", ".zst.age"))]
    assert all(4.9 < locked_days(there, each) <= 5 for each in kept)


def test_a_folder_is_told_that_it_can_neither_lock_nor_bring_back(empty: Shop) -> None:
    empty.drkit.ok("init", "--name", "shop", "--path", "shop.db")
    empty.drkit.ok("backup", "now")
    done = empty.drkit("undelete")
    assert (done.code, "keeps no versions" in done.errors[0]["message"]) == (2, True)
    empty.edit('backups"\n', 'backups"\nlock_days = 3\n')
    done = empty.drkit("backup", "now")
    assert (done.code, "a folder cannot lock" in done.errors[0]["message"]) == (3, True)


def test_the_restore_role_restores_and_writes_nothing_but_which_point_it_reads(vault: Vault) -> None:
    [point] = vault.capture(1)
    assert vault.restore("restore", point, "restored.db") == 501
    [mark] = vault.versions("shop/main/reading/")
    assert point["id"] in mark["Key"]
    client = vault.client("restore")
    assert denied(client.delete_object, Bucket=vault.bucket, Key=mark["Key"])
    assert denied(client.put_object, Bucket=vault.bucket, Key="prod/shop/main/x", Body=b"")
    assert denied(client.delete_object, Bucket=vault.bucket, Key=vault.versions()[0]["Key"])


def test_the_verify_role_puts_evidence_and_no_backup(vault: Vault) -> None:
    vault.capture(1)
    assert vault.run("verify", "verify", "now")["drills"][0]["passed"]
    client = vault.client("verify")
    for version in vault.versions("shop/main/backups/"):
        where = {"Bucket": vault.bucket, "Key": version["Key"]}
        if version["Key"].endswith((".age", "manifest.json")):
            assert denied(client.put_object, **where, Body=b"mine")
        assert denied(client.delete_object, **where)
        assert denied(client.delete_object, **where, VersionId=version["VersionId"])


def test_each_role_is_in_the_document_and_denies_what_it_must_not_do() -> None:
    document = (POLICIES.parent / "IAM.md").read_text()
    for role in ROLES:
        assert f"[{role}](iam/{role}.json)" in document
        denies = [each for each in policy(role, "bucket")["Statement"] if each["Effect"] == "Deny"]
        assert any("s3:BypassGovernanceRetention" in each["Action"] for each in denies)
