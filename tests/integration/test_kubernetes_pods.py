"""Pods as the documents describe them, run: with their arguments, variables and files, and nothing else.

The store is moto's, the database PostgreSQL; both namespaces have Secrets of their own.
"""

import json
import re
import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from urllib.request import urlopen

import psycopg
import pytest
from psycopg import sql

from cli_runner import Done, Drkit, drkit_in
from drkit.keyfiles import write_keys
from kubernetes_pods import Document, named, of_kind, patched, read_documents, start
from postgres.cluster import reachable_programs
from postgres.programs import find_programs
from servers.postgres import NamedServer
from servers.prometheus import pushgateway
from servers.receiver import receiver
from servers.s3_server import S3Server

DOCUMENT = Path(__file__).parents[2] / "docs/KUBERNETES.md"
SCHEDULE = """
[store]
url = "env:STORE_URL"
replica = "env:REPLICA_URL"
[notify]
urls = ["env:NOTIFY_URL"]
allow_private = true
[encryption]
recipients = ["file:/run/secrets/drkit/recipient"]
signers = ["file:/run/secrets/drkit/signer", "file:/run/secrets/drkit/drill-signer"]
signing_key = "file:/run/secrets/drkit/signing"
identity = "file:/run/secrets/drkit/identity"     # for drills
escrow_identity = "env:ESCROW"
[sources.main]
kind = "postgres"
dsn = "env:DATABASE_URL"
backup = "*/30 * * * *"
verify = "0 4 * * 7"
keep = {{ last = 5 }}
objectives = {{ rpo = "1h", rto = "15m" }}
programs = "{programs}"
checks = [{{ name = "there are orders", sql = "select count(*) = 7 from orders" }}]
[sources.other]
kind = "postgres"
dsn = "file:/run/secrets/other/dsn"
backup = "0 * * * *"
"""


@dataclass(frozen=True)
class Cluster:
    folder: Path
    documents: list[Document]
    secrets: dict[tuple[str, str], dict[str, str]]
    keys: Path

    def run(self, name: str, patch: Sequence[Mapping[str, Any]] = ()) -> Done:
        """A pod of that CronJob, in a folder of its own, from its beginning to its end. The patch is of its Job."""
        root = self.folder / f"{name}-{uuid.uuid4().hex[:4]}"
        root.mkdir(mode=0o777)
        job = named(self.documents, "CronJob", name)
        inner = [{**step, "path": f"/spec/jobTemplate{step['path']}"} for step in patch]
        pod = start(patched(job, inner), self.documents, self.secrets, root)
        for place in (self.folder, root, root / "tmp"):
            place.chmod(0o777)
        alone = drkit_in(root / "work")
        return replace(alone, environment={**alone.environment, **pod.environment})(*pod.arguments)

    def without(self, namespace: str, key: str) -> "Cluster":
        held = {name: dict(values) for name, values in self.secrets.items()}
        del held[namespace, "drkit-shop"][key]
        return replace(self, secrets=held)


@pytest.fixture(scope="module")
def database(postgres: NamedServer) -> Iterator[str]:
    name = f"shop_{uuid.uuid4().hex[:8]}"
    dsn = postgres.create(name)
    postgres.execute("create table orders as select n from generate_series(1, 7) n", database=name)
    yield dsn
    with psycopg.connect(postgres.dsn(), autocommit=True) as connection:
        connection.execute(sql.SQL("drop database {} with (force)").format(sql.Identifier(name)))


@pytest.fixture(scope="module")
def cluster(database: str, postgres: NamedServer, moto_url: S3Server) -> Iterator[Cluster]:
    with TemporaryDirectory(prefix="cluster-") as made:
        folder = Path(made)
        folder.chmod(0o777)
        bucket = moto_url.new_bucket()
        keys, drills = folder / "keys", folder / "drills"
        write_keys(keys)
        write_keys(drills)
        schedules = folder / "schedules"
        schedules.mkdir()
        programs = reachable_programs(find_programs(postgres.major), folder)
        (schedules / "shop.toml").write_text(SCHEDULE.format(programs=programs))
        text = drkit_in(folder / "operator").ok("k8s", "--config", str(schedules), "--push", "env:GATEWAY").out
        shared = {
            "STORE_URL": moto_url.url(bucket, "prod"),
            "signer": (keys / "signer").read_text(),
            "drill-signer": (drills / "signer").read_text(),
        }
        aws = {
            "credentials": f"[default]\naws_access_key_id = {moto_url.access_key}\n"
            f"aws_secret_access_key = {moto_url.secret_key}\n"
        }
        here = {
            "DATABASE_URL": database,
            "dsn": "postgresql://nobody@nowhere/other",
            "REPLICA_URL": moto_url.url(bucket, "copy"),
            "NOTIFY_URL": "json://nobody.invalid/",
            "GATEWAY": "http://nobody.invalid/",
            "recipient": (keys / "recipient").read_text(),
            "signing": (keys / "signing").read_text(),
        }
        there = {"identity": (keys / "identity").read_text(), "signing": (drills / "signing").read_text()}
        secrets = {
            ("drkit", "drkit-shop"): shared | here,
            ("drkit-verify", "drkit-shop"): shared | there,
            ("drkit", "drkit-shop.aws"): aws,
            ("drkit-verify", "drkit-shop.aws"): aws,
        }
        yield Cluster(folder, read_documents(text), secrets, keys)


def test_a_backup_without_any_identity_is_proven_where_the_identity_is_and_the_rest_follows(cluster: Cluster) -> None:
    backup = cluster.run("shop-main-backup")
    assert backup.code == 0, backup
    drill = cluster.run("shop-main-verify")
    assert drill.code == 0, drill
    assert "shop/main: database-failure passed" in drill.out
    for name in ("shop-prune", "shop-report", "shop-evidence"):
        done = cluster.run(name)
        assert done.code == 0, done


def test_a_restore_in_the_cluster_is_the_drills_job_with_the_words_of_the_document(
    cluster: Cluster, postgres: NamedServer
) -> None:
    assert cluster.run("shop-main-backup").code == 0
    [shown] = re.findall(r"^```json\n(.*?)^```", DOCUMENT.read_text(), re.MULTILINE | re.DOTALL)
    name = f"restored_{uuid.uuid4().hex[:8]}"
    target = {("drkit-verify", "restore"): {"TARGET": postgres.dsn(name)}}
    done = replace(cluster, secrets={**cluster.secrets, **target}).run("shop-main-verify", json.loads(shown))
    assert done.code == 0, done
    assert postgres.query("select count(*) from orders", database=name) == [(7,)]
    postgres.execute(f"drop database {name}")  # type: ignore[arg-type]  # a name of ours


def test_every_pod_has_all_that_its_job_reads_and_the_identity_is_nowhere_where_backups_run(cluster: Cluster) -> None:
    identity = cluster.secrets["drkit-verify", "drkit-shop"]["identity"].splitlines()[-1]
    found = {}
    for job in of_kind(cluster.documents, "CronJob"):
        name = job["metadata"]["name"]
        root = cluster.folder / f"look-{name}"
        pod = start(job, cluster.documents, cluster.secrets, root)
        seen = "".join([*pod.files().values(), *pod.environment.values(), *pod.arguments])
        found[name] = identity in seen
        assert "ESCROW" not in seen
        assert ("DATABASE_URL" in pod.environment) == (name == "shop-main-backup")
        assert ("/run/secrets/other/dsn" in pod.files()) == (name == "shop-other-backup")
    assert {name for name, has in found.items() if has} == {"shop-main-verify"}


def test_a_backup_pod_that_is_broken_into_cannot_open_what_it_stored(cluster: Cluster) -> None:
    assert cluster.run("shop-main-backup").code == 0
    root = cluster.folder / "broken-into"
    pod = start(named(cluster.documents, "CronJob", "shop-main-backup"), cluster.documents, cluster.secrets, root)
    thief = drkit_in(root / "work")
    done = replace(thief, environment={**thief.environment, **pod.environment})(
        "restore", "shop/main", "--to", "stolen", "--yes"
    )
    assert done.code == 3
    assert "encryption.identity is missing" in done.errors[0]["message"]


@pytest.mark.parametrize(
    ("name", "namespace", "key"),
    [
        ("shop-main-backup", "drkit", "DATABASE_URL"),
        ("shop-main-verify", "drkit-verify", "identity"),
        ("shop-prune", "drkit", "signing"),
    ],
)
def test_a_pod_does_not_start_without_a_key_that_it_needs(cluster: Cluster, name, namespace, key) -> None:
    with pytest.raises(KeyError):
        cluster.without(namespace, key).run(name)


def test_what_a_cluster_runs_is_checked_by_drkit_from_where_backups_run(cluster: Cluster) -> None:
    root = cluster.folder / "check"
    pod = start(named(cluster.documents, "CronJob", "shop-main-backup"), cluster.documents, cluster.secrets, root)
    alone: Drkit = drkit_in(root / "work")
    done = replace(alone, environment={**alone.environment, **pod.environment})("check", "shop/main", "--json")
    failed = {each["check"] for each in done.document["findings"] if not each["passed"]}
    assert failed <= {"replica", "notify"}  # nothing is there yet; and whom to tell is for another pod to know


def test_copies_notices_and_metrics_are_made_by_pods_too(cluster: Cluster, tmp_path: Path) -> None:
    with receiver() as server, pushgateway(tmp_path) as gateway:
        told = {"NOTIFY_URL": f"json://{server.place}/notices", "GATEWAY": gateway}
        key = ("drkit", "drkit-shop")
        watched = replace(cluster, secrets={**cluster.secrets, key: {**cluster.secrets[key], **told}})
        assert watched.run("shop-main-backup").code == 0
        assert watched.run("shop-other-backup").code == 4  # nobody is at nowhere
        for name in ("shop-replicate", "shop-notify", "shop-metrics"):
            done = watched.run(name)
            assert done.code == 0, done
        assert "/notices" in {each.path for each in server.heard}
        with urlopen(f"{gateway}/metrics") as shown:
            assert b'source="other"' in shown.read()


def test_pods_that_tell_know_whose_keys_open_a_point(cluster: Cluster, tmp_path: Path) -> None:
    """By public halves behind references: a backup host whose recipients were exchanged is told."""
    assert cluster.run("shop-main-backup").code == 0
    write_keys(tmp_path / "known")
    key = ("drkit", "drkit-shop")
    with receiver() as server:
        told = {"NOTIFY_URL": f"json://{server.place}/notices", "recipient": (tmp_path / "known/recipient").read_text()}
        watched = replace(cluster, secrets={**cluster.secrets, key: {**cluster.secrets[key], **told}})
        assert watched.run("shop-notify").code == 0
        assert "no key that is known here opens a backup" in "".join(each.body for each in server.heard)
    for name in ("shop-notify", "shop-metrics"):
        pod = start(named(cluster.documents, "CronJob", name), cluster.documents, cluster.secrets, tmp_path / name)
        assert "/run/secrets/drkit/recipient" in pod.files()
