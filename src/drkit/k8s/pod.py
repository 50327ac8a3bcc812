"""One pod that runs one job: as nobody, without rights, with a root that is read only, and with what its job reads.

It must not know when it runs.
"""

from pathlib import PurePosixPath
from typing import Any

from drkit.config.tables import FilesTable, PostgresTable, SqliteTable
from drkit.config.values import is_reference
from drkit.errors import UsageError
from drkit.k8s.cluster import SCHEDULES, TEMPORARY, USER, Claim, Cluster
from drkit.k8s.jobs import BACKUP, Job, all_references
from drkit.k8s.mounts import Folder, folders, hides, secret_keys, variables
from drkit.k8s.names import name_system

Object = dict[str, Any]

_AWS = PurePosixPath("/etc/drkit/aws")
_CA = PurePosixPath("/etc/drkit/database-ca")
DATABASE_CA = "database-ca"
_LITTLE = "1Gi"
_MODE = 0o440
_SMALL = {"requests": {"cpu": "100m", "memory": "256Mi"}, "limits": {"memory": "1Gi"}}
_LARGE = {"requests": {"cpu": "500m", "memory": "1Gi"}, "limits": {"memory": "2Gi"}}
_GRACE_SECONDS = 60  # what runs is ended and removed within it


def config_of(system: str) -> str:
    return f"drkit-{name_system(system)}"


def secret_of(system: str) -> str:
    return f"drkit-{name_system(system)}"


def aws_secret_of(system: str) -> str:
    return f"{secret_of(system)}-aws"


def account_of(job: str) -> str:
    return f"drkit-{job}"


def labels_of(job: Job) -> dict[str, str]:
    return {
        "app.kubernetes.io/name": "drkit",
        "app.kubernetes.io/instance": name_system(job.system.name),
        "app.kubernetes.io/component": job.name,
    }


def pod_of(job: Job, cluster: Cluster) -> Object:
    """The spec."""
    claim = _claim(job, cluster)
    keys = secret_keys(str(job.system.file), all_references(job.system, cluster.gateway))
    mounted = folders(str(job.system.file), job.references, keys)
    with_database = job.name == BACKUP and isinstance(job.source, PostgresTable)
    volumes, mounts = _volumes(job, cluster, mounted, claim, with_database)
    _insist_on_places(job, [PurePosixPath(each["mountPath"]) for each in mounts])
    user = claim.user if claim else USER
    group = {} if claim else {"fsGroup": USER}  # the kubelet would give the application's files to that group
    pod: Object = {
        "serviceAccountName": account_of(job.name),
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "restartPolicy": "Never",
        "terminationGracePeriodSeconds": _GRACE_SECONDS,
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": user,
            "runAsGroup": user,
            **group,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "topologySpreadConstraints": [
            {
                "maxSkew": 1,
                "topologyKey": "kubernetes.io/hostname",
                "whenUnsatisfiable": "ScheduleAnyway",
                "labelSelector": {"matchLabels": {"app.kubernetes.io/name": "drkit"}},
            }
        ],
    }
    if claim and claim.beside:
        pod["affinity"] = _beside(*claim.beside)
    pod["containers"] = [
        {
            "name": "drkit",
            "image": cluster.image,
            "imagePullPolicy": "IfNotPresent",
            "args": list(job.arguments),
            "env": _environment(job, keys, with_database),
            "resources": _LARGE if job.proves else _SMALL,
            "securityContext": {
                "allowPrivilegeEscalation": False,
                "readOnlyRootFilesystem": True,
                "capabilities": {"drop": ["ALL"]},
            },
            "volumeMounts": mounts,
        }
    ]
    pod["volumes"] = volumes
    return pod


def _environment(job: Job, keys: dict[str, str], with_database: bool) -> list[Object]:
    """References last: what a schedule says of a variable goes before what is said here."""
    said = {
        "DRKIT_CONFIG": str(SCHEDULES),
        "TMPDIR": str(TEMPORARY),
        "AWS_CONFIG_FILE": str(_AWS / "config"),
        "AWS_SHARED_CREDENTIALS_FILE": str(_AWS / "credentials"),
    }
    if with_database:
        said["PGSSLROOTCERT"] = str(_CA / "ca.pem")
    secret = secret_of(job.system.name)
    known = variables(job.references)
    plain: list[Object] = [{"name": name, "value": value} for name, value in said.items() if name not in known]
    if with_database and isinstance(job.source, PostgresTable) and not is_reference(job.source.dsn):
        plain.append(_from_secret("PGPASSWORD", secret, "PGPASSWORD", optional=True))
    return plain + [_from_secret(name, secret, keys[f"env:{name}"]) for name in known]


def _from_secret(name: str, secret: str, key: str, optional: bool = False) -> Object:
    may_lack = {"optional": True} if optional else {}
    return {"name": name, "valueFrom": {"secretKeyRef": {"name": secret, "key": key, **may_lack}}}


def _volumes(
    job: Job, cluster: Cluster, mounted: list[Folder], claim: Claim | None, with_database: bool
) -> tuple[list[Object], list[Object]]:
    system = job.system.name
    mode = 0o444 if claim else _MODE  # without a group of its own the pod's user is a stranger to them
    own = [{"configMap": {"name": config_of(system), "items": [{"key": f"{system}.toml", "path": f"{system}.toml"}]}}]
    volumes: list[Object] = []
    mounts: list[Object] = []

    def mount(volume: Object, path: PurePosixPath, read_only: bool = True) -> None:
        volumes.append(volume)
        mounts.append({"name": volume["name"], "mountPath": str(path), **({"readOnly": True} if read_only else {})})

    for number, folder in enumerate(mounted):
        secret = {"name": secret_of(system), "items": [{"key": key, "path": path} for key, path in folder.items]}
        if folder.path == SCHEDULES:
            sources = own + ([{"secret": secret}] if folder.items else [])
            mount({"name": "schedules", "projected": {"defaultMode": mode, "sources": sources}}, folder.path)
        else:
            name = "keys" if number == 1 else f"keys-{number}"
            said = {"secretName": secret["name"], "defaultMode": mode, "items": secret["items"]}
            mount({"name": name, "secret": said}, folder.path)
    aws = {"secretName": aws_secret_of(system), "defaultMode": mode, "optional": True}
    mount({"name": "aws", "secret": aws}, _AWS)
    if with_database:
        items = [{"key": DATABASE_CA, "path": "ca.pem"}]
        said = {"secretName": secret_of(system), "defaultMode": mode, "optional": True, "items": items}
        mount({"name": DATABASE_CA, "secret": said}, _CA)
    work = _work_folder(job)
    roomy = job.proves or isinstance(job.source, SqliteTable)
    mount(_room("tmp", cluster, roomy and work is None), TEMPORARY, read_only=False)
    if work:
        mount(_room("work", cluster, roomy), work, read_only=False)
    if claim:
        read_only = isinstance(job.source, FilesTable)  # SQLite's readers write into its -shm file
        said = {"claimName": claim.name, **({"readOnly": True} if read_only else {})}
        mount({"name": "application", "persistentVolumeClaim": said}, claim.path, read_only)
    return volumes, mounts


def _work_folder(job: Job) -> PurePosixPath | None:
    """Where the schedule wants copies to be, if not in /tmp."""
    source = job.source
    if job.proves:
        named = source.scratch if source and source.scratch and not is_reference(source.scratch) else None
    else:
        named = source.spool if isinstance(source, SqliteTable) else None
    place = SCHEDULES / named if named else TEMPORARY
    if place.is_relative_to(TEMPORARY):
        return None
    if place.is_relative_to(SCHEDULES):
        raise UsageError(f"{job.subject}: {named} is a folder that pods only read", "name one by its whole path")
    return place


def _room(name: str, cluster: Cluster, roomy: bool) -> Object:
    if roomy and cluster.room.storage_class:
        spec = {
            "accessModes": ["ReadWriteOnce"],
            "storageClassName": cluster.room.storage_class,
            "resources": {"requests": {"storage": cluster.room.size}},
        }
        return {"name": name, "ephemeral": {"volumeClaimTemplate": {"spec": spec}}}
    return {"name": name, "emptyDir": {"sizeLimit": cluster.room.size if roomy else _LITTLE}}


def _claim(job: Job, cluster: Cluster) -> Claim | None:
    source = job.source
    if job.name != BACKUP or not isinstance(source, SqliteTable | FilesTable):
        return None
    claim = cluster.claims.get(job.subject)
    if claim is None:
        raise UsageError(
            f"{job.subject} is on the volume of an application, and its pod needs the claim of that volume",
            f"say --pvc {job.subject}=CLAIM,path=/where/it/is/mounted and --namespace the application's",
        )
    if not (SCHEDULES / source.path).is_relative_to(claim.path):
        raise UsageError(
            f"{job.subject}: {source.path} is not below {claim.path}, where its claim is mounted",
            "mount it where the schedule's path begins, or write the path as a pod sees it",
        )
    return claim


def _insist_on_places(job: Job, paths: list[PurePosixPath]) -> None:
    """Nothing is mounted into what is only read, or over the image."""
    for path in paths:
        inside = [other for other in paths if path.is_relative_to(other) and other not in (path, TEMPORARY)]
        if inside or paths.count(path) > 1 or (path != TEMPORARY and hides(path)):
            raise UsageError(
                f"{job.subject}: a pod cannot have {path}, as {inside[0] if inside else 'something else'} is there",
                "let the schedule, or --pvc, name another folder",
            )


def _beside(key: str, value: str) -> Object:
    term = {"labelSelector": {"matchLabels": {key: value}}, "topologyKey": "kubernetes.io/hostname"}
    return {"podAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [term]}}
