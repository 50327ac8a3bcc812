"""`drkit k8s`: what it writes where, what it refuses, and what it makes of names and references nobody expects."""

import re
import tomllib
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest

from cli_runner import Done, Drkit, drkit_in
from drkit.config import load_systems
from drkit.keyfiles import write_keys
from kubernetes_pods import Document, container_of, named, of_kind, pod_spec, read_documents
from kubernetes_rules import violations

HEAD = """timezone = "UTC"
[store]
url = "s3://shop/prod?region=eu-west-1"
[encryption]
recipients = ["file:/run/secrets/drkit/recipient"]
signers = ["file:/run/secrets/drkit/signer"]
signing_key = "file:/run/secrets/drkit/signing"
"""
MAIN = """[sources.main]
kind = "postgres"
dsn = "env:DATABASE_URL"
backup = "*/30 * * * *"
verify = "0 4 1 * *"
"""
VOLUME = """[sources.orders]
kind = "sqlite"
path = "/app/data/orders.db"
backup = "*/15 * * * *"
"""


class Here:
    def __init__(self, folder: Path) -> None:
        self.drkit: Drkit = drkit_in(folder)
        self.folder = folder
        (folder / "schedules").mkdir()

    def write(self, text: str, name: str = "shop") -> None:
        (self.folder / "schedules" / f"{name}.toml").write_text(text)

    def documents(self, *arguments: str) -> list[Document]:
        return read_documents(self.drkit.ok("k8s", *arguments).out)

    def refused(self, *arguments: str) -> tuple[int, str]:
        """The exit code, and the message with its hint."""
        done: Done = self.drkit("k8s", *arguments)
        [error] = done.errors
        assert done.out == ""
        assert error["hint"]
        return done.code, f"{error['message']}; {error['hint']}"


@pytest.fixture
def here(tmp_path: Path) -> Here:
    made = Here(tmp_path / "here")
    made.write(HEAD + MAIN)
    return made


def _schedule(documents: list[Document], namespace: str, name: str = "shop") -> dict[str, Any]:
    [text] = [
        each["data"][f"{name}.toml"]
        for each in of_kind(documents, "ConfigMap", namespace)
        if f"{name}.toml" in each["data"]
    ]
    return tomllib.loads(text)


def test_into_a_folder_each_namespace_gets_a_file_and_into_a_file_all_goes(here: Here) -> None:
    whole = here.documents()
    (here.folder / "made").mkdir()
    assert here.drkit.ok("k8s", "--out", "made").out == ""
    parts = {path.name: read_documents(path.read_text()) for path in (here.folder / "made").iterdir()}
    assert set(parts) == {"drkit.yaml", "drkit-verify.yaml"}
    assert [*parts["drkit.yaml"], *parts["drkit-verify.yaml"]] == whole
    here.drkit.ok("k8s", "--out", "one.yaml")
    assert read_documents((here.folder / "one.yaml").read_text()) == whole
    assert here.refused("--out", "nowhere/one.yaml")[0] == 2


def test_as_json_it_is_one_list_of_the_same(here: Here) -> None:
    told = here.drkit.json("k8s")
    assert (told["apiVersion"], told["kind"], told["items"]) == ("v1", "List", here.documents())


def test_the_image_and_the_namespaces_are_the_ones_that_were_named(here: Here) -> None:
    documents = here.documents(
        "--image", "eu.example:5000/a/drkit:1@sha256:ab", "--namespace", "a", "--verify-namespace", "b"
    )
    assert {container_of(each)["image"] for each in of_kind(documents, "CronJob")} == {
        "eu.example:5000/a/drkit:1@sha256:ab"
    }
    assert [each["metadata"]["name"] for each in of_kind(documents, "Namespace")] == ["a", "b"]
    assert {each["metadata"].get("namespace") for each in documents} == {None, "a", "b"}


def test_what_is_rendered_loads_and_differs_by_the_identity_alone(here: Here, tmp_path: Path) -> None:
    here.write(
        HEAD.replace("signing_key", 'identity = "env:ID"   # offline\nescrow_identity = "env:E"\nsigning_key') + MAIN
    )
    documents = here.documents()
    sides = {}
    for namespace in ("drkit", "drkit-verify"):
        folder = tmp_path / namespace
        folder.mkdir()
        for each in of_kind(documents, "ConfigMap", namespace):
            for name, text in each["data"].items():
                (folder / name).write_text(text)
        [system] = load_systems(folder)
        sides[namespace] = system.table.encryption
    assert (sides["drkit"].identity, sides["drkit"].escrow_identity) == ((), ())
    assert (sides["drkit-verify"].identity, sides["drkit-verify"].escrow_identity) == (("env:ID",), ())
    assert sides["drkit"].recipients == sides["drkit-verify"].recipients


def test_a_schedule_of_a_backup_host_gets_an_identity_where_drills_run(here: Here) -> None:
    documents = here.documents()
    assert "identity" not in _schedule(documents, "drkit")["encryption"]
    assert _schedule(documents, "drkit-verify")["encryption"]["identity"] == "file:/run/secrets/drkit/identity"
    drill = pod_spec(named(documents, "CronJob", "shop-main-verify"))
    [keys] = [each for each in drill["volumes"] if each["name"] == "keys"]
    assert {"key": "identity", "path": "identity"} in keys["secret"]["items"]


_ENCRYPTION = HEAD[HEAD.index("[encryption]") :]
_BEFORE = HEAD[: HEAD.index("[encryption]")]
_INLINE = (
    'encryption = { recipients = ["env:R"], signers = ["env:S"], signing_key = "env:K", identity = "env:ID" }\n'
    + _BEFORE
)


@pytest.mark.parametrize(
    "spelled",
    [
        "".join(f"encryption.{line}\n" for line in (*_ENCRYPTION.splitlines()[1:], 'identity = "env:ID"')) + _BEFORE,
        _BEFORE + _ENCRYPTION + 'identity = """\\\n  env:ID"""\n',
        _INLINE,
    ],
    ids=["dotted", "over two lines", "inline"],
)
def test_an_identity_that_cannot_be_told_apart_is_refused_and_never_rendered(here: Here, spelled: str) -> None:
    here.write(spelled + MAIN)
    code, message = here.refused()
    assert code == 3
    assert "the identity cannot be told from the rest" in message


def test_texts_that_only_look_like_an_identity_stay(here: Here) -> None:
    check = '[[sources.main.checks]]\nname = "none"\nsql = """\nselect\nidentity = 1 from settings"""\n'
    here.write(HEAD + MAIN + check)
    [asked] = _schedule(here.documents(), "drkit")["sources"]["main"]["checks"]
    assert "identity = 1" in asked["sql"]


def test_names_that_kubernetes_does_not_take_get_one_that_it_does(here: Here) -> None:
    here.write(HEAD + MAIN.replace("sources.main", "sources.a-b"), "shop")
    here.write(HEAD + MAIN.replace("sources.main", "sources.b"), "shop-a")
    here.write(HEAD + MAIN.replace("sources.main", f"sources.{'x_' * 31}"), "9_" * 31)
    documents = here.documents()
    names = [each["metadata"]["name"] for each in of_kind(documents, "CronJob")]
    assert len(set(names)) == len(names) == 12
    assert all(re.fullmatch(r"[a-z0-9]([-a-z0-9]{0,50}[a-z0-9])?", name) for name in names)
    for each in documents:
        assert all(
            re.fullmatch(r"[A-Za-z0-9]([-\w.]{0,61}[A-Za-z0-9])?", value)
            for value in each["metadata"]["labels"].values()
        )
    subjects = {container_of(each)["args"][-1] for each in of_kind(documents, "CronJob")}
    assert {"shop/a-b", "shop-a/b", f"{'9_' * 31}/{'x_' * 31}"} <= subjects


def test_files_of_one_name_in_two_folders_are_two_keys_of_the_secret(here: Here) -> None:
    here.write(
        HEAD.replace(
            '"file:/run/secrets/drkit/signer"', '"file:/run/secrets/drkit/signer", "file:/run/secrets/drills/signer"'
        )
        + MAIN
    )
    spec = pod_spec(named(here.documents(), "CronJob", "shop-main-backup"))
    items = {
        volume["name"]: volume["secret"]["items"] for volume in spec["volumes"] if volume["name"].startswith("keys")
    }
    assert {"key": "run.secrets.drills.signer", "path": "signer"} in items["keys"]
    assert {"key": "run.secrets.drkit.signer", "path": "signer"} in items["keys-2"]


def test_files_beside_the_schedule_are_mounted_with_it(here: Here) -> None:
    here.write(HEAD.replace("file:/run/secrets/drkit/", "file:keys/") + MAIN)
    spec = pod_spec(named(here.documents(), "CronJob", "shop-main-backup"))
    [schedules] = [volume["projected"]["sources"] for volume in spec["volumes"] if volume["name"] == "schedules"]
    assert schedules[1]["secret"]["items"][0] == {"key": "signer", "path": "keys/signer"}


def test_a_dsn_without_a_password_may_have_one_in_the_secret(here: Here) -> None:
    here.write(HEAD + MAIN.replace('"env:DATABASE_URL"', '"postgresql://drkit@db/shop"'))
    variables = {
        each["name"]: each for each in container_of(named(here.documents(), "CronJob", "shop-main-backup"))["env"]
    }
    assert variables["PGPASSWORD"]["valueFrom"]["secretKeyRef"] == {
        "name": "drkit-shop",
        "key": "PGPASSWORD",
        "optional": True,
    }


def test_a_lent_server_for_drills_is_known_to_drills_alone_and_may_be_reached(here: Here) -> None:
    here.write(HEAD + MAIN + 'scratch = "env:SCRATCH_DSN"\n')
    documents = here.documents()
    knowing = [each["metadata"]["name"] for each in of_kind(documents, "CronJob") if "SCRATCH_DSN" in str(each)]
    assert knowing == ["shop-main-verify"]
    assert "drkit-verify-databases" in [
        each["metadata"]["name"] for each in of_kind(documents, "NetworkPolicy", "drkit-verify")
    ]


def test_the_log_of_a_physical_source_is_followed_by_two_pods_of_its_own(here: Here) -> None:
    physical = MAIN.replace('kind = "postgres"\n', 'kind = "postgres"\nmethod = "physical"\n')
    here.write(HEAD + physical + physical.replace("sources.main", "sources.ledger").replace("DATABASE_URL", "LEDGER"))
    documents = here.documents()
    followers = of_kind(documents, "Deployment", "drkit")
    assert [each["metadata"]["name"] for each in followers] == ["shop-main-follow", "shop-ledger-follow"]
    for each, variable in zip(followers, ("DATABASE_URL", "LEDGER"), strict=True):
        pod = each["spec"]["template"]
        assert each["spec"]["replicas"] == 2
        assert each["spec"]["selector"]["matchLabels"] == pod["metadata"]["labels"]
        assert pod["spec"]["restartPolicy"] == "Always"
        assert list(violations(pod["spec"])) == []
        assert variable in str(pod) and "identity" not in str(pod)
    assert followers[0]["spec"]["selector"] != followers[1]["spec"]["selector"]
    assert "drkit-follow-databases" in [each["metadata"]["name"] for each in of_kind(documents, "NetworkPolicy")]
    assert "drkit-follow" in [each["metadata"]["name"] for each in of_kind(documents, "ServiceAccount")]


def test_what_follows_a_log_is_what_kubernetes_takes(here: Here) -> None:
    here.write(HEAD + MAIN.replace('kind = "postgres"\n', 'kind = "postgres"\nmethod = "physical"\n'))
    for document in here.documents():
        kubernetes_validate.validate(document, kubernetes_validate.latest_version(), strict=True)


def test_a_path_relative_to_the_schedules_is_below_the_volume_that_a_pod_has_there(here: Here) -> None:
    here.write(HEAD + VOLUME.replace("/app/data", "../data"))
    documents = here.documents("--pvc", "shop/orders=data,path=/etc/drkit/data")
    [mount] = [
        each
        for each in container_of(named(documents, "CronJob", "shop-orders-backup"))["volumeMounts"]
        if each["name"] == "application"
    ]
    assert mount["mountPath"] == "/etc/drkit/data"
    assert here.refused("--pvc", "shop/orders=data,path=/etc/drkit/other")[0] == 2


def test_a_folder_for_drills_is_the_volume_that_has_room(here: Here) -> None:
    here.write(HEAD + MAIN + 'scratch = "/big"\n')
    container = container_of(named(here.documents(), "CronJob", "shop-main-verify"))
    assert {"name": "work", "mountPath": "/big"} in container["volumeMounts"]


def test_the_port_of_a_store_that_the_schedule_shows_may_be_reached(here: Here) -> None:
    here.write(HEAD.replace("region=eu-west-1", "region=x&endpoint_url=http://minio.example:9000") + MAIN)
    [policy] = [
        each for each in of_kind(here.documents(), "NetworkPolicy", "drkit") if each["metadata"]["name"] == "drkit"
    ]
    assert [port["port"] for port in policy["spec"]["egress"][1]["ports"]] == [443, 9000]


def test_a_source_alone_gets_its_own_jobs_and_none_of_its_system(here: Here) -> None:
    here.write(HEAD + MAIN + MAIN.replace("sources.main", "sources.second").replace("DATABASE_URL", "SECOND"))
    names = {each["metadata"]["name"] for each in of_kind(here.documents("shop/second"), "CronJob")}
    assert names == {"shop-second-backup", "shop-second-verify"}
    assert "shop-prune" not in names
    assert "shop-report" in {each["metadata"]["name"] for each in of_kind(here.documents("shop"), "CronJob")}


def test_a_run_that_kubernetes_leaves_out_when_clocks_change_is_told(here: Here) -> None:
    here.write(HEAD.replace("UTC", "Europe/Madrid") + MAIN.replace("*/30 * * * *", "30 2 * * *"))
    done = here.drkit.ok("k8s")
    [warning] = [line["message"] for line in done.lines if line["level"] == "warning"]
    assert re.search(r"shop/main: Kubernetes leaves out the backup of \d{4}-03-\d\d 02:30", warning)


def test_metrics_are_pushed_for_each_system_by_a_job_that_reads_the_gateway_alone_besides_the_store(here: Here) -> None:
    job = named(here.documents("--push", "env:GATEWAY"), "CronJob", "shop-metrics")
    assert container_of(job)["args"] == ["metrics", "shop", "--push", "env:GATEWAY"]
    assert [each["name"] for each in container_of(job)["env"] if "valueFrom" in each] == ["GATEWAY"]
    documents = here.documents("--push", "http://pushgateway.monitoring:9091")
    [policy] = [each for each in of_kind(documents, "NetworkPolicy", "drkit") if each["metadata"]["name"] == "drkit"]
    assert [port["port"] for port in policy["spec"]["egress"][1]["ports"]] == [443, 9091]


def test_no_secret_is_read_or_shown(here: Here, tmp_path: Path) -> None:
    keys = tmp_path / "keys"
    write_keys(keys)
    here.write(HEAD.replace("/run/secrets/drkit", str(keys)) + MAIN)
    done = here.drkit.ok("k8s", DATABASE_URL="postgresql://drkit:sentinel@db/shop")
    secret = (keys / "signing").read_text().splitlines()[-1]
    assert "sentinel" not in done.out + done.err
    assert secret not in done.out + done.err


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("--namespace", "a", "--verify-namespace", "a"), "namespace of its own"),
        (("--namespace", "A_b"), "not the name of a namespace"),
        (("--image", ""), "not the name of an image"),
        (("--image", "a b"), "not the name of an image"),
        (("--scratch", "much"), "--scratch much"),
        (("--scratch", "1Gi:"), "--scratch 1Gi:"),
        (("--egress", "0"), "not a port"),
        (("--push", "gateway:9091"), "not a URL"),
        (("--push", "http://user:sentinel@gateway"), "is a secret"),
        (("--pvc", "shop/orders"), "not understood"),
        (("--pvc", "shop/orders=data,path=app"), "not understood"),
        (("--pvc", "shop/orders=data,path=/app/../etc"), "not understood"),
        (("--pvc", "shop/orders=data,path=/app,user=0"), "root"),
        (("--pvc", "shop/orders=data,path=/app,colour=red"), "not understood"),
        (("--pvc", "shop/orders=data,path=/app,path=/b"), "not understood"),
        (("--pvc", "shop/orders=data,path=/app,beside=app"), "not understood"),
        (("--pvc", "shop/none=data,path=/app"), "no such source"),
        (("--pvc", "shop/orders=data,path=/srv"), "not below /srv"),
        (("--pvc", "shop/orders=a,path=/app", "--pvc", "shop/orders=b,path=/app"), "one volume"),
        ((), "the claim of that volume"),
        (("nobody",), "nobody"),
    ],
)
def test_what_cannot_be_meant_is_refused_with_the_next_step(here: Here, arguments: tuple[str, ...], told: str) -> None:
    here.write(HEAD + MAIN + VOLUME)
    code, message = here.refused(*arguments)
    assert code == 2
    assert told in message
    assert "sentinel" not in message


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("s3://shop/prod?region=eu-west-1", "file:///backups", "pods have none in common"),
        ('signing_key = "file:/run/secrets/drkit/signing"', "", "encryption.signing_key is missing"),
        ("file:/run/secrets/drkit/signing", "file:/etc/ssl/signing", "would hide what is there"),
        ("file:/run/secrets/drkit/signing", "file:/etc/drkit/signing", "would hide what is there"),
        ("file:/run/secrets/drkit/signing", "file:/signing", "would hide what is there"),
        ("file:/run/secrets/drkit/signing", "env:A B", "cannot be a key"),
        ("file:/run/secrets/drkit/signing", "file:/run/secrets/drkit/ä", "cannot be a key"),
    ],
)
def test_what_a_pod_cannot_have_is_refused_with_the_next_step(here: Here, old: str, new: str, told: str) -> None:
    here.write((HEAD + MAIN).replace(old, new))
    code, message = here.refused()
    assert code == 3
    assert told in message


CACHE = """[sources.cache]
kind = "redis"
dsn = "env:REDIS_URL"
backup = "*/15 * * * *"
verify = "0 5 1 * *"
"""


def _ways(documents: list[Document]) -> dict[str, list[int]]:
    """To databases: the ports of each component."""
    return {
        each["spec"]["podSelector"]["matchLabels"]["app.kubernetes.io/component"]: [
            port["port"] for rule in each["spec"]["egress"] for port in rule["ports"]
        ]
        for each in of_kind(documents, "NetworkPolicy")
        if each["metadata"]["name"].endswith("-databases")
    }


def test_redis_is_reached_at_its_port_by_its_backup_alone(here: Here) -> None:
    here.write(HEAD + CACHE)
    documents = here.documents()
    assert _ways(documents) == {"backup": [6379], "restore": [6379]}
    backup, drill = (container_of(named(documents, "CronJob", f"shop-cache-{job}")) for job in ("backup", "verify"))
    assert {each["name"] for each in backup["env"]} > {"REDIS_URL"}
    assert "PGSSLROOTCERT" not in {each["name"] for each in backup["env"]}
    assert "/etc/drkit/database-ca" in {each["mountPath"] for each in backup["volumeMounts"]}
    assert "REDIS_URL" not in {each["name"] for each in drill["env"]}


def test_two_kinds_of_databases_are_reached_at_both_ports_and_a_lent_server_by_drills(here: Here) -> None:
    here.write(HEAD + MAIN + CACHE + 'scratch = "env:SCRATCH_REDIS"\n')
    documents = here.documents()
    assert _ways(documents) == {"backup": [5432, 6379], "restore": [5432, 6379], "verify": [6379]}
    drill = container_of(named(documents, "CronJob", "shop-cache-verify"))
    assert "SCRATCH_REDIS" in {each["name"] for each in drill["env"]}
