"""k8s-cronjob.yaml is what `drkit k8s` writes, and both are what a cluster takes: valid, restricted, and whole."""

import copy
import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml

from cli_runner import Drkit, drkit_in
from drkit.config import load_system
from kubernetes_pods import Document, container_of, mount_paths, named, of_kind, patched, pod_spec, read_documents
from kubernetes_rules import violations

ROOT = Path(__file__).parents[2]
SHIPPED = (ROOT / "k8s-cronjob.yaml").read_text()
EXAMPLE = ROOT / "docs/kubernetes"
ORDERS = "--pvc=pupuseria/orders=data,path=/etc/drkit/data,user=1000,beside=app=restaurant"
RENDERS = {
    "the example": ("--config", str(EXAMPLE)),
    "schedules with a database": (
        "tequipy",
        "ayni",
        "mundo-tango/main",
        "mundo-tango/code",
        "--scratch",
        "200Gi:fast",
        "--egress",
        "6543",
    ),
    "schedules with volumes": (
        "pupuseria",
        "--namespace",
        "restaurant",
        ORDERS,
        "--pvc=pupuseria/uploads=data,path=/etc/drkit/data",
    ),
}
FOLDERS = {
    "/tmp",
    "/etc/drkit/schedules",
    "/etc/drkit/keys",
    "/etc/drkit/aws",
    "/etc/drkit/database-ca",
    "/run/secrets/drkit",
}
VERSIONS = [f"1.{minor}" for minor in range(29, 1 + int(kubernetes_validate.latest_version().split(".")[1]))]


@pytest.fixture(scope="module")
def drkit(tmp_path_factory: pytest.TempPathFactory) -> Drkit:
    return drkit_in(tmp_path_factory.mktemp("kubernetes") / "here", DRKIT_CONFIG=str(ROOT / "schedules"))


@pytest.fixture(scope="module")
def rendered(drkit: Drkit) -> dict[str, list[Document]]:
    return {name: read_documents(drkit.ok("k8s", *arguments).out) for name, arguments in RENDERS.items()}


every_render = pytest.mark.parametrize("render", RENDERS)


def _cron_jobs(documents: list[Document]) -> Iterator[Document]:
    yield from of_kind(documents, "CronJob")


def test_the_file_that_ships_is_what_drkit_writes(drkit: Drkit) -> None:
    assert drkit.ok("k8s", *RENDERS["the example"]).out == SHIPPED, "run scripts/make-k8s"


@pytest.mark.parametrize("version", VERSIONS)
def test_every_object_of_the_example_is_valid_for_every_version_of_kubernetes(rendered, version) -> None:
    for document in rendered["the example"]:
        kubernetes_validate.validate(document, version, strict=True)


@every_render
def test_every_object_is_valid_for_the_newest_kubernetes(rendered, render) -> None:
    for document in rendered[render]:
        kubernetes_validate.validate(document, VERSIONS[-1], strict=True)


@every_render
def test_every_pod_passes_the_restricted_pod_security_standard_and_more(rendered, render) -> None:
    for job in _cron_jobs(rendered[render]):
        spec, container = pod_spec(job), container_of(job)
        assert list(violations(spec)) == []
        assert container["securityContext"]["readOnlyRootFilesystem"] is True
        assert spec["automountServiceAccountToken"] is False
        assert spec["restartPolicy"] == "Never"
        assert all(
            mount.get("readOnly") for mount in container["volumeMounts"] if mount["name"] not in ("tmp", "application")
        )


SPOILT: dict[str, tuple[Callable[[Any, Any], object], str]] = {
    "host network": (lambda pod, _: pod.update(hostNetwork=True), "hostNetwork"),
    "host path": (lambda pod, _: pod["volumes"].append({"name": "x", "hostPath": {"path": "/"}}), "volume x"),
    "root": (lambda pod, _: pod["securityContext"].update(runAsUser=0), "runs as root"),
    "may be root": (lambda pod, _: pod["securityContext"].pop("runAsNonRoot"), "may run as root"),
    "seccomp": (lambda pod, _: pod["securityContext"].pop("seccompProfile"), "no seccomp profile"),
    "unconfined": (lambda _, own: own.update(seccompProfile={"type": "Unconfined"}), "unconfined by seccomp"),
    "apparmor": (lambda _, own: own.update(appArmorProfile={"type": "Unconfined"}), "unconfined by AppArmor"),
    "selinux": (lambda _, own: own.update(seLinuxOptions={"type": "spc_t"}), "SELinux"),
    "sysctl": (lambda pod, _: pod["securityContext"].update(sysctls=[{"name": "kernel.msgmax"}]), "kernel.msgmax"),
    "privileged": (lambda _, own: own.update(privileged=True), "is privileged"),
    "escalation": (lambda _, own: own.pop("allowPrivilegeEscalation"), "may gain rights"),
    "capabilities": (lambda _, own: own.pop("capabilities"), "keeps capabilities"),
    "more of them": (lambda _, own: own["capabilities"].update(add=["SYS_ADMIN"]), "adds capabilities"),
    "proc": (lambda _, own: own.update(procMount="Unmasked"), "/proc"),
    "windows": (lambda _, own: own.update(windowsOptions={"hostProcess": True}), "host process"),
    "port": (lambda pod, _: pod["containers"][0].update(ports=[{"hostPort": 80}]), "port of the host"),
    "probe": (
        lambda pod, _: pod["containers"][0].update(livenessProbe={"httpGet": {"host": "elsewhere"}}),
        "another host",
    ),
}


@pytest.mark.parametrize("spoil", SPOILT)
def test_the_rules_find_what_they_forbid(spoil) -> None:
    pod = copy.deepcopy(pod_spec(named(read_documents(SHIPPED), "CronJob", "shop-main-backup")))
    change, told = SPOILT[spoil]
    change(pod, pod["containers"][0]["securityContext"])
    assert any(told in each for each in violations(pod))


def _texts(value: object) -> Iterator[str]:
    """Every name and every text in a document."""
    if isinstance(value, dict):
        yield from (text for pair in value.items() for part in pair for text in _texts(part))
    elif isinstance(value, list):
        yield from (text for each in value for text in _texts(each))
    elif isinstance(value, str):
        yield value


@every_render
def test_nothing_where_backups_run_mentions_the_identity(rendered, render) -> None:
    documents = rendered[render]
    here = [
        each
        for each in documents
        if "drkit-verify" not in (each["metadata"]["name"], each["metadata"].get("namespace"))
    ]
    assert of_kind(here, "CronJob")
    for document in here:
        lines = [line for text in _texts(document) for line in text.splitlines()]
        said = [line for line in lines if not line.lstrip().startswith("#")]
        assert not [line for line in said if re.search(r"identity", line.partition(" #")[0])], document["metadata"]
    assert any("identity" in text for each in documents if each not in here for text in _texts(each))


def test_the_shipped_backup_side_does_not_even_have_the_word() -> None:
    for document in read_documents(SHIPPED):
        if document["metadata"].get("namespace") == "drkit":
            assert "identity" not in yaml.safe_dump(document)


def test_only_backups_know_the_way_to_the_database_and_only_drills_the_identity() -> None:
    documents = read_documents(SHIPPED)
    knows = {
        job["metadata"]["name"]: {
            *(each["name"] for each in container_of(job)["env"] if "valueFrom" in each),
            *(item["key"] for volume in pod_spec(job)["volumes"] for item in volume.get("secret", {}).get("items", [])),
        }
        for job in _cron_jobs(documents)
    }
    store = {"STORE_URL", "signer", "drill-signer"}
    assert knows == {
        "shop-main-backup": store
        | {"REPLICA_URL", "recipient", "escrow-recipient", "signing", "DATABASE_URL", "database-ca"},
        "shop-main-verify": store | {"identity", "signing"},
        "shop-prune": store | {"REPLICA_URL", "signing"},
        "shop-replicate": store | {"REPLICA_URL"},
        "shop-report": store | {"signing"},
        "shop-evidence": store,
        "shop-notify": store | {"REPLICA_URL", "NOTIFY_URL", "recipient", "escrow-recipient"},
    }


def test_the_secrets_that_the_head_tells_to_make_hold_what_pods_read_and_nothing_else() -> None:
    head = SHIPPED.partition("\n---\n")[0].replace("\\\n#", "")
    made = {
        (found[2], found[1]): set(re.findall(r"--from-file=(\S+)", found[3]))
        for found in re.finditer(r"create secret generic (\S+) --namespace (\S+)(.*)", head)
    }
    wanted: dict[tuple[str, str], set[str]] = {}
    for job in _cron_jobs(read_documents(SHIPPED)):
        namespace = job["metadata"]["namespace"]
        for volume in pod_spec(job)["volumes"]:
            if "secret" in volume and not volume["secret"].get("optional"):
                keys = {item["key"] for item in volume["secret"]["items"]}
                wanted.setdefault((namespace, volume["secret"]["secretName"]), set()).update(keys)
        for each in container_of(job)["env"]:
            if "valueFrom" in each:
                reference = each["valueFrom"]["secretKeyRef"]
                wanted.setdefault((namespace, reference["name"]), set()).add(reference["key"])
    aws = {(namespace, "drkit-shop.aws"): {"credentials"} for namespace in ("drkit", "drkit-verify")}
    assert made == wanted | aws


@every_render
def test_what_an_object_names_is_there(rendered, render) -> None:
    documents = rendered[render]
    known = {(each["kind"], each["metadata"].get("namespace"), each["metadata"]["name"]) for each in documents}
    assert len(known) == len(documents)
    for job in _cron_jobs(documents):
        namespace, spec, container = job["metadata"]["namespace"], pod_spec(job), container_of(job)
        assert ("ServiceAccount", namespace, spec["serviceAccountName"]) in known
        assert [each["name"] for each in container["volumeMounts"]] == [each["name"] for each in spec["volumes"]]
        variables = [each["name"] for each in container["env"]]
        assert len(set(variables)) == len(variables)
        for volume in spec["volumes"]:
            for source in volume.get("projected", {}).get("sources", []):
                if "configMap" in source:
                    [held] = [
                        each
                        for each in of_kind(documents, "ConfigMap", namespace)
                        if each["metadata"]["name"] == source["configMap"]["name"]
                    ]
                    assert {item["key"] for item in source["configMap"]["items"]} == set(held["data"])
        paths = mount_paths(job)
        assert {str(path) for path in paths} - {"/etc/drkit/data"} <= FOLDERS
        assert not [a for a in paths for b in paths if a != b and a.is_relative_to(b)]
        labels = job["spec"]["jobTemplate"]["spec"]["template"]["metadata"]["labels"]
        policies = of_kind(documents, "NetworkPolicy", namespace)
        shut = [each for each in policies if each["spec"]["podSelector"]["matchLabels"].items() <= labels.items()]
        assert any(each["spec"].get("ingress") == [] for each in shut)


@every_render
def test_a_policy_is_about_pods_of_drkit_and_never_about_others_in_the_namespace(rendered, render) -> None:
    for policy in of_kind(rendered[render], "NetworkPolicy"):
        assert policy["spec"]["podSelector"]["matchLabels"]["app.kubernetes.io/name"] == "drkit"


@every_render
def test_cron_lines_zones_and_limits_are_the_schedules(rendered, render, drkit: Drkit) -> None:
    folder = EXAMPLE if render == "the example" else ROOT / "schedules"
    for job in _cron_jobs(rendered[render]):
        name = job["metadata"]["labels"]["app.kubernetes.io/instance"]
        table = load_system(folder / f"{name}.toml").table
        component = job["metadata"]["labels"]["app.kubernetes.io/component"]
        subject = container_of(job)["args"][-1]
        if component in ("backup", "verify"):
            source = table.sources[subject.partition("/")[2]]
            wanted = source.backup if component == "backup" else source.verify
        else:
            wanted = "*/5 * * * *" if component == "notify" else getattr(table.jobs, component)
        assert job["spec"]["schedule"] == str(wanted)
        assert job["spec"]["timeZone"] == table.timezone.key
        limit = 300 if component == "notify" else table.jobs.time_limit.total_seconds()
        assert job["spec"]["jobTemplate"]["spec"]["activeDeadlineSeconds"] == limit


def test_every_source_has_its_jobs_and_every_system_its_own(rendered) -> None:
    found = {name: {each["metadata"]["name"] for each in _cron_jobs(documents)} for name, documents in rendered.items()}
    assert found["schedules with volumes"] == {
        "pupuseria-orders-backup",
        "pupuseria-orders-verify",
        "pupuseria-uploads-backup",
        "pupuseria-uploads-verify",
        "pupuseria-prune",
        "pupuseria-report",
        "pupuseria-evidence",
    }
    assert {"mundo-tango-main-backup", "ayni-main-verify", "tequipy-prune"} <= found["schedules with a database"]


def test_a_source_on_a_volume_is_read_as_its_application_beside_it_and_its_files_stay_its_own(rendered) -> None:
    documents = rendered["schedules with volumes"]
    orders, uploads = (
        pod_spec(named(documents, "CronJob", f"pupuseria-{key}-backup")) for key in ("orders", "uploads")
    )
    assert orders["securityContext"]["runAsUser"] == 1000
    assert "fsGroup" not in orders["securityContext"]
    [term] = orders["affinity"]["podAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"]
    assert term["labelSelector"]["matchLabels"] == {"app": "restaurant"}
    assert "affinity" not in uploads
    claims = [volume["persistentVolumeClaim"] for spec in (orders, uploads) for volume in spec["volumes"][-1:]]
    assert claims == [{"claimName": "data"}, {"claimName": "data", "readOnly": True}]
    assert [each["metadata"]["name"] for each in of_kind(documents, "Namespace")] == ["drkit-verify"]


def test_drills_get_the_room_that_was_asked_for(rendered) -> None:
    plain = pod_spec(named(rendered["the example"], "CronJob", "shop-main-verify"))["volumes"][-1]
    assert plain == {"name": "tmp", "emptyDir": {"sizeLimit": "20Gi"}}
    large = pod_spec(named(rendered["schedules with a database"], "CronJob", "ayni-main-verify"))["volumes"][-1]
    spec = large["ephemeral"]["volumeClaimTemplate"]["spec"]
    assert (spec["storageClassName"], spec["resources"]["requests"]["storage"]) == ("fast", "200Gi")


def test_pods_reach_names_and_the_store_and_backups_the_database_too(rendered) -> None:
    def ports(documents: list[Document], name: str, namespace: str) -> list[int]:
        [policy] = [each for each in of_kind(documents, "NetworkPolicy", namespace) if each["metadata"]["name"] == name]
        return [port["port"] for rule in policy["spec"]["egress"] for port in rule["ports"]]

    assert ports(rendered["the example"], "drkit", "drkit") == [53, 53, 443]
    assert ports(rendered["the example"], "drkit-backup-databases", "drkit") == [5432]
    assert ports(rendered["schedules with a database"], "drkit", "drkit-verify") == [53, 53, 443, 6543]
    assert [each["metadata"]["name"] for each in of_kind(rendered["schedules with volumes"], "NetworkPolicy")] == [
        "drkit"
    ] * 2


DOCUMENT = (ROOT / "docs/KUBERNETES.md").read_text()


def test_the_document_tells_every_option(drkit: Drkit) -> None:
    options = set(re.findall(r"--[a-z-]+", drkit.ok("k8s", "--help").out)) - {"--help"}
    assert {option for option in options if f"`{option}" not in DOCUMENT} == set()


def test_the_secrets_that_the_document_makes_are_those_that_the_example_reads() -> None:
    def made(text: str) -> dict[tuple[str, str], set[str]]:
        found = re.findall(r"create secret generic (drkit-shop) --namespace (\S+)(.*)", text.replace("\\\n", ""))
        return {(place, name): set(re.findall(r"--from-file=([\w-]+)", rest)) for name, place, rest in found}

    head = SHIPPED.partition("\n---\n")[0].replace("\\\n#", "")
    assert made(DOCUMENT) == made(head)
    assert len(made(head)) == 2


def test_the_jobs_and_accounts_that_the_document_names_are_those_that_there_are() -> None:
    documents = read_documents(SHIPPED)
    accounts = {each["metadata"]["name"] for each in of_kind(documents, "ServiceAccount")}
    assert set(re.findall(r"`(drkit-(?:backup|prune|replicate|report|evidence|notify|verify))`", DOCUMENT)) == accounts
    jobs = {each["metadata"]["name"] for each in _cron_jobs(documents)}
    assert set(re.findall(r"cronjob/(\S+)", DOCUMENT + SHIPPED)) <= jobs


def test_a_restore_is_a_valid_job_that_may_reach_a_database(rendered) -> None:
    [shown] = re.findall(r"^```json\n(.*?)^```", DOCUMENT, re.MULTILINE | re.DOTALL)
    drill = named(rendered["the example"], "CronJob", "shop-main-verify")
    metadata = {"name": "restore", "namespace": "drkit-verify"}
    job = {"apiVersion": "batch/v1", "kind": "Job", "metadata": metadata, "spec": drill["spec"]["jobTemplate"]["spec"]}
    restore = patched(job, json.loads(shown))
    kubernetes_validate.validate(restore, VERSIONS[-1], strict=True)
    template = restore["spec"]["template"]
    assert list(violations(template["spec"])) == []
    labels = template["metadata"]["labels"].items()
    reached = [
        port["port"]
        for policy in of_kind(rendered["the example"], "NetworkPolicy", "drkit-verify")
        if policy["spec"]["podSelector"]["matchLabels"].items() <= labels
        for rule in policy["spec"]["egress"]
        for port in rule["ports"]
    ]
    assert 5432 in reached
